package ociimage_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/willrun/willrun/ociimage"
	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target/targettest"
)

var ctx = context.Background()

// home gives a test a home of its own: no credentials, an empty cache.
func home(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, ".docker")) // Docker's own code looks at HOME once a process
	for _, name := range []string{"XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "WILLRUN_CACHE_SIZE"} {
		t.Setenv(name, "")
	}
	return dir
}

func cacheFiles(t testing.TB, home string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(home, ".cache/willrun/layers/*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func pull(t testing.TB, ref string, opt ociimage.Options) *root.Root {
	t.Helper()
	r := must[*root.Root](t)(ociimage.Pull(ctx, ref, opt))
	t.Cleanup(func() { r.Close() })
	return r
}

// read gives a file's text, or what is wrong with it.
func read(r *root.Root, name string) string {
	b, err := r.ReadFile(name, root.Superuser, 1<<20)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

type file struct {
	name, body, link string
	typ              byte
}

func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if f.typ == 0 {
			f.typ = tar.TypeReg
		}
		if err := w.WriteHeader(&tar.Header{Name: f.name, Typeflag: f.typ, Linkname: f.link, Mode: 0o755, Size: int64(len(f.body))}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(f.body))
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

// stargz is an eStargz layer (stargz-snapshotter, docs/estargz.md): a gzip
// member for each entry, a table of contents as the last one, a footer with
// its offset.
func stargz(t testing.TB, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	r := tar.NewReader(bytes.NewReader(plain))
	member := func(write func(*tar.Writer)) {
		z := gzip.NewWriter(&out)
		w := tar.NewWriter(z)
		write(w)
		w.Flush()
		z.Close()
	}
	for {
		h, err := r.Next()
		if err != nil {
			break
		}
		data := must[[]byte](t)(io.ReadAll(r))
		member(func(w *tar.Writer) { w.WriteHeader(h); w.Write(data) })
	}
	toc := out.Len()
	text := `{"version":1,"entries":[]}`
	member(func(w *tar.Writer) {
		w.WriteHeader(&tar.Header{Name: "stargz.index.json", Typeflag: tar.TypeReg, Mode: 0o444, Size: int64(len(text))})
		w.Write([]byte(text))
		w.Close()
	})
	z := must[*gzip.Writer](t)(gzip.NewWriterLevel(&out, gzip.NoCompression))
	z.Extra = append([]byte("SG\x16\x00"), fmt.Sprintf("%016xSTARGZ", toc)...)
	z.Close()
	return out.Bytes()
}

// chunked is a zstd:chunked layer: frames of zstd, and a manifest in frames
// that decoders skip.
func chunked(t testing.TB, plain []byte) []byte {
	half := len(plain) / 1024 * 512
	out := targettest.Compress(t, "zst", plain[:half])
	out = append(out, targettest.Compress(t, "zst", plain[half:])...)
	return append(out, "\x50\x2a\x4d\x18\x08\x00\x00\x00GnUlInUx"...)
}

// compressions of layers.
func compressions(t testing.TB) map[string]func([]byte) []byte {
	return map[string]func([]byte) []byte{
		"plain": bytes.Clone, "gzip": gz,
		"zstd":    func(b []byte) []byte { return targettest.Compress(t, "zst", b) },
		"stargz":  func(b []byte) []byte { return stargz(t, b) },
		"chunked": func(b []byte) []byte { return chunked(t, b) },
	}
}
