package profile

import (
	"path"
	"strconv"
	"strings"

	"github.com/willrun/willrun/root"
)

// layout is how a family lays out its file system: links at its root, the
// loader's built-in directories ($LIB first), and where commands lie.
type layout struct {
	links    map[string]string // path → text
	dirs     []string
	lib      string // what $LIB stands for
	commands []string
}

// merged are the links of a system with one /usr.
var merged = map[string]string{"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib"}

// layoutOf says it for a release and a machine. Sources: package filesystem of
// the measured systems, the built-in directories of the loaders read, and for
// the rest the distributions' own words on merging /usr.
func (p *Profile) layoutOf(machine string) layout {
	l := layout{links: map[string]string{}, commands: []string{"/bin/sh", "/bin/bash", "/usr/bin/env"}}
	one := p.oneUsr()
	if one {
		for name, text := range merged {
			l.links[name] = text
		}
	}
	switch p.ID {
	case "debian", "ubuntu":
		t := triplets[machine]
		l.lib, l.dirs = "lib/"+t, []string{"/lib/" + t + "/", "/usr/lib/" + t + "/", "/lib/", "/usr/lib/"}
		if one {
			l.links["/lib64"] = "usr/lib64"
		}
	case "alpine":
		l.dirs = []string{"/lib", "/usr/local/lib", "/usr/lib"}
		l.commands = []string{"/bin/sh", "/usr/bin/env"}
	case "arch", "photon", "mariner":
		l.lib, l.dirs = "lib", []string{"/lib/", "/usr/lib/"}
		l.links["/lib64"], l.links["/usr/lib64"] = "usr/lib", "lib"
	default:
		p.lib64(&l, machine, one)
	}
	return l
}

// lib64 is the layout of distributions of RPM packages.
func (p *Profile) lib64(l *layout, machine string, one bool) {
	l.lib = "lib64"
	if frames[machine].class == 32 {
		l.lib = "lib"
	}
	l.dirs = []string{"/" + l.lib + "/", "/usr/" + l.lib + "/"}
	switch {
	case one:
		l.links["/lib64"] = "usr/lib64"
	case p.ID == "sles" || p.ID == "opensuse-leap":
		l.commands = append(l.commands, "/usr/bin/sh", "/usr/bin/bash")
	default: // EL 5 and 6
		l.commands = append(l.commands, "/bin/env")
	}
	if machine == "riscv64" { // glibc's own directory there, a link in filesystem
		l.dirs = []string{"/lib64/lp64d/", "/usr/lib64/lp64d/"}
		l.links["/usr/lib64/lp64d"] = "."
	}
}

// oneUsr: /bin, /lib and /sbin are links into /usr on every installation.
func (p *Profile) oneUsr() bool {
	number, _ := strconv.ParseFloat(p.Version, 64)
	if n, ok := elMajor(p.ID, p.Version); ok {
		return n >= 7
	}
	switch p.ID {
	case "debian":
		return p.Version == "sid" || number >= 12
	case "ubuntu":
		return number >= 22.04
	case "sles", "opensuse-leap":
		return number >= 16
	case "alpine":
		return false
	}
	return true
}

var triplets = map[string]string{"x86-64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu", "arm": "arm-linux-gnueabihf", "i386": "i386-linux-gnu",
	"ppc64le": "powerpc64le-linux-gnu", "riscv64": "riscv64-linux-gnu", "s390x": "s390x-linux-gnu", "loongarch64": "loongarch64-linux-gnu"}

// real is a path with the layout's links followed.
func (l *layout) real(file string) string {
	for range 4 {
		at := ""
		for name := range l.links {
			if strings.HasPrefix(file, name+"/") && len(name) > len(at) {
				at = name
			}
		}
		if at == "" {
			return file
		}
		file = path.Join(path.Dir(at), l.links[at]) + file[len(at):]
	}
	return file
}

// tree collects entries by their real paths, the first of a path counts.
type tree struct {
	layout layout
	seen   map[string]bool
	list   []root.Entry
}

func (t *tree) add(e root.Entry) {
	e.Path = t.layout.real(e.Path)
	if t.seen[e.Path] {
		return
	}
	t.seen[e.Path] = true
	switch {
	case e.Link != "":
		e.Mode = root.ModeLink | 0o777
	case e.Mode == 0:
		e.Mode = root.ModeReg | 0o755
	}
	t.list = append(t.list, e)
}
