package profile

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// muslData is written by internal/gen: columns MACHINE/VERSION, then a line a
// symbol: name, kind and size, bits of the columns.
//
//go:embed data/musl.gz
var muslData []byte

var muslText = sync.OnceValues(readMusl)

func readMusl() (string, error) { return unpack(muslData) }

const (
	sttObject = 1
	sttFunc   = 2
	sttTLS    = 6
)

// muslArch is musl's name of a machine, in its loader's path.
var muslArch = map[string]string{"x86-64": "x86_64", "aarch64": "aarch64", "arm": "armhf", "i386": "i386", "ppc64le": "powerpc64le",
	"riscv64": "riscv64", "s390x": "s390x"}

// alpineArch is Alpine's name of a machine, in its libc's soname.
var alpineArch = map[string]string{"x86-64": "x86_64", "aarch64": "aarch64", "arm": "armv7", "i386": "x86", "ppc64le": "ppc64le",
	"riscv64": "riscv64", "s390x": "s390x"}

// muslMachines on which the exports of a musl are known; of one without a
// known version those that Alpine has.
func muslMachines(libc string) []string {
	text, err := muslText()
	if err != nil {
		return nil
	}
	columns, _, _ := strings.Cut(text, "\n")
	var list []string
	for _, c := range strings.Fields(columns) {
		machine, version, _ := strings.Cut(c, "/")
		if version == libc || libc == "" && !contains(list, machine) {
			list = append(list, machine)
		}
	}
	return list
}

// muslSymbols are the exports of a musl on a machine; nil where they are not
// known.
func muslSymbols(libc, machine string) []Symbol {
	text, err := muslText()
	if err != nil {
		return nil
	}
	columns, rest, _ := strings.Cut(text, "\n")
	column := -1
	for i, c := range strings.Fields(columns) {
		if c == machine+"/"+libc {
			column = i
		}
	}
	if column < 0 {
		return nil
	}
	list := make([]Symbol, 0, strings.Count(rest, "\n")+1)
	for line := range strings.Lines(rest) {
		name, more, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		kind, columns, _ := strings.Cut(more, " ")
		if bits, _ := strconv.ParseUint(columns, 16, 64); bits>>column&1 == 0 {
			continue
		}
		s := Symbol{Name: name, Type: sttFunc}
		switch kind[0] {
		case 'o':
			s.Type = sttObject
		case 't':
			s.Type = sttTLS
		}
		s.Size, _ = strconv.ParseUint(kind[1:], 10, 64)
		list = append(list, s)
	}
	return list
}

// muslLibraries: Alpine has musl and what apk needs; the runtime libraries of
// GCC come when asked for.
func (p *Profile) muslLibraries(machine string) []Library {
	arch, ok := muslArch[machine]
	if !ok || !contains(p.Machines, machine) {
		return nil
	}
	symbols := muslSymbols(p.Libc.Version, machine)
	libc := "libc.musl-" + alpineArch[machine] + ".so.1"
	return []Library{
		{Soname: libc, Path: "/lib/ld-musl-" + arch + ".so.1", Presence: Present, Package: "musl", Symbols: symbols, Opaque: symbols == nil,
			Why: "exports of musl " + p.Libc.Version + ", read from builds of that version, or of the versions on both sides"},
		{Soname: "libz.so.1", Path: "/lib/libz.so.1", Presence: Present, Package: "zlib", Opaque: true, Needed: []string{libc},
			Why: "apk-tools needs it; its version was not measured"},
		{Soname: "libgcc_s.so.1", Path: "/usr/lib/libgcc_s.so.1", Presence: Installable, Package: "libgcc", Opaque: true, Needed: []string{libc},
			Why: "no part of the base system"},
		{Soname: "libstdc++.so.6", Path: "/usr/lib/libstdc++.so.6", Presence: Installable, Package: "libstdc++", Opaque: true, Needed: []string{libc, "libgcc_s.so.1"},
			Why: "no part of the base system"},
	}
}
