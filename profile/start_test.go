package profile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/profile"
	"github.com/willrun/willrun/root"
)

// TestShellStarts: in every release's tree, on every machine, the loader takes
// what was described, and starts /bin/sh.
func TestShellStarts(t *testing.T) {
	started := 0
	for _, name := range profile.Names() {
		p, err := profile.Lookup(name)
		must(t, err)
		for _, machine := range p.Machines {
			r := describe(t, p, machine)
			if _, err := r.Stat(p.Interpreter(machine), root.Superuser); err != nil {
				continue // a second machine's libraries come when asked for
			}
			info, err := r.Stat("/bin/sh", root.Superuser)
			must(t, err)
			o, err := r.Object(info)
			must(t, err)
			tr := loader.Load(r, loader.Subject{Facts: o.Facts, Place: "/bin/sh", Info: info}, loader.Options{Machine: machine})
			limits := slices.DeleteFunc(tr.Limits, func(l string) bool {
				return strings.Contains(l, "outside the range") || name == "alpine:3.24" && strings.Contains(l, "version") // not known, and said so
			})
			if !tr.Started() || len(tr.Faults) > 0 || len(limits) > 0 {
				t.Errorf("%s %s: %+v %q %q", name, machine, tr.Faults, tr.Output, limits)
			}
			started++
		}
	}
	if started < 200 {
		t.Errorf("only %d started", started)
	}
}

func describe(t *testing.T, p *profile.Profile, machine string) *root.Root {
	t.Helper()
	entries, err := p.Entries(machine)
	must(t, err)
	r, err := root.Described(p.Name, entries)
	must(t, err)
	return r
}

// TestVersionMissing: the line that the real loader prints, with the path
// that it has there.
func TestVersionMissing(t *testing.T) {
	for release, want := range map[string]string{
		"almalinux:8": "/usr/local/bin/prog: /lib64/libc.so.6: version `GLIBC_2.34' not found (required by /usr/local/bin/prog)",
		"debian:11":   "/usr/local/bin/prog: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /usr/local/bin/prog)",
		"sles:15.3":   "/usr/local/bin/prog: /lib64/libc.so.6: version `GLIBC_2.34' not found (required by /usr/local/bin/prog)",
		"almalinux:9": "", "ubuntu:22.04": "", "amzn:2023": "",
	} {
		p, err := profile.Lookup(release)
		must(t, err)
		r := describe(t, p, "x86-64")
		info, err := r.Stat("/bin/sh", root.Superuser)
		must(t, err)
		o, err := r.Object(info)
		must(t, err)
		sh := o.Facts.ELF
		e := &binary.ELF{Header: sh.Header, Class: sh.Class, Order: sh.Order, Machine: sh.Machine, Kind: sh.Kind, Interp: sh.Interp, HasInterp: true, Segments: sh.Segments,
			Dynamic: true, Needed: sh.Needed, GNUStack: "rw", Hash: "gnu", Tags: append(slices.Clone(sh.Tags), binary.DynTag{Tag: 0x6ffffff0}),
			VersionNeeds: []binary.VersionNeed{{Library: "libc.so.6", Revision: 1, Versions: []binary.NeededVersion{{Name: "GLIBC_2.34", Hash: 0x69691b4, Index: 2}}}}}
		facts := binary.Facts{Format: binary.FormatELF, Size: o.Facts.Size, ELF: e}
		tr := start(t, r, &facts, "x86-64")
		if got := strings.Join(tr.Output, "\n"); got != want || tr.Started() != (want == "") {
			t.Errorf("%s: %q", release, got)
		}
	}
}
