package target

import (
	"context"
	"path"
	"slices"

	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/profile"
	"github.com/willrun/willrun/root"
)

// Contents are the libraries of the target, as an index: the one that it is,
// what a release's published facts tell, or what is read from its files.
func (t *Target) Contents(ctx context.Context) (*pkgindex.Index, error) {
	switch k := t.known.(type) {
	case *byIndex:
		return k.index, nil
	case *byProfile:
		return k.contents(), nil
	}
	x, err := pkgindex.Capture(ctx, t.Root)
	if err != nil {
		return nil, err
	}
	x.Name, x.Distribution = t.Name, t.Distribution
	return x, nil
}

func (k *byProfile) contents() *pkgindex.Index {
	x := &pkgindex.Index{Name: k.profile.Name, Installed: false}
	// The loader searches where the release's libraries lie.
	loader := &root.Libc{}
	for _, l := range k.profile.Libraries(k.machine) {
		if dir := path.Dir(l.Path); !slices.Contains(loader.Dirs, dir) {
			loader.Dirs = append(loader.Dirs, dir)
		}
	}
	for _, l := range k.profile.Libraries(k.machine) {
		nodes := slices.Clone(l.Nodes)
		slices.Sort(nodes)
		x.Packages = append(x.Packages, pkgindex.Package{Name: l.Package, Base: l.Presence == profile.Present, Files: []pkgindex.File{{
			Path: l.Path, Mode: root.ModeReg | 0o755, Loader: loader, Library: &pkgindex.Library{Soname: l.Soname, Machine: k.machine, Nodes: nodes, Needed: l.Needed}}}})
	}
	return x
}

// Sources are where what is known of the target is from; nil for trees.
func (t *Target) Sources() []string {
	switch k := t.known.(type) {
	case *byIndex:
		return k.index.Sources
	case *byProfile:
		var list []string
		for _, s := range k.profile.Sources {
			list = append(list, s.Fact+": "+s.From)
		}
		return list
	}
	return nil
}

// Notes say what the target's name left open, and how it was read.
func (t *Target) Notes() []string {
	if k, ok := t.known.(*byProfile); ok {
		return k.profile.Notes
	}
	return nil
}
