// Package lab gives tests real root file systems and real programs, and runs
// the ones in the others: the truth that every prediction is held against.
// It is for tests only.
//
//	l := lab.Open(t)
//	r := l.Run(t, []lab.Spec{{View: "bookworm", Case: "c-hello.bookworm"}})[0]
//	r.Started // it printed MARK, its first act in main
//
// The lab is built once, by lab/build.sh, and kept below ~/.cache/willrun-lab
// under the hash of what it is made from.
package lab

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"syscall"
	"testing"
)

// Lab is a built lab.
type Lab struct {
	Dir string
}

// View is a root under one way of running in it.
type View struct {
	Name, Base string
	Noexec     bool
	Qemu       string // machine that is emulated
	CPU        string // CPU model that is emulated
}

// Missing says that a test can't be run here: a failure where everything is
// required, else a loud skip.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("WILLRUN_REQUIRE_ALL") == "1" {
		t.Fatalf("required, and not here: %s", why)
	}
	t.Skipf("SKIPPED, nothing was tested: %s", why)
}

// source is the lab folder of the project.
func source() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "lab")
}

// key is the hash of everything that the lab is made from.
func key(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) == ".tsv" || filepath.Ext(name) == ".md" || strings.HasPrefix(d.Name(), "full") {
			return err // full*: the large roots have a key of their own
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		h.Write([]byte(strings.TrimPrefix(name, dir) + "\x00"))
		h.Write(data)
		return nil
	})
	return hex.EncodeToString(h.Sum(nil))[:16], err
}

// Open gives the lab, and builds it first where it is not there. WILLRUN_LAB
// names another place for it.
func Open(t testing.TB) *Lab {
	t.Helper()
	if testing.Short() {
		t.Skip("the lab is not for short tests")
	}
	if os.Getuid() != 0 {
		Missing(t, "the lab runs programs in roots of their own, which only root can")
	}
	src := source()
	k, err := key(src)
	if err != nil {
		t.Fatal(err)
	}
	base := os.Getenv("WILLRUN_LAB")
	if base == "" {
		home, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		base = filepath.Join(home, "willrun-lab")
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		t.Fatal(err)
	}
	l := &Lab{Dir: filepath.Join(base, k)}
	unlock := lock(t, filepath.Join(base, "lock"))
	defer unlock()
	if _, err := os.Stat(filepath.Join(l.Dir, "complete")); err == nil {
		return l
	}
	l.build(t, src)
	return l
}

// lock keeps two runs from building the same lab.
func lock(t testing.TB, name string) (unlock func()) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return func() { f.Close() }
}

// build makes the lab beside its place, and moves it there whole.
func (l *Lab) build(t testing.TB, src string) {
	t.Logf("building the lab in %s: some minutes", l.Dir)
	tmp := l.Dir + ".building"
	os.RemoveAll(tmp)
	cmd := exec.Command("bash", filepath.Join(src, "build.sh"), tmp)
	out, err := cmd.CombinedOutput()
	os.WriteFile(l.Dir+".log", out, 0o644)
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "FAIL") {
			t.Logf("lab: %s", line)
		}
	}
	if err == nil {
		_, err = os.Stat(filepath.Join(tmp, "complete"))
	}
	if err != nil {
		Missing(t, "the lab could not be built ("+err.Error()+"): see "+l.Dir+".log")
	}
	os.RemoveAll(l.Dir)
	if err := os.Rename(tmp, l.Dir); err != nil {
		t.Fatal(err)
	}
}

// Root is the directory of a root.
func (l *Lab) Root(name string) string { return filepath.Join(l.Dir, "roots", name) }

// Views lists the ways in which roots are run.
func (l *Lab) Views(t testing.TB) []View {
	var views []View
	for _, f := range rows(t, filepath.Join(l.Dir, "views.tsv")) {
		v := View{Name: f[0], Base: f[1]}
		if len(f) > 2 {
			kind, value, _ := strings.Cut(f[2], ":")
			switch kind {
			case "noexec":
				v.Noexec = true
			case "qemu":
				v.Qemu = value
			case "cpu":
				v.Qemu, v.CPU = "x86_64", value
			}
		}
		views = append(views, v)
	}
	return views
}

// Cases lists the kinds of program.
func (l *Lab) Cases(t testing.TB) []string {
	entries, err := os.ReadDir(filepath.Join(l.Dir, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "parts" {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names
}

// Options are the circumstances under which a case is run.
type Options struct {
	Env []string
	UID uint32
	Cwd string
}

// OptionsOf reads the options of every case.
func OptionsOf(t testing.TB) map[string]Options {
	all := map[string]Options{}
	for _, f := range rows(t, filepath.Join(source(), "options.tsv")) {
		o := Options{Cwd: "/"}
		for _, word := range strings.Fields(f[1]) {
			kind, value, _ := strings.Cut(word, ":")
			value = strings.NewReplacer("@", Place(f[0]), "␠", " ", "␤", "\n").Replace(value)
			switch kind {
			case "env":
				o.Env = append(o.Env, value)
			case "uid":
				o.UID = 65534
			case "cwd":
				o.Cwd = value
			}
		}
		all[f[0]] = o
	}
	return all
}

// Place is where a case lies in every root.
func Place(name string) string { return "/opt/lab/" + name }

// DefaultEnv is what every program gets that has no say of its own.
var DefaultEnv = []string{"PATH=/usr/bin:/bin", "HOME=/"}

// env is the environment of a case: its own variables replace the default's.
func (o Options) env() []string {
	var env []string
	for _, kv := range DefaultEnv {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.ContainsFunc(o.Env, func(own string) bool { return strings.HasPrefix(own, name+"=") }) {
			env = append(env, kv)
		}
	}
	return append(env, o.Env...)
}

func rows(t testing.TB, file string) [][]string {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list [][]string
	for s := bufio.NewScanner(f); s.Scan(); {
		if text := s.Text(); text != "" && text[0] != '#' {
			list = append(list, strings.Split(text, "\t"))
		}
	}
	return list
}
