package ociimage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/willrun/willrun/ociimage"
	"github.com/willrun/willrun/ociimage/ocitest"
)

// TestBroken: a connection that breaks off is taken up again; one that always
// does is given up.
func TestBroken(t *testing.T) {
	body := make([]byte, 3<<20)
	for i := range body {
		body[i] = byte(i * i >> 7)
	}
	p := ocitest.New()
	image := p.Image(ocitest.Config{}, tarOf(t, file{name: "f", body: "\x7fELF" + string(body)}))
	for breaks, fails := range map[int64]bool{0: false, 1: false, 3: false, 4: true} {
		home(t)
		var n atomic.Int64
		host := ocitest.Serve(t, p, map[string]ocitest.Blob{"app:1": image}, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "/blobs/") {
					w = &breaking{ResponseWriter: w, left: 1 << 20, n: &n, breaks: breaks}
				}
				h.ServeHTTP(w, r)
			})
		})
		r, err := ociimage.Pull(ctx, host+"/app:1", ociimage.Options{})
		if fails {
			if err == nil || !strings.Contains(err.Error(), "unexpected EOF") || !strings.Contains(err.Error(), " of 3147") {
				t.Errorf("%d breaks: %v", breaks, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d breaks: %v", breaks, err)
			continue
		}
		r.Close()
	}
}

// breaking closes the connection within a large body, a few times.
type breaking struct {
	http.ResponseWriter
	left   int
	n      *atomic.Int64
	breaks int64
}

func (b *breaking) Write(p []byte) (int, error) {
	if len(p) > b.left && b.n.Add(1) <= b.breaks {
		b.ResponseWriter.Write(p[:b.left])
		b.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return b.ResponseWriter.Write(p)
}

// TestLyingRegistry: a registry that gives other bytes than it says is found
// out, whatever it lies about.
func TestLyingRegistry(t *testing.T) {
	p := ocitest.New()
	layer := gz(tarOf(t, file{name: "f", body: "x"}))
	image := p.Image(ocitest.Config{}, layer)
	digest := p.Add(layer).Digest
	for name, lie := range map[string]struct {
		path string
		give func(w http.ResponseWriter, right []byte)
		want string
	}{
		"layer":       {"/blobs/" + digest, func(w http.ResponseWriter, b []byte) { w.Write(append([]byte{b[0], b[1], b[2], b[3] ^ 1}, b[4:]...)) }, "its digest is"},
		"more":        {"/blobs/" + digest, func(w http.ResponseWriter, b []byte) { w.Write(append(b, 0)) }, "its size is more"},
		"manifest":    {"/manifests/" + image.Digest, func(w http.ResponseWriter, b []byte) { w.Write(append(b, ' ')) }, "manifest digest"},
		"page":        {"/manifests/" + image.Digest, func(w http.ResponseWriter, b []byte) { fmt.Fprint(w, "<html>sign in</html>") }, "manifest digest"},
		"tag is page": {"/manifests/1", func(w http.ResponseWriter, b []byte) { fmt.Fprint(w, "<html>sign in</html>") }, "it is no manifest"},
		"endless layer": {"/blobs/" + digest, func(w http.ResponseWriter, b []byte) {
			for {
				if _, err := w.Write(b); err != nil {
					return
				}
			}
		}, "its size is more"},
		"endless manifest": {"/manifests/1", func(w http.ResponseWriter, b []byte) {
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := home(t)
			host := ocitest.Serve(t, p, map[string]ocitest.Blob{"app:1": image}, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, lie.path) {
						b := p[digest]
						if strings.Contains(lie.path, "manifests") {
							b = p[image.Digest]
						}
						lie.give(w, bytes.Clone(b))
						return
					}
					h.ServeHTTP(w, r)
				})
			})
			ref := host + "/app:1"
			if strings.Contains(lie.path, image.Digest) {
				ref = host + "/app@" + image.Digest
			}
			if _, err := ociimage.Pull(ctx, ref, ociimage.Options{}); err == nil || !strings.Contains(err.Error(), lie.want) {
				t.Error(err)
			}
			for _, f := range cacheFiles(t, dir) {
				if strings.Contains(f, "layer") && !strings.HasSuffix(f, ".json") && strings.Contains(filepath.Base(f), "layer") || strings.Contains(f, "part-") {
					t.Errorf("%s is left", f)
				}
			}
		})
	}
}

// TestCancel: a pull that is called off ends at once and leaves nothing half
// done.
func TestCancel(t *testing.T) {
	dir := home(t)
	p := ocitest.New()
	image := p.Image(ocitest.Config{}, gz(tarOf(t, file{name: "f", body: "\x7fELF" + strings.Repeat("x", 1<<20)})))
	started, stop := make(chan bool, 9), make(chan bool)
	host := ocitest.Serve(t, p, map[string]ocitest.Blob{"app:1": image}, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/blobs/") {
				w = &stalling{w, started, stop}
			}
			h.ServeHTTP(w, r)
		})
	})
	defer close(stop)
	c, cancel := context.WithCancel(ctx)
	go func() { <-started; cancel() }()
	begin := time.Now()
	_, err := ociimage.Pull(c, host+"/app:1", ociimage.Options{})
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(begin))
	}
	for _, f := range cacheFiles(t, dir) {
		if !strings.HasSuffix(f, ".json") {
			t.Errorf("%s is left", f)
		}
	}
}

// stalling sends the beginning of a layer and no more.
type stalling struct {
	http.ResponseWriter
	started, stop chan bool
}

func (s *stalling) Write(p []byte) (int, error) {
	if len(p) < 1000 {
		return s.ResponseWriter.Write(p)
	}
	s.ResponseWriter.Write(p[:100])
	s.ResponseWriter.(http.Flusher).Flush()
	s.started <- true
	<-s.stop
	panic(http.ErrAbortHandler)
}
