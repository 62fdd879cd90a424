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
	"strings"
	"syscall"

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

// decompress looks at the first bytes. What is not compressed comes back as
// it is: then contents need no copy.
func (a *archive) decompress(file *io.SectionReader) (r io.Reader, done func(), err error) {
	var head [32]byte
	n, err := file.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	done = func() {}
	in := bufio.NewReaderSize(ctxReader{a.ctx, file}, int(min(1<<16, file.Size())))
	switch b := head[:n]; {
	case bytes.HasPrefix(b, []byte("\x1f\x8b")):
		r, err = gzip.NewReader(in)
	case bytes.HasPrefix(b, []byte("\xfd7zXZ\x00")):
		if err = xzWindow(b); err == nil {
			r, err = xz.ReaderConfig{DictCap: lzma.MinDictCap}.NewReader(in)
		}
	case bytes.HasPrefix(b, []byte("\x28\xb5\x2f\xfd")):
		var z *zstd.Decoder
		if z, err = zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1)); err == nil {
			r, done = z, z.Close
		}
	default:
		return file, done, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return &unpackReader{archive: a, r: r, limit: max(freeGrowth, min(maxUnpacked, file.Size()*maxGrowth))}, done, nil
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
	*archive
	r           io.Reader
	here, limit int64
}

func (u *unpackReader) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.here += int64(n)
	u.unpacked += int64(n)
	switch {
	case u.unpacked > maxUnpacked:
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
	plain io.Reader // the same as file where nothing is compressed
}

// sparse entries are stored otherwise than they read.
func (e source) sparse() bool {
	if e.head.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range e.head.PAXRecords {
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
	if n.info.Size == 0 {
		return nil
	}
	if e.plain == io.Reader(e.file) && !e.sparse() {
		at, err := e.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		outer, base, _ := e.file.Outer()
		n.src, n.off = outer, base+at
		return nil
	}
	if e.sparse() {
		if b.holes += n.info.Size; n.info.Size > maxSparse || b.holes > maxSparse {
			n.src = unkept{}
			return nil
		}
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

// spool is a temporary file without a name: it is gone with the process.
type spool struct {
	file *os.File
	end  int64
	buf  []byte
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "willrun-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return &spool{file: f, buf: make([]byte, len(zeros))}, nil
}

var zeros [64 << 10]byte

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
		if !bytes.Equal(b, zeros[:len(b)]) {
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
