package loader

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// glibc simulates glibc's ld.so. Rules are named by the function of its
// source that they come from; where versions differ, the version is named.
type glibc struct {
	*start
	version    string
	maps       []*linkMap // _ns_loaded: the program first, then in the order of loading; ld.so is in it
	main       *linkMap
	rtld       *linkMap
	search     []*linkMap // main_map->l_searchlist
	initOrder  []*linkMap // main_map->l_initfini
	hwcaps     []string   // subdirectories tried before each directory, "" last
	envDirs    []dirElem
	systemDirs []dirElem
	cache      *cache
	cacheRead  bool
	query      *cacheQuery     // once it was asked
	least      map[string]bool // what atLeast answered
	dirs       map[string]bool // what isDir answered
	dlopened   bool            // judging a dlopen: errors are dlerror's
	lastErrno  root.Errno      // errno, which outlives one search

	incomplete  bool // a library is missing, and what it would bring
	cacheUnread bool // the cache is there, and can't be read here
}

// linkMap is one loaded object.
type linkMap struct {
	facts    *binary.Facts
	elf      *binary.ELF
	name     string   // l_name: the path it was found at; "" for the program
	names    []string // l_libname, sonames included once they were asked for
	info     root.Info
	origin   string // l_origin; "" when it is not known
	loader   *linkMap
	needed   []*linkMap // l_initfini behind itself
	rpath    dirList
	runpath  dirList
	isMain   bool
	reserved bool
	relrRef  bool // it has a need of GLIBC_ABI_DT_RELR
	visited  bool
	assumed  bool // nothing is known of it, not even that it is there
	missing  bool // a place in the list for what was not found, as ldd shows it
	object   *Object
}

func (m *linkMap) soname() (string, bool) {
	for i := range m.elf.Tags {
		if m.elf.Tags[i].Tag == 14 {
			return m.elf.Soname, true
		}
	}
	return "", false
}

// file is DSO_FILENAME: the program is called by argv[0].
func (g *glibc) file(m *linkMap) string {
	if m.name == "" {
		return g.argv0
	}
	return m.name
}

// atLeast compares the loader's version.
func (g *glibc) atLeast(version string) bool {
	is, ok := g.least[version]
	if !ok {
		if g.least == nil {
			g.least = map[string]bool{}
		}
		is = root.CompareVersions(g.version, version) >= 0
		g.least[version] = is
	}
	return is
}

// dynamic hands the program to the loader that it names.
func (s *start) dynamic() {
	switch s.libc.Kind {
	case "glibc":
		s.runGlibc()
	case "musl":
		s.runMusl()
	default:
		s.limit(fmt.Sprintf("its interpreter %s is neither glibc's nor musl's loader: what it does is not known", s.libc.Interp))
		return
	}
	if s.ended() {
		return
	}
	if e := s.program.Facts.ELF; !entryInCode(e) {
		s.crash(Fault{Kind: FaultBadProgram, Stage: StageInit, Object: s.argv0,
			Detail: fmt.Sprintf("its entry point %#x lies in no executable segment", e.Header.Entry)}, "SIGSEGV")
		return
	}
	s.goRuntime()
	s.afterMain()
}

// Versions of glibc that are simulated.
const (
	oldestGlibc = "2.17"
	newestGlibc = "2.43"
)

func (s *start) runGlibc() {
	g := s.newGlibc()
	if !g.startup() {
		return
	}
	g.mapProgram()
	g.finish()
	s.open = g.opens
	s.damaged()
}

func (s *start) newGlibc() *glibc {
	g := &glibc{start: s, version: s.libc.Version}
	if len(s.libc.Dirs) == 0 {
		s.limit(fmt.Sprintf("the built-in directories of %s can't be told", s.libc.Interp))
	}
	switch {
	case g.version == "":
		s.limit(fmt.Sprintf("%s is glibc's loader, but its version can't be told", s.libc.Interp))
		if g.version = s.libc.Newest; g.version == "" {
			g.version = newestGlibc
		}
	case !g.atLeast(oldestGlibc), !(root.CompareVersions(g.version, newestGlibc) <= 0 || strings.HasPrefix(g.version, newestGlibc+".")):
		s.limit(fmt.Sprintf("glibc %s is outside the range of loaders that are simulated (%s to %s)", g.version, oldestGlibc, newestGlibc))
	}
	return g
}

// startup is what ld.so does before it looks at the program: its own CPU
// check, the kernel's version, the search paths.
func (g *glibc) startup() bool {
	if want := isaLevel(g.libcISA()); want > 1 {
		g.trace.CPUMatters = true
		if have := levelRank(g.level); have != 0 && have < want {
			g.end(Fault{Kind: FaultCPU, Stage: StageLibc, Object: g.libc.Interp, Level: levelName(want),
				Message: fmt.Sprintf("Fatal glibc error: CPU does not support x86-64-v%d", want),
				Detail:  fmt.Sprintf("the target's own C library needs a CPU of level %s", levelName(want))}, 127)
			return false
		}
	}
	if tag := g.libc.Facts.ELF.ABITag; tag != nil && !g.atLeast("2.36") && g.opt.Kernel != [3]uint32{} && kernelBelow(g.opt.Kernel, tag.Kernel) {
		g.end(Fault{Kind: FaultKernelTooOld, Stage: StageLibc, Object: g.libc.Interp, Message: "FATAL: kernel too old",
			Detail: fmt.Sprintf("the target's C library needs Linux %d.%d.%d", tag.Kernel[0], tag.Kernel[1], tag.Kernel[2])}, 127)
		return false
	}
	for _, name := range []string{"LD_TRACE_LOADED_OBJECTS", "LD_VERIFY", "LD_TRACE_PRELINKING"} {
		if v, ok := g.env(name); ok && v != "" && !g.secure {
			g.limit(name + " is set: the loader only lists what it would load, and main is never reached")
		}
	}
	return true
}

// libcISA is the level that ld.so was built for; it checks that and nothing
// else of itself (sysdeps/x86/dl-get-cpu-features.c, since 2.33).
func (g *glibc) libcISA() uint32 {
	if g.program.Facts.ELF.Machine != "x86-64" || !g.atLeast("2.33") {
		return 0
	}
	if g.libc.Facts.ELF.Opaque {
		return g.libc.ISA
	}
	return g.libc.Facts.ELF.X86ISA
}

func isaLevel(needed uint32) int {
	for level := 4; level > 0; level-- {
		if needed&(1<<(level-1)) != 0 {
			return level
		}
	}
	return 0
}

func levelName(level int) string { return fmt.Sprintf("x86-64-v%d", level) }

// mapProgram sets up the link map with the program and ld.so in it.
func (g *glibc) mapProgram() {
	e := g.program.Facts.ELF
	g.main = &linkMap{facts: g.program.Facts, elf: e, isMain: true, info: g.program.Info}
	g.main.origin = path.Dir(g.program.Info.Path)
	g.main.object = &Object{Path: g.argv0, Real: g.program.Info.Path, Facts: g.program.Facts}
	g.rtld = &linkMap{facts: g.libc.Facts, elf: g.libc.Facts.ELF, name: g.libc.Interp, names: []string{g.libc.Interp}, info: g.interp}
	g.rtld.object = &Object{Name: g.libc.Interp, Path: g.libc.Interp, Real: g.libc.Path, FoundBy: ByAbsolute, Facts: g.libc.Facts}
	g.maps = []*linkMap{g.main, g.rtld}
	g.initPaths()
}

// finish is rtld.c's dl_main from the preloads on.
func (g *glibc) finish() {
	if what := g.guttedProgram(); what != "" {
		g.crash(Fault{Kind: FaultCrash, Stage: StageLibc, Object: g.argv0, Detail: what}, "SIGSEGV")
		g.report()
		return
	}
	g.audit()
	preloads, ok := g.preload()
	if !ok {
		return
	}
	g.lastErrno = "" // _dl_map_object_deps
	if !g.mapDeps(preloads) {
		g.report()
		g.incomplete = true
		if !g.blind {
			g.checkVersions() // of what is there, for it comes next
		}
		return
	}
	g.report()
	if g.blind {
		return // the trace's limits say why
	}
	g.checkVersions()
	if g.ended() {
		g.lookAhead()
		return
	}
	g.checkISA()
	g.relocateAll()
	g.mixed()
}

// guttedProgram says what the loader misses in the program itself; it takes
// all of it for given.
func (g *glibc) guttedProgram() string {
	e := g.main.elf
	if e.Header.Type == 3 && !hasSegment(e, binary.PTPhdr) {
		return "it is position-independent and has no PT_PHDR: the loader can't tell where it lies"
	}
	if !hasSegment(e, binary.PTDynamic) {
		return "it has no dynamic section, and asks for a loader"
	}
	if readOnlyDynamic(e) {
		return "its dynamic section lies in a read-only segment, and the loader writes into it"
	}
	return gutted(e)
}

// readOnlyDynamic: the loader leaves the address of its list of objects in
// DT_DEBUG. Old versions of patchelf move the dynamic section of Go programs
// to where that can't be written.
func readOnlyDynamic(e *binary.ELF) bool {
	for _, d := range e.Segments {
		if d.Type != binary.PTDynamic || !hasTag(e, 21) {
			continue
		}
		for _, s := range e.Segments {
			if s.Type == binary.PTLoad && d.Vaddr >= s.Vaddr && d.Vaddr-s.Vaddr < s.Memsz {
				return s.Flags&2 == 0
			}
		}
	}
	return false
}

// lookAhead: after a version that is missing nothing more happens, but what
// would come next is worth knowing.
func (g *glibc) lookAhead() {
	g.checkISA()
	g.relocateAll()
}

// report lists the objects as the loader's link map has them: ld.so at the
// place where something needs it (rtld.c, dl_main), else not at all.
func (g *glibc) report() {
	var list []*linkMap
	for _, m := range g.maps {
		if m != g.rtld {
			list = append(list, m)
		}
	}
	search := g.search
	// Since 2.41 it is in the list whether something needs it or not.
	if g.atLeast("2.41") && !slices.Contains(search, g.rtld) {
		search = append(slices.Clone(search), g.rtld)
	}
	for i, m := range search {
		if m == g.rtld && i > 0 {
			before := search[i-1]
			for j := range list {
				if list[j] == before {
					list = append(list[:j+1], append([]*linkMap{g.rtld}, list[j+1:]...)...)
					break
				}
			}
			break
		}
	}
	g.maps = slices.DeleteFunc(slices.Clone(list), func(m *linkMap) bool { return m.missing })
	for _, m := range list {
		for _, n := range m.needed {
			m.object.Needs = append(m.object.Needs, n.object)
		}
		g.trace.Objects = append(g.trace.Objects, m.object)
	}
}

// frame is fatal_error of dl-error-skeleton.c; name is the object's.
func (g *glibc) frame(occasion, object, text string, errno root.Errno) string {
	line := occasion + ": "
	if object != "" {
		line += object + ": "
	}
	line += text
	if errno != "" {
		line += ": " + g.strerror(errno)
	}
	if g.dlopened {
		return strings.TrimPrefix(line, occasion+": ")
	}
	return g.argv0 + ": " + line
}

const (
	occasionLoad   = "error while loading shared libraries"
	occasionSymbol = "symbol lookup error"
)

// strerror of ld.so knows six errors (elf/dl-minimal.c); a dlopen happens in
// libc, which knows all.
func (g *glibc) strerror(errno root.Errno) string {
	switch errno {
	case root.ENOMEM, root.EINVAL, root.ENOENT, root.EPERM, root.EIO, root.EACCES:
		return errno.Strerror()
	}
	if g.dlopened {
		return errno.Strerror()
	}
	return fmt.Sprintf("Error %d", map[root.Errno]int{root.EISDIR: 21, root.ENOTDIR: 20, root.ELOOP: 40, root.ENAMETOOLONG: 36,
		root.ENXIO: 6, root.ENODEV: 19, root.ENOEXEC: 8}[errno])
}

// chain names the way from the program to m.
func chain(m *linkMap) []string {
	var names []string
	for ; m != nil; m = m.loader {
		name := path.Base(m.object.Path)
		names = append([]string{name}, names...)
	}
	return names
}
