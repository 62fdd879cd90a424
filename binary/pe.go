package binary

import (
	stdbinary "encoding/binary"
	"fmt"
)

// peReader reads a PE image (Microsoft's PE format specification).
type peReader struct {
	src  *source
	view *view
}

var peMachines = map[uint16]string{0x14c: "i386", 0x8664: "x86-64", 0xaa64: "aarch64", 0x1c0: "arm", 0x1c4: "arm", 0x200: "ia64", 0x5064: "riscv64", 0x6264: "loongarch64"}

var peSubsystems = map[uint16]string{1: "native", 2: "windows", 3: "console", 5: "os2", 7: "posix", 9: "windows ce", 10: "efi", 11: "efi", 12: "efi", 13: "efi rom", 14: "xbox", 16: "windows boot"}

// maxImports bounds lists that a hostile file makes endless.
const maxImports = 4096

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
	r := &peReader{src: src, view: &view{src: src, order: le, wide: p.Plus}}
	base := uint64(le.Uint32(opt[28:]))
	dirs := uint64(92)
	if p.Plus {
		base, dirs = le.Uint64(opt[24:]), 108
	}
	r.sections(at+24+size, uint64(le.Uint16(head[6:])), f)
	r.directories(p, opt, dirs)
	f.Format, f.PE = FormatPE, p
	kind := "program"
	if p.DLL {
		kind = "library (DLL)"
	}
	f.Describe = fmt.Sprintf("Windows %s %s", p.Machine, kind)
	_ = base
	return r.view
}

// sections maps addresses relative to the image's base to the file.
func (r *peReader) sections(at, n uint64, f *Facts) {
	b, ok := r.src.bytes(at, n*40)
	if !ok {
		f.Problems = append(f.Problems, Problem{Part: "section table", Off: at, Want: n * 40, Have: uint64(r.src.size), Text: "the table lies outside the file"})
		return
	}
	le := stdbinary.LittleEndian
	for ; len(b) >= 40; b = b[40:] {
		r.view.spans = append(r.view.spans, span{vaddr: uint64(le.Uint32(b[12:])), filesz: uint64(le.Uint32(b[16:])), off: uint64(le.Uint32(b[20:])),
			memsz: uint64(le.Uint32(b[8:])), flags: le.Uint32(b[36:])})
	}
}

func (r *peReader) directories(p *PE, opt []byte, at uint64) {
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
		p.Imports = r.names(addr, 20, 12)
	}
	if addr, _ := dir(13); addr != 0 {
		p.DelayImports = r.names(addr, 32, 4)
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
// name; one of zeros ends it.
func (r *peReader) names(addr uint64, size, nameAt int) []string {
	var list []string
	for range maxImports {
		d, ok := r.view.at(addr, size)
		if !ok {
			break
		}
		at := uint64(stdbinary.LittleEndian.Uint32(d[nameAt:]))
		if at == 0 {
			break
		}
		name, ok := cstring(r.view.upTo(at, 512), 0)
		if !ok {
			break
		}
		list = append(list, name)
		addr += uint64(size)
	}
	return list
}
