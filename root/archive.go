package root

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Limits of an archive: beyond them it lies, or is no root file system.
const (
	maxEntries  = 4 << 20
	maxUnpacked = 64 << 30 // bytes
	maxManifest = 16 << 20
)

// LimitError is an archive that is larger than any that is meant.
type LimitError struct {
	What string
	Max  int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("more than %d %s: it is not read on", e.Max, e.What)
}

// Archive reads a root file system from a tar, or from what docker save
// wrote, plain or compressed with gzip, xz or zstd. File contents go to one
// nameless temporary file, the rest stays in memory; nothing is unpacked.
func Archive(ctx context.Context, file string) (*Root, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", file)
	}
	spool, err := newSpool()
	if err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, store: newMemStore(spool)}
	if err := b.read(f); err != nil {
		spool.Close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	store, err := b.image()
	if err != nil {
		spool.Close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return newRoot("archive:"+file, store), nil
}

// newSpool is a temporary file without a name: it is gone with the process.
func newSpool() (*os.File, error) {
	f, err := os.CreateTemp("", "willrun-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// builder turns tar entries into a tree.
type builder struct {
	ctx     context.Context
	store   *memStore
	layer   int
	layered bool
	entries int64
	total   int64
}

// decompress looks at the first bytes. The window of zstd is bounded, since
// the header of a frame can ask for any.
func decompress(r io.Reader) (io.Reader, func(), error) {
	b := bufio.NewReaderSize(r, 1<<16)
	head, _ := b.Peek(6)
	none := func() {}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(b)
		return z, none, err
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		z, err := xz.NewReader(b)
		return z, none, err
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(b, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, none, err
		}
		return z, z.Close, nil
	}
	return b, none, nil
}

func (b *builder) read(r io.Reader) error {
	plain, done, err := decompress(r)
	if err != nil {
		return err
	}
	defer done()
	t := tar.NewReader(plain)
	for first := true; ; first = false {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			if first {
				return fmt.Errorf("it is no tar archive: %w", err)
			}
			return err
		}
		if b.entries++; b.entries > maxEntries {
			return &LimitError{"entries", maxEntries}
		}
		if err := b.add(h, t); err != nil {
			return err
		}
	}
}

// add puts one entry into the tree. Names never lead out: they are cleaned as
// if they began at the root.
func (b *builder) add(h *tar.Header, r io.Reader) error {
	name := cleanName(h.Name)
	if name == "/" {
		if h.Typeflag == tar.TypeDir {
			b.store.nodes["/"].info.Mode = ModeDir | uint32(h.Mode)&0o7777
		}
		return nil
	}
	if len(name) > maxPath {
		return nil // no kernel could hold it
	}
	if b.layered && b.whiteout(name) {
		return nil
	}
	n := &memNode{layer: b.layer, info: Info{UID: uint32(h.Uid), GID: uint32(h.Gid), Mode: uint32(h.Mode) & 0o7777}}
	switch h.Typeflag {
	case tar.TypeDir:
		n.info.Mode |= ModeDir
	case tar.TypeSymlink:
		n.info.Mode = ModeLink | 0o777
		n.link = h.Linkname
	case tar.TypeLink:
		return b.hardlink(name, cleanName(h.Linkname))
	case tar.TypeReg, '\x00', tar.TypeGNUSparse, tar.TypeCont:
		n.info.Mode |= ModeReg
		if err := b.spool(n, r); err != nil {
			return err
		}
	case tar.TypeFifo:
		n.info.Mode |= 0o010000
	case tar.TypeChar:
		n.info.Mode |= 0o020000
	case tar.TypeBlock:
		n.info.Mode |= 0o060000
	default:
		return nil
	}
	b.store.put(name, n, b.layered)
	return nil
}

// spool copies the contents to the temporary file.
func (b *builder) spool(n *memNode, r io.Reader) error {
	n.off = b.store.end
	limit := maxUnpacked - b.total
	w := io.NewOffsetWriter(b.store.spool, n.off)
	size, err := io.Copy(w, io.LimitReader(ctxReader{b.ctx, r}, limit+1))
	if err != nil {
		return err
	}
	if size > limit {
		return &LimitError{"bytes", maxUnpacked}
	}
	b.total += size
	b.store.end += size
	n.info.Size = size
	return nil
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func (b *builder) hardlink(name, to string) error {
	real, ok := b.store.real(to)
	if !ok {
		return nil // a dangling hard link: as if it were not there
	}
	b.store.put(name, b.store.nodes[real].copyOf(b.layer), b.layered)
	return nil
}

var errNoImage = errors.New("no layers")
