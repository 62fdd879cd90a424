// Package targettest is the suite that every kind of target passes: one
// sample system, turned into that kind, must look the same through it.
//
//	targettest.Run(t, func(t *testing.T, dir string) string {
//		return "dir:" + dir // the name of a target that holds what dir holds
//	})
//
// A new kind of target adds one such line. It is for tests alone.
package targettest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
)

// Sample writes a system of two machines with merged and unmerged folders,
// multi-arch libraries, links of every sort, and things that are no files.
func Sample(t testing.TB, dir string) {
	t.Helper()
	for _, d := range []string{"usr/lib/x86_64-linux-gnu", "usr/lib/i386-linux-gnu", "usr/bin", "lib64", "etc", "opt/app/lib", "var/empty", "shut"} {
		check(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	files := map[string]string{
		"usr/lib/x86_64-linux-gnu/libc.so.6": "libc 64", "usr/lib/i386-linux-gnu/libc.so.6": "libc 32", "opt/app/lib/l.so": "l",
		"etc/os-release": "ID=sample\nVERSION_ID=\"1\"\nPRETTY_NAME='A Sample'\n", "usr/bin/tool": "#!/bin/sh\n", "shut/f": "f", "empty": "",
		"large": strings.Repeat("0123456789abcdef", 20000),
		"usr/lib/" + strings.Repeat("long", 40) + "/" + strings.Repeat("name", 40): "deep",
	}
	for name, text := range files {
		check(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	for name, to := range map[string]string{"lib": "usr/lib", "bin": "/usr/bin", "usr/local": "../opt/app", "lib64/ld.so": "/lib/x86_64-linux-gnu/libc.so.6",
		"dangling": "nowhere", "loop": "loop", "out": "../../../../etc/os-release", "usr/lib64": "../lib64", "opt/app/up": "../../../..", "file-slash": "empty/"} {
		check(t, os.Symlink(to, filepath.Join(dir, name)))
	}
	check(t, os.Link(filepath.Join(dir, "usr/bin/tool"), filepath.Join(dir, "usr/bin/same")))
	check(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	check(t, os.Chmod(filepath.Join(dir, "usr/bin/tool"), 0o755|os.ModeSetuid))
	check(t, os.Chmod(filepath.Join(dir, "shut"), 0o700))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Run makes the sample, has it turned into a target, and looks at that.
func Run(t *testing.T, name func(t *testing.T, dir string) string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sample")
	Sample(t, dir)
	Look(t, dir, name(t, dir))
}

// Look holds an open target against the directory that it was made of.
func Look(t *testing.T, dir, name string) {
	t.Helper()
	tgt, err := target.Open(context.Background(), name, target.Options{})
	check(t, err)
	defer tgt.Close()
	if tgt.Name != name || tgt.Evidence != "tree" || tgt.Host != nil || tgt.Empty {
		t.Errorf("%+v", tgt)
	}
	Tree(t, dir, tgt.Root)
}

// Tree holds a tree against the directory that it was made of.
func Tree(t *testing.T, dir string, r *root.Root) {
	t.Run("paths", func(t *testing.T) { paths(t, r) })
	t.Run("contents", func(t *testing.T) { contents(t, dir, r) })
	t.Run("permissions", func(t *testing.T) { permissions(t, r) })
	t.Run("system", func(t *testing.T) {
		if d := r.Distribution(); d.ID != "sample" || d.VersionID != "1" || d.PrettyName != "A Sample" {
			t.Errorf("%+v", d)
		}
		if names, err := r.ReadDir("/bin"); err != nil || !slices.Equal(names, []string{"same", "tool"}) {
			t.Errorf("/bin holds %q %v", names, err)
		}
		if names, err := r.ReadDir("/var/empty"); err != nil || len(names) != 0 {
			t.Errorf("/var/empty holds %q %v", names, err)
		}
	})
}

func paths(t *testing.T, r *root.Root) {
	for _, c := range []struct {
		path, real string
		err        error
	}{
		{"/", "/", nil}, {"/..", "/", nil}, {"/../../bin", "/usr/bin", nil}, {"/bin/", "/usr/bin", nil},
		{"/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6", nil},
		{"/lib64/ld.so", "/usr/lib/x86_64-linux-gnu/libc.so.6", nil}, {"/usr/lib64/ld.so", "/usr/lib/x86_64-linux-gnu/libc.so.6", nil},
		{"/usr/local/lib/l.so", "/opt/app/lib/l.so", nil}, {"/usr/local/up/etc", "/etc", nil}, {"/out", "/etc/os-release", nil},
		{"/lib/../bin", "/usr/bin", nil}, {"/usr/local/../bin", "", root.ENOENT},
		{"/dangling", "", root.ENOENT}, {"/dangling/x", "", root.ENOENT}, {"/loop", "", root.ELOOP}, {"/nothing", "", root.ENOENT},
		{"/empty/", "", root.ENOTDIR}, {"/empty/x", "", root.ENOTDIR}, {"/file-slash", "", root.ENOTDIR}, {"", "", root.ENOENT},
		{"/" + strings.Repeat("n", 256), "", root.ENAMETOOLONG}, {"/" + strings.Repeat("./", 2048), "", root.ENAMETOOLONG},
	} {
		info, err := r.Stat(c.path, root.Superuser)
		if err != c.err || info.Path != c.real {
			t.Errorf("%.60s is %s, %v; want %s, %v", c.path, info.Path, err, c.real, c.err)
		}
	}
	if info, err := r.Lstat("/loop", root.Superuser); err != nil || info.Mode&root.ModeFmt != root.ModeLink {
		t.Errorf("a loop is a link itself: %+v %v", info, err)
	}
	a, _ := r.Stat("/bin/tool", root.Superuser)
	b, _ := r.Stat("/usr/bin/same", root.Superuser)
	c, _ := r.Stat("/empty", root.Superuser)
	if a.ID != b.ID || a.ID == c.ID || a.Mode != root.ModeReg|root.ModeSetuid|0o755 {
		t.Errorf("hard links %+v %+v and another file %+v", a, b, c)
	}
}

func contents(t *testing.T, dir string, r *root.Root) {
	check(t, filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		want, err := os.ReadFile(name)
		check(t, err)
		inside := strings.TrimPrefix(name, dir)
		info, err := r.Stat(inside, root.Superuser)
		if err != nil || info.Size != int64(len(want)) || !info.Regular() {
			t.Errorf("%s: %+v %v", inside, info, err)
			return nil
		}
		got, err := r.ReadFile(inside, root.Superuser, 1<<20)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: %d bytes, want %d: %v", inside, len(got), len(want), err)
		}
		return nil
	}))
	if b, err := r.ReadFile("/large", root.Superuser, 20); err != nil || len(b) != 20 {
		t.Errorf("the first 20 bytes: %q %v", b, err)
	}
	info, err := r.Stat("/fifo", root.Superuser)
	check(t, err)
	if _, err := r.Open(info); err == nil {
		t.Error("a fifo was opened")
	}
	f, err := r.Stat("/large", root.Superuser)
	check(t, err)
	file, err := r.Open(f)
	check(t, err)
	defer file.Close()
	part := make([]byte, 6)
	if n, err := file.ReadAt(part, 160010); n != 6 || err != nil || string(part) != "abcdef" {
		t.Errorf("in the middle: %q %v", part[:n], err)
	}
	if n, _ := file.ReadAt(part, file.Size()-3); n != 3 {
		t.Errorf("at the end: %d bytes of 3", n)
	}
}

func permissions(t *testing.T, r *root.Root) {
	shut, err := r.Stat("/shut", root.Superuser)
	check(t, err)
	owner, other := root.Cred{UID: shut.UID, GID: shut.GID}, root.Cred{UID: shut.UID + 7, GID: shut.GID + 7}
	for _, c := range []struct {
		cred root.Cred
		want error
	}{{owner, nil}, {other, root.EACCES}, {root.Superuser, nil}} {
		if _, err := r.Stat("/shut/f", c.cred); err != c.want {
			t.Errorf("%v: %v", c.cred, err)
		}
	}
	tool, _ := r.Stat("/bin/tool", other)
	large, _ := r.Stat("/large", other)
	if !tool.Executable(other) || large.Executable(root.Superuser) || !large.Readable(other) {
		t.Errorf("%+v %+v", tool, large)
	}
}
