package binary

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// Note types (elf.h; https://uapi-group.org/specifications/specs/elf_dlopen_metadata/).
const (
	ntGNUABITag   = 1
	ntGNUBuildID  = 3
	ntGNUProperty = 5
	ntFDODlopen   = 0x407c0c0a
)

// maxNotes bounds what is read of one note segment.
const maxNotes = 1 << 20

// notes reads PT_NOTE and PT_GNU_PROPERTY.
func (e *elfReader) notes() {
	for _, s := range e.Segments {
		if s.Type != PTNote {
			continue
		}
		size := uint64(e.src.size)
		if s.Off >= size {
			continue
		}
		b, _ := e.src.bytes(s.Off, min(s.Filesz, size-s.Off, maxNotes))
		e.noteList(b, s.Align)
	}
}

// noteList walks notes. In segments of alignment 8 names and descriptors are
// padded to 8 (gABI; only GNU properties use it), else to 4.
func (e *elfReader) noteList(b []byte, align uint64) {
	if align != 8 {
		align = 4
	}
	pad := func(n uint64) uint64 { return (n + align - 1) &^ (align - 1) }
	for len(b) >= 12 {
		nameSize, descSize := uint64(e.order.Uint32(b)), uint64(e.order.Uint32(b[4:]))
		typ := e.order.Uint32(b[8:])
		rest := uint64(len(b))
		descAt := pad(12 + nameSize)
		if nameSize > rest || descAt > rest || descSize > rest-descAt {
			return
		}
		name := string(bytes.TrimRight(b[12:12+nameSize], "\x00"))
		e.note(name, typ, b[descAt:descAt+descSize])
		next := pad(descAt + descSize)
		if next > rest {
			return
		}
		b = b[next:]
	}
}

func (e *elfReader) note(name string, typ uint32, desc []byte) {
	switch {
	case name == "GNU" && typ == ntGNUABITag && len(desc) >= 16 && e.ABITag == nil:
		o := e.order
		e.ABITag = &ABITag{OS: o.Uint32(desc), Kernel: [3]uint32{o.Uint32(desc[4:]), o.Uint32(desc[8:]), o.Uint32(desc[12:])}}
	case name == "GNU" && typ == ntGNUBuildID && len(desc) <= 64 && e.BuildID == "":
		e.BuildID = hex.EncodeToString(desc)
	case name == "GNU" && typ == ntGNUProperty:
		e.properties(desc)
	case name == "FDO" && typ == ntFDODlopen:
		e.dlopenNote(desc)
	}
}

// properties reads NT_GNU_PROPERTY_TYPE_0: type, size, data, padded to the
// word size (x86 psABI, AArch64 ELF ABI).
func (e *elfReader) properties(b []byte) {
	word := uint64(e.view.wordSize())
	for len(b) >= 8 {
		typ, size := e.order.Uint32(b), uint64(e.order.Uint32(b[4:]))
		if size > uint64(len(b))-8 {
			return
		}
		if size == 4 {
			e.property(typ, e.order.Uint32(b[8:]))
		}
		next := 8 + (size+word-1)&^(word-1)
		if next > uint64(len(b)) {
			return
		}
		b = b[next:]
	}
}

func (e *elfReader) property(typ, value uint32) {
	switch typ {
	case 0xc0008002: // GNU_PROPERTY_X86_ISA_1_NEEDED
		e.X86ISA |= value
	case 0xc0010002: // GNU_PROPERTY_X86_ISA_1_USED
		e.X86ISAUsed |= value
	case 0xc0000002: // GNU_PROPERTY_X86_FEATURE_1_AND
		e.X86Feature |= value
	case 0xc0000000: // GNU_PROPERTY_AARCH64_FEATURE_1_AND
		if e.Header.Machine == 183 {
			e.A64Feature |= value
		}
	}
}

func (e *elfReader) dlopenNote(desc []byte) {
	var list []DlopenNote
	text := bytes.TrimRight(desc, "\x00")
	if err := json.Unmarshal(text, &list); err != nil {
		e.problem("dlopen note", 0, 0, uint64(len(desc)), "it is not the JSON that it should be")
		return
	}
	for _, n := range list {
		if len(n.Soname) == 0 || len(e.DlopenNotes) >= 256 {
			continue
		}
		if n.Priority = strings.ToLower(n.Priority); n.Priority == "" {
			n.Priority = "recommended"
		}
		e.DlopenNotes = append(e.DlopenNotes, n)
	}
}

// kernelWords are what a program says that refuses an old kernel
// (sysdeps/unix/sysv/linux/dl-sysdep.h of glibc up to 2.35).
var kernelWords = []byte("FATAL: kernel too old")

// maxKernelScan bounds what is looked through for them: static C programs are
// far smaller.
const maxKernelScan = 256 << 20

// kernelCheck tells whether a static program compares its ABI tag with the
// kernel: glibc did up to 2.35, and the words of it are in the program.
func (e *elfReader) kernelCheck() {
	if e.ABITag == nil || e.HasInterp || e.Kind != KindStatic && e.Kind != KindStaticPIE {
		return
	}
	buf := make([]byte, 256<<10)
	for _, s := range e.Segments {
		if s.Type != PTLoad || s.Flags&2 != 0 || s.Off > uint64(e.src.size) {
			continue
		}
		keep := len(kernelWords) - 1
		end := s.Off + min(s.Filesz, uint64(e.src.size)-s.Off, maxKernelScan)
		for off := s.Off; off < end && !e.KernelCheck; {
			n := min(uint64(len(buf)), end-off)
			read, _ := e.src.ReadAt(buf[:n], int64(off)) // an error is the whole reading's
			if uint64(read) < n {
				return
			}
			e.KernelCheck = bytes.Contains(buf[:n], kernelWords)
			if n <= uint64(keep) || off+n == end {
				break
			}
			off += n - uint64(keep)
		}
	}
}
