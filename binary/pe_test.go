package binary

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// directory sets an entry of tinyPE's table of directories.
func directory(img []byte, i int, addr, size uint32) {
	binary.LittleEndian.PutUint32(img[88+112+8*i:], addr)
	binary.LittleEndian.PutUint32(img[88+116+8*i:], size)
}

func TestPELibrary(t *testing.T) {
	le := binary.LittleEndian
	img := tinyPE()
	le.PutUint16(img[86:], 0x2000) // IMAGE_FILE_DLL
	directory(img, 4, 768, 64)     // certificates, by file offset
	directory(img, 13, 0x1080, 64) // delayed imports
	directory(img, 14, 0x10f0, 8)  // .NET
	le.PutUint32(img[512+0x80:], 1)
	le.PutUint32(img[512+0x84:], 0x10e0)
	copy(img[512+0xe0:], "ADVAPI32.dll\x00")
	f := facts(t, img)
	p := f.PE
	if p == nil || !p.DLL || !p.Signed || !p.DotNet || !slices.Equal(p.DelayImports, []string{"ADVAPI32.dll"}) || f.Describe != "Windows x86-64 library (DLL)" || len(f.Problems) > 0 {
		t.Errorf("%s %+v %+v", f.Describe, p, f.Problems)
	}
}

// Visual C++ 6 wrote addresses where others write offsets from the base.
func TestPEDelayImportsByAddress(t *testing.T) {
	le := binary.LittleEndian
	img := tinyPE()
	const base = 0x140000000 & 0xffffffff
	le.PutUint64(img[88+24:], base)
	directory(img, 13, 0x1080, 64)
	le.PutUint32(img[512+0x84:], base+0x10e0)
	copy(img[512+0xe0:], "OLD.dll\x00")
	if p := facts(t, img).PE; p == nil || !slices.Equal(p.DelayImports, []string{"OLD.dll"}) || !slices.Equal(p.Imports, []string{"KERNEL32.dll"}) {
		t.Errorf("%+v", p)
	}
}

func TestPEDamaged(t *testing.T) {
	le := binary.LittleEndian
	for name, c := range map[string]struct {
		damage  func(img []byte) []byte
		problem string
		isPE    bool
	}{
		"cut in its header": {func(b []byte) []byte { return b[:120] }, "optional header", false},
		"cut in its table":  {func(b []byte) []byte { return b[:340] }, "section table", true},
		"imports outside":   {func(b []byte) []byte { directory(b, 1, 0x7fffffff, 40); return b }, "import table", true},
		"a name outside":    {func(b []byte) []byte { le.PutUint32(b[512+12:], 0x7fffffff); return b }, "import table", true},
		"a name without end": {func(b []byte) []byte {
			copy(b[512+0x40:], strings.Repeat("A", 192))
			return b
		}, "import table", true},
	} {
		f := facts(t, c.damage(tinyPE()))
		if (f.PE != nil) != c.isPE || len(f.Problems) == 0 || f.Problems[0].Part != c.problem {
			t.Errorf("%s: %+v %+v", name, f.PE, f.Problems)
		}
	}
	img := tinyPE()
	directory(img, 4, 1020, 64)
	if p := facts(t, img).PE; p == nil || p.Signed {
		t.Errorf("a certificate table beyond the end: %+v", p)
	}
}
