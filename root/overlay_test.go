package root

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
)

var someFacts = &binary.Facts{Format: binary.FormatEmpty}

// TestWithFile: the file lies where the kernel of the tree would put it.
func TestWithFile(t *testing.T) {
	base := mustOpen(t, tarOf([]entry{{name: "usr/bin/", typ: '5'}, {name: "usr/local", typ: '2', link: "/data/local"}, {name: "data/local/bin/", typ: '5'},
		{name: "bin", typ: '2', link: "usr/bin"}, {name: "dangling", typ: '2', link: "nowhere"}, {name: "file", body: "x"},
		{name: "usr/bin/tool", typ: '2', link: "/file"}, {name: "opt/app/lib/l.so", body: "l"}}))
	for place, want := range map[string]string{
		"/usr/local/bin/app":  "/data/local/bin/app",
		"/bin/app":            "/usr/bin/app",
		"/new/dir/app":        "/new/dir/app",
		"/bin/../x/app":       "/usr/x/app",
		"/usr/bin/tool":       "/usr/bin/tool",
		"/opt/app/bin/app":    "/opt/app/bin/app",
		"/file":               "/file",
		"/usr/local/lib/a/pp": "/data/local/lib/a/pp",
	} {
		over, info, err := base.WithFile(place, someFacts, 0o755)
		if err != nil || info.Path != want || !info.Executable(Superuser) {
			t.Errorf("%s: %+v %v", place, info, err)
			continue
		}
		seen, err := over.Stat(place, Superuser)
		if err != nil || seen.ID != info.ID || seen.Path != want {
			t.Errorf("%s: seen as %+v %v", place, seen, err)
		}
		if o, err := over.Object(seen); err != nil || o.Facts != someFacts {
			t.Errorf("%s: %v", place, err)
		}
		names, err := over.ReadDir(place[:strings.LastIndex(place, "/")+1])
		if err != nil || !strings.Contains(strings.Join(names, " "), filepath.Base(place)) {
			t.Errorf("%s: beside it %q %v", place, names, err)
		}
		if b, err := over.ReadFile("/opt/app/lib/l.so", Superuser, 9); string(b) != "l" || err != nil {
			t.Errorf("what was there before: %q %v", b, err)
		}
	}
	for place, want := range map[string]string{"app": "absolute", "/": "absolute", "/file/app": "no directory", "/dangling/app": "dangling", "/usr/bin": "is a directory", "/" + strings.Repeat("n", 256): "ENAMETOOLONG"} {
		if _, _, err := base.WithFile(place, someFacts, 0o755); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", place, err)
		}
	}
	if _, err := base.Stat("/new", Superuser); err != ENOENT {
		t.Error("the tree itself was changed")
	}
}

// TestWithDir: files of the layer stand beside those of the tree or instead of
// them; its links are links of the tree.
func TestWithDir(t *testing.T) {
	base := mustOpen(t, tarOf([]entry{{name: "opt/app/lib/old.so", body: "old"}, {name: "opt/app/bin/app", body: "old"}, {name: "srv", typ: '2', link: "opt"},
		{name: "etc/conf", body: "base"}, {name: "opt/app/lib/was-dir/x", body: "x"}}))
	host := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(host, "lib"), 0o755))
	must(t, os.Mkdir(filepath.Join(host, "bin"), 0o755))
	for name, text := range map[string]string{"lib/new.so": "new", "bin/app": "newer", "lib/was-dir": "file"} {
		must(t, os.WriteFile(filepath.Join(host, name), []byte(text), 0o755))
	}
	must(t, os.Symlink("/etc/conf", filepath.Join(host, "conf")))
	must(t, os.Symlink("../../../../../etc/conf", filepath.Join(host, "up")))
	layer, err := Dir(host)
	must(t, err)
	defer layer.Close()
	over, err := base.WithDir("/srv/app", layer)
	must(t, err)
	for name, want := range map[string]string{"/opt/app/lib/old.so": "old", "/opt/app/lib/new.so": "new", "/srv/app/bin/app": "newer",
		"/opt/app/conf": "base", "/opt/app/up": "base", "/opt/app/lib/was-dir": "file", "/opt/app/bin/../lib/new.so": "new"} {
		if b, err := over.ReadFile(name, Superuser, 100); err != nil || string(b) != want {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
	if _, err := over.Stat("/opt/app/lib/was-dir/x", Superuser); err != ENOTDIR {
		t.Errorf("below a file of the layer: %v", err)
	}
	names, err := over.ReadDir("/opt/app/lib")
	if err != nil || strings.Join(names, " ") != "new.so old.so was-dir" {
		t.Errorf("%q %v", names, err)
	}
	// A program beside it, and an empty system below it.
	two, info, err := over.WithFile("/opt/app/bin/second", someFacts, 0o755)
	must(t, err)
	if names, _ := two.ReadDir("/srv/app/bin"); strings.Join(names, " ") != "app second" || info.Path != "/opt/app/bin/second" {
		t.Errorf("%q %s", names, info.Path)
	}
	bare, err := Scratch().WithDir("/a/b", layer)
	must(t, err)
	if b, err := bare.ReadFile("/a/b/bin/app", Superuser, 100); string(b) != "newer" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	if names, err := bare.ReadDir("/a"); strings.Join(names, " ") != "b" || err != nil {
		t.Errorf("%q %v", names, err)
	}
	if _, err := base.WithDir("/etc/conf", layer); err == nil {
		t.Error("a directory was laid over a file")
	}
}
