package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/willrun/willrun/binary"
)

// InspectSchema names the document of willrun inspect.
const InspectSchema = "willrun.inspect/v1"

// InspectDocument is what willrun inspect --format json prints.
type InspectDocument struct {
	Schema  string      `json:"schema"`
	Results []FileFacts `json:"results"`
	Errors  []Trouble   `json:"errors"`
}

// FileFacts are the facts of one file.
type FileFacts struct {
	File  string        `json:"file"`
	Facts *binary.Facts `json:"facts"`
}

// Facts writes the facts of one file for people: what it is, what it needs,
// and where it comes from. Verbose lists every symbol, segment and module.
func (s Style) Facts(w io.Writer, name string, f *binary.Facts) {
	fmt.Fprintf(w, "%s\n", s.paint(bold, clean(name)))
	s.field(w, "what", f.Describe)
	s.field(w, "size", fmt.Sprintf("%d bytes", f.Size))
	switch {
	case f.ELF != nil:
		s.elf(w, f.ELF)
	case f.PE != nil:
		s.pe(w, f.PE)
	case f.Script != nil:
		s.field(w, "#! line", strings.TrimSpace(f.Script.Line))
	}
	for i := range f.MachO {
		s.macho(w, &f.MachO[i])
	}
	if f.Go != nil {
		s.golang(w, f.Go)
	}
	for _, p := range f.Problems {
		s.field(w, "broken", p.Part+": "+p.Text)
	}
}

// label is the width of the left column.
const label = 14

// field writes one fact; an empty value is no fact.
func (s Style) field(w io.Writer, name, value string) {
	if value == "" {
		return
	}
	indent := strings.Repeat(" ", label+2)
	lead := "  " + s.paint(faint, fmt.Sprintf("%-*s", label, name))
	s.prose(w, lead, indent, value)
}

func (s Style) elf(w io.Writer, e *binary.ELF) {
	s.field(w, "interpreter", e.Interp)
	s.field(w, "soname", e.Soname)
	s.field(w, "needs", strings.Join(e.Needed, " "))
	if e.Rpath != nil {
		s.field(w, "RPATH", *e.Rpath)
	}
	if e.Runpath != nil {
		s.field(w, "RUNPATH", *e.Runpath)
	}
	s.field(w, "filter", strings.Join(append(append([]string{}, e.Filter...), e.Auxiliary...), " "))
	for _, n := range e.VersionNeeds {
		var versions []string
		for _, v := range n.Versions {
			name := v.Name
			if v.Weak {
				name += " (weak)"
			}
			versions = append(versions, name)
		}
		s.field(w, "versions of", n.Library+": "+strings.Join(versions, " "))
	}
	s.field(w, "defines", versionNames(e.VersionDefs))
	s.field(w, "symbols", symbolCounts(e))
	s.field(w, "ABI tag", abiTag(e))
	s.field(w, "CPU level", isaNeeded(e))
	s.field(w, "TLS", tls(e))
	if e.GNUStack == "" || strings.Contains(e.GNUStack, "x") {
		s.field(w, "stack", "executable")
	}
	s.field(w, "flags", dynamicFlags(e))
	for _, n := range e.DlopenNotes {
		s.field(w, "may open", fmt.Sprintf("%s (%s, %s)", strings.Join(n.Soname, " or "), n.Priority, strings.TrimSpace(n.Feature+" "+n.Description)))
	}
	s.field(w, "dlopen names", strings.Join(e.DlopenStrings, " "))
	s.field(w, "build ID", e.BuildID)
	s.field(w, "debug link", e.DebugLink)
	s.field(w, "made by", strings.Join(e.Comment, "; "))
	h := e.Hardening
	if h.Profile != "" {
		s.field(w, "hardening", fmt.Sprintf("PIE %s, RELRO %s, NX %s, fortify %s, canary %s (%s)",
			yes(h.PIE), h.RELRO, yes(h.NX), yes(h.Fortify), h.Canary, h.Profile))
	}
	if s.Verbose {
		s.elfTables(w, e)
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func versionNames(defs []binary.VersionDef) string {
	var names []string
	for _, d := range defs {
		if !d.Base {
			names = append(names, d.Name)
		}
	}
	return strings.Join(names, " ")
}

func symbolCounts(e *binary.ELF) string {
	if !e.Dynamic {
		return ""
	}
	hash := e.Hash
	if hash == "" {
		hash = "none"
	}
	return fmt.Sprintf("%d used, %d exported, hash table %s", len(e.Imports), len(e.Exports), hash)
}

func abiTag(e *binary.ELF) string {
	if e.ABITag == nil {
		return ""
	}
	k := e.ABITag.Kernel
	return fmt.Sprintf("Linux %d.%d.%d or newer", k[0], k[1], k[2])
}

func isaNeeded(e *binary.ELF) string {
	for level := 4; level > 1; level-- {
		if e.X86ISA&(1<<(level-1)) != 0 {
			return fmt.Sprintf("x86-64-v%d", level)
		}
	}
	return ""
}

func tls(e *binary.ELF) string {
	if e.TLS == nil {
		return ""
	}
	model := "dynamic"
	if e.TLS.Static {
		model = "static"
	}
	return fmt.Sprintf("%d bytes, %s model", e.TLS.Size, model)
}

// names of DT_FLAGS_1 bits that change what a loader does (elf.h).
var flags1 = []struct {
	bit  uint64
	name string
}{
	{0x1, "NOW"}, {0x8, "NODELETE"}, {0x20, "INITFIRST"}, {0x40, "NOOPEN"}, {0x80, "ORIGIN"},
	{0x400, "INTERPOSE"}, {0x800, "NODEFLIB"}, {0x8000000, "PIE"},
}

func dynamicFlags(e *binary.ELF) string {
	var names []string
	add := func(on bool, name string) {
		if on {
			names = append(names, name)
		}
	}
	add(e.BindNow, "BIND_NOW")
	add(e.Textrel, "TEXTREL")
	add(e.Relr, "RELR")
	add(e.Flags&0x1 != 0, "ORIGIN")
	add(e.Flags&0x2 != 0, "SYMBOLIC")
	for _, f := range flags1 {
		add(e.Flags1&f.bit != 0, f.name)
	}
	return strings.Join(names, " ")
}

func (s Style) elfTables(w io.Writer, e *binary.ELF) {
	for _, g := range e.Segments {
		fmt.Fprintf(w, "    segment type %#x flags %d offset %#x address %#x in file %#x in memory %#x align %#x\n",
			g.Type, g.Flags, g.Off, g.Vaddr, g.Filesz, g.Memsz, g.Align)
	}
	for _, i := range e.Imports {
		fmt.Fprintf(w, "    uses    %s\n", clean(at(i.Name, i.Version)))
	}
	for _, x := range e.Exports {
		fmt.Fprintf(w, "    exports %s\n", clean(at(x.Name, x.Version)))
	}
}

func at(name, version string) string {
	if version == "" {
		return name
	}
	return name + "@" + version
}

func (s Style) pe(w io.Writer, p *binary.PE) {
	s.field(w, "machine", p.Machine)
	s.field(w, "subsystem", strings.TrimSpace(p.Subsystem+" "+p.SubsystemVersion))
	s.field(w, "needs", strings.Join(p.Imports, " "))
	s.field(w, "delayed", strings.Join(p.DelayImports, " "))
	s.field(w, "signed", yes(p.Signed))
}

func (s Style) macho(w io.Writer, m *binary.MachO) {
	s.field(w, "slice", strings.TrimSpace(m.Machine+" "+m.Type))
	s.field(w, "system", strings.TrimSpace(m.Platform+" "+m.MinOS+" or newer"))
	var names []string
	for _, d := range m.Dylibs {
		names = append(names, d.Name)
	}
	s.field(w, "needs", strings.Join(names, " "))
	signature := "none"
	if m.Signed {
		signature = fmt.Sprintf("present, flags %#x", m.SignFlags)
	}
	s.field(w, "signature", signature)
}

func (s Style) golang(w io.Writer, g *binary.Go) {
	s.field(w, "Go", strings.TrimSpace(strings.Join([]string{g.Version, g.Compiler, g.Link + " link", g.BuildMode, g.Level}, " ")))
	s.field(w, "main package", g.Path)
	if g.Main != nil {
		s.field(w, "module", strings.TrimSpace(g.Main.Path+" "+g.Main.Version))
	}
	if n := len(g.Deps); n > 0 {
		s.field(w, "modules", plural(n, "dependency", "dependencies"))
	}
	s.field(w, "libgo", g.Libgo)
	s.field(w, "cgo", whyCgo(g))
	s.field(w, "FIPS", g.FIPS)
	s.field(w, "needs data", goData(g.Needs))
	if g.MinKernel != "" {
		s.field(w, "kernel", "Linux "+g.MinKernel+" or newer, by its Go version")
	}
	if g.MinOS != "" {
		s.field(w, "system", g.MinOS+" or newer, by its Go version")
	}
	if !s.Verbose {
		return
	}
	for _, d := range g.Deps {
		fmt.Fprintf(w, "    module  %s %s\n", clean(d.Path), clean(d.Version))
	}
	for _, set := range g.Settings {
		fmt.Fprintf(w, "    setting %s=%s\n", clean(set.Key), clean(set.Value))
	}
}

func whyCgo(g *binary.Go) string {
	if !g.Cgo && len(g.CgoPackages) == 0 {
		return ""
	}
	var twins, own []string
	for _, p := range g.CgoPackages {
		if p.Twin {
			twins = append(twins, p.Path)
		} else {
			own = append(own, p.Path)
		}
	}
	switch {
	case g.Packages == nil:
		return "linked in; which packages call C can't be told"
	case len(own) > 0 && len(twins) > 0:
		return "for " + strings.Join(own, ", ") + "; and " + strings.Join(twins, ", ") + ", which pure Go can replace"
	case len(own) > 0:
		return "for " + strings.Join(own, ", ")
	case len(twins) > 0:
		return "only for " + strings.Join(twins, ", ") + ": CGO_ENABLED=0 does without"
	}
	return "linked in, and no package calls C"
}

func goData(n binary.GoNeeds) string {
	var list []string
	for _, d := range []struct {
		on   bool
		name string
	}{{n.Certificates, "CA certificates"}, {n.TimeZones, "time zones"}, {n.Passwd, "users"}, {n.Resolver, "host names"}, {n.Plugins, "plugins"}} {
		if d.on {
			list = append(list, d.name)
		}
	}
	return strings.Join(list, ", ")
}
