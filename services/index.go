package services

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// searchPath is where the system's units lie, highest first (systemd.unit(5);
// `systemd-analyze unit-paths` of 252 on Debian). /lib counts where it is not
// a link to /usr/lib.
var searchPath = []string{
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
	"/run/systemd/generator.early", "/etc/systemd/system", "/etc/systemd/system.attached",
	"/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator",
	"/usr/local/lib/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system",
	"/run/systemd/generator.late",
}

// index is what lies in these directories.
type index struct {
	dirs    []string            // those that are there, each once
	files   map[string]string   // unit → path of its file; name of the unit that it is an alias of; "" where it is masked
	aliases map[string][]string // unit → other names of it
	side    map[string]bool     // paths of directories *.d, *.wants, *.requires, *.upholds
	tell    func(Problem)
}

func newIndex(ctx context.Context, tree *root.Root, tell func(Problem)) *index {
	x := &index{files: map[string]string{}, aliases: map[string][]string{}, side: map[string]bool{}, tell: tell}
	real := map[string]string{} // real path → directory
	for _, d := range searchPath {
		info, err := tree.Stat(d, root.Superuser)
		if err == nil && info.IsDir() && real[info.Path] == "" {
			real[info.Path] = d
			x.dirs = append(x.dirs, d)
		}
	}
	for _, d := range x.dirs {
		names, err := tree.ReadDir(d)
		if err != nil {
			tell(Problem{Kind: Unread, File: d, Text: err.Error()})
		}
		for _, name := range names {
			if ctx.Err() != nil || len(x.files)+len(x.side) >= maxUnits {
				tell(Problem{Kind: Unread, File: d, Text: "more units than are looked at"})
				return x
			}
			x.add(tree, d, name, real)
		}
	}
	for name, to := range x.files {
		if to != "" && to[0] != '/' {
			x.aliases[to] = append(x.aliases[to], name)
		}
	}
	for _, a := range x.aliases {
		slices.Sort(a)
	}
	return x
}

// add enters one name of a directory; what a directory before had wins.
func (x *index) add(tree *root.Root, dir, name string, real map[string]string) {
	file := path.Join(dir, name)
	switch path.Ext(name) {
	case ".d", ".wants", ".requires", ".upholds":
		x.side[file] = true
		return
	}
	n, ok := parseName(name)
	if _, seen := x.files[name]; !ok || seen {
		return
	}
	at, err := tree.Lstat(file, root.Superuser)
	if err != nil || at.IsDir() {
		return
	}
	info, err := tree.Stat(file, root.Superuser)
	if err != nil || !info.Regular() {
		// A link to /dev/null masks a unit; the tree of an image has no such
		// device. Another one that leads nowhere may stand for a unit of that
		// name in another directory.
		if err != nil && at.Size != int64(len("/dev/null")) {
			x.tell(Problem{Kind: Noted, Unit: name, File: file, Text: "a link that leads nowhere"})
		}
		x.files[name] = ""
		return
	}
	to := file
	if at.Mode&root.ModeFmt == root.ModeLink && real[path.Dir(info.Path)] != "" {
		to = path.Base(info.Path)
		if to == name {
			return // it leads to a file of a lower directory, which counts by itself
		}
		if m, ok := parseName(to); !ok || !n.mayAlias(m) {
			return
		}
	} else if info.Size == 0 {
		to = ""
	}
	x.files[name] = to
}

// maxFollow is FOLLOW_MAX of src/basic/unit-file.c.
const maxFollow = 8

// find gives the file of a unit, and the name that is its own: an alias has
// the name of what it stands for. file is "" where it has none or is masked.
func (x *index) find(n unitName) (file string, own unitName) {
	own = n
	for range maxFollow {
		to, ok := x.files[own.String()]
		if !ok && own.instance != "" {
			if to, ok = x.files[own.template()]; ok && to != "" && to[0] != '/' {
				m, _ := parseName(to) // an alias of the template
				m.instance = own.instance
				own = m
				continue
			}
		}
		if !ok || to == "" || to[0] == '/' {
			return to, own
		}
		m, _ := parseName(to)
		if m.isTemplate() && own.instance != "" {
			m.instance = own.instance
		}
		own = m
	}
	return "", n
}

// twoNames says whether an instance has another name.
func (x *index) twoNames(own unitName) bool { return own.instance != "" && len(x.names(own)) > 1 }

// names are all names of the unit whose own name is own.
func (x *index) names(own unitName) []string {
	names := []string{own.String()}
	for i := 0; i < len(names) && len(names) < 100; i++ {
		names = append(names, x.aliases[names[i]]...)
	}
	if own.instance != "" {
		for _, a := range x.aliases[own.template()] {
			if n, ok := parseName(a); ok && n.isTemplate() {
				n.instance = own.instance
				names = append(names, n.String())
			} else if ok && n.instance == own.instance {
				names = append(names, a)
			}
		}
	}
	return names
}

// sideDirs are the directories that add to a unit, such as its .d, those that
// win first (unit_file_find_dirs in src/shared/dropin.c): for each name, each
// directory of the search path, its own, its template's, and those of its
// prefixes; then that of all units of its kind (since systemd 244).
func (x *index) sideDirs(own unitName, suffix string) []string {
	var dirs []string
	add := func(dir, name string) {
		if p := dir + "/" + name + suffix; x.side[p] && !slices.Contains(dirs, p) {
			dirs = append(dirs, p)
		}
	}
	for _, name := range x.names(own) {
		n, ok := parseName(name)
		if !ok {
			continue
		}
		for _, d := range x.dirs {
			for _, v := range variants(n) {
				add(d, v)
			}
		}
	}
	for _, d := range x.dirs {
		add(d, own.kind)
	}
	return dirs
}

// variants are the names under which a unit's directories may lie, the most
// specific first.
func variants(n unitName) []string {
	var all []string
	var visit func(n unitName)
	visit = func(n unitName) {
		all = append(all, n.String())
		if n.instance != "" {
			t := n
			t.instance = ""
			visit(t)
		}
		if c, ok := n.chopped(); ok && !slices.Contains(all, c.String()) {
			visit(c)
		}
	}
	visit(n)
	return all
}

// sideFiles are the files of these directories by name: of two with one name
// the first directory's counts.
func sideFiles(tree *root.Root, dirs []string, suffix string, max int) (files []string, full bool) {
	first := map[string]string{}
	for _, d := range dirs {
		names, err := tree.ReadDir(d)
		if err != nil {
			continue
		}
		for _, name := range names {
			if strings.HasPrefix(name, ".") || !strings.HasSuffix(name, suffix) || first[name] != "" {
				continue
			}
			if len(first) >= max {
				full = true
				break
			}
			first[name] = d + "/" + name
			files = append(files, name)
		}
	}
	slices.Sort(files)
	for i, name := range files {
		files[i] = first[name]
	}
	return files, full
}
