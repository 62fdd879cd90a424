package loader

import (
	"slices"
	"strings"
	"sync"

	"github.com/willrun/willrun/binary"
)

// Memo keeps what the starts of one run have in common. Programs share their
// libraries, and nearly all symbols are looked up for these, nearly always
// with the same answer. Where a start has no more to a symbol than that
// someone defines it, who did so once does so again wherever it is loaded.
// The zero value is empty; it is safe for use by many goroutines.
type Memo struct {
	libraries sync.Map // *binary.ELF → *settled
	symbols   [32]symbolMemo
	caches    sync.Map // cacheKey → *cache
}

// settled is what is known of one library's references.
type settled struct {
	each []int // imports that have more to them than being defined
	mu   sync.Mutex
	sets [][]*binary.ELF // the objects of any of these define the rest
}

// maxSets bounds what is kept for one library; more than one are for those
// whose symbols come from here in one program, from there in another.
const maxSets = 8

// maxNames bounds the names that one scope is asked for: a file can claim to
// need versions of thousands.
const maxNames = 256

// symbolMemo says which libraries define a symbol.
type symbolMemo struct {
	mu sync.Mutex
	m  map[symbolKey][]*binary.ELF
}

// symbolKey is all of a reference that a lookup in one object asks for.
type symbolKey struct {
	name, version string
	hidden        bool
}

func (k symbolKey) in(m *Memo) *symbolMemo {
	n := uint(len(k.name))
	return &m.symbols[(n+uint(k.name[n-1])+uint(k.name[n/2])<<2)%uint(len(m.symbols))]
}

// plainScope says whether in a scope a symbol that is defined is bound, and
// nothing else happens: all objects are known by their symbols, have versions
// where a lookup could trip over missing ones, the program, which may define
// anything that its libraries refer to, has no IFUNC, and nobody asks for
// bindings.
func (sc *scope) plainScope() bool {
	if sc.in == nil {
		sc.in = make(map[*binary.ELF]bool, len(sc.maps))
		sc.plain = !sc.g.opt.Bindings && sc.g.atLeast("2.30") // see endsAt
		for _, m := range sc.maps {
			sc.in[m.elf] = true
			sc.plain = sc.plain && !m.elf.Opaque && (versioned(m.elf) || m.isMain || !sc.asked(m))
			if m.isMain {
				sc.plain = sc.plain && !m.elf.ExportsIFUNC()
			}
		}
	}
	return sc.plain
}

// asked: someone wants versions of an object.
func (sc *scope) asked(lib *linkMap) bool {
	for _, m := range sc.maps {
		for _, n := range m.elf.VersionNeeds {
			if sc.g.byNameOf(lib, n.Library) {
				return true
			}
		}
	}
	return false
}

// recall makes the lookups of an object in a plain scope, as far as their
// outcome is not known.
func (sc *scope) recall(m *linkMap, reference func(i int)) {
	s := sc.settled(m)
	if sc.strict() {
		s = nil // names count, and they are a start's own
	}
	if s != nil && sc.has(s) {
		for _, i := range s.each {
			reference(i)
		}
		return
	}
	var each []int
	var set []*binary.ELF
	complete := true
	for i := range m.elf.Imports {
		imp := &m.elf.Imports[i]
		if imp.Uses&(binary.UseTLS|binary.UseTLSIE|binary.UseTLSDesc|binary.UseCopy) != 0 || imp.Name == "" {
			each = append(each, i)
			reference(i)
			continue
		}
		by := sc.definer(m, imp)
		switch {
		case by != nil && !slices.Contains(set, by):
			set = append(set, by)
		case by == nil && imp.Bind != stbWeak: // else nobody minds
			complete = false
			reference(i)
		}
	}
	if s != nil && complete {
		s.add(each, set)
	}
}

// settled is where what is known of a library is kept; nil for a program, and
// for the subject of this start, which no other start has.
func (sc *scope) settled(m *linkMap) *settled {
	if m.isMain || sc.own(m) {
		return nil
	}
	libraries := &sc.g.opt.Memo.libraries
	s, ok := libraries.Load(m.elf)
	if !ok {
		s, _ = libraries.LoadOrStore(m.elf, &settled{})
	}
	return s.(*settled)
}

func (sc *scope) own(m *linkMap) bool { return m.facts == sc.g.subject.Facts }

// has: all objects of a set are in the scope.
func (sc *scope) has(s *settled) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.sets, func(set []*binary.ELF) bool {
		return !slices.ContainsFunc(set, func(e *binary.ELF) bool { return !sc.in[e] })
	})
}

func (s *settled) add(each []int, set []*binary.ELF) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sets) < maxSets {
		s.each, s.sets = each, append(s.sets, set)
	}
}

// definer is an object of the scope that defines what m refers to. Itself
// where it does: that holds in every scope. The program and the subject are
// none: no other scope has them.
func (sc *scope) definer(m *linkMap, imp *binary.Import) *binary.ELF {
	hash := binary.GNUHash(imp.Name)
	if sc.strict() && imp.Version != "" && imp.Library != "" && versioned(m.elf) {
		lib := sc.named(imp.Library)
		if lib == nil || sc.own(lib) || !sc.defines(lib, m, imp, hash) {
			return nil
		}
		return lib.elf
	}
	if imp.Defined && !m.isMain && !sc.own(m) && sc.defines(m, m, imp, hash) {
		return m.elf
	}
	// The library that it is expected of is the likeliest.
	if lib := sc.named(imp.Library); lib != nil && !sc.own(lib) && sc.defines(lib, m, imp, hash) {
		return lib.elf
	}
	key := symbolKey{name: imp.Name, hidden: imp.VerIdx&0x8000 != 0}
	if versioned(m.elf) {
		key.version = imp.Version
	}
	known := key.in(sc.g.opt.Memo)
	known.mu.Lock()
	defer known.mu.Unlock()
	for _, e := range known.m[key] {
		if sc.in[e] {
			return e
		}
	}
	for _, lib := range sc.maps {
		if lib.isMain || sc.own(lib) || !sc.defines(lib, m, imp, hash) {
			continue
		}
		// The library's own string: that of a program would keep all of its
		// names in memory.
		key.name, key.version = sc.found.Name, strings.Clone(key.version)
		if known.m == nil {
			known.m = map[symbolKey][]*binary.ELF{}
		}
		known.m[key] = append(known.m[key], lib.elf)
		return lib.elf
	}
	return nil
}

// strict: before 2.30 a reference with a version is bound to the library that
// it names, or to one before it (see endsAt).
func (sc *scope) strict() bool { return !sc.g.atLeast("2.30") }

// named gives the library of a name that versions are asked of.
func (sc *scope) named(library string) *linkMap {
	if library == "" {
		return nil
	}
	for _, n := range sc.names {
		if n.name == library {
			return n.lib
		}
	}
	if len(sc.names) >= maxNames {
		return nil
	}
	var found *linkMap
	for _, m := range sc.maps {
		if !m.isMain && sc.g.byNameOf(m, library) {
			found = m
			break
		}
	}
	sc.names = append(sc.names, nameOfLibrary{library, found})
	return found
}

type nameOfLibrary struct {
	name string
	lib  *linkMap
}
