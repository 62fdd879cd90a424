package loader

import (
	"fmt"
	"path"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// opened is what open_verify gives for a file that can be mapped.
type opened struct {
	path  string
	info  root.Info
	facts *binary.Facts
	by    FoundBy
}

// loadError is what _dl_signal_error carries.
type loadError struct {
	object string
	text   string
	errno  root.Errno
	kind   FaultKind
	path   string // the file at fault
	tried  []Attempt
	signal string // it does not refuse, it crashes
	ours   bool   // not the tree's failure but this machine's: nothing is known
}

// search1 is one search for a name: what was tried, and how it ended.
type search1 struct {
	g          *glibc
	name       string
	asker      *linkMap // the loading object
	tried      []Attempt
	otherClass bool
	blind      bool // a candidate could not be read here
	secure     bool // __RTLD_SECURE: a preload
}

func (q *search1) note(path string, d dirElem, result string) {
	q.tried = append(q.tried, Attempt{Path: path, By: d.by, Of: d.of, Result: result})
}

// verify is open_verify: nil and no error mean that the search goes on.
func (q *search1) verify(name string, d dirElem) (*opened, *loadError) {
	g := q.g
	info, err := g.tree.Stat(g.abs(name), g.cred())
	if err == nil && !info.Readable(g.cred()) {
		err = root.EACCES
	}
	if err != nil {
		q.fail(name, d, err)
		return nil, nil
	}
	if info.IsDir() {
		return nil, q.refuse(name, d, "cannot read file data", root.EISDIR)
	}
	if !info.Regular() {
		if info.Mode&root.ModeFmt == 0o010000 {
			q.g.limit(name + " is a fifo: the loader waits for ever when it opens it")
		}
		return nil, q.refuse(name, d, "file too short", "")
	}
	facts, err := g.factsOf(info)
	if err != nil {
		q.fail(name, d, err)
		return nil, nil
	}
	text, errno, skip := g.header(facts)
	switch {
	case skip != "":
		q.otherClass = q.otherClass || skip == skipClass
		g.lastErrno = root.ENOENT
		q.note(name, d, skip)
		return nil, nil
	case text != "":
		return nil, q.refuse(name, d, text, errno)
	}
	g.lastErrno = "" // open_verify clears it
	q.note(name, d, "found")
	return &opened{path: name, info: info, facts: facts, by: d.by}, nil
}

func (q *search1) fail(name string, d dirElem, err error) {
	errno := errnoOf(err)
	if ours(err) {
		q.g.limit(err.Error())
		q.blind, q.g.blind = true, true
		errno = root.ENOENT
	}
	q.g.lastErrno = errno
	q.note(name, d, string(errno))
}

func (q *search1) refuse(name string, d dirElem, text string, errno root.Errno) *loadError {
	q.note(name, d, text)
	return &loadError{object: name, text: text, errno: errno, kind: FaultLibraryUnusable, path: name, tried: q.tried}
}

const (
	skipClass   = "wrong ELF class"
	skipMachine = "wrong machine"
	skipKernel  = "its ABI tag asks for a newer kernel"
	skipFloat   = "other ABI of the machine"
)

// header is the part of open_verify that looks at the file: a refusal with
// its text, or a reason to pass the file over.
func (g *glibc) header(f *binary.Facts) (text string, errno root.Errno, skip string) {
	e, prog := f.ELF, g.program.Facts.ELF
	size := int64(64)
	if prog.Class == 32 {
		size = 52
	}
	if f.Size < size {
		return "file too short", "", ""
	}
	if e == nil {
		return "invalid ELF header", "", ""
	}
	id := e.Header.Ident
	class, data := byte(prog.Class/32), byte(1)
	if prog.Order == "big" {
		data = 2
	}
	switch {
	case id[4] != class:
		return "", "", skipClass
	case id[5] != data && data == 1:
		return "ELF file data encoding not little-endian", "", ""
	case id[5] != data:
		return "ELF file data encoding not big-endian", "", ""
	case id[6] != 1:
		return "ELF file version ident does not match current one", "", ""
	case id[7] != 0 && id[7] != 3 && !armOSABI(prog.Machine, id[7]):
		return "ELF file OS ABI invalid", "", ""
	case id[8] != 0 && (id[7] != 3 || id[8] >= 4):
		return "ELF file ABI version invalid", "", ""
	case string(id[9:16]) != "\x00\x00\x00\x00\x00\x00\x00":
		return "nonzero padding in e_ident", "", ""
	case e.Header.Version != 1:
		return "ELF file version does not match current one", "", ""
	case e.Machine != prog.Machine:
		return "", "", skipMachine
	case !sameFlags(prog, e):
		return "", "", skipFloat
	case e.Header.Type != 3 && e.Header.Type != 2:
		return "only ET_DYN and ET_EXEC can be loaded", "", ""
	case e.Header.Phentsize != prog.Header.Phentsize:
		return "ELF file's phentsize not the expected size", "", ""
	case e.Header.Phnum > 0 && len(e.Segments) == 0:
		return "cannot read file data", "", ""
	}
	if !g.atLeast("2.36") && g.newerKernel(e) {
		return "", "", skipKernel
	}
	return "", "", ""
}

// armOSABI: 32-bit ARM had its own number before EABI 5.
func armOSABI(machine string, abi byte) bool { return machine == "arm" && abi == 97 }

// sameFlags is elf_machine_matches_host where e_flags part ABIs of one
// machine: ARM's hard and soft float, RISC-V's float ABI, ppc64's ABI.
func sameFlags(a, b *binary.ELF) bool {
	x, y := a.Header.Flags, b.Header.Flags
	switch a.Machine {
	case "arm":
		const soft, hard = 0x200, 0x400
		return x&(soft|hard) == 0 || y&(soft|hard) == 0 || x&(soft|hard) == y&(soft|hard)
	case "riscv64", "riscv32":
		return x&0x6 == y&0x6
	}
	return true
}

// newerKernel: up to glibc 2.35 a library whose ABI note asks for a newer
// kernel is passed over in silence.
func (g *glibc) newerKernel(e *binary.ELF) bool {
	v, assumes := g.env("LD_ASSUME_KERNEL")
	if e.ABITag == nil {
		if e.Opaque && assumes && !g.secure {
			g.limit("LD_ASSUME_KERNEL is set: which libraries glibc passes over then, the target's evidence does not tell")
		}
		return false
	}
	kernel := g.opt.Kernel
	if assumes && !g.secure {
		if assumed, ok := parseKernel(v); ok {
			kernel = assumed
		}
	}
	return e.ABITag.OS != 0 || kernel != [3]uint32{} && kernelBelow(kernel, e.ABITag.Kernel)
}

// openPath is open_path: each directory, with its hardware subdirectories
// first. It ends early at a directory where a file could not be opened for
// another reason than that it is not there.
func (q *search1) openPath(dirs []dirElem) (*opened, *loadError) {
	for _, d := range dirs {
		hereAny := false
		q.otherLevels(d)
		for _, cap := range q.g.hwcaps {
			dir := d.name + cap
			exists := dir == "" || q.isDir(dir)
			if !exists {
				q.g.lastErrno = root.ENOENT
				if cap == "" {
					q.note(dir+q.name, d, string(root.ENOENT))
				}
				continue
			}
			hereAny = true
			o, err := q.verify(dir+q.name, d)
			if err != nil {
				return nil, err
			}
			if o != nil && q.secure && q.g.secure && o.info.Mode&root.ModeSetuid == 0 {
				q.note(o.path, d, "not set-user-id, so not for a secure preload")
				o, q.g.lastErrno = nil, root.ENOENT
			}
			if o != nil {
				q.g.trace.CPUMatters = q.g.trace.CPUMatters || strings.HasPrefix(cap, "glibc-hwcaps/")
				return o, nil
			}
		}
		if hereAny && q.g.lastErrno != root.ENOENT && q.g.lastErrno != root.EACCES {
			return nil, nil
		}
	}
	return nil, nil
}

// otherLevels: a CPU of a higher level would look into this directory's
// glibc-hwcaps first, and find the name there.
func (q *search1) otherLevels(d dirElem) {
	g := q.g
	if g.trace.CPUMatters || g.program.Facts.ELF.Machine != "x86-64" || !g.atLeast("2.33") || !q.isDir(d.name+"glibc-hwcaps/") {
		return
	}
	for level := 2; level <= 4; level++ {
		_, err := g.tree.Lstat(g.abs(d.name+"glibc-hwcaps/"+levelName(level)+"/"+q.name), g.cred())
		g.trace.CPUMatters = g.trace.CPUMatters || err == nil
	}
}

// isDir says whether a directory exists, from the working directory.
func (q *search1) isDir(name string) bool {
	if is, ok := q.g.dirs[name]; ok {
		return is
	}
	info, err := q.g.tree.Stat(q.g.abs(strings.TrimSuffix(name, "/")+"/"), q.g.cred())
	if ours(err) {
		q.g.limit(err.Error())
		q.blind, q.g.blind = true, true
	}
	is := err == nil && info.IsDir()
	if !ours(err) {
		if q.g.dirs == nil {
			q.g.dirs = map[string]bool{}
		}
		q.g.dirs[name] = is
	}
	return is
}

// find is the search of _dl_map_object for a name that is not loaded yet.
func (g *glibc) find(name string, asker *linkMap, secure bool) (*opened, *loadError) {
	q := &search1{g: g, name: name, asker: asker, secure: secure}
	var o *opened
	var err *loadError
	if strings.Contains(name, "/") {
		expanded, ok := g.expand(name, asker)
		if ok && expanded != "" {
			o, err = q.verify(expanded, dirElem{by: ByAbsolute})
		}
	} else {
		o, err = q.places()
	}
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, q.notFound()
	}
	return o, nil
}

func (q *search1) notFound() *loadError {
	e := &loadError{ours: q.blind, object: q.name, text: "cannot open shared object file", errno: q.g.lastErrno, kind: FaultLibraryMissing, tried: q.tried}
	if q.otherClass {
		e.kind, e.errno = FaultLibraryUnusable, ""
		e.text = "wrong ELF class: ELFCLASS32"
		if q.g.program.Facts.ELF.Class == 32 {
			e.text = "wrong ELF class: ELFCLASS64"
		}
		for _, t := range q.tried {
			if t.Result == skipClass {
				e.path = t.Path
			}
		}
	}
	return e
}

// places goes through all lists in _dl_map_object's order.
func (q *search1) places() (*opened, *loadError) {
	g := q.g
	lists := [][]dirElem{}
	if q.asker.elf.Runpath == nil {
		didMain := false
		for m := q.asker; m != nil; m = m.loader {
			if dirs := g.rpathOf(m); len(dirs) > 0 {
				lists = append(lists, dirs)
				didMain = didMain || m.isMain
			}
		}
		if !didMain {
			lists = append(lists, g.rpathOf(g.main))
		}
	}
	lists = append(lists, g.envDirs, g.runpathOf(q.asker))
	for _, dirs := range lists {
		if o, err := q.openPath(dirs); o != nil || err != nil {
			return o, err
		}
	}
	noDefault := q.asker.elf.Flags1&binary.DF1NoDefLib != 0
	if o, err := q.fromCache(noDefault); o != nil || err != nil {
		return o, err
	}
	if noDefault {
		return nil, nil
	}
	return q.openPath(g.systemDirs)
}

func (q *search1) fromCache(noDefault bool) (*opened, *loadError) {
	g := q.g
	if q.secure && g.secure {
		return nil, nil
	}
	file, matters := g.cached(q.name)
	if g.cacheUnread {
		q.blind, g.blind = true, true
	}
	g.trace.CPUMatters = g.trace.CPUMatters || matters
	if file == "" {
		return nil, nil
	}
	d := dirElem{by: ByCache}
	if noDefault {
		for _, dir := range g.libc.Dirs {
			if strings.HasPrefix(file, dir) {
				q.note(file, d, "NODEFLIB: not from a system directory")
				return nil, nil
			}
		}
	}
	return q.verify(file, d)
}

// mapFile is _dl_map_object_from_fd: the checks on the program headers, and
// what mapping them does.
func (g *glibc) mapFile(name string, o *opened, asker *linkMap) (*linkMap, *loadError) {
	for _, m := range g.maps {
		if !m.isMain && !m.missing && m != g.rtld && m.info.ID == o.info.ID {
			m.names = append(m.names, name)
			return m, nil
		}
	}
	e := o.facts.ELF
	if text, kind := g.unmappable(e); text != "" {
		errno := root.Errno("")
		if kind == FaultExecStack {
			errno = root.EINVAL
		}
		return nil, &loadError{object: name, text: text, errno: errno, kind: kind, path: o.path}
	}
	if g.opt.Noexec != nil && g.opt.Noexec(o.info.Path) && hasCode(e) {
		return nil, &loadError{object: name, text: "failed to map segment from shared object", errno: root.EPERM, kind: FaultLibraryUnusable, path: o.path}
	}
	if huge(e) {
		return nil, &loadError{object: name, text: "cannot map zero-fill pages", kind: FaultLibraryUnusable, path: o.path}
	}
	if what := g.crashes(o); what != "" {
		return nil, &loadError{object: name, text: what, kind: FaultCrash, path: o.path, signal: "SIGBUS"}
	}
	if what := gutted(e); what != "" {
		return nil, &loadError{object: name, text: what, kind: FaultCrash, path: o.path, signal: "SIGSEGV"}
	}
	m := &linkMap{facts: o.facts, elf: e, name: o.path, names: []string{name}, info: o.info, loader: asker, origin: g.originOf(o.path)}
	m.object = &Object{Name: name, Path: o.path, Real: o.info.Path, FoundBy: o.by, Facts: o.facts}
	if asker != nil {
		m.object.Parent = asker.object
	}
	g.maps = append(g.maps, m)
	return m, nil
}

// huge: a segment that no machine has the memory for.
func huge(e *binary.ELF) bool {
	for _, s := range e.Segments {
		if s.Type == binary.PTLoad && s.Memsz >= 1<<40 {
			return true
		}
	}
	return false
}

// gutted says which table the loader follows without asking whether it is
// there.
func gutted(e *binary.ELF) string {
	switch {
	case !e.Dynamic:
		return "its dynamic section lies outside the file"
	case !hasTag(e, 5):
		return "its dynamic section names no string table (DT_STRTAB)"
	case !hasTag(e, 6):
		return "its dynamic section names no symbol table (DT_SYMTAB)"
	case versioned(e) && !hasTag(e, 0x6ffffff0):
		return "it has versions, and no table that gives them to symbols (DT_VERSYM)"
	}
	return ""
}

func hasCode(e *binary.ELF) bool {
	for _, s := range e.Segments {
		if s.Type == binary.PTLoad && s.Flags&1 != 0 {
			return true
		}
	}
	return false
}

// originOf is the directory of a library as it was found, links unresolved.
func (g *glibc) originOf(file string) string { return path.Dir(g.absKeep(file)) }

// absKeep is a path from the working directory with its dots kept.
func (g *glibc) absKeep(file string) string {
	if strings.HasPrefix(file, "/") {
		i := strings.LastIndexByte(file, '/')
		return file[:max(i, 0)] + "/x"
	}
	return strings.TrimSuffix(g.opt.Cwd, "/") + "/" + file
}

// unmappable gives the text with which the program headers are refused.
func (g *glibc) unmappable(e *binary.ELF) (string, FaultKind) {
	loads, emptyDynamic, hasDynamic := 0, false, false
	page := g.pageSize(e)
	for _, s := range e.Segments {
		switch s.Type {
		case binary.PTLoad:
			kind := FaultLibraryUnusable
			if page > 4096 && s.Align%4096 == 0 && (s.Vaddr-s.Off)%4096 == 0 {
				kind = FaultPageSize
			}
			if !g.atLeast("2.35") && s.Align&(page-1) != 0 {
				return "ELF load command alignment not page-aligned", kind
			}
			if !g.atLeast("2.35") && s.Align != 0 && (s.Vaddr-s.Off)&(s.Align-1) != 0 {
				return "ELF load command address/offset not properly aligned", FaultLibraryUnusable
			}
			if (s.Vaddr-s.Off)&(page-1) != 0 {
				return "ELF load command address/offset not page-aligned", kind
			}
			loads++
		case binary.PTDynamic:
			if s.Filesz == 0 {
				emptyDynamic = true
			} else {
				hasDynamic = true
			}
		}
	}
	switch {
	case loads == 0:
		return "object file has no loadable segments", FaultLibraryUnusable
	case e.Header.Type != 3:
		return "cannot dynamically load executable", FaultLibraryUnusable
	case !hasDynamic || emptyDynamic && g.atLeast("2.31"):
		return "object file has no dynamic section", FaultLibraryUnusable
	case e.Flags1&binary.DF1PIE != 0 && g.atLeast("2.30"):
		return "cannot dynamically load position-independent executable", FaultLibraryUnusable
	case g.dlopened && e.Flags1&binary.DF1NoOpen != 0:
		return "shared object cannot be dlopen()ed", FaultLibraryUnusable
	case g.dlopened && g.atLeast("2.41") && strings.Contains(stackFlags(e), "x"):
		return "cannot enable executable stack as shared object requires", FaultExecStack
	}
	return "", 0
}

// stackFlags: without PT_GNU_STACK the stack is executable on the machines
// where that was once usual.
func stackFlags(e *binary.ELF) string {
	if e.GNUStack == "" && (e.Machine == "x86-64" || e.Machine == "i386" || e.Machine == "arm") {
		return "rwx"
	}
	return e.GNUStack
}

// crashes says why mapping or reading the file would be a SIGBUS: what it
// needs lies in pages behind the end of the file.
func (g *glibc) crashes(o *opened) string {
	page := g.pageSize(o.facts.ELF)
	for _, s := range o.facts.ELF.Segments {
		if s.Type == binary.PTLoad && beyond(s, o.facts.Size, page) {
			return fmt.Sprintf("a segment of %d bytes at offset %d reaches beyond the end of the file (%d bytes)", s.Filesz, s.Off, o.facts.Size)
		}
	}
	return ""
}
