package binary

import (
	"bytes"
	stdbinary "encoding/binary"
	"encoding/hex"
	"fmt"
)

// Mach-O magics (mach-o/loader.h, mach-o/fat.h).
const (
	machoFat   = 0xcafebabe
	machoFat64 = 0xcafebabf
)

var machoCPUs = map[uint32]string{7: "i386", 0x01000007: "x86-64", 12: "arm", 0x0100000c: "aarch64", 0x0200000c: "aarch64 ilp32", 18: "ppc", 0x01000012: "ppc64"}

var machoTypes = map[uint32]string{1: "object", 2: "execute", 4: "core", 6: "dylib", 7: "dylinker", 8: "bundle", 10: "dsym", 11: "kext"}

var machoPlatforms = map[uint32]string{1: "macos", 2: "ios", 3: "tvos", 4: "watchos", 5: "bridgeos", 6: "mac catalyst", 7: "ios simulator",
	8: "tvos simulator", 9: "watchos simulator", 10: "driverkit", 11: "visionos", 12: "visionos simulator"}

// maxSlices: a fat file has one for each machine.
const maxSlices = 40

// isMachO looks at the first bytes. A Java class begins as a fat file does;
// the number behind it is a version of 45 and more there, and a handful of
// slices here.
func isMachO(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	be, le := stdbinary.BigEndian.Uint32(head), stdbinary.LittleEndian.Uint32(head)
	switch {
	case be == machoFat || be == machoFat64:
		n := stdbinary.BigEndian.Uint32(head[4:])
		return n > 0 && n < maxSlices
	case be&^1 == 0xfeedface, le&^1 == 0xfeedface:
		return true
	}
	return false
}

// readMachO reads a thin or fat file, and gives the view of its first slice.
func readMachO(src *source, f *Facts) *view {
	head, ok := src.bytes(0, 8)
	if !ok {
		return nil
	}
	be := stdbinary.BigEndian
	magic := be.Uint32(head)
	if magic != machoFat && magic != machoFat64 {
		f.Format = FormatMachO
		v := machoSlice(src, 0, uint64(src.size), f)
		f.describeMachO()
		return v
	}
	n, size := min(uint64(be.Uint32(head[4:])), maxSlices), uint64(20)
	if magic == machoFat64 {
		size = 32
	}
	table, ok := src.bytes(8, n*size)
	if !ok {
		return nil
	}
	var first *view
	for ; len(table) >= int(size); table = table[size:] {
		off, length := uint64(be.Uint32(table[8:])), uint64(be.Uint32(table[12:]))
		if magic == machoFat64 {
			off, length = be.Uint64(table[8:]), be.Uint64(table[16:])
		}
		v := machoSlice(src, off, length, f)
		if first == nil {
			first = v
		}
	}
	f.describeMachO()
	return first
}

func (f *Facts) describeMachO() {
	if len(f.MachO) == 0 {
		return
	}
	f.Format = FormatMachO
	words := map[string]string{"execute": "program", "dylib": "library", "bundle": "plugin"}[f.MachO[0].Type]
	if words == "" {
		words = f.MachO[0].Type
	}
	machines := ""
	for _, m := range f.MachO {
		machines += " " + m.Machine
	}
	system := f.MachO[0].Platform
	if system == "" || system == "macos" {
		system = "macOS"
	}
	f.Describe = fmt.Sprintf("%s%s %s", system, machines, words)
}

// machoReader reads one slice.
type machoReader struct {
	src   *source
	off   uint64 // of the slice in the file
	end   uint64
	order stdbinary.ByteOrder
	m     MachO
	view  *view
}

func machoSlice(src *source, off, length uint64, f *Facts) *view {
	size := uint64(src.size)
	if off > size || length > size-off {
		f.Problems = append(f.Problems, Problem{Part: "fat header", Off: off, Want: length, Have: size, Text: "a slice lies outside the file"})
		return nil
	}
	head, ok := src.bytes(off, 28)
	if !ok {
		return nil
	}
	r := &machoReader{src: src, off: off, end: off + length, order: stdbinary.LittleEndian}
	if stdbinary.BigEndian.Uint32(head)&^1 == 0xfeedface {
		r.order = stdbinary.BigEndian
	}
	magic := r.order.Uint32(head)
	if magic&^1 != 0xfeedface {
		return nil
	}
	start := off + 28
	r.m.Class = 32
	if magic == 0xfeedfacf {
		r.m.Class, start = 64, off+32
	}
	r.view = &view{src: src, order: r.order, wide: r.m.Class == 64}
	cpu, typ := r.order.Uint32(head[4:]), r.order.Uint32(head[12:])
	if r.m.Machine = machoCPUs[cpu]; r.m.Machine == "" {
		r.m.Machine = fmt.Sprintf("cpu %#x", cpu)
	}
	if r.m.Type = machoTypes[typ]; r.m.Type == "" {
		r.m.Type = fmt.Sprintf("type %d", typ)
	}
	r.commands(start, uint64(r.order.Uint32(head[16:])), uint64(r.order.Uint32(head[20:])), f)
	f.MachO = append(f.MachO, r.m)
	return r.view
}

func (r *machoReader) commands(at, n, size uint64, f *Facts) {
	if at > r.end || size > r.end-at {
		f.Problems = append(f.Problems, Problem{Part: "load commands", Off: at, Want: size, Have: r.end, Text: "they lie outside the file"})
		return
	}
	b, _ := r.src.bytes(at, size)
	for ; n > 0 && len(b) >= 8; n-- {
		cmd, length := r.order.Uint32(b), uint64(r.order.Uint32(b[4:]))
		if length < 8 || length > uint64(len(b)) {
			f.Problems = append(f.Problems, Problem{Part: "load commands", Off: at, Want: length, Have: uint64(len(b)), Text: "a command has an impossible size"})
			return
		}
		r.command(cmd&^0x80000000, b[:length], f)
		b = b[length:]
	}
}

// command reads one load command; LC_REQ_DYLD was taken off.
func (r *machoReader) command(cmd uint32, b []byte, f *Facts) {
	word := func(i int) uint32 {
		if len(b) < i+4 {
			return 0
		}
		return r.order.Uint32(b[i:])
	}
	switch cmd {
	case 0x1, 0x19: // LC_SEGMENT, LC_SEGMENT_64
		r.segment(b, f)
	case 0x26, 0x2a: // LC_FUNCTION_STARTS, LC_SOURCE_VERSION
		r.m.apple = true
	case 0xb: // LC_DYSYMTAB
		r.m.symbols = word(12) > 0 // nlocalsym
	case 0xc, 0x18, 0x1f, 0x20, 0x23: // LC_LOAD_DYLIB, _WEAK_, _REEXPORT_, _LAZY_, _UPWARD_
		if name, ok := cstring(b, uint64(word(8))); ok && len(r.m.Dylibs) < maxImports {
			r.m.Dylibs = append(r.m.Dylibs, Dylib{Name: name, Weak: cmd == 0x18})
		}
	case 0xe: // LC_LOAD_DYLINKER
		r.m.Interp, _ = cstring(b, uint64(word(8)))
	case 0x1c: // LC_RPATH
		if p, ok := cstring(b, uint64(word(8))); ok && len(r.m.Rpaths) < maxImports {
			r.m.Rpaths = append(r.m.Rpaths, p)
		}
	case 0x1b: // LC_UUID
		if len(b) >= 24 {
			r.m.UUID = hex.EncodeToString(b[8:24])
		}
	case 0x1d: // LC_CODE_SIGNATURE
		r.signature(uint64(word(8)), uint64(word(12)), f)
	case 0x24, 0x25, 0x2f, 0x30: // LC_VERSION_MIN_*
		r.m.Platform = map[uint32]string{0x24: "macos", 0x25: "ios", 0x2f: "tvos", 0x30: "watchos"}[cmd]
		r.m.MinOS, r.m.SDK = machoVersion(word(8)), machoVersion(word(12))
	case 0x32: // LC_BUILD_VERSION
		if r.m.Platform = machoPlatforms[word(8)]; r.m.Platform == "" {
			r.m.Platform = fmt.Sprintf("platform %d", word(8))
		}
		r.m.MinOS, r.m.SDK = machoVersion(word(12)), machoVersion(word(16))
	}
}

func machoVersion(v uint32) string {
	if v == 0 {
		return ""
	}
	s := fmt.Sprintf("%d.%d", v>>16, v>>8&0xff)
	if v&0xff != 0 {
		s += fmt.Sprintf(".%d", v&0xff)
	}
	return s
}

func (r *machoReader) segment(b []byte, f *Facts) {
	var s span
	prot := 60
	if r.m.Class == 32 {
		prot = 44
	}
	if len(b) < prot+4 {
		return
	}
	switch p := r.order.Uint32(b[prot:]); { // initprot: 1 read, 2 write, 4 execute
	case p&4 != 0:
		s.flags = spanExec
	case p&2 != 0:
		s.flags = spanWrite
	}
	if r.m.Class == 64 {
		if len(b) < 72 {
			return
		}
		s.vaddr, s.memsz, s.off, s.filesz = r.order.Uint64(b[24:]), r.order.Uint64(b[32:]), r.order.Uint64(b[40:]), r.order.Uint64(b[48:])
	} else {
		if len(b) < 56 {
			return
		}
		s.vaddr, s.memsz = uint64(r.order.Uint32(b[24:])), uint64(r.order.Uint32(b[28:]))
		s.off, s.filesz = uint64(r.order.Uint32(b[32:])), uint64(r.order.Uint32(b[36:]))
	}
	if s.off > r.end-r.off || s.filesz > r.end-r.off-s.off {
		f.Problems = append(f.Problems, Problem{Part: "segment", Off: r.off + s.off, Want: s.filesz, Have: r.end - r.off, Text: "it lies outside the file"})
		return
	}
	if len(r.view.spans) >= maxSections {
		return
	}
	s.off += r.off
	r.view.spans = append(r.view.spans, s)
	r.sections(b)
}

// sections notes where Go's tables lie.
func (r *machoReader) sections(b []byte) {
	size, header, off := 68, 56, 40
	if r.m.Class == 64 {
		size, header, off = 80, 72, 48
	}
	for b = b[header:]; len(b) >= size; b = b[size:] {
		at := r.off + uint64(r.order.Uint32(b[off:]))
		switch string(bytes.TrimRight(b[:16], "\x00")) {
		case "__text":
			r.view.named = true
		case "__gopclntab":
			r.view.tableHint = at
		case "__go_buildinfo":
			r.view.infoHint = at
		}
	}
}

// signature reads the CodeDirectory's flags (xnu, bsd/sys/codesign.h); all of
// it is big endian.
func (r *machoReader) signature(off, size uint64, f *Facts) {
	if off > r.end-r.off || size > r.end-r.off-off {
		f.Problems = append(f.Problems, Problem{Part: "code signature", Off: r.off + off, Want: size, Have: r.end - r.off, Text: "it lies outside the file"})
		return
	}
	be := stdbinary.BigEndian
	b, ok := r.src.bytes(r.off+off, min(size, 1<<20))
	if !ok || len(b) < 12 || be.Uint32(b) != 0xfade0cc0 {
		return
	}
	r.m.Signed = true
	for i := uint64(0); i < min(uint64(be.Uint32(b[8:])), 64); i++ {
		if uint64(len(b)) < 12+8*i+8 {
			return
		}
		at := uint64(be.Uint32(b[12+8*i+4:]))
		if at > uint64(len(b)) || uint64(len(b))-at < 24 || be.Uint32(b[at:]) != 0xfade0c02 {
			continue
		}
		r.m.SignFlags = be.Uint32(b[at+12:])
		r.m.Identifier, _ = cstring(b[at:], uint64(be.Uint32(b[at+20:])))
		// The team's name came with version 0x20200.
		if len(b[at:]) >= 52 && be.Uint32(b[at+8:]) >= 0x20200 && be.Uint32(b[at+48:]) != 0 {
			r.m.TeamID, _ = cstring(b[at:], uint64(be.Uint32(b[at+48:])))
		}
		return
	}
}
