package pkgindex

import (
	"slices"
	"strings"
)

// Provider is a package that has a library where loaders find it.
type Provider struct {
	Package   string
	Version   string
	Arch      string
	Repo      string
	Path      string // of the library; "" where only its name is known
	Installed bool   // it is there
	Command   string // installs it; "" where it is there
}

// Providers are the packages with a library of a soname that defines all of
// these version nodes, for programs of a machine: those that are there first,
// then by name. A library that only its own package finds provides nothing.
func (x *Index) Providers(soname string, nodes []string, machine string) []Provider {
	var list []Provider
	v := x.view()
	for i := range x.Packages {
		p := &x.Packages[i]
		for j := range p.Files {
			f := &p.Files[j]
			if l := f.Library; l == nil || l.Soname != soname || l.Machine != machine && machine != "" {
				continue
			}
			if !v.provides(f, p) || !containsAll(f.Library.Nodes, nodes) {
				continue
			}
			list = append(list, x.provider(p, f))
			break
		}
	}
	slices.SortStableFunc(list, func(a, b Provider) int {
		switch {
		case a.Installed != b.Installed && a.Installed:
			return -1
		case a.Installed != b.Installed:
			return 1
		}
		return strings.Compare(a.Package, b.Package)
	})
	return list
}

func (x *Index) provider(p *Package, f *File) Provider {
	v := Provider{Package: p.Name, Version: p.Version, Arch: p.Arch, Repo: p.Repo, Installed: x.there(p)}
	if !f.Assumed {
		v.Path = f.Path
	}
	if !v.Installed {
		v.Command = x.install(p)
	}
	return v
}

// install is the command that installs a package, with its architecture where
// that is not the system's own.
func (x *Index) install(p *Package) string {
	name := p.Name
	if archNames[p.Arch] == "i386" && x.has("x86-64") {
		if x.Manager == "apt" {
			name += ":" + p.Arch
		} else {
			name += "." + p.Arch
		}
	}
	switch x.Manager {
	case "":
		return ""
	case "apk":
		return "apk add " + name
	}
	return x.Manager + " install " + name
}

func (x *Index) has(machine string) bool {
	return slices.ContainsFunc(x.Packages, func(p Package) bool { return archNames[p.Arch] == machine })
}

func containsAll(have, want []string) bool {
	for _, n := range want {
		if _, ok := slices.BinarySearch(have, n); !ok {
			return false
		}
	}
	return true
}

// Offered is a library that a system has or can get.
type Offered struct {
	Soname  string
	Machine string
	Nodes   []string // sorted
	Package string
	Version string
	Path    string
	There   bool
}

// Libraries are the libraries that loaders find, for programs of a machine
// ("": of any), sorted by soname.
func (x *Index) Libraries(machine string) []Offered {
	var list []Offered
	v := x.view()
	for i := range x.Packages {
		p := &x.Packages[i]
		for j := range p.Files {
			f := &p.Files[j]
			if f.Library == nil || machine != "" && f.Library.Machine != machine || strings.Contains(f.Path, hwcapsDir) {
				continue
			}
			if !v.provides(f, p) {
				continue
			}
			o := Offered{Soname: f.Library.Soname, Machine: f.Library.Machine, Nodes: f.Library.Nodes, Package: p.Name, Version: p.Version, There: x.there(p)}
			if !f.Assumed {
				o.Path = f.Path
			}
			list = append(list, o)
		}
	}
	slices.SortStableFunc(list, func(a, b Offered) int {
		if c := strings.Compare(a.Soname, b.Soname); c != 0 {
			return c
		}
		if c := strings.Compare(a.Machine, b.Machine); c != 0 {
			return c
		}
		return strings.Compare(a.Package, b.Package)
	})
	return slices.CompactFunc(list, func(a, b Offered) bool {
		return a.Soname == b.Soname && a.Machine == b.Machine && a.Package == b.Package
	})
}

// InBase says whether a package is of the base set, which is always there.
func (x *Index) InBase(name string) bool {
	return slices.ContainsFunc(x.Packages, func(p Package) bool { return p.Name == name && p.Base })
}
