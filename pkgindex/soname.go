package pkgindex

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/willrun/willrun/binary"
)

// sonameDep is a dependency on a library as rpm's elfdeps writes it:
// libfoo.so.1(FOO_1.2)(64bit), libfoo.so.1()(64bit), and for 32-bit files
// libfoo.so.1 and libfoo.so.1(FOO_1.2) (tools/elfdeps.c).
type sonameDep struct {
	soname, node string
	class        int
}

func parseSoname(dep string) (d sonameDep, ok bool) {
	d.class = 32
	if rest, wide := strings.CutSuffix(dep, "(64bit)"); wide {
		d.class, dep = 64, rest
	}
	d.soname = dep
	if i := strings.IndexByte(dep, '('); i >= 0 {
		if !strings.HasSuffix(dep, ")") || strings.Count(dep, "(") != 1 {
			return d, false
		}
		d.soname, d.node = dep[:i], dep[i+1:len(dep)-1]
	}
	if strings.ContainsAny(d.soname, "/ ") || !hasSo(d.soname) {
		return d, false
	}
	return d, true
}

func isSoname(dep string) bool {
	_, ok := parseSoname(dep)
	return ok
}

// hasSo: libfoo.so, libfoo.so.1, libfoo-1.so; not foo.sock.
func hasSo(name string) bool {
	i := strings.LastIndex(name, ".so")
	return i > 0 && (i+3 == len(name) || name[i+3] == '.')
}

// kernelOf finds the ABI note in what file(1) says: "for GNU/Linux 3.2.0".
var kernelOf = regexp.MustCompile(`for GNU/Linux ([0-9]+)\.([0-9]+)\.([0-9]+)`)

// libraryOf is what rpm's dependency generator told of one ELF file.
func libraryOf(f *rpmFile, m machine) *Library {
	l := &Library{Machine: m.name, Class: m.class, Kind: classKind(f)}
	if other, ok := classMachine(f.class); ok {
		l.Machine, l.Class = other.name, other.class
	}
	if f.color&3 == 1 && l.Class == 64 && l.Machine == "x86-64" {
		l.Machine, l.Class = "i386", 32
	}
	for _, dep := range f.provides {
		if d, ok := parseSoname(dep); ok && d.class == l.Class {
			l.Soname = d.soname
			if d.node != "" {
				l.Nodes = append(l.Nodes, d.node)
			}
		}
	}
	slices.Sort(l.Nodes)
	l.Nodes = slices.Compact(l.Nodes)
	l.needs(f.requires)
	if v := kernelOf.FindStringSubmatch(f.class); v != nil {
		for i := range l.Kernel {
			n, _ := strconv.ParseUint(v[i+1], 10, 16)
			l.Kernel[i] = uint32(n)
		}
	}
	return l
}

// classKind reads the kind of file off file(1)'s words, which changed over
// time: a PIE program was once a shared object.
func classKind(f *rpmFile) binary.Kind {
	static := strings.Contains(f.class, "statically linked") || strings.Contains(f.class, "static-pie linked")
	pie := strings.Contains(f.class, "pie executable") || strings.Contains(f.class, "shared object") && isCommand(f.path)
	switch {
	case strings.Contains(f.class, "relocatable"):
		return binary.KindObject
	case slices.ContainsFunc(f.provides, isSoname): // ld.so itself is linked statically
		return binary.KindShared
	case static && pie:
		return binary.KindStaticPIE
	case static && strings.Contains(f.class, "executable"):
		return binary.KindStatic
	case pie:
		return binary.KindPIE
	case strings.Contains(f.class, "executable") || isCommand(f.path):
		return binary.KindExec
	}
	return binary.KindShared
}

// scriptOf finds a script's first line in file(1)'s words: "a /usr/bin/python3
// -Es script, ASCII text executable" for a line that it has no better words
// for, "POSIX shell script" for /bin/sh alone (its magic/Magdir/commands).
func scriptOf(class string) string {
	if strings.HasPrefix(class, "POSIX shell script") {
		return "/bin/sh"
	}
	if line, _, ok := strings.Cut(class, " script"); ok && strings.HasPrefix(line, "a /") {
		return line[2:]
	}
	return ""
}

// classMachine reads the machine from file(1)'s words.
func classMachine(class string) (machine, bool) {
	if !strings.HasPrefix(class, "ELF ") {
		return machine{}, false
	}
	for _, w := range []struct{ words, name string }{
		{"x86-64", "x86-64"}, {"Intel 80386", "i386"}, {"ARM aarch64", "aarch64"}, {"IBM S/390", "s390x"}, {"64-bit PowerPC", "ppc64le"},
		{"32-bit LSB shared object, ARM", "arm"}, {"RISC-V", "riscv64"},
	} {
		if strings.Contains(class, w.words) {
			return machineNamed(w.name)
		}
	}
	return machine{}, false
}

// needs takes libraries and version needs from dependencies, in their order.
func (l *Library) needs(requires []string) {
	for _, dep := range requires {
		d, ok := parseSoname(dep)
		if !ok || d.class != l.Class {
			continue
		}
		if !slices.Contains(l.Needed, d.soname) {
			l.Needed = append(l.Needed, d.soname)
		}
		if d.node == "" {
			continue
		}
		i := slices.IndexFunc(l.Needs, func(n binary.VersionNeed) bool { return n.Library == d.soname })
		if i < 0 {
			i = len(l.Needs)
			l.Needs = append(l.Needs, binary.VersionNeed{Library: d.soname, Revision: 1})
		}
		if v := (binary.NeededVersion{Name: d.node, Hash: sysvHash(d.node)}); !slices.Contains(l.Needs[i].Versions, v) {
			l.Needs[i].Versions = append(l.Needs[i].Versions, v)
		}
	}
}
