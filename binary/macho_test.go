package binary

import (
	"encoding/binary"
	"slices"
	"testing"
)

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// machO makes a file of load commands, in either class and byte order.
type machO struct {
	order    byteOrder
	wide     bool
	cpu, typ uint32
	commands [][]byte
}

func (m *machO) command(cmd uint32, words []uint32, tail string) {
	b := m.order.AppendUint32(nil, cmd)
	b = m.order.AppendUint32(b, 0)
	for _, w := range words {
		b = m.order.AppendUint32(b, w)
	}
	b = append(b, tail...)
	b = append(b, make([]byte, -len(b)&7)...)
	m.order.PutUint32(b[4:], uint32(len(b)))
	m.commands = append(m.commands, b)
}

func (m *machO) bytes() []byte {
	magic, size := uint32(0xfeedface), 0
	if m.wide {
		magic = 0xfeedfacf
	}
	var all []byte
	for _, c := range m.commands {
		size += len(c)
		all = append(all, c...)
	}
	b := []byte(nil)
	for _, w := range []uint32{magic, m.cpu, 0, m.typ, uint32(len(m.commands)), uint32(size), 0} {
		b = m.order.AppendUint32(b, w)
	}
	if m.wide {
		b = append(b, 0, 0, 0, 0)
	}
	return append(b, all...)
}

func TestMachOCommands(t *testing.T) {
	for _, wide := range []bool{false, true} {
		for _, order := range []byteOrder{binary.LittleEndian, binary.BigEndian} {
			m := &machO{order: order, wide: wide, cpu: 18, typ: 6}
			m.command(0x24, []uint32{10<<16 | 4<<8 | 11, 10<<16 | 5<<8}, "") // LC_VERSION_MIN_MACOSX
			m.command(0xc, []uint32{24, 0, 0, 0}, "/usr/lib/libSystem.B.dylib\x00")
			m.command(0x80000018, []uint32{24, 0, 0, 0}, "@rpath/libweak.dylib\x00")
			m.command(0x8000001c, []uint32{12}, "@loader_path/../lib\x00")
			m.command(0x1b, []uint32{0, 0, 0, 0}, "")
			f := facts(t, m.bytes())
			if len(f.MachO) != 1 {
				t.Fatalf("wide %v %v: %+v", wide, order, f)
			}
			got := f.MachO[0]
			if got.Machine != "ppc" || got.Type != "dylib" || got.Platform != "macos" || got.MinOS != "10.4.11" || got.SDK != "10.5" ||
				!slices.Equal(got.Rpaths, []string{"@loader_path/../lib"}) || got.Signed || len(got.UUID) != 32 ||
				!slices.Equal(got.Dylibs, []Dylib{{Name: "/usr/lib/libSystem.B.dylib"}, {Name: "@rpath/libweak.dylib", Weak: true}}) {
				t.Errorf("wide %v %v: %+v", wide, order, got)
			}
		}
	}
}

func TestMachODamaged(t *testing.T) {
	le := binary.LittleEndian
	for name, c := range map[string]struct {
		damage  func(b []byte) []byte
		problem string
	}{
		"commands outside":     {func(b []byte) []byte { le.PutUint32(b[20:], 1<<30); return b }, "load commands"},
		"a command of no size": {func(b []byte) []byte { le.PutUint32(b[36:], 0); return b }, "load commands"},
		"a signature outside":  {func(b []byte) []byte { le.PutUint32(b[32+24+56+8:], 1<<30); return b }, "code signature"},
	} {
		f := facts(t, c.damage(tinyMachO()))
		if len(f.MachO) != 1 || len(f.Problems) == 0 || f.Problems[0].Part != c.problem {
			t.Errorf("%s: %+v %+v", name, f.MachO, f.Problems)
		}
	}
	img := fat(tinyMachO())
	binary.BigEndian.PutUint32(img[16:], 1<<30)
	if f := facts(t, img); f.Format != FormatOther || len(f.Problems) == 0 {
		t.Errorf("a slice outside: %+v", f)
	}
}

// A fat file is one entry a slice, each with a machine of its own.
func TestMachOSlices(t *testing.T) {
	intel := &machO{order: binary.LittleEndian, wide: true, cpu: 0x01000007, typ: 2}
	intel.command(0x32, []uint32{1, 10 << 16, 0, 0}, "")
	slices := [][]byte{intel.bytes(), tinyMachO()}
	be := binary.BigEndian
	img := be.AppendUint32(be.AppendUint32(nil, machoFat), 2)
	at := uint32(64)
	for _, s := range slices {
		for _, w := range []uint32{0, 0, at, uint32(len(s)), 0} {
			img = be.AppendUint32(img, w)
		}
		at += uint32(len(s))
	}
	img = append(img, make([]byte, 64-len(img))...)
	for _, s := range slices {
		img = append(img, s...)
	}
	f := facts(t, img)
	if len(f.MachO) != 2 || f.MachO[0].Machine != "x86-64" || f.MachO[1].Machine != "aarch64" || f.MachO[0].Signed || !f.MachO[1].Signed || f.Describe != "macOS x86-64 aarch64 program" {
		t.Errorf("%s: %+v", f.Describe, f.MachO)
	}
}
