// Package ocitest makes container images for tests, writes them as layouts,
// and serves them from a registry.
//
//	p := ocitest.New()
//	m := p.Image(ocitest.Config{Platform: "linux/amd64"}, layer)
//	host := ocitest.Serve(t, p, map[string]ocitest.Blob{"app:1": m}, nil)
//	ociimage.Pull(ctx, host+"/app:1", ociimage.Options{})
//
// It is for tests alone.
package ocitest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/klauspost/compress/zstd"
)

// Media types of the OCI image specification.
const (
	Manifest = "application/vnd.oci.image.manifest.v1+json"
	Index    = "application/vnd.oci.image.index.v1+json"
	config   = "application/vnd.oci.image.config.v1+json"
	layer    = "application/vnd.oci.image.layer.v1.tar"
)

// Blob describes a blob, as in an index.
type Blob struct {
	MediaType   string            `json:"mediaType,omitempty"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    *Platform         `json:"platform,omitempty"`
}

// Platform is what an image is for.
type Platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant,omitempty"`
}

// Named is the blob under a name in a layout.
func (b Blob) Named(ref string) Blob {
	b.Annotations = map[string]string{"org.opencontainers.image.ref.name": ref}
	return b
}

// Parts are blobs by digest.
type Parts map[string][]byte

// New has none.
func New() Parts { return Parts{} }

// Add adds a blob.
func (p Parts) Add(data []byte) Blob {
	sum := sha256.Sum256(data)
	b := Blob{Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(data))}
	p[b.Digest] = data
	return b
}

// JSON adds a document.
func (p Parts) JSON(mediaType string, v any) Blob {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	b := p.Add(data)
	b.MediaType = mediaType
	return b
}

// Config is what an image says of its start.
type Config struct {
	Platform        string // "linux/amd64" where it is ""
	Env             []string
	User            string
	Dir             string
	Entrypoint, Cmd []string
}

// Image adds an image of layers, lowest first: tars, compressed or not.
func (p Parts) Image(c Config, layers ...[]byte) Blob {
	if c.Platform == "" {
		c.Platform = "linux/amd64"
	}
	parts := append(strings.Split(c.Platform, "/"), "")
	diffs, blobs := []string{}, []Blob{}
	for _, l := range layers {
		b := p.Add(l)
		b.MediaType = layer + suffix(l)
		blobs = append(blobs, b)
		diffs = append(diffs, Parts{}.Add(plain(l)).Digest)
	}
	cfg := p.JSON(config, map[string]any{
		"os": parts[0], "architecture": parts[1], "variant": parts[2], "rootfs": map[string]any{"type": "layers", "diff_ids": diffs},
		"config": map[string]any{"Env": c.Env, "User": c.User, "WorkingDir": c.Dir, "Entrypoint": c.Entrypoint, "Cmd": c.Cmd},
	})
	m := p.JSON(Manifest, map[string]any{"schemaVersion": 2, "mediaType": Manifest, "config": cfg, "layers": blobs})
	m.Platform = &Platform{parts[0], parts[1], parts[2]}
	return m
}

// Index adds an index of images.
func (p Parts) Index(images ...Blob) Blob {
	return p.JSON(Index, map[string]any{"schemaVersion": 2, "mediaType": Index, "manifests": images})
}

func suffix(layer []byte) string {
	switch {
	case bytes.HasPrefix(layer, []byte(gzipMagic)):
		return "+gzip"
	case bytes.HasPrefix(layer, []byte(zstdMagic)):
		return "+zstd"
	}
	return ""
}

const (
	gzipMagic = "\x1f\x8b"
	zstdMagic = "\x28\xb5\x2f\xfd"
)

// plain undoes gzip and zstd.
func plain(data []byte) []byte {
	var r io.Reader = bytes.NewReader(data)
	var err error
	switch suffix(data) {
	case "+gzip":
		r, err = gzip.NewReader(r)
	case "+zstd":
		r, err = zstd.NewReader(r)
	}
	if err == nil {
		data, err = io.ReadAll(r)
	}
	if err != nil {
		panic(err)
	}
	return data
}

// Layout writes a layout whose index names images.
func Layout(t testing.TB, p Parts, images ...Blob) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "layout")
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": images})
	check(t, err)
	check(t, os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "index.json"), index, 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
	for digest, data := range p {
		check(t, os.WriteFile(File(dir, digest), data, 0o644))
	}
	return dir
}

// File is where a layout has a blob.
func File(dir, digest string) string {
	return filepath.Join(dir, "blobs", strings.Replace(digest, ":", "/", 1))
}

// Serve pushes the images into a registry, each under its name and tag, and
// gives the registry's host. wrap may put a handler of its own before it.
func Serve(t testing.TB, p Parts, images map[string]Blob, wrap func(http.Handler) http.Handler) (host string) {
	t.Helper()
	h := Registry()
	for name, image := range images {
		repo, tag, _ := strings.Cut(name, ":")
		Push(t, h, p, repo, tag, image)
	}
	if wrap != nil {
		h = wrap(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// Registry is an empty one that says nothing.
func Registry() http.Handler {
	return registry.New(registry.Logger(log.New(io.Discard, "", 0)))
}

// Push gives a registry all parts, and the image a tag.
func Push(t testing.TB, h http.Handler, p Parts, repo, tag string, image Blob) {
	t.Helper()
	send := func(method, url, mediaType string, data []byte) {
		req := httptest.NewRequest(method, url, bytes.NewReader(data))
		req.Header.Set("Content-Type", mediaType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code/100 != 2 {
			t.Fatalf("%s %s: %d %s", method, url, w.Code, w.Body)
		}
	}
	var documents []string
	for digest, data := range p {
		var m struct {
			MediaType string `json:"mediaType"`
		}
		if json.Unmarshal(data, &m) == nil && (m.MediaType == Index || m.MediaType == Manifest) {
			documents = append(documents, digest)
			continue
		}
		send(http.MethodPost, "/v2/"+repo+"/blobs/uploads/?digest="+digest, "application/octet-stream", data)
	}
	for _, kind := range []string{Manifest, Index} { // an index is refused before what it names
		for _, digest := range documents {
			if strings.Contains(string(p[digest]), fmt.Sprintf(`"mediaType":%q,"schemaVersion"`, kind)) {
				send(http.MethodPut, "/v2/"+repo+"/manifests/"+digest, kind, p[digest])
			}
		}
	}
	send(http.MethodPut, "/v2/"+repo+"/manifests/"+tag, image.MediaType, p[image.Digest])
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
