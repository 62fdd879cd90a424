package profile_test

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/profile"
	"github.com/willrun/willrun/root"
)

// roots of the lab that are a release, with the machine they are of.
var roots = []struct{ root, release, machine string }{
	{"bullseye", "debian:11", "x86-64"}, {"bookworm", "debian:12", "x86-64"}, {"trixie", "debian:13", "x86-64"},
	{"arm64", "debian:12", "aarch64"}, {"i386", "debian:12", "i386"},
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRealLibraries: each library of a real root exports what its release's
// profile says.
func TestRealLibraries(t *testing.T) {
	l := lab.Open(t)
	for _, c := range roots {
		p, err := profile.Lookup(c.release)
		must(t, err)
		r, err := root.Dir(l.Root(c.root))
		must(t, err)
		compared := 0
		for _, lib := range p.Libraries(c.machine) {
			info, err := r.Stat(lib.Path, root.Superuser)
			if err != nil {
				continue // a package that the lab leaves out
			}
			o, err := r.Object(info)
			must(t, err)
			compared++
			for _, d := range o.Facts.ELF.VersionDefs {
				if !d.Base && p.Node(c.machine, lib.Soname, d.Name) == profile.Lacks {
					t.Errorf("%s: %s has %s", c.release, lib.Soname, d.Name)
				}
			}
			for _, n := range lib.Nodes {
				if !slices.ContainsFunc(o.Facts.ELF.VersionDefs, func(d binary.VersionDef) bool { return d.Name == n }) {
					t.Errorf("%s: %s has no %s", c.release, lib.Soname, n)
				}
			}
			if !lib.Opaque {
				sameSymbols(t, c.release, &lib, o.Facts.ELF)
			}
		}
		if compared < 18 {
			t.Errorf("%s: only %d libraries compared", c.release, compared)
		}
	}
}

func sameSymbols(t *testing.T, release string, lib *profile.Library, e *binary.ELF) {
	t.Helper()
	have := map[string]bool{}
	for _, x := range e.Exports {
		have[x.Name+"@"+x.Version] = true
	}
	for _, s := range lib.Symbols {
		if !have[s.Name+"@"+s.Version] {
			t.Errorf("%s: %s has no %s@%s", release, lib.Soname, s.Name, s.Version)
		}
		delete(have, s.Name+"@"+s.Version)
	}
	for name := range have {
		if s, v, _ := strings.Cut(name, "@"); s != v && s != "_init" && s != "_fini" {
			t.Errorf("%s: %s has %s", release, lib.Soname, name)
		}
	}
}

// outcome of a start, as far as a profile tells: what is missing.
func outcome(p *profile.Profile, machine string, tr *loader.Trace) (missing []string, open bool) {
	known := map[string]bool{}
	for _, l := range p.Libraries(machine) {
		known[l.Soname] = l.Presence == profile.Present
	}
	open = len(tr.Limits) > 0
	for _, f := range tr.Faults {
		switch f.Kind {
		case loader.FaultVersionMissing:
			if p.Node(machine, f.Library, f.Version) == profile.NotKnown {
				open = true
				continue
			}
			missing = append(missing, f.Library+" "+f.Version)
		case loader.FaultLibraryMissing:
			open = open || !known[f.Library]
		case loader.FaultInterpMissing:
			missing = append(missing, "interpreter")
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing), open
}

// TestAgreesWithTrees: every kind of program of the lab misses the same in the
// described tree of a release as in its real one, wherever the profile knows.
func TestAgreesWithTrees(t *testing.T) {
	l := lab.Open(t)
	compared, fails, open := 0, 0, 0
	for _, c := range roots {
		p, err := profile.Lookup(c.release)
		must(t, err)
		entries, err := p.Entries(c.machine)
		must(t, err)
		described, err := root.Described(c.release, entries)
		must(t, err)
		tree, err := root.Dir(l.Root(c.root))
		must(t, err)
		for _, name := range l.Cases(t) {
			file := filepath.Join(l.Dir, "bin", name, "prog")
			facts, err := binary.ReadFile(file)
			if err != nil || facts.ELF == nil || facts.ELF.Machine != c.machine || !facts.ELF.HasInterp {
				continue
			}
			if name == "d-interp-arm" {
				continue // the lab puts what it names into its roots
			}
			if others, _ := os.ReadDir(filepath.Dir(file)); len(others) > 1 {
				continue // it has libraries beside it
			}
			ours, open1 := outcome(p, c.machine, start(t, described, facts, c.machine))
			real, open2 := outcome(p, c.machine, start(t, tree, facts, c.machine))
			if open1 || open2 {
				open++
				continue
			}
			compared++
			if len(real) > 0 {
				fails++
			}
			if !slices.Equal(ours, real) {
				t.Errorf("%s on %s: misses %q, and in the tree %q", name, c.release, ours, real)
			}
		}
	}
	t.Logf("%d pairs compared, %d of them fail; of %d more the profile leaves something open", compared, fails, open)
	if compared < 200 || fails < 20 {
		t.Errorf("only %d pairs compared, %d of them fail", compared, fails)
	}
}

func start(t *testing.T, tree *root.Root, facts *binary.Facts, machine string) *loader.Trace {
	t.Helper()
	const place = "/usr/local/bin/prog"
	r, info, err := tree.WithFile(place, facts, 0o755)
	must(t, err)
	return loader.Load(r, loader.Subject{Facts: facts, Place: place, Info: info},
		loader.Options{Machine: machine, Env: []string{"PATH=" + path.Dir(place)}, CPU: loader.CPU{Level: ""}})
}

// TestOwnMusl: the exports of the lab's musl are those that Alpine of the same
// version is said to have.
func TestOwnMusl(t *testing.T) {
	l := lab.Open(t)
	for dir, release := range map[string]string{"musl": "alpine:3.17", "musl125": "alpine:3.20"} {
		r, err := root.Dir(l.Root(dir))
		must(t, err)
		info, err := r.Stat("/lib/ld-musl-x86_64.so.1", root.Superuser)
		must(t, err)
		o, err := r.Object(info)
		must(t, err)
		p, err := profile.Lookup(release)
		must(t, err)
		libs := p.Libraries("x86-64")
		names := map[string]bool{}
		for _, s := range libs[0].Symbols {
			names[s.Name] = true
		}
		for _, x := range o.Facts.ELF.Exports {
			if !x.Unhashed && !names[x.Name] && x.Name != "renameat2" { // Debian's backport from 1.2.6
				t.Errorf("%s: %s is not said to be there", release, x.Name)
			}
			delete(names, x.Name)
		}
		for name := range names { // what Debian leaves out of its build
			if !slices.Contains([]string{"crypt", "crypt_r", "encrypt", "setkey"}, name) {
				t.Errorf("%s: %s is said to be there", release, name)
			}
		}
	}
}
