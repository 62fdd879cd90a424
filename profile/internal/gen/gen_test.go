package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T) *evidence {
	t.Helper()
	e, err := readEvidence("../../data")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestUpToDate: the embedded data is what the tables give.
func TestUpToDate(t *testing.T) {
	tables, made := "../../data", t.TempDir()
	for _, name := range []string{"releases.csv", "measured.tsv", "pools.tsv", "libz.tsv", "musl.tsv"} {
		data, err := os.ReadFile(filepath.Join(tables, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(made, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := build(made); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"profiles.gz", "musl.gz"} {
		a, _ := os.ReadFile(filepath.Join(tables, name))
		b, _ := os.ReadFile(filepath.Join(made, name))
		if len(b) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s is old: run go generate", name)
		}
	}
}

// differ are nodes of a build that the list of the same release lacks, or the
// other way: they were made at other times.
var differ = map[string]string{
	"debian:13 x86-64 GLIBC_ABI_GNU2_TLS": "a point release", "debian:13 x86-64 GLIBC_ABI_DT_X86_64_PLT": "a point release",
	"debian:13 i386 GLIBC_ABI_GNU2_TLS": "a point release", "debian:13 i386 GLIBC_ABI_GNU_TLS": "a point release",
	"opensuse-leap:15.5 x86-64 CXXABI_1.3.14": "an update of GCC", "opensuse-leap:15.5 x86-64 GCC_13.0.0": "an update of GCC",
	"opensuse-leap:15.5 x86-64 GLIBCXX_3.4.31": "an update of GCC", "opensuse-leap:15.5 x86-64 GLIBCXX_3.4.32": "an update of GCC",
}

// TestTwoSources: libraries that were read, and lists that others made of the
// same release, agree: together the libraries have what the list has.
func TestTwoSources(t *testing.T) {
	e, compared := read(t), 0
	for _, p := range e.pools {
		nodes := map[string]bool{}
		for _, r := range e.rows {
			same := r.system == p.system || strings.HasPrefix(r.system, p.system+".")
			if !same || r.machine != p.machine || r.glibc != p.glibc || !scanned(r.library) && prefixes[r.library] == nil && r.library != "libnsl.so.1" && r.library != "libmvec.so.1" {
				continue
			}
			for _, n := range r.nodes {
				nodes[n] = true
			}
		}
		if len(nodes) == 0 {
			continue
		}
		compared++
		for _, n := range p.nodes {
			key := p.system + " " + p.machine + " " + n
			if !nodes[n] && !strings.HasPrefix(n, "LIBATOMIC_") && differ[key] == "" {
				t.Errorf("%s: in the list alone", key)
			}
		}
		for n := range nodes {
			key := p.system + " " + p.machine + " " + n
			if !slices.Contains(p.nodes, n) && n != "GLIBC_PRIVATE" && !strings.HasPrefix(n, "GGC_") && differ[key] == "" {
				t.Errorf("%s: in a library alone", key)
			}
		}
	}
	if compared < 25 {
		t.Errorf("only %d compared", compared)
	}
}

// backports are nodes that a distribution added to an older glibc: what others'
// builds say of that glibc is then wrong, and nothing but the build itself or
// its list tells.
var backports = map[string]bool{
	"debian:13 libc.so.6 GLIBC_ABI_GNU2_TLS": true, "debian:13 libc.so.6 GLIBC_ABI_GNU_TLS": true, "debian:13 libc.so.6 GLIBC_ABI_DT_X86_64_PLT": true,
	"rocky:9.2 ld-linux-x86-64.so.2 GLIBC_2.34": true, "rocky:9.2 ld-linux-x86-64.so.2 GLIBC_2.35": true,
}

// TestLeaveOneOut: every measured system is taken away in turn, and told from
// the others. What is then said to be there is there, what is said to be
// lacking is not.
func TestLeaveOneOut(t *testing.T) {
	e := read(t)
	for _, pooled := range []bool{true, false} {
		said, open := 0, 0
		for _, s := range systems(e) {
			left := *e
			left.rows = slices.DeleteFunc(slices.Clone(e.rows), func(r row) bool { c, _ := class(r.system); return c == s.class })
			left.universes, left.lates = map[string][]string{}, map[string]bool{}
			if !pooled {
				left.pools = nil
			}
			newest := left.newest(s.machine)
			if newest == "" {
				continue // nothing else is known of that machine
			}
			q := left.ask(release{id: s.id, version: s.version, libc: "glibc", libcVersion: s.glibc}, s.machine, 0)
			for _, l := range q.libraries() {
				i := slices.IndexFunc(e.rows, func(r row) bool { return r.system == s.name && r.machine == s.machine && r.library == l.soname })
				if i < 0 || !glibcLibrary(l.soname) {
					continue
				}
				real := e.rows[i]
				for _, n := range l.nodes {
					said++
					if !real.has(n) {
						t.Errorf("%s %s: %s does not have %s; %s", s.name, s.machine, l.soname, n, l.why)
					}
				}
				open += len(l.unsure)
				for _, n := range real.nodes {
					if v, ok := nodeVersion(n); ok && compareVersions(v, newest) > 0 {
						continue // newer than all that is left
					}
					if n != "GLIBC_PRIVATE" && !slices.Contains(l.nodes, n) && !slices.Contains(l.unsure, n) && !backports[s.name+" "+l.soname+" "+n] {
						t.Errorf("%s %s: %s has %s; %s", s.name, s.machine, l.soname, n, l.why)
					}
				}
			}
		}
		t.Logf("with lists %v: %d nodes said to be there, %d not known", pooled, said, open)
		if said < 3000 {
			t.Error("too few")
		}
	}
}

// newest glibc that was measured on a machine.
func (e *evidence) newest(machine string) string {
	version := ""
	for _, r := range e.rows {
		if r.machine == machine && r.glibc != "-" && compareVersions(r.glibc, version) > 0 {
			version = r.glibc
		}
	}
	return version
}

type one struct{ name, id, version, class, machine, glibc string }

func systems(e *evidence) []one {
	var list []one
	for _, r := range e.rows {
		if r.library != "libc.so.6" {
			continue
		}
		c, _ := class(r.system)
		id, version, _ := strings.Cut(r.system, ":")
		if major, _, ok := strings.Cut(version, "."); ok && strings.HasPrefix(c, "el") {
			version = major
		}
		list = append(list, one{r.system, id, version, c, r.machine, r.glibc})
	}
	return list
}

func TestClass(t *testing.T) {
	for system, want := range map[string]string{"rocky:9.2": "el9", "centos-stream:9": "el9", "almalinux:10": "el10", "sles:15.3": "suse15.3", "opensuse-leap:15.3": "suse15.3",
		"debian:12": "debian:12", "amzn:2": "amzn:2"} {
		if got, _ := class(system); got != want {
			t.Errorf("%s: %s", system, got)
		}
	}
}

func TestSqueeze(t *testing.T) {
	nodes := []string{"CXXABI_1.3", "CXXABI_1.3.1", "CXXABI_FLOAT128", "CXXABI_TM_1", "GLIBC_2.2.5", "GLIBC_2.17", "GLIBC_ABI_DT_RELR"}
	if text := squeeze(nodes); text != "CXXABI_1.3 1.3.1 CXXABI_FLOAT128 CXXABI_TM_1 GLIBC_2.2.5 2.17 GLIBC_ABI_DT_RELR" || !slices.Equal(unsqueeze(text), nodes) {
		t.Errorf("%q %q", text, unsqueeze(text))
	}
	if unsqueeze(squeeze(nil)) != nil {
		t.Error("no nodes")
	}
}
