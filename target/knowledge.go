package target

import (
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/profile"
)

// knowledge is what evidence without files tells of what its tree lacks. An
// answer of "" is: it is not there. Any other says why that is not known, and
// what would settle it.
type knowledge interface {
	library(soname string) (there answer)
	libraries(sonames []string) string // why it is not known whether these are there
	file(what string) string
	providers(soname string, nodes []string) (list []pkgindex.Provider, complete bool)
}

// answer to whether something is there that a tree lacks.
type answer bool

const (
	no       answer = false
	notKnown answer = true
)

// LacksLibrary says whether a library that the tree lacks is known not to be
// there.
func (t *Target) LacksLibrary(soname string) bool {
	return t.known == nil || t.known.library(soname) == no
}

// WhyNotKnown says why it is not known whether these libraries are there, and
// what settles it.
func (t *Target) WhyNotKnown(sonames []string) string {
	if t.known == nil {
		return ""
	}
	return t.known.libraries(sonames)
}

// LacksFile says why it is not known whether another file, or a command on
// PATH, is there; "" is: it is not.
func (t *Target) LacksFile(what string) string {
	if t.known == nil {
		return ""
	}
	return t.known.file(what)
}

// Provider is a package that can be installed on the target.
type Provider struct{ Package, Command string }

// Providers are the packages that bring a library with all of these versions.
// complete says that there are no others.
func (t *Target) Providers(soname string, nodes []string) (list []Provider, complete bool) {
	if t.known == nil {
		return nil, false
	}
	found, complete := t.known.providers(soname, nodes)
	for _, p := range found {
		if p.Command != "" {
			list = append(list, Provider{strings.TrimSpace(p.Package + " " + p.Version), p.Command})
		}
	}
	return list, complete
}

// Owners are the names of the packages that bring a library, and whether one
// of them is of the base system; none where packages are not known.
func (t *Target) Owners(soname string) (names []string, base bool) {
	k, ok := t.known.(*byIndex)
	if !ok {
		return nil, false
	}
	for _, p := range k.index.Providers(soname, nil, k.machine) {
		names = append(names, p.Package)
		base = base || k.index.InBase(p.Package)
	}
	return names, base
}

// byIndex: what packages do not have is not there.
type byIndex struct {
	index   *pkgindex.Index
	machine string
}

func (k *byIndex) library(string) answer { return no }

func (k *byIndex) libraries([]string) string { return "" }

func (k *byIndex) file(what string) string {
	if slices.Contains(k.index.Formats, pkgindex.FormatCapture) && len(k.index.Formats) == 1 {
		return ""
	}
	return fmt.Sprintf("whether %s is there, %s does not tell; a tree or a captured one does", what, k.index.Name)
}

func (k *byIndex) providers(soname string, nodes []string) ([]pkgindex.Provider, bool) {
	return k.index.Providers(soname, nodes, k.machine), k.index.Complete
}

// byProfile: published facts are those of the base system.
type byProfile struct {
	profile *profile.Profile
	machine string
}

func (k *byProfile) library(soname string) answer {
	if strings.HasPrefix(soname, "libgo.so.") && k.profile.LibgoKnown {
		return no
	}
	for _, l := range k.profile.Libraries(k.machine) {
		if l.Soname == soname && l.Presence == profile.Installable {
			return no
		}
	}
	return notKnown
}

func (k *byProfile) libraries(sonames []string) string {
	which := "is no part"
	if len(sonames) > 1 {
		which = "are no part"
	}
	return fmt.Sprintf("whether %s has %s, which %s of its base system, is not known; a tree, an image or an index of it (dir:, image:, index:) settles it",
		k.profile.Name, strings.Join(sonames, ", "), which)
}

func (k *byProfile) file(what string) string {
	return fmt.Sprintf("whether %s has %s is not known; a tree or an image of it (dir:, image:) settles it", k.profile.Name, what)
}

func (k *byProfile) providers(soname string, _ []string) ([]pkgindex.Provider, bool) {
	for _, l := range k.profile.Libraries(k.machine) {
		if l.Soname == soname && l.Package != "" {
			return []pkgindex.Provider{{Package: l.Package, Command: installCommand(k.profile.ID, l.Package)}}, false
		}
	}
	return nil, false
}

// installCommand by family.
func installCommand(id, pkg string) string {
	switch id {
	case "debian", "ubuntu":
		return "apt install " + pkg
	case "alpine":
		return "apk add " + pkg
	case "opensuse-leap", "sles":
		return "zypper install " + pkg
	case "arch":
		return "pacman -S " + pkg
	case "mariner", "photon":
		return "tdnf install " + pkg
	}
	return "dnf install " + pkg
}
