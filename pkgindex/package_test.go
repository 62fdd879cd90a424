package pkgindex_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/root"
)

// built are a library and a program that a compiler of this machine made.
func built(t testing.TB) (library, program string) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("bash", "-e", "-c", `echo 'V1 { own; };' > v.map; echo 'int own(void){return 1;}' > own.c
gcc -shared -fPIC -Wl,-soname,libown.so.1,--version-script,v.map own.c -o libown.so.1
echo 'int own(void); int main(void){return own();}' > app.c; gcc app.c -o app ./libown.so.1`)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		lab.Missing(t, "gcc: "+string(out))
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return read("libown.so.1"), read("app")
}

func payload(library, program string) []item {
	return []item{
		{name: "/usr/bin/app", body: program, mode: 0o755},
		{name: "/usr/bin/run", body: "#!/usr/bin/env python3\nprint()\n", mode: 0o755, uid: 7},
		{name: "/usr/lib64/libown.so.1.0", body: library, mode: 0o755},
		{name: "/usr/lib64/libown.so.1", link: "libown.so.1.0"},
		{name: "/etc/ld.so.conf.d/own.conf", body: "/opt/own/lib\n", mode: 0o644},
		{name: "/usr/share/doc/app/README", body: "text", mode: 0o644},
		{name: "/usr/libexec/none", mode: 0o755},
		{name: "/usr/lib64/app/plugin.so", body: library, mode: 0o755},
		{name: "/usr/lib64/app/same.so", body: library, mode: 0o755, hard: "/usr/lib64/app/plugin.so"},
	}
}

// A package of each kind and each compression gives the same files, with the
// facts that reading each file alone gives.
func TestPayload(t *testing.T) {
	lib, prog := built(t)
	items := payload(lib, prog)
	dotted := slices.Clone(items)
	for i := range dotted {
		dotted[i].name = "." + dotted[i].name
		if dotted[i].hard != "" {
			dotted[i].hard, dotted[i].body = "."+dotted[i].hard, ""
		}
	}
	control := "Package: app\nVersion: 2:1.2-3\nArchitecture: amd64\nDepends: libc6 (>= 2.34), a | b (<< 3),\n c:any\nProvides: virtual (= 1)\nDescription: x\n y\n"
	info := "pkgname = app\npkgver = 1.2-r3\narch = x86_64\ndepend = so:libc.musl-x86_64.so.1\ndepend = foo>=2\nprovides = so:libown.so.1=1.0\n"
	files := map[string][]byte{}
	for _, how := range []string{"gz", "xz", "zst", "bz2", "lzma", ""} {
		files["app."+how+".rpm"] = rpmOf(t, how, rpmTags(items), cpioOf(items))
		files["app."+how+".deb"] = debOf(t, how, control, dotted)
	}
	files["app.apk"] = apkOf(t, info, dotted)
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			p, err := pkgindex.OpenPayload(context.Background(), save(t, name, data))
			if err != nil {
				t.Fatal(err)
			}
			checkPayload(t, p, items)
			want := map[string]string{".rpm": "{app 2:1.2-3.el9 x86_64 dnf}", ".deb": "{app 2:1.2-3 amd64 apt}", ".apk": "{app 1.2-r3 x86_64 apk}"}[filepath.Ext(name)]
			if got := fmt.Sprintf("{%s %s %s %s}", p.Package.Name, p.Package.Version, p.Package.Arch, p.Manager); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			requires := map[string]string{".rpm": "[{libc.so.6(GLIBC_2.34)(64bit)   []} {/bin/sh   []}]",
				".deb": "[{libc6 >= 2.34 []} {a   [{b < 3 []}]} {c   []}]", ".apk": "[{so:libc.musl-x86_64.so.1   []} {foo >= 2 []}]"}[filepath.Ext(name)]
			if got := fmt.Sprint(p.Package.Requires); got != requires {
				t.Errorf("requires %s", got)
			}
		})
	}
}

func checkPayload(t *testing.T, p *pkgindex.Payload, items []item) {
	t.Helper()
	tree, err := root.Described("", p.Entries())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Package.Files); n != len(items) {
		t.Errorf("%d files of %d", n, len(items))
	}
	for _, i := range items {
		if i.hard != "" {
			i.body = items[slices.IndexFunc(items, func(o item) bool { return o.name == i.hard })].body
		}
		info, err := tree.Lstat(i.name, root.Superuser)
		mode := uint32(root.ModeReg | i.mode)
		if i.link != "" {
			mode = root.ModeLink | 0o777
		}
		if err != nil || info.Mode != mode || (info.UID != 0) != (i.uid != 0) || i.link == "" && info.Size != int64(len(i.body)) {
			t.Errorf("%s: %+v %v", i.name, info, err)
			continue
		}
		if i.link != "" || strings.HasPrefix(i.name, "/usr/share") {
			continue
		}
		if strings.HasSuffix(i.name, ".conf") {
			if b, err := tree.ReadFile(i.name, root.Superuser, 99); err != nil || string(b) != i.body {
				t.Errorf("%s: %q %v", i.name, b, err)
			}
			continue
		}
		want, err := binary.Read(bytes.NewReader([]byte(i.body)), int64(len(i.body)))
		if err != nil {
			t.Fatal(err)
		}
		o, err := tree.Object(info)
		if err != nil {
			t.Errorf("%s: %v", i.name, err)
			continue
		}
		if a, b := text(t, want), text(t, o.Facts); a != b {
			t.Errorf("%s", i.name)
			differ(t, a, b)
		}
	}
}

// A folder of packages is an index: libraries by their facts, and where they
// lie decides whether they provide anything.
func TestFolder(t *testing.T) {
	lib, prog := built(t)
	dir := t.TempDir()
	items := payload(lib, prog)
	if err := os.WriteFile(filepath.Join(dir, "app.rpm"), rpmOf(t, "zst", rpmTags(items), cpioOf(items)), 0o644); err != nil {
		t.Fatal(err)
	}
	x, err := pkgindex.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	p := x.Providers("libown.so.1", []string{"V1"}, "x86-64")
	if len(p) != 1 || p[0].Path != "/usr/lib64/libown.so.1.0" || p[0].Command != "dnf install app" || p[0].Installed {
		t.Errorf("%+v", p)
	}
	if p := x.Providers("libown.so.1", []string{"V2"}, "x86-64"); len(p) != 0 {
		t.Errorf("V2: %+v", p)
	}
	roundTrip(t, x)
	x.Packages[0].Files = slices.DeleteFunc(x.Packages[0].Files, func(f pkgindex.File) bool { return strings.HasPrefix(f.Path, "/usr/lib64/libown") })
	if p := x.Providers("libown.so.1", nil, "x86-64"); len(p) != 0 {
		t.Errorf("a plugin's directory provides: %+v", p)
	}
	if err := os.WriteFile(filepath.Join(dir, "z.deb"), debOf(t, "gz", "Package: z\nVersion: 1\nArchitecture: amd64\n", nil), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := pkgindex.Open(context.Background(), dir); err == nil || !strings.Contains(err.Error(), "packages of one system") {
		t.Errorf("rpm beside deb: %v", err)
	}
}

// rpmbuild and dpkg-deb make packages whose metadata we read as they do.
func TestPackageOracle(t *testing.T) {
	lib, prog := built(t)
	dir := t.TempDir()
	for _, tool := range []string{"rpmbuild", "rpm", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			lab.Missing(t, tool)
		}
	}
	for name, body := range map[string]string{"app": prog, "libown.so.1": lib, "app.spec": spec, "control": "Package: app\nVersion: 1:2.0-1\nArchitecture: amd64\nMaintainer: x <x@example.org>\nDescription: x\nDepends: libc6 (>= 2.4)\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sh := func(script string) string {
		t.Helper()
		cmd := exec.Command("bash", "-e", "-c", script)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	sh(`rpmbuild -bb --quiet --define "_topdir $PWD/top" --define "src $PWD" app.spec
mkdir -p d/DEBIAN d/usr/bin d/usr/lib/x86_64-linux-gnu; cp control d/DEBIAN/; cp app d/usr/bin/; cp libown.so.1 d/usr/lib/x86_64-linux-gnu/
dpkg-deb --root-owner-group -b d app.deb; cp top/RPMS/*/*.rpm app.rpm`)
	r, err := pkgindex.OpenPayload(context.Background(), filepath.Join(dir, "app.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	same := func(what, got, want string) {
		t.Helper()
		a, b := strings.Fields(got), strings.Fields(want)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(slices.Compact(a), slices.Compact(b)) {
			t.Errorf("%s: %s\nand the tool says: %s", what, got, want)
		}
	}
	names := func(list []pkgindex.Relation) (text string) {
		for _, r := range list {
			text += r.Name + " "
		}
		return text
	}
	same("provides", names(r.Package.Provides), sh(`rpm -qp --qf '[%{PROVIDENAME}\n]' app.rpm`))
	same("requires", names(r.Package.Requires), sh(`rpm -qp --qf '[%{REQUIRENAME}\n]' app.rpm`))
	same("files", filesOf(r), sh(`rpm -qp --qf '[%{FILENAMES}:%{FILEMODES:octal}:%{FILESIZES}\n]' app.rpm | grep -v ':12'`))
	d, err := pkgindex.OpenPayload(context.Background(), filepath.Join(dir, "app.deb"))
	if err != nil {
		t.Fatal(err)
	}
	same("deb", d.Package.Name+" "+d.Package.Version+" "+d.Package.Arch, sh(`dpkg-deb -W --showformat '${Package} ${Version} ${Architecture}' app.deb`))
	same("deb's files", pathsOf(d), sh(`dpkg-deb --fsys-tarfile app.deb | tar -t | sed 's|^\.||; s|/$||' | sed 's|^$|/|'`))
	// What rpm's generator said of the library is what its bytes say.
	f := r.Package.Files[slices.IndexFunc(r.Package.Files, func(f pkgindex.File) bool { return strings.HasSuffix(f.Path, "libown.so.1") })]
	if !strings.Contains(names(r.Package.Provides), "libown.so.1(V1)(64bit)") || f.Library.Soname != "libown.so.1" || !slices.Equal(f.Library.Nodes, []string{"V1"}) {
		t.Errorf("%+v", f.Library)
	}
}

func filesOf(p *pkgindex.Payload) (text string) {
	for _, f := range p.Package.Files {
		if f.Link == "" {
			text += fmt.Sprintf("%s:%o:%d ", f.Path, f.Mode, f.Size)
		}
	}
	return text
}

func pathsOf(p *pkgindex.Payload) (text string) {
	for _, f := range p.Package.Files {
		text += f.Path + " "
	}
	return text
}

const spec = `Name: app
Version: 2.0
Release: 1
Epoch: 1
Summary: x
License: MIT
%global debug_package %{nil}
%global _build_id_links none
%description
x
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/lib64
cp %{src}/app %{buildroot}/usr/bin/app
cp %{src}/libown.so.1 %{buildroot}/usr/lib64/libown.so.1
ln -s libown.so.1 %{buildroot}/usr/lib64/libown.so
%files
/usr/bin/app
/usr/lib64/libown.so*
`

// Packages that lie are refused in few words.
func TestPackageRefused(t *testing.T) {
	ok := []item{{name: "/a", body: "x", mode: 0o644}}
	tags := rpmTags(ok)
	noName := rpmTags(ok)
	delete(noName, 1000)
	source := rpmTags(ok)
	source[1106] = []uint32{1}
	badDir := rpmTags(ok)
	badDir[1116] = []uint32{9}
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"cut.rpm", "unexpected EOF", rpmOf(t, "", tags, cpioOf(ok))[:300]},
		{"name.rpm", "package name", rpmOf(t, "", noName, cpioOf(ok))},
		{"source.rpm", "source package", rpmOf(t, "", source, cpioOf(ok))},
		{"dir.rpm", "directory of a file", rpmOf(t, "", badDir, cpioOf(ok))},
		{"cpio.rpm", "no cpio header", rpmOf(t, "gz", tags, []byte("garbage"))},
		{"payload.rpm", "unexpected EOF", rpmOf(t, "", tags, cpioOf(ok)[:120])},
		{"control.deb", "no control file", arOf([2]string{"debian-binary", "2.0\n"}, [2]string{"data.tar", string(tarOf(nil, true))})},
		{"data.deb", "no data.tar", arOf([2]string{"debian-binary", "2.0\n"}, [2]string{"control.tar", string(tarOf([]item{{name: "control", body: "Package: a\n"}}, true))})},
		{"info.apk", "no .PKGINFO", pack(t, "gz", tarOf(nil, true))},
		{"three.apk", "version 3", []byte("ADBd....")},
		{"text.rpm", "no package", []byte("hello")},
	} {
		if _, err := pkgindex.OpenPayload(context.Background(), save(t, c.name, c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
