package loader

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

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
	if bad == nil && errno == root.ENOENT && m.perhaps(ALibrary, name) {
		if by != nil {
			m.assumed(name, by)
		}
		return
	}
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
	m.missing = append(m.missing, missingAt{len(m.dsos), &Object{Name: name, Parent: parent, Missing: true, Tried: tried}})
	m.failed = true
	m.print(f.Message)
	m.fault(f)
}

// assumed stands for a library that may be there: nothing is known of it.
func (m *musl) assumed(name string, by *dso) {
	facts := &binary.Facts{ELF: &binary.ELF{Machine: by.elf.Machine, Class: by.elf.Class, Dynamic: true, Opaque: true}}
	d := &dso{facts: facts, elf: facts.ELF, name: name, short: name, neededBy: by, depsDone: true, assumed: true}
	d.object = &Object{Name: name, Parent: by.object, Missing: true, Facts: facts}
	m.dsos = append(m.dsos, d)
}

// muslStrerror: musl's own words where they differ (src/errno/__strerror.h).
func muslStrerror(e root.Errno) string {
	switch e {
	case noError:
		return "No error information"
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
