package binary

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

func facts(t *testing.T, data []byte) *Facts {
	t.Helper()
	f, err := Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestELFOfEitherClassAndOrder(t *testing.T) {
	for _, o := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, class := range []int{32, 64} {
			f := facts(t, tinyELF(class, o))
			e := f.ELF
			if e == nil || e.Class != class || len(f.Problems) > 0 {
				t.Fatalf("%d %v: %+v", class, o, f.Problems)
			}
			if !slices.Equal(e.Needed, []string{"libdep.so.1"}) || e.Soname != "libtiny.so.1" || e.Hash != "sysv" || e.Kind != KindShared {
				t.Errorf("%d %v: needed %v soname %q hash %s kind %s", class, o, e.Needed, e.Soname, e.Hash, e.Kind)
			}
			if len(e.Exports) != 1 || e.Exports[0].Name != "exported" || e.Exports[0].Unhashed {
				t.Errorf("%d %v: exports %+v", class, o, e.Exports)
			}
			if len(e.Imports) != 1 || e.Imports[0].Name != "imported" || e.Imports[0].Version != "VER_1" || e.Imports[0].Library != "libdep.so.1" {
				t.Errorf("%d %v: imports %+v", class, o, e.Imports)
			}
			if e.ABITag == nil || e.ABITag.Kernel != [3]uint32{4, 18, 0} {
				t.Errorf("%d %v: ABI tag %+v", class, o, e.ABITag)
			}
		}
	}
}

func TestPEAndMachO(t *testing.T) {
	p := facts(t, tinyPE()).PE
	if p == nil || !p.Plus || p.Machine != "x86-64" || p.Subsystem != "console" || p.SubsystemVersion != "6.1" || !slices.Equal(p.Imports, []string{"KERNEL32.dll"}) || p.Signed {
		t.Errorf("PE: %+v", p)
	}
	for _, data := range [][]byte{tinyMachO(), fat(tinyMachO()), fat64(tinyMachO())} {
		f := facts(t, data)
		if len(f.MachO) != 1 {
			t.Fatalf("Mach-O: %+v", f)
		}
		m := f.MachO[0]
		if m.Machine != "aarch64" || m.Platform != "macos" || m.MinOS != "12.0" || len(m.Dylibs) != 1 || !m.Signed || m.SignFlags != 0x20002 || m.Identifier != "a.out" {
			t.Errorf("Mach-O: %+v", m)
		}
	}
	java := append([]byte{0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61}, make([]byte, 64)...)
	if f := facts(t, java); f.Describe != "Java class" {
		t.Errorf("a Java class is called %q", f.Describe)
	}
}

// Facts that were stored answer as the file's own do.
func TestFactsSurviveJSON(t *testing.T) {
	for _, data := range [][]byte{tinyELF(64, binary.LittleEndian), tinyPE(), tinyMachO(), []byte("#!/bin/sh\n")} {
		f := facts(t, data)
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var again Facts
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		b2, _ := json.Marshal(&again)
		if !bytes.Equal(b, b2) {
			t.Errorf("changed by JSON:\n%s\n%s", b, b2)
		}
		if e := again.ELF; e != nil {
			found := 0
			e.Lookup("exported", GNUHash("exported"), func(Symbol) bool { found++; return true })
			if found != 1 || !reflect.DeepEqual(e.Imports, f.ELF.Imports) {
				t.Errorf("lookup after JSON: %d, imports %+v", found, e.Imports)
			}
		}
	}
}

func TestOthersAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "empty file",
		"\x1f\x8b\x08":                  "gzip archive",
		"echo hello\n":                  "text without #!",
		"version https://git-lfs.com\n": "text: a Git LFS pointer, not the file itself",
		"<!DOCTYPE html>":               "text: an HTML page",
		"\x00asm\x01\x00\x00\x00":       "WebAssembly module",
		"MZ":                            "DOS program",
		"\x7fELF":                       "damaged ELF file",
	} {
		if got := facts(t, []byte(text)).Describe; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
