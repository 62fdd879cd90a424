// Package ci holds what runs willrun in CI systems, and tests that run it.
package ci

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// need skips a test for want of a program; WILLRUN_REQUIRE_ALL forbids that.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	} else if os.Getenv("WILLRUN_REQUIRE_ALL") != "" {
		t.Fatal(err)
	}
	t.Skip(program + " is not here")
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// strict decodes YAML into a type that has the keys of its documentation, and
// no others.
func strict(t *testing.T, name, text string, to any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(to); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// action has the keys of a composite action
// (https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax).
type action struct {
	Name, Description, Author string
	Branding                  struct{ Icon, Color string }
	Inputs                    map[string]struct {
		Description        string
		Required           bool
		Default            *string
		DeprecationMessage string `yaml:"deprecationMessage"`
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []step
	}
}

type step struct {
	Name, ID, If, Shell, Run, Uses string
	Env, With                      map[string]string
	Dir                            string `yaml:"working-directory"`
}

func githubAction(t *testing.T) (a action) {
	strict(t, "action.yml", read(t, "github/action.yml"), &a)
	return a
}

func TestActionMetadata(t *testing.T) {
	a := githubAction(t)
	if a.Runs.Using != "composite" || len(a.Description) > 125 {
		t.Errorf("%q; the marketplace takes 125 letters of description, not %d", a.Runs.Using, len(a.Description))
	}
	text, used := read(t, "github/action.yml"), map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\{\{ inputs\.([a-z-]+) \}\}`).FindAllStringSubmatch(text, -1) {
		used[m[1]] = true
		if _, ok := a.Inputs[m[1]]; !ok {
			t.Errorf("no such input: %s", m[1])
		}
	}
	for name, in := range a.Inputs {
		if !used[name] || in.Description == "" || in.Default == nil {
			t.Errorf("input %s: used %v, %+v", name, used[name], in)
		}
	}
	for _, s := range a.Runs.Steps {
		// What a user wrote must come through the environment: in the text of a
		// script it would be run.
		if s.Shell != "bash" || strings.Contains(s.Run, "${{") {
			t.Errorf("%+v", s)
		}
	}
}

// gitlab has the keys of GitLab's CI that are used, and the header of inputs
// (https://docs.gitlab.com/ci/yaml/, https://docs.gitlab.com/ci/inputs/).
type gitlabHeader struct {
	Spec struct {
		Inputs map[string]struct {
			Description string
			Default     *string
		}
	}
}

type gitlabJob struct {
	Image        string
	Variables    map[string]string
	Script       []string
	AllowFailure struct {
		ExitCodes int `yaml:"exit_codes"`
	} `yaml:"allow_failure"`
	Artifacts struct {
		When    string
		Reports map[string]string
	}
}

func gitlab(t *testing.T) (gitlabHeader, gitlabJob) {
	text := read(t, "gitlab/willrun.yml")
	head, body, ok := strings.Cut(text, "\n---\n")
	if !ok {
		t.Fatal("no header")
	}
	var h gitlabHeader
	strict(t, "header", head, &h)
	for _, m := range regexp.MustCompile(`\$\[\[ inputs\.([a-z-]+) \]\]`).FindAllStringSubmatch(body, -1) {
		in, ok := h.Spec.Inputs[m[1]]
		if !ok || in.Default == nil {
			t.Fatalf("no such input, or one without default: %s", m[1])
		}
	}
	jobs := map[string]gitlabJob{}
	strict(t, "willrun.yml", body, &jobs)
	return h, jobs["willrun"]
}

// Ruby, in which GitLab is written, reads the words of YAML 1.1 as truth: an
// input of the name "on" could not be set.
func TestGitLabInputNames(t *testing.T) {
	h, _ := gitlab(t)
	for name := range h.Spec.Inputs {
		if slices.Contains([]string{"on", "off", "yes", "no", "y", "n"}, name) {
			t.Error(name)
		}
	}
}

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "willrun-ci-")
	if err != nil {
		return "", err
	}
	c := exec.Command("go", "build", "-o", filepath.Join(dir, "willrun"), "./cmd/willrun")
	c.Dir = "../.."
	c.Stderr = os.Stderr
	return dir, c.Run()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := built(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// willrun is a directory with the command.
func willrun(t *testing.T) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// project is a directory with a program that starts where a shell is, and one
// of which that is not known on a release without its library.
func project(t *testing.T) string {
	dir := t.TempDir()
	for name, text := range map[string]string{"dist/app": "#!/bin/sh\n", ".willrun.yaml": "version: 1\nsubjects: [dist]\ntargets: [scratch]\n"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs a script, and gives what it printed and its exit status.
func run(t *testing.T, dir, shell, script string, env ...string) (string, int) {
	t.Helper()
	c := exec.Command(shell, "-e", "-c", script)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// The steps of the action are run as the runner would: inputs put in their
// places, and the files that it reads afterwards.
func TestAction(t *testing.T) {
	need(t, "bash")
	a := githubAction(t)
	here, err := filepath.Abs("github")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name           string
		with           map[string]string
		status         int
		log, out, file string
	}{
		{"the project's own", nil, 1, "interpreter-missing", "status=1\n", ""},
		{"where a shell is", map[string]string{"files": "dist/*", "targets": "host"}, 0, "runs", "status=0\n", ""},
		{"into a report", map[string]string{"format": "sarif"}, 1, "interpreter-missing", "report=willrun.sarif\nstatus=1\n", "willrun.sarif"},
		{"not known", map[string]string{"targets": "photon:5.0"}, 3, "::error::willrun: something is not known", "status=3\n", ""},
		{"not known, and allowed", map[string]string{"targets": "photon:5.0", "unknown": "pass"}, 0, "::warning::", "status=3\n", ""},
		{"no such file", map[string]string{"files": "out"}, 2, "out: no such file", "status=2\n", ""},
		{"a hostile name", map[string]string{"files": "--format=json;$(touch$IFS/x)"}, 2, "no such file", "status=2\n", ""},
		{"no such format", map[string]string{"format": "pdf"}, 2, "::error::format", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, temp := project(t), t.TempDir()
			if c.name[:3] == "not" {
				makeUnknown(t, dir)
			}
			outputs := filepath.Join(temp, "output")
			env := []string{"GITHUB_ACTION_PATH=" + here, "GITHUB_OUTPUT=" + outputs, "PATH=" + willrun(t) + ":" + os.Getenv("PATH")}
			check := a.Runs.Steps[1]
			for name, value := range check.Env {
				in := strings.TrimSuffix(strings.TrimPrefix(value, "${{ inputs."), " }}")
				text, ok := c.with[in]
				if !ok {
					text = *a.Inputs[in].Default
				}
				env = append(env, name+"="+text)
			}
			log, status := run(t, dir, check.Shell, check.Run, env...)
			out, _ := os.ReadFile(outputs)
			if status != c.status || !strings.Contains(log, c.log) || string(out) != c.out {
				t.Errorf("status %d, want %d\n%s\noutputs %q, want %q", status, c.status, log, out, c.out)
			}
			if c.file != "" && !json.Valid([]byte(read(t, filepath.Join(dir, c.file)))) {
				t.Errorf("%s is no JSON", c.file)
			}
		})
	}
}

// makeUnknown puts a program in place whose library a release may have or not.
func makeUnknown(t *testing.T, dir string) {
	t.Helper()
	need(t, "gcc")
	script := `mkdir -p b && echo 'int odd(void){return 0;}' >b/l.c && echo 'int odd(void); int main(void){return odd();}' >b/m.c &&
gcc -shared -fPIC -o b/libodd.so.7 -Wl,-soname,libodd.so.7 b/l.c && gcc -o dist/app b/m.c b/libodd.so.7 && rm -r b`
	if out, status := run(t, dir, "bash", script); status != 0 {
		t.Fatal(out)
	}
}

// The action installs its own source, and says where to the next steps.
func TestActionInstalls(t *testing.T) {
	need(t, "bash")
	here, err := filepath.Abs("github")
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	path := filepath.Join(temp, "path")
	install := githubAction(t).Runs.Steps[0]
	log, status := run(t, temp, install.Shell, install.Run, "GITHUB_ACTION_PATH="+here, "RUNNER_TEMP="+temp, "GITHUB_PATH="+path, "WILLRUN_VERSION=")
	if status != 0 {
		t.Fatal(log)
	}
	bin := strings.TrimSpace(read(t, path))
	if out, err := exec.Command(filepath.Join(bin, "willrun"), "--version").Output(); err != nil || !strings.HasPrefix(string(out), "willrun ") {
		t.Errorf("%s %v", out, err)
	}
}

// The job's script is run with a go that only notes what is installed.
func TestGitLab(t *testing.T) {
	h, job := gitlab(t)
	for _, c := range []struct {
		name, log string
		with      map[string]string
		status    int
	}{
		{"the project's own", "interpreter-missing", nil, 1},
		{"where a shell is", "runs", map[string]string{"files": "dist", "targets": "host"}, 0},
		{"known before", "known: 1 finding", map[string]string{"args": "--baseline willrun.json"}, 0},
		{"not known", "unknown", map[string]string{"targets": "photon:5.0"}, job.AllowFailure.ExitCodes},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, temp := project(t), t.TempDir()
			switch c.name {
			case "not known":
				makeUnknown(t, dir)
			case "known before":
				if out, status := run(t, dir, "sh", willrun(t)+"/willrun check --write-baseline willrun.json"); status != 0 {
					t.Fatal(out)
				}
			}
			fake := "#!/bin/sh\necho \"go $*\" >>" + temp + "/log\n[ \"$1\" != env ] || echo " + temp + "\n"
			if err := os.WriteFile(filepath.Join(temp, "go"), []byte(fake), 0o755); err != nil {
				t.Fatal(err)
			}
			env := []string{"PATH=" + temp + ":" + willrun(t) + ":" + os.Getenv("PATH")}
			for name, value := range job.Variables {
				for in, spec := range h.Spec.Inputs {
					text, ok := c.with[in]
					if !ok {
						text = *spec.Default
					}
					value = strings.ReplaceAll(value, "$[[ inputs."+in+" ]]", text)
				}
				env = append(env, name+"="+value)
			}
			log, status := run(t, dir, "sh", strings.Join(job.Script, "\n"), env...)
			if status != c.status || !strings.Contains(log, c.log) {
				t.Errorf("status %d, want %d\n%s", status, c.status, log)
			}
			if got := read(t, filepath.Join(dir, job.Artifacts.Reports["junit"])); !strings.Contains(got, "<testsuites") {
				t.Errorf("%s", got)
			}
			if got := read(t, filepath.Join(temp, "log")); !strings.Contains(got, "install github.com/willrun/willrun/cmd/willrun@latest") {
				t.Errorf("%s", got)
			}
		})
	}
}

// hook has the keys of .pre-commit-hooks.yaml
// (https://pre-commit.com/#creating-new-hooks).
type hook struct {
	ID, Name, Description, Entry, Language string
	PassFilenames                          bool `yaml:"pass_filenames"`
	AlwaysRun                              bool `yaml:"always_run"`
}

func TestPreCommitHook(t *testing.T) {
	var hooks []hook
	strict(t, "hooks", read(t, "../../.pre-commit-hooks.yaml"), &hooks)
	if len(hooks) != 1 || hooks[0].Language != "golang" || hooks[0].PassFilenames || !hooks[0].AlwaysRun {
		t.Fatalf("%+v", hooks)
	}
	env := "PATH=" + willrun(t) + ":" + os.Getenv("PATH")
	if log, status := run(t, project(t), "sh", hooks[0].Entry, env); status != 1 || !strings.Contains(log, "interpreter-missing") {
		t.Errorf("%d\n%s", status, log)
	}
	if log, status := run(t, project(t), "sh", hooks[0].Entry+" dist --on host", env); status != 0 {
		t.Errorf("%d\n%s", status, log)
	}
}

// goreleaser has the keys of GoReleaser's configuration that are used
// (https://goreleaser.com/customization/).
type goreleaser struct {
	Version int
	Builds  []struct {
		Env, Goos, Goarch, Flags []string
		Hooks                    struct{ Post string }
	}
	Archives []struct{ Formats []string }
	Nfpms    []struct {
		Formats                          []string
		Maintainer, Description, License string
	}
}

// The recipe's build is done as it says, and its hook run on the result.
func TestGoReleaser(t *testing.T) {
	var r goreleaser
	strict(t, "goreleaser.yaml", read(t, "goreleaser/goreleaser.yaml"), &r)
	b := r.Builds[0]
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/app\n", "main.go": "package main\n\nfunc main() { println(\"hello\") }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, arch := range b.Goarch {
		path := filepath.Join(dir, "dist", arch, "app")
		build := strings.Join(append(append(b.Env, "GOOS="+b.Goos[0], "GOARCH="+arch), append([]string{"go build"}, b.Flags...)...), " ")
		post := strings.ReplaceAll(b.Hooks.Post, "{{ .Path }}", path)
		log, status := run(t, dir, "sh", build+" -o "+path+" .\n"+post, "PATH="+willrun(t)+":"+os.Getenv("PATH"))
		if status != 0 || !strings.Contains(log, "runs") {
			t.Errorf("%s: %d\n%s", arch, status, log)
		}
	}
}

// What a user has to write is short, is YAML, and names what there is.
func TestReadmeExamples(t *testing.T) {
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(examples) != 4 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, e := range examples {
		if n := strings.Count(e[1], "\n"); n > 5 {
			t.Errorf("%d lines are more than five:\n%s", n, e[1])
		}
		var any any
		strict(t, "example", e[1], &any)
	}
	var uses []step
	strict(t, "GitHub", examples[0][1], &uses)
	for name := range uses[0].With {
		if _, ok := githubAction(t).Inputs[name]; !ok {
			t.Errorf("GitHub has no input %s", name)
		}
	}
	var include struct {
		Include []struct {
			Remote string
			Inputs map[string]string
		}
	}
	strict(t, "GitLab", examples[1][1], &include)
	h, _ := gitlab(t)
	for name := range include.Include[0].Inputs {
		if _, ok := h.Spec.Inputs[name]; !ok {
			t.Errorf("GitLab has no input %s", name)
		}
	}
	if _, file, ok := strings.Cut(include.Include[0].Remote, "/main/"); !ok {
		t.Error(include.Include[0].Remote)
	} else {
		read(t, filepath.Join("../..", file))
	}
}

func TestShellcheck(t *testing.T) {
	need(t, "shellcheck")
	_, job := gitlab(t)
	inline := filepath.Join(t.TempDir(), "gitlab.sh")
	// GitLab parts files and arguments at blanks, as it is meant.
	text := "#!/bin/sh\n# shellcheck disable=SC2086\n{\n" + strings.Join(job.Script, "\n") + "\n}\n"
	if err := os.WriteFile(inline, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	files := []string{inline}
	for _, pattern := range []string{"github/*.sh"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		files = append(files, found...)
	}
	var out bytes.Buffer
	c := exec.Command("shellcheck", append([]string{"--norc"}, files...)...)
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if n := len(files); n != 3 {
		t.Error("files checked: " + strconv.Itoa(n))
	}
}
