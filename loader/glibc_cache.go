package loader

import (
	"encoding/binary"
	"errors"

	"github.com/willrun/willrun/root"
)

// cached looks a name up in the target's ld.so.cache.
func (g *glibc) cached(name string) (file string, matters bool) {
	if !g.cacheRead {
		g.cacheRead = true
		g.cache = g.loadCache()
	}
	if g.cache == nil {
		return "", false
	}
	if g.query == nil {
		q := g.cacheQuery()
		g.query = &q
	}
	return g.cache.search(name, *g.query)
}

// loadCache gives the target's cache as the loader takes it: nil where it has
// none, or none that is sound.

func (g *glibc) loadCache() *cache {
	if g.libc.Cache == "" {
		return nil
	}
	key, known := g.cacheKey()
	if known {
		if c, ok := g.opt.Memo.caches.Load(key); ok {
			return c.(*cache)
		}
	}
	data, err := g.tree.ReadFile(g.libc.Cache, g.cred(), maxCache)
	if err != nil {
		if ours(err) {
			g.limit(err.Error())
			g.cacheUnread = true
		}
		g.lastErrno = root.ENOENT
		if errors.Is(err, root.EISDIR) {
			g.lastErrno = root.ENODEV // mmap of a directory
		}
		return nil
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if g.program.Facts.ELF.Order == "big" {
		order = binary.BigEndian
	}
	c := parseCache(data, order, g.atLeast("2.33"), g.atLeast("2.33"))
	if known {
		g.opt.Memo.caches.Store(key, c)
	}
	return c
}

// cacheKey is what makes a cache the same one, taken the same way.
type cacheKey struct {
	file any // its Facts: a tree has them once a file
	big  bool
	new  bool
}

// cacheKey fails for a cache that this loader could not open.
func (g *glibc) cacheKey() (cacheKey, bool) {
	info, err := g.tree.Stat(g.libc.Cache, g.cred())
	if g.opt.Memo == nil || err != nil || !info.Regular() || !info.Readable(g.cred()) {
		return cacheKey{}, false
	}
	o, err := g.tree.Linked(info)
	if err != nil {
		return cacheKey{}, false
	}
	return cacheKey{o.Facts, g.program.Facts.ELF.Order == "big", g.atLeast("2.33")}, true
}

// cacheIDs are the flags of entries by machine (sysdeps/*/dl-cache.h): the
// one of the machine itself, and another that its loader takes too.
var cacheIDs = map[string][2]int32{
	"x86-64": {0x0303}, "x32": {0x0803}, "i386": {0x0003}, "aarch64": {0x0a03}, "s390x": {0x0403}, "ppc64": {0x0503}, "ppc64le": {0x0503},
	"arm": {0x0903}, "riscv64": {0x1003}, "loongarch64": {0x1203}, "sparc64": {0x0103},
	"mips": {0x0003}, "mipsle": {0x0003}, "mips64": {0x0703}, "mips64le": {0x0703}, "ia64": {0x0203}, "ppc": {0x0003}, "s390": {0x0003},
}

func (g *glibc) cacheQuery() cacheQuery {
	e := g.program.Facts.ELF
	ids := cacheIDs[e.Machine]
	q := cacheQuery{flags: ids[0], platform: ^uint64(0), rank: map[string]int{}}
	if q.flags == 0 {
		q.flags = 3
	}
	switch {
	case e.Machine == "arm" && e.Header.Flags&0x400 == 0:
		q.flags = 0x0b03
	case e.Machine == "arm":
		q.also = 3 // what an old ldconfig wrote
	case e.Machine == "riscv64" && e.Header.Flags&0x6 == 0:
		q.flags = 0x0f03
	}
	switch e.Machine {
	case "x86-64":
		q.levels = levelRank(g.level)
		if q.levels == 0 {
			q.levels = 4
		}
		q.hwcap = 2 // HWCAP_X86_64
	case "i386":
		q.hwcap = 1 // HWCAP_X86_SSE2
	}
	if g.atLeast("2.33") {
		for i, name := range g.hwcapNames() {
			q.rank[name] = i + 1
		}
	}
	return q
}
