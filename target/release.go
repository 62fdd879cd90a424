package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/profile"
	"github.com/willrun/willrun/root"
)

// openRelease opens a release by its name: by the packages that are known of
// it, else by its published facts.
func openRelease(name string, o Options) (*Target, error) {
	p, err := profile.Lookup(name)
	if err != nil {
		if strings.Contains(name, "/") {
			return nil, fmt.Errorf("no such target; a directory is dir:%s, an archive archive:%s", name, name)
		}
		return nil, fmt.Errorf("%w; targets are also %s", err, strings.Join(Kinds(), ", "))
	}
	release := p.ID + ":" + p.Version
	machines := slices.Clone(p.Machines)
	indexed := map[string]bool{}
	for _, e := range pkgindex.EmbeddedIndexes() {
		if o.Published || !slices.Contains(e.Releases, release) {
			continue
		}
		indexed[e.Machine] = true
		if !slices.Contains(machines, e.Machine) {
			machines = append(machines, e.Machine)
		}
	}
	return several(machines, o, func(machine string) (*Target, error) {
		if index, ok := pkgindex.Embedded(release, machine); ok && indexed[machine] {
			return ofIndex(index, p, machine)
		}
		return ofProfile(p, machine)
	})
}

// several opens a target on the machine that is wanted; it can be had on the
// others.
func several(machines []string, o Options, open func(machine string) (*Target, error)) (*Target, error) {
	if len(machines) == 0 {
		return nil, fmt.Errorf("nothing is known of it on any machine")
	}
	others := &others{machines: preferred(machines), have: map[string]*Target{}}
	others.open = func(_ context.Context, machine string) (*Target, error) { return open(machine) }
	t, err := open(others.choose(o.Machine))
	if err != nil {
		return nil, err
	}
	if len(machines) > 1 {
		t.others = others
	}
	return t, nil
}

// preferred puts the machines that most systems are of first.
func preferred(machines []string) []string {
	var list []string
	for _, m := range append([]string{"x86-64", "aarch64"}, machines...) {
		if slices.Contains(machines, m) && !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}

func ofProfile(p *profile.Profile, machine string) (*Target, error) {
	entries, err := p.Entries(machine)
	if err != nil {
		return nil, err
	}
	demand(entries, levelOf(p, machine))
	r, err := root.Described(p.Name, entries)
	if err != nil {
		return nil, err
	}
	t := &Target{Evidence: Profile, Data: profile.Revision(), Root: r, known: &byProfile{profile: p, machine: machine}}
	t.release(p, machine)
	return t, nil
}

// release fills in what a release's published facts tell beside its files.
func (t *Target) release(p *profile.Profile, machine string) {
	t.Distribution = t.Root.Distribution()
	t.look()
	t.Machine = machine
	t.Kernel = p.Kernel
	t.Life = Life{Release: p.Title, EOL: p.EOL, Extended: p.Extended}
	t.Baseline = levelOf(p, machine)
}

// levelOf is the lowest CPU level of a release; "" off x86-64. AlmaLinux 10
// has builds for v2 beside its own for v3.
func levelOf(p *profile.Profile, machine string) string {
	level := p.Level(machine)
	switch {
	case machine != "x86-64":
		return ""
	case p.ID == "almalinux" && p.Version == "10":
		return "x86-64-v2"
	case level == "":
		return "x86-64-v1"
	}
	return level
}

// demand marks the loaders of a release as built for its CPU level, as they
// are: they refuse to start on less.
func demand(entries []root.Entry, level string) {
	n := strings.TrimPrefix(level, "x86-64-v")
	if n < "2" || n > "4" || len(n) != 1 {
		return
	}
	for i := range entries {
		if l := entries[i].Loader; l != nil && l.Kind == "glibc" && l.ISA == 0 {
			own := *l
			own.ISA = 1 << (n[0] - '1')
			entries[i].Loader = &own
		}
	}
}

// lifeOf a tree, by its os-release.
func lifeOf(d root.Distribution) Life {
	p := profileOf(d)
	if p == nil {
		return Life{}
	}
	return Life{Release: p.Title, EOL: p.EOL, Extended: p.Extended}
}

// profileOf a tree's os-release; nil where that names no known release.
func profileOf(d root.Distribution) *profile.Profile {
	id := d.ID
	if id == "centos" && strings.Contains(d.PrettyName, "Stream") {
		id = "centos-stream"
	}
	if id == "" || d.VersionID == "" {
		return nil
	}
	// Some write more numbers than the release's name has: 3.20.3.
	for version := d.VersionID; version != ""; {
		if p, err := profile.Lookup(id + ":" + version); err == nil {
			return p
		}
		i := strings.LastIndexByte(version, '.')
		version = version[:max(i, 0)]
	}
	return nil
}
