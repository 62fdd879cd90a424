package services

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/willrun/willrun/root"
)

// missing says that a test can't be run here: a failure where everything is
// required, else a loud skip.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("WILLRUN_REQUIRE_ALL") == "1" {
		t.Fatalf("required, and not here: %s", why)
	}
	t.Skipf("SKIPPED, nothing was tested: %s", why)
}

const systemd = "/lib/systemd/systemd"

// lay writes the files and links of an archive below dir.
func lay(t *testing.T, dir string, archive *txtar.Archive) {
	t.Helper()
	for _, f := range archive.Files {
		if f.Name == "links" {
			for line := range strings.Lines(string(f.Data)) {
				at, to, _ := strings.Cut(strings.TrimSpace(line), " -> ")
				at = filepath.Join(dir, at)
				must(t, os.MkdirAll(filepath.Dir(at), 0o755))
				must(t, os.Symlink(to, at))
			}
			continue
		}
		if strings.Contains(f.Name, "crlf") {
			f.Data = bytes.ReplaceAll(f.Data, []byte("\n"), []byte("\r\n"))
		}
		at := filepath.Join(dir, f.Name)
		must(t, os.MkdirAll(filepath.Dir(at), 0o755))
		if _, err := os.Lstat(at); err != nil { // a link of that name stays
			must(t, os.WriteFile(at, f.Data, 0o644))
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bootable makes a tree in which systemd can be PID 1, with the units of
// testdata/units.txtar and the program that they start.
func bootable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	archive, err := txtar.ParseFile("testdata/units.txtar")
	must(t, err)
	lay(t, dir, archive)
	for _, d := range []string{"proc", "sys", "dev", "run", "tmp", "out", "root", "var/lib", "var/log", "var/tmp", "home/app", "opt/tools", "srv/jail/bin", "srv/jail/work", "usr/bin"} {
		must(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "bin/dump"), "./testdata/dump")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dump, err := os.ReadFile(filepath.Join(dir, "bin/dump"))
	must(t, err)
	for name, mode := range map[string]os.FileMode{"srv/jail/bin/dump": 0o755, "opt/tools/tool": 0o755, "home/app/dump": 0o755, "opt/rootonly": 0o700, "tmp/tool": 0o755, "bin/poweroff": 0o755} {
		must(t, os.WriteFile(filepath.Join(dir, name), dump, mode))
	}
	out, err := exec.Command("ldd", systemd).Output()
	must(t, err)
	files := append(regexp.MustCompile(`/\S+`).FindAllString(string(out), -1), systemd)
	for _, f := range files {
		data, err := os.ReadFile(f)
		must(t, err)
		must(t, os.MkdirAll(filepath.Join(dir, path.Dir(f)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, f), data, 0o755))
	}
	return dir
}

// started is what a program said of its start.
type started struct {
	Argv, Env []string
	UID, GID  uint32
	Groups    []uint32
	Cwd       string
}

func (s started) String() string {
	return fmt.Sprintf("%q %q uid %d gid %d groups %d in %s", s.Argv, s.Env, s.UID, s.GID, s.Groups, s.Cwd)
}

// eitherName are units for which systemd takes one name or the other.
var eitherName = map[string]string{"other@z.service": "amb@z.service", "inst@seven.service": "amb@seven.service"}

// boot has systemd start every unit of the tree, in namespaces of its own, and
// gives what each unit's programs said, in order.
func boot(t *testing.T, dir string, units []string) map[string][]started {
	t.Helper()
	target := "[Unit]\nDefaultDependencies=no\nWants=" + strings.Join(units, " ") + "\n"
	must(t, os.WriteFile(filepath.Join(dir, "etc/systemd/system/all.target"), []byte(target), 0o644))
	end := "[Unit]\nDefaultDependencies=no\nAfter=" + strings.Join(units, " ") + "\n[Service]\nType=oneshot\nExecStart=/bin/poweroff\n"
	must(t, os.WriteFile(filepath.Join(dir, "etc/systemd/system/the-end.service"), []byte(end), 0o644))
	must(t, os.MkdirAll(filepath.Join(dir, "etc/systemd/system/all.target.wants"), 0o755))
	must(t, os.Symlink("../the-end.service", filepath.Join(dir, "etc/systemd/system/all.target.wants/the-end.service")))
	must(t, os.Symlink("all.target", filepath.Join(dir, "etc/systemd/system/default.target")))
	cmd := exec.Command("bash", "testdata/boot.sh", dir, systemd)
	log, err := cmd.CombinedOutput()
	t.Logf("boot: %v", err)
	said := map[string][]started{}
	files, _ := os.ReadDir(filepath.Join(dir, "out"))
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, "out", f.Name()))
		must(t, err)
		d := json.NewDecoder(bytes.NewReader(data))
		for d.More() {
			var s started
			must(t, d.Decode(&s))
			name := f.Name()
			if own := eitherName[name]; own != "" {
				name = own
			}
			said[name] = append(said[name], s)
		}
	}
	if len(said) == 0 {
		missing(t, fmt.Sprintf("systemd does not boot in namespaces here: %s", log))
	}
	if os.Getenv("KEEP_LOG") != "" {
		t.Logf("%s", log)
	}
	return said
}

// perStart are variables that differ from start to start, or are the locale.
var perStart = regexp.MustCompile(`^(INVOCATION_ID|SYSTEMD_EXEC_PID|JOURNAL_STREAM|LANG|LC_\w+|MAINPID|SERVICE_RESULT|EXIT_CODE|EXIT_STATUS|LISTEN_\w+)=`)

// TestTruth holds what is found against what a real systemd starts.
func TestTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("boots systemd")
	}
	if _, err := os.Stat(systemd); err != nil || os.Getuid() != 0 {
		missing(t, "systemd, and root to boot it in namespaces")
	}
	dir := bootable(t)
	tree, err := root.Dir(dir)
	must(t, err)
	t.Cleanup(func() { tree.Close() })
	names := []string{"tmpl@x-y.service", `tmpl@a\x2db.service`, "other@z.service", "inst@seven.service", "oracle.socket", "tmpl@bad--path.service"}
	for _, d := range []string{"etc", "usr/lib"} {
		files, err := os.ReadDir(filepath.Join(dir, d, "systemd/system"))
		must(t, err)
		for _, f := range files {
			if strings.HasSuffix(f.Name(), ".service") && !strings.Contains(f.Name(), "@") {
				names = append(names, f.Name())
			}
		}
	}
	said := boot(t, dir, names)
	tree, err = root.Dir(dir) // with what was added
	must(t, err)
	found, problems := Find(context.Background(), tree)
	for _, p := range problems {
		t.Logf("problem: %+v", p)
	}
	byUnit := map[string][]Service{}
	for _, s := range found {
		if s.Unit != "the-end.service" && !strings.Contains(s.Unit, "@.") {
			byUnit[s.Unit] = append(byUnit[s.Unit], s)
		}
	}
	compared := 0
	for unit, list := range byUnit {
		compared += compare(t, tree, unit, list, said[unit])
		delete(said, unit)
	}
	for unit, list := range said {
		t.Errorf("%s: started %d programs, none was found", unit, len(list))
	}
	t.Logf("%d programs of %d units compared", compared, len(byUnit))
	if compared < 85 {
		t.Errorf("only %d programs were compared", compared)
	}
}

// expectStart says whether a service is to be seen in the output.
func expectStart(tree *root.Root, s Service) bool {
	if s.Program == "" || len(s.Denied) > 0 || s.Directive == "ExecReload" {
		return false
	}
	for _, u := range s.Unknown {
		if strings.Contains(u, "systemd does not start") {
			return false
		}
	}
	info, err := tree.Stat(s.Root+s.Program, s.Cred)
	return err == nil && info.Executable(s.Cred)
}

func compare(t *testing.T, tree *root.Root, unit string, list []Service, said []started) int {
	t.Helper()
	list = slices.DeleteFunc(list, func(s Service) bool { return !expectStart(tree, s) })
	if len(list) != len(said) {
		t.Errorf("%s: %d programs expected, %d were started\nexpected %+v\nstarted %+v", unit, len(list), len(said), list, said)
		return 0
	}
	for i, s := range list {
		want := said[i]
		want.Env = slices.DeleteFunc(want.Env, perStart.MatchString)
		slices.Sort(want.Env)
		slices.Sort(want.Groups)
		got := started{Argv: append([]string{s.Argv0}, s.Args...), Env: s.Env, UID: s.Cred.UID, GID: s.Cred.GID, Groups: s.Cred.Groups, Cwd: s.Cwd}
		slices.Sort(got.Groups)
		got.Groups, want.Groups = withGroup(got), withGroup(want)
		if got.UID == dynamicUID && want.UID >= dynamicUID && want.UID < 65520 {
			want.UID, want.GID, want.Groups = got.UID, got.GID, got.Groups
		}
		if g, w := got.String(), want.String(); g != w {
			t.Errorf("%s, %s=%s\nfound   %s\nstarted %s", unit, s.Directive, s.Line, g, w)
		}
	}
	return len(list)
}

// withGroup are all groups of a process: whether the first is among the others
// makes no difference.
func withGroup(s started) []uint32 {
	g := append(slices.Clone(s.Groups), s.GID)
	slices.Sort(g)
	return slices.Compact(g)
}
