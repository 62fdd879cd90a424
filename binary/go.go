package binary

import (
	"runtime/debug"
	"strings"
)

// readGo looks for Go in a program: build info, function table, and what the
// file's own shape tells. f.Go stays nil where there is none.
func readGo(f *Facts, v *view) {
	g := &Go{}
	var names []byte
	isGo := false
	if v.mayBeGo() {
		var info *debug.BuildInfo
		g.Version, info = readBuildInfo(v)
		if info != nil {
			isGo = true
			g.fill(info)
		}
		names = readFuncNames(v)
	}
	libgo := libgoOf(f.ELF)
	switch {
	case libgo != "" || hasGccgo(f.ELF):
		g.Compiler, g.Libgo, g.Link = "gccgo", libgo, "external"
		if f.ELF != nil {
			g.GCC = strings.Join(f.ELF.Comment, "; ")
		}
	case !isGo && names == nil:
		return
	case g.Compiler == "":
		g.Compiler = "gc"
	}
	if g.Version == "" && names != nil {
		g.Version = v.searchVersion()
	}
	g.functions(names)
	g.shape(f)
	if g.Level == "" && g.Compiler == "gc" {
		g.Level = levelMessage(v, f.machine())
	}
	g.minimums(f)
	f.Go = g
}

// mayBeGo: a program whose sections have names has Go's among them, which
// spares the search through all of its data.
func (v *view) mayBeGo() bool {
	return v != nil && v.order != nil && (!v.named || v.tableHint != 0 || v.infoHint != 0)
}

func (g *Go) fill(info *debug.BuildInfo) {
	g.Path = info.Path
	if info.Main.Path != "" {
		m := module(&info.Main)
		g.Main = &m
	}
	for _, d := range info.Deps {
		g.Deps = append(g.Deps, module(d))
	}
	for _, s := range info.Settings {
		g.Settings = append(g.Settings, Setting{Key: s.Key, Value: s.Value})
		switch s.Key {
		case "-compiler":
			g.Compiler = s.Value
		case "-buildmode":
			g.BuildMode = s.Value
		case "GOAMD64", "GOARM64", "GO386", "GOARM", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64":
			g.Level = s.Key + "=" + s.Value
		case "GOFIPS140":
			g.FIPS = s.Value
		case "GOEXPERIMENT":
			if strings.Contains(s.Value, "boringcrypto") {
				g.FIPS = "boringcrypto"
			}
		}
	}
}

func module(m *debug.Module) Module {
	out := Module{Path: m.Path, Version: m.Version, Sum: m.Sum}
	if m.Replace != nil {
		r := module(m.Replace)
		out.Replace = &r
	}
	return out
}

// libgoOf is the soname of GCC's Go library.
func libgoOf(e *ELF) string {
	if e == nil {
		return ""
	}
	for _, n := range e.Needed {
		if strings.HasPrefix(n, "libgo.so") {
			return n
		}
	}
	return ""
}

// hasGccgo: a static gccgo program keeps the section in which packages tell
// of what they export.
func hasGccgo(e *ELF) bool { return e != nil && e.goExport }

func (g *Go) setting(key string) string {
	for _, s := range g.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// shape fills what build info does not tell, from the file itself.
func (g *Go) shape(f *Facts) {
	external, mode := false, "exe"
	switch {
	case f.ELF != nil:
		external, g.Stripped = externallyLinked(f.ELF), !f.ELF.symtab
		mode = elfBuildMode(f.ELF)
	case f.PE != nil:
		// Go's own linker calls itself 3.0 (cmd/link/internal/ld/pe.go).
		external, g.Stripped = f.PE.linker != [2]byte{3, 0}, f.PE.symbols == 0
		if f.PE.DLL {
			mode = "c-shared"
		}
	case len(f.MachO) > 0:
		m := &f.MachO[0]
		external, g.Stripped = m.apple, !m.symbols
		mode = map[string]string{"dylib": "c-shared", "bundle": "plugin"}[m.Type]
	}
	if g.Link == "" {
		g.Link = "internal"
		if external {
			g.Link = "external"
		}
	}
	if g.BuildMode == "" {
		if g.BuildMode = mode; mode == "" {
			g.BuildMode = "exe"
		}
	}
}

func (f *Facts) machine() string {
	switch {
	case f.ELF != nil:
		return f.ELF.Machine
	case f.PE != nil:
		return f.PE.Machine
	case len(f.MachO) > 0:
		return f.MachO[0].Machine
	}
	return ""
}

func elfBuildMode(e *ELF) string {
	switch e.Kind {
	case KindPIE, KindStaticPIE:
		return "pie"
	case KindShared:
		// A plugin exports hashes of its packages, which must be those of the
		// program that opens it (runtime/plugin.go).
		for _, s := range e.Exports {
			if strings.HasPrefix(s.Name, "go:link.pkghashbytes.") || strings.HasPrefix(s.Name, "go.link.pkghashbytes.") {
				return "plugin"
			}
		}
		return "c-shared"
	case KindObject:
		return "c-archive"
	}
	return "exe"
}

// externallyLinked: Go's own linker writes no ABI tag, no initialisers, no
// unwind table and no compiler's comment; a C linker with its start files does.
// Static programs against musl have none of these either, but no PT_PHDR
// aligned to a page, as Go's linker makes it (cmd/link/internal/ld/elf.go).
func externallyLinked(e *ELF) bool {
	if e.ABITag != nil || e.hasTag(12) || e.hasTag(25) || len(e.Comment) > 0 { // DT_INIT, DT_INIT_ARRAY
		return true
	}
	byGo := false
	for _, s := range e.Segments {
		if s.Type == 0x6474e550 { // PT_GNU_EH_FRAME
			return true
		}
		byGo = byGo || s.Type == 6 && s.Align >= 0x1000 // PT_PHDR
	}
	return !byGo
}
