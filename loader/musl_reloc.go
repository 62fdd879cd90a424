package loader

import (
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// relocate is reloc_all: every object but the program first, each bound at
// once; the program last (its copy relocations need the others done).
func (m *musl) relocate() {
	if m.ended() {
		return
	}
	for _, d := range m.dsos {
		// sysv_lookup does not ask whether there is a table.
		if d.elf.Hash == "none" && len(m.app.elf.Imports) > 0 {
			m.crash(Fault{Kind: FaultCrash, Stage: StageRelocate, Object: d.name, Chain: muslChain(d), Detail: "it has no hash table, and musl looks into it all the same"}, "SIGSEGV")
			return
		}
	}
	for _, d := range m.dsos {
		if d != m.app && d != m.self {
			m.bind(d)
		}
	}
	m.bind(m.app)
	m.relr()
}

// relr: DT_RELR is known since 1.2.4; before, it is left undone.
func (m *musl) relr() {
	if root.CompareVersions(m.version, "1.2.4") >= 0 || m.failed {
		return
	}
	for _, d := range m.dsos {
		if d.elf.Relr && d != m.self {
			m.crash(Fault{Kind: FaultCrash, Stage: StageRelocate, Object: d.name, Chain: muslChain(d),
				Detail: fmt.Sprintf("its DT_RELR relocations are unknown to musl %s, which leaves them undone: the program crashes", m.version)}, "SIGSEGV")
			return
		}
	}
}

// bind works through DT_JMPREL, then DT_REL and DT_RELA (do_relocs).
func (m *musl) bind(d *dso) {
	if m.foreign(d) {
		return
	}
	for _, plt := range []bool{true, false} {
		for i := range d.elf.Imports {
			imp := &d.elf.Imports[i]
			uses := imp.Uses & binary.UseCall
			if !plt {
				uses = imp.Uses &^ binary.UseCall
			}
			if uses == 0 || imp.Bind == stbWeak && !imp.Defined {
				continue
			}
			to, maybe := m.definer(imp)
			switch {
			case to != nil:
				m.bound(d.object, to.object, i)
				continue
			case maybe != nil && maybe.assumed:
				continue // the limits tell
			case maybe != nil:
				m.unknownSymbol(maybe.name, d.name, imp)
				continue
			}
			m.undefined(d, imp)
		}
	}
}

func (m *musl) undefined(d *dso, imp *binary.Import) {
	m.failed = true
	m.print(fmt.Sprintf("Error relocating %s: %s: symbol not found", d.name, imp.Name))
	for _, f := range m.trace.Faults {
		if f.Kind == FaultSymbolMissing && f.Object == d.name && f.Symbol == imp.Name {
			return
		}
	}
	m.fault(Fault{Kind: FaultSymbolMissing, Stage: StageRelocate, Object: d.name, NeededBy: d.name, Symbol: imp.Name, Chain: muslChain(d), Fatal: true,
		Version: imp.Version, Library: imp.Library, Detail: undefined(Fault{Symbol: imp.Name}),
		Message: m.trace.Output[len(m.trace.Output)-1]})
}

// foreign: musl maps what is of another machine, and stumbles over relocations
// that it does not know, whatever they are in.
func (m *musl) foreign(d *dso) bool {
	for _, plt := range []bool{true, false} {
		for _, c := range d.elf.RelocTypes {
			if known := muslTypes[m.app.elf.Machine]; c.PLT != plt || known == nil || known[c.Type] {
				continue
			}
			m.failed = true
			line := fmt.Sprintf("Error relocating %s: unsupported relocation type %d", d.name, c.Type)
			m.print(line)
			m.fault(Fault{Kind: FaultLibraryUnusable, Stage: StageRelocate, Object: d.name, Library: d.object.Name, Chain: muslChain(d), Fatal: true, Message: line,
				Detail: fmt.Sprintf("it is for %s, and has relocations that musl on %s does not know", d.elf.Machine, m.app.elf.Machine)})
			return true
		}
	}
	if d.elf.Machine == m.app.elf.Machine {
		return false
	}
	m.limit(fmt.Sprintf("%s says that it is for %s: musl does not look, and its code may be of another machine", d.name, d.elf.Machine))
	return false
}

// muslTypes are the relocation types that musl knows (arch/*/reloc.h).
var muslTypes = map[string]map[uint32]bool{
	"x86-64":  {0: true, 1: true, 2: true, 5: true, 6: true, 7: true, 8: true, 16: true, 17: true, 18: true, 36: true},
	"i386":    {0: true, 1: true, 2: true, 5: true, 6: true, 7: true, 8: true, 14: true, 35: true, 36: true, 37: true, 41: true},
	"aarch64": {0: true, 257: true, 1024: true, 1025: true, 1026: true, 1027: true, 1028: true, 1029: true, 1030: true, 1031: true},
}

// definer is find_sym2 over all objects from the program on. Versions do not
// count, hidden ones are not seen; a copy relocation looks past the program.
// maybe is one whose symbols are not known.
func (m *musl) definer(imp *binary.Import) (found, maybe *dso) {
	hash := binary.GNUHash(imp.Name)
	list := m.dsos
	if imp.Uses&binary.UseCopy != 0 {
		list = list[1:]
	}
	for _, lib := range list {
		if muslDefines(lib.elf, imp.Name, hash) {
			return lib, nil
		}
		if lib.elf.Opaque && (maybe == nil || lib.assumed) {
			maybe = lib
		}
	}
	if name := m.lfs64(imp.Name); name != "" && muslDefines(m.self.elf, name, binary.GNUHash(name)) {
		return m.self, nil
	}
	return nil, maybe
}

// lfs64: from 1.2.4 on the names for large files (open64) are no symbols any
// more, and the loader knows what they stand for (get_lfs64). It reads them
// into 16 bytes, so posix_fallocate64 is not among them.
func (m *musl) lfs64(name string) string {
	if root.CompareVersions(m.version, "1.2.4") < 0 || len(name) > 16 {
		return ""
	}
	if name == "readdir64_r" {
		return "readdir_r"
	}
	plain, ok := strings.CutSuffix(name, "64")
	if !ok || !slices.Contains(largeFile, plain) {
		return ""
	}
	return plain
}

var largeFile = []string{"aio_cancel", "aio_error", "aio_fsync", "aio_read", "aio_return", "aio_suspend", "aio_write", "alphasort", "creat", "fallocate",
	"fgetpos", "fopen", "freopen", "fseeko", "fsetpos", "fstat", "fstatat", "fstatfs", "fstatvfs", "ftello", "ftruncate", "ftw",
	"getdents", "getrlimit", "glob", "globfree", "lio_listio", "lockf", "lseek", "lstat", "mkostemp", "mkostemps", "mkstemp",
	"mkstemps", "mmap", "nftw", "open", "openat", "posix_fadvise", "pread", "preadv", "prlimit", "pwrite",
	"pwritev", "readdir", "scandir", "sendfile", "setrlimit", "stat", "statfs", "statvfs", "tmpfile", "truncate", "versionsort",
	"__fxstat", "__fxstatat", "__lxstat", "__xstat"}

func muslDefines(e *binary.ELF, name string, hash uint32) bool {
	ok := false
	e.Lookup(name, hash, func(x binary.Symbol) bool {
		if x.VerIdx&0x8000 != 0 { // versym < 0
			return true
		}
		if x.Value == 0 && x.Type != sttTLS {
			return true
		}
		// OK_TYPES has no IFUNC.
		if !allowedType(x.Type) || x.Type == 10 || x.Bind != 1 && x.Bind != stbWeak && x.Bind != stbUnique {
			return true
		}
		ok = true
		return false
	})
	return ok
}
