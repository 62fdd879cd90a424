package report

import (
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/loader"
)

// versions adds the version nodes that one object asks of others; the trace
// knows which of them are not there.
func (b *treeBuilder) versions(from *TreeObject, trace *loader.Trace) {
	early := endedEarly(trace)
	b.versionsOf(from, func(need, version string, to *TreeObject) bool {
		return early && to.lacks(version) || slices.ContainsFunc(trace.Faults, func(f loader.Fault) bool {
			return f.Stage == loader.StageVersion && f.Library == need && f.Version == version && f.NeededBy == from.Path && lacks(f)
		})
	})
}

// endedEarly: glibc's loader did not come to look at versions, so no fault
// tells of one.
func endedEarly(trace *loader.Trace) bool {
	return trace.Libc != nil && trace.Libc.Kind == "glibc" &&
		slices.ContainsFunc(trace.Faults, func(f loader.Fault) bool { return f.Fatal && f.Stage < loader.StageVersion })
}

// lacks says that the object defines versions, and not this one.
func (o *TreeObject) lacks(version string) bool {
	if o.facts == nil || o.facts.ELF == nil || len(o.facts.ELF.VersionDefs) == 0 {
		return false
	}
	return !slices.ContainsFunc(o.facts.ELF.VersionDefs, func(d binary.VersionDef) bool { return d.Name == version })
}

// lacks: a library without any version is taken as it is, which is no lack.
func lacks(f loader.Fault) bool {
	return f.Kind == loader.FaultVersionMissing || f.Kind == loader.FaultLibcMixed || f.Kind == loader.FaultVersionWarning && f.Weak && !strings.Contains(f.Message, "no version information")
}

func (b *treeBuilder) versionsOf(from *TreeObject, missing func(need, version string, to *TreeObject) bool) {
	if from.facts == nil || from.facts.ELF == nil {
		return
	}
	for _, v := range from.facts.ELF.VersionNeeds {
		n := b.needFor(from, v.Library)
		if n == nil {
			continue
		}
		for _, node := range v.Versions {
			n.Versions = append(n.Versions, TreeVersion{Name: node.Name, Missing: missing(v.Library, node.Name, b.tree.Objects[n.ID]), Weak: node.Weak})
		}
		slices.SortStableFunc(n.Versions, func(a, b TreeVersion) int { return compareVersions(a.Name, b.Name) })
	}
}

// needFor is the edge that a version need belongs to. The linker may have
// taken a version from a library that it then left out of NEEDED.
func (b *treeBuilder) needFor(from *TreeObject, library string) *TreeNeed {
	byName := func(n TreeNeed) bool { return n.Name == library || b.tree.Objects[n.ID].Name == library }
	if i := slices.IndexFunc(from.Needs, byName); i >= 0 {
		return &from.Needs[i]
	}
	for _, o := range b.tree.Objects {
		if o.Name == library || o.source != nil && sonameOf(o.source) == library {
			if i := slices.IndexFunc(from.Needs, func(n TreeNeed) bool { return n.ID == o.ID }); i >= 0 {
				return &from.Needs[i]
			}
			from.need(o, library, NeedVersion)
			return &from.Needs[len(from.Needs)-1]
		}
	}
	return nil
}

// highest leaves one node of each family that is there (GLIBC_2.34 of
// GLIBC_2.2.5 and GLIBC_2.34), and every one that is not.
func highest(list []TreeVersion) []TreeVersion {
	best := map[string]TreeVersion{}
	for _, v := range list {
		family, number := splitVersion(v.Name)
		if _, was := splitVersion(best[family].Name); !v.Missing && (best[family].Name == "" || compareNumbers(number, was) > 0) {
			best[family] = v
		}
	}
	var kept []TreeVersion
	for _, v := range list {
		if family, _ := splitVersion(v.Name); v.Missing || best[family].Name == v.Name {
			kept = append(kept, v)
		}
	}
	return kept
}

// splitVersion parts GLIBC_2.34 into "GLIBC_" and "2.34"; GLIBC_PRIVATE and
// its kind are families of their own.
func splitVersion(name string) (family, number string) {
	i := strings.LastIndexByte(name, '_')
	if i+1 < len(name) && name[i+1] >= '0' && name[i+1] <= '9' {
		return name[:i+1], name[i+1:]
	}
	return name, ""
}

// compareNumbers compares dotted numbers part by part; a longer part of
// digits is the greater one, so that no number is too long.
func compareNumbers(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		p, q := strings.TrimLeft(x[i], "0"), strings.TrimLeft(y[i], "0")
		if len(p) != len(q) {
			return len(p) - len(q)
		}
		if c := strings.Compare(p, q); c != 0 {
			return c
		}
	}
	return len(x) - len(y)
}

// compareVersions sorts by family, then by number.
func compareVersions(a, b string) int {
	familyA, numberA := splitVersion(a)
	familyB, numberB := splitVersion(b)
	if c := strings.Compare(familyA, familyB); c != 0 {
		return c
	}
	return compareNumbers(numberA, numberB)
}

// words of a version for people.
func (v TreeVersion) words() string {
	switch {
	case v.Missing && v.Weak:
		return v.Name + " (absent, weak)"
	case v.Missing:
		return v.Name + " not found"
	}
	return v.Name
}
