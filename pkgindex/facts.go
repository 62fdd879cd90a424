package pkgindex

import (
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
)

// commandDirs are those on the usual PATH.
var commandDirs = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"}

func isCommand(file string) bool { return slices.Contains(commandDirs, path.Dir(file)) }

// minOpaque is the size that a file needs to hold the frame.
const minOpaque = 4096

// opaqueFacts are the facts of a file that was never seen: what metadata tells,
// in a frame that every loader takes. Its symbols are not known.
func opaqueFacts(l *Library, size int64, runpath []string) *binary.Facts {
	m, ok := machineNamed(l.Machine)
	if !ok {
		return nil
	}
	e := &binary.ELF{Class: l.Class, Order: "little", Machine: l.Machine, Kind: l.Kind, Soname: l.Soname, Needed: l.Needed,
		Hash: "gnu", GNUStack: "rw", Opaque: true}
	data := byte(1)
	if m.big {
		e.Order, data = "big", 2
	}
	e.Header = binary.Header{Ident: append([]byte("\x7fELF"), byte(l.Class/32), data, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), Type: 3, Machine: m.number, Version: 1,
		Phoff: 64, Ehsize: 64, Phentsize: 56}
	if l.Class == 32 {
		e.Header.Phoff, e.Header.Ehsize, e.Header.Phentsize = 52, 52, 32
	}
	// One page of code, aligned for every page size there is; programs of a
	// fixed address have it where linkers begin.
	base := uint64(0)
	if e.Kind == binary.KindExec || e.Kind == binary.KindStatic {
		base = 1 << 22
	}
	size = max(size, minOpaque)
	e.Segments = []binary.Segment{{Type: binary.PTLoad, Flags: 5, Vaddr: base, Filesz: minOpaque, Memsz: minOpaque, Align: 1 << 21}}
	frame(e, m, base)
	if l.Kernel != [3]uint32{} {
		e.ABITag = &binary.ABITag{Kernel: l.Kernel}
	}
	if e.Dynamic {
		opaqueDynamic(e, l, base, runpath)
	}
	e.Header.Phnum = uint16(len(e.Segments))
	return &binary.Facts{Format: binary.FormatELF, Size: size, Describe: describeOpaque(e), ELF: e}
}

// ptPhdr is the segment of the program headers themselves.
const ptPhdr = 6

// frame is what the kind of a file says of its headers.
func frame(e *binary.ELF, m machine, base uint64) {
	switch e.Kind {
	case binary.KindObject:
		e.Header.Type, e.Segments = 1, nil
		return
	case binary.KindExec, binary.KindStatic:
		e.Header.Type = 2
	}
	e.Header.Entry = base + 2048
	if e.Kind == binary.KindExec || e.Kind == binary.KindPIE {
		e.HasInterp, e.Interp = true, m.loader
		if slices.ContainsFunc(e.Needed, func(n string) bool { return strings.HasPrefix(n, "libc.musl-") || strings.HasPrefix(n, "ld-musl-") }) {
			e.Interp = m.musl
		}
	}
	if e.HasInterp {
		n := uint64(len(e.Interp) + 1)
		head := binary.Segment{Type: ptPhdr, Flags: 4, Off: 64, Vaddr: base + 64, Filesz: 224, Memsz: 224, Align: 8}
		e.Segments = append([]binary.Segment{head}, e.Segments...)
		e.Segments = append(e.Segments, binary.Segment{Type: binary.PTInterp, Flags: 4, Off: 512, Vaddr: base + 512, Filesz: n, Memsz: n, Align: 1})
	}
	e.Dynamic = e.Kind != binary.KindStatic
}

// opaqueDynamic writes a dynamic section with all that a loader follows
// without asking.
func opaqueDynamic(e *binary.ELF, l *Library, base uint64, runpath []string) {
	const strtab, symtab, runpathTag, versym, needed, soname = 5, 6, 29, 0x6ffffff0, 1, 14
	e.Segments = append(e.Segments, binary.Segment{Type: binary.PTDynamic, Flags: 4, Off: 1024, Vaddr: base + 1024, Filesz: 256, Memsz: 256, Align: 8})
	for range l.Needed {
		e.Tags = append(e.Tags, binary.DynTag{Tag: needed})
	}
	if l.Soname != "" {
		e.Tags = append(e.Tags, binary.DynTag{Tag: soname})
	}
	e.Tags = append(e.Tags, binary.DynTag{Tag: strtab}, binary.DynTag{Tag: symtab})
	if len(runpath) > 0 {
		text := strings.Join(runpath, ":")
		e.Runpath = &text
		e.Tags = append(e.Tags, binary.DynTag{Tag: runpathTag})
	}
	e.VersionNeeds = l.Needs
	if len(l.Nodes) > 0 {
		e.VersionDefs = append(e.VersionDefs, binary.VersionDef{Name: l.Soname, Hash: sysvHash(l.Soname), Revision: 1, Base: true, Index: 1})
	}
	for i, n := range l.Nodes {
		e.VersionDefs = append(e.VersionDefs, binary.VersionDef{Name: n, Hash: sysvHash(n), Revision: 1, Index: uint16(i + 2)})
	}
	if maybePrivate(l) {
		e.VersionDefs = append(e.VersionDefs, binary.VersionDef{Name: glibcPrivate, Hash: sysvHash(glibcPrivate), Revision: 1, Index: uint16(len(l.Nodes) + 2), Unsure: true})
	}
	if len(l.Nodes) > 0 || len(l.Needs) > 0 {
		e.Tags = append(e.Tags, binary.DynTag{Tag: versym})
	}
}

// glibcPrivate is the node of what glibc's parts share among themselves. Most
// distributions leave it out of their metadata.
const glibcPrivate = "GLIBC_PRIVATE"

func maybePrivate(l *Library) bool {
	return slices.ContainsFunc(l.Nodes, func(n string) bool { return strings.HasPrefix(n, "GLIBC_2.") }) && !slices.Contains(l.Nodes, glibcPrivate)
}

func describeOpaque(e *binary.ELF) string {
	text := "ELF 64-bit "
	if e.Class == 32 {
		text = "ELF 32-bit "
	}
	return text + e.Machine + " " + string(e.Kind) + ", known from package metadata"
}

// scriptFacts are those of a script of which the first line is known.
func scriptFacts(line string, size int64) *binary.Facts {
	text := "#!" + line + "\n"
	f, err := binary.Read(strings.NewReader(text), int64(len(text)))
	if err != nil {
		return nil
	}
	f.Size = max(size, f.Size)
	return f
}

// libraryFrom sums up what was read of a file.
func libraryFrom(e *binary.ELF, name string) *Library {
	l := &Library{Soname: e.Soname, Kind: e.Kind, Machine: e.Machine, Class: e.Class, Needed: e.Needed, Needs: e.VersionNeeds}
	if l.Soname == "" {
		l.Soname = name // then loaders find it by the file's name alone
	}
	for _, d := range e.VersionDefs {
		if !d.Base {
			l.Nodes = append(l.Nodes, d.Name)
		}
	}
	slices.Sort(l.Nodes)
	if e.ABITag != nil {
		l.Kernel = e.ABITag.Kernel
	}
	return l
}

// sysvHash is the hash of version names (System V ABI, chapter 5).
func sysvHash(name string) uint32 {
	h := uint32(0)
	for i := range len(name) {
		h = h<<4 + uint32(name[i])
		g := h & 0xf0000000
		h ^= g >> 24
		h &^= g
	}
	return h
}
