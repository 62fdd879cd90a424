package pkgindex

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Open reads an index: one that WriteTo wrote, or any source, recognised by
// its content: an RPM database, primary.xml, an apk index or database, a
// package, or a directory of packages, of a database or of a repository.
func Open(ctx context.Context, file string) (*Index, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	var x *Index
	switch {
	case info.IsDir():
		x, err = openDir(ctx, file)
	case !info.Mode().IsRegular():
		err = errors.New("it is no regular file")
	default:
		x, err = openFile(ctx, file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if x.Name == "" {
		x.Name = filepath.Base(file)
	}
	if x.Sources == nil {
		x.Sources = []string{file}
	}
	return x, nil
}

// made completes an index of packages that were just read.
func made(format Format, packages []Package) *Index {
	x := &Index{Formats: []Format{format}, Packages: packages}
	switch format {
	case FormatRPMDB, FormatPrimary, FormatRPM:
		x.Distribution = distributionOf(packages)
		x.Manager = managerOf(x.Distribution)
	case FormatDeb:
		x.Manager = "apt"
		x.Distribution = debianRelease(packages)
	case FormatAPK, FormatAPKIndex, FormatAPKDB:
		x.Manager = "apk"
		x.Distribution = alpineRelease(packages)
	}
	x.Installed = format == FormatRPMDB || format == FormatAPKDB || format == FormatCapture
	x.Complete = format == FormatPrimary || format == FormatAPKIndex
	for i := range packages {
		packages[i].finish()
	}
	if x.Complete {
		x.MarkBase(x.mainMachine(), BasePackages(x.Distribution))
	}
	return x
}

// mainMachine is that of most libraries; a 64-bit system offers nearly as many
// of its 32-bit brother.
func (x *Index) mainMachine() string {
	count := map[string]int{}
	for i := range x.Packages {
		if m, ok := machineOf(x.Packages[i].Arch); ok {
			count[m.name] += m.class
		}
	}
	best := ""
	for _, m := range sortedKeys(count) {
		if best == "" || count[m] > count[best] {
			best = m
		}
	}
	return best
}

// finish trims a package, and adds what its metadata leaves out.
func (p *Package) finish() {
	p.trim()
	for i := range p.Files {
		f := &p.Files[i]
		if f.Library != nil && f.facts == nil {
			glibcNodes(f.Library, upstream(p.Version))
		}
		if strings.HasPrefix(p.Name, "glibc") {
			f.ownNeeds()
		}
	}
}

func openFile(ctx context.Context, file string) (*Index, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	head := make([]byte, 512)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	head = head[:n]
	switch {
	case isSerial(head):
		b, err := io.ReadAll(io.LimitReader(f, maxSerial+1))
		if err == nil && len(b) > maxSerial {
			err = &LimitError{"bytes of an index", maxSerial}
		}
		if err != nil {
			return nil, err
		}
		return Decode(b)
	case rpmBackendOf(head) != nil:
		if err := pendingLog(file); err != nil {
			return nil, err
		}
		packages, err := readRPMDB(ctx, f, info.Size())
		if err != nil {
			return nil, err
		}
		return made(FormatRPMDB, packages), nil
	case packageFormat(head) != "":
		return openPackages(ctx, []string{file})
	}
	return openStream(ctx, f)
}

// pendingLog refuses a database of which a part lies in a log beside it.
func pendingLog(file string) error {
	if info, err := os.Stat(file + "-wal"); err == nil && info.Size() > 0 {
		return errors.New("its write-ahead log (-wal) has changes that are not in it yet: copy it with sqlite3 FILE '.backup COPY' and take the copy")
	}
	return nil
}

// openStream reads what may be compressed.
func openStream(ctx context.Context, f io.Reader) (*Index, error) {
	r, done, err := unpack(ctx, f)
	if err != nil {
		return nil, err
	}
	defer done()
	head, err := r.Peek(512)
	if err != nil && err != io.EOF {
		return nil, err
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(head) == 0:
		return nil, errors.New("an empty file")
	case bytes.HasPrefix(text, []byte("<")):
		return openXML(ctx, r)
	case isTar(head):
		return openAPKIndexTar(ctx, r)
	case isAPKText(text):
		return openAPKText(ctx, r)
	case bytes.HasPrefix(text, []byte("Package:")):
		return nil, errors.New("a list of Debian packages does not name the libraries in them: take a folder of the .deb files themselves")
	}
	return nil, errors.New("not known: neither an index of willrun nor an RPM database, primary.xml, apk index or package")
}

func openXML(ctx context.Context, r *bufio.Reader) (*Index, error) {
	if head, _ := r.Peek(512); bytes.Contains(head, []byte("<filelists")) {
		return nil, errors.New("filelists.xml alone does not tell what packages provide: give the folder that has primary.xml too")
	}
	packages, err := readPrimary(ctx, r)
	if err != nil {
		return nil, err
	}
	return made(FormatPrimary, packages), nil
}

// Places of databases below a directory.
var databases = []string{"rpmdb.sqlite", "Packages.db", "Packages", "var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/Packages.db",
	"var/lib/rpm/Packages.db", "var/lib/rpm/Packages", "lib/apk/db/installed"}

// openDir reads a directory: of a database, of a repository, or of packages.
func openDir(ctx context.Context, dir string) (*Index, error) {
	for _, d := range databases {
		file := filepath.Join(dir, d)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return openFile(ctx, file)
		}
	}
	for _, d := range []string{filepath.Join(dir, "repodata"), dir} {
		if primary, filelists := metadataIn(d); primary != "" {
			return openRepository(ctx, primary, filelists)
		}
	}
	files, err := packagesIn(dir)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("a directory without packages, package database or repository metadata; a root file system is captured, not opened as an index")
	}
	return openPackages(ctx, files)
}

// metadataIn finds primary.xml and filelists.xml, whose names have digests
// before them and endings of compression behind.
func metadataIn(dir string) (primary, filelists string) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return "", ""
	}
	for _, e := range list {
		name := e.Name()
		base, _, _ := strings.Cut(name, ".xml")
		if !strings.Contains(name, ".xml") || !e.Type().IsRegular() {
			continue
		}
		switch {
		case base == "primary" || strings.HasSuffix(base, "-primary"):
			primary = filepath.Join(dir, name)
		case base == "filelists" || strings.HasSuffix(base, "-filelists"):
			filelists = filepath.Join(dir, name)
		}
	}
	return primary, filelists
}

func openRepository(ctx context.Context, primary, filelists string) (*Index, error) {
	var packages []Package
	err := withStream(ctx, primary, func(r io.Reader) (err error) {
		packages, err = readPrimary(ctx, r)
		return err
	})
	if err == nil && filelists != "" {
		err = withStream(ctx, filelists, func(r io.Reader) error { return readFilelists(ctx, r, packages) })
	}
	if err != nil {
		return nil, err
	}
	return made(FormatPrimary, packages), nil
}

func withStream(ctx context.Context, file string, read func(io.Reader) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r, done, err := unpack(ctx, f)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	defer done()
	if err := read(r); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return nil
}

// maxPackageFiles bounds how many packages of a folder are read.
const maxPackageFiles = 1 << 17

// packagesIn lists package files below a directory, in order of their names.
func packagesIn(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() && slices.Contains([]string{".rpm", ".deb", ".apk"}, filepath.Ext(p)) {
			if files = append(files, p); len(files) > maxPackageFiles {
				return &LimitError{"package files", maxPackageFiles}
			}
		}
		return nil
	})
	return files, err
}
