package pkgindex_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/pkgindex"
)

// plain unpacks a file of testdata into a folder of its own.
func plain(t testing.TB, file string) string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	_, name, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".gz"), "_64.")
	if strings.Contains(file, "s390x.") {
		_, name, _ = strings.Cut(strings.TrimSuffix(path.Base(file), ".gz"), "s390x.")
	}
	out := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(out, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return out
}

// library finds one by its soname.
func library(t testing.TB, x *pkgindex.Index, soname, machine string) pkgindex.Offered {
	t.Helper()
	for _, o := range x.Libraries(machine) {
		if o.Soname == soname {
			return o
		}
	}
	t.Fatalf("%s: no %s for %s", x.Name, soname, machine)
	return pkgindex.Offered{}
}

// highest is the last node of a family, by number.
func highest(nodes []string, family string) string {
	best := ""
	for _, n := range nodes {
		if v, ok := strings.CutPrefix(n, family); ok && pkgindex.CompareRPM(v, best) > 0 {
			best = v
		}
	}
	return best
}

var backends = []struct {
	file, machine, id, version, manager, libc, highest string
}{
	{"rpmdb/centos-5.11-x86_64.Packages.gz", "x86-64", "centos", "5.11", "yum", "2.5-123.el5_11.3", "2.5"},
	{"rpmdb/centos-7.9-x86_64.Packages.gz", "x86-64", "centos", "7.9", "yum", "2.17-317.el7", "2.17"},
	{"rpmdb/ubi-8.6-s390x.Packages.gz", "s390x", "rhel", "8.6", "dnf", "2.28-189.1.el8", "2.28"},
	{"rpmdb/rockylinux-9.2-x86_64.rpmdb.sqlite.gz", "x86-64", "rocky", "9.2", "dnf", "2.34-60.el9", "2.34"},
	{"rpmdb/sles-15.4-x86_64.Packages.db.gz", "x86-64", "sles", "15.4", "zypper", "2.31-150300.37.1", "2.30"},
}

func TestBackends(t *testing.T) {
	for _, c := range backends {
		t.Run(c.file, func(t *testing.T) {
			x, err := pkgindex.Open(context.Background(), plain(t, c.file))
			if err != nil {
				t.Fatal(err)
			}
			if !x.Installed || x.Complete || x.Distribution.ID != c.id || x.Distribution.VersionID != c.version || x.Manager != c.manager {
				t.Errorf("installed %v, complete %v, %s %s, %s", x.Installed, x.Complete, x.Distribution.ID, x.Distribution.VersionID, x.Manager)
			}
			l := library(t, x, "libc.so.6", c.machine)
			if l.Package != "glibc" || l.Version != c.libc || highest(l.Nodes, "GLIBC_2.") != strings.TrimPrefix(c.highest, "2.") {
				t.Errorf("libc.so.6 of %s %s up to GLIBC_2.%s", l.Package, l.Version, highest(l.Nodes, "GLIBC_2."))
			}
			if !slices.Contains(l.Nodes, "GLIBC_PRIVATE") {
				t.Error("libc.so.6 without GLIBC_PRIVATE")
			}
		})
	}
}

// The loader of Rocky 9.2 has GLIBC_2.35, though its libc.so.6 ends at 2.34;
// SLES 15.4's libm has 2.31 though its libc.so.6 ends at 2.30.
func TestNodesAreOfLibraries(t *testing.T) {
	x, err := pkgindex.Open(context.Background(), plain(t, "rpmdb/rockylinux-9.2-x86_64.rpmdb.sqlite.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if l := library(t, x, "ld-linux-x86-64.so.2", "x86-64"); highest(l.Nodes, "GLIBC_2.") != "35" {
		t.Errorf("ld.so: %v", l.Nodes)
	}
	if x, err = pkgindex.Open(context.Background(), plain(t, "rpmdb/sles-15.4-x86_64.Packages.db.gz")); err != nil {
		t.Fatal(err)
	}
	if l := library(t, x, "libm.so.6", "x86-64"); highest(l.Nodes, "GLIBC_2.") != "31" {
		t.Errorf("libm.so.6: %v", l.Nodes)
	}
}

// A package that brings a file in /etc/ld.so.conf.d has its libraries found:
// CentOS 8's dyninst lies in /usr/lib64/dyninst.
func TestConfiguredDirectory(t *testing.T) {
	x, ok := pkgindex.Embedded("centos:8", "x86-64")
	if !ok {
		t.Fatal("no centos:8")
	}
	p := x.Providers("libdyninstAPI.so.10.1", nil, "x86-64")
	if len(p) != 1 || p[0].Package != "dyninst" || !p[0].Installed || !strings.HasPrefix(p[0].Path, "/usr/lib64/dyninst/") || p[0].Command != "" {
		t.Fatalf("%+v", p)
	}
	y := *x
	y.Packages = slices.Clone(x.Packages)
	for i := range y.Packages {
		y.Packages[i].Files = slices.DeleteFunc(slices.Clone(y.Packages[i].Files), func(f pkgindex.File) bool { return strings.HasPrefix(f.Path, "/etc/ld.so.conf.d/") })
	}
	if p := y.Providers("libdyninstAPI.so.10.1", nil, "x86-64"); len(p) != 0 {
		t.Fatalf("without its file in ld.so.conf.d: %+v", p)
	}
}

// rpm's own reader agrees on every package and what it provides.
func TestDatabaseOracle(t *testing.T) {
	if _, err := exec.LookPath("rpm"); err != nil {
		lab.Missing(t, "rpm")
	}
	for _, c := range backends {
		if strings.Contains(c.file, "Packages.db") {
			continue // Debian's rpm is built without NDB
		}
		t.Run(c.file, func(t *testing.T) {
			file := plain(t, c.file)
			packages, err := pkgindex.ReadDatabase(context.Background(), file)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range packages {
				for _, r := range p.Provides {
					got = append(got, strings.TrimSpace(p.Name+" "+p.Version+" "+p.Arch+" "+r.Name+" "+r.Op+" "+r.Version))
				}
			}
			cmd := exec.Command("rpm", "--dbpath", filepath.Dir(file), "-qa", "--qf",
				"[%{=NAME} %|EPOCH?{%{=EPOCH}:}:{}|%{=VERSION}-%{=RELEASE} %{=ARCH} %{PROVIDENAME} %{PROVIDEFLAGS:depflags} %{PROVIDEVERSION}\n]")
			var out bytes.Buffer
			cmd.Stdout = &out
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSpace(out.String()), "\n")
			for i := range want {
				want[i] = strings.Join(strings.Fields(want[i]), " ")
			}
			for i := range got {
				got[i] = strings.Join(strings.Fields(got[i]), " ")
			}
			slices.Sort(got)
			slices.Sort(want)
			if len(got) < 100 || !slices.Equal(got, want) {
				t.Errorf("%d provides, and rpm has %d", len(got), len(want))
				for i := range min(len(got), len(want)) {
					if got[i] != want[i] {
						t.Fatalf("%q, and rpm has %q", got[i], want[i])
					}
				}
			}
		})
	}
}
