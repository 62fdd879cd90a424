package binary

import (
	"bytes"
	"cmp"
	stdbinary "encoding/binary"
	"slices"
)

// Flags of a span, as ELF has them (PF_X, PF_W).
const (
	spanExec  = 1
	spanWrite = 2
)

// fileRange is a part of the file, [from, to).
type fileRange struct{ from, to uint64 }

// ranges are the parts of the file that spans of a kind load: sorted, and
// merged where they overlap, so that no file has more to search than bytes.
func (v *view) ranges(want func(flags uint32) bool) []fileRange {
	size := uint64(v.src.size)
	var list []fileRange
	for _, s := range v.spans {
		if s.off < size && s.filesz > 0 && want(s.flags) {
			list = append(list, fileRange{s.off, s.off + min(s.filesz, size-s.off)})
		}
	}
	slices.SortFunc(list, func(a, b fileRange) int { return cmp.Compare(a.from, b.from) })
	merged := list[:0]
	for _, r := range list {
		if n := len(merged); n > 0 && r.from <= merged[n-1].to {
			merged[n-1].to = max(merged[n-1].to, r.to)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// piece is how much of a file a search has in memory.
const piece = 1 << 20

// pieces reads the ranges piece by piece, each with the overlap of bytes that
// follow it.
func (v *view) pieces(ranges []fileRange, overlap uint64, each func(b []byte, off uint64) (more bool)) {
	var buf []byte
	for _, r := range ranges {
		for at := r.from; at < r.to; at += piece {
			n := min(piece+overlap, r.to-at)
			if uint64(cap(buf)) < n {
				buf = make([]byte, n)
			}
			got, _ := v.src.ReadAt(buf[:n], int64(at))
			if !each(buf[:got], at) {
				return
			}
		}
	}
}

// search calls each with the file offset of every place in the ranges where
// the text stands, until it answers false.
func (v *view) search(ranges []fileRange, text string, each func(off uint64) (more bool)) {
	pattern := []byte(text)
	v.pieces(ranges, uint64(len(text))-1, func(b []byte, off uint64) bool {
		for from := 0; ; {
			i := bytes.Index(b[from:], pattern)
			if i < 0 {
				return true
			}
			if !each(off + uint64(from+i)) {
				return false
			}
			from += i + 1
		}
	})
}

// searchWord is a search for any of three four-byte values at file offsets
// that are multiples of step, which goes through a file at the speed of its
// reading. What is aligned in memory is aligned in the file: segments and
// sections lie at the same place within a page in both.
func (v *view) searchWord(ranges []fileRange, step uint64, words [3]uint32, each func(off uint64) (more bool)) {
	a, b, c := words[0], words[1], words[2]
	v.pieces(ranges, 0, func(buf []byte, off uint64) bool {
		for i := (step - off%step) % step; i+4 <= uint64(len(buf)); i += step {
			if w := stdbinary.LittleEndian.Uint32(buf[i:]); w == a || w == b || w == c {
				if !each(off + i) {
					return false
				}
			}
		}
		return true
	})
}
