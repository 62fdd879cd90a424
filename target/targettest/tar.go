package targettest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Tar is what tar -C dir -c . gives for the names that keep wants.
func Tar(t testing.TB, dir string, keep func(name string) bool) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	seen := map[uint64]string{}
	check(t, filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		check(t, err)
		name := "." + strings.TrimPrefix(file, dir)
		if !keep(strings.TrimPrefix(name, "./")) {
			return nil
		}
		info, err := d.Info()
		check(t, err)
		link, _ := os.Readlink(file)
		h, err := tar.FileInfoHeader(info, link)
		check(t, err)
		if h.Name = name; d.IsDir() {
			h.Name += "/"
		}
		st := info.Sys().(*syscall.Stat_t)
		if first := seen[st.Ino]; first != "" && info.Mode().IsRegular() {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		}
		seen[st.Ino] = name
		check(t, w.WriteHeader(h))
		if h.Typeflag == tar.TypeReg {
			data, err := os.ReadFile(file)
			check(t, err)
			w.Write(data)
		}
		return nil
	}))
	check(t, w.Close())
	return b.Bytes()
}

// All keeps every name.
func All(string) bool { return true }

// DockerSave is what docker save writes of layers, lowest first.
func DockerSave(t testing.TB, layers ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name string, data []byte) {
		check(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data))}))
		w.Write(data)
	}
	var names []string
	for i, l := range layers {
		name := fmt.Sprintf("%064x/layer.tar", i)
		put(name, l)
		names = append(names, `"`+name+`"`)
	}
	put("config.json", []byte(`{"os":"linux","architecture":"amd64","config":{}}`))
	put("manifest.json", []byte(`[{"Config":"config.json","RepoTags":null,"Layers":[`+strings.Join(names, ",")+`]}]`))
	check(t, w.Close())
	return b.Bytes()
}

// Compress with "gz", "zst" or "xz"; "" leaves data as it is.
func Compress(t testing.TB, how string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch how {
	case "gz":
		w = gzip.NewWriter(&b)
	case "zst":
		w, err = zstd.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	default:
		return data
	}
	check(t, err)
	_, err = w.Write(data)
	check(t, err)
	check(t, w.Close())
	return b.Bytes()
}

// File writes data to a file with that name and gives its path.
func File(t testing.TB, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	check(t, os.WriteFile(file, data, 0o600))
	return file
}
