// Package target turns a name that a user can type into a system to judge
// against: this host, a directory, an archive, an empty system. It hides what
// kind of source a name means, and knows the circumstances that come with it.
//
//	t, err := target.Open(ctx, "dir:/roots/el9")
//	defer t.Close()
//	t.Distribution.PrettyName // "AlmaLinux 9.4 (Seafoam Ocelot)"
package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// Target is an open system.
type Target struct {
	Name         string // as given
	Evidence     string // "tree"
	Root         *root.Root
	Distribution root.Distribution
	Libcs        []string // kinds of loader that it has: "glibc", "musl"
	Machine      string   // of its own programs, "" where nothing tells
	Baseline     string   // lowest CPU level that it supports: "x86-64-v1" …; "" off x86-64
	PageSize     uint64   // of its kernel, 0 where it is not known
	Empty        bool     // no files at all
	Host         *Host    // this machine's own circumstances; nil for any other
}

// Close gives back what the target holds open.
func (t *Target) Close() error { return t.Root.Close() }

// Names takes --on apart: commas and repetition, doubles dropped; nothing
// means host.
func Names(on []string) []string {
	var names []string
	for _, list := range on {
		for _, n := range strings.Split(list, ",") {
			if n = strings.TrimSpace(n); n != "" && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	if len(names) == 0 {
		return []string{"host"}
	}
	return names
}

// Split parts TARGET#/path. ok is false for a plain file name.
func Split(arg string) (name, place string, ok bool) {
	i := strings.Index(arg, "#/")
	if i <= 0 || !known(arg[:i]) {
		return "", "", false
	}
	return arg[:i], arg[i+1:], true
}

func known(name string) bool {
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case "host", "scratch":
		return kind == name
	case "dir", "archive", "oci", "image", "index":
		return rest != ""
	}
	return false
}

// Open opens a target by its name.
func Open(ctx context.Context, name string) (*Target, error) {
	r, err := open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", name, err)
	}
	r.Name = name
	t := &Target{Name: name, Evidence: "tree", Root: r, Empty: name == "scratch"}
	t.Distribution = r.Distribution()
	t.look()
	if name == "host" {
		if t.Host, err = host(); err != nil {
			return nil, fmt.Errorf("target host: %w", err)
		}
		t.Baseline, t.PageSize = t.Host.CPU, t.Host.PageSize
	}
	return t, nil
}

func open(ctx context.Context, name string) (*root.Root, error) {
	kind, rest, _ := strings.Cut(name, ":")
	switch {
	case name == "host":
		return root.Host()
	case name == "scratch":
		return root.Scratch(), nil
	case kind == "dir" && rest != "":
		return root.Dir(rest)
	case kind == "archive" && rest != "":
		return root.Archive(ctx, rest)
	case kind == "dir", kind == "archive":
		return nil, fmt.Errorf("a path is wanted behind %q", name)
	}
	return nil, fmt.Errorf("%s: there are host, scratch, dir:PATH and archive:FILE", unknown(name))
}

// unknown says what is wrong with a name that can't be opened.
func unknown(name string) string {
	kind, rest, colon := strings.Cut(name, ":")
	switch {
	case kind == "image" && rest != "":
		return "images from a registry are not in this version yet; write the image to a file with docker save -o FILE and take archive:FILE"
	case kind == "oci" && rest != "":
		return "OCI layouts are not in this version yet; a tar of the layout is an archive:FILE"
	case kind == "index" && rest != "":
		return "package indexes are not in this version yet"
	case slices.Contains([]string{"all", "supported", "el", "deb"}, strings.TrimRight(name, "0123456789.+")):
		return "groups of releases are not in this version yet"
	case colon && slices.Contains(releases, kind):
		return "releases by name are not in this version yet; unpack one and take dir:PATH"
	case strings.Contains(name, "/"):
		return "no such target; a directory is dir:" + name + ", an archive archive:" + name
	}
	return "no such target"
}

// releases are the distributions whose names will be targets.
var releases = []string{"almalinux", "alpine", "amzn", "anolis", "arch", "centos", "centos-stream", "debian", "fedora", "mariner", "ol", "opencloudos",
	"openEuler", "opensuse-leap", "opensuse-tumbleweed", "photon", "rhel", "rocky", "sles", "ubuntu", "void", "wolfi"}
