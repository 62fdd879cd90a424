package binary

import (
	"bytes"
	stdbinary "encoding/binary"
	"unsafe"
)

// view maps addresses in memory to bytes of the file, as loaded segments do.
type view struct {
	src   *source
	spans []span
	order stdbinary.ByteOrder
	wide  bool // 64-bit

	// Where section headers say that Go's function table and build info lie
	// in the file, and whether sections have names at all.
	tableHint, infoHint uint64
	named               bool
}

// span is one loaded segment.
type span struct {
	vaddr, off, filesz, memsz uint64
	flags                     uint32
}

// locate gives the file offset of an address, and how many bytes of the file
// follow it in the same segment.
func (v *view) locate(vaddr uint64) (off, left uint64, ok bool) {
	for _, s := range v.spans {
		if vaddr >= s.vaddr && vaddr-s.vaddr < s.filesz {
			d := vaddr - s.vaddr
			if s.off > ^uint64(0)-d {
				return 0, 0, false
			}
			return s.off + d, s.filesz - d, true
		}
	}
	return 0, 0, false
}

// at reads n bytes at an address; ok is false where the file has not all of
// them.
func (v *view) at(vaddr uint64, n int) ([]byte, bool) {
	off, left, ok := v.locate(vaddr)
	if !ok || n < 0 || uint64(n) > left {
		return nil, false
	}
	return v.src.bytes(off, uint64(n))
}

// text is upTo as a string of its own. A large one is read to where it stays.
func (v *view) text(vaddr, n uint64) string {
	off, left, ok := v.locate(vaddr)
	size := uint64(v.src.size)
	if !ok || off >= size {
		return ""
	}
	if n = min(n, left, size-off); n <= windowSize {
		b, _ := v.src.bytes(off, n)
		return string(b)
	}
	b := make([]byte, n)
	read, _ := v.src.ReadAt(b, int64(off))
	return unsafe.String(&b[0], read) // nobody writes to b any more
}

// upTo reads at most n bytes at an address, as many as there are.
func (v *view) upTo(vaddr, n uint64) []byte {
	off, left, ok := v.locate(vaddr)
	size := uint64(v.src.size)
	if !ok || off >= size {
		return nil
	}
	b, _ := v.src.bytes(off, min(n, left, size-off))
	return b
}

// ptr reads one address-sized word from b.
func (v *view) ptr(b []byte) uint64 {
	if v.wide {
		return v.order.Uint64(b)
	}
	return uint64(v.order.Uint32(b))
}

func (v *view) wordSize() int {
	if v.wide {
		return 8
	}
	return 4
}

// cstring is the text at off in a table up to its NUL; ok is false where it
// starts outside or does not end inside.
func cstring(table []byte, off uint64) (string, bool) {
	if off >= uint64(len(table)) {
		return "", false
	}
	end := bytes.IndexByte(table[off:], 0)
	if end < 0 {
		return "", false
	}
	return string(table[off : off+uint64(end)]), true
}

// table is bytes at an address, read as far as they are asked for: tables
// whose size no header tells.
type table struct {
	view *view
	addr uint64
	buf  []byte
	full bool
}

// get gives n bytes at off; ok is false where the file has not all of them.
func (t *table) get(off, n uint64) ([]byte, bool) {
	if off > 1<<32 || n > 1<<32 {
		return nil, false
	}
	for uint64(len(t.buf)) < off+n && !t.full {
		want := max(2*uint64(len(t.buf)), off+n, 2048)
		t.buf = t.view.upTo(t.addr, want)
		t.full = uint64(len(t.buf)) < want
	}
	if uint64(len(t.buf)) < off+n {
		return nil, false
	}
	return t.buf[off : off+n], true
}
