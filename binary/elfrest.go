package binary

import (
	"bytes"
	"slices"
	"strings"
)

// readRest reads what people want to know and no loader asks for: the section
// headers' few facts, and names that code passes to dlopen.
func (e *elfReader) readRest(src *source, f *Facts) {
	if e.order == nil || e.Machine == "" {
		return
	}
	e.sections()
	e.dlopenStrings()
}

// section is one section header, as far as it is of use here.
type section struct {
	name      string
	off, size uint64
}

// sections reads .comment and .gnu_debuglink where there are section headers;
// nothing else here depends on them.
func (e *elfReader) sections() {
	for _, s := range e.sectionList() {
		e.Sections++
		switch s.name {
		case ".comment":
			b, _ := e.src.bytes(s.off, min(s.size, 1<<14))
			for _, c := range bytes.Split(b, []byte{0}) {
				if text := string(c); text != "" && !slices.Contains(e.Comment, text) {
					e.Comment = append(e.Comment, text)
				}
			}
		case ".symtab":
			e.symtab = true
		case ".text":
			e.view.named = true
		case ".gopclntab", ".data.rel.ro.gopclntab":
			e.view.tableHint = s.off
		case ".go.buildinfo":
			e.view.infoHint = s.off
		case ".go_export":
			e.goExport = true
		case ".gnu_debuglink":
			b, _ := e.src.bytes(s.off, min(s.size, 4096))
			e.DebugLink, _ = cstring(b, 0)
		}
	}
}

func (e *elfReader) sectionList() []section {
	h, want := e.Header, uint64(40)
	if e.Class == 64 {
		want = 64
	}
	if h.Shoff == 0 || h.Shnum == 0 || uint64(h.Shentsize) != want {
		return nil
	}
	b, ok := e.src.bytes(h.Shoff, uint64(h.Shnum)*want)
	if !ok {
		e.problem("section headers", h.Shoff, uint64(h.Shnum)*want, uint64(e.src.size), "the table lies outside the file")
		return nil
	}
	place := func(i uint64) (off, size uint64) {
		s := b[i*want:]
		if e.Class == 64 {
			return e.order.Uint64(s[24:]), e.order.Uint64(s[32:])
		}
		return uint64(e.order.Uint32(s[16:])), uint64(e.order.Uint32(s[20:]))
	}
	var names []byte
	if h.Shstrndx < h.Shnum {
		off, size := place(uint64(h.Shstrndx))
		names, _ = e.src.bytes(off, min(size, 1<<22))
	}
	list := make([]section, h.Shnum)
	for i := range list {
		list[i].name, _ = cstring(names, uint64(e.order.Uint32(b[uint64(i)*want:])))
		list[i].off, list[i].size = place(uint64(i))
	}
	return list
}

// hardening judges nothing, it only counts what is there.
func (e *elfReader) hardening(f *Facts) {
	h := &e.Hardening
	h.Profile = "c"
	if g := f.Go; g != nil {
		h.Profile = "go"
		if g.Cgo || g.Compiler == "gccgo" {
			h.Profile = "go+cgo"
		}
	}
	h.PIE = e.Kind == KindPIE || e.Kind == KindStaticPIE || e.Kind == KindShared
	h.NX = e.GNUStack != "" && !strings.Contains(e.GNUStack, "x")
	h.RELRO = "none"
	for _, s := range e.Segments {
		if s.Type == PTGNURelro {
			h.RELRO = "partial"
			if e.BindNow {
				h.RELRO = "full"
			}
		}
	}
	// A program without lazily bound calls has nothing that BIND_NOW would add;
	// but only the flag makes the linker place the GOT under RELRO.
	canary := false
	for _, i := range e.Imports {
		h.Fortify = h.Fortify || strings.HasSuffix(i.Name, "_chk") && strings.HasPrefix(i.Name, "__") && i.Name != "__stack_chk_fail"
		canary = canary || i.Name == "__stack_chk_fail" || i.Name == "__stack_chk_guard"
	}
	switch {
	case h.Profile == "go":
		h.Canary = "n/a"
	case canary:
		h.Canary = "yes"
	case !e.Dynamic:
		h.Canary = "unknown" // linked in, if at all
	default:
		h.Canary = "no"
	}
}
