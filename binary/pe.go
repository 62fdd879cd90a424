package binary

import (
	stdbinary "encoding/binary"
	"fmt"
)

// peReader reads a PE image (Microsoft's PE format specification).
type peReader struct {
	src  *source
	view *view
	base uint64 // where the image wants to lie; addresses in headers count from it
}

var peMachines = map[uint16]string{0x14c: "i386", 0x8664: "x86-64", 0xaa64: "aarch64", 0x1c0: "arm", 0x1c4: "arm", 0x200: "ia64", 0x5064: "riscv64", 0x6264: "loongarch64"}

var peSubsystems = map[uint16]string{1: "native", 2: "windows", 3: "console", 5: "os2", 7: "posix", 9: "windows ce", 10: "efi", 11: "efi", 12: "efi", 13: "efi rom", 14: "xbox", 16: "windows boot"}

// Bounds of what a hostile file makes endless. Windows itself refuses more
// than 96 sections before Vista.
const (
	maxImports  = 4096
	maxSections = 1024
	maxDLLName  = 512
)

// readPE reads a file that begins with MZ. f.PE stays nil where no PE header
// follows: then it is a program for DOS, or nothing.
func readPE(src *source, f *Facts) *view {
	le := stdbinary.LittleEndian
	stub, ok := src.bytes(0, 64)
	if !ok {
		return nil
	}
	at := uint64(le.Uint32(stub[60:]))
	head, ok := src.bytes(at, 24)
	if !ok || string(head[:4]) != "PE\x00\x00" {
		return nil
	}
	size := uint64(le.Uint16(head[20:]))
	opt, ok := src.bytes(at+24, size)
	if !ok || size < 72 {
		f.Problems = append(f.Problems, Problem{Part: "optional header", Off: at + 24, Want: max(size, 72), Have: uint64(src.size), Text: "the PE header is cut off"})
		return nil
	}
	p := &PE{Machine: peMachines[le.Uint16(head[4:])], DLL: le.Uint16(head[22:])&0x2000 != 0}
	if p.Machine == "" {
		p.Machine = fmt.Sprintf("machine %#x", le.Uint16(head[4:]))
	}
	magic := le.Uint16(opt)
	p.Plus = magic == 0x20b
	if magic != 0x10b && magic != 0x20b {
		return nil
	}
	p.OSVersion = fmt.Sprintf("%d.%d", le.Uint16(opt[40:]), le.Uint16(opt[42:]))
	p.SubsystemVersion = fmt.Sprintf("%d.%d", le.Uint16(opt[48:]), le.Uint16(opt[50:]))
	if p.Subsystem = peSubsystems[le.Uint16(opt[68:])]; p.Subsystem == "" {
		p.Subsystem = fmt.Sprintf("subsystem %d", le.Uint16(opt[68:]))
	}
	r := &peReader{src: src, view: &view{src: src, order: le, wide: p.Plus}, base: uint64(le.Uint32(opt[28:]))}
	dirs := uint64(92)
	if p.Plus {
		r.base, dirs = le.Uint64(opt[24:]), 108
	}
	p.linker, p.symbols = [2]byte(opt[2:]), le.Uint32(head[16:])
	r.sections(at+24+size, uint64(le.Uint16(head[6:])), f)
	r.directories(f, p, opt, dirs)
	f.Format, f.PE = FormatPE, p
	kind := "program"
	if p.DLL {
		kind = "library (DLL)"
	}
	f.Describe = fmt.Sprintf("Windows %s %s", p.Machine, kind)
	return r.view
}

// sections maps addresses to the file.
func (r *peReader) sections(at, n uint64, f *Facts) {
	b, ok := r.src.bytes(at, n*40)
	if !ok {
		f.Problems = append(f.Problems, Problem{Part: "section table", Off: at, Want: n * 40, Have: uint64(r.src.size), Text: "the table lies outside the file"})
		return
	}
	le := stdbinary.LittleEndian
	for ; len(b) >= 40 && len(r.view.spans) < maxSections; b = b[40:] {
		s := span{vaddr: r.base + uint64(le.Uint32(b[12:])), filesz: uint64(le.Uint32(b[16:])), off: uint64(le.Uint32(b[20:])), memsz: uint64(le.Uint32(b[8:]))}
		if flags := le.Uint32(b[36:]); flags&0x20000000 != 0 { // IMAGE_SCN_MEM_EXECUTE
			s.flags |= spanExec
		} else if flags&0x80000000 != 0 { // IMAGE_SCN_MEM_WRITE
			s.flags |= spanWrite
		}
		r.view.spans = append(r.view.spans, s)
	}
}

func (r *peReader) directories(f *Facts, p *PE, opt []byte, at uint64) {
	le := stdbinary.LittleEndian
	dir := func(i uint64) (addr, size uint64) {
		o := at + 4 + 8*i
		if uint64(len(opt)) < o+8 || uint64(le.Uint32(opt[at:])) <= i {
			return 0, 0
		}
		return uint64(le.Uint32(opt[o:])), uint64(le.Uint32(opt[o+4:]))
	}
	if uint64(len(opt)) < at+4 {
		return
	}
	if addr, _ := dir(1); addr != 0 {
		p.Imports = r.names(f, "import table", addr, 20, func(d []byte) uint64 { return uint64(le.Uint32(d[12:])) })
	}
	if addr, _ := dir(13); addr != 0 {
		p.DelayImports = r.names(f, "delay import table", addr, 32, func(d []byte) uint64 {
			at := uint64(le.Uint32(d[4:]))
			if at != 0 && d[0]&1 == 0 { // made by Visual C++ 6: an address, not relative to the base
				return at - r.base
			}
			return at
		})
	}
	// The certificate table's address is a file offset.
	if addr, size := dir(4); addr != 0 && size > 8 {
		_, p.Signed = r.src.bytes(addr, min(size, 8))
	}
	if addr, _ := dir(14); addr != 0 {
		p.DotNet = true
	}
}

// names reads a list of descriptors of one size, each with the address of a
// name, all of them relative to the base; one of zeros ends it.
func (r *peReader) names(f *Facts, part string, addr uint64, size int, nameOf func(d []byte) uint64) []string {
	var list []string
	for range maxImports {
		d, ok := r.view.at(r.base+addr, size)
		if !ok {
			f.Problems = append(f.Problems, Problem{Part: part, Off: addr, Want: uint64(size), Have: uint64(r.src.size), Text: "the table leaves the sections of the file"})
			return list
		}
		at := nameOf(d)
		if at == 0 {
			return list
		}
		name, ok := cstring(r.view.upTo(r.base+at, maxDLLName), 0)
		if !ok {
			f.Problems = append(f.Problems, Problem{Part: part, Off: at, Want: maxDLLName, Have: uint64(r.src.size), Text: "the name of a DLL lies outside the file or has no end"})
			return list
		}
		list = append(list, name)
		addr += uint64(size)
	}
	return list
}
