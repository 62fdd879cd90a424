package binary

import "sync"

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
// of the symbol table, by their place in Exports. hash is GNUHash(name): one
// name is asked of many libraries. It is safe for concurrent use.
func (e *ELF) Lookup(name string, hash uint32, each func(i int) (more bool)) {
	x := &e.index
	x.once.Do(func() { x.build(e.Exports) })
	if len(x.buckets) == 0 {
		return
	}
	if w := x.bloom[hash>>6&uint32(len(x.bloom)-1)]; w>>(hash&63)&1 == 0 {
		return
	}
	for i := x.buckets[hash&uint32(len(x.buckets)-1)]; i != 0; i = x.next[i-1] {
		if x.hashes[i-1] == hash && e.Exports[i-1].Name == name && !each(int(i-1)) {
			return
		}
	}
}

// Own is the file's own definition of a symbol that it refers to, where that
// is the first that a Lookup by its name gives; else nil. It spares the Lookup
// where the file was just read, and knows nothing of stored Facts.
func (e *ELF) Own(imp *Import) *Symbol {
	if imp.export <= 0 || int(imp.export) > len(e.Exports) {
		return nil
	}
	x, i := &e.index, imp.export
	x.once.Do(func() { x.build(e.Exports) })
	hash := x.hashes[i-1]
	for j := x.buckets[hash&uint32(len(x.buckets)-1)]; j != 0; j = x.next[j-1] {
		if j == i {
			return &e.Exports[i-1]
		}
		if x.hashes[j-1] == hash && e.Exports[j-1].Name == imp.Name {
			return nil
		}
	}
	return nil
}

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
