package pkgindex

import (
	"fmt"
	"slices"
)

// Join puts indexes of one system together: a release's base, its updates,
// another repository. Of each package the newest version is kept, as the
// package manager would. It fails where they are of different systems.
func Join(indexes ...*Index) (*Index, error) {
	if len(indexes) == 0 {
		return nil, fmt.Errorf("no indexes to join")
	}
	first := indexes[0]
	j := &Index{Name: first.Name, Manager: first.Manager, Complete: true, Installed: true, Distribution: first.Distribution}
	for _, x := range indexes {
		if x.Manager != j.Manager && x.Manager != "" && j.Manager != "" {
			return nil, fmt.Errorf("%s is of %s, and %s of %s: they are of different systems", first.Name, j.Manager, x.Name, x.Manager)
		}
		j.Sources = append(j.Sources, x.Sources...)
		for _, f := range x.Formats {
			if !slices.Contains(j.Formats, f) {
				j.Formats = append(j.Formats, f)
			}
		}
		for _, r := range x.Releases {
			if !slices.Contains(j.Releases, r) {
				j.Releases = append(j.Releases, r)
			}
		}
		if j.Distribution.ID == "" {
			j.Distribution = x.Distribution
		}
		if j.Manager == "" {
			j.Manager = x.Manager
		}
		j.Installed = j.Installed && x.Installed
	}
	// One that lists all there is makes the whole complete, as far as known.
	j.Complete = slices.ContainsFunc(indexes, func(x *Index) bool { return x.Complete })
	for _, x := range indexes {
		for _, p := range x.Packages {
			// What one says is installed stays so beside a repository.
			p.pinned = x.Installed && !j.Installed
			p.Base = p.Base || p.pinned
			j.Packages = append(j.Packages, p)
		}
	}
	j.Packages = newest(j.Manager, j.Packages)
	return j, nil
}

// newest keeps the newest version of each package by name and architecture.
// What is there is not replaced by what could be installed instead. Modules'
// packages are only offered where their stream is enabled, so others are
// taken before them.
func newest(manager string, packages []Package) []Package {
	type key struct{ name, arch string }
	best := map[key]int{}
	for i := range packages {
		p := &packages[i]
		if slices.Contains(parallel, p.Name) {
			continue
		}
		k := key{p.Name, p.Arch}
		j, ok := best[k]
		if !ok || better(manager, p, &packages[j]) {
			best[k] = i
		}
		if ok && (p.Base || packages[j].Base) { // an update of what is there is there
			p.Base, packages[j].Base = true, true
		}
	}
	var list []Package
	for i, p := range packages {
		if j, ok := best[key{p.Name, p.Arch}]; !ok || j == i {
			list = append(list, p)
		}
	}
	return list
}

// parallel packages are installed beside their older versions
// (dnf.conf(5), installonlypkgs).
var parallel = []string{"kernel", "kernel-core", "kernel-modules", "kernel-devel", "gpg-pubkey"}

func better(manager string, a, b *Package) bool {
	if a.pinned != b.pinned {
		return a.pinned
	}
	if x, y := modular(a), modular(b); x != y {
		return y
	}
	return compareEVR(manager, a.Version, b.Version) > 0
}
