package binary

import stdbinary "encoding/binary"

// relRange is one table of relocations.
type relRange struct {
	addr, size uint64
	rela       bool
	plt        bool
	skip       uint64 // leading relative ones that no loader looks up
	first      []byte // the first entry
	raw        []byte // what follows the relative ones, as far as it is in the file
}

// relRanges lists the tables in the order in which glibc works through them
// (elf/dynamic-link.h, _ELF_DYNAMIC_DO_RELOC): DT_REL, then DT_RELA, each
// followed by DT_JMPREL where that has its format. Where DT_JMPREL is the end
// of the other table, it is not done twice.
func (e *elfReader) relRanges() []relRange {
	if e.rels != nil {
		return e.rels
	}
	list := []relRange{}
	jmp, hasJmp := e.Tag(dtJmpRel)
	jmpSize, _ := e.Tag(dtPltRelSz)
	pltRel, _ := e.Tag(dtPltRel)
	for _, kind := range []struct {
		addr, size, count int64
		rela              bool
	}{{dtRel, dtRelSz, dtRelCount, false}, {dtRela, dtRelaSz, dtRelaCount, true}} {
		isPlt := hasJmp && (pltRel == uint64(kind.addr) || pltRel == 0 && kind.rela)
		if addr, ok := e.Tag(kind.addr); ok {
			r := relRange{addr: addr, rela: kind.rela}
			r.size, _ = e.Tag(kind.size)
			r.skip, _ = e.Tag(kind.count)
			if isPlt && r.size >= jmpSize && addr+r.size == jmp+jmpSize {
				r.size -= jmpSize
			}
			list = append(list, r)
		}
		if isPlt {
			list = append(list, relRange{addr: jmp, size: jmpSize, rela: kind.rela, plt: true})
		}
	}
	for i := range list {
		e.readRels(&list[i])
	}
	e.rels = list
	return list
}

// readRels reads a table without the relative relocations that lead it: of
// these only their number counts, and a large library has hundreds of
// thousands.
func (e *elfReader) readRels(r *relRange) {
	entry := e.relSize(r.rela)
	off, left, ok := e.view.locate(r.addr)
	size := uint64(e.src.size)
	if whole := ok && left >= r.size && off <= size && r.size <= size-off; whole && r.skip > 0 {
		r.skip = min(r.skip, r.size/entry)
		r.first = e.view.upTo(r.addr, min(entry, r.size))
		r.raw, _ = e.src.bytes(off+r.skip*entry, r.size-r.skip*entry)
		return
	}
	r.raw = e.view.upTo(r.addr, r.size)
	if uint64(len(r.raw)) < r.size {
		e.problem("relocations", r.addr, r.size, uint64(len(r.raw)), "the table lies outside the file")
	}
	r.skip = min(r.skip, uint64(len(r.raw))/entry)
	r.first, r.raw = r.raw[:min(entry, uint64(len(r.raw)))], r.raw[r.skip*entry:]
}

func (e *elfReader) relSize(rela bool) uint64 {
	n := uint64(2)
	if rela {
		n = 3
	}
	return n * uint64(e.view.wordSize())
}

// eachRel gives the symbol index and type of every relocation that may name
// a symbol.
func (e *elfReader) eachRel(r relRange, give func(sym uint64, typ uint32)) {
	size, b := e.relSize(r.rela), r.raw
	if e.usual && r.rela && e.Header.Machine != 8 {
		for ; len(b) >= 24; b = b[24:] {
			info := stdbinary.LittleEndian.Uint64(b[8:16])
			give(info>>32, uint32(info))
		}
		return
	}
	mips64 := e.Header.Machine == 8 && e.Class == 64
	word := e.view.wordSize()
	for ; uint64(len(b)) >= size; b = b[size:] {
		info := e.view.ptr(b[word:])
		switch {
		case mips64:
			// r_sym is a 32-bit word, then ssym, type3, type2, type.
			give(uint64(e.order.Uint32(b[8:])), uint32(b[15]))
		case e.Class == 64:
			give(info>>32, uint32(info))
		default:
			give(info>>8, uint32(info&0xff))
		}
	}
}

// maxRelocSymbol is the highest symbol index that relocations name.
func (e *elfReader) maxRelocSymbol() uint64 {
	if e.Hash == "both" || e.Hash == "sysv" {
		return 0 // DT_HASH counts every symbol
	}
	highest := uint64(0)
	for _, r := range e.relRanges() {
		e.eachRel(r, func(sym uint64, _ uint32) { highest = max(highest, sym) })
	}
	if gotsym, ok := e.Tag(dtMipsSymtabno); ok && gotsym > 0 {
		highest = max(highest, gotsym-1)
	}
	// An index that can't be in the file is the file's lie.
	if highest > uint64(e.src.size)/e.syms.entry {
		return 0
	}
	return highest
}

// relocations lists the symbols that relocations name, in the order in which
// glibc meets them.
func (e *elfReader) relocations() {
	r := relocs{e: e, at: make([]int32, e.syms.count), types: map[typeKey]int{}, lastN: -1}
	r.reserve()
	for _, rng := range e.relRanges() {
		if rng.skip > 0 {
			r.count(e.firstType(rng), int(rng.skip), rng.plt)
		}
		e.eachRel(rng, func(sym uint64, typ uint32) { r.add(sym, typ, rng.plt) })
	}
	e.mipsGOT(&r)
	if e.TLS != nil && !e.TLS.Static {
		for _, c := range e.RelocTypes {
			e.TLS.Static = e.TLS.Static || e.use(c.Type, c.PLT) == UseTLSIE
		}
	}
}

// firstType is the type that leads a table of relative relocations.
func (e *elfReader) firstType(r relRange) uint32 {
	typ := e.relativeType()
	r.raw = r.first
	e.eachRel(r, func(_ uint64, t uint32) { typ = t })
	return typ
}

type typeKey struct {
	typ uint32
	plt bool
}

type relocs struct {
	e     *elfReader
	at    []int32 // symbol → import index + 1
	types map[typeKey]int
	last  typeKey  // the type counted last
	lastN int      // its place
	mem   []uint32 // where the types of imports lie

	used    typeKey // the type asked for last
	lastUse Use

	index            uint16 // the version asked for last
	version, library string
}

// use is what a relocation does; most are as the one before.
func (r *relocs) use(typ uint32, plt bool) Use {
	if k := (typeKey{typ, plt}); k != r.used || r.lastUse == 0 {
		r.used, r.lastUse = k, r.e.use(typ, plt)
	}
	return r.lastUse
}

// reserve makes room for as many imports as there are symbols named.
func (r *relocs) reserve() {
	n := 0
	for _, rng := range r.e.relRanges() {
		r.e.eachRel(rng, func(sym uint64, _ uint32) {
			if sym != 0 && sym < uint64(len(r.at)) && r.at[sym] == 0 {
				r.at[sym] = -1
				n++
			}
		})
	}
	if n > 0 {
		r.e.Imports = make([]Import, 0, n)
	}
}

func (r *relocs) count(typ uint32, n int, plt bool) {
	k := typeKey{typ, plt}
	if k == r.last && r.lastN >= 0 {
		r.e.RelocTypes[r.lastN].Count += n
		return
	}
	i, ok := r.types[k]
	if !ok {
		if len(r.types) > 512 {
			return
		}
		i = len(r.e.RelocTypes)
		r.types[k] = i
		r.e.RelocTypes = append(r.e.RelocTypes, RelocCount{Type: typ, PLT: plt})
	}
	r.e.RelocTypes[i].Count += n
	r.last, r.lastN = k, i
}

// own notes an initial-exec relocation for the file's own storage.
func (r *relocs) own(typ uint32, plt bool) {
	if t := r.e.TLS; t != nil && !t.Own {
		t.Own = r.e.use(typ, plt) == UseTLSIE
	}
}

func (r *relocs) add(sym uint64, typ uint32, plt bool) {
	r.count(typ, 1, plt)
	e := r.e
	if sym == 0 {
		r.own(typ, plt)
		return
	}
	if sym >= e.syms.count {
		e.problem("relocations", 0, sym, e.syms.count, "a relocation names a symbol that is not there")
		return
	}
	use := r.use(typ, plt)
	if use == 0 {
		return
	}
	if i := r.at[sym]; i > 0 {
		imp := &e.Imports[i-1]
		imp.Uses |= use
		if len(imp.Types) < 8 && imp.Types[len(imp.Types)-1] != typ {
			imp.Types = append(imp.Types, typ)
		}
		return
	}
	s, _ := e.sym(sym)
	// Local and hidden symbols are never looked up (RESOLVE_MAP in
	// elf/dl-reloc.c, dl_symbol_visibility_binds_local_p).
	if vis := s.other & 3; s.info>>4 == 0 || vis == 1 || vis == 2 {
		r.own(typ, plt)
		r.at[sym] = 0
		return
	}
	imp := Import{Name: e.nameOf(sym, s), VerIdx: e.versymOf(sym), Bind: s.info >> 4, Type: s.info & 0xf, Vis: s.other & 3,
		Size: s.size, Defined: s.shndx != shnUndef, Value: s.value, Uses: use, Types: r.one(typ)}
	if imp.VerIdx&0x7fff != r.index {
		r.index = imp.VerIdx & 0x7fff
		r.version, r.library = e.importVersion(imp.VerIdx)
	}
	imp.Version, imp.Library = r.version, r.library
	e.Imports = append(e.Imports, imp)
	r.at[sym] = int32(len(e.Imports))
}

// one is a list of one type. Most imports have one, and share their memory.
func (r *relocs) one(typ uint32) []uint32 {
	if len(r.mem) == cap(r.mem) {
		r.mem = make([]uint32, 0, 256)
	}
	r.mem = append(r.mem, typ)
	n := len(r.mem)
	return r.mem[n-1 : n : n]
}

// importVersion names the version that a reference asks for. A file that
// defines and uses a symbol refers to its own definition's version.
func (e *elfReader) importVersion(versym uint16) (version, library string) {
	index := versym & 0x7fff
	if index < 2 {
		return "", ""
	}
	if v, ok := e.neededVersions[index]; ok {
		return v.name, v.library
	}
	return e.definedVersions[index], ""
}

// mipsGOT: MIPS has no relocations for the global part of its GOT; its loader
// resolves every symbol from DT_MIPS_GOTSYM on (System V ABI, MIPS, 5).
func (e *elfReader) mipsGOT(r *relocs) {
	first, ok := e.Tag(dtMipsGotsym)
	if !ok {
		return
	}
	for i := first; i < e.syms.count; i++ {
		if s, _ := e.sym(i); s.shndx == shnUndef && s.info&0xf == 2 {
			r.add(i, 127, true)
		} else {
			r.add(i, 3, false)
		}
	}
}
