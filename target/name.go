package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/willrun/willrun/profile"
)

// Names takes --on apart: commas and repetition, groups and globs for what
// they stand for at a day, doubles dropped; nothing means host.
func Names(on []string, asOf time.Time) ([]string, error) {
	var names []string
	for _, list := range on {
		for _, n := range strings.Split(list, ",") {
			members, err := expand(strings.TrimSpace(n), asOf)
			if err != nil {
				return nil, fmt.Errorf("target %s: %w", n, err)
			}
			for _, m := range members {
				if m != "" && !slices.Contains(names, m) {
					names = append(names, m)
				}
			}
		}
	}
	if len(names) == 0 {
		return []string{"host"}, nil
	}
	return names, nil
}

func expand(name string, asOf time.Time) ([]string, error) {
	if kind, _ := split(name); isTree(kind) || kind == "index" {
		return []string{name}, nil
	}
	members, err := profile.Match(name, asOf)
	if err != nil {
		return nil, err
	}
	if members == nil {
		return []string{name}, nil
	}
	if len(members) == 0 { // which must not come to mean host
		return nil, errors.New("no release that is known is of it")
	}
	return members, nil
}

// Split parts TARGET#/path. ok is false for a plain file name.
func Split(arg string) (name, place string, ok bool) {
	i := strings.Index(arg, "#/")
	if i <= 0 || !known(arg[:i]) {
		return "", "", false
	}
	return arg[:i], arg[i+1:], true
}

// IsImage says whether a subject's name is an image, which stands for what it
// starts.
func IsImage(arg string) bool {
	kind, rest := split(arg)
	return (kind == "image" || kind == "oci" || kind == "archive") && rest != ""
}

func known(name string) bool {
	kind, rest := split(name)
	switch {
	case kind == "host", kind == "scratch":
		return kind == name
	case isTree(kind), kind == "index":
		return rest != ""
	}
	return false
}

func split(name string) (kind, rest string) {
	kind, rest, _ = strings.Cut(name, ":")
	return kind, rest
}

func isTree(kind string) bool {
	return slices.Contains([]string{"host", "scratch", "dir", "archive", "oci", "image"}, kind)
}

// Kinds lists how a target's name can begin, for completion and help.
func Kinds() []string {
	return []string{"host", "scratch", "dir:", "archive:", "oci:", "image:", "index:"}
}

// Releases lists the names of all known releases.
func Releases() []string { return profile.Names() }

// Groups lists words that stand for several releases.
func Groups() []string { return []string{"all", "supported", "el", "deb", "el8+", "el9+"} }
