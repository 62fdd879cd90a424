package pkgindex

import (
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
)

// Slim drops what is only asked for while an index is made, for those that
// the program carries: the packages' own dependencies, packages that could be
// installed and have no library, plugins, the symbols of programs and of a few
// huge libraries, and of facts that were read whatever no loader looks at:
// addresses, counts of relocations, notes of compilers.
func (x *Index) Slim() {
	needed := x.needed()
	for i := range x.Packages {
		p := &x.Packages[i]
		p.Provides, p.Requires = nil, nil
		if !x.there(p) {
			p.Files = slices.DeleteFunc(p.Files, func(f File) bool { return f.Library == nil && !brings(&f) || f.Elsewhere })
		}
		p.Files = slices.DeleteFunc(p.Files, func(f File) bool {
			return f.facts != nil && !isCommand(f.Path) && !isLibDir(path.Dir(f.Path)) && (f.Library == nil || !needed[f.Library.Soname])
		})
		for j := range p.Files {
			p.Files[j].slim()
		}
	}
	x.Packages = slices.DeleteFunc(x.Packages, func(p Package) bool { return !x.there(&p) && len(p.Files) == 0 })
}

// brings: a file that decides whether a library is found.
func brings(f *File) bool { return path.Dir(f.Path) == "/etc/ld.so.conf.d" }

// needed are the sonames that libraries and programs ask for.
func (x *Index) needed() map[string]bool {
	seen := map[string]bool{}
	for i := range x.Packages {
		for j := range x.Packages[i].Files {
			f := &x.Packages[i].Files[j]
			if facts, err := f.Facts(); err == nil && facts != nil && facts.ELF != nil && (isCommand(f.Path) || isLibDir(path.Dir(f.Path))) {
				for _, n := range facts.ELF.Needed {
					seen[n] = true
				}
			}
		}
	}
	return seen
}

// opaque are libraries whose symbols are not carried: large, and used by parts
// of their own packages alone.
var opaque = []string{"libLLVM*", "libclang*", "libceph*", "librocksdb*", "libz3.so*", "libmozjs*", "libwebkit*", "libjavascriptcoregtk*"}

// slim cuts one file down.
func (f *File) slim() {
	facts, err := f.Facts()
	if err != nil || facts == nil || facts.ELF == nil {
		return
	}
	e := facts.ELF
	base := path.Base(f.Path)
	switch {
	case isCommand(f.Path) && f.Library == nil && !knownPrograms[strings.TrimRight(base, "0123456789.")]:
		f.Program = libraryFrom(e, "")
		f.facts = nil
	case f.Library != nil && slices.ContainsFunc(opaque, func(p string) bool { return glob(p, base) }):
		f.facts = nil
	default:
		f.facts = readFacts(slimFacts(facts))
	}
}

// slimFacts keeps what a lookup sees of each symbol: that it is defined, its
// version and kind, and of data its size.
func slimFacts(facts *binary.Facts) *binary.Facts {
	f := *facts
	if f.ELF == nil {
		return &f
	}
	old := f.ELF
	// A copy field by field: what was built for lookups stays behind.
	e := &binary.ELF{Header: old.Header, Class: old.Class, Order: old.Order, Machine: old.Machine, Kind: old.Kind, Interp: old.Interp, HasInterp: old.HasInterp,
		Segments: old.Segments, Dynamic: old.Dynamic, Needed: old.Needed, Soname: old.Soname, Rpath: old.Rpath, Runpath: old.Runpath, Filter: old.Filter,
		Auxiliary: old.Auxiliary, Audit: old.Audit, Flags: old.Flags, Flags1: old.Flags1, BindNow: old.BindNow, Textrel: old.Textrel, Relr: old.Relr,
		VersionNeeds: old.VersionNeeds, VersionDefs: old.VersionDefs, Hash: old.Hash, TLS: old.TLS, GNUStack: old.GNUStack, ABITag: old.ABITag, KernelCheck: old.KernelCheck,
		X86ISA: old.X86ISA, DlopenNotes: old.DlopenNotes, Opaque: old.Opaque, RelocTypes: slices.Clone(old.RelocTypes)}
	e.Header.Shoff, e.Header.Shnum, e.Header.Shstrndx = 0, 0, 0
	for _, t := range old.Tags {
		e.Tags = append(e.Tags, binary.DynTag{Tag: t.Tag, Val: min(t.Val, 1)})
	}
	for i := range e.RelocTypes {
		e.RelocTypes[i].Count = 1
	}
	for _, s := range old.Exports {
		if s.Unhashed {
			continue // no loader finds it
		}
		s.Value = min(s.Value, 1)
		if s.Type != sttObject && s.Type != sttTLS {
			s.Size = 0
		}
		e.Exports = append(e.Exports, s)
	}
	for _, s := range old.Imports {
		s.Value, s.Types = min(s.Value, 1), nil
		if s.Uses&binary.UseCopy == 0 {
			s.Size = 0
		}
		e.Imports = append(e.Imports, s)
	}
	f.ELF = e
	return &f
}

// Types of symbols (System V ABI, chapter 4).
const (
	sttObject = 1
	sttTLS    = 6
)
