package pkgindex

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/willrun/willrun/root"
)

// Our own form of an index: a line that says what it is, with a version; how
// many blocks of facts follow; then compressed parts, each with its sizes. The
// first has everything but the facts of files that were read; those are in the
// blocks, none of which is touched before one of its facts is asked for.
const (
	serialMagic   = "willrun index 1\n"
	serialFamily  = "willrun index "
	maxSerial     = 256 << 20 // bytes of a file
	maxSerialPart = 512 << 20 // bytes of a part, unpacked
	maxTable      = 256 << 20 // bytes of all strings of a part
)

// WriteTo writes the index in its own form. The same index gives the same
// bytes. Facts lose nothing that a loader asks for; exports are sorted.
func (x *Index) WriteTo(w io.Writer) (int64, error) {
	var facts factsWriter
	core := encode(func(c *codec) {
		facts = factsWriter{}
		x.serial(c, func(f *File) {
			block, place := facts.add(f)
			num(c, &block)
			num(c, &place)
		})
	})
	parts := [][]byte{core}
	for _, b := range facts.blocks {
		parts = append(parts, factsBlock(b))
	}
	out := binary.AppendUvarint([]byte(serialMagic), uint64(len(facts.blocks)))
	for _, p := range parts {
		packed, err := compress(p)
		if err != nil {
			return 0, err
		}
		out = binary.AppendUvarint(out, uint64(len(p)))
		out = binary.AppendUvarint(out, uint64(len(packed)))
		out = append(out, packed...)
	}
	n, err := w.Write(out)
	return int64(n), err
}

func compress(b []byte) ([]byte, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, err
	}
	return e.EncodeAll(b, nil), e.Close()
}

// decoder is made on first use; it is safe for concurrent use.
var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSerialPart), zstd.WithDecoderMaxWindow(64<<20))
})

// isSerial recognises our own form, of whatever version.
func isSerial(head []byte) bool { return bytes.HasPrefix(head, []byte(serialFamily)) }

// Decode reads what WriteTo wrote. b must stay as it is.
func Decode(b []byte) (*Index, error) {
	rest, ok := bytes.CutPrefix(b, []byte(serialMagic))
	if !ok {
		return nil, errors.New("it is no index of this version of willrun: import it again")
	}
	blocks, n := binary.Uvarint(rest)
	if n <= 0 || blocks > maxBlocks {
		return nil, errCut
	}
	core, rest, err := takePart(rest[n:])
	if err != nil {
		return nil, err
	}
	store := &factsStore{}
	for range blocks {
		b := &block{}
		if b.part, rest, err = takePart(rest); err != nil {
			return nil, err
		}
		store.blocks = append(store.blocks, b)
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("damaged index: %d bytes too many", len(rest))
	}
	raw, err := core.unpack()
	if err != nil {
		return nil, err
	}
	c := &codec{reading: true, in: raw, spent: new(int)}
	c.readTable()
	x := &Index{}
	if c.err == nil {
		x.serial(c, func(f *File) { store.next(c, f) })
	}
	if c.err == nil && len(c.in) > 0 {
		c.fail("%d bytes too many", len(c.in))
	}
	return x, c.err
}

// packed is a compressed part.
type packed struct {
	size uint64
	data []byte
}

func takePart(b []byte) (packed, []byte, error) {
	var p packed
	size, n := binary.Uvarint(b)
	if n <= 0 || size > maxSerialPart {
		return p, nil, errCut
	}
	length, m := binary.Uvarint(b[n:])
	if m <= 0 || length > uint64(len(b)-n-m) {
		return p, nil, errCut
	}
	b = b[n+m:]
	return packed{size, b[:length]}, b[length:], nil
}

func (p packed) unpack() ([]byte, error) {
	d, err := decoder()
	if err != nil {
		return nil, err
	}
	// A part that claims to be large is not given its memory before it is.
	b, err := d.DecodeAll(p.data, make([]byte, 0, min(p.size, 64*uint64(len(p.data))+1024)))
	if err != nil {
		return nil, fmt.Errorf("damaged index: %w", err)
	}
	if uint64(len(b)) != p.size {
		return nil, fmt.Errorf("damaged index: a part of %d bytes where %d were said", len(b), p.size)
	}
	return b, nil
}

// serial is the index but for facts, which go to another part.
func (x *Index) serial(c *codec, facts func(f *File)) {
	str(c, &x.Name)
	c.strs(&x.Sources)
	list(c, &x.Formats, func(f *Format) { str(c, f) })
	str(c, &x.Manager)
	c.flags(&x.Installed, &x.Complete)
	c.strs(&x.Releases)
	d := &x.Distribution
	for _, s := range []*string{&d.ID, &d.VersionID, &d.PrettyName, &d.IDLike, &d.Codename} {
		str(c, s)
	}
	list(c, &x.Packages, func(p *Package) {
		str(c, &p.Name)
		str(c, &p.Version)
		str(c, &p.Arch)
		str(c, &p.Repo)
		c.flags(&p.Base, &p.pinned)
		list(c, &p.Provides, func(r *Relation) { r.serial(c) })
		list(c, &p.Requires, func(r *Relation) { r.serial(c) })
		list(c, &p.Files, func(f *File) { f.serial(c, facts) })
	})
}

func (r *Relation) serial(c *codec) {
	str(c, &r.Name)
	str(c, &r.Op)
	str(c, &r.Version)
	list(c, &r.Or, func(o *Relation) {
		str(c, &o.Name)
		str(c, &o.Op)
		str(c, &o.Version)
	})
}

func (f *File) serial(c *codec, facts func(f *File)) {
	str(c, &f.Path)
	num(c, &f.Mode)
	known, owned, data := f.facts != nil, f.UID|f.GID != 0, f.Data != nil
	link, library, program, loader := f.Link != "" || f.Script != "", f.Library != nil, f.Program != nil, f.Loader != nil
	c.flags(&f.Assumed, &f.Elsewhere, &known, &owned, &data, &link, &library, &program)
	num(c, &f.Size)
	if owned {
		num(c, &f.UID)
		num(c, &f.GID)
	}
	if data {
		c.bytes(&f.Data)
	}
	if link {
		str(c, &f.Link)
		str(c, &f.Script)
	}
	if library {
		ptr(c, &f.Library, func(l *Library) { l.serial(c) })
	}
	if program {
		ptr(c, &f.Program, func(l *Library) { l.serial(c) })
	}
	if known {
		c.flags(&loader)
		if loader {
			ptr(c, &f.Loader, func(l *root.Libc) { serialLibc(c, l) })
		}
		str(c, &f.LibcVersion)
		facts(f)
	}
}

func (l *Library) serial(c *codec) {
	str(c, &l.Soname)
	str(c, &l.Kind)
	str(c, &l.Machine)
	num(c, &l.Class)
	c.strs(&l.Nodes)
	c.strs(&l.Needed)
	serialNeeds(c, &l.Needs)
	for i := range l.Kernel {
		num(c, &l.Kernel[i])
	}
}

func serialLibc(c *codec, l *root.Libc) {
	for _, s := range []*string{&l.Kind, &l.Version, &l.Interp, &l.Path, &l.Newest, &l.LibDST, &l.Cache} {
		str(c, s)
	}
	c.strs(&l.Dirs)
	num(c, &l.ISA)
}
