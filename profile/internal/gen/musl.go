package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
)

// muslSymbol is one export of a musl libc.so.
type muslSymbol struct {
	kind byte   // 'f' function, 'o' object, 't' thread-local
	size uint64 // of an object
}

// muslOf keeps the exports of a musl by "VERSION\tMACHINE".
func muslOf(all map[string]map[string]muslSymbol, s *system, e *binary.ELF) error {
	version := upstreamVersion(s.packages["musl"])
	if version == "" {
		return fmt.Errorf("%s: a musl and no package musl", s.dir)
	}
	m := map[string]muslSymbol{}
	for _, x := range e.Exports {
		if x.Unhashed {
			continue
		}
		switch x.Type {
		case 1:
			m[x.Name] = muslSymbol{'o', x.Size}
		case 6:
			m[x.Name] = muslSymbol{'t', x.Size}
		default:
			m[x.Name] = muslSymbol{'f', 0}
		}
	}
	key := version + "\t" + s.machine
	if old, ok := all[key]; ok && !maps.Equal(old, m) {
		// Two distributions' builds of one version: what both have is sure.
		for name := range old {
			if _, both := m[name]; !both {
				delete(old, name)
				fmt.Printf("musl %s: %s is not in all builds\n", strings.ReplaceAll(key, "\t", " "), name)
			}
		}
		return nil
	}
	all[key] = m
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// muslVersions are those of the releases.
var muslVersions = []string{"1.2.2", "1.2.3", "1.2.4", "1.2.5"}

// muslMachines are those of Alpine of which a build was read for the oldest
// version that Alpine had there, or a newer one.
var muslMachines = map[string]string{"x86-64": "1.2.2", "aarch64": "1.2.2", "arm": "1.2.2", "i386": "1.2.2", "ppc64le": "1.2.2", "s390x": "1.2.2", "riscv64": "1.2.5"}

// writeMuslData writes columns MACHINE/VERSION, then a line a symbol: name,
// kind and size, and a bit for each column that has it.
func writeMuslData(file string, all map[string]map[string]muslSymbol) error {
	var columns []string
	bits := map[string]uint64{} // "name kind size" → columns
	for _, machine := range sortedKeys(muslMachines) {
		for _, version := range muslVersions {
			if compareVersions(version, muslMachines[machine]) < 0 {
				continue
			}
			for name, s := range muslAt(all, version, machine) {
				bits[fmt.Sprintf("%s %c%d", name, s.kind, s.size)] |= 1 << len(columns)
			}
			columns = append(columns, machine+"/"+version)
		}
	}
	lines := []string{strings.Join(columns, " ")}
	for _, key := range sortedKeys(bits) {
		lines = append(lines, fmt.Sprintf("%s %x", key, bits[key]))
	}
	data, err := pack(strings.Join(lines, "\n"))
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// muslAt gives what musl of a version exports on a machine. musl takes no
// function away but the LFS64 names in 1.2.4, so what an older and a newer
// build have is there too where a distribution left it out of one (Debian had
// no crypt for a while). Where no build of the version was read, it is what
// both neighbours have, and of the rest what the build for x86-64 has: the
// sources are the same.
func muslAt(all map[string]map[string]muslSymbol, version, machine string) map[string]muslSymbol {
	own := all[version+"\t"+machine]
	before, after := muslNear(all, version, machine, -1), muslNear(all, version, machine, 1)
	result := maps.Clone(own)
	if own == nil {
		result = map[string]muslSymbol{}
		x := all[version+"\t"+"x86-64"]
		for _, near := range []map[string]muslSymbol{before, after} {
			for name, s := range near {
				_, both := before[name]
				if _, also := after[name]; both && also {
					result[name] = s
				} else if _, there := x[name]; there {
					result[name] = s
				}
			}
		}
	}
	// A function that x86-64 gets with a later version is one distribution's
	// backport (Debian 13's 1.2.5 has renameat2 of 1.2.6).
	x, later := all[version+"\t"+"x86-64"], muslNear(all, version, "x86-64", 1)
	for name, s := range result {
		if _, late := later[name]; s.kind == 'f' && late && x[name].kind == 0 {
			delete(result, name)
		}
	}
	older := muslNear(all, version, "x86-64", -1)
	for name, s := range after {
		_, here := before[name]
		_, there := older[name]
		if _, known := result[name]; !known && s.kind == 'f' && (here || there) {
			result[name] = s
		}
	}
	return result
}

// muslNear is all that older (or newer) builds for the machine have.
func muslNear(all map[string]map[string]muslSymbol, version, machine string, sign int) map[string]muslSymbol {
	found := map[string]muslSymbol{}
	for _, key := range sortedKeys(all) {
		v, m, _ := strings.Cut(key, "\t")
		if m == machine && compareVersions(v, version)*sign > 0 {
			maps.Copy(found, all[key])
		}
	}
	return found
}
