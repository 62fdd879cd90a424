package profile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// Entries is the release on a machine as a tree, for root.Described: its
// loader, the libraries that every installation has, /bin/sh and its kind, and
// os-release. Libraries have the version nodes that are sure: before a version
// is called missing, ask Node. A machine whose libraries come only when asked
// for (i386 on EL 9) has a tree without them.
func (p *Profile) Entries(machine string) ([]root.Entry, error) {
	interp := p.Interpreter(machine)
	libs := p.Libraries(machine)
	if interp == "" || len(libs) == 0 {
		return nil, fmt.Errorf("%s: nothing is known of it on %s, only on %s", p.Name, machine, strings.Join(p.Machines, ", "))
	}
	t := &tree{layout: p.layoutOf(machine), seen: map[string]bool{}}
	for _, dir := range []string{"/etc", "/root", "/tmp", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local/bin", "/usr/local/lib", "/usr/local/sbin"} {
		t.add(root.Entry{Path: dir, Mode: root.ModeDir | 0o755})
	}
	for _, name := range sortedKeys(t.layout.links) {
		t.add(root.Entry{Path: name, Link: t.layout.links[name]})
	}
	libc := ""
	for i := range libs {
		if libs[i].Presence == Present {
			t.library(p, &libs[i], machine, interp)
		}
		if strings.HasPrefix(libs[i].Soname, "libc.") {
			libc = libs[i].Soname
		}
	}
	t.commands(command(machine, interp, libc))
	t.files(p)
	return t.list, nil
}

// library adds one library; the loader tells what it is.
func (t *tree) library(p *Profile, l *Library, machine, interp string) {
	e := root.Entry{Path: l.Path, Facts: l.facts(machine)}
	isLoader := l.Path == interp
	if isLoader {
		e.Loader = &root.Libc{Kind: p.Libc.Kind, Version: p.Libc.Version, Dirs: t.layout.dirs}
	}
	switch {
	case isLoader && p.Libc.Kind == "musl":
		// Alpine's programs ask for it by a name that is a link to it.
		t.add(root.Entry{Path: "/lib/" + l.Soname, Link: path.Base(l.Path)})
	case isLoader:
		e.Loader.LibDST, e.Loader.Cache = t.layout.lib, "/etc/ld.so.cache"
		if p.ID == "debian" || p.ID == "ubuntu" { // there the interpreter's path is a link
			t.add(root.Entry{Path: interp, Link: t.layout.dirs[0] + l.Soname})
			e.Path = t.layout.dirs[0] + l.Soname
		}
	case l.Soname == "libc.so.6":
		e.LibcVersion = p.Libc.Version
	}
	t.add(e)
}

// commands that every installation has.
func (t *tree) commands(f *binary.Facts) {
	for _, file := range t.layout.commands {
		t.add(root.Entry{Path: file, Facts: f})
	}
}

// files of which the bytes matter.
func (t *tree) files(p *Profile) {
	put := func(name, text string) {
		t.add(root.Entry{Path: name, Mode: root.ModeReg | 0o644, Data: []byte(text)})
	}
	put("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
	put("/etc/group", "root:x:0:\n")
	version := p.Version
	if p.Minor != "" {
		version += "." + p.Minor
	}
	if n, el := elMajor(p.ID, p.Version); el && n < 7 { // older than os-release
		file := map[string]string{"centos": "/etc/centos-release", "ol": "/etc/oracle-release"}[p.ID]
		if file != "" {
			put(file, fmt.Sprintf("%s release %s (Final)\n", p.Title, version))
		}
		put("/etc/redhat-release", fmt.Sprintf("%s release %s\n", p.Title, version))
		return
	}
	lines := []string{"ID=" + strings.TrimSuffix(p.ID, "-stream")}
	if number(p.Version) {
		lines = append(lines, `VERSION_ID="`+version+`"`)
	}
	if p.Codename != "" {
		lines = append(lines, "VERSION_CODENAME="+p.Codename)
	}
	lines = append(lines, `PRETTY_NAME="`+p.Title+`"`)
	put("/etc/os-release", strings.Join(lines, "\n")+"\n")
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
