package binary

// gnuTable is DT_GNU_HASH, checked against the file.
type gnuTable struct {
	symoffset uint64
	shift     uint32
	bloom     []byte
	buckets   []byte
	chain     []byte // from symoffset on
	count     uint64 // symbols, by the longest chain
}

// gnuHash reads the header, the buckets, and chains as far as buckets reach.
// Layout: nbuckets, symoffset, bloom words, shift; bloom; buckets; chains
// (https://flapenguin.me/elf-dt-gnu-hash; glibc elf/dl-setup_hash.c).
func (e *elfReader) gnuHash(addr uint64) (t gnuTable) {
	head, ok := e.view.at(addr, 16)
	if !ok {
		e.problem("GNU hash table", addr, 16, 0, "it lies outside the file")
		return t
	}
	o, word := e.order, uint64(e.view.wordSize())
	nbuckets, bloom := uint64(o.Uint32(head)), uint64(o.Uint32(head[8:]))
	t.symoffset, t.shift = uint64(o.Uint32(head[4:])), o.Uint32(head[12:])
	if bloom > 1<<28 || nbuckets > 1<<28 {
		e.problem("GNU hash table", addr, bloom+nbuckets, 1<<28, "its sizes are beyond reason")
		return t
	}
	tab, ok := e.view.at(addr+16, int(bloom*word+nbuckets*4))
	if !ok {
		e.problem("GNU hash table", addr, bloom*word+nbuckets*4, 0, "its buckets lie outside the file")
		return t
	}
	t.bloom, t.buckets = tab[:bloom*word], tab[bloom*word:]
	last := uint64(0)
	for i := uint64(0); i < nbuckets; i++ {
		last = max(last, uint64(o.Uint32(t.buckets[4*i:])))
	}
	t.count = t.symoffset
	if last < t.symoffset {
		return t
	}
	chain := table{view: e.view, addr: addr + 16 + uint64(len(tab))}
	for i := last - t.symoffset; ; i++ {
		b, ok := chain.get(4*i, 4)
		if !ok {
			e.problem("GNU hash table", addr, 4*i, uint64(len(chain.buf)), "a chain runs out of the file")
			t.count = t.symoffset + uint64(len(chain.buf))/4
			break
		}
		if o.Uint32(b)&1 != 0 {
			t.count = t.symoffset + i + 1
			break
		}
	}
	t.chain = chain.buf[:min(uint64(len(chain.buf)), 4*(t.count-t.symoffset))]
	return t
}

// reachGNU marks the symbols that a lookup by name arrives at: bloom filter,
// bucket, chain (elf/dl-lookup.c, do_lookup_x).
func (e *elfReader) reachGNU(t gnuTable) {
	e.syms.reach = make([]bool, e.syms.count)
	e.syms.names, e.syms.hashes = make([]string, e.syms.count), make([]uint32, e.syms.count)
	o := e.order
	n := uint64(len(t.buckets)) / 4
	for b := uint64(0); b < n; b++ {
		i := uint64(o.Uint32(t.buckets[4*b:]))
		if i < t.symoffset || i == 0 {
			continue
		}
		for ; i-t.symoffset < uint64(len(t.chain))/4 && i < e.syms.count; i++ {
			hash := o.Uint32(t.chain[4*(i-t.symoffset):])
			if e.syms.reach[i] { // chains that run into one another end here
				break
			}
			s, _ := e.sym(i)
			name, _ := e.str(uint64(s.name))
			h := GNUHash(name)
			e.syms.names[i], e.syms.hashes[i] = name, h
			e.syms.reach[i] = h|1 == hash|1 && uint64(h)%n == b && e.inBloom(t, h)
			if hash&1 != 0 {
				break
			}
		}
	}
}

func (e *elfReader) inBloom(t gnuTable, h uint32) bool {
	word := uint64(e.view.wordSize())
	bits := uint32(8 * word)
	n := uint64(len(t.bloom)) / word
	if n == 0 {
		return false
	}
	// glibc masks with n-1, for n is a power of two.
	at := uint64(h/bits) & (n - 1) * word
	w := e.view.ptr(t.bloom[at:])
	shift := uint32(0)
	if t.shift < 32 {
		shift = h >> t.shift
	}
	return w>>(h%bits)&1 != 0 && w>>(shift%bits)&1 != 0
}

// sysvTable is DT_HASH.
type sysvTable struct{ bucket, chain []uint32 }

func (e *elfReader) sysvHash(addr uint64) (t sysvTable) {
	// Alpha and s390x have 64-bit entries.
	width := uint64(4)
	if e.Class == 64 && (e.Header.Machine == 0x9026 || e.Header.Machine == 22) {
		width = 8
	}
	read := func(b []byte) uint64 {
		if width == 8 {
			return e.order.Uint64(b)
		}
		return uint64(e.order.Uint32(b))
	}
	head, ok := e.view.at(addr, int(2*width))
	if !ok {
		e.problem("hash table", addr, 2*width, 0, "it lies outside the file")
		return t
	}
	nb, nc := read(head), read(head[width:])
	if nb > 1<<28 || nc > 1<<28 {
		e.problem("hash table", addr, nb+nc, 1<<28, "its sizes are beyond reason")
		return t
	}
	rest, ok := e.view.at(addr+2*width, int((nb+nc)*width))
	if !ok {
		e.problem("hash table", addr, nb+nc, 0, "it lies outside the file")
		return t
	}
	list := func(n uint64) []uint32 {
		l := make([]uint32, n)
		for i := range l {
			l[i] = uint32(read(rest[uint64(i)*width:]))
		}
		rest = rest[n*width:]
		return l
	}
	t.bucket = list(nb)
	t.chain = list(nc)
	return t
}

func (e *elfReader) reachSysv(t sysvTable) {
	e.syms.reach = make([]bool, e.syms.count)
	for b, i := range t.bucket {
		for steps := 0; i != 0 && int(i) < len(t.chain) && steps <= len(t.chain); steps++ {
			if uint64(i) >= e.syms.count || e.syms.reach[i] {
				break
			}
			s, _ := e.sym(uint64(i))
			name, _ := e.str(uint64(s.name))
			if sysvHash(name)%uint32(len(t.bucket)) == uint32(b) {
				e.syms.reach[i] = true
			}
			i = t.chain[i]
		}
	}
}

// GNUHash is the hash of DT_GNU_HASH: Bernstein's, from 5381.
func GNUHash(name string) uint32 {
	h := uint32(5381)
	for i := 0; i < len(name); i++ {
		h = h*33 + uint32(name[i])
	}
	return h
}

// sysvHash is the hash of DT_HASH (System V ABI, chapter 5).
func sysvHash(name string) uint32 {
	h := uint32(0)
	for i := 0; i < len(name); i++ {
		h = h<<4 + uint32(name[i])
		g := h & 0xf0000000
		h ^= g >> 24
		h &^= g
	}
	return h
}
