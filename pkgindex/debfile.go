package pkgindex

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/willrun/willrun/root"
)

// maxControl bounds the control file of a package, and apk's .PKGINFO.
const maxControl = 4 << 20

// deb reads a .deb file: an ar archive of debian-binary, control.tar and
// data.tar, the two in any compression (deb(5)).
func (b *builder) deb(r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<16)
	if _, err := in.Discard(8); err != nil {
		return unexpected(err)
	}
	control, data := false, false
	for !data {
		name, size, err := arMember(in)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		body := &io.LimitedReader{R: in, N: size}
		switch {
		case strings.HasPrefix(name, "control.tar"):
			control = true
			err = b.debMember(body, b.debControl)
		case strings.HasPrefix(name, "data.tar"):
			data = true
			err = b.debMember(body, b.tar)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if data {
			break
		}
		if _, err := io.CopyN(io.Discard, in, body.N+size&1); err != nil {
			return unexpected(err)
		}
	}
	switch {
	case !control || b.pkg.Name == "":
		return errors.New("it has no control file with a package's name")
	case !data:
		return errors.New("it has no data.tar")
	}
	return nil
}

// arMember reads the header of the next member (ar(5)).
func arMember(r *bufio.Reader) (name string, size int64, err error) {
	head := make([]byte, 60)
	if _, err := io.ReadFull(r, head); err != nil {
		return "", 0, err
	}
	size, err = strconv.ParseInt(strings.TrimSpace(string(head[48:58])), 10, 64)
	if err != nil || size < 0 || string(head[58:]) != "`\n" {
		return "", 0, errors.New("damaged ar archive")
	}
	return strings.TrimRight(strings.TrimSpace(string(head[:16])), "/"), size, nil
}

func (b *builder) debMember(body io.Reader, read func(io.Reader) error) error {
	r, done, err := unpack(b.ctx, body)
	if err != nil {
		return err
	}
	defer done()
	return read(r)
}

// debControl finds the control file in its tar.
func (b *builder) debControl(r io.Reader) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		if path.Clean("/"+h.Name) != "/control" {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(t, maxControl))
		if err != nil {
			return err
		}
		b.controlFields(string(text))
		return nil
	}
}

// controlFields reads the first paragraph (deb-control(5)).
func (b *builder) controlFields(text string) {
	field, values := "", map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "" && len(values) > 0:
			line = ""
		case strings.HasPrefix(line, " "), strings.HasPrefix(line, "\t"):
			values[field] += line
		default:
			if key, value, ok := strings.Cut(line, ":"); ok {
				field = strings.ToLower(key)
				values[field] = strings.TrimSpace(value)
			}
		}
	}
	b.pkg.Name, b.pkg.Version, b.pkg.Arch = values["package"], values["version"], values["architecture"]
	b.pkg.Requires = append(debRelations(values["pre-depends"]), debRelations(values["depends"])...)
	b.pkg.Provides = debRelations(values["provides"])
}

// debRelations reads "libc6 (>= 2.34), libfoo1 | libfoo2:any" (deb-control(5)).
func debRelations(text string) []Relation {
	var list []Relation
	for part := range strings.SplitSeq(text, ",") {
		var r Relation
		for i, one := range strings.Split(part, "|") {
			alternative := debRelation(one)
			switch {
			case alternative.Name == "":
			case i == 0 || r.Name == "":
				r.Name, r.Op, r.Version = alternative.Name, alternative.Op, alternative.Version
			default:
				r.Or = append(r.Or, alternative)
			}
		}
		if r.Name != "" {
			list = append(list, r)
		}
	}
	return list
}

func debRelation(text string) Relation {
	name, rest, _ := strings.Cut(strings.TrimSpace(text), "(")
	name, _, _ = strings.Cut(strings.TrimSpace(name), ":")
	if i := strings.IndexAny(name, " [<"); i >= 0 {
		name = name[:i]
	}
	r := Relation{Name: name}
	version, _, _ := strings.Cut(rest, ")")
	if version = strings.TrimSpace(version); version != "" {
		op := run(version, func(c rune) bool { return strings.ContainsRune("<>=", c) })
		r.Version = strings.TrimSpace(version[len(op):])
		r.Op = map[string]string{"<<": "<", ">>": ">", "<": "<=", ">": ">="}[op]
		if r.Op == "" {
			r.Op = op
		}
	}
	return r
}

// tar reads a payload of files.
func (b *builder) tar(r io.Reader) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		if err := b.tarEntry(h, t); err != nil {
			return err
		}
	}
}

func (b *builder) tarEntry(h *tar.Header, r io.Reader) error {
	f := File{Path: h.Name, Mode: uint32(h.Mode) & 0o7777, UID: uint32(h.Uid), GID: uint32(h.Gid)}
	switch h.Typeflag {
	case tar.TypeReg:
		f.Mode |= root.ModeReg
		f.Size = h.Size
		if h.Size == 0 {
			facts, err := b.read(noBytes{}, 0)
			if err != nil {
				return err
			}
			f.facts = readFacts(facts)
		}
	case tar.TypeDir:
		f.Mode |= root.ModeDir
	case tar.TypeSymlink:
		f.Mode, f.Link = root.ModeLink|0o777, h.Linkname
	case tar.TypeLink:
		b.hardlink(f, h.Linkname)
		return nil
	default:
		return nil
	}
	return b.add(f, r)
}
