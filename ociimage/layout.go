package ociimage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/willrun/willrun/root"
)

// splitTag parts DIR:TAG, where that is no directory itself. A tag may have
// colons and slashes too, so the first directory counts, as with skopeo.
func splitTag(name string) (dir, tag string) {
	if isDir(name) {
		return name, ""
	}
	for i, c := range name {
		if c == ':' && i > 0 && isDir(name[:i]) {
			return name[:i], name[i+1:]
		}
	}
	return name, ""
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// layout is a directory with an OCI image layout (image-layout.md). A link in
// it may lead anywhere inside, and never out.
//
// go-containerregistry has a package for layouts too; it opens by path, and so
// follows links that lead out.
type layout struct{ dir *os.Root }

const maxIndex = 16 << 20

func newLayout(dir string) (*layout, error) {
	d, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	l := &layout{d}
	var mark struct {
		Version string `json:"imageLayoutVersion"`
	}
	data, err := l.read("oci-layout", 4096)
	if err == nil {
		err = json.Unmarshal(data, &mark)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = errors.New("it is no OCI layout: it has no file oci-layout")
	case err != nil:
		err = fmt.Errorf("oci-layout: %w", err)
	case !strings.HasPrefix(mark.Version, "1."):
		err = fmt.Errorf("it is an OCI layout of version %.20q, and 1.0.0 is known", mark.Version)
	default:
		return l, nil
	}
	d.Close()
	return nil, fmt.Errorf("%s: %w", dir, err)
}

func (l *layout) close() { l.dir.Close() }

func (l *layout) index() ([]byte, error) { return l.read("index.json", maxIndex) }

// open opens a regular file; O_NONBLOCK as a fifo may lie there.
func (l *layout) open(name string) (*os.File, int64, error) {
	f, err := l.dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func (l *layout) read(name string, max int64) ([]byte, error) {
	f, size, err := l.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > max {
		return nil, &root.LimitError{What: "bytes in " + name, Max: max}
	}
	return io.ReadAll(io.LimitReader(f, max))
}

// blob is the file of a digest, whose form package root has looked at.
func blob(d root.Descriptor) string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

func (l *layout) Manifest(_ context.Context, d root.Descriptor) ([]byte, error) {
	return l.read(blob(d), maxIndex)
}

func (l *layout) Blob(_ context.Context, d root.Descriptor) (io.ReadCloser, error) {
	f, _, err := l.open(blob(d))
	return f, err
}

// Holds: a blob that is there and can't be read is an error later.
func (l *layout) Holds(d root.Descriptor) bool {
	_, err := l.dir.Lstat(blob(d))
	return !errors.Is(err, fs.ErrNotExist)
}
