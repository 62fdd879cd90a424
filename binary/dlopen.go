package binary

import "slices"

// maxCode bounds the code that is searched for calls of dlopen.
const maxCode = 64 << 20

// dlopenStrings finds names that code passes to dlopen as constants: the
// argument register is loaded with the address of a string a few instructions
// before the call. Only the plainest shape is taken, on x86-64; whether the
// call is ever reached is not known, which is why this can only be a risk.
func (e *elfReader) dlopenStrings() {
	if e.Machine != "x86-64" || !e.Dynamic {
		return
	}
	slots := e.dlopenSlots()
	if len(slots) == 0 {
		return
	}
	for _, s := range e.view.spans {
		if s.flags&1 == 0 || s.filesz > maxCode {
			continue
		}
		code := e.view.upTo(s.vaddr, s.filesz)
		stubs := e.stubs(code, s.vaddr, slots)
		e.calls(code, s.vaddr, slots, stubs)
	}
}

// dlopenSlots are the GOT slots that a relocation fills with dlopen.
func (e *elfReader) dlopenSlots() map[uint64]bool {
	slots := map[uint64]bool{}
	word := uint64(e.view.wordSize())
	for _, r := range e.relRanges() {
		size := e.relSize(r.rela)
		b := e.view.upTo(r.addr, r.size)
		for ; uint64(len(b)) >= size; b = b[size:] {
			i := e.view.ptr(b[word:]) >> 32
			if s, ok := e.sym(i); ok && i != 0 && s.shndx == shnUndef {
				if name, _ := e.str(uint64(s.name)); name == "dlopen" {
					slots[e.view.ptr(b)] = true
				}
			}
		}
	}
	return slots
}

// rel32 is the address that a 4-byte displacement at code[at] leads to.
func (e *elfReader) rel32(code []byte, base uint64, at int) uint64 {
	return base + uint64(at) + 4 + uint64(int64(int32(e.order.Uint32(code[at:]))))
}

// stubs are PLT entries: jmp *slot(%rip), with or without endbr64 and bnd.
func (e *elfReader) stubs(code []byte, base uint64, slots map[uint64]bool) map[uint64]bool {
	found := map[uint64]bool{}
	for i := 0; i+6 <= len(code); i++ {
		if code[i] != 0xff || code[i+1] != 0x25 || !slots[e.rel32(code, base, i+2)] {
			continue
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
	return found
}

// calls finds call stub and call *slot(%rip).
func (e *elfReader) calls(code []byte, base uint64, slots, stubs map[uint64]bool) {
	for i := 0; i+6 <= len(code); i++ {
		direct := code[i] == 0xe8 && stubs[e.rel32(code, base, i+1)]
		through := code[i] == 0xff && code[i+1] == 0x15 && slots[e.rel32(code, base, i+2)]
		if direct || through {
			e.argument(code, base, i)
		}
	}
}

// argument looks back for lea string(%rip),%rdi or mov $string,%edi. A jump
// in between is not seen; then the name is one that some other path passes.
func (e *elfReader) argument(code []byte, base uint64, call int) {
	for i := call - 5; i >= 0 && i >= call-24; i-- {
		var addr uint64
		switch {
		case i+7 <= call && code[i] == 0x48 && code[i+1] == 0x8d && code[i+2] == 0x3d:
			addr = e.rel32(code, base, i+3)
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
