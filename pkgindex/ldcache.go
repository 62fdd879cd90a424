package pkgindex

import (
	"encoding/binary"
	"path"
	"slices"
	"strings"
)

// ldCache writes the ld.so.cache that ldconfig makes of what is there, in the
// format of glibc 2.2 and newer (sysdeps/generic/dl-cache.h). Every glibc
// distribution runs ldconfig when packages with libraries are installed, so
// this is where a loader finds them. Libraries that have another one for newer
// CPUs are left out: the loader then finds the one for its CPU in the
// directory itself, as it would through the cache.
func ldCache(entries []cacheEntry, big bool) []byte {
	if len(entries) == 0 {
		return nil
	}
	slices.SortStableFunc(entries, func(a, b cacheEntry) int {
		if c := libCompare(b.soname, a.soname); c != 0 {
			return c
		}
		return int(b.flags) - int(a.flags)
	})
	entries = slices.CompactFunc(entries, func(a, b cacheEntry) bool { return a.soname == b.soname && a.flags == b.flags })
	const head, width = 48, 24
	var order binary.ByteOrder = binary.LittleEndian
	endian := byte(2)
	if big {
		order, endian = binary.BigEndian, 3
	}
	table, strs := make([]byte, width*len(entries)), []byte{}
	at := func(s string) uint32 {
		off := head + len(table) + len(strs)
		strs = append(append(strs, s...), 0)
		return uint32(off)
	}
	for i, e := range entries {
		b := table[width*i:]
		order.PutUint32(b, uint32(e.flags))
		order.PutUint32(b[4:], at(e.soname))
		order.PutUint32(b[8:], at(e.path))
	}
	out := make([]byte, head, head+len(table)+len(strs))
	copy(out, "glibc-ld.so.cache1.1")
	order.PutUint32(out[20:], uint32(len(entries)))
	order.PutUint32(out[24:], uint32(len(strs)))
	out[28] = endian
	return append(append(out, table...), strs...)
}

type cacheEntry struct {
	soname, path string
	flags        int32
}

// cacheFlags are the flags of a machine's entries (sysdeps/*/dl-cache.h).
var cacheFlags = map[string]int32{"x86-64": 0x0303, "i386": 0x0003, "aarch64": 0x0a03, "s390x": 0x0403, "ppc64le": 0x0503, "ppc64": 0x0503,
	"arm": 0x0903, "riscv64": 0x1003, "loongarch64": 0x1203}

// cache is the cache of this tree. Each library is spelt with the first of the
// directories, of those in the configuration and then the built-in ones, that
// leads to it.
func (t *treeOf) cache(libs []cached) []byte {
	var entries []cacheEntry
	capable := map[string]bool{}
	for _, l := range libs {
		if i := strings.Index(l.real, hwcapsDir); i >= 0 {
			capable[l.real[:i]+"/"+l.soname] = true
		}
	}
	big := false
	for _, l := range libs {
		if strings.Contains(l.real, hwcapsDir) || capable[path.Dir(l.real)+"/"+l.soname] || l.soname != path.Base(l.soname) {
			continue
		}
		big = big || l.machine.big
		for _, d := range slices.Concat(t.view.conf, t.view.searched(l.machine)) {
			if t.view.real(d) == path.Dir(l.real) {
				entries = append(entries, cacheEntry{l.soname, d + "/" + l.soname, cacheFlags[l.machine.name]})
				break
			}
		}
	}
	return ldCache(entries, big)
}

// cached is a library that ldconfig sees.
type cached struct {
	soname  string
	real    string // path without links of directories
	machine machine
}

// libCompare is _dl_cache_libcmp of glibc's elf/dl-cache.c: digits compare as
// numbers, and come behind anything else.
func libCompare(a, b string) int {
	for a != "" && b != "" {
		x, y := isDigit(rune(a[0])), isDigit(rune(b[0]))
		switch {
		case x && y:
			p, q := run(a, isDigit), run(b, isDigit)
			a, b = a[len(p):], b[len(q):]
			p, q = strings.TrimLeft(p, "0"), strings.TrimLeft(q, "0")
			if len(p) != len(q) {
				return len(p) - len(q)
			}
			if c := strings.Compare(p, q); c != 0 {
				return c
			}
		case x:
			return 1
		case y:
			return -1
		case a[0] != b[0]:
			return int(int8(a[0])) - int(int8(b[0]))
		default:
			a, b = a[1:], b[1:]
		}
	}
	return len(a) - len(b)
}
