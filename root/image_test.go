package root

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// parts are the blobs of images that a test makes, by digest.
type parts map[string][]byte

func (p parts) add(data []byte) Descriptor {
	sum := sha256.New()
	sum.Write(data)
	d := Descriptor{Digest: digestOf(sum), Size: int64(len(data))}
	p[d.Digest] = data
	return d
}

func (p parts) json(v any) Descriptor {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return p.add(data)
}

const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar"
)

type object = map[string]any

// image makes an image of layers, each a tar that may be compressed.
func (p parts) image(platform string, layers ...[]byte) Descriptor {
	plat, err := ParsePlatform(platform)
	if err != nil {
		panic(err)
	}
	var diffs []string
	var ds []object
	for _, l := range layers {
		d := p.add(l)
		ds = append(ds, object{"mediaType": typeLayer, "digest": d.Digest, "size": d.Size})
		diffs = append(diffs, parts{}.add(plain(l)).Digest)
	}
	c := p.json(object{"os": plat.OS, "architecture": plat.Architecture, "variant": plat.Variant, "config": object{"User": "app", "Entrypoint": []string{"/e"}}, "rootfs": object{"diff_ids": diffs}})
	m := p.json(object{"schemaVersion": 2, "config": object{"mediaType": configTypes[0], "digest": c.Digest, "size": c.Size}, "layers": ds})
	m.MediaType, m.Platform = typeManifest, plat
	return m
}

func (p parts) index(ds ...Descriptor) Descriptor {
	d := p.json(object{"schemaVersion": 2, "manifests": ds})
	d.MediaType = typeIndex
	return d
}

// plain undoes a compression.
func plain(data []byte) []byte {
	r, done, err := (&allowance{}).unpack(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		panic(err)
	}
	defer done()
	out, _ := io.ReadAll(r) // a bomb has no plain form
	return out
}

// archive is the layout as a tar; index becomes its index.json.
func (p parts) archive(index Descriptor) []byte {
	files := []entry{{name: "oci-layout", body: `{"imageLayoutVersion":"1.0.0"}`}, {name: "index.json", body: string(p[index.Digest])}}
	for digest, data := range p {
		files = append(files, entry{name: blobName(Descriptor{Digest: digest})[1:], body: string(data)})
	}
	return tarOf(files)
}

// The parts themselves are a source of blobs.
func (p parts) Manifest(_ context.Context, d Descriptor) ([]byte, error) {
	if data, ok := p[d.Digest]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func (p parts) Blob(ctx context.Context, d Descriptor) (io.ReadCloser, error) {
	data, err := p.Manifest(ctx, d)
	return io.NopCloser(bytes.NewReader(data)), err
}

func (p parts) Holds(d Descriptor) bool { return p[d.Digest] != nil }

func (p parts) open(t testing.TB, top Descriptor, opt ImageOptions) (*Root, error) {
	r, err := OpenImage(context.Background(), p, p[top.Digest], top, opt)
	if err == nil {
		t.Cleanup(func() { r.Close() })
	}
	return r, err
}

func zst(data []byte) []byte {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		panic(err)
	}
	z.Write(data)
	z.Close()
	return b.Bytes()
}

func withRef(d Descriptor, name string) Descriptor {
	d.Annotations = map[string]string{"org.opencontainers.image.ref.name": name}
	return d
}

// TestImageArchive: a tar of a layout, plain and compressed, holds the same
// image as its parts, with its digests.
func TestImageArchive(t *testing.T) {
	for name, squeeze := range map[string]func([]byte) []byte{"plain": bytes.Clone, "gzip": gz, "zstd": zst} {
		p := parts{}
		m := p.image("linux/arm64/v8", squeeze(tarOf([]entry{{name: "f", body: "x"}, {name: "g", body: "y"}})), squeeze(tarOf([]entry{{name: ".wh.g"}})))
		attest := p.image("unknown/unknown")
		attest.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
		gone := Descriptor{MediaType: typeManifest, Digest: "sha256:" + strings.Repeat("0", 64), Size: 5, Platform: Platform{OS: "linux", Architecture: "amd64"}}
		top := p.index(p.index(m, attest, gone))
		for _, data := range [][]byte{p.archive(top), gz(p.archive(top)), zst(p.archive(top))} {
			r := mustOpen(t, data)
			wantTree(t, r, "/f = x")
			if i := r.Image; i.Platform().String() != "linux/arm64/v8" || i.Digest != m.Digest || !strings.HasPrefix(i.ID, "sha256:") || i.Platforms != nil || i.User != "app" {
				t.Errorf("%s: %+v", name, i)
			}
		}
		r, err := p.open(t, top, ImageOptions{})
		must(t, err)
		wantTree(t, r, "/f = x")
	}
}

// TestPlatforms: what is wished for, else linux/amd64 on whatever machine,
// else the first for linux.
func TestPlatforms(t *testing.T) {
	for _, c := range []struct{ have, wish, want, err string }{
		{"linux/arm64 linux/amd64 windows/amd64", "", "linux/amd64", ""},
		{"linux/arm64/v8 linux/s390x", "", "linux/arm64/v8", ""},
		{"windows/amd64 linux/s390x linux/riscv64", "", "linux/s390x", ""},
		{"linux/arm64/v8 linux/amd64", "linux/arm64", "linux/arm64/v8", ""},
		{"linux/arm64 linux/amd64", "linux/aarch64", "linux/arm64", ""},
		{"linux/arm/v5 linux/arm/v7 linux/arm/v6", "linux/arm", "linux/arm/v7", ""},
		{"linux/arm/v5 linux/arm/v7 linux/arm/v6", "linux/arm/v6", "linux/arm/v6", ""},
		{"linux/arm/v5 linux/arm/v6 linux/amd64", "linux/arm/v7", "linux/arm/v6", ""},
		{"linux/arm/v7 linux/amd64", "linux/arm/v6", "", "it has no image for linux/arm/v6; it has linux/arm/v7, linux/amd64"},
		{"linux/amd64/v3 linux/amd64", "linux/amd64", "linux/amd64", ""},
		{"linux/amd64/v3 linux/amd64/v2", "", "linux/amd64/v2", ""},
		{"linux/amd64 linux/amd64/v3", "linux/amd64/v2", "linux/amd64", ""},
		{"linux/amd64 linux/arm64", "linux/s390x", "", "it has no image for linux/s390x; it has linux/amd64, linux/arm64"},
		{"windows/amd64 windows/arm64", "", "", "it has no image for linux; it has windows/amd64, windows/arm64"},
		{"windows/amd64", "", "", "it has no image for linux; it has windows/amd64"},
		{"linux/amd64", "linux/arm64", "", "it has no image for linux/arm64; it has linux/amd64"},
		{"linux/amd64", "linux", "", "a platform is OS/ARCH"},
		{"linux/amd64 linux/amd64", "", "", "it holds 2 images"},
	} {
		p := parts{}
		var ds []Descriptor
		for i, name := range strings.Fields(c.have) {
			ds = append(ds, p.image(name, tarOf([]entry{{name: fmt.Sprint(i), body: name}})))
		}
		for _, bare := range []bool{false, true} { // with and without platforms in the index
			if bare {
				for i := range ds {
					ds[i].Platform = Platform{}
				}
			}
			top := p.index(ds...)
			r, err := p.open(t, top, ImageOptions{Platform: c.wish})
			file := filepath.Join(t.TempDir(), "a.tar")
			must(t, os.WriteFile(file, p.archive(top), 0o600))
			inArchive, err2 := ArchivePlatform(context.Background(), file, c.wish)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || err2 == nil || !strings.Contains(err2.Error(), c.err) {
					t.Errorf("%+v: %v, %v", c, err, err2)
				}
				continue
			}
			if err != nil || err2 != nil {
				t.Errorf("%+v: %v, %v", c, err, err2)
				continue
			}
			for _, r := range []*Root{r, inArchive} {
				if got := r.Image.Platform().String(); got != c.want || !slices.Contains(r.Image.Platforms, c.want) && len(ds) > 1 {
					t.Errorf("%+v: %s of %q", c, got, r.Image.Platforms)
				}
				if text := list(r, "/"); !strings.Contains(text, " = "+c.want+"\n") {
					t.Errorf("%+v: the tree is %s", c, text)
				}
			}
			inArchive.Close()
		}
	}
}

// TestNames: of several images in a layout one must be named, and one image
// with two names is one.
func TestNames(t *testing.T) {
	p := parts{}
	a, b := p.image("linux/amd64", tarOf([]entry{{name: "a", body: "1"}})), p.image("linux/amd64", tarOf([]entry{{name: "b", body: "2"}}))
	top := p.index(withRef(a, "1"), withRef(b, "2"), withRef(a, "latest"))
	for tag, want := range map[string]string{"1": "/a = 1", "2": "/b = 2", "latest": "/a = 1"} {
		r, err := p.open(t, top, ImageOptions{Tag: tag})
		must(t, err)
		wantTree(t, r, want)
	}
	var many *ManyError
	if _, err := p.open(t, top, ImageOptions{}); !errors.As(err, &many) || many.N != 2 || !slices.Equal(many.Names, []string{"1", "2"}) {
		t.Error(err)
	}
	if _, err := p.open(t, top, ImageOptions{Tag: "3"}); err == nil || !strings.Contains(err.Error(), "no image named 3; it has 1, 2, latest") {
		t.Error(err)
	}
	r, err := p.open(t, p.index(withRef(a, "1"), withRef(a, "2")), ImageOptions{})
	must(t, err)
	wantTree(t, r, "/a = 1")
}

// TestLies: blobs that are not what is stated, and documents that are no
// image, are told apart and refused.
func TestLies(t *testing.T) {
	layer := gz(tarOf([]entry{{name: "f", body: "x"}}))
	edit := func(p parts, d Descriptor, change func(object)) Descriptor {
		var m object
		must(t, json.Unmarshal(p[d.Digest], &m))
		change(m)
		return p.json(m)
	}
	first := func(m object) object { return m["layers"].([]any)[0].(object) }
	for name, c := range map[string]struct {
		change func(p parts, d Descriptor) Descriptor
		want   string
	}{
		"larger than stated": {func(p parts, d Descriptor) Descriptor {
			return edit(p, d, func(m object) { first(m)["size"] = len(layer) - 1 })
		}, "its size is more"},
		"smaller than stated": {func(p parts, d Descriptor) Descriptor {
			return edit(p, d, func(m object) { first(m)["size"] = len(layer) + 1 })
		}, "its size is"},
		"no size":       {func(p parts, d Descriptor) Descriptor { return edit(p, d, func(m object) { delete(first(m), "size") }) }, "its size is more, and 0 is stated"},
		"negative size": {func(p parts, d Descriptor) Descriptor { return edit(p, d, func(m object) { first(m)["size"] = -1 }) }, "has no size"},
		"other layer": {func(p parts, d Descriptor) Descriptor {
			other := bytes.Clone(layer)
			other[len(other)-5]++
			p[p.add(layer).Digest] = other
			return d
		}, "its digest is sha256:"},
		"other config": {func(p parts, d Descriptor) Descriptor {
			var m manifest
			must(t, json.Unmarshal(p[d.Digest], &m))
			p[m.Config.Digest] = append([]byte(" "), p[m.Config.Digest][1:]...)
			return d
		}, "its digest is sha256:"},
		"long config": {func(p parts, d Descriptor) Descriptor {
			var m manifest
			must(t, json.Unmarshal(p[d.Digest], &m))
			p[m.Config.Digest] = append(p[m.Config.Digest], ' ')
			return d
		}, "its size is more"},
		"no digest": {func(p parts, d Descriptor) Descriptor { return edit(p, d, func(m object) { first(m)["digest"] = "" }) }, "is no digest"},
		"up and out": {func(p parts, d Descriptor) Descriptor {
			return edit(p, d, func(m object) { first(m)["digest"] = "sha256:../../../x" })
		}, "is no digest"},
		"both": {func(p parts, d Descriptor) Descriptor {
			return edit(p, d, func(m object) { m["manifests"] = []Descriptor{} })
		}, "an index and an image at once"},
		"encrypted": {func(p parts, d Descriptor) Descriptor {
			return edit(p, d, func(m object) { first(m)["mediaType"] = typeLayer + "+gzip+encrypted" })
		}, "is encrypted"},
		"chart": {func(p parts, d Descriptor) Descriptor {
			return edit(p, d, func(m object) { m["config"].(object)["mediaType"] = "application/vnd.cncf.helm.config.v1+json" })
		}, "no image of files, but application/vnd.cncf.helm"},
		"signature": {func(p parts, d Descriptor) Descriptor {
			return edit(p, d, func(m object) { first(m)["mediaType"] = "application/vnd.dev.cosign.simplesigning.v1+json" })
		}, "no layer of files"},
		"schema 1": {func(p parts, d Descriptor) Descriptor { return p.json(object{"schemaVersion": 1, "fsLayers": 1}) }, "schema 1"},
		"fewer layers": {func(p parts, d Descriptor) Descriptor {
			return edit(p, d, func(m object) { m["layers"] = []any{} })
		}, "names 1 layers, its manifest 0"},
		"nothing": {func(p parts, d Descriptor) Descriptor { return p.json(object{}) }, "neither images nor"},
		"text":    {func(p parts, d Descriptor) Descriptor { return p.add([]byte("<html>")) }, "it is no manifest"},
		"other manifest": {func(p parts, d Descriptor) Descriptor {
			top := p.index(d)
			p[d.Digest] = append([]byte(" "), p[d.Digest][1:]...)
			return top
		}, "its digest is sha256:"},
	} {
		p := parts{}
		top := c.change(p, p.image("linux/amd64", layer))
		if _, err := p.open(t, top, ImageOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The tar inside is another than the configuration says.
	p := parts{}
	m := p.image("linux/amd64", layer)
	swapped := edit(p, m, func(m object) {
		d := p.add(gz(tarOf([]entry{{name: "f", body: "y"}})))
		first(m)["digest"], first(m)["size"] = d.Digest, d.Size
	})
	if _, err := p.open(t, swapped, ImageOptions{}); err == nil || !strings.Contains(err.Error(), "its unpacked content is sha256:") {
		t.Error(err)
	}
	// In an archive too, where a plain layer is read in place.
	p = parts{}
	m = p.image("linux/amd64", tarOf([]entry{{name: "f", body: "x"}}))
	top := p.index(m)
	for digest, data := range p {
		if bytes.HasPrefix(data, []byte("f\x00")) {
			p[digest] = bytes.Replace(data, []byte("x"), []byte("y"), 1)
		}
	}
	if _, err := openBytes(t, p.archive(top)); err == nil || !strings.Contains(err.Error(), "its digest is sha256:") {
		t.Error(err)
	}
}

// endless is a blob without an end.
type endless struct {
	parts
	fill []byte
	read int
}

func (e *endless) Blob(ctx context.Context, d Descriptor) (io.ReadCloser, error) {
	if len(e.parts[d.Digest]) < 2000 {
		return e.parts.Blob(ctx, d)
	}
	return io.NopCloser(e), nil
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.fill[(e.read+i)%len(e.fill)]
	}
	e.read += len(p)
	return len(p), nil
}

// TestEndless: what goes on behind its stated size is not read on.
func TestEndless(t *testing.T) {
	body := tarOf([]entry{{name: "f", body: strings.Repeat("x", 100<<10)}})
	for _, fill := range [][]byte{body[:len(body)-1024], gz(body), make([]byte, 512)} {
		p := parts{}
		m := p.image("linux/amd64", append(body, fill...))
		e := &endless{parts: p, fill: fill}
		_, err := OpenImage(context.Background(), e, p[m.Digest], m, ImageOptions{})
		var lie *BlobError
		if !errors.As(err, &lie) || e.read > len(body)+len(fill)+1 {
			t.Errorf("%v after %d bytes", err, e.read)
		}
	}
	// A layer that never stops growing.
	big := make([]byte, 0, 80<<20)
	one := tarOf([]entry{{name: "f", body: strings.Repeat("x", 8<<20)}})
	for range 9 {
		big = append(big, one[:len(one)-1024]...)
	}
	if testing.Short() {
		return
	}
	var many [][]byte
	for range 4 {
		many = append(many, gz(big))
	}
	p := parts{}
	m := p.image("linux/amd64", bytes.Join(many, nil))
	var limit *LimitError
	if _, err := p.open(t, m, ImageOptions{}); !errors.As(err, &limit) {
		t.Errorf("a bomb: %v", err)
	}
}

// TestKept: of large files that are no programs only the head is there, and
// reading on says so; what loaders and rules read is whole.
func TestKept(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", keepAll/16) + "end"
	layer := tarOf([]entry{
		{name: "model.bin", body: large, mode: 0o644}, {name: "app", body: "\x7fELF" + large}, {name: "s", body: "#!/bin/sh\n" + large}, {name: "w.exe", body: "MZ" + large},
		{name: "./etc/ssl/certs/all.pem", body: large}, {name: "usr/share/zoneinfo/big", body: large}, {name: "var/lib/rpm/rpmdb.sqlite", body: large}, {name: "opt/ld.so.cache", body: large},
		{name: "small", body: large[:keepAll]}, {name: "hard", typ: tar.TypeLink, link: "model.bin"}, {name: "usr/share/doc/app/README", body: large[:keepText+1]}, {name: "usr/share/doc/app/example", body: "#!/bin/sh\n" + large[:keepText+1]},
	})
	for _, squeeze := range []func([]byte) []byte{bytes.Clone, gz, zst} {
		p := parts{}
		r, err := p.open(t, p.image("linux/amd64", squeeze(layer)), ImageOptions{})
		must(t, err)
		for name, size := range map[string]int{"/app": 4, "/s": 10, "/w.exe": 2, "/etc/ssl/certs/all.pem": 0, "/usr/share/zoneinfo/big": 0, "/var/lib/rpm/rpmdb.sqlite": 0, "/opt/ld.so.cache": 0} {
			b, err := r.ReadFile(name, Superuser, 1<<30)
			if err != nil || len(b) != size+len(large) || !bytes.HasSuffix(b, []byte("end")) {
				t.Errorf("%s: %d bytes, %v", name, len(b), err)
			}
		}
		if b, err := r.ReadFile("/small", Superuser, 1<<30); err != nil || len(b) != keepAll {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		if b, err := r.ReadFile("/usr/share/doc/app/example", Superuser, 1<<30); err != nil || len(b) != keepText+11 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		if b, err := r.ReadFile("/usr/share/doc/app/README", Superuser, 1<<30); err == nil {
			t.Errorf("%d bytes of a document are there", len(b))
		}
		for _, name := range []string{"/model.bin", "/hard"} {
			info, err := r.Stat(name, Superuser)
			must(t, err)
			if info.Size != int64(len(large)) || info.Mode != ModeReg|0o644 {
				t.Errorf("%+v", info)
			}
			if b, err := r.ReadFile(name, Superuser, keepHead); err != nil || string(b) != large[:keepHead] {
				t.Errorf("the head: %d bytes, %v", len(b), err)
			}
			var ours *HostError
			var unkept *UnkeptError
			if _, err := r.ReadFile(name, Superuser, keepHead+1); !errors.As(err, &ours) || !errors.As(err, &unkept) {
				t.Errorf("%s: %v", name, err)
			}
			if o, err := r.Program(info); err != nil || o.Facts.ELF != nil || o.Facts.Size != info.Size {
				t.Errorf("facts: %+v %v", o, err)
			}
		}
	}
}

// memCache is a cache in a test's folder, whose files the test may spoil.
type memCache struct {
	dir          string
	mu           sync.Mutex
	hits, forgot int
	full         bool
}

func (c *memCache) name(digest string) string {
	return filepath.Join(c.dir, strings.Replace(digest, ":", "-", 1))
}
func (c *memCache) Get(digest string) *os.File {
	f, err := os.Open(c.name(digest))
	if err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hits++
	return f
}
func (c *memCache) New() (*os.File, error) { return os.CreateTemp(c.dir, "new") }
func (c *memCache) Keep(f *os.File, digest string) error {
	if c.full {
		return errors.New("no room")
	}
	return os.Rename(f.Name(), c.name(digest))
}
func (c *memCache) Drop(f *os.File)      { os.Remove(f.Name()) }
func (c *memCache) Forget(digest string) { c.forgot++; os.Remove(c.name(digest)) }

// fullDisk is a cache whose disk has no room.
type fullDisk struct{}

func (fullDisk) Get(string) *os.File         { return nil }
func (fullDisk) New() (*os.File, error)      { return os.OpenFile("/dev/full", os.O_RDWR, 0) }
func (fullDisk) Keep(*os.File, string) error { return nil }
func (fullDisk) Drop(*os.File)               {}
func (fullDisk) Forget(string)               {}

// TestLayerCache: a kept layer is the same tree without its blob; one that is
// spoilt anywhere is noticed, and read anew.
func TestLayerCache(t *testing.T) {
	p := parts{}
	layer := gz(tarOf([]entry{{name: "f", body: "x"}, {name: ".wh.g"}, {name: "l", typ: tar.TypeSymlink, link: "f"}, {name: "é/" + strings.Repeat("n", 150), body: "long"}, {name: "p", typ: tar.TypeFifo},
		{name: "h", typ: tar.TypeLink, link: "f"}, {name: "big", body: strings.Repeat("y", keepAll+1)}}))
	m := p.image("linux/amd64", gz(tarOf([]entry{{name: "g", body: "gone"}})), layer)
	c := &memCache{dir: t.TempDir()}
	first, err := p.open(t, m, ImageOptions{Cache: c})
	must(t, err)
	want := list(first, "/")
	if strings.Contains(want, "gone") || !strings.Contains(want, "/h = x\n") {
		t.Fatal(want)
	}
	blobs := map[string][]byte{}
	for digest, data := range p {
		if data[0] == 0x1f {
			blobs[digest] = data
			delete(p, digest)
		}
	}
	again, err := p.open(t, m, ImageOptions{Cache: c})
	must(t, err)
	if got := list(again, "/"); got != want || c.hits != 2 {
		t.Errorf("%d hits, %s", c.hits, got)
	}
	for d, data := range blobs {
		p[d] = data
	}
	files, _ := filepath.Glob(filepath.Join(c.dir, "sha256-*"))
	for _, f := range files {
		whole, err := os.ReadFile(f)
		must(t, err)
		for at := 0; at < len(whole); at += max(1, len(whole)/97) {
			bad := bytes.Clone(whole)
			bad[at] ^= 0x10
			must(t, os.WriteFile(f, bad, 0o600))
			r, err := p.open(t, m, ImageOptions{Cache: c})
			must(t, err)
			if list(r, "/") != want {
				t.Fatalf("a flipped bit at %d of %d shows", at, len(whole))
			}
			if back, _ := os.ReadFile(f); !bytes.Equal(back, whole) {
				t.Fatalf("a flipped bit at %d of %d stays", at, len(whole))
			}
		}
		for _, cut := range []int{0, 1, 60, len(whole) / 2, len(whole) - 1} {
			must(t, os.WriteFile(f, whole[:cut], 0o600))
			r, err := p.open(t, m, ImageOptions{Cache: c})
			must(t, err)
			if list(r, "/") != want {
				t.Fatalf("cut to %d", cut)
			}
		}
	}
	// One layer's file under another's name.
	if len(files) == 2 {
		must(t, os.Remove(files[0]))
		must(t, os.Link(files[1], files[0]))
		r, err := p.open(t, m, ImageOptions{Cache: c})
		must(t, err)
		if list(r, "/") != want {
			t.Error("a layer under another's name was taken")
		}
	}
	// A cache without room is no failure, and leaves nothing.
	full := &memCache{dir: t.TempDir(), full: true}
	r, err := p.open(t, m, ImageOptions{Cache: full})
	must(t, err)
	if left, _ := os.ReadDir(full.dir); list(r, "/") != want || len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	// One on a disk that is full is done without.
	r, err = p.open(t, m, ImageOptions{Cache: fullDisk{}})
	must(t, err)
	if list(r, "/") != want {
		t.Error("a full disk shows")
	}
	// A layer that fails leaves nothing.
	p[m.Digest] = bytes.Replace(p[m.Digest], []byte(`"size":`), []byte(`"size":9`), -1)
	bad := p.add(p[m.Digest])
	fresh := &memCache{dir: t.TempDir()}
	if _, err := p.open(t, bad, ImageOptions{Cache: fresh}); err == nil {
		t.Error("sizes that lie were taken")
	}
	if left, _ := os.ReadDir(fresh.dir); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

// TestLocalVerified: a cached layer does not hide that a layout's blob is
// damaged: an answer never depends on what a machine did before.
func TestLocalVerified(t *testing.T) {
	p := parts{}
	layer := gz(tarOf([]entry{{name: "f", body: "x"}}))
	m := p.image("linux/amd64", layer)
	c := &memCache{dir: t.TempDir()}
	opt := ImageOptions{Cache: c, Local: true}
	_, err := p.open(t, m, opt)
	must(t, err)
	p[p.add(layer).Digest] = layer[:len(layer)-1]
	if _, err := p.open(t, m, opt); err == nil || !strings.Contains(err.Error(), "its size is") {
		t.Error(err)
	}
}

// TestRepeatedLayer: images repeat the layer that changes nothing.
func TestRepeatedLayer(t *testing.T) {
	empty, f := gz(tarOf(nil)), gz(tarOf([]entry{{name: "f", body: "x"}}))
	hide := gz(tarOf([]entry{{name: ".wh.f"}}))
	p := parts{}
	for _, c := range []struct {
		layers [][]byte
		want   string
	}{{[][]byte{empty, f, empty, empty}, "/f = x\n"}, {[][]byte{f, hide, f}, "/f = x\n"}, {[][]byte{f, hide, f, hide}, ""}} {
		r, err := p.open(t, p.image("linux/amd64", c.layers...), ImageOptions{})
		must(t, err)
		if got := list(r, "/"); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestProgress: all bytes of layers that are read are counted, up to what was
// foretold.
func TestProgress(t *testing.T) {
	p := parts{}
	var layers [][]byte
	for i := range 5 {
		layers = append(layers, gz(tarOf([]entry{{name: fmt.Sprint(i), body: strings.Repeat(fmt.Sprint(i), 1000*i)}})))
	}
	var size int64
	for _, l := range layers {
		size += int64(len(l))
	}
	var done, total int64
	_, err := p.open(t, p.image("linux/amd64", layers...), ImageOptions{Progress: func(d, t int64) { done, total = max(done, d), t }})
	must(t, err)
	if done != size || total != size {
		t.Errorf("%d of %d, want %d", done, total, size)
	}
}

// TestDockerArchives: docker save's manifest.json alone, as Podman and skopeo
// write it, and beside a layout, as Docker does since version 25.
func TestDockerArchives(t *testing.T) {
	layer := tarOf([]entry{{name: "f", body: "x"}})
	diff := parts{}.add(layer).Digest
	config := func(os, arch string) string {
		return fmt.Sprintf(`{"os":%q,"architecture":%q,"rootfs":{"diff_ids":[%q]}}`, os, arch, diff)
	}
	hexOf := func(text string) string { return strings.TrimPrefix(parts{}.add([]byte(text)).Digest, "sha256:") }
	amd, arm := config("linux", "amd64"), config("linux", "arm64")
	save := func(files map[string]string, manifest string) []byte {
		all := []entry{{name: "manifest.json", body: manifest}, {name: "layer.tar", body: string(layer)}, {name: "layer.tgz", body: string(gz(layer))}}
		for name, text := range files {
			all = append(all, entry{name: name, body: text})
		}
		return tarOf(all)
	}
	one := func(config, layer string) string {
		return fmt.Sprintf(`{"Config":%q,"RepoTags":["a:1"],"Layers":[%q]}`, config, layer)
	}
	for name, c := range map[string]struct {
		data           []byte
		platform, want string
	}{
		"plain":                  {save(map[string]string{"c.json": amd}, "["+one("c.json", "layer.tar")+"]"), "", "linux/amd64"},
		"gzip":                   {save(map[string]string{"c.json": amd}, "["+one("c.json", "layer.tgz")+"]"), "", "linux/amd64"},
		"by digest":              {save(map[string]string{hexOf(amd) + ".json": amd}, "["+one(hexOf(amd)+".json", "layer.tar")+"]"), "linux/amd64", "linux/amd64"},
		"other digest":           {save(map[string]string{hexOf(arm) + ".json": amd}, "["+one(hexOf(arm)+".json", "layer.tar")+"]"), "", "its digest is sha256:"},
		"other layer":            {save(map[string]string{"c.json": strings.Replace(amd, diff[10:20], "0000000000", 1)}, "["+one("c.json", "layer.tar")+"]"), "", "its digest is sha256:"},
		"other gzip":             {save(map[string]string{"c.json": strings.Replace(amd, diff[10:20], "0000000000", 1)}, "["+one("c.json", "layer.tgz")+"]"), "", "its unpacked content is sha256:"},
		"windows":                {save(map[string]string{"c.json": config("windows", "amd64")}, "["+one("c.json", "layer.tar")+"]"), "", "it has no image for linux; it has windows/amd64"},
		"not for arm":            {save(map[string]string{"c.json": amd}, "["+one("c.json", "layer.tar")+"]"), "linux/arm64", "it has no image for linux/arm64; it has linux/amd64"},
		"two":                    {save(map[string]string{"c.json": amd, "d.json": arm}, "["+one("c.json", "layer.tar")+","+one("d.json", "layer.tgz")+"]"), "", "linux/amd64"},
		"two, arm":               {save(map[string]string{"c.json": amd, "d.json": arm}, "["+one("c.json", "layer.tar")+","+one("d.json", "layer.tgz")+"]"), "linux/arm64", "linux/arm64"},
		"more diffs":             {save(map[string]string{"c.json": amd}, `[{"Config":"c.json","Layers":[]}]`), "", "names 1 layers, its manifest.json 0"},
		"no wish is no platform": {save(map[string]string{"c.json": amd}, "["+one("c.json", "layer.tar")+"]"), "amd64", "a platform is OS/ARCH"},
	} {
		file := filepath.Join(t.TempDir(), "a.tar")
		must(t, os.WriteFile(file, c.data, 0o600))
		r, err := ArchivePlatform(context.Background(), file, c.platform)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if got := r.Image.Platform().String(); got != c.want || r.Image.ID == "" || r.Image.Digest != "" || list(r, "/") != "/f = x\n" {
			t.Errorf("%s: %+v", name, r.Image)
		}
		r.Close()
	}
	p := parts{}
	m := p.image("linux/arm64", layer)
	both := append(p.archive(p.index(m))[:0:0], p.archive(p.index(m))...)
	both = append(both[:len(both)-1024], tarOf([]entry{{name: "manifest.json", body: "[" + one("x", "y") + "]"}})...)
	r := mustOpen(t, both)
	if r.Image.Digest != m.Digest {
		t.Errorf("%+v", r.Image)
	}
}
