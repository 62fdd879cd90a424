package loader

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// musl simulates musl's dynamic loader (ldso/dynlink.c). Functions of that
// file are named where a rule comes from them.
type musl struct {
	*start
	version  string
	dsos     []*dso
	self     *dso
	app      *dso
	sysPath  []string
	sysRead  bool
	envPath  string
	failed   bool // an error was printed: the exit is 127 once all are
	dlopened bool
}

// dso is struct dso.
type dso struct {
	facts     *binary.Facts
	elf       *binary.ELF
	name      string // as it was found
	short     string // shortname: set for what was found by search
	info      root.Info
	neededBy  *dso
	rpath     []string
	rpathDone bool
	depsDone  bool
	deps      []*dso
	object    *Object
}

func (s *start) runMusl() {
	m := s.newMusl()
	m.run()
	s.open = m.opens
}

func (s *start) newMusl() *musl {
	m := &musl{start: s, version: s.libc.Version}
	if m.version == "" || root.CompareVersions(m.version, "1.1.24") < 0 || root.CompareVersions(m.version, "1.2.6") > 0 {
		s.limit(fmt.Sprintf("musl %s is outside the range of loaders that are simulated (1.1.24 to 1.2.6)", m.version))
	}
	return m
}

// run is __dls3.
func (m *musl) run() {
	m.setup()
	if what := m.gutted(); what != "" {
		m.crash(Fault{Kind: FaultCrash, Stage: StageLibc, Object: m.argv0, Detail: what}, "SIGSEGV")
		m.list()
		return
	}
	if m.app.elf.Machine != m.self.elf.Machine {
		m.limit("the loader is of another machine than the program")
	}
	for _, name := range m.preloads() {
		m.load(name, nil)
	}
	m.deps()
	m.list()
	if m.blind {
		return
	}
	m.relocate()
	if m.failed && !m.ended() {
		m.trace.ExitStatus = 127
	}
}

func (m *musl) setup() {
	m.self = &dso{facts: m.libc.Facts, elf: m.libc.Facts.ELF, name: m.libc.Interp, short: "libc.so", info: m.interp}
	m.self.object = &Object{Name: m.libc.Interp, Path: m.libc.Interp, Real: m.libc.Path, FoundBy: ByAbsolute, Facts: m.libc.Facts}
	m.app = &dso{facts: m.program.Facts, elf: m.program.Facts.ELF, name: m.execfn, info: m.program.Info}
	m.app.object = &Object{Path: m.argv0, Real: m.program.Info.Path, Facts: m.program.Facts}
	m.dsos = []*dso{m.app}
	if v, ok := m.env("LD_LIBRARY_PATH"); ok && !m.secure {
		m.envPath = v
	}
}

// gutted: what musl takes for given in the program.
func (m *musl) gutted() string {
	e := m.app.elf
	switch {
	case e.Header.Type == 3 && !hasSegment(e, binary.PTPhdr):
		return "it is position-independent and has no PT_PHDR: the loader can't tell where it lies"
	case !hasSegment(e, binary.PTDynamic) || !e.Dynamic:
		return "it has no dynamic section, and asks for a loader"
	case readOnlyDynamic(e):
		return "its dynamic section lies in a read-only segment, and the loader writes into it"
	}
	return ""
}

func (m *musl) preloads() []string {
	if v, ok := m.env("LD_PRELOAD"); ok && !m.secure {
		return strings.FieldsFunc(v, func(r rune) bool {
			return r == ' ' || r == '\t' || r == '\n' || r == ':' || r == '\r' || r == '\v' || r == '\f'
		})
	}
	return nil
}

// deps is load_deps: breadth first over the growing list.
func (m *musl) deps() {
	for i := 0; i < len(m.dsos); i++ {
		d := m.dsos[i]
		if d.depsDone || d == m.self {
			continue
		}
		d.depsDone = true
		for _, name := range d.elf.Needed {
			if dep := m.load(name, d); dep != nil {
				d.deps = append(d.deps, dep)
			}
		}
	}
}

// list gives the objects as musl's own ldd prints them: libc where it was
// first asked for, which puts it into the list.
func (m *musl) list() {
	for _, d := range m.dsos {
		for _, dep := range d.deps {
			d.object.Needs = append(d.object.Needs, dep.object)
		}
		m.trace.Objects = append(m.trace.Objects, d.object)
	}
}

// Names that musl is itself (reserved in load_library).
var muslReserved = []string{"c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."}

// isLibc: libc.so, libpthread.so and their kin are musl itself.
func isMuslLibc(name string) bool {
	rest, ok := strings.CutPrefix(name, "lib")
	if !ok {
		return false
	}
	for _, r := range muslReserved {
		if strings.HasPrefix(rest, r) {
			return true
		}
	}
	return false
}

// load is load_library.
func (m *musl) load(name string, by *dso) *dso {
	if name == "" {
		m.cannot(name, by, root.EINVAL, nil, nil)
		return nil
	}
	if isMuslLibc(name) || name == m.libc.Interp {
		return m.useSelf(name, by)
	}
	if strings.Contains(name, "/") {
		return m.open(name, name, "", by, ByAbsolute, nil)
	}
	for _, d := range m.dsos {
		if d.short == name {
			return d
		}
	}
	file, found, tried, err := m.search(name, by)
	if err != "" {
		m.cannot(name, by, err, tried, nil)
		return nil
	}
	return m.open(name, file, name, by, found, tried)
}

// useSelf: the first who asks for libc puts the loader into the list.
func (m *musl) useSelf(name string, by *dso) *dso {
	if !slices.Contains(m.dsos, m.self) {
		m.dsos = append(m.dsos, m.self)
		m.self.object.Name = name
		if by != nil {
			m.self.object.Parent = by.object
		}
	}
	return m.self
}

// search is the path search: LD_LIBRARY_PATH, the run paths of the asker and
// of who asked for it, the system's path.
func (m *musl) search(name string, by *dso) (file string, found FoundBy, tried []Attempt, errno root.Errno) {
	try := func(paths []string, b FoundBy, of string) bool {
		for _, p := range paths {
			if p == "" {
				continue
			}
			full := p + "/" + name
			info, err := m.tree.Stat(m.abs(full), m.cred())
			if err == nil && !info.Readable(m.cred()) {
				err = root.EACCES
			}
			if err == nil {
				tried = append(tried, Attempt{Path: full, By: b, Of: of, Result: "found"})
				file, found = full, b
				return true
			}
			var e root.Errno
			if !errors.As(err, &e) {
				m.limit(err.Error())
				m.blind = true
			}
			tried = append(tried, Attempt{Path: full, By: b, Of: of, Result: errnoName(err)})
			// path_open goes on after these, and gives up the search at others.
			if e != root.ENOENT && e != root.ENOTDIR && e != root.EACCES && e != root.ENAMETOOLONG {
				errno = e
				return true
			}
		}
		return false
	}
	if try(splitMusl(m.envPath), ByEnv, "") {
		return
	}
	for d := by; d != nil; d = d.neededBy {
		dirs, b := m.rpath(d)
		if try(dirs, b, d.name) {
			return
		}
	}
	if try(m.system(), ByDefault, "") {
		return
	}
	last := root.ENOENT
	if n := len(tried); n > 0 {
		last = root.Errno(tried[n-1].Result)
	}
	return "", "", tried, last
}

func splitMusl(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == '\n' })
}

// rpath is fixup_rpath: RUNPATH wins over RPATH in one object; only $ORIGIN
// is known, and any other token voids the whole path.
func (m *musl) rpath(d *dso) ([]string, FoundBy) {
	text, by := "", ByRpath
	switch {
	case d.elf.Runpath != nil:
		text, by = *d.elf.Runpath, ByRunpath
	case d.elf.Rpath != nil:
		text = *d.elf.Rpath
	}
	if d.rpathDone || text == "" {
		return d.rpath, by
	}
	d.rpathDone = true
	if !strings.Contains(text, "$") {
		d.rpath = splitMusl(text)
		return d.rpath, by
	}
	rest := text
	for i := strings.IndexByte(rest, '$'); i >= 0; i = strings.IndexByte(rest, '$') {
		rest = rest[i:]
		if !strings.HasPrefix(rest, "${ORIGIN}") && !strings.HasPrefix(rest, "$ORIGIN") {
			return nil, by
		}
		rest = rest[1:]
	}
	origin, ok := m.origin(d)
	if !ok {
		return nil, by
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "${ORIGIN}", origin), "$ORIGIN", origin)
	d.rpath = splitMusl(text)
	return d.rpath, by
}

// origin: the program's is where the kernel says that it lies
// (/proc/self/exe); a library's, its name up to the last slash. Under
// AT_SECURE a relative one is refused.
func (m *musl) origin(d *dso) (string, bool) {
	if d == m.app {
		return path.Dir(m.program.Info.Path), true
	}
	i := strings.LastIndexByte(d.name, '/')
	if i < 0 {
		return ".", !m.secure
	}
	dir := d.name[:i]
	if m.secure && !strings.HasPrefix(dir, "/") {
		return "", false
	}
	return dir, true
}

// system is sys_path: /etc/ld-musl-ARCH.path under the loader's own prefix,
// else what is built in.
func (m *musl) system() []string {
	if m.sysRead {
		return m.sysPath
	}
	m.sysRead = true
	prefix := ""
	if i := strings.LastIndexByte(m.libc.Interp, '/'); i >= 0 {
		if j := strings.LastIndexByte(m.libc.Interp[:i], '/'); j >= 0 {
			prefix = m.libc.Interp[:j]
		}
	}
	file := prefix + "/etc/ld-musl-" + muslArch(m.libc) + ".path"
	data, err := m.tree.ReadFile(file, m.cred(), 1<<20)
	switch {
	case err == nil:
		text, _, _ := bytes.Cut(data, []byte{0})
		m.sysPath = splitMusl(string(text))
	case errors.Is(err, root.ENOENT):
		m.sysPath = m.libc.Dirs
	default:
		m.sysPath = nil // unreadable: musl searches nothing
	}
	return m.sysPath
}

// muslArch is LDSO_ARCH: the loader's name tells it.
func muslArch(l *root.Libc) string {
	for _, p := range []string{l.Interp, l.Path} {
		base := path.Base(p)
		if rest, ok := strings.CutPrefix(base, "ld-musl-"); ok {
			arch, _, _ := strings.Cut(rest, ".so")
			return arch
		}
	}
	if arch, ok := map[string]string{"x86-64": "x86_64", "arm": "armhf", "ppc64le": "powerpc64le"}[l.Facts.ELF.Machine]; ok {
		return arch
	}
	return l.Facts.ELF.Machine
}

// open maps what the search gave; one that was mapped already, under
// whatever name, is the same object.
func (m *musl) open(name, file, short string, by *dso, found FoundBy, tried []Attempt) *dso {
	info, err := m.tree.Stat(m.abs(file), m.cred())
	if err == nil && !info.Readable(m.cred()) {
		err = root.EACCES
	}
	if err != nil {
		var errno root.Errno
		if !errors.As(err, &errno) {
			m.limit(err.Error())
			m.blind = true
			return nil
		}
		m.cannot(name, by, errno, append(tried, Attempt{Path: file, By: found, Result: string(errno)}), nil)
		return nil
	}
	for _, d := range m.dsos {
		// What the kernel mapped has no identity here.
		if d != m.app && d != m.self && d.info.ID == info.ID {
			if d.short == "" {
				d.short = short
			}
			return d
		}
	}
	facts, errno, detail := m.mappable(info)
	if errno == unread {
		return nil
	}
	if errno == crashed {
		m.crash(Fault{Kind: FaultCrash, Stage: StageMap, Object: file, Library: name, Chain: muslChain(by), Detail: detail}, "SIGBUS")
		return nil
	}
	if errno != "" {
		m.cannot(name, by, errno, tried, &Fault{Object: file, Detail: detail})
		return nil
	}
	// Another libc is taken for musl itself.
	if muslDefines(facts.ELF, "__libc_start_main", binary.GNUHash("__libc_start_main")) && muslDefines(facts.ELF, "stdin", binary.GNUHash("stdin")) {
		return m.useSelf(name, by)
	}
	d := &dso{facts: facts, elf: facts.ELF, name: file, short: short, info: info, neededBy: by}
	d.object = &Object{Name: name, Path: file, Real: info.Path, FoundBy: found, Facts: facts, Tried: tried}
	if by == nil {
		d.object.FoundBy = ByPreload
	} else {
		d.object.Parent = by.object
	}
	m.dsos = append(m.dsos, d)
	return d
}

// mappable is map_library: musl asks for no more than what it must.
func (m *musl) mappable(info root.Info) (*binary.Facts, root.Errno, string) {
	if info.IsDir() {
		return nil, root.EISDIR, "it is a directory"
	}
	facts, err := m.factsOf(info)
	if err != nil {
		m.limit(err.Error())
		m.blind = true
		return nil, unread, ""
	}
	e := facts.ELF
	size := int64(64)
	if m.app.elf.Class == 32 {
		size = 52
	}
	switch {
	case facts.Size < size:
		return nil, root.ENOEXEC, "it is too short for an ELF file"
	case e == nil:
		return nil, root.ENOEXEC, "it is no ELF file: " + facts.Describe
	case e.Header.Type != 2 && e.Header.Type != 3:
		return nil, root.ENOEXEC, "it is no library: " + facts.Describe
	case e.Class != m.app.elf.Class:
		// musl does not look at the class: it reads the other header as its own,
		// and finds no dynamic section behind it.
		return nil, root.ENOEXEC, fmt.Sprintf("it is for %s, the program for %s", e.Machine, m.app.elf.Machine)
	case huge(e) || hasSegment(e, binary.PTDynamic) && !hasSegment(e, binary.PTLoad):
		return nil, root.ENOMEM, "a segment asks for more memory than there is"
	case hasSegment(e, binary.PTDynamic) && e.Header.Phentsize == m.app.elf.Header.Phentsize && beyondAny(facts):
		return nil, crashed, fmt.Sprintf("a segment reaches beyond the end of the file (%d bytes)", facts.Size)
	case !e.Dynamic || len(e.Segments) == 0 || e.Header.Phentsize != m.app.elf.Header.Phentsize:
		return nil, root.ENOEXEC, "it has no dynamic section"
	}
	return facts, "", ""
}

// crashed is no errno: mapping works, and touching what was mapped is a SIGBUS.
const crashed root.Errno = "SIGBUS"

// unread is no errno either: the file can't be read here.
const unread root.Errno = "unread"

func hasSegment(e *binary.ELF, typ uint32) bool {
	return slices.ContainsFunc(e.Segments, func(s binary.Segment) bool { return s.Type == typ })
}

func beyondAny(f *binary.Facts) bool {
	return slices.ContainsFunc(f.ELF.Segments, func(s binary.Segment) bool { return s.Type == binary.PTLoad && beyond(s, f.Size, 4096) })
}

// cannot prints the error of load_library; musl goes on and fails at the end.
func (m *musl) cannot(name string, by *dso, errno root.Errno, tried []Attempt, bad *Fault) {
	f := Fault{Kind: FaultLibraryMissing, Stage: StageMap, Library: name, Errno: errno, Tried: tried, Fatal: true}
	f.Message = fmt.Sprintf("Error loading shared library %s: %s", name, muslStrerror(errno))
	if by == nil && !m.dlopened {
		// load_preload does not look at what load_library says.
		m.fault(Fault{Kind: FaultPreloadIgnored, Stage: StageLibc, Library: name, NeededBy: "LD_PRELOAD", Tried: tried,
			Detail: name + " from LD_PRELOAD can't be loaded; musl goes on without a word"})
		return
	}
	if by != nil {
		f.NeededBy = by.name
		f.Message += fmt.Sprintf(" (needed by %s)", by.name)
		f.Chain = muslChain(by)
		by.object.Needs = append(by.object.Needs, nil)
	}
	if bad != nil {
		f.Kind, f.Object, f.Detail = FaultLibraryUnusable, bad.Object, bad.Detail
	}
	parent := (*Object)(nil)
	if by != nil {
		parent = by.object
	}
	m.trace.Objects = append(m.trace.Objects, &Object{Name: name, Parent: parent, Missing: true, Tried: tried})
	m.failed = true
	m.print(f.Message)
	m.fault(f)
}

// muslStrerror: musl's own words where they differ (src/errno/__strerror.h).
func muslStrerror(e root.Errno) string {
	switch e {
	case root.ELOOP:
		return "Symbolic link loop"
	case root.ENAMETOOLONG:
		return "Filename too long"
	case root.ENOMEM:
		return "Out of memory"
	case root.EIO:
		return "I/O error"
	}
	return e.Strerror()
}

func muslChain(d *dso) []string {
	var names []string
	for ; d != nil; d = d.neededBy {
		names = append([]string{path.Base(d.name)}, names...)
	}
	return names
}

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
	if d.elf.Machine != m.app.elf.Machine && m.foreign(d) {
		return
	}
	for _, plt := range []bool{true, false} {
		for i := range d.elf.Imports {
			imp := &d.elf.Imports[i]
			uses := imp.Uses & binary.UseCall
			if !plt {
				uses = imp.Uses &^ binary.UseCall
			}
			if uses == 0 || imp.Bind == stbWeak && !imp.Defined || m.defined(d, imp, plt) {
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

// foreign: musl maps a library of another machine, and stumbles over its
// relocations.
func (m *musl) foreign(d *dso) bool {
	for _, plt := range []bool{true, false} {
		for _, c := range d.elf.RelocTypes {
			if c.PLT != plt || muslTypes[m.app.elf.Machine][c.Type] {
				continue
			}
			m.failed = true
			line := fmt.Sprintf("Error relocating %s: unsupported relocation type %d", d.name, c.Type)
			m.print(line)
			m.fault(Fault{Kind: FaultLibraryUnusable, Stage: StageRelocate, Object: d.name, Library: d.object.Name, Chain: muslChain(d), Fatal: true, Message: line,
				Detail: fmt.Sprintf("it is for %s, the program for %s", d.elf.Machine, m.app.elf.Machine)})
			return true
		}
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

// defined is find_sym2 over all objects from the program on. Versions do not
// count, hidden ones are not seen; a copy relocation looks past the program.
func (m *musl) defined(d *dso, imp *binary.Import, plt bool) bool {
	hash := binary.GNUHash(imp.Name)
	list := m.dsos
	if imp.Uses&binary.UseCopy != 0 {
		list = list[1:]
	}
	for _, lib := range list {
		if muslDefines(lib.elf, imp.Name, hash) {
			return true
		}
	}
	return false
}

func muslDefines(e *binary.ELF, name string, hash uint32) bool {
	ok := false
	e.Lookup(name, hash, func(i int) bool {
		x := &e.Exports[i]
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
