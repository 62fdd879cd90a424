package binary

import (
	"bytes"
	stdbinary "encoding/binary"
	"runtime/debug"
	"strings"
)

// The build info that Go's linker leaves (cmd/link/internal/ld/data.go,
// buildinfo; read as debug/buildinfo does). It is read here, because the
// standard reader wants section headers or a fixed place for it, loads the
// symbol tables of PE and Mach-O files, and is meant for files that are sound.
const (
	infoMagic  = "\xff Go buildinf:"
	infoHeader = 32
	infoAlign  = 16

	// Around the module text (cmd/go/internal/modload/build.go).
	modStart = "\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"
	modEnd   = "\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2"

	// No file makes us look at more places that only look like one.
	maxInfoTries    = 64
	maxVersionTries = 1 << 16
	maxVersion      = 512
	maxModInfo      = 16 << 20
)

// readBuildInfo gives the Go version and the build info, nil where the
// program has none (some programs' makers take it out). The linker's own lies
// in writable data or a section of its own; what looks like one elsewhere may
// be that of a program embedded in this one, and is taken only where there is
// no other.
func readBuildInfo(v *view) (version string, info *debug.BuildInfo) {
	var mod string
	found := false
	try := func(off uint64) bool {
		version, mod, found = v.infoAt(off)
		return !found
	}
	if v.infoHint != 0 {
		try(v.infoHint)
	}
	for _, want := range []func(uint32) bool{
		func(fl uint32) bool { return fl&(spanWrite|spanExec) == spanWrite },
		func(fl uint32) bool { return fl&(spanWrite|spanExec) != spanWrite },
	} {
		tries := 0
		if found {
			break
		}
		start := stdbinary.LittleEndian.Uint32([]byte(infoMagic))
		v.searchWord(v.ranges(want), infoAlign, [3]uint32{start, start, start}, func(off uint64) bool {
			tries++
			return try(off) && tries < maxInfoTries
		})
	}
	if !found {
		return "", nil
	}
	if mod == "" {
		mod = v.searchModInfo()
	}
	info, err := debug.ParseBuildInfo(mod)
	if err != nil {
		info = &debug.BuildInfo{}
	}
	return version, info
}

// infoAt reads the header at a file offset, and the two strings that follow
// it (Go 1.18 and newer) or that it points to (before).
func (v *view) infoAt(off uint64) (version, mod string, ok bool) {
	h, ok := v.src.bytes(off, infoHeader)
	if !ok || string(h[:len(infoMagic)]) != infoMagic {
		return "", "", false
	}
	if h[15]&2 != 0 {
		at := off + infoHeader
		version, at, ok = v.infoString(at, maxVersion)
		if !ok || !goVersion(version) {
			return "", "", false
		}
		mod, _, _ = v.infoString(at, maxModInfo)
		return version, unframe(mod), true
	}
	if int(h[14]) != v.wordSize() || h[15]&1 != 0 != (v.order == stdbinary.BigEndian) {
		return "", "", false
	}
	version = v.goString(v.ptr(h[16:]), maxVersion)
	mod = v.goString(v.ptr(h[16+v.wordSize():]), maxModInfo)
	// In a program that is relocated the pointers may be filled only when it
	// is loaded; that it is Go is plain all the same.
	if !goVersion(version) {
		version = ""
	}
	return version, unframe(mod), true
}

// infoString is a length as varint, and that many bytes.
func (v *view) infoString(off, limit uint64) (s string, next uint64, ok bool) {
	head, _ := v.src.bytes(off, min(stdbinary.MaxVarintLen64, uint64(v.src.size)-min(off, uint64(v.src.size))))
	n, used := stdbinary.Uvarint(head)
	if used <= 0 || n > limit {
		return "", 0, false
	}
	b, ok := v.src.bytes(off+uint64(used), n)
	return string(b), off + uint64(used) + n, ok
}

// goString is a string header at an address, and what it points to.
func (v *view) goString(addr, limit uint64) string {
	h, ok := v.at(addr, 2*v.wordSize())
	if !ok {
		return ""
	}
	n := v.ptr(h[v.wordSize():])
	if n > limit {
		return ""
	}
	b, _ := v.at(v.ptr(h), int(n))
	return string(b)
}

func unframe(mod string) string {
	if len(mod) >= 33 && mod[len(mod)-17] == '\n' {
		return mod[16 : len(mod)-16]
	}
	return ""
}

// searchModInfo finds the module text by what stands around it.
func (v *view) searchModInfo() (mod string) {
	tries := 0
	all := v.ranges(func(uint32) bool { return true })
	v.search(all, modStart, func(off uint64) bool {
		tries++
		b, _ := v.src.bytes(off, min(maxModInfo/maxInfoTries, uint64(v.src.size)-off))
		if i := bytes.Index(b, []byte(modEnd)); i >= 0 {
			mod = unframe(string(b[:i+len(modEnd)]))
		}
		return mod == "" && tries < maxInfoTries
	})
	return mod
}

// searchVersion finds the text of runtime.buildVersion, which the linker lays
// down by itself, with a NUL behind it (cmd/link/internal/ld/data.go,
// addstrdata). Where there are several that differ, none is told.
func (v *view) searchVersion() (version string) {
	tries := 0
	v.search(v.ranges(func(uint32) bool { return true }), "go1.", func(off uint64) bool {
		if tries++; tries > maxVersionTries {
			return false
		}
		b, _ := v.src.bytes(off-min(off, 1), min(32, uint64(v.src.size)-off))
		text, ok := cstring(b, 1)
		if !ok || b[0] >= ' ' && b[0] <= '~' || !releaseVersion(text) {
			return true
		}
		if version != "" && version != text {
			version = ""
			return false
		}
		version = text
		return true
	})
	return version
}

// releaseVersion: go1.22, go1.22.6, go1.22rc1.
func releaseVersion(s string) bool {
	rest := strings.TrimLeft(strings.TrimPrefix(s, "go1."), "0123456789")
	if len(rest) == len(s)-4 {
		return false
	}
	for _, kind := range []string{".", "rc", "beta"} {
		if n, ok := strings.CutPrefix(rest, kind); ok {
			return n != "" && strings.Trim(n, "0123456789") == ""
		}
	}
	return rest == ""
}

// goVersion tells a version from bytes that are none.
func goVersion(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return strings.HasPrefix(s, "go") || strings.HasPrefix(s, "devel")
}
