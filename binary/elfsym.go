package binary

import stdbinary "encoding/binary"

// symTable is DT_SYMTAB with DT_VERSYM beside it, not yet decoded.
type symTable struct {
	raw    []byte
	entry  uint64
	count  uint64
	versym []byte
	reach  []bool   // found through the hash table; nil: no table
	names  []string // as far as they were read
	hashes []uint32 // and their GNUHash
}

// rawSym is one decoded entry of the symbol table.
type rawSym struct {
	name        uint32
	info, other uint8
	shndx       uint16
	value, size uint64
}

func (e *elfReader) sym(i uint64) (s rawSym, ok bool) {
	if i >= e.syms.count {
		return s, false
	}
	if e.usual {
		b, o := e.syms.raw[i*24:i*24+24], stdbinary.LittleEndian
		return rawSym{name: o.Uint32(b), info: b[4], other: b[5], shndx: o.Uint16(b[6:]), value: o.Uint64(b[8:]), size: o.Uint64(b[16:])}, true
	}
	b, o := e.syms.raw[i*e.syms.entry:], e.order
	if e.Class == 64 {
		return rawSym{name: o.Uint32(b), info: b[4], other: b[5], shndx: o.Uint16(b[6:]), value: o.Uint64(b[8:]), size: o.Uint64(b[16:])}, true
	}
	return rawSym{name: o.Uint32(b), value: uint64(o.Uint32(b[4:])), size: uint64(o.Uint32(b[8:])), info: b[12], other: b[13], shndx: o.Uint16(b[14:])}, true
}

// nameOf is the name of symbol i, which is s.
func (e *elfReader) nameOf(i uint64, s rawSym) string {
	if i < uint64(len(e.syms.names)) && e.syms.names[i] != "" {
		return e.syms.names[i]
	}
	name, _ := e.str(uint64(s.name))
	return name
}

func (e *elfReader) versymOf(i uint64) uint16 {
	if i >= uint64(len(e.syms.versym))/2 {
		return 0
	}
	return e.order.Uint16(e.syms.versym[2*i:])
}

// symbols finds the size of the symbol table through the hash tables (no
// other header tells it), reads it, and lists what is defined, or keeps it for
// lookups.
func (e *elfReader) symbols(lazy bool) {
	e.syms.entry = 16
	if e.Class == 64 {
		e.syms.entry = 24
	}
	gnu, hasGNU := e.Tag(dtGNUHash)
	sysv, hasSysv := e.Tag(dtHash)
	e.Hash = map[[2]bool]string{{true, true}: "both", {true, false}: "gnu", {false, true}: "sysv", {false, false}: "none"}[[2]bool{hasGNU, hasSysv}]
	addr, ok := e.Tag(dtSymtab)
	if !ok {
		return
	}
	var gnuTab gnuTable
	var sysvTab sysvTable
	var n uint64
	if hasGNU {
		gnuTab = e.gnuHash(gnu)
		n = gnuTab.count
	}
	if hasSysv {
		sysvTab = e.sysvHash(sysv)
		n = max(n, uint64(len(sysvTab.chain)))
	}
	n = max(n, e.maxRelocSymbol()+1)
	raw := e.view.upTo(addr, n*e.syms.entry)
	if uint64(len(raw)) < n*e.syms.entry {
		e.problem("dynamic symbols", addr, n*e.syms.entry, uint64(len(raw)), "the symbol table lies outside the file")
	}
	e.syms.raw, e.syms.count = raw, uint64(len(raw))/e.syms.entry
	if v, ok := e.Tag(dtVersym); ok {
		e.syms.versym = e.view.upTo(v, 2*e.syms.count)
	}
	switch {
	case hasGNU && lazy && e.lazily(gnuTab):
		return
	case hasGNU:
		e.reachGNU(gnuTab)
	case hasSysv:
		e.reachSysv(sysvTab)
	}
	e.exports()
}

const (
	shnUndef  = 0
	shnAbs    = 0xfff1
	shnCommon = 0xfff2
)

func (e *elfReader) exports() {
	defined := 0
	for i := uint64(1); i < e.syms.count; i++ {
		if s, _ := e.sym(i); s.shndx != shnUndef && s.info>>4 != 0 {
			defined++
		}
	}
	e.Exports = make([]Symbol, 0, defined)
	if e.syms.hashes != nil {
		e.index.hashes = make([]uint32, 0, defined)
	}
	for i := uint64(1); i < e.syms.count; i++ {
		if x, ok := e.export(i); ok {
			x.Unhashed = e.syms.reach == nil || !e.syms.reach[i]
			e.Exports = append(e.Exports, x)
			if e.syms.hashes != nil {
				e.index.hashes = append(e.index.hashes, e.syms.hashes[i])
			}
		}
	}
}

// export is symbol i; ok is false where it is not defined, or local.
func (e *elfReader) export(i uint64) (x Symbol, ok bool) {
	s, _ := e.sym(i)
	if s.shndx == shnUndef || s.info>>4 == 0 {
		return x, false
	}
	x = Symbol{Name: e.nameOf(i, s), VerIdx: e.versymOf(i), Type: s.info & 0xf, Bind: s.info >> 4, Vis: s.other & 3, Value: s.value, Size: s.size}
	x.Version = e.definedVersion(x.VerIdx)
	if s.shndx == shnAbs || s.shndx == shnCommon {
		x.Shndx = s.shndx
	}
	return x, true
}

// definedVersion names the version of a defined symbol. Index 1 is the base
// version: the symbol is global and has no node.
func (e *elfReader) definedVersion(versym uint16) string {
	index := versym & 0x7fff
	if index < 2 {
		return ""
	}
	if name, ok := e.definedVersions[index]; ok {
		return name
	}
	return e.neededVersions[index].name
}
