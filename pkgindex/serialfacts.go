package pkgindex

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/willrun/willrun/binary"
)

// lazyFacts are the facts of a file that was read: there, or in a part of an
// index that is unpacked on first use.
type lazyFacts struct {
	once  sync.Once
	facts *binary.Facts
	err   error
	store *factsStore
	block *block
	place int
}

func readFacts(f *binary.Facts) *lazyFacts { return &lazyFacts{facts: f} }

// Facts are those of a file that was read; nil for one that is known from
// metadata. An error means that the index is damaged.
func (f *File) Facts() (*binary.Facts, error) {
	l := f.facts
	if l == nil {
		return nil, nil
	}
	l.once.Do(func() {
		if l.store != nil {
			l.facts, l.err = l.read()
		}
	})
	return l.facts, l.err
}

// largeFacts have so many symbols that they get a block of their own: most
// starts do without them.
const (
	largeFacts = 4000
	maxBlocks  = 1 << 12
)

// factsWriter gathers facts into blocks: one for all that are small, then one
// for each that is large.
type factsWriter struct{ blocks [][]*binary.Facts }

// add takes a file's facts in and says where they went.
func (w *factsWriter) add(f *File) (block, place int) {
	facts, err := f.Facts()
	if err != nil || facts == nil {
		facts = &binary.Facts{}
	}
	if w.blocks == nil {
		w.blocks = make([][]*binary.Facts, 1)
	}
	if e := facts.ELF; e != nil && len(e.Exports)+len(e.Imports) > largeFacts && len(w.blocks) < maxBlocks {
		block = len(w.blocks)
		w.blocks = append(w.blocks, nil)
	}
	w.blocks[block] = append(w.blocks[block], facts)
	return block, len(w.blocks[block]) - 1
}

// factsBlock: a table of strings, how long each one's facts are, then those.
func factsBlock(facts []*binary.Facts) []byte {
	return encode(func(c *codec) {
		all := make([][]byte, len(facts))
		for i, f := range facts {
			one := &codec{places: c.places, gather: c.gather}
			serialFacts(one, f)
			all[i] = one.out
		}
		list(c, &all, func(b *[]byte) {
			n := len(*b)
			num(c, &n)
		})
		for _, b := range all {
			c.out = append(c.out, b...)
		}
	})
}

// factsStore has the blocks of an index that was read.
type factsStore struct {
	blocks []*block
	spent  atomic.Int64 // elements made so far
}

// block is unpacked when one of its facts is asked for.
type block struct {
	part  packed
	once  sync.Once
	err   error
	table []string
	spans [][]byte
}

// next reads where a file's facts are.
func (s *factsStore) next(c *codec, f *File) {
	var at, place int
	num(c, &at)
	num(c, &place)
	if at < 0 || place < 0 || at >= len(s.blocks) {
		c.fail("facts in block %d of %d", at, len(s.blocks))
		return
	}
	f.facts = &lazyFacts{store: s, block: s.blocks[at], place: place}
}

func (b *block) open(s *factsStore) {
	raw, err := b.part.unpack()
	if err != nil {
		b.err = err
		return
	}
	b.read(raw, s)
}

// read takes an unpacked block apart.
func (b *block) read(raw []byte, s *factsStore) {
	spent := 0
	c := &codec{reading: true, in: raw, spent: &spent}
	c.readTable()
	var lengths []int
	if c.err == nil {
		list(c, &lengths, func(n *int) { num(c, n) })
	}
	for _, n := range lengths {
		if n < 0 || n > len(c.in) {
			c.err = errCut
			break
		}
		b.spans = append(b.spans, c.in[:n])
		c.in = c.in[n:]
	}
	b.err, b.table = s.over(c, spent), c.table
}

// over adds what was made to what all facts of an index may make.
func (s *factsStore) over(c *codec, spent int) error {
	if s.spent.Add(int64(spent)) > maxElements {
		c.fail("more than %d elements in facts", maxElements)
	}
	return c.err
}

func (l *lazyFacts) read() (*binary.Facts, error) {
	b := l.block
	b.once.Do(func() { b.open(l.store) })
	if b.err != nil {
		return nil, b.err
	}
	spent := 0
	c := &codec{reading: true, table: b.table, spent: &spent}
	if l.place >= len(b.spans) {
		c.fail("facts %d of %d", l.place, len(b.spans))
		return nil, c.err
	}
	c.in = b.spans[l.place]
	f := &binary.Facts{}
	serialFacts(c, f)
	if c.err == nil && len(c.in) > 0 {
		c.fail("%d bytes too many in facts", len(c.in))
	}
	if err := l.store.over(c, spent); err != nil {
		return nil, err
	}
	return f, nil
}

// serialFacts: what loaders ask of every ELF file is written field by field;
// all else, which few files have, as JSON.
func serialFacts(c *codec, f *binary.Facts) {
	str(c, &f.Format)
	num(c, &f.Size)
	str(c, &f.Describe)
	ptr(c, &f.ELF, func(e *binary.ELF) { serialELF(c, e) })
	rest := *f
	rest.ELF, rest.Format, rest.Size, rest.Describe = nil, "", 0, ""
	if serialRest(c, &rest) {
		f.PE, f.MachO, f.Script, f.Go, f.Problems = rest.PE, rest.MachO, rest.Script, rest.Go, rest.Problems
	}
}

// serialRest says whether something was read.
func serialRest(c *codec, rest *binary.Facts) bool {
	there := rest.PE != nil || len(rest.MachO) > 0 || rest.Script != nil || rest.Go != nil || len(rest.Problems) > 0
	c.flags(&there)
	if !there {
		return false
	}
	if c.reading {
		var text []byte
		c.bytes(&text)
		if err := json.Unmarshal(text, rest); c.err == nil && err != nil {
			c.fail("%v", err)
		}
		return c.err == nil
	}
	text, err := json.Marshal(rest)
	if err != nil {
		panic(fmt.Sprintf("facts that have no JSON: %v", err)) // they always have
	}
	c.bytes(&text)
	return false
}

func serialELF(c *codec, e *binary.ELF) {
	serialHeader(c, &e.Header)
	num(c, &e.Class)
	str(c, &e.Order)
	str(c, &e.Machine)
	str(c, &e.Kind)
	str(c, &e.Interp)
	c.flags(&e.HasInterp, &e.Dynamic, &e.BindNow, &e.Textrel, &e.Relr, &e.Opaque, &e.KernelCheck)
	list(c, &e.Segments, func(s *binary.Segment) { serialSegment(c, s) })
	list(c, &e.Tags, func(t *binary.DynTag) {
		signed(c, &t.Tag)
		num(c, &t.Val)
	})
	c.strs(&e.Needed)
	str(c, &e.Soname)
	ptr(c, &e.Rpath, func(s *string) { str(c, s) })
	ptr(c, &e.Runpath, func(s *string) { str(c, s) })
	c.strs(&e.Filter)
	c.strs(&e.Auxiliary)
	c.strs(&e.Audit)
	num(c, &e.Flags)
	num(c, &e.Flags1)
	serialNeeds(c, &e.VersionNeeds)
	list(c, &e.VersionDefs, func(d *binary.VersionDef) {
		str(c, &d.Name)
		num(c, &d.Hash)
		num(c, &d.Revision)
		c.flags(&d.Base, &d.Weak, &d.Unsure)
		num(c, &d.Index)
	})
	str(c, &e.Hash)
	serialExports(c, &e.Exports)
	serialImports(c, &e.Imports)
	list(c, &e.RelocTypes, func(r *binary.RelocCount) {
		num(c, &r.Type)
		num(c, &r.Count)
		c.flags(&r.PLT)
	})
	ptr(c, &e.TLS, func(t *binary.TLS) {
		num(c, &t.Size)
		num(c, &t.FileSize)
		num(c, &t.Align)
		c.flags(&t.Static, &t.Own)
	})
	str(c, &e.GNUStack)
	str(c, &e.BuildID)
	ptr(c, &e.ABITag, func(t *binary.ABITag) {
		num(c, &t.OS)
		for i := range t.Kernel {
			num(c, &t.Kernel[i])
		}
	})
	num(c, &e.X86ISA)
	num(c, &e.X86ISAUsed)
	num(c, &e.X86Feature)
	num(c, &e.A64Feature)
	list(c, &e.DlopenNotes, func(n *binary.DlopenNote) {
		c.strs(&n.Soname)
		str(c, &n.Feature)
		str(c, &n.Description)
		str(c, &n.Priority)
	})
	c.strs(&e.DlopenStrings)
	str(c, &e.DebugLink)
	c.strs(&e.Comment)
	num(c, &e.Sections)
	c.flags(&e.Hardening.PIE, &e.Hardening.NX, &e.Hardening.Fortify)
	str(c, &e.Hardening.RELRO)
	str(c, &e.Hardening.Canary)
	str(c, &e.Hardening.Profile)
}

func serialHeader(c *codec, h *binary.Header) {
	c.bytes(&h.Ident)
	for _, v := range []*uint16{&h.Type, &h.Machine, &h.Ehsize, &h.Phentsize, &h.Phnum, &h.Shnum, &h.Shentsize, &h.Shstrndx} {
		num(c, v)
	}
	num(c, &h.Version)
	num(c, &h.Flags)
	num(c, &h.Entry)
	num(c, &h.Phoff)
	num(c, &h.Shoff)
}

// serialSegment: addresses follow offsets, and memory what is in the file.
func serialSegment(c *codec, s *binary.Segment) {
	num(c, &s.Type)
	num(c, &s.Flags)
	num(c, &s.Off)
	num(c, &s.Filesz)
	num(c, &s.Align)
	vaddr, memsz := int64(s.Vaddr-s.Off), int64(s.Memsz-s.Filesz)
	signed(c, &vaddr)
	signed(c, &memsz)
	s.Vaddr, s.Memsz = s.Off+uint64(vaddr), s.Filesz+uint64(memsz)
}

func serialNeeds(c *codec, v *[]binary.VersionNeed) {
	list(c, v, func(n *binary.VersionNeed) {
		str(c, &n.Library)
		num(c, &n.Revision)
		list(c, &n.Versions, func(v *binary.NeededVersion) {
			str(c, &v.Name)
			num(c, &v.Hash)
			c.flags(&v.Weak)
			num(c, &v.Index)
		})
	})
}

// serialExports writes symbols by column, sorted by name: equal names keep
// their order, which is all that a lookup sees of it.
func serialExports(c *codec, v *[]binary.Symbol) {
	if !c.reading && !slices.IsSortedFunc(*v, bySymbol) {
		sorted := slices.Clone(*v)
		slices.SortStableFunc(sorted, bySymbol)
		v = &sorted
	}
	last := uint64(0)
	list(c, v, func(s *binary.Symbol) { c.next(&s.Name, &last) })
	for i := range *v {
		str(c, &(*v)[i].Version)
	}
	for i := range *v {
		num(c, &(*v)[i].VerIdx)
	}
	for i := range *v {
		s := &(*v)[i]
		kind := uint64(s.Type)<<4 | uint64(s.Bind&15)
		num(c, &kind)
		s.Type, s.Bind = uint8(kind>>4), uint8(kind&15)
	}
	for i := range *v {
		s := &(*v)[i]
		rest := uint64(s.Vis) << 1
		if s.Unhashed {
			rest |= 1
		}
		num(c, &rest)
		s.Vis, s.Unhashed = uint8(rest>>1), rest&1 != 0
	}
	for i := range *v {
		num(c, &(*v)[i].Shndx)
	}
	for i := range *v {
		num(c, &(*v)[i].Value)
	}
	for i := range *v {
		num(c, &(*v)[i].Size)
	}
}

func bySymbol(a, b binary.Symbol) int { return strings.Compare(a.Name, b.Name) }

// next is a string behind the last one in the table, or the same.
func (c *codec) next(s *string, last *uint64) {
	if !c.reading {
		if c.places == nil {
			c.gather[*s] = true
			return
		}
		at := uint64(c.places[*s])
		step := at - *last
		num(c, &step)
		*last = at
		return
	}
	if *last += c.uvarint(); *last < uint64(len(c.table)) {
		*s = c.table[*last]
	} else {
		c.fail("string %d of %d", *last, len(c.table))
	}
}

func serialImports(c *codec, v *[]binary.Import) {
	list(c, v, func(s *binary.Import) { str(c, &s.Name) })
	for i := range *v {
		str(c, &(*v)[i].Version)
	}
	for i := range *v {
		str(c, &(*v)[i].Library)
	}
	for i := range *v {
		s := &(*v)[i]
		num(c, &s.VerIdx)
		num(c, &s.Bind)
		num(c, &s.Type)
		rest := uint64(s.Vis) << 1
		if s.Defined {
			rest |= 1
		}
		num(c, &rest)
		s.Vis, s.Defined = uint8(rest>>1), rest&1 != 0
		num(c, &s.Uses)
	}
	for i := range *v {
		s := &(*v)[i]
		num(c, &s.Size)
		num(c, &s.Value)
		list(c, &s.Types, func(t *uint32) { num(c, t) })
	}
}
