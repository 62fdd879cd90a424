package pkgindex_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/pkgindex"
)

func openAll(t testing.TB, files ...string) *pkgindex.Index {
	t.Helper()
	var list []*pkgindex.Index
	for _, f := range files {
		x, err := pkgindex.Open(context.Background(), filepath.Join("testdata", f))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, x)
	}
	x, err := pkgindex.Join(list...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func stream(t testing.TB) *pkgindex.Index {
	x := openAll(t, "repodata/baseos-primary.xml.gz", "repodata/appstream-primary.xml.gz")
	x.MarkBase("x86-64", pkgindex.BasePackages(x.Distribution))
	return x
}

func TestRepository(t *testing.T) {
	x := stream(t)
	if x.Installed || !x.Complete || x.Manager != "dnf" || x.Distribution.ID != "centos" || x.Distribution.VersionID != "9" {
		t.Errorf("%v %v %s %+v", x.Installed, x.Complete, x.Manager, x.Distribution)
	}
	// The base set is closed: bash brings ncurses-libs, which no list names.
	for name, want := range map[string]bool{"bash": true, "ncurses-libs": true, "glibc": true, "compat-openssl11": false, "nspr": false} {
		if p := packageNamed(t, x, name, "x86_64"); p.Base != want {
			t.Errorf("%s: base %v", name, p.Base)
		}
	}
	if p := packageNamed(t, x, "glibc", "i686"); p.Base {
		t.Error("glibc.i686 is in the base set of x86-64")
	}
}

func packageNamed(t testing.TB, x *pkgindex.Index, name, arch string) *pkgindex.Package {
	t.Helper()
	i := slices.IndexFunc(x.Packages, func(p pkgindex.Package) bool { return p.Name == name && p.Arch == arch })
	if i < 0 {
		t.Fatalf("no %s.%s", name, arch)
	}
	return &x.Packages[i]
}

func TestProviders(t *testing.T) {
	x := stream(t)
	for _, c := range []struct {
		soname, node, machine string
		pkg, command          string // none: nothing provides it
		there                 bool
	}{
		{"libcrypto.so.1.1", "OPENSSL_1_1_0", "x86-64", "compat-openssl11", "dnf install compat-openssl11", false},
		{"libcrypto.so.1.1", "OPENSSL_1_1_0", "i386", "compat-openssl11", "dnf install compat-openssl11.i686", false},
		{"libcrypto.so.1.1", "OPENSSL_9", "x86-64", "", "", false},
		{"libc.so.6", "GLIBC_2.34", "x86-64", "glibc", "", true},
		{"libc.so.6", "GLIBC_2.99", "x86-64", "", "", false},
		{"libnspr4.so", "", "x86-64", "nspr", "dnf install nspr", false},
		// Provided, and in a directory that only its own package knows.
		{"libjvm.so", "", "x86-64", "", "", false},
		{"libmutter-clutter-8.so.0", "", "x86-64", "", "", false},
	} {
		var nodes []string
		if c.node != "" {
			nodes = []string{c.node}
		}
		list := x.Providers(c.soname, nodes, c.machine)
		if c.pkg == "" {
			if len(list) > 0 {
				t.Errorf("%s %s: %+v", c.soname, c.node, list)
			}
			continue
		}
		if len(list) != 1 || list[0].Package != c.pkg || list[0].Command != c.command || list[0].Installed != c.there || list[0].Path != "" {
			t.Errorf("%s %s %s: %+v", c.soname, c.node, c.machine, list)
		}
	}
}

// filelists.xml tells where libraries lie, and nothing is assumed any more.
func TestFilelists(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "repodata")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/repodata/appstream-primary.xml.gz")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "abc-primary.xml.gz"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	p := packageNamed(t, stream(t), "libzip", "x86_64")
	version, release, _ := strings.Cut(p.Version, "-")
	list := `<?xml version="1.0" encoding="UTF-8"?>
<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="1">
<package pkgid="x" name="libzip" arch="x86_64"><version epoch="0" ver="` + version + `" rel="` + release + `"/>
<file>/opt/hidden/libzip.so.5</file></package></filelists>`
	if err := os.WriteFile(filepath.Join(dir, "abc-filelists.xml"), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, replace := range map[string]string{"": "/opt/hidden/", "/usr/lib64/libzip.so.5": "/usr/lib64/"} {
		if err := os.WriteFile(filepath.Join(dir, "abc-filelists.xml"), []byte(strings.ReplaceAll(list, "/opt/hidden/", replace)), 0o644); err != nil {
			t.Fatal(err)
		}
		x, err := pkgindex.Open(context.Background(), filepath.Dir(dir))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if list := x.Providers("libzip.so.5", nil, "x86-64"); len(list) == 1 {
			got = list[0].Path
		}
		if got != want {
			t.Errorf("in %s: found at %q", replace, got)
		}
	}
}

// Of two builds the newer counts, wherever it comes from; what is installed
// stays.
func TestJoin(t *testing.T) {
	index := func(version string, installed bool) *pkgindex.Index {
		return &pkgindex.Index{Name: version, Manager: "dnf", Installed: installed, Complete: !installed, Formats: []pkgindex.Format{pkgindex.FormatRPM},
			Packages: []pkgindex.Package{{Name: "a", Arch: "x86_64", Version: version}}}
	}
	for _, c := range []struct {
		a, b *pkgindex.Index
		want string
		base bool
	}{
		{index("1.9-1", false), index("1.10-1", false), "1.10-1", false},
		{index("1.10-1", false), index("1.9-1", false), "1.10-1", false},
		{index("2:0.1-1", false), index("1.10-1", false), "2:0.1-1", false},
		{index("1.9-1", true), index("1.10-1", false), "1.9-1", true},
		{index("1.10-1", false), index("1.9-1", true), "1.9-1", true},
		{index("2-1.module_el8", false), index("1-1", false), "1-1", false},
	} {
		x, err := pkgindex.Join(c.a, c.b)
		if err != nil {
			t.Fatal(err)
		}
		if len(x.Packages) != 1 || x.Packages[0].Version != c.want || x.Packages[0].Base != c.base || !x.Complete {
			t.Errorf("%s and %s: %+v", c.a.Name, c.b.Name, x.Packages)
		}
	}
	other := index("1", false)
	other.Manager = "apt"
	if _, err := pkgindex.Join(index("1", false), other); err == nil {
		t.Error("indexes of dnf and apt are joined")
	}
}

// EL 8 to EL 9: libcrypto.so.1.1 goes, libcrypto.so.3 comes, and libc.so.6
// gains versions and loses none.
func TestDiff(t *testing.T) {
	a, _ := pkgindex.Embedded("rhel:8", "x86-64")
	b, _ := pkgindex.Embedded("rocky:9", "x86-64")
	changes := map[string]pkgindex.Change{}
	for _, c := range pkgindex.Diff(a, b, "x86-64") {
		changes[c.Soname] = c
	}
	if c := changes["libcrypto.so.1.1"]; !c.Gone || c.Before != "openssl-libs" {
		t.Errorf("libcrypto.so.1.1: %+v", c)
	}
	if c := changes["libcrypto.so.3"]; !c.New || c.After != "openssl-libs" {
		t.Errorf("libcrypto.so.3: %+v", c)
	}
	if c := changes["libc.so.6"]; c.Gone || len(c.Lost) > 0 || !slices.Contains(c.Gained, "GLIBC_2.34") {
		t.Errorf("libc.so.6: %+v", c)
	}
	if again := pkgindex.Diff(a, a, ""); len(again) > 0 {
		t.Errorf("a system differs from itself: %+v", again[0])
	}
	stream, _ := pkgindex.Embedded("centos-stream:9", "x86-64")
	for _, c := range pkgindex.Diff(a, stream, "x86-64") {
		if c.Soname == "libcrypto.so.1.1" && (c.Gone || !c.Install || c.After != "compat-openssl11") {
			t.Errorf("libcrypto.so.1.1 to Stream 9: %+v", c)
		}
	}
}

// What can't be an index says why.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	sqlite := plain(t, "rpmdb/rockylinux-9.2-x86_64.rpmdb.sqlite.gz")
	if err := os.WriteFile(sqlite+"-wal", []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, want string }{
		{write("Packages", "Package: libc6\nVersion: 2.36-9\n"), "folder of the .deb files"},
		{write("filelists.xml", `<?xml version="1.0"?><filelists packages="0"></filelists>`), "filelists.xml alone"},
		{write("x.xml", `<?xml version="1.0"?><html/>`), "no primary.xml"},
		{write("cut.xml", `<?xml version="1.0"?><metadata><package type="rpm"><name>a`), "unexpected EOF"},
		{write("empty", ""), "an empty file"},
		{write("text", "hello"), "not known"},
		{write("old.idx", "willrun index 99\nx"), "import it again"},
		{write("empty.dir/readme", ""), "a directory without packages"},
		{sqlite, "write-ahead log"},
		{filepath.Join(dir, "none"), "no such file"},
	} {
		if strings.HasSuffix(c.file, "readme") {
			c.file = filepath.Dir(c.file)
		}
		if _, err := pkgindex.Open(context.Background(), c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", filepath.Base(c.file), err)
		}
	}
}
