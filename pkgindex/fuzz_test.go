package pkgindex

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

func seed(f *testing.F, pattern string, most int) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		f.Fatal(pattern, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
			if data, err = io.ReadAll(z); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(data[:min(len(data), most)])
	}
}

// use does with packages what is done with an index of them.
func use(t *testing.T, format Format, packages []Package) {
	x := made(format, packages)
	for i := range x.Packages {
		for j := range x.Packages[i].Files {
			if p := x.Packages[i].Files[j].Path; !strings.HasPrefix(p, "/") || strings.Contains(p, "/../") {
				t.Fatalf("a path %q", p)
			}
		}
	}
	r, err := root.Described("", x.Entries(""))
	if err != nil {
		return // more names than a tree may have
	}
	if info, err := r.Stat("/lib64/libc.so.6", root.Superuser); err == nil && info.Regular() {
		r.Object(info)
	}
	x.Libraries("")
	x.Providers("libc.so.6", []string{"GLIBC_2.4"}, "")
	// As WriteTo does, without the compression, which is slow.
	c := &codec{reading: true, spent: new(int), in: encode(func(c *codec) { x.serial(c, func(*File) {}) })}
	c.readTable()
	if c.err == nil {
		(&Index{}).serial(c, func(*File) {})
	}
	if c.err != nil || len(c.in) > 0 {
		t.Fatalf("what was written can't be read: %v, %d bytes left", c.err, len(c.in))
	}
}

// FuzzRPMDB: no database makes the reader read more than it has.
func FuzzRPMDB(f *testing.F) {
	seed(f, "testdata/small/*", 1<<20)
	f.Fuzz(func(t *testing.T, data []byte) {
		if packages, err := readRPMDB(context.Background(), bytes.NewReader(data), int64(len(data))); err == nil {
			use(t, FormatRPMDB, packages)
		}
	})
}

// FuzzHeader: one header, as databases and packages have it.
func FuzzHeader(f *testing.F) {
	for _, name := range []string{"testdata/rpmdb/centos-5.11-x86_64.Packages.gz", "testdata/rpmdb/sles-15.4-x86_64.Packages.db.gz"} {
		for _, blob := range blobsOf(f, name) {
			f.Add(blob)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parseHeader(data)
		if err != nil {
			return
		}
		if p, err := rpmPackage(h); err == nil {
			use(t, FormatRPMDB, []Package{p})
		}
	})
}

func blobsOf(f *testing.F, name string) (blobs [][]byte) {
	file, err := os.Open(name)
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		f.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		f.Fatal(err)
	}
	db := &database{ctx: context.Background(), r: bytes.NewReader(data), size: int64(len(data)), budget: 1 << 30}
	err = rpmBackendOf(data).blobs(db, func(blob []byte) error {
		blobs = append(blobs, bytes.Clone(blob))
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	return blobs
}

// FuzzPrimary: primary.xml, and filelists.xml of its packages.
func FuzzPrimary(f *testing.F) {
	seed(f, "testdata/repodata/*.gz", 1<<14)
	f.Add([]byte(`<filelists><package name="a" arch="b"><version ver="1" rel="1"/><file>/usr/lib64/a.so.1</file></package></filelists>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		packages, err := readPrimary(context.Background(), bytes.NewReader(data))
		if err == nil {
			use(t, FormatPrimary, packages)
		}
		readFilelists(context.Background(), bytes.NewReader(data), packages)
	})
}

// FuzzDecode: our own form is as foreign as any other file.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("data/*.idx")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 1<<15 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if x, err := Decode(data); err == nil {
			each(x)
		}
	})
}

// FuzzCodec: what is inside the compressed parts.
func FuzzCodec(f *testing.F) {
	x, ok := Embedded("sles:15.3", "")
	if !ok {
		f.Fatal("no sles:15.3")
	}
	f.Add(encode(func(c *codec) { x.serial(c, func(*File) {}) }), factsBlock([]*binary.Facts{opaqueFacts(&Library{Soname: "libx.so.1", Machine: "x86-64", Class: 64, Kind: binary.KindShared, Nodes: []string{"A"}}, 0, nil)}))
	f.Fuzz(func(t *testing.T, core, facts []byte) {
		c := &codec{reading: true, in: core, spent: new(int)}
		c.readTable()
		y := &Index{}
		if c.err == nil {
			y.serial(c, func(*File) {})
		}
		if c.err == nil {
			each(y)
		}
		store := &factsStore{blocks: []*block{{}}}
		store.blocks[0].read(facts, store)
		store.blocks[0].once.Do(func() {})
		for place := range 3 {
			l := &lazyFacts{store: store, block: store.blocks[0], place: place}
			l.read()
		}
	})
}

func each(x *Index) {
	for i := range x.Packages {
		for j := range x.Packages[i].Files {
			x.Packages[i].Files[j].Facts()
		}
	}
	x.Libraries("")
	x.Entries("x86-64")
}

// FuzzPackage: a .rpm, .deb or .apk file.
func FuzzPackage(f *testing.F) {
	files, err := filepath.Glob("testdata/packages/*")
	if err != nil || len(files) < 3 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(dir, "p")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := OpenPayload(context.Background(), file)
		if err != nil {
			return
		}
		root.Described("", p.Entries())
		p.Package.trim()
		use(t, p.Format, []Package{p.Package})
	})
}

// FuzzAPK: the text of an apk index or database.
func FuzzAPK(f *testing.F) {
	f.Add("C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\np:so:libc.musl-x86_64.so.1=1\n\nP:a\nV:1\nD:so:libc.musl-x86_64.so.1 b>=1 !c\nF:lib\nM:0:0:755\nR:liba.so.1\na:0:0:755\n")
	f.Fuzz(func(t *testing.T, text string) {
		x, err := openStream(context.Background(), strings.NewReader(text))
		if err == nil {
			use(t, x.Formats[0], x.Packages)
		}
	})
}

// FuzzControl: dependencies as packages write them, and their versions.
func FuzzControl(f *testing.F) {
	f.Add("libc6 (>= 2.34), a | b (<< 3), c:any [amd64] <!x>", "1:1.0~rc1-1", "1.0^git-2")
	f.Fuzz(func(t *testing.T, text, a, b string) {
		debRelations(text)
		(&builder{}).controlFields(text)
		apkRelation(text)
		parseSoname(text)
		for _, c := range []func(a, b string) int{compareRPM, compareDeb} {
			if x, y := c(a, b), c(b, a); x > 0 != (y < 0) || x < 0 != (y > 0) {
				t.Fatalf("%q and %q: %d, the other way round %d", a, b, x, y)
			}
			if c(a, a) != 0 {
				t.Fatalf("%q is not itself", a)
			}
		}
		if x, y := libCompare(a, b), libCompare(b, a); x > 0 != (y < 0) && isASCII(a+b) {
			t.Fatalf("%q and %q in a cache: %d, %d", a, b, x, y)
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}
