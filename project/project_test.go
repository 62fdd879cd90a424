package project

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const full = `# What is checked, and where it must start.
version: 1
targets: [almalinux:9, "debian:*", dir:roots/el8]
subjects:
  - dist
  - build/*/app
platform: linux/amd64
cpu: x86-64-v2
kernel: 5.10
env: [LD_LIBRARY_PATH=/opt/app/lib]
with: lib:/opt/app/lib
at: /opt/app/bin/app
user: 1000:1000
cwd: /srv
fail-on: later
as-of: 2026-06-30
suppressions:
  - cause: library-missing
    subject: ./dist/**
    target: debian:*
    library: libssl.so.*
    reason: the installer brings it
    until: 2026-12-31
`

func TestParse(t *testing.T) {
	f, err := Parse(".willrun.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	want := &File{Name: ".willrun.yaml", Targets: []string{"almalinux:9", "debian:*", "dir:roots/el8"}, Subjects: []string{"dist", "build/*/app"},
		Env: []string{"LD_LIBRARY_PATH=/opt/app/lib"}, With: []string{"lib:/opt/app/lib"}, Platform: "linux/amd64", CPU: "x86-64-v2", Kernel: "5.10",
		At: "/opt/app/bin/app", User: "1000:1000", Cwd: "/srv", FailOn: "later", AsOf: "2026-06-30",
		Suppressions: []*Suppression{{Cause: "library-missing", Subject: "dist/**", Target: "debian:*", Library: "libssl.so.*",
			Reason: "the installer brings it", Until: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC), Line: 18}}}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("%+v\n%+v", f, f.Suppressions[0])
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "f: it is empty"},
		{"# nothing\n", "f: it is empty"},
		{"targets: [a]", "f: 'version: 1' is missing"},
		{"version: 2", "f:1: version \"2\": this willrun knows version 1"},
		{"version: 1\ntarget: [a]", `f:2: no such key: "target" (did you mean targets?)`},
		{"version: 1\nzebra: x", `f:2: no such key: "zebra"; there are as-of, at, cpu`},
		{"version: 1\ncpu: a\ncpu: b", "f:3: cpu stands here a second time"},
		{"version: 1\ncpu: [a]", "f:2: a single value is wanted"},
		{"version: 1\ncpu:", "f:2: a value is missing"},
		{"version: 1\ntargets: {a: b}", "f:2: a list is wanted"},
		{"version: 1\ntargets: [[a]]", "f:2: a single value is wanted"},
		{"- a", "f:1: keys and values are wanted"},
		{"version: 1\nfail-on: never", "f:2: fail-on: no such severity"},
		{"version: 1\nsuppressions:\n- cause: library-mising\n  reason: x", `f:3: no such cause: "library-mising" (did you mean library-missing?)`},
		{"version: 1\nsuppressions:\n- cause: rain\n  reason: x", "'willrun explain' lists them"},
		{"version: 1\nsuppressions:\n- cause: unknown", "f:3: a suppression needs its reason"},
		{"version: 1\nsuppressions:\n- reason: x", "f:3: a suppression needs its cause"},
		{"version: 1\nsuppressions:\n- cause: unknown\n  reason: x\n  until: soon", "f:5: until: a day such as 2026-12-31"},
		{"version: 1\nsuppressions:\n- cause: unknown\n  reason: x\n  subjekt: soon", "(did you mean subject?)"},
		{"version: 1\n---\nversion: 1", "a second document"},
		{"version: 1\n\tcpu: x", "f: line 2"},
		{"version: 1\nenv: [\"A=\\0\"]", "a null byte"},
		{"<<: {version: 1}", `no such key: "<<"`},
		{strings.Repeat("x", maxSize+1), "larger than 1024 KB"},
	} {
		if _, err := Parse("f", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %v\nwant %s", c.text, err, c.want)
		}
	}
}

// Every wrong line is told at once, but not a thousand of them.
func TestParseTellsAll(t *testing.T) {
	_, err := Parse("f", []byte("version: 1\na: b\nc: d\n"))
	if err == nil || !strings.Contains(err.Error(), "f:2:") || !strings.Contains(err.Error(), "f:3:") {
		t.Errorf("%v", err)
	}
	_, err = Parse("f", []byte("version: 1\n"+strings.Repeat("? [x]\n: b\n", 100)))
	if err == nil || strings.Count(err.Error(), "\n") != maxErrors || !strings.Contains(err.Error(), "and 90 more") {
		t.Errorf("%v", err)
	}
}

// Aliases stand for what they name; a bomb of them is refused or harmless.
func TestAliases(t *testing.T) {
	f, err := Parse("f", []byte("version: 1\ntargets: &t [a, b]\nsubjects: *t\n"))
	if err != nil || !reflect.DeepEqual(f.Subjects, []string{"a", "b"}) {
		t.Errorf("%+v %v", f, err)
	}
	bomb := "version: 1\na0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 30; i++ {
		bomb += "a" + strings.Repeat("b", i) + ": &a" + strings.Repeat("b", i) + " [*a" + map[bool]string{true: "0", false: strings.Repeat("b", i-1)}[i == 1] + "]\n"
	}
	if _, err := Parse("f", []byte(bomb)); err == nil {
		t.Error("taken")
	}
}

func TestFind(t *testing.T) {
	top := t.TempDir()
	for _, dir := range []string{"p/.git", "p/a/b", "q/.git", "q/a"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Above a .git nothing counts.
	for _, name := range []string{FileName, "p/" + FileName} {
		if err := os.WriteFile(filepath.Join(top, name), []byte("version: 1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ dir, file, root string }{
		{"p/a/b", "p/" + FileName, "p"}, {"p", "p/" + FileName, "p"}, {"q/a", "", "q"}, {".", FileName, "."},
	} {
		got, err := Find(filepath.Join(top, c.dir))
		want := ""
		if c.file != "" {
			want = filepath.Join(top, c.file)
		}
		if err != nil || got != want {
			t.Errorf("%s: %q %v", c.dir, got, err)
		}
		if root := Root(filepath.Join(top, c.dir)); root != filepath.Join(top, c.root) {
			t.Errorf("root of %s: %s", c.dir, root)
		}
	}
	// Nor does what others can have put there.
	shared := filepath.Join(top, "shared")
	for _, dir := range []string{shared, filepath.Join(shared, "mine")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(shared, FileName), []byte("version: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]string{0o755: filepath.Join(shared, FileName), 0o777 | os.ModeSticky: ""} {
		if err := os.Chmod(shared, mode); err != nil {
			t.Fatal(err)
		}
		if got, err := Find(filepath.Join(shared, "mine")); err != nil || got != want {
			t.Errorf("%v: %q %v", mode, got, err)
		}
	}
	if err := os.Mkdir(filepath.Join(top, "q", FileName), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(filepath.Join(top, "q/a")); err == nil {
		t.Error("a directory was taken for a project file")
	}
}

func TestPathsFrom(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"dist/app", "build/x/app", "build/y/app", "a[b/app"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f := &File{Name: "f", Dir: dir, Subjects: []string{"dist", "build/*/app", "image:app:1", "dir:roots/el8#/bin/app", "app.rpm#/bin/app"}}
	got, err := f.SubjectsFrom(dir)
	if want := []string{"dist", "build/x/app", "build/y/app", "image:app:1", "dir:roots/el8#/bin/app", "app.rpm#/bin/app"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q %v", got, err)
	}
	got, err = f.SubjectsFrom(filepath.Join(dir, "dist"))
	if want := []string{".", "../build/x/app", "../build/y/app", "image:app:1", "dir:../roots/el8#/bin/app", "../app.rpm#/bin/app"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q %v", got, err)
	}
	// A directory's own name is no pattern.
	f = &File{Name: "f", Dir: filepath.Join(dir, "a[b"), Subjects: []string{"ap?"}}
	if got, err = f.SubjectsFrom(f.Dir); err != nil || !reflect.DeepEqual(got, []string{"app"}) {
		t.Errorf("%q %v", got, err)
	}
	f.Subjects = []string{"nosuch", "[", "app"}
	if got, err = f.SubjectsFrom(f.Dir); err == nil || len(got) != 1 || !strings.Contains(err.Error(), "is it built?") {
		t.Errorf("%q %v", got, err)
	}
	for from, want := range map[string]string{"dir:roots/el8": "dir:../roots/el8", "debian:12": "debian:12", "index:a+/b": "index:../a+/b", "oci:x:1": "oci:../x:1", "host": "host", "image:a/b": "image:a/b"} {
		if got := f.TargetFrom(filepath.Join(f.Dir, "sub"), from); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{"subject": "subjects", "kernal": "kernel", "xyz": "", "a": "at", "cup": "cpu", "suppresions": "suppressions"} {
		if got := nearest(word, []string{"at", "cpu", "kernel", "subjects", "suppressions"}); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"", "any", true}, {"dist", "dist/a/b", true}, {"dist/", "dist/a", true}, {"dist", "distant", false},
		{"dist/*", "dist/a", true}, {"*/app", "x/app", true}, {"*/app", "x/y/app", false}, {"**/app", "app", true}, {"**/app", "x/y/app", true},
		{"a**z", "a/b/z", true}, {"lib?.so", "libc.so", true}, {"lib?.so", "libcc.so", false}, {"debian:*", "debian:12", true},
		{"a.b", "axb", false}, {"[x]", "[x]", true}, {"app.rpm", "app.rpm#/bin/app", true}, {"\xff", "?", false},
	} {
		if got := newGlob(c.glob).matches(c.name); got != c.want {
			t.Errorf("%q on %q: %v", c.glob, c.name, got)
		}
	}
	slow := time.Now()
	newGlob(strings.Repeat("*a", 500)).matches(strings.Repeat("a", 5000))
	if d := time.Since(slow); d > 20*time.Second {
		t.Errorf("a hostile glob took %v", d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("version: 1\ntargets: &t [*t]\n"))
	f.Add([]byte("version: 1\nsuppressions: [{cause: unknown, reason: \"\\xff\"}]"))
	f.Add([]byte("<<: *x\n? {a: b}\n: c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("f", data)
		if (p == nil) == (err == nil) {
			t.Fatal("neither a file nor an error")
		}
		if err != nil {
			return
		}
		for _, s := range p.Suppressions {
			if s.Cause == "" || s.Reason == "" || s.Line == 0 {
				t.Errorf("%+v", s)
			}
			newGlob(s.Subject).matches("dist/app")
		}
	})
}
