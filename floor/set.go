package floor

import (
	"slices"

	"github.com/willrun/willrun/diagnosis"
)

// Set is the floor of several programs together: the highest of each.
func Set(files []string, floors []*Floor) *Floor {
	set := &Floor{Libc: "none", Libraries: []Library{}, Pins: []Pin{}}
	for i, f := range floors {
		switch {
		case set.Libc == "none":
			set.Libc = f.Libc
		case f.Libc != "none" && f.Libc != set.Libc:
			set.Libc = "glibc and musl"
		}
		set.kernel(f.Kernel, f.KernelFrom+" of "+files[i])
		set.cpu(f.CPU, f.CPUFrom+" of "+files[i])
		for _, l := range f.Libraries {
			set.library(l)
		}
		for _, p := range f.Pins {
			set.pin(p, files[i])
		}
	}
	set.settle()
	return set
}

func (floor *Floor) library(l Library) {
	at := slices.IndexFunc(floor.Libraries, func(have Library) bool { return have.Soname == l.Soname })
	if at < 0 {
		floor.Libraries = append(floor.Libraries, Library{Soname: l.Soname, Versions: slices.Clone(l.Versions)})
		return
	}
	have := &floor.Libraries[at]
	have.Versions = diagnosis.Highest(append(have.Versions, l.Versions...))
}

func (floor *Floor) pin(p Pin, file string) {
	at := slices.IndexFunc(floor.Pins, func(have Pin) bool { return have.Library == p.Library && have.Version == p.Version })
	if at < 0 {
		floor.Pins = append(floor.Pins, Pin{Library: p.Library, Version: p.Version, Symbols: []string{}})
		at = len(floor.Pins) - 1
	}
	have := &floor.Pins[at]
	have.Files = union(have.Files, []string{file})
	have.Symbols = union(have.Symbols, p.Symbols)
	have.Packages = union(have.Packages, p.Packages)
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	slices.Sort(a)
	return a
}
