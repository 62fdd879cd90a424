package pkgindex

import (
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// view knows where loaders look on a system of packages.
type view struct {
	index *Index
	links map[string]string   // links to directories, near the top: /lib64 → usr/lib64
	made  []string            // those of them that no package told of
	conf  []string            // directories that files in /etc/ld.so.conf.d add
	own   map[string][]string // machine → directories that its loader searches, as it spells them
	dirs  map[string][]string // machine → real directories that are searched
}

func (x *Index) view() *view {
	v := &view{index: x, links: map[string]string{}, own: map[string][]string{}, dirs: map[string][]string{}}
	for i := range x.Packages {
		if p := &x.Packages[i]; x.there(p) {
			for j := range p.Files {
				if f := &p.Files[j]; topLink(f) {
					v.links[f.Path] = f.Link
				}
			}
		}
	}
	v.merge()
	var conf []confDir
	for i := range x.Packages {
		if p := &x.Packages[i]; x.there(p) {
			conf = append(conf, confDirs(p)...)
		}
	}
	// ldconfig reads the files in order of their names.
	slices.SortStableFunc(conf, func(a, b confDir) int { return compareStrings(a.file, b.file) })
	for _, c := range conf {
		if !slices.Contains(v.conf, c.dir) {
			v.conf = append(v.conf, c.dir)
		}
	}
	return v
}

// topLink: /lib64, /usr/lib64, /usr/tmp.
func topLink(f *File) bool {
	return f.Mode&root.ModeFmt == root.ModeLink && strings.Count(f.Path, "/") <= 2 && !hasSo(path.Base(f.Path)) && (!isCommand(f.Path) || path.Dir(f.Path) == "/")
}

// merge adds the links of a system whose /bin, /lib and the like are in /usr,
// where no package tells of them.
func (v *view) merge() {
	if !merged(v.index.Distribution) || v.index.captured() {
		return
	}
	dirs := []string{"bin", "lib", "sbin"}
	if v.index.Manager != "apt" || v.index.has("x86-64") {
		dirs = append(dirs, "lib64")
	}
	for _, dir := range dirs {
		if at := "/" + dir; v.links[at] == "" {
			v.links[at] = "usr/" + dir
			v.made = append(v.made, at)
		}
	}
}

// real is a path with the links of directories resolved.
func (v *view) real(p string) string {
	for range 4 {
		before := p
		for at := p; at != "/" && at != "."; at = path.Dir(at) {
			to, ok := v.links[at]
			if !ok {
				continue
			}
			if !strings.HasPrefix(to, "/") {
				to = path.Join(path.Dir(at), to)
			}
			p = path.Join(to, strings.TrimPrefix(p, at))
			break
		}
		if p == before {
			break
		}
	}
	return p
}

// searched are the directories where the loader of a machine looks, as it
// spells them, without a slash at the end.
func (x *Index) searched(m machine) []string {
	for i := range x.Packages {
		for _, f := range x.Packages[i].Files {
			if f.Loader != nil && f.Library != nil && f.Library.Machine == m.name && len(f.Loader.Dirs) > 0 {
				return cleanAll(f.Loader.Dirs)
			}
		}
	}
	if x.musl() {
		return muslDirs
	}
	return cleanAll(m.libDirs(x.Manager == "apt"))
}

func cleanAll(dirs []string) []string {
	clean := make([]string, len(dirs))
	for i, d := range dirs {
		clean[i] = path.Clean(d)
	}
	return clean
}

// captured: everything that is there was seen, so nothing is added to it.
func (x *Index) captured() bool { return slices.Contains(x.Formats, FormatCapture) }

// searched remembers the index's answer.
func (v *view) searched(m machine) []string {
	dirs, ok := v.own[m.name]
	if !ok {
		dirs = v.index.searched(m)
		v.own[m.name] = dirs
	}
	return dirs
}

// muslDirs is musl's default path (ldso/dynlink.c).
var muslDirs = []string{"/lib", "/usr/local/lib", "/usr/lib"}

func (x *Index) musl() bool { return x.Manager == "apk" }

// confDirs are directories that a package's file in /etc/ld.so.conf.d adds.
// Metadata does not tell what such a file says. A package brings one for its
// own libraries
// (https://docs.fedoraproject.org/en-US/packaging-guidelines/#_alternatives_to_rpath),
// so their directories are taken. Kernels' files name hardware directories
// that are empty.
func confDirs(p *Package) []confDir {
	if strings.HasPrefix(p.Name, "kernel") {
		return nil
	}
	var dirs []confDir
	for i := range p.Files {
		f := &p.Files[i]
		if path.Dir(f.Path) != "/etc/ld.so.conf.d" || !strings.HasSuffix(f.Path, ".conf") {
			continue
		}
		lines := p.ownDirs()
		if f.Data != nil {
			lines = confLines(string(f.Data))
		}
		for _, d := range lines {
			dirs = append(dirs, confDir{f.Path, d})
		}
	}
	return dirs
}

type confDir struct{ file, dir string }

// ownDirs are directories of the package's libraries that are not searched
// anyway.
func (p *Package) ownDirs() []string {
	var dirs []string
	for i := range p.Files {
		f := &p.Files[i]
		if dir := path.Dir(f.Path); f.Library != nil && !f.Assumed && !f.Elsewhere && !isLibDir(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// confLines reads a file of ldconfig's: a directory a line (elf/ldconfig.c).
func confLines(text string) []string {
	var dirs []string
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "/") {
			dir, _, _ := strings.Cut(line, "=")
			dirs = append(dirs, path.Clean(dir))
		}
	}
	return dirs
}

// found says whether a loader comes to a library by itself; conf are
// directories beyond those of what is there.
func (v *view) found(f *File, conf ...string) bool {
	if f.Elsewhere || f.Library == nil {
		return false
	}
	m, ok := machineNamed(f.Library.Machine)
	if !ok {
		return false
	}
	if v.dirs[m.name] == nil {
		for _, d := range slices.Concat(v.searched(m), v.conf) {
			v.dirs[m.name] = append(v.dirs[m.name], v.real(d))
		}
	}
	dir := path.Dir(f.Path)
	if i := strings.Index(dir, hwcapsDir); i >= 0 {
		dir = dir[:i]
	}
	return slices.Contains(v.dirs[m.name], v.real(dir)) || slices.Contains(conf, dir)
}

// hwcapsDir is where libraries for newer CPUs lie, below a library directory.
const hwcapsDir = "/glibc-hwcaps/"

// provides says whether a package's library is found once it is installed: a
// package that is not there brings its own configuration with it.
func (v *view) provides(f *File, p *Package) bool {
	if v.index.there(p) {
		return v.found(f)
	}
	var conf []string
	for _, c := range confDirs(p) {
		conf = append(conf, c.dir)
	}
	return v.found(f, conf...)
}
