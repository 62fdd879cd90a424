package pkgindex

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// Limits of compressed streams. Metadata shrinks to a tenth, packages to a
// third; a stream that grows to hundreds of times its size is a trap.
const (
	maxUnpacked = 32 << 30 // bytes, for one stream
	maxGrowth   = 512      // times what was read,
	freeGrowth  = 256 << 20
	maxWindow   = 128 << 20 // of zstd and xz
)

// LimitError is a source that is larger than any that is meant.
type LimitError struct {
	What string
	Max  int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("more than %d %s: it is not read on", e.Max, e.What)
}

// unpack looks at the first bytes and decompresses gzip, zstd, xz, lzma and
// bzip2. Anything else comes back as it is. done gives back what it holds.
func unpack(ctx context.Context, r io.Reader) (plain *bufio.Reader, done func(), err error) {
	counted := &counter{ctx: ctx, r: r}
	in := bufio.NewReaderSize(counted, 1<<16)
	head, _ := in.Peek(32)
	done = func() {}
	var out io.Reader
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		out, err = gzip.NewReader(in)
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		var z *zstd.Decoder
		if z, err = zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true)); err == nil {
			out, done = z, z.Close
		}
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		if err = xzWindow(head); err == nil {
			out, err = xz.ReaderConfig{DictCap: lzma.MinDictCap}.NewReader(in)
		}
	case isLZMA(head):
		if dict := lzmaWindow(head); dict > maxWindow {
			err = &LimitError{"bytes of window", maxWindow}
		} else {
			out, err = lzma.NewReader(in)
		}
	case bytes.HasPrefix(head, []byte("BZh")):
		out = bzip2.NewReader(in)
	default:
		return in, done, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return bufio.NewReaderSize(&grown{r: out, in: counted}, 1<<16), done, nil
}

// counter counts what is read of a compressed stream.
type counter struct {
	ctx context.Context
	r   io.Reader
	n   int64
}

func (c *counter) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// grown counts what comes out of it.
type grown struct {
	r  io.Reader
	in *counter
	n  int64
}

func (g *grown) Read(b []byte) (int, error) {
	if err := g.in.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := g.r.Read(b)
	if g.n += int64(n); g.n > max(freeGrowth, min(maxUnpacked, g.in.n*maxGrowth)) {
		return n, &LimitError{"bytes unpacked, far beyond its compressed size", g.n}
	}
	return n, err
}

// isLZMA: the old format has no magic number; rpm's and dpkg's files of it
// begin with the usual properties and a dictionary of a power of two.
func isLZMA(head []byte) bool {
	return len(head) >= 13 && head[0] == 0x5d && head[1] == 0 && head[2] == 0 && (bytes.Equal(head[5:13], bytes.Repeat([]byte{0xff}, 8)) || head[12] == 0)
}

func lzmaWindow(head []byte) int64 {
	return int64(head[1]) | int64(head[2])<<8 | int64(head[3])<<16 | int64(head[4])<<24
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
