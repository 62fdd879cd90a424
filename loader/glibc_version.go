package loader

import (
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
)

// checkVersions is _dl_check_all_versions: every version that is missing is
// printed, then the loader exits with 1.
func (g *glibc) checkVersions() {
	failed := false
	for _, m := range g.maps {
		bad, fatal := g.versionsOf(m)
		if fatal {
			return
		}
		failed = failed || bad
	}
	if failed && !g.ended() {
		g.trace.ExitStatus = 1
	}
	// The faults were noted as they came; only now do they end the start.
	if failed {
		for i := range g.trace.Faults {
			if f := &g.trace.Faults[i]; f.Kind == FaultVersionMissing {
				f.Fatal = true
			}
		}
	}
}

// versionsOf is _dl_check_map_versions. fatal: the loader ends at once.
func (g *glibc) versionsOf(m *linkMap) (bad, fatal bool) {
	e := m.elf
	if !hasTag(e, 5) { // no string table
		return false, false
	}
	for i, need := range e.VersionNeeds {
		if need.Revision != 1 && i == 0 {
			g.end(Fault{Kind: FaultRefused, Stage: StageVersion, Object: g.file(m),
				Message: g.frame(occasionLoad, g.file(m), fmt.Sprintf("unsupported version %d of Verneed record", need.Revision), "")}, 127)
			return true, true
		}
		lib := g.byName(need.Library)
		if lib == nil && g.incomplete {
			continue
		}
		if lib == nil {
			g.assertNeeded(m, need.Library)
			return true, true
		}
		for _, v := range need.Versions {
			bad = g.match(m, lib, need.Library, v) || bad
			m.relrRef = m.relrRef || v.Name == "GLIBC_ABI_DT_RELR"
		}
	}
	return bad, g.relrRef(m)
}

func hasTag(e *binary.ELF, tag int64) bool {
	_, ok := e.Tag(tag)
	return ok
}

// byName is find_needed: by any name that an object was asked for.
func (g *glibc) byName(name string) *linkMap {
	for _, m := range g.maps {
		if m.name == name && name != "" || slices.Contains(m.names, name) {
			return m
		}
	}
	return nil
}

// assertNeeded: a version need of a file that is not loaded trips an
// assertion (elf/dl-version.c).
func (g *glibc) assertNeeded(m *linkMap, library string) {
	line := 204
	if !g.atLeast("2.32") {
		line = 205
	}
	g.end(Fault{Kind: FaultCrash, Stage: StageVersion, Object: g.file(m), NeededBy: g.file(m), Library: library,
		Message: fmt.Sprintf("Inconsistency detected by ld.so: dl-version.c: %d: _dl_check_map_versions: Assertion `needed != NULL' failed!", line),
		Detail:  fmt.Sprintf("it needs a version of %s, which nothing loads", library)}, 127)
}

// match is match_symbol of dl-version.c; it says whether the version is
// missing.
func (g *glibc) match(m, lib *linkMap, library string, v binary.NeededVersion) bool {
	if lib.assumed || defines(lib.elf, v) {
		return false
	}
	f := Fault{Stage: StageVersion, Object: g.file(lib), NeededBy: g.file(m), Library: library, Version: v.Name, Chain: chain(m), Weak: v.Weak}
	if lib.elf.Opaque && v.Name == "GLIBC_PRIVATE" {
		g.limit(fmt.Sprintf("%s needs private symbols of %s, which fit one build alone: the target's evidence tells nothing of them", g.file(m), library))
		return false
	}
	line := func(text string) string {
		if g.dlopened {
			return g.file(lib) + ": " + text
		}
		return g.argv0 + ": " + g.file(lib) + ": " + text
	}
	if len(lib.elf.VersionDefs) == 0 {
		f.Kind = FaultVersionWarning
		f.Message = line(fmt.Sprintf("no version information available (required by %s)", g.file(m)))
		f.Detail = fmt.Sprintf("%s has no versions at all: the loader takes its symbols as they are", library)
		g.warn(f)
		return false
	}
	for _, d := range lib.elf.VersionDefs {
		if d.Revision != 1 {
			f.Kind = FaultVersionMissing
			f.Message = line(fmt.Sprintf("unsupported version %d of Verdef record", d.Revision))
			g.note(f)
			return true
		}
		if d.Hash == v.Hash && d.Name == v.Name {
			if d.Unsure {
				g.limit(fmt.Sprintf("whether %s defines %s, which %s needs, is not known", g.file(lib), v.Name, g.file(m)))
			}
			return false
		}
	}
	if v.Weak {
		f.Kind = FaultVersionWarning
		f.Message = line(fmt.Sprintf("weak version `%s' not found (required by %s)", v.Name, g.file(m)))
		f.Detail = fmt.Sprintf("%s lacks %s, which is asked for weakly", library, v.Name)
		g.warn(f)
		return false
	}
	f.Kind = FaultVersionMissing
	f.Message = line(fmt.Sprintf("version `%s' not found (required by %s)", v.Name, g.file(m)))
	f.Detail = missingVersion(lib.elf, library, v.Name)
	if v.Name == "GLIBC_PRIVATE" {
		f.Kind = FaultLibcMixed
	}
	g.note(f)
	return true
}

// defines: the library has the version, as nearly always, and no more is to
// be said of it.
func defines(lib *binary.ELF, v binary.NeededVersion) bool {
	if lib.Opaque {
		return false
	}
	for i := range lib.VersionDefs {
		d := &lib.VersionDefs[i]
		if d.Revision != 1 {
			return false
		}
		if d.Hash == v.Hash && d.Name == v.Name {
			return !d.Unsure
		}
	}
	return false
}

// missingVersion says what the library has instead, when it is of the family.
func missingVersion(e *binary.ELF, library, version string) string {
	family := version
	if i := strings.LastIndexByte(version, '_'); i > 0 {
		family = version[:i+1]
	}
	highest := ""
	for _, d := range e.VersionDefs {
		if rest, ok := strings.CutPrefix(d.Name, family); ok && !d.Base && rest != "" && rest[0] >= '0' && rest[0] <= '9' && compareNodes(rest, highest) > 0 {
			highest = rest
		}
	}
	if highest == "" {
		return fmt.Sprintf("%s of the target has no %s", library, version)
	}
	return fmt.Sprintf("%s of the target ends at %s%s, and %s is asked for", library, family, highest, version)
}

// warn prints a line; the start goes on.
func (g *glibc) warn(f Fault) {
	if !g.ended() {
		g.print(f.Message)
	}
	g.fault(f)
}

// note prints a line of a failure; the exit comes after all of them.
func (g *glibc) note(f Fault) { g.warn(f) }

// relrRef: since 2.36 a file with DT_RELR that needs libc.so must say so with
// a version; before, RELR is not known and relocations stay undone.
func (g *glibc) relrRef(m *linkMap) (fatal bool) {
	e := m.elf
	if !e.Relr || m == g.rtld {
		return false
	}
	if !g.atLeast("2.36") {
		return false // see relocate
	}
	if m.relrRef || len(e.VersionNeeds) == 0 {
		return false
	}
	for _, n := range e.Needed {
		if strings.HasPrefix(n, "libc.so.") {
			g.end(Fault{Kind: FaultRefused, Stage: StageVersion, Object: g.file(m), Chain: chain(m),
				Message: g.frame(occasionLoad, g.file(m), "DT_RELR without GLIBC_ABI_DT_RELR dependency", ""),
				Detail:  "it has DT_RELR relocations and does not ask for GLIBC_ABI_DT_RELR"}, 127)
			return true
		}
	}
	return false
}

// compareNodes compares the numbers of version nodes.
func compareNodes(a, b string) int {
	if b == "" {
		return 1
	}
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; i < max(len(x), len(y)); i++ {
		m, n := 0, 0
		if i < len(x) {
			m = number(x[i])
		}
		if i < len(y) {
			n = number(y[i])
		}
		if m != n {
			return m - n
		}
	}
	return 0
}

// number is what a text begins with; 0 where that is none.
func number(text string) int {
	n := 0
	for i := 0; i < len(text) && i < 9 && text[i] >= '0' && text[i] <= '9'; i++ {
		n = 10*n + int(text[i]-'0')
	}
	return n
}

// checkISA is dl_isa_level_check, since 2.33: objects from the last to the
// first, ld.so excepted.
func (g *glibc) checkISA() {
	if !g.atLeast("2.33") || g.program.Facts.ELF.Machine != "x86-64" && g.program.Facts.ELF.Machine != "i386" {
		return
	}
	// Tunables hide features from hwcaps, not from this check: the level was
	// taken before they are read (sysdeps/x86/cpu-features.c).
	have := levelRank(g.level)
	for i := len(g.initOrder) - 1; i >= 0; i-- {
		m := g.initOrder[i]
		want := isaLevel(m.elf.X86ISA)
		if m == g.rtld || want < 2 {
			continue
		}
		g.trace.CPUMatters = true
		if have == 0 || have >= want {
			continue
		}
		f := Fault{Kind: FaultCPU, Stage: StageISA, Object: g.file(m), Level: levelName(want), Chain: chain(m),
			Message: g.file(m) + ": CPU ISA level is lower than required",
			Detail:  fmt.Sprintf("it is marked as needing a CPU of level %s", levelName(want))}
		if g.dlopened {
			f.Message = g.frame(occasionLoad, g.file(m), "CPU ISA level is lower than required", "")
		}
		g.end(f, 127)
	}
}
