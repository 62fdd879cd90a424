package loader

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// mapObject is _dl_map_object: a loaded object of that name, or a search.
func (g *glibc) mapObject(name string, asker *linkMap, secure bool) (*linkMap, *loadError) {
	if name == "" {
		return g.main, nil // the program's own name in the link map
	}
	if name == vdsoNames[g.program.Facts.ELF.Machine] {
		return nil, nil // the kernel's object is in the link map, and in no file
	}
	for _, m := range g.maps {
		if m.missing {
			continue
		}
		if slices.Contains(m.names, name) || m.name == name && name != "" {
			return m, nil
		}
		if soname, ok := m.soname(); ok && soname == name {
			m.names = append(m.names, name)
			if m == g.rtld && m.object.Name == g.libc.Interp {
				m.object.Name = name
				m.object.Parent = asker.object
			}
			return m, nil
		}
	}
	o, err := g.find(name, asker, secure)
	if err != nil {
		return nil, err
	}
	return g.mapFile(name, o, asker)
}

// vdsoNames are the sonames of the object that the kernel maps.
var vdsoNames = map[string]string{"x86-64": "linux-vdso.so.1", "x32": "linux-vdso.so.1", "i386": "linux-gate.so.1", "aarch64": "linux-vdso.so.1",
	"arm": "linux-vdso.so.1", "riscv64": "linux-vdso.so.1", "s390x": "linux-vdso64.so.1", "ppc64le": "linux-vdso64.so.1", "ppc64": "linux-vdso64.so.1", "loongarch64": "linux-vdso.so.1"}

// listEntry is one element of the list that _dl_map_object_deps builds.
type listEntry struct {
	m    *linkMap
	done bool
}

// mapDeps is _dl_map_object_deps: breadth first, filters before what they
// filter. It goes on after a library that is missing, to tell of all of them,
// and says whether every one was there.
func (g *glibc) mapDeps(preloads []*linkMap) bool {
	list := []*listEntry{{m: g.main}}
	g.main.reserved = true
	for _, p := range preloads {
		p.reserved = true
		list = append(list, &listEntry{m: p})
	}
	complete := g.walkNeeds(list)
	g.initOrder = g.sorted()
	return complete
}

// walkNeeds maps what the objects of a list need, breadth first, and makes
// the list the search list.
func (g *glibc) walkNeeds(list []*listEntry) bool {
	complete := true
	for {
		i := slices.IndexFunc(list, func(e *listEntry) bool { return !e.done })
		if i < 0 {
			break
		}
		list[i].done = true
		complete = g.needs(&list, i) && complete
	}
	for _, e := range list {
		g.search = append(g.search, e.m)
	}
	return complete
}

// needs maps what one object asks for, in the order of its dynamic section.
func (g *glibc) needs(list *[]*listEntry, at int) bool {
	m := (*list)[at].m
	complete := true
	needed, filters, auxiliary := m.elf.Needed, m.elf.Filter, m.elf.Auxiliary
	for _, t := range m.elf.Tags {
		switch t.Tag {
		case 1:
			if len(needed) == 0 {
				continue
			}
			complete = g.need(list, m, needed[0]) && complete
			needed = needed[1:]
		case 0x7fffffff, 0x7ffffffd:
			names := &filters
			if t.Tag == 0x7ffffffd {
				names = &auxiliary
			}
			if len(*names) == 0 {
				continue
			}
			ok := g.filter(list, &at, m, (*names)[0])
			if !ok && t.Tag == 0x7fffffff {
				complete = false
			}
			*names = (*names)[1:]
		}
	}
	return complete
}

func (g *glibc) need(list *[]*listEntry, m *linkMap, name string) bool {
	dep, err := g.mapNeeded(m, name)
	switch {
	case err != nil && err.ours:
		return true
	case err != nil && err.kind == FaultLibraryMissing && g.perhaps(ALibrary, err.object):
		dep = g.assumed(err.object, m)
	case err != nil:
		g.missing(err, m, name)
		return false
	case dep == nil:
		return true
	}
	if !dep.reserved {
		dep.reserved = true
		*list = append(*list, &listEntry{m: dep})
	}
	m.needed = append(m.needed, dep)
	return true
}

// mapNeeded expands the tokens of a NEEDED entry (expand_dst) and maps it.
func (g *glibc) mapNeeded(m *linkMap, name string) (*linkMap, *loadError) {
	if strings.Contains(name, "$") && hasToken(name) {
		if g.secure {
			return nil, &loadError{object: name, text: "DST not allowed in SUID/SGID programs", kind: FaultRefused}
		}
		expanded, ok := g.expand(name, m)
		if !ok || expanded == "" {
			return nil, &loadError{object: name, text: "empty dynamic string token substitution", kind: FaultRefused}
		}
		name = expanded
	}
	return g.mapObject(name, m, false)
}

func hasToken(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] == '$' {
			if _, n := token(text[i+1:]); n > 0 {
				return true
			}
		}
	}
	return false
}

// filter maps a filtee and moves it before the filter in the list.
func (g *glibc) filter(list *[]*listEntry, at *int, m *linkMap, name string) bool {
	dep, err := g.mapNeeded(m, name)
	switch {
	case err == nil && dep == nil, err != nil && err.ours:
		return true
	case err != nil && err.kind == FaultLibraryMissing && g.perhaps(ALibrary, err.object):
		return true
	case err != nil && (err.signal != "" || slices.Contains(m.elf.Filter, name)):
		g.missing(err, m, name)
		return false
	case err != nil:
		return false
	}
	m.needed = append(m.needed, dep)
	if dep.reserved {
		i := slices.IndexFunc(*list, func(e *listEntry) bool { return e.m == dep })
		if i <= *at { // the list is searched behind the filter alone
			return true
		}
		e := (*list)[i]
		*list = slices.Delete(*list, i, i+1)
		*list = slices.Insert(*list, *at, e)
	} else {
		dep.reserved = true
		*list = slices.Insert(*list, *at, &listEntry{m: dep})
	}
	*at++
	g.moveBefore(dep, m)
	return true
}

// moveBefore puts dep before m in the link map.
func (g *glibc) moveBefore(dep, m *linkMap) {
	i := slices.Index(g.maps, dep)
	g.maps = slices.Delete(g.maps, i, i+1)
	g.maps = slices.Insert(g.maps, slices.Index(g.maps, m), dep)
}

// missing is an error of mapping a dependency: the loader says so and exits
// with 127 at the first.
func (g *glibc) missing(err *loadError, asker *linkMap, name string) {
	f := Fault{Kind: err.kind, Stage: StageMap, Object: err.path, NeededBy: g.file(asker), Library: name, Errno: err.errno,
		Chain: chain(asker), Tried: err.tried}
	if f.Object == "" && err.kind != FaultLibraryMissing {
		f.Object = err.object
	}
	if err.signal != "" {
		f.Detail = err.text
		g.crash(f, err.signal)
		return
	}
	f.Message = g.frame(occasionLoad, err.object, err.text, err.errno)
	f.Detail = why(err)
	g.maps = append(g.maps, &linkMap{missing: true, object: &Object{Name: name, Parent: asker.object, Missing: true, Tried: err.tried}})
	g.end(f, 127)
}

// assumed stands for a library that may be there: nothing is known of it.
func (g *glibc) assumed(name string, asker *linkMap) *linkMap {
	facts := &binary.Facts{ELF: &binary.ELF{Machine: asker.elf.Machine, Class: asker.elf.Class, Dynamic: true, Opaque: true}}
	m := &linkMap{facts: facts, elf: facts.ELF, name: name, names: []string{name}, loader: asker, assumed: true}
	m.object = &Object{Name: name, Parent: asker.object, Missing: true, Facts: facts}
	g.maps = append(g.maps, m)
	return m
}

// why says in words what the loader's line means.
func why(err *loadError) string {
	switch {
	case err.kind == FaultLibraryMissing:
		return "" // explain's own words fit
	case strings.HasPrefix(err.text, "wrong ELF class"):
		return err.path + " is of the wrong class, and no other of that name was found"
	case err.path != "":
		return err.path + " is the file that is found, and it can't be used: " + err.text
	}
	return err.text
}

// preload is the part of dl_main that maps LD_PRELOAD and ld.so.preload. A
// preload that can't be loaded is a warning, whatever is wrong with it.
func (g *glibc) preload() ([]*linkMap, bool) {
	var list []*linkMap
	if text, ok := g.env("LD_PRELOAD"); ok {
		for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ':' }) {
			// dso_name_valid_for_suid
			if g.secure && strings.Contains(name, "/") || len(name) >= 4096 {
				continue
			}
			list = g.preloadOne(list, name, "LD_PRELOAD")
		}
	}
	data, err := g.tree.ReadFile("/etc/ld.so.preload", g.opt.User, 1<<20)
	var errno root.Errno
	if err != nil && !errors.As(err, &errno) {
		g.limit(err.Error())
	}
	for _, name := range preloadNames(string(data)) {
		list = g.preloadOne(list, name, "/etc/ld.so.preload")
	}
	if g.ended() {
		g.report()
	}
	return list, !g.ended()
}

// audit is load_audit_modules: LD_AUDIT, then what the program itself names. A
// module that can't be loaded is a warning; one that can runs code of its own
// before the program, which no simulation follows.
func (g *glibc) audit() {
	var names []string
	if v, ok := g.env("LD_AUDIT"); ok {
		for _, name := range strings.Split(v, ":") {
			if name != "" && !(g.secure && strings.Contains(name, "/")) {
				names = append(names, name)
			}
		}
	}
	for _, list := range g.main.elf.Audit {
		names = append(names, strings.FieldsFunc(list, func(r rune) bool { return r == ':' })...)
	}
	for _, name := range names {
		o, err := g.find(name, g.main, true)
		text := ""
		switch {
		case err != nil && err.ours:
			continue
		case err != nil:
			text = err.text
		case !exports(o.facts.ELF, "la_version"):
			text = "undefined symbol: la_version"
		default:
			g.limit(name + " audits the loader: it may change what is loaded and bound")
			continue
		}
		line := "ERROR: ld.so: object '" + name + "' cannot be loaded as audit interface: " + text + "; ignored."
		g.print(line)
		g.fault(Fault{Kind: FaultPreloadIgnored, Stage: StageLibc, Library: name, NeededBy: "LD_AUDIT", Message: line,
			Detail: path.Base(name) + " can't be loaded as an audit module; the loader goes on without"})
	}
}

func exports(e *binary.ELF, name string) bool {
	found := false
	e.Lookup(name, binary.GNUHash(name), func(binary.Symbol) bool { found = true; return false })
	return found
}

// preloadNames splits the file: blanks, colons and newlines part names, # is
// a comment to the end of its line.
func preloadNames(text string) []string {
	var names []string
	for _, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		names = append(names, strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ':' })...)
	}
	return names
}

func (g *glibc) preloadOne(list []*linkMap, name, where string) []*linkMap {
	before := len(g.maps)
	m, err := g.mapObject(name, g.main, true)
	if err != nil && (err.ours || err.kind == FaultLibraryMissing && g.perhaps(ALibrary, name)) {
		return list
	}
	if err != nil {
		if err.signal != "" {
			g.crash(Fault{Kind: FaultCrash, Stage: StageLibc, Object: err.path, Library: name, NeededBy: where, Detail: err.text}, err.signal)
			return list
		}
		line := "ERROR: ld.so: object '" + name + "' from " + where + " cannot be preloaded (" + err.text + "): ignored."
		g.print(line)
		g.fault(Fault{Kind: FaultPreloadIgnored, Stage: StageLibc, Object: err.path, Library: name, NeededBy: where, Message: line, Tried: err.tried,
			Detail: path.Base(name) + " from " + where + " can't be preloaded; the loader goes on without"})
		return list
	}
	if len(g.maps) == before || m == nil {
		return list
	}
	m.object.FoundBy = ByPreload
	m.object.Parent = nil
	return append(list, m)
}

// sorted is the order in which objects are initialised, and in reverse
// relocated: dependencies behind what needs them (_dl_sort_maps).
func (g *glibc) sorted() []*linkMap {
	maps := slices.Clone(g.search)
	if g.atLeast("2.35") {
		return sortDFS(maps)
	}
	return append(maps[:1:1], sortOriginal(maps[1:])...)
}

// sortDFS is _dl_sort_maps_dfs (2.35 and later).
func sortDFS(maps []*linkMap) []*linkMap {
	rpo := make([]*linkMap, 0, len(maps))
	var visit func(m *linkMap)
	visit = func(m *linkMap) {
		if m.visited {
			return
		}
		m.visited = true
		// The program's own list is made after the sort.
		if !m.isMain {
			for _, d := range m.needed {
				visit(d)
			}
		}
		rpo = append(rpo, m)
	}
	for i := len(maps) - 1; i >= 0; i-- {
		visit(maps[i])
	}
	slices.Reverse(rpo)
	// The program stays first.
	if i := slices.Index(rpo, maps[0]); i > 0 {
		rpo = slices.Delete(rpo, i, i+1)
		rpo = slices.Insert(rpo, 0, maps[0])
	}
	return rpo
}

// sortOriginal is _dl_sort_maps before 2.35: an object moves behind the last
// one that needs it, at most as often as there are objects.
func sortOriginal(maps []*linkMap) []*linkMap {
	n := len(maps)
	seen := make([]int, n+1)
	for i := 0; i < n; {
		seen[i]++
		this := maps[i]
		k := n - 1
		for k > i && !slices.Contains(maps[k].needed, this) {
			k--
		}
		if k <= i {
			i++
			clear(seen[min(i, n):])
			continue
		}
		copy(maps[i:], maps[i+1:k+1])
		maps[k] = this
		if seen[i+1] > n-i {
			i++
			clear(seen[i:])
			continue
		}
		count := seen[i]
		copy(seen[i:], seen[i+1:k+1])
		seen[k] = count
	}
	return maps
}
