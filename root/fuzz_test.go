package root

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// FuzzArchive: no archive leads out of its tree, and reading one ends.
func FuzzArchive(f *testing.F) {
	f.Add(tarOf([]entry{{name: "bin/", typ: tar.TypeDir}, {name: "bin/sh", body: "#!x"}, {name: "lib", typ: tar.TypeSymlink, link: "usr/lib"}}))
	f.Add(tarOf([]entry{{name: "../../etc/passwd", body: "x"}, {name: "/abs", typ: tar.TypeSymlink, link: "../../.."}, {name: "h", typ: tar.TypeLink, link: "abs"}}))
	f.Add(tarOf([]entry{{name: "manifest.json", body: `[{"Layers":["a.tar"]}]`}, {name: "a.tar", body: string(tarOf([]entry{{name: "a/.wh..wh..opq"}, {name: ".wh.b"}}))}}))
	f.Add(gz(tarOf([]entry{{name: "a/b", body: "c"}})))
	f.Add(docker(manifestOf(2), tarOf([]entry{{name: "f", body: "x"}}), gz(tarOf([]entry{{name: ".wh.f"}}))))
	p := parts{}
	f.Add(p.archive(p.index(p.image("linux/amd64", tarOf([]entry{{name: "f", body: "x"}})), p.image("linux/arm64"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := openArchive(context.Background(), io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))), io.NopCloser(nil), Platform{})
		if err != nil {
			return
		}
		defer r.Close()
		var walk func(dir string, depth int)
		walk = func(dir string, depth int) {
			names, _ := r.ReadDir(dir)
			for _, n := range names {
				if strings.Contains(n, "/") || n == ".." {
					t.Fatalf("a name %q in %s", n, dir)
				}
				r.Stat(dir+"/"+n, Superuser)
				info, err := r.Lstat(dir+"/"+n, Superuser)
				if err == nil && info.IsDir() && depth < 20 {
					walk(info.Path, depth+1)
				}
				if err == nil && info.Regular() {
					var ours *HostError
					if _, err := r.ReadFile(info.Path, Superuser, 1<<20); err != nil && !errors.As(err, &ours) {
						t.Fatal(err)
					}
				}
			}
		}
		walk("/", 0)
	})
}

// FuzzOSRelease: whatever is in the file, reading it ends.
func FuzzOSRelease(f *testing.F) {
	f.Add("ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='a b'\n# x\n")
	f.Fuzz(func(t *testing.T, text string) { parseOSRelease(text) })
}

// FuzzLibc: any bytes may be a loader's. What is read off them has its form.
func FuzzLibc(f *testing.F) {
	f.Add([]byte("\x00/lib64/\x00/usr/lib64/\x00\x00/etc/ld.so.cache\x00ld.so (GNU libc) stable release version 2.34.\n"))
	f.Add([]byte("musl libc (x86_64)\x001.2.5\x00/bin:/usr/bin\x00/lib:/usr/local/lib:/usr/lib\x00"))
	f.Add([]byte("=1.2.3-git-12-gabc\x00/lib/x/\x00/nix/store/a-b/lib/\x00 release version release version 2.\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dirs := builtinDirs(data)
		for _, d := range dirs {
			if !strings.HasPrefix(d, "/") || !strings.HasSuffix(d, "/") {
				t.Fatalf("%q", d)
			}
		}
		libDST(data, dirs)
		for _, d := range muslPath(data) {
			if !strings.HasPrefix(d, "/") {
				t.Fatalf("%q", d)
			}
		}
		if c := cachePath(data); c != "" && (c[0] != '/' || strings.ContainsRune(c, 0)) {
			t.Fatalf("%q", c)
		}
		for _, v := range []string{bannerVersion(data), muslVersion(data)} {
			if v != number.FindString(v) {
				t.Fatalf("%q", v)
			}
		}
	})
}

type entry struct {
	name, body, link string
	typ              byte
	mode             int64
}

func tarOf(entries []entry) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if e.typ == 0 {
			e.typ = tar.TypeReg
		}
		if e.mode == 0 {
			e.mode = 0o755
		}
		if err := w.WriteHeader(&tar.Header{Name: e.name, Typeflag: e.typ, Linkname: e.link, Mode: e.mode, Size: int64(len(e.body))}); err != nil {
			panic(err)
		}
		if _, err := w.Write([]byte(e.body)); err != nil {
			panic(err)
		}
	}
	w.Close()
	return b.Bytes()
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}
