package root_test

import (
	"errors"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

func stat(t *testing.T, r *root.Root, path string) root.Info {
	t.Helper()
	info, err := r.Stat(path, root.Superuser)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return info
}

func TestDescribed(t *testing.T) {
	facts := &binary.Facts{Format: binary.FormatELF, Size: 7, ELF: &binary.ELF{Soname: "libf.so.1", Machine: "x86-64"}}
	r, err := root.Described("test", []root.Entry{
		{Path: "/lib64", Mode: root.ModeLink | 0o777, Link: "usr/lib64"},
		{Path: "/lib64/libf.so.1", Mode: root.ModeReg | 0o755, Facts: facts},
		{Path: "/lib64/ld.so", Mode: root.ModeReg | 0o755, Facts: facts, Loader: &root.Libc{Kind: "glibc", Version: "2.28"}},
		{Path: "/etc/os-release", Mode: root.ModeReg | 0o644, Data: []byte("ID=test\n")},
		{Path: "/bin/tool", Mode: root.ModeReg | 0o755, Size: 9},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := stat(t, r, "/lib64/libf.so.1").Path; got != "/usr/lib64/libf.so.1" {
		t.Error("behind a link:", got)
	}
	o, err := r.Object(stat(t, r, "/usr/lib64/libf.so.1"))
	if err != nil || o.Facts != facts {
		t.Error(o, err)
	}
	l, err := r.Libc("/lib64/ld.so", stat(t, r, "/lib64/ld.so"))
	if err != nil || l.Kind != "glibc" || l.Version != "2.28" || l.Path != "/usr/lib64/ld.so" {
		t.Errorf("%+v %v", l, err)
	}
	if d := r.Distribution(); d.ID != "test" {
		t.Errorf("%+v", d)
	}
	var host *root.HostError
	if _, err := r.Object(stat(t, r, "/bin/tool")); !errors.As(err, &host) {
		t.Error("a file of which nothing is known:", err)
	}
	if _, err := r.Stat("/nowhere", root.Superuser); !errors.Is(err, root.ENOENT) {
		t.Error(err)
	}
	if _, err := root.Described("test", []root.Entry{{Path: "relative"}}); err == nil {
		t.Error("a relative path was taken")
	}
}

// A package's files lie where the target's links lead.
func TestWithEntries(t *testing.T) {
	base, err := root.Described("base", []root.Entry{
		{Path: "/lib64", Mode: root.ModeLink | 0o777, Link: "usr/lib64"},
		{Path: "/usr/lib64/libold.so", Mode: root.ModeReg | 0o755, Size: 3},
		{Path: "/etc/conf", Mode: root.ModeReg | 0o644, Data: []byte("old")},
	})
	if err != nil {
		t.Fatal(err)
	}
	facts := &binary.Facts{Format: binary.FormatELF, Size: 7, ELF: &binary.ELF{}}
	over, err := base.WithEntries([]root.Entry{
		{Path: "/lib64", Mode: root.ModeDir | 0o755},
		{Path: "/lib64/libnew.so", Mode: root.ModeLink | 0o777, Link: "libnew.so.1"},
		{Path: "/lib64/libnew.so.1", Mode: root.ModeReg | 0o755, Facts: facts},
		{Path: "/opt/app/bin/app", Mode: root.ModeReg | 0o750, UID: 5, Facts: facts},
		{Path: "/etc/conf", Mode: root.ModeReg | 0o644, Data: []byte("new")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := stat(t, over, "/lib64/libnew.so").Path; got != "/usr/lib64/libnew.so.1" {
		t.Error(got)
	}
	stat(t, over, "/lib64/libold.so")
	if info := stat(t, over, "/opt/app/bin/app"); info.UID != 5 || info.Mode != root.ModeReg|0o750 {
		t.Errorf("%+v", info)
	}
	for r, want := range map[*root.Root]string{base: "old", over: "new"} {
		if b, err := r.ReadFile("/etc/conf", root.Superuser, 99); string(b) != want {
			t.Errorf("%q %v", b, err)
		}
	}
	names, err := over.ReadDir("/usr/lib64")
	if err != nil || len(names) != 3 {
		t.Error(names, err)
	}
	if o, err := over.Program(stat(t, over, "/lib64/libnew.so.1")); err != nil || o.Facts != facts {
		t.Error(o, err)
	}
}
