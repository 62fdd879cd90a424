package binary

import (
	"bytes"
	"cmp"
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

// search calls each with the file offset of every place in the ranges where
// the pattern stands, until it answers false. It reads in pieces, of which
// one is in memory.
func (v *view) search(ranges []fileRange, pattern []byte, each func(off uint64) (more bool)) {
	const piece = 1 << 20
	var buf []byte
	for _, r := range ranges {
		for at := r.from; at < r.to; at += piece {
			n := min(piece+uint64(len(pattern))-1, r.to-at)
			if uint64(cap(buf)) < n {
				buf = make([]byte, n)
			}
			buf = buf[:n]
			if got, _ := v.src.ReadAt(buf, int64(at)); uint64(got) < n {
				buf = buf[:got]
			}
			for from := 0; ; {
				i := bytes.Index(buf[from:], pattern)
				if i < 0 {
					break
				}
				if !each(at + uint64(from+i)) {
					return
				}
				from += i + 1
			}
		}
	}
}
