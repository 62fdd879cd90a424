package loader_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/root"
)

// object is a plausible x86-64 object; change sets what a test is about.
func object(kind binary.Kind, change func(e *binary.ELF)) *binary.Facts {
	e := &binary.ELF{
		Class: 64, Order: "little", Machine: "x86-64", Kind: kind, Dynamic: true, Hash: "gnu", GNUStack: "rw",
		Header: binary.Header{Ident: []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"), Type: 3, Machine: 62, Version: 1,
			Entry: 0x1000, Phentsize: 56, Phnum: 3, Ehsize: 64},
		Segments: []binary.Segment{{Type: binary.PTPhdr, Flags: 4, Off: 64, Vaddr: 64, Filesz: 168, Memsz: 168},
			{Type: binary.PTLoad, Flags: 7, Filesz: 0x2000, Memsz: 0x2000, Align: 4096},
			{Type: binary.PTDynamic, Flags: 6, Off: 0x1800, Vaddr: 0x1800, Filesz: 0x100, Memsz: 0x100}},
	}
	if kind == binary.KindPIE {
		e.Interp, e.HasInterp = "/lib64/ld-linux-x86-64.so.2", true
	}
	change(e)
	if e.HasInterp {
		e.Segments = append(e.Segments, binary.Segment{Type: binary.PTInterp, Flags: 4, Off: 0x200, Filesz: uint64(len(e.Interp) + 1)})
	}
	for range e.Needed {
		e.Tags = append(e.Tags, binary.DynTag{Tag: 1})
	}
	for range e.Filter {
		e.Tags = append(e.Tags, binary.DynTag{Tag: 0x7fffffff})
	}
	for range e.Auxiliary {
		e.Tags = append(e.Tags, binary.DynTag{Tag: 0x7ffffffd})
	}
	if e.Soname != "" {
		e.Tags = append(e.Tags, binary.DynTag{Tag: 14})
	}
	e.Tags = append(e.Tags, binary.DynTag{Tag: 5}, binary.DynTag{Tag: 6}, binary.DynTag{Tag: 0x6ffffff0})
	return &binary.Facts{Format: binary.FormatELF, Size: 0x2000, ELF: e}
}

func library(soname string, needed ...string) *binary.Facts {
	return object(binary.KindShared, func(e *binary.ELF) { e.Soname, e.Needed = soname, needed })
}

func file(path string, f *binary.Facts) root.Entry {
	return root.Entry{Path: path, Mode: root.ModeReg | 0o755, Facts: f}
}

// unreadable is a file that is there and can't be read here.
func unreadable(path string) root.Entry {
	return root.Entry{Path: path, Mode: root.ModeReg | 0o755, Size: 4711}
}

func glibcTree(version string, more ...root.Entry) []root.Entry {
	ld := file("/lib64/ld-linux-x86-64.so.2", library("ld-linux-x86-64.so.2"))
	ld.Loader = &root.Libc{Kind: "glibc", Version: version, Dirs: []string{"/lib64/", "/usr/lib64/"}, LibDST: "lib64", Cache: "/etc/ld.so.cache"}
	libc := file("/lib64/libc.so.6", object(binary.KindShared, func(e *binary.ELF) {
		e.Soname, e.Needed = "libc.so.6", []string{"ld-linux-x86-64.so.2"}
		e.Exports = []binary.Symbol{{Name: "__libc_early_init", Type: 2, Bind: 1, Value: 1}, {Name: "puts", Type: 2, Bind: 1, Value: 1}}
	}))
	libc.LibcVersion = version
	return append([]root.Entry{ld, libc}, more...)
}

func muslTree(more ...root.Entry) []root.Entry {
	ld := file("/lib/ld-musl-x86_64.so.1", library("libc.so"))
	ld.Loader = &root.Libc{Kind: "musl", Version: "1.2.3", Dirs: []string{"/lib", "/usr/lib"}}
	return append([]root.Entry{ld}, more...)
}

func start(t *testing.T, entries []root.Entry, program *binary.Facts, o loader.Options) *loader.Trace {
	t.Helper()
	tree, err := root.Described("test", entries)
	if err != nil {
		t.Fatal(err)
	}
	over, info, err := tree.WithFile("/opt/bin/app", program, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	o.Machine = "x86-64"
	return loader.Load(over, loader.Subject{Facts: program, Place: "/opt/bin/app", Info: info}, o)
}

func app(needed ...string) *binary.Facts {
	return object(binary.KindPIE, func(e *binary.ELF) { e.Needed = needed })
}

// settled fails the test where the trace is not known to start.
func settled(t *testing.T, trace *loader.Trace) {
	t.Helper()
	if !trace.Started() || len(trace.Limits) > 0 {
		t.Fatalf("faults %+v, limits %q", trace.Faults, trace.Limits)
	}
}

func TestDescribedTreesStart(t *testing.T) {
	settled(t, start(t, glibcTree("2.36"), app("libc.so.6"), loader.Options{}))
	musl := object(binary.KindPIE, func(e *binary.ELF) { e.Interp, e.Needed = "/lib/ld-musl-x86_64.so.1", []string{"libc.so"} })
	settled(t, start(t, muslTree(), musl, loader.Options{}))
}

// What only a newer CPU would find must not be missed by the oldest.
func TestHwcapsDirectoryOfAnotherLevelMatters(t *testing.T) {
	runpath := "/opt/lib"
	p := object(binary.KindPIE, func(e *binary.ELF) { e.Needed, e.Runpath = []string{"libf.so", "libc.so.6"}, &runpath })
	tree := glibcTree("2.36", file("/opt/lib/libf.so", library("libf.so")),
		file("/opt/lib/glibc-hwcaps/x86-64-v3/libf.so", library("libf.so", "libgone.so")))
	low := start(t, tree, p, loader.Options{CPU: loader.CPU{Level: "x86-64-v1"}})
	settled(t, low)
	if !low.CPUMatters {
		t.Error("the level is said not to matter")
	}
	if high := start(t, tree, p, loader.Options{CPU: loader.CPU{Level: "x86-64-v3"}}); high.Started() {
		t.Error("the v3 build, which lacks a library, starts")
	}
	other := glibcTree("2.36", file("/opt/lib/libf.so", library("libf.so")), file("/opt/lib/glibc-hwcaps/x86-64-v3/libg.so", library("libg.so")))
	if start(t, other, p, loader.Options{CPU: loader.CPU{Level: "x86-64-v1"}}).CPUMatters {
		t.Error("another library's build makes the level matter")
	}
}

// What can't be read on this machine settles nothing, neither way.
func TestUnreadableHere(t *testing.T) {
	musl := object(binary.KindPIE, func(e *binary.ELF) {
		e.Interp, e.Needed = "/lib/ld-musl-x86_64.so.1", []string{"libf.so", "libc.so"}
	})
	note := object(binary.KindShared, func(e *binary.ELF) { e.Needed = []string{"libc.so.6"} })
	dlopen := loader.Options{AsDlopen: true}
	for name, c := range map[string]struct {
		tree    []root.Entry
		program *binary.Facts
		options loader.Options
	}{
		"cache":           {glibcTree("2.36", unreadable("/etc/ld.so.cache")), app("libf.so", "libc.so.6"), loader.Options{}},
		"library":         {glibcTree("2.36", unreadable("/lib64/libf.so")), app("libf.so", "libc.so.6"), loader.Options{}},
		"filter":          {glibcTree("2.36", unreadable("/lib64/libf.so")), object(binary.KindPIE, func(e *binary.ELF) { e.Filter = []string{"libf.so"} }), loader.Options{}},
		"musl library":    {muslTree(unreadable("/lib/libf.so")), musl, loader.Options{}},
		"musl path":       {muslTree(unreadable("/etc/ld-musl-x86_64.path")), musl, loader.Options{}},
		"interpreter":     {[]root.Entry{unreadable("/lib64/ld-linux-x86-64.so.2")}, app("libc.so.6"), loader.Options{}},
		"dlopen's loader": {[]root.Entry{unreadable("/lib64/ld-linux-x86-64.so.2")}, note, dlopen},
		"preload":         {glibcTree("2.36", unreadable("/etc/ld.so.preload")), app("libc.so.6"), loader.Options{}},
		"libc's version":  {slices.Concat(glibcTree("2.36")[:1], []root.Entry{file("/lib64/libc.so.6", glibcTree("2.36")[1].Facts)}), app("libc.so.6"), loader.Options{}},
	} {
		trace := start(t, c.tree, c.program, c.options)
		if !trace.Started() || len(trace.Limits) == 0 {
			t.Errorf("%s: faults %+v, limits %q", name, trace.Faults, trace.Limits)
		}
	}
}

// Filters that name what has no place in the list of objects.
func TestFiltersOfNothing(t *testing.T) {
	for _, name := range []string{"linux-vdso.so.1", "", "libself.so", "libc.so.6"} {
		for _, set := range []func(e *binary.ELF){
			func(e *binary.ELF) { e.Filter = []string{name} }, func(e *binary.ELF) { e.Auxiliary = []string{name} },
		} {
			lib := object(binary.KindShared, func(e *binary.ELF) { e.Soname = "libself.so"; set(e) })
			settled(t, start(t, glibcTree("2.36", file("/lib64/libself.so", lib)), app("libself.so", "libc.so.6"), loader.Options{}))
			settled(t, start(t, glibcTree("2.36", file("/lib64/libself.so", lib)), object(binary.KindPIE, set), loader.Options{}))
		}
	}
}

// libc.so.6 beside the loader may still be another build's.
func TestLibcOfAnotherBuildBesideTheLoader(t *testing.T) {
	tree := glibcTree("2.36")
	tree[1].LibcVersion = "2.38"
	trace := start(t, tree, app("libc.so.6"), loader.Options{})
	if len(trace.Limits) == 0 || !slices.ContainsFunc(trace.Faults, func(f loader.Fault) bool { return f.Kind == loader.FaultLibcMixed }) {
		t.Errorf("faults %+v, limits %q", trace.Faults, trace.Limits)
	}
}

// A mark that no loader looks at is still a mark.
func TestUnheededLevel(t *testing.T) {
	static := object(binary.KindStaticPIE, func(e *binary.ELF) { e.X86ISA = 1 << 2 })
	for level, risk := range map[string]bool{"x86-64-v2": true, "x86-64-v3": false} {
		trace := start(t, nil, static, loader.Options{CPU: loader.CPU{Level: level}})
		settled(t, trace)
		told := slices.ContainsFunc(trace.Faults, func(f loader.Fault) bool { return f.Kind == loader.FaultCPU && f.Level == "x86-64-v3" })
		if told != risk || !trace.CPUMatters {
			t.Errorf("%s: %+v, level matters: %v", level, trace.Faults, trace.CPUMatters)
		}
	}
}

func TestBindings(t *testing.T) {
	p := object(binary.KindPIE, func(e *binary.ELF) {
		e.Needed, e.Imports = []string{"libc.so.6"}, []binary.Import{{Name: "puts", Bind: 1, Type: 2, Uses: binary.UseCall, Types: []uint32{7}}}
	})
	trace := start(t, glibcTree("2.36"), p, loader.Options{Bindings: true})
	settled(t, trace)
	if len(trace.Bindings) != 1 || !strings.HasSuffix(trace.Bindings[0].To.Path, "/libc.so.6") {
		t.Errorf("%+v", trace.Bindings)
	}
	if got := start(t, glibcTree("2.36"), p, loader.Options{}).Bindings; got != nil {
		t.Errorf("nobody asked for %+v", got)
	}
}

// opaque is a library known by its nodes alone.
func opaque(soname string, nodes ...string) *binary.Facts {
	return object(binary.KindShared, func(e *binary.ELF) {
		e.Soname, e.Opaque = soname, true
		for i, n := range nodes {
			name, unsure := strings.CutPrefix(n, "?")
			e.VersionDefs = append(e.VersionDefs, binary.VersionDef{Name: name, Hash: uint32(len(name)), Revision: 1, Index: uint16(i + 2), Unsure: unsure})
		}
	})
}

// needing is a program that takes sym of version ver from lib.
func needing(lib, sym, ver string) *binary.Facts {
	return object(binary.KindPIE, func(e *binary.ELF) {
		e.Needed = []string{lib, "libc.so.6"}
		imp := binary.Import{Name: sym, Bind: 1, Type: 2, Uses: binary.UseData, Version: ver}
		if ver != "" {
			imp.Library = lib
			e.VersionNeeds = []binary.VersionNeed{{Library: lib, Revision: 1, Versions: []binary.NeededVersion{{Name: ver, Hash: uint32(len(ver))}}}}
		}
		e.Imports = []binary.Import{imp}
	})
}

func TestOpaqueLibraries(t *testing.T) {
	for name, c := range map[string]struct {
		lib      *binary.Facts
		sym, ver string
		starts   bool
		known    bool
	}{
		"node is there":      {opaque("libf.so.1", "F_1"), "f", "F_1", true, true},
		"node is not there":  {opaque("libf.so.1", "F_1"), "f", "F_2", false, true},
		"node may be there":  {opaque("libf.so.1", "F_1", "?F_2"), "f", "F_2", true, false},
		"no nodes":           {opaque("libf.so.1"), "f", "", true, false},
		"no version wanted":  {opaque("libf.so.1", "F_1"), "f", "", true, true},
		"none of glibc":      {opaque("libf.so.1", "GLIBC_2.17"), "f", "", true, false},
		"private symbols":    {opaque("libf.so.1", "F_1"), "f", "GLIBC_PRIVATE", true, false},
		"another library's":  {opaque("libf.so.1", "F_1"), "puts", "", true, true},
		"known and not here": {library("libf.so.1"), "f", "", false, true},
	} {
		trace := start(t, glibcTree("2.36", file("/lib64/libf.so.1", c.lib)), needing("libf.so.1", c.sym, c.ver), loader.Options{})
		if trace.Started() != c.starts || (len(trace.Limits) == 0) != c.known {
			t.Errorf("%s: faults %+v, limits %q", name, trace.Faults, trace.Limits)
		}
	}
	musl := object(binary.KindPIE, func(e *binary.ELF) {
		e.Interp, e.Needed = "/lib/ld-musl-x86_64.so.1", []string{"libf.so.1", "libc.so"}
		e.Imports = []binary.Import{{Name: "f", Bind: 1, Type: 2, Uses: binary.UseData}}
	})
	if trace := start(t, muslTree(file("/lib/libf.so.1", opaque("libf.so.1"))), musl, loader.Options{}); !trace.Started() || len(trace.Limits) != 1 {
		t.Errorf("musl: faults %+v, limits %q", trace.Faults, trace.Limits)
	}
}

// A tree that was described from metadata may have more than it shows.
func TestAbsentMayBeThere(t *testing.T) {
	perhaps := loader.Options{Absent: func(what loader.What, name string) string {
		if strings.Contains(name, "gone") {
			return ""
		}
		return name + " may be there"
	}}
	script := &binary.Facts{Format: binary.FormatScript, Size: 20, Script: &binary.Script{Line: "/usr/bin/python3", Head: []byte("#!/usr/bin/python3\n")}}
	gone := &binary.Facts{Format: binary.FormatScript, Size: 20, Script: &binary.Script{Line: "/usr/bin/gone", Head: []byte("#!/usr/bin/gone\n")}}
	musl := object(binary.KindPIE, func(e *binary.ELF) {
		e.Interp, e.Needed = "/lib/ld-musl-x86_64.so.1", []string{"libf.so.1", "libc.so"}
	})
	for name, c := range map[string]struct {
		tree    []root.Entry
		program *binary.Facts
		starts  bool
	}{
		"library":             {glibcTree("2.36"), app("libf.so.1", "libc.so.6"), true},
		"library is not":      {glibcTree("2.36"), app("libgone.so.1", "libc.so.6"), false},
		"with a version":      {glibcTree("2.36"), needing("libf.so.1", "f", "F_1"), true},
		"both":                {glibcTree("2.36"), app("libf.so.1", "libgone.so.1"), false},
		"musl":                {muslTree(), musl, true},
		"interpreter":         {nil, app("libc.so.6"), true},
		"script":              {nil, script, true},
		"script's is not":     {nil, gone, false},
		"version of libc too": {glibcTree("2.36", file("/lib64/libf.so.2", opaque("libf.so.2", "F_1"))), withNeed(needing("libf.so.2", "f", "F_2"), "libf.so.1"), false},
	} {
		trace := start(t, c.tree, c.program, perhaps)
		if trace.Started() != c.starts || c.starts && len(trace.Limits) == 0 {
			t.Errorf("%s: faults %+v, limits %q", name, trace.Faults, trace.Limits)
		}
	}
}

func withNeed(f *binary.Facts, soname string) *binary.Facts {
	f.ELF.Needed = append(f.ELF.Needed, soname)
	f.ELF.Tags = append(f.ELF.Tags, binary.DynTag{Tag: 1})
	return f
}

// After a warning of a version the start goes on, and ends at the symbol.
func TestVersionThatIsOnlyWarnedOf(t *testing.T) {
	weak := needing("libf.so.1", "f", "F_1")
	weak.ELF.VersionNeeds[0].Versions[0].Weak = true
	other := object(binary.KindShared, func(e *binary.ELF) {
		e.Soname, e.VersionDefs = "libf.so.1", []binary.VersionDef{{Name: "G_1", Hash: 3, Revision: 1, Index: 2}}
	})
	for name, trace := range map[string]*loader.Trace{
		"a library without versions": start(t, glibcTree("2.36", file("/lib64/libf.so.1", library("libf.so.1"))), needing("libf.so.1", "f", "F_1"), loader.Options{}),
		"a weak version":             start(t, glibcTree("2.36", file("/lib64/libf.so.1", other)), weak, loader.Options{}),
	} {
		if trace.ExitStatus != 127 || !strings.HasSuffix(trace.Output[len(trace.Output)-1], "undefined symbol: f, version F_1") {
			t.Errorf("%s: %d %q", name, trace.ExitStatus, trace.Output)
		}
	}
}

// Versions of what is there are told where something else is missing.
func TestVersionsBesideAMissingLibrary(t *testing.T) {
	p := withNeed(needing("libf.so.1", "f", "F_2"), "libgone.so.1")
	p.ELF.VersionNeeds = append(p.ELF.VersionNeeds, binary.VersionNeed{Library: "libgone.so.1", Revision: 1, Versions: []binary.NeededVersion{{Name: "G_1"}}})
	trace := start(t, glibcTree("2.36", file("/lib64/libf.so.1", opaque("libf.so.1", "F_1"))), p, loader.Options{})
	var kinds []loader.FaultKind
	for _, f := range trace.Faults {
		kinds = append(kinds, f.Kind)
	}
	if !slices.Equal(kinds, []loader.FaultKind{loader.FaultLibraryMissing, loader.FaultVersionMissing}) || trace.ExitStatus != 127 || len(trace.Output) != 1 {
		t.Errorf("%v, %d, %q", kinds, trace.ExitStatus, trace.Output)
	}
}

// musl keeps the names for large files alive in its loader alone.
func TestMuslLargeFileNames(t *testing.T) {
	p := object(binary.KindPIE, func(e *binary.ELF) {
		e.Interp, e.Needed, e.Imports = "/lib/ld-musl-x86_64.so.1", []string{"libc.so"}, []binary.Import{{Name: "open64", Bind: 1, Type: 2, Uses: binary.UseData}}
	})
	for version, starts := range map[string]bool{"1.2.3": false, "1.2.4": true, "1.2.5": true} {
		tree := muslTree()
		tree[0].Facts.ELF.Exports = []binary.Symbol{{Name: "open", Type: 2, Bind: 1, Value: 1}}
		tree[0].Loader.Version = version
		if trace := start(t, tree, p, loader.Options{}); trace.Started() != starts {
			t.Errorf("%s: %+v", version, trace.Faults)
		}
	}
}

// Before 2.30 a symbol that moved to another library is not found there.
func TestSymbolThatMoved(t *testing.T) {
	p := needing("libf.so.1", "f", "F_1")
	p.ELF.Needed, p.ELF.Tags = append(p.ELF.Needed, "libg.so.1"), append(p.ELF.Tags, binary.DynTag{Tag: 1})
	versions := []binary.VersionDef{{Name: "F_1", Hash: 3, Revision: 1, Index: 2}}
	lib := object(binary.KindShared, func(e *binary.ELF) { e.Soname, e.VersionDefs = "libf.so.1", versions })
	moved := object(binary.KindShared, func(e *binary.ELF) {
		e.Soname, e.VersionDefs = "libg.so.1", versions
		e.Exports = []binary.Symbol{{Name: "f", Version: "F_1", VerIdx: 2, Type: 2, Bind: 1, Value: 1}}
	})
	for version, line := range map[string]string{
		"2.17": "/opt/bin/app: relocation error: /opt/bin/app: symbol f, version F_1 not defined in file libf.so.1 with link time reference",
		"2.28": "/opt/bin/app: relocation error: /opt/bin/app: symbol f version F_1 not defined in file libf.so.1 with link time reference",
		"2.30": "", "2.36": "",
	} {
		tree := glibcTree(version, file("/lib64/libf.so.1", lib), file("/lib64/libg.so.1", moved))
		trace := start(t, tree, p, loader.Options{})
		if got := strings.Join(trace.Output, "|"); got != line || trace.Started() != (line == "") {
			t.Errorf("%s: %q", version, got)
		}
	}
}

// A static program of another system starts, and does not get far.
func TestProgramOfAnotherSystem(t *testing.T) {
	static := func(change func(f *binary.Facts)) *binary.Facts {
		f := object(binary.KindStaticPIE, func(*binary.ELF) {})
		change(f)
		return f
	}
	for name, c := range map[string]struct {
		facts  *binary.Facts
		starts bool
	}{
		"linux":   {static(func(f *binary.Facts) { f.Go = &binary.Go{Settings: []binary.Setting{{Key: "GOOS", Value: "linux"}}} }), true},
		"GOOS":    {static(func(f *binary.Facts) { f.Go = &binary.Go{Settings: []binary.Setting{{Key: "GOOS", Value: "netbsd"}}} }), false},
		"GNU ABI": {static(func(f *binary.Facts) { f.ELF.Header.Ident[7] = 3 }), true},
	} {
		if trace := start(t, nil, c.facts, loader.Options{}); trace.Started() != c.starts || len(trace.Limits) > 0 {
			t.Errorf("%s: %+v", name, trace.Faults)
		}
	}
	hint := static(func(f *binary.Facts) { f.ELF.Header.Ident[7] = 9 })
	if trace := start(t, nil, hint, loader.Options{}); !trace.Started() || len(trace.Limits) != 1 {
		t.Errorf("%+v %q", trace.Faults, trace.Limits)
	}
}
