package loader

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// cache is ld.so.cache in any of its formats: the old one of libc 5, the new
// one, or the new one behind the old (sysdeps/generic/dl-cache.h).
type cache struct {
	order   binary.ByteOrder
	entries []byte
	width   int    // of an entry: 12 old, 24 new
	strings []byte // that offsets count from
	hwcaps  []string
}

const (
	magicOld = "ld.so-1.7.0"
	magicNew = "glibc-ld.so.cache1.1"
	// maxCache bounds what is read of a cache: real ones are below 1 MB.
	maxCache = 64 << 20

	hwcapExtension = 1 << 62
	hwcapPlatform  = 0xff << 48 // _DL_HWCAP_PLATFORM: bits 48 to 55
	hwcapTLS       = 1 << 63
)

// parseCache makes the checks of _dl_load_cache_lookup; nil means that glibc
// ignores the file.
func parseCache(data []byte, order binary.ByteOrder, checkEndian, extensions bool) *cache {
	switch {
	case len(data) > 48 && strings.HasPrefix(string(data[:20]), magicNew) && int64(order.Uint32(data[20:])) <= int64(len(data)-48)/24:
		return newCache(data, order, checkEndian, extensions)
	case len(data) > 16 && strings.HasPrefix(string(data[:16]), magicOld) && int64(order.Uint32(data[12:])) <= int64(len(data)-16)/12:
		n := int(order.Uint32(data[12:]))
		at := (16 + 12*n + 7) &^ 7
		if at+48 <= len(data) && strings.HasPrefix(string(data[at:]), magicNew) {
			// glibc does not check the embedded count.
			return newCache(data[at:], order, checkEndian, extensions)
		}
		return &cache{order: order, entries: data[16 : 16+12*n], width: 12, strings: data[16+12*n:]}
	}
	return nil
}

func newCache(data []byte, order binary.ByteOrder, checkEndian, extensions bool) *cache {
	if checkEndian && !endianFits(data[28], order) {
		return nil
	}
	n := min(int64(order.Uint32(data[20:])), int64(len(data)-48)/24)
	c := &cache{order: order, entries: data[48 : 48+24*n], width: 24, strings: data}
	if extensions {
		c.hwcaps = extensionNames(data, order)
	}
	return c
}

// endianFits: 0 is unset, 2 little, 3 big (cache_file_new_matches_endian).
func endianFits(flags byte, order binary.ByteOrder) bool {
	want := byte(2)
	if order == binary.BigEndian {
		want = 3
	}
	return flags == 0 || flags&3 == want
}

// extensionNames reads the glibc-hwcaps section of the extension directory
// (cache_extension_load).
func extensionNames(data []byte, order binary.ByteOrder) []string {
	size := uint64(len(data))
	at := uint64(order.Uint32(data[32:]))
	if at == 0 || at%4 != 0 || at+8 > size || order.Uint32(data[at:]) != 0xeaa42174 {
		return nil
	}
	n := uint64(order.Uint32(data[at+4:]))
	if n > (size-at-8)/16 {
		return nil
	}
	for i := range n {
		s := data[at+8+16*i:]
		off, length := uint64(order.Uint32(s[8:])), uint64(order.Uint32(s[12:]))
		if order.Uint32(s) != 1 || off > size || length > size-off || off%4 != 0 || length%4 != 0 {
			continue
		}
		var names []string
		for b := data[off : off+length]; len(b) >= 4; b = b[4:] {
			names = append(names, text(data, order.Uint32(b)))
		}
		return names
	}
	return nil
}

func text(table []byte, off uint32) string { return string(bytesAt(table, off)) }

func bytesAt(table []byte, off uint32) []byte {
	if uint64(off) >= uint64(len(table)) {
		return nil
	}
	b := table[off:]
	if i := bytes.IndexByte(b[:min(len(b), 1<<16)], 0); i >= 0 {
		return b[:i]
	}
	return b
}

type cacheEntry struct {
	flags      int32
	key, value uint32
	hwcap      uint64
}

func (c *cache) len() int { return len(c.entries) / c.width }

func (c *cache) entry(i int) (e cacheEntry) {
	b := c.entries[i*c.width:]
	e.flags, e.key, e.value = int32(c.order.Uint32(b)), c.order.Uint32(b[4:]), c.order.Uint32(b[8:])
	if c.width == 24 {
		e.hwcap = c.order.Uint64(b[16:])
	}
	return e
}

func (c *cache) valid(off uint32) bool { return uint64(off) < uint64(len(c.strings)) }

// cacheQuery is what search_cache knows of the machine.
type cacheQuery struct {
	flags    int32          // _DL_CACHE_DEFAULT_ID
	also     int32          // further flags accepted, besides 1
	hwcap    uint64         // GLRO(dl_hwcap) & mask
	platform uint64         // of the platform's bit, or ^0
	levels   int            // ISA levels of the CPU, by number
	rank     map[string]int // glibc-hwcaps names that are active → priority from 1
}

// search is search_cache: a binary search, then the best of the entries of
// that name. matters says that another CPU could get another entry.
func (c *cache) search(name string, q cacheQuery) (value string, matters bool) {
	left, right := 0, c.len()-1
	for left <= right {
		middle := (left + right) / 2
		key := c.entry(middle).key
		if !c.valid(key) {
			return "", false
		}
		cmp := libCompare(name, bytesAt(c.strings, key))
		switch {
		case cmp == 0:
			for middle > 0 {
				key = c.entry(middle - 1).key
				if !c.valid(key) || libCompare(name, bytesAt(c.strings, key)) != 0 {
					break
				}
				middle--
			}
			return c.best(name, middle, right, q)
		case cmp < 0:
			left = middle + 1
		default:
			right = middle - 1
		}
	}
	return "", false
}

func (c *cache) best(name string, from, to int, q cacheQuery) (best string, matters bool) {
	found, priority := false, 0
	for i := from; i <= to; i++ {
		e := c.entry(i)
		if !c.valid(e.key) || libCompare(name, bytesAt(c.strings, e.key)) != 0 {
			break
		}
		if e.flags != 1 && e.flags != q.flags && (q.also == 0 || e.flags != q.also) || !c.valid(e.value) {
			continue
		}
		named := c.width == 24 && e.hwcap>>32&^0x3ff == hwcapExtension>>32
		if named {
			matters = true
			p := c.priority(e, q)
			if p == 0 || found && p >= priority {
				continue
			}
			priority = p
		} else if c.width == 24 {
			if found {
				break
			}
			if e.hwcap != 0 {
				matters = true
			}
			if e.hwcap&^(q.hwcap|hwcapPlatform|hwcapTLS) != 0 {
				continue
			}
			if p := e.hwcap & hwcapPlatform; p != 0 && p != q.platform {
				continue
			}
		}
		best, found = text(c.strings, e.value), true
		if !named && e.flags == q.flags {
			break
		}
	}
	return best, matters
}

// priority of a glibc-hwcaps entry: 0 is not usable here.
func (c *cache) priority(e cacheEntry, q cacheQuery) int {
	if level := int(e.hwcap >> 32 & 0x3ff); level > q.levels {
		return 0
	}
	i := uint32(e.hwcap)
	if uint64(i) >= uint64(len(c.hwcaps)) {
		return 0
	}
	return q.rank[c.hwcaps[i]]
}

// libCompare is _dl_cache_libcmp: digits compare as numbers.
func libCompare[T string | []byte](a string, b T) int {
	i, j := 0, 0
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	for i < len(a) {
		x, y := byteOf(a, i), byteOf(b, j)
		switch {
		case digit(x) && digit(y):
			var m, n int32
			for digit(byteOf(a, i)) {
				m = m*10 + int32(byteOf(a, i)-'0')
				i++
			}
			for digit(byteOf(b, j)) {
				n = n*10 + int32(byteOf(b, j)-'0')
				j++
			}
			if m != n {
				return int(m - n)
			}
		case digit(x):
			return 1
		case digit(y):
			return -1
		case x != y:
			return int(int8(x)) - int(int8(y))
		default:
			i++
			j++
		}
	}
	return int(int8(byteOf(a, i))) - int(int8(byteOf(b, j)))
}

// byteOf is the NUL behind the end, too.
func byteOf[T string | []byte](s T, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}
