package pkgindex

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// Flags of rpm's dependencies and files (include/rpm/rpmds.h, rpmfiles.h).
const (
	senseLess    = 1 << 1
	senseGreater = 1 << 2
	senseEqual   = 1 << 3
	senseRpmlib  = 1 << 24

	fileGhost = 1 << 6
)

// rpmFile is one file of a header, with what the header tells of it.
type rpmFile struct {
	path               string
	mode               uint32
	size               int64
	link, class        string
	owner, group       string
	color              uint64 // 1: a 32-bit ELF file, 2: a 64-bit one
	ghost              bool   // made when the package is installed, not in it
	provides, requires []string
	depends            bool // the two are known
}

// rpmPackage turns a header into a package with all of its files.
func rpmPackage(h *rpmHeader) (Package, error) {
	p := Package{Name: h.text(tagName), Arch: h.text(tagArch)}
	if p.Name == "" {
		return p, &headerError{"package name", 1, 0}
	}
	p.Version = evr(h)
	p.Provides = h.relations(tagProvideName, tagProvideFlags, tagProvideVersion)
	p.Requires = h.relations(tagRequireName, tagRequireFlags, tagRequireVersion)
	files, err := h.files(p.Provides, p.Requires)
	if err != nil {
		return p, fmt.Errorf("package %s: %w", p.Name, err)
	}
	p.Files = rpmFiles(&p, files)
	return p, nil
}

func evr(h *rpmHeader) string {
	v := h.text(tagVersion) + "-" + h.text(tagRelease)
	if epoch, ok := h.number(tagEpoch); ok && epoch != 0 {
		v = fmt.Sprintf("%d:%s", epoch, v)
	}
	return v
}

// relations joins names, flags and versions. What only rpm itself provides is
// passed over.
func (h *rpmHeader) relations(name, flags, version uint32) []Relation {
	names, senses, versions := h.texts(name), h.numbers(flags), h.texts(version)
	list := make([]Relation, len(names))
	for i, n := range names {
		list[i].Name = n
		if i < len(senses) && i < len(versions) {
			list[i].Op, list[i].Version = senseText(senses[i]), versions[i]
		}
	}
	return list
}

func senseText(flags uint64) string {
	text := ""
	if flags&senseLess != 0 {
		text = "<"
	}
	if flags&senseGreater != 0 {
		text = ">"
	}
	if flags&senseEqual != 0 {
		text += "="
	}
	return text
}

// files puts the parallel arrays of a header together.
func (h *rpmHeader) files(provides, requires []Relation) ([]rpmFile, error) {
	names := h.texts(tagOldFilenames)
	if len(names) == 0 {
		dirs, index := h.texts(tagDirnames), h.numbers(tagDirIndexes)
		bases := h.texts(tagBasenames)
		if len(index) < len(bases) {
			return nil, &headerError{"directories of its files", uint64(len(bases)), uint64(len(index))}
		}
		total := 0
		for i, b := range bases {
			if index[i] >= uint64(len(dirs)) {
				return nil, &headerError{"directory of a file", index[i], uint64(len(dirs))}
			}
			// A long directory may be named by very many files.
			if total += len(dirs[index[i]]) + len(b); total > maxHeaderData/4 {
				return nil, &headerError{"bytes of file names", maxHeaderData / 4, uint64(total)}
			}
			names = append(names, dirs[index[i]]+b)
		}
	}
	files := make([]rpmFile, len(names))
	sizes := h.numbers(tagFileSizes)
	if len(sizes) == 0 {
		sizes = h.numbers(tagLongFileSizes)
	}
	modes, links, flags, states := h.numbers(tagFileModes), h.texts(tagFileLinktos), h.numbers(tagFileFlags), h.numbers(tagFileStates)
	colors, classes, dict := h.numbers(tagFileColors), h.numbers(tagFileClass), h.texts(tagClassDict)
	owners, groups := h.texts(tagFileUsername), h.texts(tagFileGroupname)
	depends := h.fileDepends(len(names), provides, requires)
	for i, n := range names {
		f := &files[i]
		f.path = path.Clean("/" + n)
		f.mode, f.size = uint32(at(modes, i)), int64(at(sizes, i))
		f.link, f.owner, f.group, f.color = at(links, i), at(owners, i), at(groups, i), at(colors, i)
		f.class = at(dict, int(min(at(classes, i), 1<<31-1)))
		f.ghost = at(flags, i)&fileGhost != 0
		if i < len(depends) {
			f.provides, f.requires, f.depends = depends[i].provides, depends[i].requires, true
		}
		if absent(at(states, i)) {
			f.path = ""
		}
	}
	return slices.DeleteFunc(files, func(f rpmFile) bool { return f.path == "" }), nil
}

// absent: rpm did not install the file, or another package's is at its place
// (rpmfileState: 1 replaced, 2 not installed, 4 wrong colour).
func absent(state uint64) bool { return state == 1 || state == 2 || state == 4 }

// at is an element, or the zero value where a list is too short.
func at[T any](list []T, i int) (v T) {
	if i >= 0 && i < len(list) {
		v = list[i]
	}
	return v
}

// deps are the dependencies that rpm found in one file.
type deps struct{ provides, requires []string }

// fileDepends reads which file has which of the package's dependencies: for
// each file a span of a list whose elements have the kind in the top byte and
// a place in Provides or Requires below (build/rpmfc.c). nil where a header
// has no such list.
func (h *rpmHeader) fileDepends(files int, provides, requires []Relation) []deps {
	x, n, dict := h.numbers(tagFileDependsX), h.numbers(tagFileDependsN), h.numbers(tagDependsDict)
	if len(x) < files || len(n) < files || len(dict) == 0 {
		return nil
	}
	list := make([]deps, files)
	for i := range list {
		if x[i] > uint64(len(dict)) || n[i] > uint64(len(dict))-x[i] {
			return nil
		}
		if h.budget -= int(n[i]); h.budget < 0 {
			return nil
		}
		for _, d := range dict[x[i] : x[i]+n[i]] {
			switch place := int(d & 0xffffff); byte(d >> 24) {
			case 'P':
				list[i].provides = append(list[i].provides, at(provides, place).Name)
			case 'R':
				list[i].requires = append(list[i].requires, at(requires, place).Name)
			}
		}
	}
	return list
}

// rpmFiles makes files of what a header tells: libraries by their provides.
func rpmFiles(p *Package, files []rpmFile) []File {
	m, _ := machineOf(p.Arch)
	if !slices.ContainsFunc(files, func(f rpmFile) bool { return f.depends && len(f.provides) > 0 }) {
		dependsByName(p, files)
	}
	list := make([]File, 0, len(files))
	for i := range files {
		f := &files[i]
		file := File{Path: f.path, Mode: f.mode, Size: f.size, Link: f.link, UID: ownerID(f.owner), GID: ownerID(f.group)}
		if f.mode&root.ModeFmt == root.ModeReg && isELF(f) {
			l := libraryOf(f, m)
			if l.Soname != "" {
				file.Library = l
			} else {
				file.Program = l
			}
		}
		if f.mode&root.ModeFmt == root.ModeReg && isCommand(f.path) {
			file.Script = scriptOf(f.class)
		}
		list = append(list, file)
	}
	return list
}

// ownerID: only root's number is the same on every system. Any other owner is
// one that the asking user is not.
func ownerID(name string) uint32 {
	if name == "root" || name == "" {
		return 0
	}
	return 65533
}

func isELF(f *rpmFile) bool { return f.color&3 != 0 || strings.HasPrefix(f.class, "ELF ") }

// dependsByName serves headers that do not say which file has which soname: a
// file or link of that name is it, for the dependencies of its class; needs
// are not known then.
func dependsByName(p *Package, files []rpmFile) {
	byName := map[string][]int{}
	for i := range files {
		if f := &files[i]; f.mode&root.ModeFmt == root.ModeReg || f.mode&root.ModeFmt == root.ModeLink {
			base := path.Base(f.path)
			byName[base] = append(byName[base], i)
		}
	}
	for _, rel := range p.Provides {
		d, ok := parseSoname(rel.Name)
		if !ok {
			continue
		}
		for _, i := range byName[d.soname] {
			f := target(files, byName, i)
			if f != nil && (f.color == 0 || f.color&uint64(d.class/32) != 0) {
				f.provides = append(f.provides, rel.Name)
				f.color |= uint64(d.class / 32)
				break
			}
		}
	}
}

// target follows a link to a file of the same package, once.
func target(files []rpmFile, byName map[string][]int, i int) *rpmFile {
	f := &files[i]
	if f.mode&root.ModeFmt == root.ModeReg {
		return f
	}
	to := f.link
	if !strings.HasPrefix(to, "/") {
		to = path.Join(path.Dir(f.path), to)
	}
	for _, j := range byName[path.Base(to)] {
		if files[j].path == to && files[j].mode&root.ModeFmt == root.ModeReg {
			return &files[j]
		}
	}
	return nil
}
