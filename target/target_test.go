package target_test

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
	"github.com/willrun/willrun/target/targettest"
)

// TestKinds: a line for each kind of target; all look the same.
func TestKinds(t *testing.T) {
	t.Run("dir", func(t *testing.T) {
		targettest.Run(t, func(t *testing.T, dir string) string { return "dir:" + dir })
	})
	t.Run("dir through a link", func(t *testing.T) {
		targettest.Run(t, func(t *testing.T, dir string) string {
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(dir, link); err != nil {
				t.Fatal(err)
			}
			return "dir:" + link
		})
	})
	for _, how := range []string{"", "gz", "zst", "xz"} {
		t.Run("tar "+how, func(t *testing.T) {
			targettest.Run(t, func(t *testing.T, dir string) string {
				return "archive:" + targettest.File(t, "root.tar", targettest.Compress(t, how, targettest.Tar(t, dir, targettest.All)))
			})
		})
		t.Run("docker save "+how, func(t *testing.T) {
			targettest.Run(t, func(t *testing.T, dir string) string {
				return "archive:" + targettest.File(t, "image.tar", targettest.Compress(t, how, layered(t, dir, how)))
			})
		})
	}
	t.Run("overlay", overlay)
}

// layered is the sample in three layers: with something to hide below it, and
// the links apart from what they lead to.
func layered(t *testing.T, dir, how string) []byte {
	var below bytes.Buffer
	w := tar.NewWriter(&below)
	for _, name := range []string{"bin/gone", "usr/bin/stale", "var/empty/full", "etc/os-release"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: 0}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	var hide bytes.Buffer
	w = tar.NewWriter(&hide)
	for _, name := range []string{".wh.bin", "usr/bin/.wh.stale", "var/empty/.wh..wh..opq"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	usr := func(name string) bool { return strings.HasPrefix(name, "usr") }
	return targettest.DockerSave(t, below.Bytes(), hide.Bytes(),
		targettest.Compress(t, how, targettest.Tar(t, dir, usr)),
		targettest.Tar(t, dir, func(name string) bool { return !usr(name) }))
}

// overlay: the sample's opt laid over the rest of it.
func overlay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sample")
	targettest.Sample(t, dir)
	rest := filepath.Join(t.TempDir(), "rest.tar")
	if err := os.WriteFile(rest, targettest.Tar(t, dir, func(name string) bool { return !strings.HasPrefix(name, "opt") }), 0o600); err != nil {
		t.Fatal(err)
	}
	base, err := root.Archive(context.Background(), rest)
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	layer, err := root.Dir(filepath.Join(dir, "opt/app"))
	if err != nil {
		t.Fatal(err)
	}
	defer layer.Close()
	tree, err := base.WithDir("/opt/app", layer)
	if err != nil {
		t.Fatal(err)
	}
	targettest.Tree(t, dir, tree)
}

func TestScratch(t *testing.T) {
	s, err := target.Open(context.Background(), "scratch", target.Options{})
	if err != nil || !s.Empty || s.Machine != "" || s.Libcs != nil || s.Host != nil {
		t.Errorf("%+v %v", s, err)
	}
}

func TestHost(t *testing.T) {
	h, err := target.Open(context.Background(), "host", target.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if h.Host == nil || h.Host.Machine == "" || h.Host.Kernel[0] < 2 || h.PageSize != uint64(os.Getpagesize()) || h.Baseline != h.Host.CPU {
		t.Errorf("%+v", h.Host)
	}
}

var day = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func TestNames(t *testing.T) {
	for _, c := range []struct{ on, want []string }{
		{nil, []string{"host"}},
		{[]string{" , "}, []string{"host"}},
		{[]string{"a,b", "c", "b, a"}, []string{"a", "b", "c"}},
		{[]string{"dir:/*", "debian:1[12]", "debian:12"}, []string{"dir:/*", "debian:11", "debian:12"}},
		{[]string{"el9"}, []string{"centos-stream:9", "rhel:9", "almalinux:9", "rocky:9", "ol:9"}},
	} {
		if got, err := target.Names(c.on, day); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %q %v", c.on, got, err)
		}
	}
}

func TestSplit(t *testing.T) {
	for arg, want := range map[string][2]string{
		"dir:/roots/el8#/opt/app": {"dir:/roots/el8", "/opt/app"}, "archive:a.tar#/": {"archive:a.tar", "/"}, "host#/bin/sh": {"host", "/bin/sh"},
		"image:app:1#/app": {"image:app:1", "/app"}, "scratch#/x": {"scratch", "/x"},
		"file#/x": {}, "#/x": {}, "dir:/x": {}, "dir:#/x": {}, "dir:/x#rel": {}, "hosts#/x": {},
	} {
		name, place, ok := target.Split(arg)
		if name != want[0] || place != want[1] || ok != (want[0] != "") {
			t.Errorf("%s: %q %q %v", arg, name, place, ok)
		}
	}
}

// TestUnknown: the message says what is wrong and what there is.
func TestUnknown(t *testing.T) {
	for name, want := range map[string]string{
		"":                 "targets are also host, scratch, dir:",
		"hots":             "target hots: ",
		"debian:1":         "debian:1",
		"dir:":             "a path, such as dir:/some/where, is wanted",
		"host:x":           "host alone is wanted",
		"dir:/nowhere/at":  "no such file",
		"archive:/nowhere": "no such file",
		"oci:/nowhere":     "no such file",
		"index:/nowhere":   "no such file",
		"image:":           "a reference, such as image:app:1, is wanted",
		"/roots/el8":       "a directory is dir:/roots/el8",
	} {
		_, err := target.Open(context.Background(), name, target.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// An image of static programs alone says by its configuration what it is for.
func TestMachineOfAnImage(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "data"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	save := targettest.DockerSave(t, targettest.Tar(t, dir, targettest.All))
	save = bytes.ReplaceAll(save, []byte(`"amd64"`), []byte(`"arm64"`))
	tgt, err := target.Open(t.Context(), "archive:"+targettest.File(t, "image.tar", save), target.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tgt.Close()
	if tgt.Machine != "aarch64" {
		t.Errorf("machine %q", tgt.Machine)
	}
}
