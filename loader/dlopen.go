package loader

import (
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// opener answers whether a dlopen by a loaded object would find a file; it is
// set by the loader that was simulated.
type opener func(by *Object, name string) (found bool, message string, tried []Attempt)

// dlopens tells of libraries that the program opens at run time and the tree
// lacks: by its notes, and by names that its code passes to dlopen.
func (s *start) dlopens() {
	if s.trace.Static || s.open == nil {
		return
	}
	told := map[string]bool{}
	for _, o := range s.trace.Objects {
		if o.Facts == nil || o.Facts.ELF == nil {
			continue
		}
		for _, n := range o.Facts.ELF.DlopenNotes {
			for _, name := range n.Soname {
				told[name] = true
			}
			s.dlopenNote(o, n)
		}
	}
	program := s.trace.Objects[0]
	for _, name := range program.Facts.ELF.DlopenStrings {
		if told[name] {
			continue
		}
		if found, message, tried := s.open(program, name); !found && !s.perhapsData(ADlopen, name) {
			s.fault(Fault{Kind: FaultDlopenMissing, Stage: AfterStart, Object: s.argv0, NeededBy: s.argv0, Library: name, Message: message, Tried: tried,
				Detail: fmt.Sprintf("its code opens %s at run time, which is not there; whether that call is reached, and whether it matters, is not known", name)})
		}
	}
}

func (s *start) dlopenNote(o *Object, n binary.DlopenNote) {
	var first Fault
	for i, name := range n.Soname {
		found, message, tried := s.open(o, name)
		if found || s.perhapsData(ADlopen, name) {
			return
		}
		if i == 0 {
			first = Fault{Library: name, Message: message, Tried: tried}
		}
	}
	what := strings.TrimSpace(n.Feature + " " + n.Description)
	if what != "" {
		what = " for " + what
	}
	first.Kind, first.Stage, first.Object, first.NeededBy, first.Priority = FaultDlopenMissing, AfterStart, o.Path, o.Path, n.Priority
	first.Detail = fmt.Sprintf("it notes that it opens %s at run time (%s%s), and none of it is there", strings.Join(n.Soname, " or "), n.Priority, what)
	s.fault(first)
}

// Interpreters by machine: where a plain program of the machine looks for its
// loader (each psABI; musl's ldso names).
var glibcLoaders = map[string][]string{
	"x86-64": {"/lib64/ld-linux-x86-64.so.2"}, "x32": {"/libx32/ld-linux-x32.so.2"}, "i386": {"/lib/ld-linux.so.2"},
	"aarch64": {"/lib/ld-linux-aarch64.so.1"}, "arm": {"/lib/ld-linux-armhf.so.3", "/lib/ld-linux.so.3"},
	"riscv64": {"/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld-linux-riscv64-lp64.so.1"}, "s390x": {"/lib/ld64.so.1"},
	"ppc64le": {"/lib64/ld64.so.2"}, "ppc64": {"/lib64/ld64.so.1"}, "loongarch64": {"/lib64/ld-linux-loongarch-lp64d.so.1"},
	"mips64le": {"/lib64/ld.so.1", "/lib64/ld-linux-mipsn8.so.1"}, "mipsle": {"/lib/ld.so.1", "/lib/ld-linux-mipsn8.so.1"}, "sparc64": {"/lib64/ld-linux.so.2"},
}

var muslLoaders = map[string][]string{
	"x86-64": {"/lib/ld-musl-x86_64.so.1"}, "i386": {"/lib/ld-musl-i386.so.1"}, "aarch64": {"/lib/ld-musl-aarch64.so.1"},
	"arm": {"/lib/ld-musl-armhf.so.1", "/lib/ld-musl-arm.so.1"}, "riscv64": {"/lib/ld-musl-riscv64.so.1"}, "s390x": {"/lib/ld-musl-s390x.so.1"},
	"ppc64le": {"/lib/ld-musl-powerpc64le.so.1"}, "loongarch64": {"/lib/ld-musl-loongarch64.so.1"},
}

// dlopen judges the subject as a library that a plain program of its libc
// opens by its path, everything bound at once.
func (s *start) dlopen() {
	e := s.subject.Facts.ELF
	s.program = &root.Object{Info: s.subject.Info, Facts: s.subject.Facts}
	s.trace.Program = s.program
	if !kernelRuns(s.opt.Machine, e.Machine) {
		s.refuse(FaultWrongMachine, root.ENOEXEC, Fault{Object: s.argv0,
			Detail: fmt.Sprintf("it is for %s, the system is %s", e.Machine, s.opt.Machine)})
		return
	}
	candidates := s.loaderCandidates(e)
	for _, interp := range candidates {
		info, err := s.lookup(interp)
		if err == nil {
			s.libc, err = s.tree.Libc(interp, info)
		}
		if ours(err) {
			s.limit(err.Error())
			return
		}
		l := s.libc
		if err != nil || l.Kind == "other" {
			continue
		}
		s.interp, s.trace.Libc = info, l
		s.program = plainProgram(e, interp)
		if l.Kind == "musl" {
			s.muslDlopen()
		} else {
			s.glibcDlopen()
		}
		s.damaged()
		return
	}
	interp := ""
	if len(candidates) > 0 {
		interp = candidates[0]
	}
	s.refuse(FaultInterpMissing, root.ENOENT, Fault{Object: interp, Library: interp, NeededBy: s.argv0,
		Detail: fmt.Sprintf("no program that could open it starts: the target has no loader for %s (%s)", e.Machine, interp)})
}

// loaderCandidates: musl's for a library that needs musl's libc, glibc's for
// one that needs glibc's, both for one that needs neither.
func (s *start) loaderCandidates(e *binary.ELF) []string {
	glibc, musl := glibcLoaders[e.Machine], muslLoaders[e.Machine]
	for _, n := range e.Needed {
		switch {
		case n == "libc.so" || strings.HasPrefix(n, "libc.musl-"):
			return musl
		case n == "libc.so.6" || strings.HasPrefix(n, "ld-linux"):
			return glibc
		}
	}
	return append(slices.Clone(glibc), musl...)
}

// plainProgram is a program of the library's machine that needs libc alone.
func plainProgram(e *binary.ELF, interp string) *root.Object {
	soname := "libc.so.6"
	if strings.Contains(interp, "ld-musl-") {
		soname = "libc.so"
	}
	p := &binary.ELF{Header: plainHeader(e), Class: e.Class, Order: e.Order, Machine: e.Machine, Kind: binary.KindExec,
		Interp: interp, HasInterp: true, Dynamic: true, Needed: []string{soname}, Tags: []binary.DynTag{{Tag: 1}, {Tag: 5}}}
	return &root.Object{Info: root.Info{Path: "/usr/local/bin/program", Mode: root.ModeReg | 0o755}, Facts: &binary.Facts{Format: binary.FormatELF, ELF: p}}
}

// plainHeader is a sound header of the library's kind: its own may be damaged.
func plainHeader(e *binary.ELF) binary.Header {
	h := binary.Header{Ident: make([]byte, 16), Type: 2, Machine: e.Header.Machine, Version: 1, Flags: e.Header.Flags, Ehsize: 64, Phentsize: 56, Phnum: 1}
	copy(h.Ident, "\x7fELF\x02\x01\x01")
	if e.Class == 32 {
		h.Ident[4], h.Ehsize, h.Phentsize = 1, 52, 32
	}
	if e.Order == "big" {
		h.Ident[5] = 2
	}
	return h
}

func (s *start) glibcDlopen() {
	g := s.newGlibc()
	if e := s.program.Facts.ELF; !g.atLeast("2.34") {
		// Whoever calls dlopen has it from there.
		e.Needed, e.Tags = append(e.Needed, "libdl.so.2"), append(e.Tags, binary.DynTag{Tag: 1})
	}
	library := s.argv0
	s.argv0 = "/usr/local/bin/program"
	if !g.startup() {
		return
	}
	g.mapProgram()
	if !g.mapDeps(nil) {
		g.report()
		s.limit("a plain program does not start on this target: its own libc is not found")
		return
	}
	global := g.search
	g.dlopened = true
	m, err := g.mapObject(library, g.main, false)
	if err != nil && err.ours {
		return
	}
	if err != nil {
		g.missing(err, g.main, library)
		g.report()
		return
	}
	if m == nil {
		return // the kernel's own object
	}
	m.object.Parent = nil
	m.loader = nil
	for _, x := range g.maps {
		x.reserved, x.visited = false, false
	}
	g.main, g.search = m, nil
	m.isMain = false
	complete := g.mapDepsOf(m)
	g.openedOnly()
	if !complete || g.blind {
		return
	}
	g.checkVersionsOf(g.search)
	g.checkISA()
	// The program's list comes before the library's own.
	own := g.search
	g.search = append(slices.Clone(global), own...)
	g.relocateNow()
	if !s.ended() {
		g.staticTLS(newScope(g), fresh(g.initOrder, global))
	}
	if !s.ended() {
		s.open = g.opens
		s.dlopens()
	}
}

// mapDepsOf is mapDeps for a library that is opened.
func (g *glibc) mapDepsOf(m *linkMap) bool {
	m.reserved = true
	complete := g.walkNeeds([]*listEntry{{m: m}})
	for _, x := range g.maps {
		x.visited = false
	}
	g.initOrder = sortDFS(slices.Clone(g.search))
	return complete
}

// fresh are the objects that were not there before.
func fresh(all, before []*linkMap) []*linkMap {
	return slices.DeleteFunc(slices.Clone(all), func(m *linkMap) bool { return contains(before, m) })
}

// openedOnly lists what the library needs, itself first.
func (g *glibc) openedOnly() {
	g.trace.Objects = nil
	for _, m := range g.search {
		for _, n := range m.needed {
			m.object.Needs = append(m.object.Needs, n.object)
		}
		g.trace.Objects = append(g.trace.Objects, m.object)
	}
	g.trace.Objects[0].Name = ""
	for _, m := range g.maps {
		if m.missing {
			g.trace.Objects = append(g.trace.Objects, m.object)
		}
	}
	g.maps = slices.DeleteFunc(g.maps, func(m *linkMap) bool { return m.missing })
}

func (g *glibc) checkVersionsOf(list []*linkMap) {
	for _, m := range list {
		if bad, fatal := g.versionsOf(m); bad || fatal {
			for i := range g.trace.Faults {
				if f := &g.trace.Faults[i]; f.Stage == StageVersion && f.Kind != FaultVersionWarning {
					f.Fatal = true
				}
			}
			if g.trace.ExitStatus == 0 {
				g.trace.ExitStatus = 1
			}
		}
	}
}

func (g *glibc) relocateNow() {
	sc := newScope(g)
	for i := len(g.initOrder) - 1; i >= 0; i-- {
		if m := g.initOrder[i]; m != g.rtld {
			g.relocate(sc, m, false)
		}
	}
}

// opens answers for glibc: the search of the calling object.
func (g *glibc) opens(by *Object, name string) (bool, string, []Attempt) {
	asker := g.main
	for _, m := range g.maps {
		if m.object == by {
			asker = m
		}
		if m.name == name || slices.Contains(m.names, name) {
			return true, "", nil
		}
		if soname, ok := m.soname(); ok && soname == name {
			return true, "", nil
		}
	}
	_, err := g.find(name, asker, false)
	if err == nil || err.ours {
		return true, "", nil
	}
	was := g.dlopened
	g.dlopened = true
	message := g.frame(occasionLoad, err.object, err.text, err.errno)
	g.dlopened = was
	return false, message, err.tried
}

func (s *start) muslDlopen() {
	m := s.newMusl()
	library := s.argv0
	s.argv0, s.execfn = "/usr/local/bin/program", "/usr/local/bin/program"
	m.setup()
	m.deps()
	if m.failed {
		s.limit("a plain program does not start on this target: its own libc is not found")
		return
	}
	start := len(m.dsos)
	m.dlopened = true
	d := m.load(library, nil)
	if d != nil {
		d.object.FoundBy, d.object.Name = ByAbsolute, ""
		m.deps()
	}
	m.trace.Objects = m.withMissing(start)
	if m.blind {
		return
	}
	for _, x := range m.dsos[start:] {
		if x != m.self {
			m.bind(x)
			m.initialExec(x, m.dsos[start:])
		}
	}
	if m.failed && !s.ended() {
		s.trace.ExitStatus = 127
	}
	if !s.ended() {
		s.open = m.opens
		s.dlopens()
	}
}

// opens answers for musl.
func (m *musl) opens(by *Object, name string) (bool, string, []Attempt) {
	asker := m.app
	for _, d := range m.dsos {
		if d.object == by {
			asker = d
		}
		if d.short == name {
			return true, "", nil
		}
	}
	if isMuslLibc(name) {
		return true, "", nil
	}
	message := fmt.Sprintf("Error loading shared library %s: %s", name, muslStrerror(root.ENOENT))
	if strings.Contains(name, "/") {
		info, err := m.tree.Stat(m.abs(name), m.cred())
		if ours(err) {
			m.limit(err.Error())
			return true, "", nil
		}
		return err == nil && info.Regular(), message, []Attempt{{Path: name, By: ByAbsolute, Result: errnoOrFound(err)}}
	}
	_, _, tried, errno := m.search(name, asker)
	return errno == "" || errno == unread, message, tried
}

func errnoOrFound(err error) string {
	if err == nil {
		return "found"
	}
	return errnoName(err)
}
