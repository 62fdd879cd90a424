package judge

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/root"
)

// IsPackage says whether a file is taken for a package, by its name.
func IsPackage(file string) bool {
	switch filepath.Ext(file) {
	case ".rpm", ".deb", ".apk":
		info, err := os.Stat(file)
		return err == nil && info.Mode().IsRegular()
	}
	return false
}

// payload is a package's content, which is laid over every target.
type payload struct {
	*pkgindex.Payload
	file    string
	entries []root.Entry
	tree    *root.Root
}

// packageSubjects gives the programs of a package at their places, or the one
// file at a place.
func (b *Bench) packageSubjects(ctx context.Context, file, place string, give func(Subject, error) error) error {
	p, err := readPayload(ctx, file)
	if err != nil {
		return give(Subject{File: file}, err)
	}
	found := false
	for i := range p.Package.Files {
		f := &p.Package.Files[i]
		if place != "" && f.Path != place {
			continue
		}
		facts, err := f.Facts()
		if err != nil {
			err = fmt.Errorf("%s#%s: %w", file, f.Path, err)
		} else if facts == nil || f.Mode&root.ModeFmt != root.ModeReg || place == "" && (f.Mode&0o111 == 0 || !startable(facts)) {
			continue
		}
		found = true
		if err := give(Subject{File: file + "#" + f.Path, Facts: facts, tree: p.tree, place: f.Path, payload: p}, err); err != nil {
			return err
		}
	}
	if !found && place != "" {
		return give(Subject{File: file + "#" + place}, fmt.Errorf("%s: the package has no program or library %s", file, place))
	}
	if !found {
		return give(Subject{File: file}, fmt.Errorf("%s: the package has no programs", file))
	}
	return nil
}

func readPayload(ctx context.Context, file string) (*payload, error) {
	read, err := pkgindex.OpenPayload(ctx, file)
	if err != nil {
		return nil, err
	}
	p := &payload{Payload: read, file: file, entries: read.Entries()}
	if p.tree, err = root.Described(file, p.entries); err != nil {
		return nil, err
	}
	return p, nil
}

// startable says whether facts are of a program that someone starts.
func startable(f *binary.Facts) bool {
	switch {
	case f.ELF != nil:
		k := f.ELF.Kind
		return k != binary.KindShared && k != binary.KindObject && k != binary.KindCore
	case f.Format == binary.FormatMachO:
		return len(f.MachO) > 0 && f.MachO[0].Type == "execute"
	}
	return f.Format == binary.FormatScript || f.Format == binary.FormatPE
}

// brings is the path of a library in the package; "" where it has none of
// that name.
func (p *payload) brings(soname string) string {
	for i := range p.Package.Files {
		f := &p.Package.Files[i]
		if strings.HasSuffix(f.Path, "/"+soname) {
			return f.Path
		}
	}
	return ""
}

// absent: a library of the package that lies outside the loader's own
// directories is found once ldconfig has run, where that is told to look.
func (p *payload) absent(soname string) string {
	if p == nil || strings.Contains(soname, "/") {
		return ""
	}
	if at := p.brings(soname); at != "" {
		return fmt.Sprintf("the package brings %s, which the loader finds only where /etc/ld.so.conf names its directory and ldconfig has run; install it there to know", at)
	}
	return ""
}

// demands are the sonames and versions that a program takes from outside its
// package.
func (p *payload) demands(e *binary.ELF) []demand {
	var list []demand
	for _, soname := range e.Needed {
		if p.brings(soname) == "" {
			list = append(list, demand{soname: soname})
		}
	}
	for _, need := range e.VersionNeeds {
		for _, v := range need.Versions {
			if p.brings(need.Library) == "" && v.Name != "GLIBC_PRIVATE" && !v.Weak {
				list = append(list, demand{need.Library, v.Name})
			}
		}
	}
	return list
}

type demand struct{ soname, version string }

// rpm writes it as RPM's dependency generator does.
func (d demand) rpm(class int) string {
	mark := ""
	if class == 64 {
		mark = "(64bit)"
	}
	if d.version == "" && mark == "" {
		return d.soname
	}
	return fmt.Sprintf("%s(%s)%s", d.soname, d.version, mark)
}

// unrequired are the libraries that a program needs and its package does not
// ask for: then nothing installs them. Only packages whose dependencies name
// sonames tell; a .deb names packages.
func (p *payload) unrequired(e *binary.ELF) []string {
	if e == nil || p.Manager == "apt" {
		return nil
	}
	asked := map[string]bool{}
	for _, r := range p.Package.Requires {
		asked[r.Name] = true
	}
	var missing []string
	for _, d := range p.demands(e) {
		soname := demand{soname: d.soname}.rpm(e.Class)
		switch {
		case p.Manager == "apk" && d.version == "" && !asked["so:"+d.soname], p.Manager == "dnf" && !asked[d.rpm(e.Class)] && !(d.version != "" && !asked[soname]):
			name := d.soname
			if d.version != "" {
				name += " with " + d.version
			}
			if !slices.Contains(missing, name) {
				missing = append(missing, name)
			}
		}
	}
	return missing
}

// unowned are the libraries that a program needs and that no package brings
// which its .deb depends on: a .deb names packages, and which of the target's
// have a library its index tells. owners gives their names, and whether one
// is always there.
func (p *payload) unowned(e *binary.ELF, owners func(soname string) (names []string, base bool)) []string {
	if e == nil || p.Manager != "apt" {
		return nil
	}
	asked := map[string]bool{}
	for _, r := range p.Package.Requires {
		asked[r.Name] = true
		for _, or := range r.Or {
			asked[or.Name] = true
		}
	}
	var missing []string
	for _, d := range p.demands(e) {
		names, base := owners(d.soname)
		if d.version != "" || base || len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return asked[n] }) {
			continue
		}
		missing = append(missing, fmt.Sprintf("%s (of %s)", d.soname, strings.Join(names, " or ")))
	}
	return missing
}

// unneeded are the sonames that the package asks for and no file of it needs.
func (p *payload) unneeded() []string {
	needed := map[string]bool{}
	for i := range p.Package.Files {
		if f, err := p.Package.Files[i].Facts(); err == nil && f != nil && f.ELF != nil {
			for _, n := range f.ELF.Needed {
				needed[n] = true
			}
		}
	}
	var list []string
	for _, r := range p.Package.Requires {
		name, apk := strings.CutPrefix(r.Name, "so:")
		soname, _, versioned := strings.Cut(name, "(")
		if !apk && (!versioned || !strings.Contains(soname, ".so")) || strings.HasPrefix(soname, "ld-linux") || strings.HasPrefix(soname, "rtld") {
			continue
		}
		if !needed[soname] && !slices.Contains(list, soname) {
			list = append(list, soname)
		}
	}
	return list
}
