package pkgindex_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/root"
)

// figures are what glibc and libstdc++ of each embedded system define, by the
// lists that came with the data.
var figures = []struct{ release, machine, glibc, cxx, version string }{
	{"centos:5", "x86-64", "5", "8", "2.5"},
	{"centos:6", "x86-64", "12", "13", "2.12"},
	{"centos:7", "x86-64", "17", "19", "2.17"},
	{"centos:8", "x86-64", "28", "25", "2.28"},
	{"rhel:8", "x86-64", "28", "25", "2.28"},
	{"rhel:8", "s390x", "28", "25", "2.28"},
	{"rocky:9", "x86-64", "34", "29", "2.34"},
	{"rocky:9", "aarch64", "34", "29", "2.34"},
	{"centos-stream:9", "x86-64", "34", "29", "2.34"},
	{"fedora:35", "x86-64", "34", "29", "2.34"},
	{"mariner:2.0", "x86-64", "34", "29", "2.34"},
	{"sles:15.3", "x86-64", "30", "29", "2.31"},
	{"sles:15.4", "x86-64", "30", "29", "2.31"},
	{"opensuse-leap:15.5", "x86-64", "30", "30", "2.31"},
	{"debian:11", "x86-64", "30", "28", "2.31"},
	{"debian:12", "x86-64", "36", "30", "2.36"},
	{"debian:13", "x86-64", "41", "33", "2.41"},
}

func TestEmbedded(t *testing.T) {
	if len(figures) != len(pkgindex.EmbeddedIndexes()) {
		t.Errorf("%d figures for %d indexes", len(figures), len(pkgindex.EmbeddedIndexes()))
	}
	for _, c := range figures {
		x, ok := pkgindex.Embedded(c.release, c.machine)
		if !ok {
			t.Errorf("no %s for %s", c.release, c.machine)
			continue
		}
		if !slices.Contains(x.Releases, c.release) || len(x.Sources) == 0 {
			t.Errorf("%s: stands for %v, from %v", c.release, x.Releases, x.Sources)
		}
		libc, cxx := library(t, x, "libc.so.6", c.machine), library(t, x, "libstdc++.so.6", c.machine)
		if g := highest(libc.Nodes, "GLIBC_2."); g != c.glibc {
			t.Errorf("%s: GLIBC_2.%s", c.release, g)
		}
		if g := highest(cxx.Nodes, "GLIBCXX_3.4."); g != c.cxx {
			t.Errorf("%s: GLIBCXX_3.4.%s", c.release, g)
		}
	}
	for _, n := range []string{"rhel:9", "centos", "", "alpine:3.20"} {
		if _, ok := pkgindex.Embedded(n, ""); ok {
			t.Errorf("%q is there", n)
		}
	}
	if _, ok := pkgindex.Embedded("rocky:9", "riscv64"); ok {
		t.Error("rocky:9 for riscv64 is there")
	}
}

// Every embedded system's own programs start on it, but for the few that ask
// for what a package's script makes.
func TestEmbeddedStarts(t *testing.T) {
	for _, c := range figures {
		t.Run(c.release+" "+c.machine, func(t *testing.T) {
			x, _ := pkgindex.Embedded(c.release, c.machine)
			tree, err := root.Described(x.Name, x.Entries(c.machine))
			if err != nil {
				t.Fatal(err)
			}
			if d := tree.Distribution(); d.ID != x.Distribution.ID || d.VersionID != x.Distribution.VersionID {
				t.Errorf("its os-release: %+v", d)
			}
			names, err := tree.ReadDir("/usr/bin")
			if err != nil {
				t.Fatal(err)
			}
			started := 0
			for _, n := range names {
				if ok, fault := starts(tree, "/usr/bin/"+n); fault != "" {
					t.Errorf("%s: %s", n, fault)
				} else if ok {
					started++
				}
			}
			if _, fault := starts(tree, "/bin/sh"); fault != "" || started < 4 {
				t.Errorf("/bin/sh: %s; %d programs start", fault, started)
			}
			info, err := tree.Stat(interpreter(c.machine), root.Superuser)
			if err != nil {
				t.Fatal(err)
			}
			l, err := tree.Libc(interpreter(c.machine), info)
			if err != nil || l.Kind != "glibc" || l.Version != c.version || len(l.Dirs) < 2 {
				t.Errorf("its loader: %+v %v", l, err)
			}
		})
	}
}

func interpreter(machine string) string {
	return map[string]string{"x86-64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1", "s390x": "/lib/ld64.so.1"}[machine]
}

// starts simulates one program of the tree; ok is false for what is no
// program that is known.
func starts(tree *root.Root, place string) (ok bool, fault string) {
	info, err := tree.Stat(place, root.Superuser)
	if err != nil || !info.Regular() {
		return false, ""
	}
	o, err := tree.Object(info)
	if err != nil || o.Facts == nil || o.Facts.ELF == nil || !o.Facts.ELF.HasInterp {
		return false, ""
	}
	trace := loader.Load(tree, loader.Subject{Place: place, Info: info, Facts: o.Facts}, loader.Options{})
	if trace.Started() {
		return true, ""
	}
	for _, f := range trace.Faults {
		if f.Fatal {
			return false, strings.Join([]string{f.Library, f.Version, f.NeededBy, f.Message, f.Detail}, " ")
		}
	}
	return false, "no fault is told"
}

// On an installable system the rest is not there: the loader does not find
// it, and the index knows what to install.
func TestInstallable(t *testing.T) {
	x, _ := pkgindex.Embedded("centos-stream:9", "x86-64")
	tree, err := root.Described(x.Name, x.Entries("x86-64"))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]bool{"/usr/lib64/libssl.so.3": true, "/lib64/libc.so.6": true, "/usr/lib64/libssl.so.1.1": false, "/usr/lib/libc.so.6": false} {
		if _, err := tree.Stat(file, root.Superuser); err == nil != want {
			t.Errorf("%s: %v", file, err)
		}
	}
	if p := x.Providers("libssl.so.1.1", []string{"OPENSSL_1_1_0"}, "x86-64"); len(p) != 1 || p[0].Command != "dnf install compat-openssl11" {
		t.Errorf("%+v", p)
	}
	d, _ := pkgindex.Embedded("debian:12", "x86-64")
	if p := d.Providers("libgo.so.21", nil, "x86-64"); len(p) != 1 || p[0].Command != "apt install libgo21" || p[0].Path == "" {
		t.Errorf("%+v", p)
	}
}
