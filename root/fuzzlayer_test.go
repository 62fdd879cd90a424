package root

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// names is a tree as text, without the contents of files.
func names(r *Root, dir string, depth int) string {
	var b strings.Builder
	list, _ := r.ReadDir(dir)
	for _, n := range list {
		p := strings.TrimSuffix(dir, "/") + "/" + n
		info, err := r.Lstat(p, Superuser)
		to, _ := r.store.readlink(p)
		fmt.Fprintf(&b, "%q %o %d %d %d %q %v\n", p, info.Mode, info.UID, info.GID, info.Size, to, err)
		if info.IsDir() && depth < 20 {
			b.WriteString(names(r, p, depth+1))
		}
	}
	return b.String()
}

// FuzzLayer: a layer that is reduced to what is needed, and read back, is the
// tree that it makes when it is read at once.
func FuzzLayer(f *testing.F) {
	f.Add(tarOf([]entry{{name: "bin/", typ: tar.TypeDir}, {name: "bin/sh", body: "#!x"}, {name: "lib", typ: tar.TypeSymlink, link: "usr/lib"}, {name: "a/.wh.b"}, {name: "a/.wh..wh..opq"}}))
	f.Add(gz(tarOf([]entry{{name: "h", typ: tar.TypeLink, link: "f"}, {name: "f", body: strings.Repeat("x", keepAll+1)}, {name: "usr/share/doc/x", body: strings.Repeat("y", keepText+1)}, {name: "é", typ: tar.TypeFifo}})))
	f.Add(zst(tarOf([]entry{{name: strings.Repeat("long/", 60), typ: tar.TypeDir}, {name: "../../x", body: "y"}})))
	f.Add(sparseFile(1 << 16))
	f.Add(sparseFile(1 << 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := parts{}
		d := p.add(data)
		l := &layer{Descriptor: d, name: d.Digest, open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
		pull := &puller{allowance: &allowance{}, ctx: context.Background()}
		reduced, err := pull.tree([]*layer{l})
		b := &builder{archive: &archive{ctx: context.Background(), allowance: &allowance{}}, store: newMemStore(), layered: true, layer: 1}
		err2 := readWhole(b, data)
		for _, c := range b.closers {
			defer c.Close()
		}
		if err2 != nil {
			if err == nil {
				reduced.close()
				t.Fatalf("reduced it is read, at once: %v", err2)
			}
			return
		}
		if err != nil {
			t.Fatalf("reduced: %v", err)
		}
		defer reduced.close()
		if one, two := names(newRoot("", reduced), "/", 0), names(newRoot("", b.store), "/", 0); one != two {
			t.Fatalf("reduced:\n%s\nat once:\n%s", one, two)
		}
	})
}

// readWhole reads a tar at once, and what lies behind its end, as whoever
// verifies a layer does.
func readWhole(b *builder, data []byte) error {
	file := io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
	plain, done, err := b.decompress(file)
	if err != nil {
		return err
	}
	defer done()
	if err := b.entries(file, plain); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, plain)
	return err
}

// FuzzReduced: whatever a cache's file holds, reading it ends, and nothing
// that was not written is taken.
func FuzzReduced(f *testing.F) {
	p := parts{}
	blob := p.add(gz(tarOf([]entry{{name: "f", body: "x"}, {name: "big", body: strings.Repeat("y", keepAll+1)}})))
	l := &layer{Descriptor: blob, name: blob.Digest}
	file := filepath.Join(f.TempDir(), "layer")
	out, err := os.Create(file)
	must(f, err)
	_, err = newReducer(context.Background(), &allowance{}, out).reduce(l, bytes.NewReader(p[blob.Digest]))
	must(f, err)
	whole, err := os.ReadFile(file)
	must(f, err)
	f.Add(whole, true)
	f.Add(whole[:len(whole)-reducedTail], false)
	f.Add(tarOf([]entry{{name: "f", body: "x"}}), true)
	f.Fuzz(func(t *testing.T, data []byte, raw bool) {
		if raw {
			if _, err := openReduced(context.Background(), bytes.NewReader(data), int64(len(data)), l); err == nil && !bytes.Equal(data, whole) {
				t.Fatal("it was taken for what was written")
			}
		}
		// What has a right sum is still read with care.
		b := &builder{archive: &archive{ctx: context.Background(), allowance: &allowance{}}, store: newMemStore(), layered: true, layer: 1, reduced: true}
		tar := io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
		if b.entries(tar, tar) != nil {
			return
		}
		for _, c := range b.closers {
			defer c.Close()
		}
		r := newRoot("", b.store)
		list(r, "/")
	})
}
