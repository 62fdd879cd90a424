// Gen makes the indexes that willrun carries.
//
//	go run ./pkgindex/internal/gen rpm SOURCES OUT
//	go run ./pkgindex/internal/gen deb FOLDER NAME OUT
//
// rpm reads RPM databases and repository metadata; pkgindex/data/README.md
// says where SOURCES is from, file by file, with digests. deb reads a folder
// of .deb files, which debian.sh beside this file fetches.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/willrun/willrun/pkgindex"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 3 && args[0] == "rpm":
		return rpm(ctx, args[1], args[2])
	case len(args) == 4 && args[0] == "deb":
		return deb(ctx, args[1], args[2], args[3])
	}
	return fmt.Errorf("usage: gen rpm SOURCES OUT | gen deb FOLDER NAME OUT")
}

// system is one index to make, of files that are joined.
type system struct {
	file, name string
	releases   []string
	from       []string // below SOURCES, without .gz
	sources    []string
}

const (
	rpmdbA  = "github.com/knqyf263/go-rpmdb 7e39c901d1c42d070a7c681b5d36c92ac6c129d6 pkg/testdata/"
	rpmdbB  = "github.com/quay/claircore v1.5.35 rpm/"
	rpmdbC  = "github.com/google/osv-scalibr v0.5.3 extractor/filesystem/os/rpm/testdata/"
	osbuild = "github.com/osbuild/osbuild test/data/testrepos "
)

var systems = []system{
	{"centos-5.11-x86_64", "centos:5", nil, []string{"rpmdb/centos-5.11-x86_64/Packages"}, []string{rpmdbA + "centos5-plain"}},
	{"centos-6.10-x86_64", "centos:6", nil, []string{"rpmdb/centos-6.10-x86_64/Packages"}, []string{rpmdbA + "centos6-plain"}},
	{"centos-7.9-x86_64", "centos:7", nil, []string{"rpmdb/centos-7.9-x86_64/Packages"}, []string{rpmdbC + "Packages"}},
	{"centos-8.2-x86_64", "centos:8", nil, []string{"rpmdb/centos-8.2-x86_64/Packages"}, []string{rpmdbA + "centos8-modularitylabel"}},
	{"ubi-8.6-x86_64", "rhel:8", nil, []string{"rpmdb/ubi-8.6-x86_64/Packages"}, []string{rpmdbB + "bdb/testdata/ubi8.Packages"}},
	{"ubi-8.6-s390x", "rhel:8", nil, []string{"rpmdb/ubi-8.6-s390x/Packages"}, []string{rpmdbA + "ubi8-s390x"}},
	{"rockylinux-9.2-x86_64", "rocky:9", nil, []string{"rpmdb/rockylinux-9.2-x86_64/rpmdb.sqlite"}, []string{rpmdbC + "rpmdb.sqlite"}},
	{"rockylinux-9.3-aarch64", "rocky:9", nil, []string{"rpmdb/rockylinux-9.3-aarch64/rpmdb.sqlite"}, []string{rpmdbA + "rockylinux-9"}},
	{"fedora-35-x86_64", "fedora:35", nil, []string{"rpmdb/fedora-35-x86_64/rpmdb.sqlite"}, []string{rpmdbA + "fedora35"}},
	{"cbl-mariner-2.0-x86_64", "mariner:2.0", nil, []string{"rpmdb/cbl-mariner-2.0-x86_64/rpmdb.sqlite"}, []string{rpmdbA + "cbl-mariner-2.0"}},
	{"sles-15.3-bci-x86_64", "sles:15.3", nil, []string{"rpmdb/sles-15.3-bci-x86_64/Packages.db"}, []string{rpmdbA + "sle15-bci"}},
	{"sles-15.4-x86_64", "sles:15.4", nil, []string{"rpmdb/sles-15.4-x86_64/Packages.db"}, []string{rpmdbB + "ndb/testdata/Packages.db"}},
	{"opensuse-leap-15.5-x86_64", "opensuse-leap:15.5", nil, []string{"rpmdb/opensuse-leap-15.5-x86_64/Packages.db"}, []string{rpmdbC + "Packages.db"}},
	{"centos-stream-9-x86_64", "centos-stream:9", nil,
		[]string{"repodata/centos-stream-9/baseos-2022-primary.xml", "repodata/centos-stream-9/appstream-2025-primary.xml"},
		[]string{osbuild + "bc08eed1ef9f409d8e6a3f27ba5ef9da7a0429bf (BaseOS, February 2022)", osbuild + "f6b23dbc90c0919b22cf6ffab5bcb9ccab5aad28 (AppStream, January 2025)"}},
}

func rpm(ctx context.Context, from, out string) error {
	releases := map[string][]string{}
	for _, e := range pkgindex.EmbeddedIndexes() {
		releases[e.File] = e.Releases
	}
	for _, s := range systems {
		var parts []*pkgindex.Index
		for _, f := range s.from {
			x, err := open(ctx, filepath.Join(from, f))
			if err != nil {
				return err
			}
			x.Sources = nil
			parts = append(parts, x)
		}
		x, err := pkgindex.Join(parts...)
		if err != nil {
			return err
		}
		if x.Complete {
			x.MarkBase("x86-64", pkgindex.BasePackages(x.Distribution))
		}
		x.Name, x.Sources, x.Releases = s.name, s.sources, releases[s.file]
		if err := write(x, filepath.Join(out, s.file+".idx")); err != nil {
			return err
		}
	}
	return nil
}

// open reads a source, as it is or unpacked from FILE.gz to a temporary file.
func open(ctx context.Context, file string) (*pkgindex.Index, error) {
	if _, err := os.Stat(file); err == nil {
		return pkgindex.Open(ctx, file)
	}
	f, err := os.Open(file + ".gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gen")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	plain := filepath.Join(dir, filepath.Base(file))
	w, err := os.Create(plain)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, z); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return pkgindex.Open(ctx, plain)
}

// deb makes the index of a folder of .deb files.
func deb(ctx context.Context, folder, name, out string) error {
	x, err := pkgindex.Open(ctx, folder)
	if err != nil {
		return err
	}
	base, err := os.ReadFile(filepath.Join(folder, "base.txt"))
	if err != nil {
		return err
	}
	m, ok := map[string]string{"amd64": "x86-64", "arm64": "aarch64"}[folder[strings.LastIndexByte(folder, '-')+1:]]
	if !ok {
		return fmt.Errorf("%s: a folder is named SUITE-ARCH", folder)
	}
	x.MarkBase(m, strings.Fields(string(base)))
	x.Name, x.Sources = name, []string{"Debian " + x.Distribution.VersionID + ", the packages of pkgindex/internal/gen/debian-packages.txt"}
	for _, e := range pkgindex.EmbeddedIndexes() {
		if e.File == strings.TrimSuffix(filepath.Base(out), ".idx") {
			x.Releases = e.Releases
		}
	}
	return write(x, out)
}

// write drops what the program does not ask for.
func write(x *pkgindex.Index, file string) error {
	x.Slim()
	var b bytes.Buffer
	if _, err := x.WriteTo(&b); err != nil {
		return err
	}
	fmt.Printf("%s: %d packages, %d bytes\n", filepath.Base(file), len(x.Packages), b.Len())
	return os.WriteFile(file, b.Bytes(), 0o644)
}
