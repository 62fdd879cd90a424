package root

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// Limits of an archive: beyond them it lies, or is no root file system.
const (
	maxNodes    = 2 << 20
	maxNames    = 256 << 20 // bytes
	maxSteps    = 1 << 26
	maxManifest = 16 << 20 // bytes
	maxLayers   = 1024     // Docker itself stops at 127
)

// LimitError is an archive that is larger than any that is meant.
type LimitError struct {
	What string
	Max  int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("more than %d %s: it is not read on", e.Max, e.What)
}

// Archive reads a root file system from a tar, or the one image in what docker
// save, podman save, skopeo or a builder wrote, plain or compressed with gzip,
// xz or zstd. Nothing is unpacked: names and modes stay in memory, contents
// are read where they lie in the archive or, if it is compressed, from one
// nameless temporary file.
func Archive(ctx context.Context, file string) (*Root, error) {
	return ArchivePlatform(ctx, file, "")
}

// ArchivePlatform is Archive for one of the platforms ("linux/arm64") of an
// image that has several; "" is linux/amd64, or the first where that is not
// there. A tar of a root file system has no platform.
func ArchivePlatform(ctx context.Context, file, platform string) (*Root, error) {
	wish, err := ParsePlatform(platform)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	r, err := openArchive(ctx, io.NewSectionReader(f, 0, info.Size()), f, wish)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	r.Name = "archive:" + file
	return r, nil
}

// openArchive reads an archive; owner is closed with the tree, or at once
// where there is none.
func openArchive(ctx context.Context, file *io.SectionReader, owner io.Closer, wish Platform) (*Root, error) {
	a := &archive{ctx: ctx, closers: []io.Closer{owner}, allowance: &allowance{}}
	store, image, err := a.open(file, wish)
	if err != nil {
		for _, c := range a.closers {
			c.Close()
		}
		return nil, err
	}
	store.closers = a.closers
	r := newRoot("", store)
	r.Image = image
	return r, nil
}

// archive is the reading of one archive, with all that is inside it.
type archive struct {
	*allowance
	ctx     context.Context
	closers []io.Closer
	spool   *spool // made when it is needed
}

func (a *archive) open(file *io.SectionReader, wish Platform) (*memStore, *Image, error) {
	outer := &builder{archive: a, store: newMemStore()}
	if err := outer.read(file); err != nil {
		return nil, nil, err
	}
	if len(outer.store.top.children) == 0 {
		return nil, nil, errors.New("it holds no files")
	}
	if err := a.spool.finish(); err != nil {
		return nil, nil, err
	}
	return outer.image(wish)
}

// builder turns the entries of one or more tars into a tree.
type builder struct {
	*archive
	store   *memStore
	layer   int
	layered bool // the tars are layers of an image
	reduced bool // they are our own reduced layers
}

// read adds the entries of one tar.
func (b *builder) read(file *io.SectionReader) error {
	plain, done, err := b.decompress(file)
	if err != nil {
		return err
	}
	defer done()
	return b.entries(file, plain)
}

// entries adds those of a tar that is read from plain; that is file itself
// where its contents can be read in place.
func (b *builder) entries(file *io.SectionReader, plain io.Reader) error {
	if plain == io.Reader(file) {
		plain = &window{file: file}
	}
	t := tar.NewReader(plain)
	for first := true; ; first = false {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		h, err := nextEntry(t, first)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = b.add(h, source{t, h, file, plain})
		}
		if err == nil {
			err = b.store.limits()
		}
		if err != nil {
			return err
		}
	}
}

func (s *memStore) limits() error {
	switch {
	case s.nodes > maxNodes:
		return &LimitError{"entries", maxNodes}
	case s.names > maxNames:
		return &LimitError{"bytes of names", maxNames}
	case s.steps > maxSteps:
		return &LimitError{"steps to find the places of its entries", maxSteps}
	}
	return nil
}

// cleanName is a name as if it began at the root, so that none leads out.
func cleanName(name string) string { return path.Clean("/" + name) }

// add puts one entry into the tree.
func (b *builder) add(h *tar.Header, e source) error {
	name := cleanName(h.Name)
	mode := uint32(h.Mode) & 0o7777
	if name == "/" {
		if h.Typeflag == tar.TypeDir {
			b.store.top.info.Mode = ModeDir | mode
			b.store.top.info.UID, b.store.top.info.GID = uint32(h.Uid), uint32(h.Gid)
		}
		return nil
	}
	if len(name) > maxPath || len(h.Linkname) > maxPath {
		return nil // no kernel could hold it
	}
	if b.layered && strings.HasPrefix(path.Base(name), ".wh.") {
		b.whiteout(name)
		return nil
	}
	kind, ok := modeOf[h.Typeflag]
	if h.Typeflag == tar.TypeLink {
		b.hardlink(name, cleanName(h.Linkname))
		return nil
	}
	if !ok {
		return nil // headers of git archive, and the like
	}
	n := b.store.newNode(b.layer, kind|mode)
	n.info.UID, n.info.GID = uint32(h.Uid), uint32(h.Gid)
	switch kind {
	case ModeLink:
		n.link, n.info.Mode, n.info.Size = h.Linkname, ModeLink|0o777, int64(len(h.Linkname))
	case ModeReg:
		if err := b.content(n, e); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	b.store.put(name, n)
	return nil
}

var modeOf = map[byte]uint32{
	tar.TypeDir: ModeDir, tar.TypeSymlink: ModeLink, tar.TypeReg: ModeReg, tar.TypeCont: ModeReg,
	tar.TypeGNUSparse: ModeReg, tar.TypeFifo: modeFifo, tar.TypeChar: modeChar, tar.TypeBlock: modeBlock,
}

// hardlink gives a file one more name; a link at the end is linked itself,
// as link(2) does. One to nothing is as if it were not there.
func (b *builder) hardlink(name, to string) {
	dir, err := b.store.dir(path.Dir(to), b.layer, false)
	if err != nil {
		return
	}
	old := dir.children[path.Base(to)]
	if old == nil || old.info.IsDir() || name == to {
		return
	}
	n := *old
	n.layer = b.layer
	b.store.put(name, &n)
}

// whiteout removes what a layer hides of those below it
// (OCI image specification, layer.md).
func (b *builder) whiteout(name string) {
	dir, err := b.store.dir(path.Dir(name), b.layer, false)
	if err != nil {
		return
	}
	base := strings.TrimPrefix(path.Base(name), ".wh.")
	switch {
	case base == ".wh..opq":
		for child := range dir.children {
			b.store.drop(dir, child, b.layer)
		}
	case base != "" && !strings.HasPrefix(base, ".wh."): // those are AUFS's own
		b.store.drop(dir, base, b.layer)
	}
}
