package ociimage_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/willrun/willrun/ociimage"
	"github.com/willrun/willrun/ociimage/ocitest"
	"github.com/willrun/willrun/target/targettest"
)

// counter counts requests for manifests and for blobs.
type counter struct{ manifests, blobs atomic.Int64 }

func (c *counter) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/manifests/"):
			c.manifests.Add(1)
		case strings.Contains(r.URL.Path, "/blobs/"):
			c.blobs.Add(1)
		}
		h.ServeHTTP(w, r)
	})
}

// TestCache: layers are asked for once; a tag is always resolved anew, a
// digest needs no network.
func TestCache(t *testing.T) {
	dir := home(t)
	p := ocitest.New()
	one := p.Image(ocitest.Config{}, gz(tarOf(t, file{name: "f", body: "1"})))
	two := p.Image(ocitest.Config{}, gz(tarOf(t, file{name: "f", body: "2"})))
	reg := ocitest.Registry()
	ocitest.Push(t, reg, p, "app", "1", one)
	asked := &counter{}
	var down atomic.Bool
	host := ocitest.Serve(t, p, nil, func(http.Handler) http.Handler {
		return asked.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if down.Load() {
				http.Error(w, "down", http.StatusNotFound)
				return
			}
			reg.ServeHTTP(w, r)
		}))
	})
	for range 3 {
		if got := read(pull(t, host+"/app:1", ociimage.Options{}), "/f"); got != "1" {
			t.Error(got)
		}
	}
	if m, b := asked.manifests.Load(), asked.blobs.Load(); m != 3 || b != 2 {
		t.Errorf("%d manifests and %d blobs were asked for", m, b)
	}
	ocitest.Push(t, reg, p, "app", "1", two)
	if got := read(pull(t, host+"/app:1", ociimage.Options{}), "/f"); got != "2" {
		t.Error("a tag that moved:", got)
	}
	down.Store(true)
	before := asked.manifests.Load() + asked.blobs.Load()
	r := pull(t, host+"/app@"+one.Digest, ociimage.Options{})
	if got := read(r, "/f"); got != "1" || r.Image.Digest != one.Digest || asked.manifests.Load()+asked.blobs.Load() != before {
		t.Error("without a network:", got)
	}
	if _, err := ociimage.Pull(ctx, host+"/app:1", ociimage.Options{}); err == nil {
		t.Error("a tag was taken from the cache")
	}
	down.Store(false)
	// Whatever is damaged is read anew, and put right.
	for _, name := range cacheFiles(t, dir) {
		whole := must[[]byte](t)(os.ReadFile(name))
		for _, bad := range [][]byte{nil, whole[:len(whole)/2], bytes.Replace(whole, []byte("2"), []byte("3"), 1), append(bytes.Clone(whole), 0)} {
			if bytes.Equal(bad, whole) {
				continue
			}
			if err := os.WriteFile(name, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if got := read(pull(t, host+"/app:1", ociimage.Options{}), "/f"); got != "2" {
				t.Errorf("%s: %q", name, got)
			}
			if got := read(pull(t, host+"/app@"+one.Digest, ociimage.Options{}), "/f"); got != "1" {
				t.Errorf("%s: %q", name, got)
			}
		}
		if now, err := os.ReadFile(name); err != nil || !bytes.Equal(now, whole) {
			t.Errorf("%s stays damaged: %v", name, err)
		}
	}
	// A link or a fifo in place of a file is not followed.
	for _, name := range cacheFiles(t, dir) {
		os.Remove(name)
		if err := os.Symlink("/etc/passwd", name); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(pull(t, host+"/app:1", ociimage.Options{}), "/f"); got != "2" {
		t.Error(got)
	}
}

// TestNoCache: where nothing can be kept, nothing fails.
func TestNoCache(t *testing.T) {
	dir := home(t)
	p := ocitest.New()
	host := ocitest.Serve(t, p, map[string]ocitest.Blob{"app:1": p.Image(ocitest.Config{}, gz(tarOf(t, file{name: "f", body: "x"})))}, nil)
	write(t, dir, "file", "")
	open := filepath.Join(dir, "open")
	if err := os.MkdirAll(filepath.Join(open, "willrun/layers"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(open, "willrun/layers"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string][]string{
		"no home": {}, "relative": {"HOME=x", "XDG_CACHE_HOME=y"}, "no folder": {"HOME=" + dir + "/file"}, "absent": {"HOME=/proc/nothing"},
		"switched off": {"HOME=" + dir, "WILLRUN_CACHE_SIZE=0"}, "others may write": {"HOME=" + dir, "XDG_CACHE_HOME=" + open},
	} {
		r := pull(t, host+"/app:1", ociimage.Options{Env: append(env, "A=b")})
		if got := read(r, "/f"); got != "x" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(open, "willrun/layers/*")); len(cacheFiles(t, dir)) != 0 || len(left) != 0 {
		t.Errorf("%q", left)
	}
}

// TestCacheBound: what was used longest ago goes first.
func TestCacheBound(t *testing.T) {
	dir := home(t)
	p := ocitest.New()
	images := map[string]ocitest.Blob{}
	for i := range 6 {
		body := make([]byte, 200<<10)
		for at := range body {
			body[at] = byte(at*at>>3) + byte(i)
		}
		images[fmt.Sprintf("app:%d", i)] = p.Image(ocitest.Config{}, gz(tarOf(t, file{name: "f", body: string(body)})))
	}
	host := ocitest.Serve(t, p, images, nil)
	t.Setenv("WILLRUN_CACHE_SIZE", "700K")
	get := func(i int) {
		r := pull(t, fmt.Sprintf("%s/app:%d", host, i), ociimage.Options{})
		if b := read(r, "/f"); len(b) != 200<<10 {
			t.Fatal(len(b))
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, i := range []int{0, 1, 2, 0, 3, 4, 5, 0} {
		get(i)
	}
	var size int64
	for _, name := range cacheFiles(t, dir) {
		size += must[os.FileInfo](t)(os.Stat(name)).Size()
	}
	if size > 720<<10 || size < 400<<10 {
		t.Errorf("%d bytes are kept of 700K", size)
	}
	// A part that a killed process left is removed after a day.
	for name, age := range map[string]time.Duration{"part-old": 25 * time.Hour, "part-new": time.Hour} {
		write(t, dir, ".cache/willrun/layers/"+name, "x")
		then := time.Now().Add(-age)
		os.Chtimes(filepath.Join(dir, ".cache/willrun/layers", name), then, then)
	}
	get(0)
	if left, _ := filepath.Glob(filepath.Join(dir, ".cache/willrun/layers/part-*")); len(left) != 1 || !strings.HasSuffix(left[0], "new") {
		t.Errorf("%q", left)
	}
}

// TestLargerThanCache: a layer that does not fit is not kept, and no failure.
func TestLargerThanCache(t *testing.T) {
	dir := home(t)
	t.Setenv("WILLRUN_CACHE_SIZE", "1K")
	p := ocitest.New()
	host := ocitest.Serve(t, p, map[string]ocitest.Blob{"app:1": p.Image(ocitest.Config{}, gz(tarOf(t, file{name: "f", body: strings.Repeat("x", 100<<10)})))}, nil)
	if got := read(pull(t, host+"/app:1", ociimage.Options{}), "/f"); len(got) != 100<<10 || len(cacheFiles(t, dir)) != 0 {
		t.Errorf("%d bytes, %q", len(got), cacheFiles(t, dir))
	}
}

// TestConcurrent: many pulls at once, in this process and in others, share one
// cache that is too small for them all.
func TestConcurrent(t *testing.T) {
	if ref := os.Getenv("WILLRUN_TEST_PULL"); ref != "" {
		for range 10 {
			for i := range 3 {
				r, err := ociimage.Pull(ctx, fmt.Sprintf("%s%d", ref, i), ociimage.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if got := read(r, "/f"); got != fmt.Sprint(i)+strings.Repeat("x", 50<<10) {
					t.Errorf("%d: %d bytes", i, len(got))
				}
				r.Close()
			}
		}
		return
	}
	dir := home(t)
	p := ocitest.New()
	images := map[string]ocitest.Blob{}
	common := gz(tarOf(t, file{name: "common", body: strings.Repeat("y", 50<<10)}))
	for i := range 3 {
		images[fmt.Sprintf("app:%d", i)] = p.Image(ocitest.Config{}, common, gz(tarOf(t, file{name: "f", body: fmt.Sprint(i) + strings.Repeat("x", 50<<10)})))
	}
	host := ocitest.Serve(t, p, images, nil)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestConcurrent$")
			cmd.Env = append(os.Environ(), "WILLRUN_TEST_PULL="+host+"/app:", "WILLRUN_CACHE_SIZE=200K")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	for i := range 6 {
		wg.Go(func() {
			r, err := ociimage.Pull(ctx, fmt.Sprintf("%s/app:%d", host, i%3), ociimage.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if got := read(r, "/f"); len(got) != 50<<10+1 {
				t.Errorf("%d bytes", len(got))
			}
		})
	}
	wg.Wait()
	if left, _ := filepath.Glob(filepath.Join(dir, ".cache/willrun/layers/part-*")); len(left) != 0 {
		t.Errorf("%q is left", left)
	}
}

// BenchmarkCached opens an image of 8,000 files whose layer is cached.
func BenchmarkCached(b *testing.B) {
	home(b)
	files := []file{{name: "usr/bin/large", body: "\x7fELF" + strings.Repeat("0123456789abcdef", 2<<20)}}
	for i := range 8000 {
		files = append(files, file{name: fmt.Sprintf("usr/share/%d/%d", i%100, i), body: strings.Repeat("x", i%4000)})
	}
	p := ocitest.New()
	m := p.Image(ocitest.Config{}, targettest.Compress(b, "zst", tarOf(b, files...)))
	ref := ocitest.Serve(b, p, map[string]ocitest.Blob{"app:1": m}, nil) + "/app@" + m.Digest
	pull(b, ref, ociimage.Options{})
	for b.Loop() {
		r, err := ociimage.Pull(ctx, ref, ociimage.Options{})
		if err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}
