package pkgindex

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// Entries describes the tree of what is there, for programs of a machine ("":
// of any). It is what root.Described takes. What ldconfig makes of it, links
// and a cache, is in it.
func (x *Index) Entries(machine string) []root.Entry {
	t := &treeOf{index: x, view: x.view(), machine: machine, byPath: map[string]*placed{}, private: map[string]string{}}
	t.collect()
	for _, at := range t.view.made {
		t.extra = append(t.extra, root.Entry{Path: at, Mode: root.ModeLink | 0o777, Link: t.view.links[at]})
	}
	if !x.captured() {
		t.ldconfig()
		t.scripts()
		t.release()
	}
	return t.entries()
}

// placed is a file of a package that is there.
type placed struct {
	file *File
	pkg  *Package
}

// treeOf is the making of one tree.
type treeOf struct {
	index   *Index
	view    *view
	machine string
	byPath  map[string]*placed
	extra   []root.Entry
	private map[string]string // soname and class → directory of a library that loaders do not come to
}

func (t *treeOf) collect() {
	for i := range t.index.Packages {
		p := &t.index.Packages[i]
		m, _ := machineOf(p.Arch)
		if !t.index.there(p) || !runsWith(t.machine, m.name) {
			continue
		}
		for j := range p.Files {
			t.place(&p.Files[j], p)
		}
	}
}

// place takes a file in. Where two packages have one path, as packages of two
// machines have, the 64-bit one wins (rpm's file colours).
func (t *treeOf) place(f *File, p *Package) {
	if f.Elsewhere {
		return
	}
	if l := f.Library; l != nil && !t.view.found(f) {
		t.private[privateKey(l.Soname, l.Class)] = path.Dir(f.Path)
	}
	if old := t.byPath[f.Path]; old != nil {
		if a, b := known(old.file), known(f); a > b || a == b && wide(old.file) >= wide(f) {
			return
		}
	}
	t.byPath[f.Path] = &placed{f, p}
}

func privateKey(soname string, class int) string { return fmt.Sprintf("%s/%d", soname, class) }

func known(f *File) int {
	if f.Library != nil || f.Program != nil || f.facts != nil || f.Link != "" || f.Script != "" || f.Data != nil {
		return 1
	}
	return 0
}

func wide(f *File) int {
	switch {
	case f.Library != nil:
		return f.Library.Class
	case f.Program != nil:
		return f.Program.Class
	}
	return 0
}

// ldconfig makes what ldconfig makes: beside each library a link of its soname,
// where there is no such file (in directories that are not searched, the
// package's own script does), and a cache.
func (t *treeOf) ldconfig() {
	there := map[string]bool{}
	for p := range t.byPath {
		there[t.view.real(p)] = true
	}
	var libs []cached
	for _, p := range sortedKeys(t.byPath) {
		f := t.byPath[p].file
		if f.Library == nil || f.Library.Soname == "" || strings.Contains(f.Library.Soname, "/") {
			continue
		}
		at := path.Join(path.Dir(t.view.real(p)), f.Library.Soname)
		if m, _ := machineNamed(f.Library.Machine); t.view.found(f) {
			libs = append(libs, cached{f.Library.Soname, at, m})
		}
		if !there[at] && !t.index.musl() {
			there[at] = true
			t.extra = append(t.extra, root.Entry{Path: at, Mode: root.ModeLink | 0o777, Link: path.Base(p)})
		}
	}
	const file = "/etc/ld.so.cache"
	if old := t.byPath[file]; t.index.musl() || old != nil && old.file.Data != nil {
		return
	}
	if data := t.cache(libs); data != nil {
		delete(t.byPath, file)
		t.extra = append(t.extra, root.Entry{Path: file, Mode: root.ModeReg | 0o644, Data: data})
	}
}

// release writes what is known of the distribution to where a tree has it.
func (t *treeOf) release() {
	d := t.index.Distribution
	if d.ID == "" || t.byPath["/etc/os-release"] != nil && t.byPath["/etc/os-release"].file.Data != nil {
		return
	}
	text := fmt.Sprintf("ID=%q\nVERSION_ID=%q\nPRETTY_NAME=%q\nID_LIKE=%q\nVERSION_CODENAME=%q\n", d.ID, d.VersionID, d.PrettyName, d.IDLike, d.Codename)
	delete(t.byPath, "/etc/os-release")
	t.extra = append(t.extra, root.Entry{Path: "/etc/os-release", Mode: root.ModeReg | 0o644, Data: []byte(text)})
}

// entries puts links first, for what lies behind those of directories.
func (t *treeOf) entries() []root.Entry {
	list := make([]root.Entry, 0, len(t.extra)+len(t.byPath))
	rest := make([]root.Entry, 0, len(t.byPath))
	add := func(e root.Entry) {
		if e.Mode&root.ModeFmt == root.ModeLink {
			list = append(list, e)
		} else {
			rest = append(rest, e)
		}
	}
	for _, e := range t.extra {
		add(e)
	}
	for _, p := range sortedKeys(t.byPath) {
		add(t.entry(t.byPath[p]))
	}
	slices.SortStableFunc(list, func(a, b root.Entry) int { return linkRank(&a) - linkRank(&b) })
	return append(list, rest...)
}

func (t *treeOf) entry(at *placed) root.Entry {
	f := at.file
	e := root.Entry{Path: f.Path, Mode: f.Mode, UID: f.UID, GID: f.GID, Size: f.Size, Link: f.Link, Data: f.Data,
		Loader: f.Loader, LibcVersion: f.LibcVersion}
	l := f.Library
	if l == nil {
		l = f.Program
	}
	switch {
	case f.facts != nil:
		e.Later = f.later
		return e
	case l != nil:
		e.Size = max(f.Size, minOpaque)
		e.Later = sync.OnceValue(func() *binary.Facts { return opaqueFacts(l, e.Size, t.runpath(l)) })
	case f.Script != "":
		e.Facts = scriptFacts(f.Script, f.Size)
		return e
	}
	if f.Library == nil {
		return e
	}
	switch version := upstream(at.pkg.Version); {
	case isLoader(l.Soname):
		e.Loader = t.index.loader(l, version)
	case l.Soname == "libc.so.6":
		e.LibcVersion = version
	}
	return e
}

// later are the facts of a file that was read; of a damaged index nil: then
// the file is there, and can't be read.
func (f *File) later() *binary.Facts {
	facts, err := f.Facts()
	if err != nil {
		return nil
	}
	return facts
}

// runpath gives a file that was never seen the directories of those libraries
// that its package asks for and that loaders do not come to by themselves: it
// has a way to them, or it would start nowhere.
func (t *treeOf) runpath(l *Library) []string {
	var dirs []string
	for _, n := range l.Needed {
		if d := t.private[privateKey(n, l.Class)]; d != "" && !slices.Contains(dirs, d) {
			dirs = append(dirs, d)
		}
	}
	return dirs
}

// loader is a dynamic loader that was never seen: what its release is known to
// be built with.
func (x *Index) loader(l *Library, version string) *root.Libc {
	m, _ := machineNamed(l.Machine)
	libc := &root.Libc{Kind: "glibc", Version: version, Dirs: m.libDirs(x.Manager == "apt")}
	if strings.HasPrefix(l.Soname, "ld-musl-") || strings.HasPrefix(l.Soname, "libc.musl-") {
		libc.Kind, libc.Dirs = "musl", muslDirs
		return libc
	}
	libc.Cache = "/etc/ld.so.cache"
	libc.LibDST = strings.Trim(strings.TrimPrefix(libc.Dirs[0], "/"), "/")
	if l.Machine == "x86-64" {
		libc.ISA = isaOf(x.Distribution)
	}
	return libc
}

// upstream is the version without epoch and release.
func upstream(version string) string {
	_, v, _ := splitEVR(version)
	if i := strings.IndexAny(v, "+~^_"); i > 0 {
		v = v[:i]
	}
	return v
}
