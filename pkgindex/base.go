package pkgindex

import (
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// modular: a package of a module's stream, which is offered only where that
// stream is enabled (https://docs.fedoraproject.org/en-US/modularity/).
func modular(p *Package) bool { return strings.Contains(p.Version, ".module") }

// enterpriseBase is what a minimal installation of Enterprise Linux begins
// with: the mandatory packages of the comps groups "core" and of the minimal
// environment that carry programs and libraries, and what a server never lacks.
// What these need comes with them.
var enterpriseBase = []string{"basesystem", "bash", "coreutils", "filesystem", "glibc", "glibc-common", "setup", "systemd", "shadow-utils", "util-linux",
	"dnf", "rpm", "sudo", "passwd", "openssh-server", "openssh-clients", "procps-ng", "iproute", "NetworkManager", "curl", "ca-certificates", "tzdata",
	"less", "grep", "sed", "gawk", "tar", "gzip", "xz", "bzip2", "zstd", "which", "findutils", "kbd", "libgcc", "libstdc++", "zlib", "openssl-libs",
	"python3", "crypto-policies", "audit", "cronie", "selinux-policy", "firewalld"}

// BasePackages is the default list of packages that every installation of a
// distribution has, or nil where none is known. Containers have fewer.
func BasePackages(d root.Distribution) []string {
	if enterprise(d) || d.ID == "fedora" || d.ID == "amzn" {
		return enterpriseBase
	}
	if d.ID == "alpine" {
		return alpineBase
	}
	return nil
}

// alpineBase is what alpine-base, the package of every installation, needs.
var alpineBase = []string{"alpine-base", "alpine-baselayout", "apk-tools", "busybox", "libc-utils", "musl", "musl-utils"}

// MarkBase marks the packages of these names, and all that they need, as the
// base set for a machine. It follows Requires as a package manager does: a
// provider that is already chosen, else the one of the system's machine with
// the shortest name. Conditional (rich) dependencies are not followed.
func (x *Index) MarkBase(machine string, names []string) {
	c := &closure{index: x, machine: machine, byProvide: map[string][]int{}}
	for i := range x.Packages {
		p := &x.Packages[i]
		if m, ok := machineOf(p.Arch); ok && m.name != machine {
			continue
		}
		c.byProvide[p.Name] = append(c.byProvide[p.Name], i)
		for _, r := range p.Provides {
			if r.Name != p.Name {
				c.byProvide[r.Name] = append(c.byProvide[r.Name], i)
			}
		}
		for j := range p.Files {
			c.byProvide[p.Files[j].Path] = append(c.byProvide[p.Files[j].Path], i)
		}
	}
	for _, n := range names {
		for _, i := range c.byProvide[n] {
			if x.Packages[i].Name == n {
				c.take(i)
			}
		}
	}
	for len(c.todo) > 0 {
		i := c.todo[0]
		c.todo = c.todo[1:]
		for _, r := range x.Packages[i].Requires {
			c.need(r)
		}
	}
}

type closure struct {
	index     *Index
	machine   string
	byProvide map[string][]int
	todo      []int
}

func (c *closure) take(i int) {
	if p := &c.index.Packages[i]; !p.Base {
		p.Base = true
		c.todo = append(c.todo, i)
	}
}

func (c *closure) need(r Relation) {
	name := r.Name
	if strings.HasPrefix(name, "(") || strings.HasPrefix(name, "rpmlib(") {
		return
	}
	candidates := c.byProvide[name]
	for _, o := range r.Or {
		candidates = slices.Concat(candidates, c.byProvide[o.Name])
		if len(c.byProvide[name]) == 0 {
			name = o.Name
		}
	}
	if len(candidates) == 0 || slices.ContainsFunc(candidates, func(i int) bool { return c.index.Packages[i].Base }) {
		return
	}
	// Of alternatives the first that there is.
	best := slices.MinFunc(c.byProvide[name], func(a, b int) int {
		x, y := &c.index.Packages[a], &c.index.Packages[b]
		if modular(x) != modular(y) {
			if modular(x) {
				return 1
			}
			return -1
		}
		if len(x.Name) != len(y.Name) {
			return len(x.Name) - len(y.Name)
		}
		return compareStrings(x.Name, y.Name)
	})
	c.take(best)
}
