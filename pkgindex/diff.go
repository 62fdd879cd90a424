package pkgindex

import (
	"slices"
)

// Change is what becomes of one soname from one system to another.
type Change struct {
	Soname  string
	Machine string
	Gone    bool     // the second has it no more
	New     bool     // only the second has it
	Lost    []string // nodes that go
	Gained  []string // nodes that come
	Before  string   // package that has it in the first
	After   string   // package that has it in the second
	Install bool     // the second has it not there, but can install it
}

// Diff says which libraries and versions go and come from a to b, for
// programs of a machine ("": of any), sorted by soname.
func Diff(a, b *Index, machine string) []Change {
	before, after := bySoname(a.Libraries(machine)), bySoname(b.Libraries(machine))
	var list []Change
	for _, key := range sortedKeys(before) {
		x := before[key]
		c := Change{Soname: x.Soname, Machine: x.Machine, Before: x.Package}
		y, ok := after[key]
		if !ok {
			c.Gone = true
			list = append(list, c)
			continue
		}
		c.After, c.Install = y.Package, !y.There
		c.Lost, c.Gained = without(x.Nodes, y.Nodes), without(y.Nodes, x.Nodes)
		if len(c.Lost)+len(c.Gained) > 0 || c.Install && x.There {
			list = append(list, c)
		}
	}
	for _, key := range sortedKeys(after) {
		if _, ok := before[key]; !ok {
			y := after[key]
			list = append(list, Change{Soname: y.Soname, Machine: y.Machine, New: true, After: y.Package, Install: !y.There})
		}
	}
	slices.SortStableFunc(list, func(a, b Change) int {
		if a.Soname != b.Soname {
			return compareStrings(a.Soname, b.Soname)
		}
		return compareStrings(a.Machine, b.Machine)
	})
	return list
}

// bySoname: where several packages have one, the one that is there counts.
func bySoname(list []Offered) map[string]Offered {
	m := map[string]Offered{}
	for _, o := range list {
		key := o.Soname + "\x00" + o.Machine
		if old, ok := m[key]; !ok || o.There && !old.There {
			m[key] = o
		}
	}
	return m
}

// without are the strings of a that b has not; both are sorted.
func without(a, b []string) (rest []string) {
	for _, s := range a {
		if _, ok := slices.BinarySearch(b, s); !ok {
			rest = append(rest, s)
		}
	}
	return rest
}
