package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/ociimage"
	"github.com/willrun/willrun/root"
)

// openTree opens what has files of its own.
func openTree(ctx context.Context, kind, rest string, o Options) (*Target, error) {
	r, err := files(ctx, kind, rest, o)
	if err != nil {
		return nil, err
	}
	t := &Target{Evidence: Tree, Root: r, Empty: kind == "scratch", Distribution: r.Distribution()}
	t.look()
	t.Life = lifeOf(t.Distribution)
	if kind == "host" {
		if t.Host, err = host(); err != nil {
			return nil, err
		}
		t.Baseline, t.PageSize = t.Host.CPU, t.Host.PageSize
	}
	if r.Image != nil {
		t.Data = r.Image.Digest
		t.platforms(ctx, kind, rest, o)
	}
	return t, nil
}

func files(ctx context.Context, kind, rest string, o Options) (*root.Root, error) {
	image := ociimage.Options{Env: o.Env, Progress: o.Progress}
	if o.Machine != "" {
		image.Platform = "linux/" + GoArch(o.Machine)
	}
	switch {
	case kind == "host" && rest == "":
		return root.Host()
	case kind == "scratch" && rest == "":
		return root.Scratch(), nil
	case rest == "" || kind == "host" || kind == "scratch":
		return nil, fmt.Errorf("%s is wanted", wanted[kind])
	case kind == "dir":
		return root.Dir(rest)
	case kind == "archive":
		return root.ArchivePlatform(ctx, rest, image.Platform)
	case kind == "oci":
		return ociimage.Layout(ctx, rest, image)
	case kind == "image":
		return ociimage.Pull(ctx, rest, image)
	}
	return nil, fmt.Errorf("no such kind of target: %s", kind)
}

// wanted is how a target's name goes on.
var wanted = map[string]string{"host": "host alone", "scratch": "scratch alone", "image": "a reference, such as image:app:1,",
	"dir": "a path, such as dir:/some/where,", "archive": "a path, such as archive:/some/where.tar,", "oci": "a path, such as oci:/some/where,"}

// platforms: an image may be for several machines.
func (t *Target) platforms(ctx context.Context, kind, rest string, o Options) {
	var machines []string
	for _, p := range t.Root.Image.Platforms {
		arch, ok := strings.CutPrefix(p, "linux/")
		arch, _, _ = strings.Cut(arch, "/")
		if m, known := MachineOf(arch); ok && known && !slices.Contains(machines, m) {
			machines = append(machines, m)
		}
	}
	if len(machines) < 2 {
		return
	}
	// Its own comes first: what no machine asks for is what was opened.
	machines = slices.DeleteFunc(machines, func(m string) bool { return m == t.Machine })
	t.others = &others{machines: append([]string{t.Machine}, machines...), have: map[string]*Target{}}
	t.others.open = func(ctx context.Context, machine string) (*Target, error) {
		o := o
		o.Machine = machine
		other, err := openTree(ctx, kind, rest, o)
		if err == nil {
			other.Root.Name = t.Name
		}
		return other, err
	}
}
