// Package target turns a name that a user can type into a system to judge
// against: this host, a directory, an image, a package index, a release. It
// hides what kind of source a name means, and knows the circumstances that
// come with it.
//
//	t, err := target.Open(ctx, "almalinux:9", target.Options{})
//	defer t.Close()
//	t, err = t.For(ctx, "aarch64") // the same release on another machine
//	t.Distribution.PrettyName      // "AlmaLinux 9"
package target

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/willrun/willrun/root"
)

// Kinds of evidence that a verdict rests on.
const (
	Tree    = "tree"    // files
	Index   = "index"   // package metadata
	Profile = "profile" // published facts of a release
)

// Target is an open system, on one machine.
type Target struct {
	Name         string // as given
	Evidence     string // Tree, Index or Profile
	Data         string // digest of an image, revision of the embedded data; "" for any other
	Root         *root.Root
	Distribution root.Distribution
	Libcs        []string  // kinds of loader that it has: "glibc", "musl"
	Machine      string    // of its own programs, "" where nothing tells
	Baseline     string    // lowest CPU level that it supports: "x86-64-v1" …; "" off x86-64
	PageSize     uint64    // of its kernel, 0 where it is not known
	Kernel       [3]uint32 // of a release or an index of one; zero: any
	Life         Life
	Empty        bool  // no files at all
	Host         *Host // this machine's own circumstances; nil for any other

	libcs  []string
	known  knowledge // of what the tree does not show; nil: it shows all
	others *others   // the same target on other machines; nil: it is of one alone
}

// Life is how long the release of a target gets fixes. Zero days are not
// known.
type Life struct {
	Release       string // "CentOS Linux 8"; "" not known
	EOL, Extended time.Time
}

// Options say how targets are opened.
type Options struct {
	Env      []string                // K=V: where caches and credentials are
	Machine  string                  // wanted of an image for several; "" by its own order
	Progress func(done, total int64) // of images, in bytes; may be nil

	Published bool // releases by their published facts alone, also where their packages are known
}

// others opens a target on other machines, each once.
type others struct {
	machines []string // by preference
	open     func(ctx context.Context, machine string) (*Target, error)
	mu       sync.Mutex
	have     map[string]*Target
}

// Machines lists those that the target can be had on; nil for a target of one
// machine alone.
func (t *Target) Machines() []string {
	if t.others == nil {
		return nil
	}
	return t.others.machines
}

// For is the target on a machine: itself where it has no choice, or where the
// machine is none of its own.
func (t *Target) For(ctx context.Context, machine string) (*Target, error) {
	o := t.others
	if o == nil {
		return t, nil
	}
	machine = o.choose(machine)
	if machine == t.Machine {
		return t, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if other := o.have[machine]; other != nil {
		return other, nil
	}
	other, err := o.open(ctx, machine)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", t.Name, err)
	}
	other.Name, other.others = t.Name, o
	o.have[machine] = other
	return other, nil
}

// LibcVersions are its C libraries, "glibc 2.34"; one whose version can't be
// told by its kind alone.
func (t *Target) LibcVersions() []string { return t.libcs }

// choose: the machine itself; one that runs its programs as well; else the
// first.
func (o *others) choose(machine string) string {
	for _, m := range []string{machine, wider[machine]} {
		for _, have := range o.machines {
			if m == have {
				return m
			}
		}
	}
	return o.machines[0]
}

// wider machines run the programs of narrower ones too.
var wider = map[string]string{"i386": "x86-64", "arm": "aarch64"}

// Close gives back what the target holds open, on every machine.
func (t *Target) Close() error {
	if t.others != nil {
		for _, other := range t.others.have {
			other.Root.Close()
		}
	}
	return t.Root.Close()
}

// Open opens a target by its name.
func Open(ctx context.Context, name string, o Options) (*Target, error) {
	t, err := open(ctx, name, o)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", name, err)
	}
	t.Name, t.Root.Name = name, name
	return t, nil
}

func open(ctx context.Context, name string, o Options) (*Target, error) {
	kind, rest := split(name)
	switch {
	case kind == "index" && rest != "":
		return openIndex(ctx, rest, o)
	case isTree(kind):
		return openTree(ctx, kind, rest, o)
	}
	return openRelease(name, o)
}
