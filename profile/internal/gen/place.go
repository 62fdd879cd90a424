package main

import (
	"path"
	"slices"
	"strings"
)

// place says where a library lies, who brings it, and whether every
// installation has it.
func (q *question) place(l *library) {
	rows := slices.Concat(q.lower[l.soname], q.upper[l.soname])
	for _, r := range rows {
		l.pkg = packageName(r.pkg)
	}
	l.presence = q.presence(l)
	l.path = q.path(l.soname)
	for _, r := range rows {
		if r.path != "" {
			l.path = r.path
		}
	}
	if isLoader(l.soname) {
		l.path = loaders[q.machine]
	}
	if l.soname == "libz.so.1" {
		l.symbols = q.zlib()
	}
}

// packageName is glibc of glibc-2.34-60.el9.x86_64, libc6 of libc6-2.36-9.
func packageName(pkg string) string {
	for i := range len(pkg) - 1 {
		if pkg[i] == '-' && pkg[i+1] >= '0' && pkg[i+1] <= '9' && strings.ContainsAny(pkg[i+1:], ".:") {
			return pkg[:i]
		}
	}
	return pkg
}

// second says that the machine is not the one that the system is installed
// for: its libraries come when asked for.
func (q *question) second() bool {
	if q.machine != "i386" {
		return false
	}
	switch family(q.release.id) {
	case "debian":
		return false
	case "ubuntu":
		return compareVersions(q.release.version, "20.04") >= 0
	}
	return true
}

const (
	present     = 'p'
	installable = 'i'
	unknown     = 'u'
)

func (q *question) presence(l *library) byte {
	if q.second() {
		return installable
	}
	_, isCore := core[l.soname]
	switch {
	case isCore || isLoader(l.soname):
		return present
	case l.soname == "libatomic.so.1":
		if len(l.nodes) > 0 {
			return installable
		}
	case l.soname == "libgcc_s.so.1" || l.soname == "libstdc++.so.6" || l.soname == "libz.so.1":
		if q.everywhere(l) {
			return present
		}
		if len(l.nodes) > 0 {
			return unknown
		}
	case l.pkg == "glibc" || l.pkg == "libc6" || l.pkg == "libcrypt1" || l.pkg == "libxcrypt":
		return present
	case l.pkg != "":
		return installable
	}
	return 0
}

// everywhere says whether the base system cannot do without the library.
func (q *question) everywhere(l *library) bool {
	reason := ""
	switch family(q.release.id) {
	case "debian", "ubuntu":
		reason = "dpkg and apt need it"
	case "el", "fedora":
		reason = "rpm and dnf or yum need it, and every measured installation has it"
	case "suse", "opensuse-tumbleweed":
		reason = "zypper needs it, and every measured SUSE has it"
	case "mariner":
		reason = "the measured installation has it"
	case "anolis", "openEuler", "opencloudos":
		reason = "rpm and dnf need it"
	case "amzn":
		if l.soname != "libstdc++.so.6" || q.release.version == "2023" {
			reason = "rpm and its dnf or yum need it"
		}
	}
	if reason != "" {
		l.why = strings.TrimPrefix(l.why+"; there, because "+reason, "; ")
	}
	return reason != ""
}

var triplets = map[string]string{"x86-64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu", "arm": "arm-linux-gnueabihf", "i386": "i386-linux-gnu",
	"ppc64le": "powerpc64le-linux-gnu", "riscv64": "riscv64-linux-gnu", "s390x": "s390x-linux-gnu", "loongarch64": "loongarch64-linux-gnu"}

// path is where a family has a library, where the evidence does not say.
func (q *question) path(name string) string {
	lib := "lib64"
	if q.machine == "i386" || q.machine == "arm" {
		lib = "lib"
	}
	system := "/" + lib
	if name == "libstdc++.so.6" || name == "libatomic.so.1" {
		system = "/usr/" + lib
	}
	switch family(q.release.id) {
	case "debian", "ubuntu":
		system = path.Join(strings.TrimSuffix(system, lib), "lib", triplets[q.machine])
		if q.release.id == "ubuntu" && compareVersions(q.release.version, "24.04") >= 0 {
			system = "/usr/lib/" + triplets[q.machine]
		}
	case "el":
		if c := q.class; name == "libz.so.1" && c != "el5" && c != "el6" {
			system = "/usr/" + lib
		}
	case "arch", "photon", "mariner":
		system = "/usr/lib"
	case "suse":
	default:
		if name == "libz.so.1" {
			system = "/usr/" + lib
		}
	}
	return system + "/" + name
}

// zlib gives the symbols of libz, where the release's own list is known.
func (q *question) zlib() []string {
	var list []string
	for _, key := range sortedKeys(q.e.libz) {
		system, machine, _ := strings.Cut(key, "/")
		c, _ := class(system)
		if machine != q.machine || c != q.class {
			continue
		}
		if list != nil && !slices.Equal(list, q.e.libz[key]) {
			return nil // rebuilds differ
		}
		list = q.e.libz[key]
	}
	return list
}
