package root

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// Limits of compressed streams. Root file systems shrink to a third; a stream
// that grows to hundreds of times its size is a trap.
const (
	maxUnpacked = 64 << 30  // bytes, over all streams of an archive
	maxGrowth   = 256       // times its size, for one stream,
	freeGrowth  = 256 << 20 // beyond so many bytes
	maxSparse   = 512 << 20 // bytes of sparse files, all together
	maxWindow   = 128 << 20 // what zstd --ultra --long=27 and xz -9e need, and more
)

// allowance is what an image or archive may still take, with all that is
// inside it. Its layers are read at the same time.
type allowance struct {
	unpacked atomic.Int64 // bytes that came out of compressed streams
	holes    atomic.Int64 // bytes that sparse files claim to have
	entries  atomic.Int64 // of layers that are reduced
	names    atomic.Int64 // bytes of their names and links
}

// entry counts one more entry, as a tree does.
func (a *allowance) entry(name, link string) error {
	switch {
	case a.entries.Add(1) > maxNodes:
		return &LimitError{"entries", maxNodes}
	case a.names.Add(int64(len(name)+len(link))) > maxNames:
		return &LimitError{"bytes of names", maxNames}
	}
	return nil
}

// hole says whether one more sparse file may have its contents.
func (a *allowance) hole(size int64) bool {
	return size >= 0 && size <= maxSparse && a.holes.Add(size) <= maxSparse
}

// decompress looks at the first bytes. What is not compressed comes back as
// it is: then contents need no copy.
func (a *archive) decompress(file *io.SectionReader) (r io.Reader, done func(), err error) {
	var head [32]byte
	n, err := file.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	if compression(head[:n]) == "" {
		return file, func() {}, nil
	}
	return a.unpack(ctxReader{a.ctx, file}, file.Size())
}

// compression is told by the first bytes, never by a name or a media type.
func compression(head []byte) string {
	for magic, name := range map[string]string{"\x1f\x8b": "gzip", "\xfd7zXZ\x00": "xz", "\x28\xb5\x2f\xfd": "zstd"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return name
		}
	}
	// zstd may begin with a frame to skip (RFC 8878, 3.1.2).
	if len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.HasPrefix(head[1:], []byte("\x2a\x4d\x18")) {
		return "zstd"
	}
	return ""
}

// unpack reads a stream of size bytes, compressed or not.
func (a *allowance) unpack(stream io.Reader, size int64) (r io.Reader, done func(), err error) {
	in := bufio.NewReaderSize(stream, int(max(64, min(1<<16, size))))
	head, err := in.Peek(32)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	done = func() {}
	switch compression(head) {
	case "gzip":
		r, err = gzip.NewReader(in)
	case "xz":
		if err = xzWindow(head); err == nil {
			r, err = xz.ReaderConfig{DictCap: lzma.MinDictCap}.NewReader(in)
		}
	case "zstd":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1)); err == nil {
			r, done = z, z.Close
		}
	default:
		r = in
	}
	if err != nil {
		return nil, nil, err
	}
	return &unpackReader{allowance: a, r: r, limit: max(freeGrowth, min(maxUnpacked, size*maxGrowth))}, done, nil
}

// xzWindow refuses a stream whose first block asks for an absurd window, as
// the decoder would give it any: xz file format 1.2.0, 3.1.
func xzWindow(head []byte) error {
	const block = 12 // behind the stream header
	if len(head) < block+8 || head[block] == 0 {
		return nil // too short, or no block at all: the decoder says so
	}
	at := block + 2
	for _, bit := range []byte{0x40, 0x80} { // sizes, where there are any
		if head[block+1]&bit == 0 {
			continue
		}
		for at < len(head) && head[at]&0x80 != 0 {
			at++
		}
		at++
	}
	if at+2 < len(head) && head[at] == 0x21 {
		if size, err := lzma.DecodeDictCap(head[at+2]); err == nil && size > maxWindow {
			return &LimitError{"bytes of window", maxWindow}
		}
	}
	return nil
}

// unpackReader counts what comes out of a compressed stream.
type unpackReader struct {
	*allowance
	r           io.Reader
	here, limit int64
}

func (u *unpackReader) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.here += int64(n)
	switch {
	case u.unpacked.Add(int64(n)) > maxUnpacked:
		return n, &LimitError{"bytes unpacked", maxUnpacked}
	case u.here > u.limit:
		return n, &LimitError{"bytes unpacked, far beyond its compressed size", u.limit}
	}
	return n, err
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

// source is where the bytes of an entry come from.
type source struct {
	tar   *tar.Reader
	head  *tar.Header
	file  *io.SectionReader
	plain io.Reader // a window on file where nothing is compressed
}

// isSparse: such entries are stored otherwise than they read.
func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// unkept stands for the contents of a sparse file that claims to be too
// large: a log of logins that is nearly all hole may have hundreds of
// gigabytes and lies in many images. It has a size, and can't be read.
type unkept struct{}

func (unkept) ReadAt([]byte, int64) (int, error) {
	return 0, &LimitError{"bytes of sparse files", maxSparse}
}

// content notes where the bytes of a regular file lie, and copies them to the
// spool if they can't be read where they are.
func (b *builder) content(n *memNode, e source) error {
	n.info.Size = e.head.Size
	if n.info.Size == 0 && !b.reduced {
		return nil
	}
	if w, ok := e.plain.(*window); ok && !isSparse(e.head) {
		return b.inPlace(n, e, w.at)
	}
	if isSparse(e.head) && !b.hole(n.info.Size) {
		n.src = unkept{}
		return nil
	}
	if b.spool == nil {
		var err error
		if b.spool, err = newSpool(); err != nil {
			return err
		}
		b.closers = append(b.closers, b.spool.file)
	}
	var err error
	n.src = b.spool.file
	n.off, err = b.spool.keep(ctxReader{b.ctx, e.tar}, n.info.Size)
	return err
}

// inPlace notes where the bytes lie in the file itself. Our own reduced layers
// have files of which only the head is there.
func (b *builder) inPlace(n *memNode, e source, at int64) error {
	outer, base, _ := e.file.Outer()
	n.src, n.off = outer, base+at
	if size, ok := e.head.PAXRecords[keptSize]; ok && b.reduced {
		kept := n.info.Size
		var err error
		if n.info.Size, err = strconv.ParseInt(size, 10, 64); err != nil || n.info.Size < kept {
			return fmt.Errorf("%q is no size of a file of which %d bytes are kept", size, kept)
		}
		n.src, n.off = headOf{outer, base + at, kept}, 0
	}
	return nil
}

// spool is a temporary file without a name: it is gone with the process.
type spool struct {
	file *os.File
	end  int64
	buf  []byte
}

func newSpool() (*spool, error) {
	f, err := nameless()
	if err != nil {
		return nil, err
	}
	return &spool{file: f, buf: make([]byte, len(zeros))}, nil
}

// nameless is a temporary file that is gone with the process.
func nameless() (*os.File, error) {
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

var zeros [64 << 10]byte

func allZero(b []byte) bool { return bytes.Equal(b, zeros[:len(b)]) }

// keep copies size bytes. Blocks of zeros become holes: a sparse file may
// claim to be as large as it likes.
func (s *spool) keep(r io.Reader, size int64) (off int64, err error) {
	off = s.end
	if size > maxUnpacked-s.end {
		return 0, &LimitError{"bytes unpacked", maxUnpacked}
	}
	for left := size; left > 0; {
		b := s.buf[:min(left, int64(len(s.buf)))]
		if _, err := io.ReadFull(r, b); err != nil {
			return 0, err
		}
		if !allZero(b) {
			if _, err := s.file.WriteAt(b, s.end); err != nil {
				return 0, full(err)
			}
		}
		s.end += int64(len(b))
		left -= int64(len(b))
	}
	return off, nil
}

// finish gives the file its length, which holes at its end have not.
func (s *spool) finish() error {
	if s == nil {
		return nil
	}
	s.buf = nil
	return full(s.file.Truncate(s.end))
}

func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("unpacked it does not fit into %s (TMPDIR names another folder): %w", os.TempDir(), syscall.ENOSPC)
	}
	return err
}
