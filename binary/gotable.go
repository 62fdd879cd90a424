package binary

import (
	"bytes"
	stdbinary "encoding/binary"
	"strings"
)

// maxNames bounds the table of function names: that of a 100 MB program has
// some 10 MB.
const maxNames = 256 << 20

// readFuncNames finds pclntab and gives the names of all functions, inlined
// ones too; nil where there is no table that can be read. Formats of Go 1.16
// to the newest (internal/abi, symtab.go; cmd/link/internal/ld/pcln.go).
func readFuncNames(v *view) []string {
	if v == nil || v.order == nil {
		return nil
	}
	for _, magic := range []uint32{0xfffffff1, 0xfffffff0, 0xfffffffa} {
		var names []string
		v.find(magicBytes(v.order, magic), func(addr uint64) bool {
			names = v.funcNames(addr, magic)
			return names == nil
		})
		if names != nil {
			return names
		}
	}
	return nil
}

func magicBytes(order stdbinary.ByteOrder, magic uint32) []byte {
	b := make([]byte, 6)
	order.PutUint32(b, magic)
	return b // two zeros follow the magic
}

// find gives the addresses in loaded segments at which a pattern stands,
// aligned to 4, until each says enough. It reads in pieces.
func (v *view) find(pattern []byte, each func(addr uint64) (more bool)) {
	const piece = 1 << 20
	for _, s := range v.spans {
		for at := uint64(0); at < s.filesz; at += piece {
			b := v.upTo(s.vaddr+at, piece+uint64(len(pattern)))
			if len(b) < len(pattern) {
				break
			}
			for from := 0; ; {
				i := bytes.Index(b[from:], pattern)
				if i < 0 || from+i >= piece {
					break
				}
				addr := s.vaddr + at + uint64(from+i)
				if addr%4 == 0 && !each(addr) {
					return
				}
				from += i + 1
			}
		}
	}
}

// funcNames reads the header at addr, and the names that it points to.
func (v *view) funcNames(addr uint64, magic uint32) []string {
	word := v.wordSize()
	head, ok := v.at(addr, 8+8*word)
	if !ok || head[7] != byte(word) || head[6] != 1 && head[6] != 2 && head[6] != 4 {
		return nil
	}
	field := func(i int) uint64 { return v.ptr(head[8+i*word:]) }
	first := 3 // nfunc, nfiles, textStart
	if magic == 0xfffffffa {
		first = 2
	}
	names, end := field(first), field(first+1)
	if nfunc := field(0); nfunc == 0 || names < uint64(8+7*word) || end <= names || end-names > maxNames || nfunc > end-names {
		return nil
	}
	table, ok := v.at(addr+names, int(end-names))
	if !ok {
		return nil
	}
	list := strings.Split(string(table), "\x00")
	// What is no Go program has no runtime.
	for _, n := range list {
		if strings.HasPrefix(n, "runtime.") {
			return list
		}
	}
	return nil
}

// levelMessage finds the CPU level in the words that the runtime refuses
// with, for a program without build info: they are linked in only when the
// level is above the first (runtime/asm_amd64.s).
func levelMessage(v *view) string {
	const words = "This program can only be run on AMD64 processors with v"
	level := ""
	if v == nil {
		return ""
	}
	v.find2(words, func(next byte) {
		if next >= '2' && next <= '4' {
			level = "GOAMD64=v" + string(next)
		}
	})
	return level
}

// find2 gives the byte behind a text.
func (v *view) find2(text string, found func(next byte)) {
	const piece = 1 << 20
	for _, s := range v.spans {
		for at := uint64(0); at < s.filesz; at += piece {
			b := v.upTo(s.vaddr+at, piece+uint64(len(text))+1)
			if i := bytes.Index(b, []byte(text)); i >= 0 && i+len(text) < len(b) {
				found(b[i+len(text)])
				return
			}
		}
	}
}
