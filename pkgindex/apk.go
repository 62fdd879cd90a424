package pkgindex

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// apk reads an .apk file of version 2: three gzip streams of tar pieces behind
// one another, for the signature, the description and the files
// (https://wiki.alpinelinux.org/wiki/Apk_spec).
func (b *builder) apk(r io.Reader) error {
	plain, done, err := unpack(b.ctx, r)
	if err != nil {
		return err
	}
	defer done()
	t := tar.NewReader(plain)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		switch name := path.Clean("/" + h.Name); {
		case name == "/.PKGINFO":
			text, err := io.ReadAll(io.LimitReader(t, maxControl))
			if err != nil {
				return err
			}
			b.pkgInfo(string(text))
		case strings.HasPrefix(name, "/.") && strings.Count(name, "/") == 1: // signatures and scripts
		default:
			if b.pkg.Name == "" {
				return errors.New("no apk package: its first file is not .PKGINFO")
			}
			if err := b.tarEntry(h, t); err != nil {
				return err
			}
		}
	}
	if b.pkg.Name == "" {
		return errors.New("no apk package: it has no .PKGINFO")
	}
	return nil
}

func (b *builder) pkgInfo(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		key, value, ok := strings.Cut(line, " = ")
		if !ok {
			continue
		}
		switch key {
		case "pkgname":
			b.pkg.Name = value
		case "pkgver":
			b.pkg.Version = value
		case "arch":
			b.pkg.Arch = value
		case "depend":
			b.pkg.Requires = append(b.pkg.Requires, apkRelation(value))
		case "provides":
			b.pkg.Provides = append(b.pkg.Provides, apkRelation(value))
		}
	}
}

// apkRelation reads "so:libz.so.1=1.3.1", "foo>=1.2".
func apkRelation(text string) Relation {
	i := strings.IndexAny(text, "<>=~")
	if i <= 0 {
		return Relation{Name: text}
	}
	op := run(text[i:], func(c rune) bool { return strings.ContainsRune("<>=~", c) })
	return Relation{Name: text[:i], Op: strings.ReplaceAll(op, "~", "="), Version: text[i+len(op):]}
}

// isTar: the magic of a tar header.
func isTar(head []byte) bool { return len(head) >= 263 && string(head[257:262]) == "ustar" }

// isAPKText: paragraphs of an apk index or database, which begin with a
// checksum or a package's name.
func isAPKText(text []byte) bool {
	return bytes.HasPrefix(text, []byte("C:Q1")) || bytes.HasPrefix(text, []byte("P:"))
}

// openAPKIndexTar finds APKINDEX in APKINDEX.tar.gz, or reads a package.
func openAPKIndexTar(ctx context.Context, r io.Reader) (*Index, error) {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil, errors.New("a tar archive without APKINDEX: a root file system is captured, and a package is named .apk in a folder")
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return nil, err
		}
		if h.Name == "APKINDEX" {
			return openAPKText(ctx, bufio.NewReader(t))
		}
	}
}

// openAPKText reads an index or a database of what is installed, which names
// files too (apk-tools' src/database.c and src/package.c).
func openAPKText(ctx context.Context, r *bufio.Reader) (*Index, error) {
	a := &apkText{}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		line, err := readLine(r)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if err := a.line(line); err != nil {
			return nil, err
		}
		if err == io.EOF {
			break
		}
	}
	if err := a.end(); err != nil {
		return nil, err
	}
	if len(a.list) == 0 {
		return nil, errors.New("an apk index without packages")
	}
	format := FormatAPKIndex
	if a.files {
		format = FormatAPKDB
	}
	x := made(format, a.list)
	x.Packages = newest(x.Manager, x.Packages)
	return x, nil
}

// readLine bounds a line.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, more, err := r.ReadLine()
		if line = append(line, part...); err != nil || !more {
			return string(line), err
		}
		if len(line) > maxXMLToken {
			return "", &LimitError{"bytes in a line", maxXMLToken}
		}
	}
}

type apkText struct {
	list  []Package
	pkg   Package
	names []File // files of the package
	dir   string
	files bool
	count int
}

func (a *apkText) line(line string) error {
	if line == "" {
		return a.end()
	}
	key, value, ok := strings.Cut(line, ":")
	if !ok || len(key) != 1 {
		return fmt.Errorf("no apk index: a line %q", line[:min(len(line), 40)])
	}
	if a.count++; a.count > maxRepoRelations {
		return &LimitError{"lines", maxRepoRelations}
	}
	switch key {
	case "P":
		a.pkg.Name = value
	case "V":
		a.pkg.Version = value
	case "A":
		a.pkg.Arch = value
	case "D":
		for f := range strings.FieldsSeq(value) {
			a.pkg.Requires = append(a.pkg.Requires, apkRelation(f))
		}
	case "p":
		for f := range strings.FieldsSeq(value) {
			a.pkg.Provides = append(a.pkg.Provides, apkRelation(f))
		}
	case "F":
		a.dir, a.files = value, true
	case "R":
		a.names = append(a.names, File{Path: path.Clean("/" + a.dir + "/" + value), Mode: root.ModeReg | 0o644, Size: 4096})
	case "a": // owner and mode of the last file
		if n := len(a.names); n > 0 {
			a.names[n-1].owned(value)
		}
	}
	return nil
}

// owned reads "0:0:755".
func (f *File) owned(text string) {
	var mode uint32
	if n, err := fmt.Sscanf(text, "%d:%d:%o", &f.UID, &f.GID, &mode); err == nil && n == 3 {
		f.Mode = f.Mode&root.ModeFmt | mode&0o7777
	}
}

func (a *apkText) end() error {
	if len(a.list) >= maxRepoPackages {
		return &LimitError{"packages", maxRepoPackages}
	}
	if a.pkg.Name != "" {
		a.pkg.Files = apkFiles(&a.pkg, a.names)
		a.list = append(a.list, a.pkg)
	}
	a.pkg, a.names, a.dir = Package{}, nil, ""
	return nil
}

// apkFiles makes libraries of so: provides. abuild gives them to libraries in
// /lib and /usr/lib alone (abuild's scan_shared_objects); the database names
// files, an index does not. Links are files there, for it does not say.
func apkFiles(p *Package, names []File) []File {
	m, ok := machineOf(p.Arch)
	if !ok {
		return names
	}
	at := map[string]int{}
	for i, f := range names {
		if dir := path.Dir(f.Path); dir == "/lib" || dir == "/usr/lib" {
			at[path.Base(f.Path)] = i
		}
	}
	files := slices.Clone(names)
	for _, r := range p.Provides {
		soname, ok := strings.CutPrefix(r.Name, "so:")
		if !ok || strings.Contains(soname, "/") {
			continue
		}
		f := File{Path: "/usr/lib/" + soname, Mode: root.ModeReg | 0o755, Size: 4096, Assumed: true}
		f.Library = &Library{Soname: soname, Kind: binary.KindShared, Machine: m.name, Class: m.class}
		name := soname
		if soname == muslSoname(m) { // the loader is the library, and the soname a link to it
			name = path.Base(m.musl)
			f.Path, f.Assumed = m.musl, false
			linkTo(&files, at, path.Join(path.Dir(m.musl), soname), name)
		}
		if i, ok := at[name]; ok {
			files[i].Library = f.Library
			files[i].Mode |= 0o111
			continue
		}
		files = append(files, f)
	}
	return files
}

// linkTo makes a name a link, where the database does not tell that it is one.
func linkTo(files *[]File, at map[string]int, name, to string) {
	l := File{Path: name, Mode: root.ModeLink | 0o777, Link: to}
	if i, ok := at[path.Base(name)]; ok {
		(*files)[i] = l
		return
	}
	*files = append(*files, l)
}

// muslSoname is that of musl's libc, which is its loader too: libc.musl-x86_64.so.1.
func muslSoname(m machine) string {
	return "libc." + strings.TrimPrefix(path.Base(m.musl), "ld-")
}

// alpineRelease names an Alpine release by the packages that have its version.
func alpineRelease(packages []Package) root.Distribution {
	d := root.Distribution{ID: "alpine", PrettyName: "Alpine Linux"}
	for i := range packages {
		if n := packages[i].Name; n == "alpine-release" || n == "alpine-base" {
			v, _, _ := strings.Cut(packages[i].Version, "-")
			d.VersionID, d.PrettyName = v, "Alpine Linux v"+v
		}
	}
	return d
}

// debianRelease names a Debian release by base-files' version: 12.4+deb12u5,
// and 12ubuntu4 where it is Ubuntu's.
func debianRelease(packages []Package) root.Distribution {
	for i := range packages {
		p := &packages[i]
		if p.Name != "base-files" {
			continue
		}
		if strings.Contains(p.Version, "ubuntu") {
			return root.Distribution{ID: "ubuntu", PrettyName: "Ubuntu", IDLike: "debian"}
		}
		v := run(p.Version, isDigit)
		return root.Distribution{ID: "debian", VersionID: v, PrettyName: "Debian GNU/Linux " + v}
	}
	return root.Distribution{}
}
