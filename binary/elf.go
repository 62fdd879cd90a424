package binary

import (
	"bytes"
	stdbinary "encoding/binary"
	"fmt"
)

// Program header types (elf.h).
const (
	PTLoad     = 1
	PTDynamic  = 2
	PTInterp   = 3
	PTNote     = 4
	PTPhdr     = 6
	PTTLS      = 7
	PTGNUStack = 0x6474e551
	PTGNURelro = 0x6474e552
	PTGNUProp  = 0x6474e553
)

// elfReader is one reading of an ELF file.
type elfReader struct {
	*ELF
	src             *source
	facts           *Facts
	view            *view
	order           stdbinary.ByteOrder
	usual           bool   // 64-bit and little-endian: read without asking again
	strtab          string // of PT_DYNAMIC
	syms            symTable
	rels            []relRange
	neededVersions  map[uint16]neededVersion
	definedVersions map[uint16]string
}

type neededVersion struct{ name, library string }

// problem notes what is broken; the first few are enough.
func (e *elfReader) problem(part string, off, want, have uint64, text string) {
	if len(e.facts.Problems) < 32 {
		e.facts.Problems = append(e.facts.Problems, Problem{Part: part, Off: off, Want: want, Have: have, Text: text})
	}
}

// readELF reads what a loader needs, or what the kind hangs on. It never
// fails: what cannot be read is a Problem, and what depends on it stays empty.
func readELF(src *source, f *Facts, d depth) *elfReader {
	e := &elfReader{ELF: &ELF{}, src: src, facts: f}
	if !e.header() {
		return e
	}
	e.segments()
	e.view = e.loadView()
	e.interp()
	if e.dynamic() {
		e.dynamicStrings()
		if d > kindOnly {
			e.versions()
			e.symbols(d == forLookups || d == forJudge && e.HasInterp)
			e.relocations()
		}
	}
	if d > kindOnly {
		e.notes()
	}
	e.Kind = e.kind()
	e.kernelCheck()
	return e
}

// header reads the ELF header. Class and order fall back to what the machine
// at hand makes likely: loaders check them, so Facts keep them as they stand.
func (e *elfReader) header() bool {
	ident, _ := e.src.bytes(0, uint64(min(16, e.src.size)))
	e.Header.Ident = bytes.Clone(ident)
	if len(ident) < 16 {
		e.problem("ELF header", 0, 16, uint64(len(ident)), "the file ends inside the identification")
		return false
	}
	e.classAndOrder(ident)
	if e.Class == 0 || e.order == nil {
		return false
	}
	size := uint64(52)
	if e.Class == 64 {
		size = 64
	}
	b, ok := e.src.bytes(0, size)
	if !ok {
		e.problem("ELF header", 0, size, uint64(e.src.size), "the file ends inside the header")
		// What is there still names the machine.
		if part, ok := e.src.bytes(0, 20); ok {
			e.Header.Type, e.Header.Machine = e.order.Uint16(part[16:]), e.order.Uint16(part[18:])
			e.Machine = e.machineName()
		}
		return false
	}
	o, h := e.order, &e.Header
	h.Type, h.Machine, h.Version = o.Uint16(b[16:]), o.Uint16(b[18:]), o.Uint32(b[20:])
	if e.Class == 64 {
		h.Entry, h.Phoff = o.Uint64(b[24:]), o.Uint64(b[32:])
		h.Shoff = o.Uint64(b[40:])
		b = b[48:]
	} else {
		h.Entry, h.Phoff = uint64(o.Uint32(b[24:])), uint64(o.Uint32(b[28:]))
		h.Shoff = uint64(o.Uint32(b[32:]))
		b = b[36:]
	}
	e.usual = e.Class == 64 && e.order == stdbinary.LittleEndian
	h.Flags, h.Ehsize, h.Phentsize, h.Phnum = o.Uint32(b), o.Uint16(b[4:]), o.Uint16(b[6:]), o.Uint16(b[8:])
	h.Shentsize, h.Shnum, h.Shstrndx = o.Uint16(b[10:]), o.Uint16(b[12:]), o.Uint16(b[14:])
	e.Machine = e.machineName()
	return true
}

// classAndOrder are what the identification says. Where it says nothing that
// there is, the machine decides, as it does for the kernel, which does not look
// at these two bytes (fs/binfmt_elf.c); loaders refuse such a library.
func (e *elfReader) classAndOrder(ident []byte) {
	switch ident[5] {
	case 1:
		e.Order, e.order = "little", stdbinary.LittleEndian
	case 2:
		e.Order, e.order = "big", stdbinary.BigEndian
	}
	switch ident[4] {
	case 1:
		e.Class = 32
	case 2:
		e.Class = 64
	}
	if e.Class != 0 && e.order != nil {
		e.kernelsView()
		return
	}
	e.problem("ELF header", 4, 0, uint64(ident[4])<<8|uint64(ident[5]), "class or byte order is none that there is")
	machine, ok := e.src.bytes(18, 2)
	if !ok {
		return
	}
	if e.order == nil {
		e.Order, e.order = "little", stdbinary.LittleEndian
		if machine[0] == 0 && machine[1] != 0 {
			e.Order, e.order = "big", stdbinary.BigEndian
		}
	}
	if e.Class == 0 {
		e.Class = map[uint16]int{62: 64, 183: 64, 243: 64, 21: 64, 22: 64, 258: 64, 3: 32, 40: 32, 20: 32}[e.order.Uint16(machine)]
	}
}

// kernelsView corrects an identification that claims another class or order
// than the rest of the header is written in: the kernel goes by that rest.
func (e *elfReader) kernelsView() {
	b, ok := e.src.bytes(0, 64)
	if !ok {
		return
	}
	for _, o := range []stdbinary.ByteOrder{stdbinary.LittleEndian, stdbinary.BigEndian} {
		if o.Uint32(b[20:]) != 1 || o.Uint16(b[16:]) == 0 || o.Uint16(b[16:]) > 4 {
			continue
		}
		wide := o.Uint16(b[52:]) == 64 && o.Uint16(b[54:]) == 56
		narrow := o.Uint16(b[40:]) == 52 && o.Uint16(b[42:]) == 32
		if wide == narrow {
			continue
		}
		class, order := 32, "little"
		if wide {
			class = 64
		}
		if o == stdbinary.BigEndian {
			order = "big"
		}
		if class != e.Class || order != e.Order {
			e.problem("ELF header", 4, 0, 0, "the identification claims another class or byte order than the header is written in")
			e.Class, e.Order, e.order = class, order, o
		}
		return
	}
}

func (e *elfReader) phentsize() uint64 {
	if e.Class == 64 {
		return 56
	}
	return 32
}

// segments reads the program headers. Neither the kernel nor any loader knows
// more than 65,535 (PN_XNUM is for cores).
func (e *elfReader) segments() {
	n, size := uint64(e.Header.Phnum), e.phentsize()
	if n == 0 {
		return
	}
	if uint64(e.Header.Phentsize) != size {
		e.problem("program headers", e.Header.Phoff, size, uint64(e.Header.Phentsize), "entries have another size than the class demands")
	}
	b, ok := e.src.bytes(e.Header.Phoff, n*size)
	if !ok {
		e.problem("program headers", e.Header.Phoff, n*size, uint64(e.src.size), "the table lies outside the file")
		return
	}
	e.Segments = make([]Segment, 0, n)
	for ; len(b) >= int(size); b = b[size:] {
		o := e.order
		s := Segment{Type: o.Uint32(b)}
		if e.Class == 64 {
			s.Flags, s.Off, s.Vaddr = o.Uint32(b[4:]), o.Uint64(b[8:]), o.Uint64(b[16:])
			s.Filesz, s.Memsz, s.Align = o.Uint64(b[32:]), o.Uint64(b[40:]), o.Uint64(b[48:])
		} else {
			s.Off, s.Vaddr = uint64(o.Uint32(b[4:])), uint64(o.Uint32(b[8:]))
			s.Filesz, s.Memsz = uint64(o.Uint32(b[16:])), uint64(o.Uint32(b[20:]))
			s.Flags, s.Align = o.Uint32(b[24:]), uint64(o.Uint32(b[28:]))
		}
		e.Segments = append(e.Segments, s)
		e.special(s)
	}
}

// special notes segments that carry facts of their own.
func (e *elfReader) special(s Segment) {
	switch s.Type {
	case PTLoad:
		if s.Off > uint64(e.src.size) || s.Filesz > uint64(e.src.size)-s.Off {
			e.problem("load segment", s.Off, s.Filesz, uint64(e.src.size), "a segment reaches beyond the end of the file")
		}
	case PTGNUStack:
		e.GNUStack = flagWords(s.Flags)
	case PTTLS:
		e.TLS = &TLS{Size: s.Memsz, FileSize: s.Filesz, Align: s.Align}
	}
}

func flagWords(flags uint32) string {
	words := ""
	for _, f := range []struct {
		bit  uint32
		word string
	}{{4, "r"}, {2, "w"}, {1, "x"}} {
		if flags&f.bit != 0 {
			words += f.word
		}
	}
	return words
}

func (e *elfReader) loadView() *view {
	v := &view{src: e.src, order: e.order, wide: e.Class == 64}
	for _, s := range e.Segments {
		if s.Type == PTLoad {
			v.spans = append(v.spans, span{vaddr: s.Vaddr, off: s.Off, filesz: s.Filesz, memsz: s.Memsz, flags: s.Flags})
		}
	}
	return v
}

// interp is PT_INTERP; the kernel takes the first (fs/binfmt_elf.c), and at
// most PATH_MAX bytes.
func (e *elfReader) interp() {
	for _, s := range e.Segments {
		if s.Type != PTInterp {
			continue
		}
		e.HasInterp = true
		b, ok := e.src.bytes(s.Off, min(s.Filesz, 4096))
		if !ok {
			e.problem("interpreter", s.Off, s.Filesz, uint64(e.src.size), "PT_INTERP lies outside the file")
			return
		}
		if text, ok := cstring(b, 0); ok {
			e.Interp = text
		} else {
			e.Interp = string(b)
			e.problem("interpreter", s.Off, 0, s.Filesz, "PT_INTERP does not end with a NUL")
		}
		return
	}
}

// DF_1_PIE and other flags (elf.h).
const (
	DF1Now      = 0x1
	DF1Group    = 0x4
	DF1NoOpen   = 0x40
	DF1Origin   = 0x80
	DF1NoDefLib = 0x800
	DF1PIE      = 0x08000000

	DFOrigin    = 0x1
	DFSymbolic  = 0x2
	DFTextrel   = 0x4
	DFBindNow   = 0x8
	DFStaticTLS = 0x10
)

func (e *elfReader) kind() Kind {
	switch e.Header.Type {
	case 1:
		return KindObject
	case 4:
		return KindCore
	case 2:
		if e.HasInterp {
			return KindExec
		}
		return KindStatic
	case 3:
		return e.dynKind()
	}
	return KindOther
}

// dynKind parts programs from libraries among ET_DYN files. libc.so.6 has an
// interpreter and a soname: it is a library that can also be started.
func (e *elfReader) dynKind() Kind {
	pie := e.Flags1&DF1PIE != 0
	switch {
	case e.HasInterp && (pie || e.Soname == ""):
		return KindPIE
	case !e.HasInterp && pie:
		return KindStaticPIE
	case !e.HasInterp && e.Soname == "" && len(e.Needed) == 0 && e.Header.Entry != 0 && !e.Dynamic:
		return KindStaticPIE
	case !e.HasInterp && e.Soname == "" && len(e.Needed) == 0 && e.entryIsCode() && e.hasTag(dtDebug):
		return KindStaticPIE
	}
	return KindShared
}

func (e *elfReader) entryIsCode() bool {
	for _, s := range e.Segments {
		if s.Type == PTLoad && s.Flags&1 != 0 && e.Header.Entry >= s.Vaddr && e.Header.Entry-s.Vaddr < s.Memsz {
			return e.Header.Entry != 0
		}
	}
	return false
}

// machines by e_machine (elf.h); byte order and class decide where they must.
var machineNames = map[uint16]string{
	2: "sparc", 3: "i386", 4: "m68k", 8: "mips", 15: "parisc", 18: "sparc32plus", 20: "ppc", 21: "ppc64", 22: "s390",
	40: "arm", 42: "sh", 43: "sparc64", 50: "ia64", 62: "x86-64", 94: "xtensa", 183: "aarch64",
	188: "tilepro", 189: "microblaze", 195: "arc", 243: "riscv", 247: "bpf", 252: "csky", 258: "loongarch", 0x9026: "alpha",
}

func (e *elfReader) machineName() string {
	name, ok := machineNames[e.Header.Machine]
	if !ok {
		return fmt.Sprintf("machine %d", e.Header.Machine)
	}
	little := e.Order == "little"
	switch {
	case name == "x86-64" && e.Class == 32:
		return "x32"
	case name == "ppc64" && little:
		return "ppc64le"
	case name == "s390" && e.Class == 64:
		return "s390x"
	case name == "riscv" || name == "loongarch":
		return fmt.Sprintf("%s%d", name, e.Class)
	case name == "mips":
		if e.Class == 64 {
			name = "mips64"
		}
		if little {
			name += "le"
		}
	case name == "arm" && !little:
		return "armeb"
	case name == "aarch64" && !little:
		return "aarch64_be"
	}
	return name
}

func (e *elfReader) describe() string {
	if e.Class == 0 || len(e.Header.Ident) < 16 {
		return "damaged ELF file"
	}
	kinds := map[Kind]string{KindExec: "program", KindPIE: "PIE program", KindStatic: "static program", KindStaticPIE: "static PIE program",
		KindShared: "shared library", KindObject: "relocatable object", KindCore: "core dump", KindOther: "file of unknown type", "": "damaged file"}
	return fmt.Sprintf("ELF %d-bit %s %s", e.Class, e.Machine, kinds[e.Kind])
}
