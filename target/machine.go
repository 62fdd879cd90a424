package target

// machines by the names that Go and OCI images use.
var machines = map[string]string{
	"amd64": "x86-64", "386": "i386", "arm64": "aarch64", "arm": "arm",
	"riscv64": "riscv64", "s390x": "s390x", "ppc64le": "ppc64le", "ppc64": "ppc64",
	"loong64": "loongarch64", "mips64le": "mips64le", "mips64": "mips64", "mipsle": "mipsle", "mips": "mips",
}

// MachineOf is the machine that Go and OCI images call by another name:
// "amd64" is "x86-64".
func MachineOf(goarch string) (machine string, ok bool) {
	machine, ok = machines[goarch]
	return machine, ok
}

// GoArch is Go's name of a machine; one that it does not know keeps its own.
func GoArch(machine string) string {
	for arch, m := range machines {
		if m == machine {
			return arch
		}
	}
	return machine
}
