package target

import (
	"context"
	"os"
	"strings"

	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/profile"
	"github.com/willrun/willrun/root"
)

// openIndex opens package metadata: one file or folder, or several joined
// with plus signs (base+updates+epel).
func openIndex(ctx context.Context, files string, o Options) (*Target, error) {
	index, err := readIndex(ctx, files)
	if err != nil {
		return nil, err
	}
	p := profileOf(index.Distribution)
	return several(index.Machines(), o, func(machine string) (*Target, error) { return ofIndex(index, p, machine) })
}

// ofIndex is a system by its packages; p is its release, nil where that is
// not known.
func ofIndex(index *pkgindex.Index, p *profile.Profile, machine string) (*Target, error) {
	entries := index.Entries(machine)
	if p != nil {
		demand(entries, levelOf(p, machine))
	}
	r, err := root.Described(index.Name, entries)
	if err != nil {
		return nil, err
	}
	t := &Target{Evidence: Index, Root: r, known: &byIndex{index: index, machine: machine}}
	if p != nil {
		t.Data = profile.Revision()
		t.release(p, machine)
	} else {
		t.look()
		t.Machine = machine
	}
	if index.Distribution.ID != "" {
		t.Distribution = index.Distribution
	}
	return t, nil
}

// readIndex reads one index, or several joined: a+b.
func readIndex(ctx context.Context, files string) (*pkgindex.Index, error) {
	if _, err := os.Stat(files); err == nil || !strings.Contains(files, "+") {
		return pkgindex.Open(ctx, files) // a name may have a plus sign
	}
	var all []*pkgindex.Index
	for _, file := range strings.Split(files, "+") {
		x, err := pkgindex.Open(ctx, file)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return pkgindex.Join(all...)
}
