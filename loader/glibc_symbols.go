package loader

import (
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
)

// Symbol types and bindings (elf.h).
const (
	sttTLS      = 6
	stbWeak     = 2
	stbUnique   = 10
	stvInternal = 1
	stvHidden   = 2
	shnAbs      = 0xfff1
)

// relocateAll relocates from the last object to the first, so that
// dependencies come first (rtld.c, dl_main); each binds its own references in
// the order of its tables.
func (g *glibc) relocateAll() {
	lazy := true
	if v, ok := g.env("LD_BIND_NOW"); ok && v != "" {
		lazy = false
	}
	scope := newScope(g)
	for i := len(g.initOrder) - 1; i >= 0; i-- {
		m := g.initOrder[i]
		if m == g.rtld && !g.dlopened {
			continue
		}
		g.relocate(scope, m, lazy && !m.elf.BindNow)
	}
}

// scope is the global search list, with what a lookup asks of each object.
type scope struct {
	g     *glibc
	maps  []*linkMap
	lazy  bool          // the lookup is made at the first call
	ifunc bool          // what was found is an IFUNC
	found binary.Symbol // by the last lookup that found something
	ended bool          // the search ended before the last object: see endsAt
	maybe *linkMap      // an opaque object that may define what was not found
	how   guess         // what maybe is worth

	in    map[*binary.ELF]bool // what is in the list; see plainScope
	plain bool
	names []nameOfLibrary // what named found
}

func newScope(g *glibc) *scope { return &scope{g: g, maps: g.search} }

// versioned says whether l_versyms is set: the object needs or defines
// versions (end of _dl_check_map_versions).
func versioned(e *binary.ELF) bool {
	return len(e.VersionNeeds)+len(e.VersionDefs) > 0
}

func (g *glibc) relocate(sc *scope, m *linkMap, lazy bool) {
	e := m.elf
	if e.Relr && !g.atLeast("2.36") && !m.relrRef && !g.ended() {
		g.crash(Fault{Kind: FaultCrash, Stage: StageRelocate, Object: g.file(m), Chain: chain(m),
			Detail: fmt.Sprintf("its DT_RELR relocations are unknown to glibc %s, which leaves them undone: the program crashes", g.version)}, "SIGSEGV")
	}
	if lazy && hasTag(e, 23) && !hasTag(e, 3) && !g.ended() && hasCalls(e) {
		g.crash(Fault{Kind: FaultCrash, Stage: StageRelocate, Object: g.file(m), Chain: chain(m),
			Detail: "its dynamic section names no GOT (DT_PLTGOT), which lazy binding needs"}, "SIGSEGV")
	}
	g.relocTypes(m, lazy)
	if g.opt.Memo != nil && sc.plainScope() {
		sc.recall(m, func(i int) { g.reference(sc, m, i, lazy) })
		return
	}
	for i := range e.Imports {
		g.reference(sc, m, i, lazy)
	}
}

// reference looks up what one import of an object refers to.
func (g *glibc) reference(sc *scope, m *linkMap, i int, lazy bool) {
	e := m.elf
	imp := &e.Imports[i]
	atCall := lazy && imp.Uses&^binary.UseCall == 0
	sc.lazy = atCall
	sc.ifunc, sc.ended, sc.maybe, sc.how = false, false, nil, noGuess
	to := sc.lookup(m, imp)
	if to != nil && sc.ifunc && to.isMain && to != m && !atCall {
		g.end(Fault{Kind: FaultRefused, Stage: StageRelocate, Object: g.file(m), Symbol: imp.Name, Chain: chain(m),
			Message: fmt.Sprintf("%s: IFUNC symbol '%s' referenced in '%s' is defined in the executable and creates an unsatisfiable circular dependency.", g.argv0, imp.Name, m.name),
			Detail:  "the symbol's resolver is in the program, which is relocated last"}, 127)
	}
	if to != nil {
		g.bound(m.object, to.object, i)
		g.threadLocal(m, to, imp)
		g.copySize(sc, m, imp)
		return
	}
	// A copy is looked for behind the program, which defines it too.
	own := imp.Defined && imp.Uses&binary.UseCopy == 0
	if imp.Bind == stbWeak || g.ended() && own || g.versionTold(m, imp) {
		return
	}
	switch {
	case sc.how == itsOwn, sc.how == ofAssumed: // of the latter the limits tell
		return
	case sc.maybe != nil:
		g.unknownSymbol(g.file(sc.maybe), g.file(m), imp)
		return
	}
	f := Fault{Stage: StageRelocate, Object: g.file(m), NeededBy: g.file(m), Symbol: imp.Name, Version: imp.Version,
		Library: imp.Library, Chain: chain(m)}
	occasion, text := sc.undefinedText(m, imp)
	f.Message = g.frame(occasion, g.file(m), text, "")
	f.Detail = undefined(f)
	if atCall {
		f.Kind, f.Stage = FaultSymbolLazy, AfterStart
		if imp.Version == "GLIBC_PRIVATE" {
			f.Kind = FaultLibcMixed
			g.privateLimit(m, fmt.Sprintf("%s lacks %s of another part of libc; parts of libc call one another before main", g.file(m), imp.Name))
		}
		g.fault(f)
		return
	}
	f.Kind = FaultSymbolMissing
	if imp.Version == "GLIBC_PRIVATE" {
		f.Kind = FaultLibcMixed
	}
	g.end(f, 127)
}

// privateLimit: a part of libc that lacks a private symbol may need it before
// main; a program calls it when it does.
func (g *glibc) privateLimit(m *linkMap, sentence string) {
	if !m.isMain {
		g.limit(sentence)
	}
}

// threadLocal: a thread-local reference that finds a symbol in an object
// without thread-local storage divides by its alignment, which is zero
// (_dl_allocate_static_tls), or finds no module at its first use.
func (g *glibc) threadLocal(m, to *linkMap, imp *binary.Import) {
	if imp.Uses&(binary.UseTLS|binary.UseTLSIE|binary.UseTLSDesc) == 0 || to.elf.TLS != nil || to.elf.Opaque || g.ended() {
		return
	}
	f := Fault{Kind: FaultCrash, Stage: StageRelocate, Object: g.file(m), Symbol: imp.Name, Chain: chain(m),
		Detail: fmt.Sprintf("it takes %s for thread-local, and %s has it as plain data", imp.Name, g.file(to))}
	if imp.Uses&binary.UseTLSIE != 0 {
		g.crash(f, "SIGFPE")
		return
	}
	f.Stage = AfterStart
	g.fault(f)
}

// knownRelocs are the types that a loader of the machine applies to what it
// loads (sysdeps/*/dl-machine.h). Machines without a row are not checked.
var knownRelocs = map[string]map[uint32]bool{
	"x86-64":  set(0, 1, 2, 5, 6, 7, 8, 10, 16, 17, 18, 24, 33, 36, 37, 38),
	"i386":    set(0, 1, 2, 5, 6, 7, 8, 14, 35, 36, 37, 38, 41, 42),
	"aarch64": set(0, 256, 257, 1024, 1025, 1026, 1027, 1028, 1029, 1030, 1031, 1032),
}

func set(types ...uint32) map[uint32]bool {
	m := map[uint32]bool{}
	for _, t := range types {
		m[t] = true
	}
	return m
}

// relocTypes: an unknown type ends the start (_dl_reloc_bad_type). Lazily
// bound slots are looked at too, and only a few types may stand there.
func (g *glibc) relocTypes(m *linkMap, lazy bool) {
	known := knownRelocs[m.elf.Machine]
	if known == nil || g.ended() {
		return
	}
	for _, c := range m.elf.RelocTypes {
		if known[c.Type] {
			continue
		}
		text := "unexpected reloc type 0x"
		if c.PLT && lazy {
			text = "unexpected PLT reloc type 0x"
		}
		if c.Type > 0xff {
			text += fmt.Sprintf("%08x", c.Type)
		} else {
			text += fmt.Sprintf("%02x", c.Type)
		}
		g.end(Fault{Kind: FaultRefused, Stage: StageRelocate, Object: g.file(m), Chain: chain(m), Message: g.frame(occasionLoad, m.name, text, ""),
			Detail: fmt.Sprintf("it has relocations of type %d, which this loader does not know", c.Type)}, 127)
		return
	}
}

// copySize: a copy that is smaller than what it is a copy of is a warning
// (elf_machine_rela, R_*_COPY), and a program that reads past its end.
func (g *glibc) copySize(sc *scope, m *linkMap, imp *binary.Import) {
	if imp.Uses&binary.UseCopy == 0 || sc.found.Size <= imp.Size || g.ended() {
		return
	}
	line := fmt.Sprintf("%s: Symbol `%s' has different size in shared object, consider re-linking", g.argv0, imp.Name)
	g.warn(Fault{Kind: FaultRefused, Stage: AfterStart, Object: g.file(m), Symbol: imp.Name, Message: line,
		Detail: fmt.Sprintf("it keeps %d bytes for %s, which has %d in the library that is there", imp.Size, imp.Name, sc.found.Size)})
}

func hasCalls(e *binary.ELF) bool {
	for _, c := range e.RelocTypes {
		if c.PLT {
			return true
		}
	}
	return false
}

// versionTold: a symbol of a version that is missing is missing with it, and
// needs no words of its own. After a mere warning the start goes on.
func (g *glibc) versionTold(m *linkMap, imp *binary.Import) bool {
	if imp.Version == "" {
		return false
	}
	for _, f := range g.trace.Faults {
		if f.Stage == StageVersion && f.Kind != FaultVersionWarning && f.Version == imp.Version && f.Library == imp.Library && f.NeededBy == g.file(m) {
			return true
		}
	}
	return false
}

func undefined(f Fault) string {
	name := f.Symbol
	if f.Version != "" {
		name += "@" + f.Version
	}
	if f.Library != "" {
		return fmt.Sprintf("nothing that is loaded defines %s, which it expects of %s", name, f.Library)
	}
	return fmt.Sprintf("nothing that is loaded defines %s", name)
}

// lookup is _dl_lookup_symbol_x over the object's scope: with DT_SYMBOLIC
// itself first, then the global list.
func (sc *scope) lookup(m *linkMap, imp *binary.Import) *linkMap {
	hash := binary.GNUHash(imp.Name)
	if m.elf.Flags&binary.DFSymbolic != 0 || hasTag(m.elf, 16) {
		if sc.defines(m, m, imp, hash) {
			return m
		}
	}
	for _, lib := range sc.maps {
		// A copy relocation looks past the program itself.
		if imp.Uses&binary.UseCopy != 0 && lib.isMain {
			continue
		}
		if sc.defines(lib, m, imp, hash) {
			return lib
		}
		if sc.g.trace.Signal != "" {
			return lib
		}
		if sc.endsAt(lib, m, imp) {
			break
		}
	}
	return nil
}

// endsAt: before 2.30 a lookup ends at the very library that a version belongs
// to, where that lacks the symbol (do_lookup_x; bug 24741): one that has moved
// to another library since is not found there.
func (sc *scope) endsAt(lib, from *linkMap, imp *binary.Import) bool {
	if sc.g.atLeast("2.30") || imp.Version == "" || imp.Library == "" || lib.elf.Opaque || !versioned(from.elf) || !sc.g.byNameOf(lib, imp.Library) {
		return false
	}
	sc.ended = true
	return true
}

// undefinedText is what _dl_lookup_symbol_x says of a symbol that nothing
// defines, and the frame that it stands in.
func (sc *scope) undefinedText(m *linkMap, imp *binary.Import) (occasion, text string) {
	version := ""
	if imp.Version != "" && versioned(m.elf) {
		version = ", version " + imp.Version
	}
	if !sc.ended {
		return occasionSymbol, "undefined symbol: " + imp.Name + version
	}
	if sc.g.atLeast("2.27") { // dl-exception.c lost the comma
		version = " version " + imp.Version
	}
	return "relocation error", fmt.Sprintf("symbol %s%s not defined in file %s with link time reference", imp.Name, version, imp.Library)
}

// defines is do_lookup_x for one object.
func (sc *scope) defines(lib, from *linkMap, imp *binary.Import, hash uint32) bool {
	e := lib.elf
	want := imp.Version
	if !versioned(from.elf) {
		want = ""
	}
	if e.Opaque {
		return sc.opaque(lib, from, imp.Library, want)
	}
	hidden := imp.VerIdx&0x8000 != 0
	versions, ok := 0, false
	var only, found binary.Symbol
	e.Lookup(imp.Name, hash, func(x binary.Symbol) bool {
		if x.Value == 0 && x.Shndx != shnAbs && x.Type != sttTLS || !allowedType(x.Type) {
			return true
		}
		index := x.VerIdx & 0x7fff
		switch {
		case want != "" && !versioned(e):
			sc.unversioned(lib, imp)
		case want != "":
			if x.Version != want && (hidden || x.Version != "" || x.VerIdx&0x8000 != 0) {
				return true
			}
		case versioned(e) && index >= 3:
			if x.VerIdx&0x8000 == 0 {
				if versions++; versions == 1 {
					only = x
				}
			}
			return true
		}
		found, ok = x, true
		return false
	})
	if !ok && versions == 1 {
		found, ok = only, true
	}
	x := found
	if !ok || x.Vis == stvHidden || x.Vis == stvInternal {
		return false
	}
	sc.ifunc, sc.found = x.Type == 10, x
	return x.Bind == 1 || x.Bind == stbWeak || x.Bind == stbUnique
}

// opaque is defines for a library that is known by its version nodes alone. A
// versioned reference is taken to be bound where the very library that it
// names has the node: symbols do not leave a node. One without a version is
// meant for a library that has nodes only for what came later; glibc has a
// node for everything.
func (sc *scope) opaque(lib, from *linkMap, library, want string) bool {
	sc.found = binary.Symbol{}
	defs := lib.elf.VersionDefs
	if want == "" || want == "GLIBC_PRIVATE" || len(defs) == 0 {
		switch {
		case lib.assumed:
			sc.guess(lib, ofAssumed)
		case !slices.Contains(from.needed, lib) && from != lib: // linkers take symbols from what is named to them
			sc.guess(lib, ofAnother)
		case len(defs) == 0:
			sc.guess(lib, ofNothingKnown)
		case want == "" && !versionsAll(lib.elf):
			sc.guess(lib, itsOwn)
		default:
			sc.guess(lib, ofAnother)
		}
		return false
	}
	for _, d := range defs {
		if d.Name != want {
			continue
		}
		if !d.Unsure && (library == "" || sc.g.byNameOf(lib, library)) {
			return true
		}
		sc.guess(lib, ofNothingKnown)
	}
	return false
}

// guess is what an opaque object that may define a symbol is worth: the
// highest counts.
type guess int

const (
	noGuess        guess = iota
	ofAnother            // it has nodes, and the reference is hardly meant for it
	itsOwn               // it has nodes, and the reference is meant for it
	ofNothingKnown       // nothing tells
	ofAssumed            // not even that it is there
)

func (sc *scope) guess(lib *linkMap, how guess) {
	if how > sc.how {
		sc.maybe, sc.how = lib, how
	}
}

// versionsAll tells libraries that have a node for every symbol, as glibc's
// and GCC's own have, by their nodes.
func versionsAll(e *binary.ELF) bool {
	return slices.ContainsFunc(e.VersionDefs, func(d binary.VersionDef) bool {
		name, _, _ := strings.Cut(d.Name, "_")
		switch name {
		case "GLIBC", "GLIBCXX", "CXXABI", "GCC", "LIBATOMIC", "GOMP", "OMP", "GFORTRAN", "QUADMATH", "LIBITM":
			return true
		}
		return false
	})
}

func allowedType(t uint8) bool {
	switch t {
	case 0, 1, 2, 5, 6, 10:
		return true
	}
	return false
}

// unversioned: up to 2.40 a versioned reference that meets an object without
// versions, which is the very one that it names, trips an assertion
// (elf/dl-lookup.c, check_match; bug 32387).
func (sc *scope) unversioned(lib *linkMap, imp *binary.Import) {
	g := sc.g
	if g.atLeast("2.41") || imp.Library == "" || lib.name == "" || !g.byNameOf(lib, imp.Library) {
		return
	}
	line := 107
	if !g.atLeast("2.32") {
		line = 111
	}
	if g.ended() {
		return
	}
	f := Fault{Kind: FaultCrash, Stage: StageRelocate, Object: g.file(lib), Library: imp.Library, Symbol: imp.Name, Version: imp.Version,
		Message: fmt.Sprintf("Inconsistency detected by ld.so: dl-lookup.c: %d: check_match: Assertion `version->filename == NULL || ! _dl_name_match_p (version->filename, map)' failed!", line),
		Detail:  fmt.Sprintf("%s lost all its symbol versions, and glibc %s can't bear it", imp.Library, g.version)}
	if sc.lazy {
		f.Stage = AfterStart
		g.fault(f)
		return
	}
	g.end(f, 127)
}

func (g *glibc) byNameOf(m *linkMap, name string) bool {
	if m.name == name {
		return true
	}
	for _, n := range m.names {
		if n == name {
			return true
		}
	}
	return false
}
