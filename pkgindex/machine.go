package pkgindex

import "strings"

// machine of an architecture's programs, and what is fixed with it.
type machine struct {
	name   string // as in binary.ELF
	class  int
	big    bool
	number uint16 // e_machine
	loader string // interpreter of glibc programs
	musl   string // interpreter of musl programs
	lib    string // directory of an RPM distribution's libraries
	multi  string // Debian's directory, below lib
}

// machines: loaders by glibc's shlib-versions files and its wiki page
// ABIList; musl's by its ldso/ names; multiarch tuples by
// https://wiki.debian.org/Multiarch/Tuples.
var machines = []machine{
	{"x86-64", 64, false, 62, "/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1", "lib64", "x86_64-linux-gnu"},
	{"i386", 32, false, 3, "/lib/ld-linux.so.2", "/lib/ld-musl-i386.so.1", "lib", "i386-linux-gnu"},
	{"aarch64", 64, false, 183, "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1", "lib64", "aarch64-linux-gnu"},
	{"arm", 32, false, 40, "/lib/ld-linux-armhf.so.3", "/lib/ld-musl-armhf.so.1", "lib", "arm-linux-gnueabihf"},
	{"s390x", 64, true, 22, "/lib/ld64.so.1", "/lib/ld-musl-s390x.so.1", "lib64", "s390x-linux-gnu"},
	{"ppc64le", 64, false, 21, "/lib64/ld64.so.2", "/lib/ld-musl-powerpc64le.so.1", "lib64", "powerpc64le-linux-gnu"},
	{"ppc64", 64, true, 21, "/lib64/ld64.so.1", "/lib/ld-musl-powerpc64.so.1", "lib64", "powerpc64-linux-gnu"},
	{"riscv64", 64, false, 243, "/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld-musl-riscv64.so.1", "lib64", "riscv64-linux-gnu"},
	{"loongarch64", 64, false, 258, "/lib64/ld-linux-loongarch-lp64d.so.1", "/lib/ld-musl-loongarch64.so.1", "lib64", "loongarch64-linux-gnu"},
}

// archNames: what package managers call machines. Those that are not here are
// of no machine: noarch, all, src.
var archNames = map[string]string{
	"x86_64": "x86-64", "x86_64_v2": "x86-64", "amd64": "x86-64", "ia32e": "x86-64",
	"i386": "i386", "i486": "i386", "i586": "i386", "i686": "i386", "athlon": "i386", "x86": "i386",
	"aarch64": "aarch64", "arm64": "aarch64",
	"armv7hl": "arm", "armv7hnl": "arm", "armv6hl": "arm", "armhf": "arm", "armv7": "arm",
	"s390x": "s390x", "ppc64le": "ppc64le", "ppc64el": "ppc64le", "ppc64": "ppc64", "riscv64": "riscv64",
	"loongarch64": "loongarch64", "loong64": "loongarch64",
}

// machineOf an architecture; ok is false where it is of none.
func machineOf(arch string) (machine, bool) { return machineNamed(archNames[arch]) }

func machineNamed(name string) (machine, bool) {
	for _, m := range machines {
		if m.name == name && name != "" {
			return m, true
		}
	}
	return machine{}, false
}

// runsWith: whose programs a system of machine want holds beside its own.
func runsWith(want, m string) bool {
	return want == "" || m == "" || want == m || want == "x86-64" && m == "i386" || want == "i386" && m == "x86-64"
}

// libDirs are where a machine's loader looks when nothing else is said, with
// a slash at the end: EL and SUSE have two, Debian its multiarch ones first.
func (m machine) libDirs(debian bool) []string {
	if debian {
		return []string{"/lib/" + m.multi + "/", "/usr/lib/" + m.multi + "/", "/lib/", "/usr/lib/"}
	}
	return []string{"/" + m.lib + "/", "/usr/" + m.lib + "/"}
}

// isLoader: the sonames of glibc's and musl's loaders. Alpine's musl says that
// it is libc.musl-x86_64.so.1.
func isLoader(soname string) bool {
	for _, prefix := range []string{"ld-linux", "ld64.so.", "ld-musl-", "libc.musl-"} {
		if strings.HasPrefix(soname, prefix) {
			return true
		}
	}
	return false
}
