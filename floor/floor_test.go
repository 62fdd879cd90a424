package floor

import (
	"slices"
	"testing"

	"github.com/willrun/willrun/binary"
)

func facts() *binary.Facts {
	need := func(library string, versions ...string) binary.VersionNeed {
		n := binary.VersionNeed{Library: library, Revision: 1}
		for _, v := range versions {
			n.Versions = append(n.Versions, binary.NeededVersion{Name: v})
		}
		return n
	}
	return &binary.Facts{
		ELF: &binary.ELF{Machine: "x86-64", HasInterp: true, Interp: "/lib64/ld-linux-x86-64.so.2", Needed: []string{"libc.so.6"},
			ABITag: &binary.ABITag{Kernel: [3]uint32{3, 2, 0}},
			VersionNeeds: []binary.VersionNeed{
				need("libstdc++.so.6", "GLIBCXX_3.4", "GLIBCXX_3.4.9", "GLIBCXX_3.4.29", "CXXABI_1.3"),
				need("libc.so.6", "GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.4", "GLIBC_ABI_DT_RELR"), need("libm.so.6", "GLIBC_2.29")},
			Imports: []binary.Import{{Name: "exp", Version: "GLIBC_2.29", Library: "libm.so.6"},
				{Name: "__libc_start_main", Version: "GLIBC_2.34", Library: "libc.so.6"}, {Name: "getaddrinfo", Version: "GLIBC_2.2.5", Library: "libc.so.6"}},
		},
		Go: &binary.Go{Version: "go1.24.1", MinKernel: "3.2", Cgo: true, Level: "GOAMD64=v3", CgoPackages: []binary.CgoPackage{{Path: "net", Twin: true, Calls: []string{"getaddrinfo"}}}},
	}
}

func TestOf(t *testing.T) {
	f := Of(facts())
	if f.Libc != "glibc" || f.Glibc != "2.36" || f.Kernel != "3.2.0" || f.CPU != "x86-64-v3" || f.CPUFrom != "GOAMD64=v3" {
		t.Errorf("%+v", f)
	}
	want := []struct{ version, without string }{{"GLIBC_ABI_DT_RELR", "2.34"}, {"GLIBC_2.34", "2.29"}, {"GLIBC_2.29", "2.4"}, {"GLIBC_2.4", "2.2.5"}, {"GLIBC_2.2.5", ""},
		{"GLIBCXX_3.4.29", ""}, {"GLIBCXX_3.4.9", ""}, {"GLIBCXX_3.4", ""}, {"CXXABI_1.3", ""}}
	for i, w := range want {
		if p := f.Pins[i]; p.Version != w.version || p.Without != w.without {
			t.Errorf("pin %d: %+v, want %+v", i, p, w)
		}
	}
	if p := f.Pins[1]; !slices.Equal(p.Symbols, []string{"__libc_start_main"}) || !slices.Equal(p.Packages, []string{"runtime/cgo"}) {
		t.Errorf("%+v", p)
	}
	if p := f.Pins[4]; !slices.Equal(p.Packages, []string{"net"}) {
		t.Errorf("%+v", p)
	}
	if l := f.Libraries[0]; !slices.Equal(l.Versions, []string{"GLIBCXX_3.4.29", "CXXABI_1.3"}) {
		t.Errorf("%+v", l)
	}
}

func TestStaticProgramHasNoLibrary(t *testing.T) {
	f := Of(&binary.Facts{ELF: &binary.ELF{Machine: "x86-64"}, Go: &binary.Go{Version: "go1.26.0", MinKernel: "3.2"}})
	if f.Libc != "none" || f.Glibc != "" || f.Kernel != "3.2" || len(f.Pins) != 0 {
		t.Errorf("%+v", f)
	}
	if f := Of(&binary.Facts{Format: binary.FormatScript}); f.Libc != "none" {
		t.Errorf("%+v", f)
	}
}

func TestSet(t *testing.T) {
	a := Of(facts())
	b := Of(&binary.Facts{ELF: &binary.ELF{HasInterp: true, Interp: "/lib64/ld-linux-x86-64.so.2", X86ISA: 8,
		VersionNeeds: []binary.VersionNeed{{Library: "libc.so.6", Versions: []binary.NeededVersion{{Name: "GLIBC_2.38"}, {Name: "GLIBC_2.34"}}}}}})
	s := Set([]string{"a", "b"}, []*Floor{a, b})
	if s.Glibc != "2.38" || s.CPU != "x86-64-v4" || s.CPUFrom != "its ISA note of b" || s.Libc != "glibc" {
		t.Errorf("%+v", s)
	}
	if p := s.Pins[0]; p.Version != "GLIBC_2.38" || p.Without != "2.36" || !slices.Equal(p.Files, []string{"b"}) {
		t.Errorf("%+v", p)
	}
	if p := s.Pins[2]; p.Version != "GLIBC_2.34" || !slices.Equal(p.Files, []string{"a", "b"}) {
		t.Errorf("%+v", p)
	}
}
