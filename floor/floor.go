// Package floor says how old a system may be for a program to start there:
// the oldest C library, kernel and CPU, and what pins each of them.
//
//	f := floor.Of(facts)
//	f.Glibc          // "2.34"
//	f.Pins[0]        // GLIBC_2.34 of libc.so.6, for __libc_start_main
//
// It reads requirements alone; on which releases they are met is judged by
// package judge.
package floor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
)

// Floor of one program, or of a set of them.
type Floor struct {
	// Libc is the kind that it needs: "glibc", "musl", or "none" for a program
	// that brings its own.
	Libc string `json:"libc"`
	// Glibc is the oldest glibc with every version asked for; "" where none is
	// asked for.
	Glibc string `json:"glibc"`
	// Kernel is the oldest Linux that the program itself states, "3.2.0"; "".
	Kernel     string `json:"kernel"`
	KernelFrom string `json:"kernel_from"` // who states it: "go1.26", "ABI note"
	// CPU is the lowest level that the program states, "x86-64-v3"; "".
	CPU     string `json:"cpu"`
	CPUFrom string `json:"cpu_from"`

	Libraries []Library `json:"libraries"`
	Pins      []Pin     `json:"pins"` // the highest first
}

// Library is what is asked of one library.
type Library struct {
	Soname   string   `json:"soname"`
	Versions []string `json:"versions"` // the highest of each family: GLIBCXX_3.4.29, CXXABI_1.3.9
}

// Pin is a version that is asked for, and by what.
type Pin struct {
	Library  string   `json:"library"`
	Version  string   `json:"version"`
	Files    []string `json:"files,omitempty"`    // of a set: the programs that ask for it
	Symbols  []string `json:"symbols"`            // that need it; none where nothing in the file uses the version any more
	Packages []string `json:"packages,omitempty"` // Go packages that brought the symbols
	Without  string   `json:"without"`            // what the glibc floor would be without the pins from here on up; "" where it is no version of glibc
}

// Of one program.
func Of(f *binary.Facts) *Floor {
	floor := &Floor{Libc: "none", Libraries: []Library{}, Pins: []Pin{}}
	floor.states(f)
	e := f.ELF
	if e == nil {
		return floor
	}
	floor.Libc = libcOf(e)
	for _, need := range e.VersionNeeds {
		l := Library{Soname: need.Library}
		for _, v := range need.Versions {
			l.Versions = append(l.Versions, v.Name)
			symbols := symbolsOf(e, need.Library, v.Name)
			floor.Pins = append(floor.Pins, Pin{Library: need.Library, Version: v.Name, Symbols: symbols, Packages: packagesOf(f.Go, symbols)})
		}
		l.Versions = diagnosis.Highest(l.Versions)
		floor.Libraries = append(floor.Libraries, l)
	}
	floor.settle()
	return floor
}

// states takes what the file itself says of kernel and CPU.
func (floor *Floor) states(f *binary.Facts) {
	if g := f.Go; g != nil {
		floor.kernel(g.MinKernel, g.Version)
		if v, ok := strings.CutPrefix(g.Level, "GOAMD64=v"); ok && v > "1" {
			floor.cpu("x86-64-v"+v, g.Level)
		}
	}
	if f.ELF == nil {
		return
	}
	if tag := f.ELF.ABITag; tag != nil && tag.OS == 0 {
		floor.kernel(fmt.Sprintf("%d.%d.%d", tag.Kernel[0], tag.Kernel[1], tag.Kernel[2]), "its ABI note")
	}
	for level := 4; level >= 2; level-- {
		if f.ELF.X86ISA&(1<<(level-1)) != 0 {
			floor.cpu(fmt.Sprintf("x86-64-v%d", level), "its ISA note")
			break
		}
	}
}

func (floor *Floor) kernel(version, from string) {
	if version != "" && diagnosis.CompareNumbers(version, floor.Kernel) > 0 {
		floor.Kernel, floor.KernelFrom = version, from
	}
}

func (floor *Floor) cpu(level, from string) {
	if level > floor.CPU {
		floor.CPU, floor.CPUFrom = level, from
	}
}

func libcOf(e *binary.ELF) string {
	switch {
	case strings.Contains(e.Interp, "ld-musl-"), slices.Contains(e.Needed, "libc.so"):
		return "musl"
	case e.HasInterp, slices.Contains(e.Needed, "libc.so.6"):
		return "glibc"
	}
	return "none"
}

// symbolsOf a version, as the file's own symbol table has them.
func symbolsOf(e *binary.ELF, library, version string) []string {
	var list []string
	for i := range e.Imports {
		if imp := &e.Imports[i]; imp.Version == version && imp.Library == library && !slices.Contains(list, imp.Name) {
			list = append(list, imp.Name)
		}
	}
	slices.Sort(list)
	if list == nil {
		list = []string{}
	}
	return list
}

// packagesOf are the Go packages that call one of the symbols; what none of
// them calls comes with runtime/cgo and C's own start.
func packagesOf(g *binary.Go, symbols []string) []string {
	if g == nil {
		return nil
	}
	var list []string
	for _, s := range symbols {
		found := false
		for _, p := range g.CgoPackages {
			if slices.Contains(p.Calls, s) {
				found = true
				if !slices.Contains(list, p.Path) {
					list = append(list, p.Path)
				}
			}
		}
		if !found && g.Cgo && !slices.Contains(list, "runtime/cgo") {
			list = append(list, "runtime/cgo")
		}
	}
	slices.Sort(list)
	return list
}

// settle sorts the pins, and says what each of them costs.
func (floor *Floor) settle() {
	slices.SortStableFunc(floor.Pins, func(a, b Pin) int {
		return cmp.Or(-diagnosis.CompareNumbers(Glibc(a.Version), Glibc(b.Version)), cmp.Compare(a.Library, b.Library), -compareVersion(a.Version, b.Version))
	})
	floor.Glibc = ""
	for i := range floor.Pins {
		p := &floor.Pins[i]
		p.Without = ""
		version := Glibc(p.Version)
		if version == "" {
			continue
		}
		if floor.Glibc == "" {
			floor.Glibc = version
		}
		for _, next := range floor.Pins[i+1:] {
			if v := Glibc(next.Version); v != "" && v != version {
				p.Without = v
				break
			}
		}
	}
}

// named are the versions of glibc without a number (each version's Versions
// files); releases may have taken one over earlier.
var named = map[string]string{"GLIBC_ABI_DT_RELR": "2.36", "GLIBC_ABI_GNU_TLS": "2.42", "GLIBC_ABI_GNU2_TLS": "2.42", "GLIBC_ABI_DT_X86_64_PLT": "2.42"}

// Glibc is the glibc that brought a version: "2.34" for GLIBC_2.34; "" for
// versions of others, and for GLIBC_PRIVATE.
func Glibc(version string) string {
	if v, ok := named[version]; ok {
		return v
	}
	v, ok := strings.CutPrefix(version, "GLIBC_")
	if !ok || v == "" || v[0] < '0' || v[0] > '9' {
		return ""
	}
	return v
}

func compareVersion(a, b string) int {
	m, x := diagnosis.Family(a)
	n, y := diagnosis.Family(b)
	return cmp.Or(cmp.Compare(m, n), diagnosis.CompareNumbers(x, y))
}
