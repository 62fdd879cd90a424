package binary

import "strings"

// Dynamic tags (elf.h).
const (
	dtNeeded     = 1
	dtPltRelSz   = 2
	dtHash       = 4
	dtStrtab     = 5
	dtSymtab     = 6
	dtRela       = 7
	dtRelaSz     = 8
	dtStrSz      = 10
	dtSoname     = 14
	dtRpath      = 15
	dtSymbolic   = 16
	dtRel        = 17
	dtRelSz      = 18
	dtPltRel     = 20
	dtDebug      = 21
	dtTextrel    = 22
	dtJmpRel     = 23
	dtBindNow    = 24
	dtRunpath    = 29
	dtFlags      = 30
	dtRelrSz     = 35
	dtRelr       = 36
	dtGNUHash    = 0x6ffffef5
	dtDepAudit   = 0x6ffffefb
	dtAudit      = 0x6ffffefc
	dtVersym     = 0x6ffffff0
	dtRelaCount  = 0x6ffffff9
	dtRelCount   = 0x6ffffffa
	dtFlags1     = 0x6ffffffb
	dtVerdef     = 0x6ffffffc
	dtVerdefNum  = 0x6ffffffd
	dtVerneed    = 0x6ffffffe
	dtVerneedNum = 0x6fffffff
	dtAuxiliary  = 0x7ffffffd
	dtFilter     = 0x7fffffff

	dtMipsSymtabno   = 0x70000011
	dtMipsLocalGotno = 0x7000000a
	dtMipsGotsym     = 0x70000013
)

// maxTags bounds PT_DYNAMIC: real ones have some forty entries.
const maxTags = 1 << 16

// dynamic reads PT_DYNAMIC up to DT_NULL. glibc takes the last PT_DYNAMIC of
// a library (elf/dl-load.c, _dl_map_object_from_fd), and reads it in memory,
// so by address; the file offset serves where no segment holds the address.
func (e *elfReader) dynamic() bool {
	var at *Segment
	for i := range e.Segments {
		if e.Segments[i].Type == PTDynamic {
			at = &e.Segments[i]
		}
	}
	if at == nil {
		return false
	}
	entry := uint64(2 * e.view.wordSize())
	b := e.view.upTo(at.Vaddr, min(at.Memsz, maxTags*entry))
	if b == nil {
		size := uint64(e.src.size)
		if at.Off < size {
			b, _ = e.src.bytes(at.Off, min(at.Filesz, size-at.Off, maxTags*entry))
		}
	}
	if len(b) < int(entry) {
		e.problem("dynamic section", at.Off, at.Filesz, uint64(e.src.size), "PT_DYNAMIC lies outside the file")
		return false
	}
	for ; len(b) >= int(entry); b = b[entry:] {
		tag := e.view.ptr(b)
		if e.Class == 32 {
			tag = uint64(int64(int32(tag)))
		}
		if tag == 0 {
			break
		}
		e.Tags = append(e.Tags, DynTag{Tag: int64(tag), Val: e.view.ptr(b[e.view.wordSize():])})
	}
	e.Dynamic = true
	return true
}

// Tag gives the value of the last entry with that tag: glibc's l_info keeps
// the last (elf/get-dynamic-info.h).
func (e *ELF) Tag(tag int64) (uint64, bool) {
	for i := len(e.Tags) - 1; i >= 0; i-- {
		if e.Tags[i].Tag == tag {
			return e.Tags[i].Val, true
		}
	}
	return 0, false
}

func (e *ELF) hasTag(tag int64) bool { _, ok := e.Tag(tag); return ok }

func (e *elfReader) dynamicStrings() {
	addr, ok := e.Tag(dtStrtab)
	size, sized := e.Tag(dtStrSz)
	if !ok {
		e.problem("dynamic section", 0, 0, 0, "there is no DT_STRTAB")
		return
	}
	if !sized {
		size = 1 << 20 // no loader asks for DT_STRSZ
	}
	e.strtab = e.view.text(addr, size)
	if uint64(len(e.strtab)) < size && sized {
		e.problem("dynamic strings", addr, size, uint64(len(e.strtab)), "the string table lies outside the file")
	}
	for _, t := range e.Tags {
		e.stringTag(t)
	}
	e.flagTags()
}

func (e *elfReader) stringTag(t DynTag) {
	switch t.Tag {
	case dtNeeded, dtSoname, dtRpath, dtRunpath, dtFilter, dtAuxiliary, dtAudit, dtDepAudit:
	default:
		return
	}
	text, ok := e.str(t.Val)
	if !ok {
		e.problem("dynamic strings", t.Val, 0, uint64(len(e.strtab)), "a name lies outside the string table")
	}
	switch t.Tag {
	case dtNeeded:
		e.Needed = append(e.Needed, text)
	case dtSoname:
		e.Soname = text
	case dtRpath:
		e.Rpath = &text
	case dtRunpath:
		e.Runpath = &text
	case dtFilter:
		e.Filter = append(e.Filter, text)
	case dtAuxiliary:
		e.Auxiliary = append(e.Auxiliary, text)
	default:
		e.Audit = append(e.Audit, text)
	}
}

func (e *elfReader) flagTags() {
	e.Flags, _ = e.Tag(dtFlags)
	e.Flags1, _ = e.Tag(dtFlags1)
	e.BindNow = e.hasTag(dtBindNow) || e.Flags&DFBindNow != 0 || e.Flags1&DF1Now != 0
	e.Textrel = e.hasTag(dtTextrel) || e.Flags&DFTextrel != 0
	e.Relr = e.hasTag(dtRelr)
	if e.TLS != nil {
		e.TLS.Static = e.Flags&DFStaticTLS != 0
	}
}

// str is a name of the dynamic string table; it shares the table's memory.
func (e *elfReader) str(off uint64) (string, bool) {
	if off >= uint64(len(e.strtab)) {
		return "", false
	}
	text := e.strtab[off:]
	if end := strings.IndexByte(text, 0); end >= 0 {
		return text[:end], true
	}
	return text, false
}
