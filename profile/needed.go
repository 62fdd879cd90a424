package profile

// loaders are the interpreters of glibc, by machine (each port's
// ld.so name; sourceware.org/glibc/wiki/ABIList).
var loaders = map[string]string{
	"x86-64": "/lib64/ld-linux-x86-64.so.2", "i386": "/lib/ld-linux.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1",
	"arm": "/lib/ld-linux-armhf.so.3", "ppc64le": "/lib64/ld64.so.2", "s390x": "/lib/ld64.so.1",
	"riscv64": "/lib/ld-linux-riscv64-lp64d.so.1", "loongarch64": "/lib64/ld-linux-loongarch-lp64d.so.1",
}

// Interpreter is the path of the release's dynamic loader on a machine; ""
// where it is not known.
func (p *Profile) Interpreter(machine string) string {
	if p.Libc.Kind == "musl" {
		if arch := muslArch[machine]; arch != "" {
			return "/lib/ld-musl-" + arch + ".so.1"
		}
		return ""
	}
	return loaders[machine]
}

// needed are a library's own needs of other libraries: what every build has.
func needed(soname string) []string {
	switch soname {
	case "libc.so.6":
		return nil // the loader, which is mapped already
	case "libstdc++.so.6":
		return []string{"libm.so.6", "libc.so.6", "libgcc_s.so.1"}
	}
	if len(soname) > 2 && soname[:2] == "ld" {
		return nil
	}
	return []string{"libc.so.6"}
}
