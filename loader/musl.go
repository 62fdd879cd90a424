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
	missing  []missingAt
	failed   bool // an error was printed: the exit is 127 once all are
	dlopened bool
}

// missingAt is what was not found, and how many objects were loaded before.
type missingAt struct {
	after  int
	object *Object
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
	assumed   bool // nothing is known of it, not even that it is there
	deps      []*dso
	object    *Object
}

func (s *start) runMusl() {
	m := s.newMusl()
	m.run()
	s.open = m.opens
	s.damaged()
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
	}
	m.trace.Objects = m.withMissing(0)
}

// withMissing lists the objects from one on, with what was not found at its
// place.
func (m *musl) withMissing(from int) []*Object {
	var list []*Object
	next := 0
	for i, d := range m.dsos {
		for ; next < len(m.missing) && m.missing[next].after <= i; next++ {
			list = append(list, m.missing[next].object)
		}
		if i >= from {
			list = append(list, d.object)
		}
	}
	for ; next < len(m.missing); next++ {
		list = append(list, m.missing[next].object)
	}
	return list
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
	switch {
	case m.blind:
		return nil
	case err != "":
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
			e := errnoOf(err)
			if ours(err) {
				m.limit(err.Error())
				m.blind, e = true, unread
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
	last := noError // nothing was opened, so nothing failed
	if n := len(tried); n > 0 {
		last = root.Errno(tried[n-1].Result)
	}
	return "", "", tried, last
}

// noError is errno 0.
const noError root.Errno = "none"

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
		// The name of a set-user-id program is in its caller's hands.
		return path.Dir(m.program.Info.Path), !m.secure
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
	case ours(err):
		m.limit(err.Error())
		m.blind = true
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
