package loader

import (
	"path"
	"strings"
)

// dirElem is r_search_path_elem: a directory with its final slash, or "" for
// the working directory.
type dirElem struct {
	name string
	by   FoundBy
	of   string // whose run path
}

// dirList is a run path once it was taken apart.
type dirList struct {
	done bool
	dirs []dirElem
}

// initPaths is _dl_init_paths.
func (g *glibc) initPaths() {
	g.hwcaps = append(g.hwcapDirs(), "")
	for _, d := range g.libc.Dirs {
		g.systemDirs = append(g.systemDirs, dirElem{name: d, by: ByDefault})
	}
	if llp, ok := g.env("LD_LIBRARY_PATH"); ok && llp != "" && !g.secure {
		g.envDirs = g.fillRpath(llp, ":;", g.main, ByEnv, "")
	}
}

// run path of m, taken apart once (cache_rpath, decompose_rpath). An empty
// one is none; one with both tags has no RPATH (elf_get_dynamic_info).
func (g *glibc) rpathOf(m *linkMap) []dirElem {
	if !m.rpath.done {
		m.rpath.done = true
		if m.elf.Rpath != nil && m.elf.Runpath == nil && *m.elf.Rpath != "" {
			m.rpath.dirs = g.fillRpath(*m.elf.Rpath, ":", m, ByRpath, g.file(m))
		}
	}
	return m.rpath.dirs
}

func (g *glibc) runpathOf(m *linkMap) []dirElem {
	if !m.runpath.done {
		m.runpath.done = true
		if m.elf.Runpath != nil && *m.elf.Runpath != "" {
			m.runpath.dirs = g.fillRpath(*m.elf.Runpath, ":", m, ByRunpath, g.file(m))
		}
	}
	return m.runpath.dirs
}

// fillRpath is fillin_rpath: elements are expanded, those that come to
// nothing are dropped, an empty one is the working directory, and each
// directory counts once.
func (g *glibc) fillRpath(text, seps string, m *linkMap, by FoundBy, of string) []dirElem {
	var list []dirElem
	seen := map[string]bool{}
	for _, sep := range seps {
		text = strings.ReplaceAll(text, string(sep), ":")
	}
	for _, name := range strings.Split(text, ":") {
		if name != "" {
			expanded, ok := g.expand(name, m)
			if !ok || expanded == "" {
				continue
			}
			name = strings.TrimRight(expanded, "/") + "/"
		}
		if !seen[name] {
			seen[name] = true
			list = append(list, dirElem{name: name, by: by, of: of})
		}
	}
	return list
}

// expand is _dl_dst_substitute: $ORIGIN, $PLATFORM and $LIB, with or without
// braces. ok is false where the whole text must be dropped.
func (g *glibc) expand(text string, m *linkMap) (string, bool) {
	if !strings.Contains(text, "$") {
		return text, true
	}
	var b strings.Builder
	trusted := false
	for i := 0; i < len(text); {
		if text[i] != '$' {
			b.WriteByte(text[i])
			i++
			continue
		}
		name, n := token(text[i+1:])
		if n == 0 {
			b.WriteByte('$')
			i++
			continue
		}
		value := ""
		switch name {
		case "ORIGIN":
			atStart := i == 0 && (i+1+n == len(text) || text[i+1+n] == '/')
			if !g.secure || atStart {
				value = m.origin
			}
			trusted = trusted || g.secure && m.isMain
		case "PLATFORM":
			value = g.platform()
		case "LIB":
			value = g.libc.LibDST
		}
		if value == "" {
			return "", false
		}
		b.WriteString(value)
		i += 1 + n
	}
	out := b.String()
	if trusted && !g.trusted(out) {
		return "", false
	}
	return out, true
}

// token is is_dst: a name that is followed by no letter, digit or underscore.
// n counts the bytes behind the dollar sign.
func token(text string) (name string, n int) {
	curly := strings.HasPrefix(text, "{")
	rest := strings.TrimPrefix(text, "{")
	for _, name := range []string{"ORIGIN", "PLATFORM", "LIB"} {
		after, ok := strings.CutPrefix(rest, name)
		if !ok {
			continue
		}
		if curly {
			if strings.HasPrefix(after, "}") {
				return name, len(name) + 2
			}
			return "", 0
		}
		if after != "" && identifier(after[0]) {
			return "", 0
		}
		return name, len(name)
	}
	return "", 0
}

func identifier(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// trusted is is_trusted_path_normalize: the path lies below a system
// directory.
func (g *glibc) trusted(p string) bool {
	clean := path.Clean(p) + "/"
	for _, d := range g.libc.Dirs {
		if strings.HasPrefix(clean, d) {
			return true
		}
	}
	return false
}

// platform is AT_PLATFORM, which glibc replaces on Intel's newer CPUs.
func (g *glibc) platform() string {
	if g.opt.CPU.Platform != "" {
		return g.opt.CPU.Platform
	}
	switch m := g.program.Facts.ELF.Machine; m {
	case "x86-64":
		return "x86_64"
	case "i386":
		return "i686"
	case "arm":
		return "v7l"
	case "ppc64le", "ppc64":
		return "power9"
	case "s390x":
		return "z15"
	default:
		return m
	}
}

// hwcapDirs are the subdirectories that are tried before each directory:
// glibc-hwcaps since 2.33 (elf/dl-hwcaps.c), the older ones up to 2.36.
func (g *glibc) hwcapDirs() []string {
	var dirs []string
	if g.atLeast("2.33") {
		for _, name := range g.hwcapNames() {
			dirs = append(dirs, "glibc-hwcaps/"+name+"/")
		}
	}
	if !g.atLeast("2.37") {
		dirs = append(dirs, g.legacyDirs()...)
	}
	return dirs
}

// hwcapNames are the active subdirectories of glibc-hwcaps, best first.
func (g *glibc) hwcapNames() []string {
	switch g.program.Facts.ELF.Machine {
	case "x86-64":
		have := levelRank(g.level)
		if have == 0 {
			have = 4
		}
		have = min(have, g.tunedLevel())
		var names []string
		for level := have; level >= 2; level-- {
			names = append(names, levelName(level))
		}
		return names
	case "ppc64le":
		return []string{"power10", "power9"}
	case "s390x":
		return []string{"z16", "z15", "z14", "z13"}
	}
	return nil
}

// tunedLevel: GLIBC_TUNABLES can hide features from the loader
// (glibc.cpu.hwcaps=-AVX2); each level needs all of its own.
func (g *glibc) tunedLevel() int {
	tunables, ok := g.env("GLIBC_TUNABLES")
	if !ok || g.secure {
		return 4
	}
	level := 4
	for _, t := range strings.Split(tunables, ":") {
		list, ok := strings.CutPrefix(t, "glibc.cpu.hwcaps=")
		if !ok {
			continue
		}
		for _, f := range strings.Split(list, ",") {
			level = min(level, levelWithout(strings.TrimPrefix(f, "-"), strings.HasPrefix(f, "-")))
		}
	}
	return level
}

// features by level (sysdeps/x86/get-isa-level.h, by the names of
// sysdeps/x86/cpu-tunables.c).
var levelFeatures = map[string]int{
	"POPCNT": 1, "SSE3": 1, "SSSE3": 1, "SSE4_1": 1, "SSE4_2": 1, "CMPXCHG16B": 1, "LAHF64_SAHF64": 1,
	"AVX": 2, "AVX2": 2, "F16C": 2, "FMA": 2, "LZCNT": 2, "MOVBE": 2, "AVX2_Usable": 2, "AVX_Usable": 2,
	"AVX512F": 3, "AVX512BW": 3, "AVX512CD": 3, "AVX512DQ": 3, "AVX512VL": 3,
}

func levelWithout(feature string, off bool) int {
	if level, ok := levelFeatures[feature]; ok && off {
		return level
	}
	return 4
}

// legacyDirs are the combinations of old hardware names: all subsets, the
// fullest first, names from the last to the first (elf/dl-hwcaps.c,
// _dl_important_hwcaps up to 2.36).
func (g *glibc) legacyDirs() []string {
	var names []string
	switch g.program.Facts.ELF.Machine {
	case "x86-64":
		names = append(names, "x86_64")
	case "i386":
		names = append(names, "sse2")
	case "aarch64":
		names = append(names, "atomics")
	}
	names = append(append(names, g.opt.CPU.HWCaps...), g.platform(), "tls")
	var dirs []string
	for set := 1<<len(names) - 1; set > 0; set-- {
		dir := ""
		for i := len(names) - 1; i >= 0; i-- {
			if set&(1<<i) != 0 {
				dir += names[i] + "/"
			}
		}
		dirs = append(dirs, dir)
	}
	return dirs
}
