package pkgindex

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// Limits of a database: real ones are below 300 MB and 10,000 packages.
const (
	maxDatabase = 4 << 30
	maxPackages = 1 << 17
	maxBlob     = 256 << 20 // of one header; rpm's own limit
)

// badDatabase is a database that contradicts itself.
type badDatabase struct {
	Kind, Part string
	Off        int64
}

func (e *badDatabase) Error() string {
	return fmt.Sprintf("damaged %s database: %s (at byte %d)", e.Kind, e.Part, e.Off)
}

// rpmBackend is one way in which rpm keeps headers in a file.
type rpmBackend struct {
	name  string
	is    func(head []byte) bool
	blobs func(db *database, each func(blob []byte) error) error
}

// rpmBackends: Berkeley DB up to EL 8, NDB of SUSE, SQLite since EL 9.
var rpmBackends = []rpmBackend{{"BDB", isBDB, bdbBlobs}, {"NDB", isNDB, ndbBlobs}, {"SQLite", isSQLite, sqliteBlobs}}

// database is a file that is read at places, each within its size. What is
// handed out all together is bounded, however often pages are named.
type database struct {
	ctx    context.Context
	r      io.ReaderAt
	size   int64
	budget int64
}

// read gives n bytes at off.
func (db *database) read(off int64, n int) ([]byte, error) {
	if err := db.ctx.Err(); err != nil {
		return nil, err
	}
	if off < 0 || n < 0 || off > db.size || int64(n) > db.size-off {
		return nil, io.ErrUnexpectedEOF
	}
	if db.budget -= int64(n); db.budget < 0 {
		return nil, errors.New("its parts overlap: more is named in it than it holds")
	}
	b := make([]byte, n)
	_, err := io.ReadFull(io.NewSectionReader(db.r, off, int64(n)), b)
	return b, err
}

// rpmBackendOf recognises a database by its first bytes.
func rpmBackendOf(head []byte) *rpmBackend {
	for i := range rpmBackends {
		if rpmBackends[i].is(head) {
			return &rpmBackends[i]
		}
	}
	return nil
}

// readRPMDB reads all packages of a database of installed packages.
func readRPMDB(ctx context.Context, r io.ReaderAt, size int64) ([]Package, error) {
	if size > maxDatabase {
		return nil, fmt.Errorf("the database has %d bytes, more than %d: it is not read", size, int64(maxDatabase))
	}
	db := &database{ctx: ctx, r: r, size: size, budget: 2*size + 1<<20}
	head, err := db.read(0, int(min(size, 128)))
	if err != nil {
		return nil, err
	}
	backend := rpmBackendOf(head)
	if backend == nil {
		return nil, errors.New("no RPM database: neither BDB nor NDB nor SQLite")
	}
	var packages []Package
	err = backend.blobs(db, func(blob []byte) error {
		if len(packages) >= maxPackages {
			return fmt.Errorf("more than %d packages: it is not read on", maxPackages)
		}
		h, err := parseHeader(blob)
		if err != nil {
			return err
		}
		p, err := rpmPackage(h)
		if err != nil {
			return err
		}
		if p.Name != "gpg-pubkey" { // keys are kept as packages
			packages = append(packages, p)
		}
		return nil
	})
	if err == nil && len(packages) == 0 {
		err = fmt.Errorf("an RPM database (%s) without packages", backend.name)
	}
	return packages, err
}

// pages remembers which pages were read: none is read twice.
type pages map[uint32]bool

func (p pages) again(n uint32) bool {
	seen := p[n]
	p[n] = true
	return seen
}

// part reports a piece that is wrong.
func part(kind string, off int64, format string, args ...any) error {
	return &badDatabase{kind, fmt.Sprintf(format, args...), off}
}

// isSQLite: https://www.sqlite.org/fileformat2.html#magic_header_string
func isSQLite(head []byte) bool { return bytes.HasPrefix(head, []byte("SQLite format 3\x00")) }
