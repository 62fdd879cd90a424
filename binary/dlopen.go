package binary

import (
	"bytes"
	stdbinary "encoding/binary"
	"slices"
	"sync"
)

// maxCode bounds the code that is searched for calls of dlopen.
const maxCode = 128 << 20

// dlopenStrings finds names that code passes to dlopen as constants: the
// argument register is loaded with the address of a string a few instructions
// before the call. Only the plainest shape is taken, on x86-64; whether the
// call is ever reached is not known, which is why this can only be a risk.
func (e *elfReader) dlopenStrings() {
	if e.Machine != "x86-64" || !e.Dynamic || !slices.ContainsFunc(e.Imports, func(i Import) bool { return i.Name == "dlopen" }) {
		return
	}
	slots := e.dlopenSlots()
	if len(slots) == 0 {
		return
	}
	stubs := map[uint64]bool{}
	// Slots that the PLT is for have a stub each, and no others then have one:
	// once these are reached, no more is looked for.
	inPLT := 0
	for _, plt := range slots {
		if plt {
			inPLT++
		}
	}
	reached := map[uint64]bool{}
	e.eachCode(func(code []byte, base uint64, from int) bool {
		e.stubs(code, base, from, slots, stubs, reached)
		return inPLT == 0 || len(reached) < inPLT
	})
	e.eachCode(func(code []byte, base uint64, from int) bool {
		e.calls(code, base, from, slots, stubs)
		return true
	})
}

// Pieces of code overlap by the longest way that argument looks back, and an
// instruction that the one before cut.
const (
	lookBack    = 24
	instruction = 6
	codeOverlap = lookBack + instruction
	codePiece   = 256 << 10
)

var codePool = sync.Pool{New: func() any { return new([codeOverlap + codePiece]byte) }}

// eachCode gives the executable segments piece by piece; from is where the
// piece before ended.
func (e *elfReader) eachCode(give func(code []byte, base uint64, from int) (more bool)) {
	mem := codePool.Get().(*[codeOverlap + codePiece]byte)
	defer codePool.Put(mem)
	buf := mem[:]
	size, budget := uint64(e.src.size), uint64(maxCode)
	for _, s := range e.view.spans {
		if s.flags&spanExec == 0 || s.off >= size || s.filesz > budget {
			continue
		}
		budget -= s.filesz
		length := min(s.filesz, size-s.off)
		over := 0 // bytes of the piece before
		for at := uint64(0); at < length; {
			n, _ := e.src.ReadAt(buf[over:over+int(min(codePiece, length-at))], int64(s.off+at))
			if n == 0 {
				break
			}
			code := buf[:over+n]
			if !give(code, s.vaddr+at-uint64(over), max(0, over-instruction+1)) {
				return
			}
			at += uint64(n)
			over = copy(buf, code[max(0, len(code)-codeOverlap):])
		}
	}
}

// dlopenSlots are the GOT slots that a relocation fills with dlopen, and
// whether the PLT is for them.
func (e *elfReader) dlopenSlots() map[uint64]bool {
	slots := map[uint64]bool{}
	names := map[uint64]bool{} // symbols of that name
	for i := uint64(1); i < e.syms.count; i++ {
		if s, _ := e.sym(i); s.shndx == shnUndef {
			if name, _ := e.str(uint64(s.name)); name == "dlopen" {
				names[i] = true
			}
		}
	}
	word := uint64(e.view.wordSize())
	for _, r := range e.relRanges() {
		size := e.relSize(r.rela)
		for b := r.raw; uint64(len(b)) >= size; b = b[size:] {
			if names[e.view.ptr(b[word:])>>32] {
				slots[e.view.ptr(b)] = slots[e.view.ptr(b)] || r.plt
			}
		}
	}
	return slots
}

// rel32 is the address that a 4-byte displacement at code[at] leads to.
func rel32(code []byte, base uint64, at int) uint64 {
	return base + uint64(at) + 4 + uint64(int64(int32(stdbinary.LittleEndian.Uint32(code[at:]))))
}

// stubs are PLT entries: jmp *slot(%rip), with or without endbr64 and bnd.
func (e *elfReader) stubs(code []byte, base uint64, from int, slots, found, reached map[uint64]bool) {
	for i := through(code, from, 0x25); i >= 0; i = through(code, i+1, 0x25) {
		slot := rel32(code, base, i+2)
		plt, ok := slots[slot]
		if !ok {
			continue
		}
		if plt {
			reached[slot] = true
		}
		start := i
		if start > 0 && code[start-1] == 0xf2 {
			start--
		}
		if start >= 4 && string(code[start-4:start]) == "\xf3\x0f\x1e\xfa" {
			start -= 4
		}
		found[base+uint64(start)] = true
	}
}

// calls finds call stub and call *slot(%rip) behind an instruction that may
// load the argument, in the order of their places. Such instructions are far
// fewer than calls: this loop is the price of the search.
func (e *elfReader) calls(code []byte, base uint64, from int, slots, stubs map[uint64]bool) {
	var found []int
	first := max(0, from-lookBack)
	for at := first + 2; at < len(code); at++ { // lea string(%rip),%rdi: 48 8d 3d
		i := bytes.IndexByte(code[at:], 0x3d)
		if i < 0 {
			break
		}
		if at += i; code[at-1] == 0x8d && code[at-2] == 0x48 {
			found = callsBehind(found, code, base, max(at+5, from), at-2, slots, stubs)
		}
	}
	for at := first; e.Kind == KindExec && at < len(code); at++ { // mov $string,%edi: bf
		i := bytes.IndexByte(code[at:], 0xbf)
		if i < 0 {
			break
		}
		at += i
		found = callsBehind(found, code, base, max(at+5, from), at, slots, stubs)
	}
	slices.Sort(found)
	for _, i := range slices.Compact(found) {
		e.argument(code, base, i)
	}
}

// callsBehind adds the calls from one place on, as far as they look back to
// an argument.
func callsBehind(found []int, code []byte, base uint64, at, argument int, slots, stubs map[uint64]bool) []int {
	for ; at <= argument+lookBack && at+instruction <= len(code); at++ {
		is := false
		switch {
		case code[at] == 0xe8:
			is = stubs[rel32(code, base, at+1)]
		case code[at] == 0xff && code[at+1] == 0x15:
			_, is = slots[rel32(code, base, at+2)]
		}
		if is {
			found = append(found, at)
		}
	}
	return found
}

// through is the next place, from one on, of jmp *slot(%rip) (ff 25) or call
// *slot(%rip) (ff 15); -1 where there is none. The second byte is the rarer.
func through(code []byte, from int, second byte) int {
	for at := from + 1; at < len(code); at++ {
		i := bytes.IndexByte(code[at:], second)
		if i < 0 {
			return -1
		}
		if at += i; code[at-1] == 0xff && at-1+instruction <= len(code) {
			return at - 1
		}
	}
	return -1
}

// argument looks back for lea string(%rip),%rdi or mov $string,%edi. A jump
// in between is not seen; then the name is one that some other path passes.
func (e *elfReader) argument(code []byte, base uint64, call int) {
	for i := call - 5; i >= 0 && i >= call-lookBack; i-- {
		var addr uint64
		switch {
		case i+7 <= call && code[i] == 0x48 && code[i+1] == 0x8d && code[i+2] == 0x3d:
			addr = rel32(code, base, i+3)
		case code[i] == 0xbf && e.Kind == KindExec:
			addr = uint64(e.order.Uint32(code[i+1:]))
		default:
			continue
		}
		if name, ok := cstring(e.view.upTo(addr, 256), 0); ok && plausible(name) && !slices.Contains(e.DlopenStrings, name) && len(e.DlopenStrings) < 64 {
			e.DlopenStrings = append(e.DlopenStrings, name)
		}
		return
	}
}

// plausible: the name of a shared object, in printable ASCII.
func plausible(name string) bool {
	if len(name) < 4 {
		return false
	}
	for i := 0; i < len(name); i++ {
		if name[i] <= ' ' || name[i] > '~' || name[i] == '%' {
			return false
		}
	}
	for i := 0; i+3 <= len(name); i++ {
		if name[i:i+3] == ".so" && (i+3 == len(name) || name[i+3] == '.') {
			return true
		}
	}
	return false
}
