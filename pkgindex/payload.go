package pkgindex

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// Limits of a package's payload.
const (
	maxPayloadFiles = 1 << 20
	maxPayloadFile  = 512 << 20 // bytes of one program or library
	maxPayloadNames = 256 << 20 // bytes
	maxInMemory     = 32 << 20  // a larger program goes through a temporary file
	maxDataFile     = 1 << 20
)

// Payload is a package file with what is in it.
type Payload struct {
	Package Package // with all of its files, programs and libraries by their facts
	Format  Format
	Manager string // "dnf", "apt" or "apk"
}

// OpenPayload reads a .rpm, .deb or .apk file: every program, library and
// script in it is read as binary.Read does, in one pass, without unpacking it.
func OpenPayload(ctx context.Context, file string) (*Payload, error) {
	p, format, err := readPackage(ctx, file, binary.Read)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	manager := map[Format]string{FormatRPM: "dnf", FormatDeb: "apt", FormatAPK: "apk"}[format]
	return &Payload{Package: p, Format: format, Manager: manager}, nil
}

// Entries are the files of the payload, as root.Described takes them.
func (p *Payload) Entries() []root.Entry {
	list := make([]root.Entry, 0, len(p.Package.Files))
	for i := range p.Package.Files {
		f := &p.Package.Files[i]
		e := root.Entry{Path: f.Path, Mode: f.Mode, UID: f.UID, GID: f.GID, Size: f.Size, Link: f.Link, Data: f.Data, Loader: f.Loader, LibcVersion: f.LibcVersion}
		e.Facts, _ = f.Facts()
		list = append(list, e)
	}
	slices.SortStableFunc(list, func(a, b root.Entry) int { return linkRank(&a) - linkRank(&b) })
	return list
}

// linkRank: links come first, those near the top before others.
func linkRank(e *root.Entry) int {
	if e.Mode&root.ModeFmt == root.ModeLink {
		return strings.Count(e.Path, "/")
	}
	return 1 << 20
}

// packageFormat recognises a package file.
func packageFormat(head []byte) Format {
	switch {
	case bytes.HasPrefix(head, []byte("\xed\xab\xee\xdb")):
		return FormatRPM
	case bytes.HasPrefix(head, []byte("!<arch>\ndebian-binary")):
		return FormatDeb
	}
	return ""
}

// reader reads the facts of a program: binary.Read or binary.ReadObject.
type reader func(r io.ReaderAt, size int64) (*binary.Facts, error)

// readPackage reads one package file. An .apk is told by its name, for it is
// a plain gzip file.
func readPackage(ctx context.Context, file string, read reader) (Package, Format, error) {
	f, err := os.Open(file)
	if err != nil {
		return Package{}, "", err
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return Package{}, "", err
	}
	head = head[:n]
	b := &builder{ctx: ctx, read: read, at: map[string]int{}}
	format := packageFormat(head)
	switch {
	case format == FormatRPM:
		err = b.rpm(f)
	case format == FormatDeb:
		err = b.deb(f)
	case bytes.HasPrefix(head, []byte("ADB")):
		err = fmt.Errorf("an apk package of version 3, and only version 2 is known")
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		format = FormatAPK
		err = b.apk(f)
	default:
		err = fmt.Errorf("no package: neither .rpm nor .deb nor .apk")
	}
	return b.pkg, format, err
}

// openPackages makes an index of package files: their libraries are read.
func openPackages(ctx context.Context, files []string) (*Index, error) {
	var packages []Package
	var first Format
	for _, file := range files {
		p, format, err := readPackage(ctx, file, binary.ReadObject)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if first == "" {
			first = format
		}
		if format != first {
			return nil, fmt.Errorf("%s is of %s, and %s of %s: packages of one system are wanted", files[0], first, file, format)
		}
		p.trim()
		packages = append(packages, p)
	}
	x := made(first, packages)
	x.Packages = newest(x.Manager, x.Packages)
	return x, nil
}

// builder gathers a package's files while its payload goes by.
type builder struct {
	ctx   context.Context
	read  reader
	pkg   Package
	at    map[string]int
	names int
}

// add takes one name of the payload in. content may be nil. A name that comes
// again replaces what was there.
func (b *builder) add(f File, content io.Reader) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	f.Path = path.Clean("/" + f.Path)
	if b.names += len(f.Path) + len(f.Link); b.names > maxPayloadNames {
		return &LimitError{"bytes of names", maxPayloadNames}
	}
	if len(b.pkg.Files) >= maxPayloadFiles {
		return &LimitError{"files", maxPayloadFiles}
	}
	if content != nil && f.Mode&root.ModeFmt == root.ModeReg && f.Size > 0 {
		if err := b.content(&f, content); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	b.put(f)
	return nil
}

func (b *builder) put(f File) {
	if i, ok := b.at[f.Path]; ok {
		b.pkg.Files[i] = f
		return
	}
	b.at[f.Path] = len(b.pkg.Files)
	b.pkg.Files = append(b.pkg.Files, f)
}

// hardlink gives a second name to a file that is there.
func (b *builder) hardlink(f File, to string) {
	if i, ok := b.at[path.Clean("/"+to)]; ok {
		g := b.pkg.Files[i]
		g.Path = path.Clean("/" + f.Path)
		b.put(g)
	}
}

// content reads what the file is: wholly where it is a program, a library or a
// small file that is read as it is; else its beginning alone.
func (b *builder) content(f *File, content io.Reader) error {
	head := make([]byte, min(f.Size, 4096))
	if _, err := io.ReadFull(content, head); err != nil {
		return unexpected(err)
	}
	rest := io.MultiReader(bytes.NewReader(head), content)
	switch {
	case whole(head):
		return b.program(f, rest)
	case (slices.Contains(dataFiles, f.Path) || path.Dir(f.Path) == "/etc/ld.so.conf.d") && f.Size <= maxDataFile:
		f.Data = make([]byte, f.Size)
		_, err := io.ReadFull(rest, f.Data)
		return unexpected(err)
	case f.Mode&0o111 != 0 || bytes.HasPrefix(head, []byte("#!")):
		facts, err := b.read(bytes.NewReader(head), f.Size)
		f.facts = readFacts(facts)
		return err
	}
	return nil
}

// whole: formats of which more than the beginning is read.
func whole(head []byte) bool {
	for _, magic := range []string{"\x7fELF", "MZ", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// program reads a program or library.
func (b *builder) program(f *File, content io.Reader) error {
	if f.Size > maxPayloadFile {
		return &LimitError{"bytes of a program", maxPayloadFile}
	}
	at, done, err := hold(content, f.Size)
	if err != nil {
		return err
	}
	defer done()
	facts, err := b.read(at, f.Size)
	if err != nil {
		return err
	}
	f.facts = readFacts(facts)
	e := facts.ELF
	if e == nil {
		return nil
	}
	if base := path.Base(f.Path); isShared(e, base) {
		f.Library = libraryFrom(e, base)
	}
	if f.Library != nil && f.Size <= maxInMemory && (isLoader(f.Library.Soname) || strings.HasPrefix(f.Library.Soname, "libc.")) {
		return describeLibc(f, at)
	}
	return nil
}

// isShared: a library that others can ask for. libc.so.6 is a program too.
func isShared(e *binary.ELF, base string) bool {
	return e.Dynamic && (e.Kind == binary.KindShared || e.Soname != "") && (e.Soname != "" || hasSo(base))
}

// describeLibc lets package root read a loader's or C library's own bytes.
func describeLibc(f *File, at io.ReaderAt) error {
	data := make([]byte, f.Size)
	if _, err := at.ReadAt(data, 0); err != nil && err != io.EOF {
		return err
	}
	r, err := root.Described("", []root.Entry{{Path: f.Path, Mode: root.ModeReg | 0o755, Data: data}})
	if err != nil {
		return err
	}
	return libcFacts(r, f)
}

// libcFacts notes what a tree tells of its loader or C library.
func libcFacts(r *root.Root, f *File) error {
	info, err := r.Stat(f.Path, root.Superuser)
	if err != nil {
		return err
	}
	if strings.HasPrefix(f.Library.Soname, "libc.so.6") {
		facts, err := f.Facts()
		if err == nil {
			f.LibcVersion = r.LibcVersion(info, facts.ELF)
		}
		return err
	}
	l, err := r.Libc(f.Path, info)
	if err == nil && l.Kind != "other" {
		l.Facts = nil
		f.Loader = l
	}
	return err
}

// hold keeps a stream where it can be read at any place.
func hold(r io.Reader, size int64) (at io.ReaderAt, done func(), err error) {
	if size <= maxInMemory {
		// What it claims to be is not given memory before it is there.
		var buf bytes.Buffer
		if n, err := io.Copy(&buf, io.LimitReader(r, size)); err != nil || n < size {
			return nil, nil, unexpected(cmpErr(err, n < size))
		}
		return bytes.NewReader(buf.Bytes()), func() {}, nil
	}
	f, err := os.CreateTemp("", "willrun-")
	if err != nil {
		return nil, nil, err
	}
	done = func() { f.Close() }
	err = os.Remove(f.Name())
	if err == nil {
		var n int64
		n, err = io.Copy(f, io.LimitReader(r, size))
		err = cmpErr(err, n < size)
	}
	if err != nil {
		done()
		return nil, nil, unexpected(err)
	}
	return f, done, nil
}

func cmpErr(err error, short bool) error {
	if err == nil && short {
		return io.ErrUnexpectedEOF
	}
	return err
}
