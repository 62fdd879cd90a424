package binary

import (
	"bytes"
	stdbinary "encoding/binary"
	"math/bits"
)

// Magics of pclntab, the table of functions (internal/abi, symtab.go): from
// Go 1.20, 1.18 and 1.16 on.
const (
	pcln120 = 0xfffffff1
	pcln118 = 0xfffffff0
	pcln116 = 0xfffffffa
)

// Bounds of what a file can make us look at. The names of a program of 100 MB
// take some 10 MB.
const (
	maxNames      = 128 << 20
	maxTableTries = 32
)

// readFuncNames gives the names of all functions, inlined ones too, each
// ended by a NUL; nil where no table can be read. The section that holds the
// table is believed when there is one. Else the last table in the program is
// its own: one before it belongs to a program that is embedded as data, which
// the linker lays out first.
func readFuncNames(v *view) []byte {
	if v.tableHint != 0 {
		if names := v.funcNames(v.tableHint, true); names != nil {
			return names
		}
	}
	for _, exec := range []uint32{0, spanExec} {
		var names []byte
		tries := 0
		ranges := v.ranges(func(flags uint32) bool { return flags&spanExec == exec })
		v.searchWord(ranges, 4, v.tableStarts(), func(off uint64) bool {
			if !v.tableHeader(off) {
				return true
			}
			if found := v.funcNames(off, false); found != nil {
				names = found
			}
			tries++
			return tries < maxTableTries
		})
		if names != nil {
			return names
		}
	}
	return nil
}

// tableStarts are the magics as searchWord reads them.
func (v *view) tableStarts() [3]uint32 {
	words := [3]uint32{pcln120, pcln118, pcln116}
	if v.order == stdbinary.BigEndian {
		for i, w := range words {
			words[i] = bits.ReverseBytes32(w)
		}
	}
	return words
}

// tableHeader looks at what follows the magic: two zeros, the least size of
// an instruction, and that of a pointer.
func (v *view) tableHeader(off uint64) bool {
	b, ok := v.src.bytes(off, 8)
	return ok && b[4] == 0 && b[5] == 0 && (b[6] == 1 || b[6] == 2 || b[6] == 4) && int(b[7]) == v.wordSize()
}

// funcNames reads the header at a file offset (runtime/symtab.go, pcHeader),
// and the names that it points to. A table in a section of its own may have
// any magic: obfuscators change it.
func (v *view) funcNames(off uint64, anyMagic bool) []byte {
	word := uint64(v.wordSize())
	head, ok := v.src.bytes(off, 8+7*word)
	if !ok || !v.tableHeader(off) {
		return nil
	}
	first := uint64(3) // behind nfunc, nfiles, textStart
	switch v.order.Uint32(head) {
	case pcln120, pcln118:
	case pcln116:
		first = 2
	default:
		if !anyMagic {
			return nil
		}
	}
	field := func(i uint64) uint64 { return v.ptr(head[8+i*word:]) }
	start, end := field(first), field(first+1)
	if nfunc := field(0); start < 8+6*word || start > 8+16*word || end <= start || end-start > maxNames || nfunc == 0 || nfunc > end-start {
		return nil
	}
	if off > uint64(v.src.size) || !anyMagic && !v.hasRuntime(off+start, end-start) {
		return nil
	}
	names, ok := v.src.bytes(off+start, end-start)
	if !ok {
		return nil
	}
	return names
}

// hasRuntime: what has no runtime is no Go program. Only the beginning is
// looked at before all is read: the linker puts the names there in the order
// of the code, internal packages and the runtime first.
func (v *view) hasRuntime(off, n uint64) bool {
	b, ok := v.src.bytes(off, min(n, 1<<20))
	return ok && (bytes.Contains(b, []byte("\x00runtime.")) || bytes.HasPrefix(b, []byte("runtime.")))
}

// eachName calls f with every name of a table.
func eachName(names []byte, f func(name []byte)) {
	for len(names) > 0 {
		end := bytes.IndexByte(names, 0)
		if end < 0 {
			end = len(names)
		}
		if end > 0 {
			f(names[:end])
		}
		names = names[min(end+1, len(names)):]
	}
}

// levelMessage finds the CPU level in the words that the runtime refuses
// with, for a program without build info: they are linked in only when the
// level is above the first (runtime/asm_amd64.s, asm_arm64.s).
func levelMessage(v *view, machine string) (level string) {
	const amd64 = "This program can only be run on AMD64 processors with v"
	const arm64 = "This program can only run on ARM64 processors with LSE support."
	// The linker places it in read-only data, which Mach-O has in an
	// executable segment.
	all := v.ranges(func(uint32) bool { return true })
	switch machine {
	case "x86-64":
		v.search(all, amd64, func(off uint64) bool {
			b, ok := v.src.bytes(off+uint64(len(amd64)), 1)
			if ok && b[0] >= '2' && b[0] <= '4' {
				level = "GOAMD64=v" + string(b)
			}
			return level == ""
		})
	case "aarch64":
		v.search(all, arm64, func(uint64) bool {
			level = "GOARM64=v8.0,lse"
			return false
		})
	}
	return level
}
