package root

import (
	"bytes"
	"path"
	"strings"

	"github.com/willrun/willrun/binary"
)

// maxLoader bounds what is read of a loader's file: real ones are below 2 MB.
const maxLoader = 16 << 20

// Libc describes the loader at an interpreter's path, from its own bytes.
func (r *Root) Libc(interp string, info Info) (*Libc, error) {
	o, err := r.Linked(info)
	if err != nil {
		return nil, err
	}
	own, err := r.objects.libcs.get(info.ID, func() (Libc, error) { return r.describe(info, o.Facts) })
	if err != nil {
		return nil, err
	}
	l := own
	l.Interp, l.Path, l.Facts = interp, info.Path, o.Facts
	if l.Kind == "glibc" {
		l.libcSo(r)
	}
	return &l, nil
}

// describe is what the loader's own bytes tell.
func (r *Root) describe(info Info, facts *binary.Facts) (Libc, error) {
	l := Libc{Kind: "other"}
	if facts.ELF == nil {
		return l, nil
	}
	data, err := r.contents(info, maxLoader)
	if err != nil {
		return l, err
	}
	l.ISA = facts.ELF.X86ISA
	switch {
	case bytes.Contains(data, []byte("musl libc (")):
		l.musl(data)
	case isGlibcLoader(facts.ELF, data):
		l.glibc(data)
	}
	return l, nil
}

// isGlibcLoader: glibc's ld.so carries its soname and the words of its cache,
// old or new.
func isGlibcLoader(e *binary.ELF, data []byte) bool {
	return strings.HasPrefix(e.Soname, "ld") && (bytes.Contains(data, []byte("glibc-ld.so.cache")) || bytes.Contains(data, []byte("ld.so-1.7.0")))
}

func (l *Libc) musl(data []byte) {
	l.Kind = "musl"
	l.Version = muslVersion(data)
	l.Dirs = []string{"/lib", "/usr/local/lib", "/usr/lib"}
	if dirs := muslPath(data); dirs != nil {
		l.Dirs = dirs
	}
}

// glibc: the built-in directories are one string of names with NULs between
// (elf/dl-load.c, system_dirs), each with a slash at both ends.
func (l *Libc) glibc(data []byte) {
	l.Kind = "glibc"
	l.Dirs = builtinDirs(data)
	l.LibDST = libDST(data, l.Dirs)
	l.Cache = cachePath(data)
	l.Version = bannerVersion(data)
	// Without a banner it is older than 2.33; 2.32 brought the call of
	// __libc_early_init.
	l.Newest = "2.31"
	if bytes.Contains(data, []byte("__libc_early_init")) {
		l.Newest = "2.32"
	}
}

// libcSo looks at the libc.so.6 that belongs to the loader: its banner tells
// the version where an old ld.so (before 2.33) does not, and it may demand a
// CPU level.
func (l *Libc) libcSo(r *Root) {
	dirs := append([]string{path.Dir(l.Path) + "/"}, l.Dirs...)
	for _, d := range dirs {
		info, err := r.Stat(d+"libc.so.6", Superuser)
		if err != nil || !info.Regular() {
			continue
		}
		o, err := r.Linked(info)
		if err != nil || o.Facts.ELF == nil || o.Facts.ELF.Machine != l.Facts.ELF.Machine {
			continue
		}
		l.ISA |= o.Facts.ELF.X86ISA
		if l.Version == "" {
			l.Version = r.LibcVersion(info, o.Facts.ELF)
			if CompareVersions(l.Version, l.Newest) > 0 {
				l.Version = l.Newest // that libc.so.6 is another's
			}
		}
		return
	}
}

// LibcVersion reads the version of a libc.so.6 from its banner; where it has
// none, its highest version node is a lower bound.
func (r *Root) LibcVersion(info Info, e *binary.ELF) string {
	v, err := r.objects.versions.get(info.ID, func() (string, error) {
		data, err := r.contents(info, maxLoader)
		return bannerVersion(data), err
	})
	if err == nil && v != "" {
		return v
	}
	best := ""
	for _, d := range e.VersionDefs {
		if v, ok := strings.CutPrefix(d.Name, "GLIBC_2."); ok && number.FindString(v) == v && CompareVersions("2."+v, best) > 0 {
			best = "2." + v
		}
	}
	return best
}
