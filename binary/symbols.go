package binary

import (
	stdbinary "encoding/binary"
	"sync"
)

// symbolIndex finds exports by name. It is made on the first Lookup, from the
// exports alone, so that Facts that were stored answer as the file would; of a
// file that was just read the hashes are known already.
type symbolIndex struct {
	once    sync.Once
	buckets []int32 // export + 1, or 0
	next    []int32
	hashes  []uint32
	bloom   []uint64
}

// Lookup gives the exports of that name which a loader can find, in the order
// of the symbol table, until each answers false. hash is GNUHash(name): one
// name is asked of many libraries. It is safe for concurrent use.
func (e *ELF) Lookup(name string, hash uint32, each func(x Symbol) (more bool)) {
	if e.table != nil {
		e.table.lookup(name, hash, each)
		return
	}
	x := &e.index
	x.once.Do(func() { x.build(e.Exports) })
	if len(x.buckets) == 0 {
		return
	}
	if w := x.bloom[hash>>6&uint32(len(x.bloom)-1)]; w>>(hash&63)&1 == 0 {
		return
	}
	for i := x.buckets[hash&uint32(len(x.buckets)-1)]; i != 0; i = x.next[i-1] {
		if x.hashes[i-1] == hash && e.Exports[i-1].Name == name && !each(e.Exports[i-1]) {
			return
		}
	}
}

// ExportsIFUNC tells of a symbol whose value a resolver computes when the
// program starts.
func (e *ELF) ExportsIFUNC() bool {
	if e.table != nil {
		return e.table.ifunc
	}
	for i := range e.Exports {
		if e.Exports[i].Type == sttIFUNC {
			return true
		}
	}
	return false
}

const sttIFUNC = 10

func (x *symbolIndex) build(exports []Symbol) {
	if len(exports) == 0 {
		return
	}
	size := 1
	for size < len(exports) {
		size *= 2
	}
	x.buckets = make([]int32, size)
	x.bloom = make([]uint64, max(1, size/8))
	x.next = make([]int32, len(exports))
	known := len(x.hashes) == len(exports)
	if !known {
		x.hashes = make([]uint32, len(exports))
	}
	for i := len(exports) - 1; i >= 0; i-- {
		if exports[i].Unhashed {
			continue
		}
		if !known {
			x.hashes[i] = GNUHash(exports[i].Name)
		}
		h := x.hashes[i]
		b := h & uint32(size-1)
		x.next[i] = x.buckets[b]
		x.buckets[b] = int32(i + 1)
		x.bloom[h>>6&uint32(len(x.bloom)-1)] |= 1 << (h & 63)
	}
}

// symbolTable answers lookups from a file's own tables, as the loader does: of
// the symbols of a library few are ever asked for. It is for 64-bit
// little-endian files with DT_GNU_HASH.
type symbolTable struct {
	e     elfReader // of which only symbols, strings and versions are left
	gnu   gnuTable
	ifunc bool
}

// maxChain is the longest chain that is walked at each lookup: of a file with
// longer ones an index is made.
const maxChain = 256

// lazily keeps the tables of a file that symbolTable can answer for.
func (e *elfReader) lazily(t gnuTable) bool {
	n := uint64(len(t.buckets)) / 4
	if !e.usual || n == 0 || len(t.bloom) == 0 || e.syms.count > 1<<31 || longestChain(t.chain) > maxChain {
		return false
	}
	keep := elfReader{ELF: &ELF{}, order: e.order, usual: true, strtab: e.strtab, view: &view{wide: true, order: e.order},
		neededVersions: e.neededVersions, definedVersions: e.definedVersions}
	keep.syms = symTable{entry: e.syms.entry, count: e.syms.count, raw: clone(e.syms.raw), versym: clone(e.syms.versym)}
	s := &symbolTable{e: keep, gnu: t}
	s.gnu.bloom, s.gnu.buckets, s.gnu.chain = clone(t.bloom), clone(t.buckets), clone(t.chain)
	for i := uint64(1); i < e.syms.count && !s.ifunc; i++ {
		x, _ := e.sym(i)
		s.ifunc = x.info&0xf == sttIFUNC && x.shndx != shnUndef && x.info>>4 != 0
	}
	e.table = s
	return true
}

// clone has no more memory than it needs.
func clone(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) }

func longestChain(chain []byte) (longest int) {
	n := 0
	for i := 0; i+4 <= len(chain); i += 4 {
		n++
		longest = max(longest, n)
		if chain[i]&1 != 0 {
			n = 0
		}
	}
	return longest
}

func (s *symbolTable) lookup(name string, hash uint32, each func(x Symbol) (more bool)) {
	o, t := stdbinary.LittleEndian, &s.gnu
	// As inBloom has it, for this one word size.
	w := o.Uint64(t.bloom[uint64(hash/64)&(uint64(len(t.bloom)/8)-1)*8:])
	if w>>(hash%64)&1 == 0 || w>>(hash>>t.shift%64)&1 == 0 {
		return
	}
	b := hash % uint32(len(t.buckets)/4)
	i := uint64(o.Uint32(t.buckets[4*b:]))
	if i < t.symoffset || i == 0 {
		return
	}
	for ; i-t.symoffset < uint64(len(t.chain))/4 && i < s.e.syms.count; i++ {
		h := o.Uint32(t.chain[4*(i-t.symoffset):])
		if h|1 == hash|1 && s.e.named(i, name) {
			if x, ok := s.e.export(i); ok && !each(x) {
				return
			}
		}
		if h&1 != 0 {
			return
		}
	}
}

// named compares the name of a symbol of a 64-bit little-endian file.
func (e *elfReader) named(i uint64, name string) bool {
	off, n := uint64(stdbinary.LittleEndian.Uint32(e.syms.raw[i*24:])), uint64(len(name))
	if size := uint64(len(e.strtab)); off > size || n > size-off {
		return false
	} else if n == size-off {
		return e.strtab[off:] == name
	}
	return e.strtab[off:off+n] == name && e.strtab[off+n] == 0
}
