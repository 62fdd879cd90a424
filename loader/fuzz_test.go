package loader

import (
	"bytes"
	"encoding/binary"
	"testing"

	elf "github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// FuzzCache: any file may stand at /etc/ld.so.cache.
func FuzzCache(f *testing.F) {
	f.Add(smallCache(), "libc.so.6")
	f.Add([]byte(magicOld+"\x00\x01\x00\x00\x00"), "libm.so.6")
	f.Add(append([]byte(magicOld+"\x00\x00\x00\x00\x00"), smallCache()...), "libz.so.1")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		for _, o := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			c := parseCache(data, o, true, true)
			if c == nil {
				continue
			}
			c.search(name, cacheQuery{flags: 0x303, platform: ^uint64(0), levels: 3, rank: map[string]int{"x86-64-v3": 1}})
			for i := range min(c.len(), 100) {
				c.entry(i)
			}
		}
	})
}

// smallCache holds libc.so.6 and, for x86-64-v3, libz.so.1.
func smallCache() []byte {
	le := binary.LittleEndian
	b := make([]byte, 48+2*24)
	copy(b, magicNew)
	le.PutUint32(b[20:], 2)
	b[28] = 2
	add := func(text string) uint32 {
		at := uint32(len(b))
		b = append(b, text+"\x00"...)
		return at
	}
	z, zPath := add("libz.so.1"), add("/lib/glibc-hwcaps/x86-64-v3/libz.so.1")
	c, cPath, v3 := add("libc.so.6"), add("/lib/libc.so.6"), add("x86-64-v3")
	for i, e := range [][3]uint64{{uint64(z), uint64(zPath), hwcapExtension | 3<<32}, {uint64(c), uint64(cPath), 0}} {
		at := b[48+24*i:]
		le.PutUint32(at, 0x303)
		le.PutUint32(at[4:], uint32(e[0]))
		le.PutUint32(at[8:], uint32(e[1]))
		le.PutUint64(at[16:], e[2])
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	ext := uint32(len(b))
	le.PutUint32(b[32:], ext)
	for _, v := range []uint32{0xeaa42174, 1, 1, 0, ext + 24, 4, v3} {
		b = le.AppendUint32(b, v)
	}
	return b
}

func TestCacheSearch(t *testing.T) {
	c := parseCache(smallCache(), binary.LittleEndian, true, true)
	if c == nil {
		t.Fatal("the cache is refused")
	}
	q := cacheQuery{flags: 0x303, platform: ^uint64(0), levels: 3, rank: map[string]int{"x86-64-v3": 1}}
	if got, matters := c.search("libz.so.1", q); got != "/lib/glibc-hwcaps/x86-64-v3/libz.so.1" || !matters {
		t.Errorf("on v3: %q %v", got, matters)
	}
	q.levels = 2
	if got, matters := c.search("libz.so.1", q); got != "" || !matters {
		t.Errorf("on v2: %q %v", got, matters)
	}
	if got, _ := c.search("libc.so.6", q); got != "/lib/libc.so.6" {
		t.Errorf("libc: %q", got)
	}
}

func TestLibCompare(t *testing.T) {
	for _, c := range []struct {
		a, b string
		sign int
	}{{"libc.so.6", "libc.so.6", 0}, {"libx.so.10", "libx.so.9", 1}, {"libx.so.9", "libx.so.10", -1}, {"liba1", "libab", 1}, {"libab", "liba1", -1}} {
		got := libCompare(c.a, c.b)
		if got < 0 && c.sign >= 0 || got > 0 && c.sign <= 0 || got == 0 && c.sign != 0 {
			t.Errorf("%s %s: %d", c.a, c.b, got)
		}
	}
}

// FuzzLoad starts any bytes as a program on an empty tree and on one with any
// bytes as loader and library: the simulation ends and does not panic.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("#!/lib/ld.so x\n"), []byte("\x7fELF"), []byte("text"))
	f.Fuzz(func(t *testing.T, program, interp, library []byte) {
		facts, err := elf.Read(bytes.NewReader(program), int64(len(program)))
		if err != nil {
			t.Fatal(err)
		}
		tree := root.Scratch()
		place := func(at string, data []byte) {
			lf, err := elf.Read(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatal(err)
			}
			if over, _, err := tree.WithFile(at, lf, 0o755); err == nil {
				tree = over
			}
		}
		place("/lib/ld.so", interp)
		place("/lib/libx.so", library)
		if e := facts.ELF; e != nil && e.HasInterp && len(e.Interp) < 200 {
			place("/"+e.Interp, interp)
		}
		over, info, err := tree.WithFile("/bin/p", facts, 0o755)
		if err != nil {
			t.Fatal(err)
		}
		for _, machine := range []string{"", "x86-64", "aarch64"} {
			trace := Load(over, Subject{Facts: facts, Place: "/bin/p", Info: info}, Options{Machine: machine, Env: []string{"PATH=/bin"}})
			if trace.Started() && len(trace.Faults) > 0 && trace.Faults[0].Fatal {
				t.Fatalf("started, and %+v", trace.Faults[0])
			}
		}
	})
}
