package profile

import (
	"github.com/willrun/willrun/binary"
)

// frames are the headers of each machine's files: e_machine, class, byte
// order, e_flags of the hard-float ABIs.
var frames = map[string]struct {
	number uint16
	class  int
	big    bool
	flags  uint32
}{
	"x86-64": {62, 64, false, 0}, "i386": {3, 32, false, 0}, "aarch64": {183, 64, false, 0}, "arm": {40, 32, false, 0x5000400},
	"ppc64le": {21, 64, false, 2}, "s390x": {22, 64, true, 0}, "riscv64": {243, 64, false, 5}, "loongarch64": {258, 64, false, 0x43},
}

const (
	dtNeeded, dtStrtab       = 1, 5
	dtSymtab, dtSoname       = 6, 14
	dtVersym           int64 = 0x6ffffff0
	page                     = 1 << 16 // aligned for every page size there is
	codeEnd                  = page    // of the one segment
)

// frame is an ELF file that every loader takes: one segment of code and a
// dynamic section.
func frame(machine string, kind binary.Kind) *binary.Facts {
	m := frames[machine]
	e := &binary.ELF{Class: m.class, Order: "little", Machine: machine, Kind: kind, Dynamic: true, Hash: "gnu", GNUStack: "rw"}
	data, ehsize, phentsize := byte(1), uint16(64), uint16(56)
	if m.big {
		e.Order, data = "big", 2
	}
	if m.class == 32 {
		ehsize, phentsize = 52, 32
	}
	e.Segments = []binary.Segment{
		{Type: binary.PTLoad, Flags: 5, Filesz: codeEnd, Memsz: codeEnd, Align: page},
		{Type: binary.PTDynamic, Flags: 4, Off: 4096, Vaddr: 4096, Filesz: 1024, Memsz: 1024, Align: 8},
	}
	e.Header = binary.Header{Ident: append([]byte("\x7fELF"), byte(m.class/32), data, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), Type: 3, Machine: m.number, Version: 1,
		Entry: 8192, Phoff: uint64(ehsize), Flags: m.flags, Ehsize: ehsize, Phentsize: phentsize, Phnum: uint16(len(e.Segments))}
	e.Tags = []binary.DynTag{{Tag: dtStrtab, Val: 5120}, {Tag: dtSymtab, Val: 6144}}
	return &binary.Facts{Format: binary.FormatELF, Size: codeEnd, Describe: "known from the published facts of its release", ELF: e}
}

// need adds what the file needs.
func need(e *binary.ELF, sonames []string) {
	for _, n := range sonames {
		e.Needed = append(e.Needed, n)
		e.Tags = append(e.Tags, binary.DynTag{Tag: dtNeeded})
	}
}

// facts of a library, as far as a loader asks.
func (l *Library) facts(machine string) *binary.Facts {
	f := frame(machine, binary.KindShared)
	e := f.ELF
	e.Soname, e.Opaque = l.Soname, l.Opaque
	e.Tags = append(e.Tags, binary.DynTag{Tag: dtSoname})
	need(e, l.Needed)
	index := map[string]uint16{"": 1}
	if len(l.Nodes)+len(l.Unsure) > 0 {
		e.Tags = append(e.Tags, binary.DynTag{Tag: dtVersym, Val: 7168})
		e.VersionDefs = append(e.VersionDefs, binary.VersionDef{Name: l.Soname, Hash: sysvHash(l.Soname), Revision: 1, Base: true, Index: 1})
	}
	for i, n := range l.Nodes {
		index[n] = uint16(i + 2)
		e.VersionDefs = append(e.VersionDefs, binary.VersionDef{Name: n, Hash: sysvHash(n), Revision: 1, Index: index[n]})
	}
	for i, n := range l.Unsure {
		d := binary.VersionDef{Name: n, Hash: sysvHash(n), Revision: 1, Index: uint16(len(l.Nodes) + i + 2), Unsure: true}
		e.VersionDefs = append(e.VersionDefs, d)
	}
	e.Exports = make([]binary.Symbol, 0, len(l.Symbols))
	for i, s := range l.Symbols {
		x := binary.Symbol{Name: s.Name, Version: s.Version, Type: s.Type, Bind: 1, Value: 8192 + uint64(i), Size: s.Size}
		if len(l.Nodes) > 0 {
			x.VerIdx = index[s.Version]
		}
		e.Exports = append(e.Exports, x)
	}
	return f
}

// command are the facts of a program that every installation has.
func command(machine, interp, libc string) *binary.Facts {
	f := frame(machine, binary.KindPIE)
	e := f.ELF
	e.HasInterp, e.Interp = true, interp
	const ptPhdr = 6
	n, headers := uint64(len(interp)+1), uint64(e.Header.Phentsize)*4
	e.Segments = append([]binary.Segment{
		{Type: ptPhdr, Flags: 4, Off: e.Header.Phoff, Vaddr: e.Header.Phoff, Filesz: headers, Memsz: headers, Align: 8},
		{Type: binary.PTInterp, Flags: 4, Off: 3072, Vaddr: 3072, Filesz: n, Memsz: n, Align: 1},
	}, e.Segments...)
	e.Header.Phnum = uint16(len(e.Segments))
	need(e, []string{libc})
	return f
}

// sysvHash is the hash of version names (System V ABI, chapter 5).
func sysvHash(name string) uint32 {
	h := uint32(0)
	for i := range len(name) {
		h = h<<4 + uint32(name[i])
		h = (h ^ h>>28<<4) & 0xfffffff
	}
	return h
}
