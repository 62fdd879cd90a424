package ociimage_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/willrun/willrun/ociimage"
	"github.com/willrun/willrun/ociimage/ocitest"
	"github.com/willrun/willrun/root"
)

// TestLayoutNames: DIR, or DIR:TAG as skopeo writes it, unless that is a
// directory itself.
func TestLayoutNames(t *testing.T) {
	home(t)
	p := ocitest.New()
	a, b := p.Image(ocitest.Config{}, gz(tarOf(t, file{name: "f", body: "a"}))), p.Image(ocitest.Config{}, gz(tarOf(t, file{name: "f", body: "b"})))
	dir := ocitest.Layout(t, p, a.Named("1.0"), b.Named("example.org/b:2"))
	for name, want := range map[string]string{dir + ":1.0": "a", dir + ":example.org/b:2": "b", dir + "/:1.0": "a"} {
		r, err := ociimage.Layout(ctx, name, ociimage.Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		if got := read(r, "/f"); got != want || r.Name != "oci:"+name {
			t.Errorf("%s is %s", r.Name, got)
		}
		r.Close()
	}
	for name, want := range map[string]string{
		dir: "it holds 2 images (1.0, example.org/b:2)", dir + ":3": "it holds no image named 3; it has 1.0, example.org/b:2", dir + "/x": "no such file", dir + "x:1": "no such file",
		filepath.Join(dir, "blobs"): "it is no OCI layout",
	} {
		if _, err := ociimage.Layout(ctx, name, ociimage.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	colon := filepath.Join(t.TempDir(), "my:dir")
	if err := os.Rename(ocitest.Layout(t, p, a), colon); err != nil {
		t.Fatal(err)
	}
	r, err := ociimage.Layout(ctx, colon, ociimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}

// TestLayoutPlatforms: nested indexes, of which not all images were copied.
func TestLayoutPlatforms(t *testing.T) {
	home(t)
	p := ocitest.New()
	arm, amd := p.Image(ocitest.Config{Platform: "linux/arm64"}, gz(tarOf(t, file{name: "f", body: "arm"}))), p.Image(ocitest.Config{}, gz(tarOf(t, file{name: "f", body: "amd"})))
	dir := ocitest.Layout(t, p, p.Index(p.Index(arm, amd)))
	for platform, want := range map[string]string{"": "amd", "linux/arm64": "arm"} {
		r, err := ociimage.Layout(ctx, dir, ociimage.Options{Platform: platform})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(r, "/f"); got != want || len(r.Image.Platforms) != 2 {
			t.Errorf("%q is %s of %q", platform, got, r.Image.Platforms)
		}
		r.Close()
	}
	os.Remove(ocitest.File(dir, amd.Digest))
	r, err := ociimage.Layout(ctx, dir, ociimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := read(r, "/f"); got != "arm" || r.Image.Platforms != nil {
		t.Errorf("%s of %q", got, r.Image.Platforms)
	}
}

// TestHostileLayouts: links stay inside, and what is no file is not read.
func TestHostileLayouts(t *testing.T) {
	home(t)
	p := ocitest.New()
	layer := gz(tarOf(t, file{name: "f", body: "x"}))
	image := p.Image(ocitest.Config{}, layer)
	digest := p.Add(layer).Digest
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, layer, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(dir, blob string) error
		want   string
	}{
		"link out": {func(dir, blob string) error { return os.Symlink(outside, blob) }, "path escapes"},
		"link up":  {func(dir, blob string) error { return os.Symlink("../../../../"+outside, blob) }, "path escapes"},
		"link inside": {func(dir, blob string) error {
			if err := os.WriteFile(filepath.Join(dir, "elsewhere"), layer, 0o600); err != nil {
				return err
			}
			return os.Symlink("../../elsewhere", blob)
		}, ""},
		"fifo":       {func(dir, blob string) error { return syscall.Mkfifo(blob, 0o600) }, "is no regular file"},
		"directory":  {func(dir, blob string) error { return os.Mkdir(blob, 0o700) }, "is no regular file"},
		"absent":     {func(dir, blob string) error { return nil }, "no such file"},
		"cut":        {func(dir, blob string) error { return os.WriteFile(blob, layer[:20], 0o600) }, "its size is 20"},
		"index gone": {func(dir, blob string) error { return os.Remove(filepath.Join(dir, "index.json")) }, "no such file"},
		"index is text": {func(dir, blob string) error {
			return os.WriteFile(filepath.Join(dir, "index.json"), []byte("x"), 0o600)
		}, "it is no manifest"},
		"huge index": {func(dir, blob string) error { return os.Truncate(filepath.Join(dir, "index.json"), 1<<40) }, "more than 16777216 bytes"},
		"version 2": {func(dir, blob string) error {
			return os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"2.0.0"}`), 0o600)
		}, "version \"2.0.0\""},
		"blobs are a link out": {func(dir, blob string) error {
			if err := os.Rename(filepath.Join(dir, "blobs"), filepath.Join(filepath.Dir(outside), "blobs")); err != nil {
				return err
			}
			return os.Symlink(filepath.Join(filepath.Dir(outside), "blobs"), filepath.Join(dir, "blobs"))
		}, "path escapes"},
	} {
		dir := ocitest.Layout(t, p, image)
		blob := ocitest.File(dir, digest)
		if err := os.Remove(blob); err != nil {
			t.Fatal(err)
		}
		if err := c.change(dir, blob); err != nil {
			t.Fatal(err)
		}
		r, err := ociimage.Layout(ctx, dir, ociimage.Options{CacheDir: "off"})
		if c.want == "" && err == nil {
			r.Close()
			continue
		}
		if err == nil || c.want == "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLayoutCache: the cache never hides that a blob is damaged.
func TestLayoutCache(t *testing.T) {
	h := home(t)
	p := ocitest.New()
	layer := gz(tarOf(t, file{name: "f", body: "x"}))
	dir := ocitest.Layout(t, p, p.Image(ocitest.Config{}, layer))
	for range 2 {
		r, err := ociimage.Layout(ctx, dir, ociimage.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(r, "/f"); got != "x" {
			t.Error(got)
		}
		r.Close()
	}
	if files := cacheFiles(t, h); len(files) != 1 {
		t.Errorf("%q", files)
	}
	bad := append([]byte{}, layer...)
	bad[len(bad)-1] ^= 1
	if err := os.WriteFile(ocitest.File(dir, p.Add(layer).Digest), bad, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ociimage.Layout(ctx, dir, ociimage.Options{}); err == nil || !strings.Contains(err.Error(), "its digest is") {
		t.Error(err)
	}
}

// FuzzLayout: whatever lies in a layout, reading it ends, and nothing leads
// out of it.
func FuzzLayout(f *testing.F) {
	p := ocitest.New()
	layer := gz(tarOf(f, file{name: "f", body: "x"}, file{name: ".wh.g"}))
	m := p.Image(ocitest.Config{Env: []string{"A=b"}}, layer)
	top := p.Index(m, p.Image(ocitest.Config{Platform: "linux/arm/v7"}))
	index := []byte(`{"schemaVersion":2,"manifests":[{"mediaType":"` + ocitest.Index + `","digest":"` + top.Digest + `","size":` + strconv.FormatInt(top.Size, 10) + `}]}`)
	f.Add(index, p[top.Digest], p[m.Digest], layer, "")
	f.Add(p[top.Digest], p[m.Digest], []byte(`{"os":"linux","rootfs":{"diff_ids":[]}}`), layer, "linux/arm")
	f.Fuzz(func(t *testing.T, index, one, two, three []byte, platform string) {
		// The blobs are what they are called, or else nothing is ever read.
		q := ocitest.New()
		for _, b := range [][]byte{one, two, three} {
			q.Add(b)
		}
		for digest, data := range p {
			q[digest] = data
		}
		dir := ocitest.Layout(t, q)
		if err := os.WriteFile(filepath.Join(dir, "index.json"), index, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := ociimage.Layout(ctx, dir, ociimage.Options{Platform: platform, CacheDir: "off"})
		if err != nil {
			return
		}
		defer r.Close()
		names, _ := r.ReadDir("/")
		for _, n := range names {
			if info, err := r.Lstat("/"+n, root.Superuser); err == nil && info.Regular() {
				read(r, "/"+n)
			}
		}
		ociimage.EntryPoint(r)
	})
}
