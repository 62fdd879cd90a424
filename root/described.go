package root

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/willrun/willrun/binary"
)

// Entry is one name of a described tree. Mode has the type bits of st_mode.
// A regular file is known by its facts, by its bytes, or not at all: then it
// is there, and reading it is an error of ours.
type Entry struct {
	Path     string // absolute
	Mode     uint32
	UID, GID uint32
	Size     int64         // of a regular file; that of Facts or Data where it is 0
	Link     string        // text of a symbolic link
	Facts    *binary.Facts // of a file known by its facts
	// Later gives Facts when they are first asked for, where they are nil:
	// an index has more files than one start opens. It may be called often,
	// and gives nil where they can't be had.
	Later func() *binary.Facts
	Data  []byte // of a file known by its bytes
	// Loader is what a dynamic loader's own bytes told: Kind, Version, Dirs,
	// ISA, Newest, LibDST and Cache.
	Loader *Libc
	// LibcVersion is a libc.so.6's version by its banner; "" where it is not
	// known.
	LibcVersion string
}

// Described makes a tree of what is known without its bytes: package metadata,
// a captured tree, the published facts of a release. Directories that no entry
// names are made. A name below a link lies where the link leads, so links come
// before what lies behind them.
func Described(name string, entries []Entry) (*Root, error) {
	s := &describedStore{memStore: newMemStore(), known: map[FileID]*Entry{}}
	r := newRoot(name, s)
	for i := range entries {
		e := &entries[i]
		if !strings.HasPrefix(e.Path, "/") || len(e.Path) > maxPath {
			return nil, fmt.Errorf("%s: %q is no absolute path", name, e.Path)
		}
		n := s.newNode(0, e.Mode)
		n.info.UID, n.info.GID, n.info.Size, n.link = e.UID, e.GID, e.size(), e.Link
		if e.Data != nil {
			n.src = strings.NewReader(string(e.Data))
		}
		s.put(path.Clean(e.Path), n)
		s.known[n.info.ID] = e
		r.describedFile(n.info.ID, e)
		if err := s.limits(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r, nil
}

func (e *Entry) size() int64 {
	switch {
	case e.Size != 0:
		return e.Size
	case e.Facts != nil:
		return e.Facts.Size
	case e.Link != "":
		return int64(len(e.Link))
	}
	return int64(len(e.Data))
}

// describedFile puts what is known of a file to where reading it would put it.
func (r *Root) describedFile(id FileID, e *Entry) {
	if e.Facts != nil {
		r.objects.facts.put(id, e.Facts)
	}
	if e.Loader != nil {
		r.objects.libcs.put(id, *e.Loader)
	}
	if e.LibcVersion != "" {
		r.objects.versions.put(id, e.LibcVersion)
	}
}

// describedStore is a tree of entries.
type describedStore struct {
	*memStore
	known map[FileID]*Entry
}

var errFactsOnly = errors.New("its bytes are not known here, only what was written down of it")

func (s *describedStore) open(p string) (File, error) {
	n, err := s.node(p)
	if err != nil {
		return nil, err
	}
	if e := s.known[n.info.ID]; e != nil && e.Data == nil && n.info.Size > 0 {
		return nil, &HostError{Path: p, Err: errFactsOnly}
	}
	return n.reader(), nil
}

// facts of a described file; nil where it is known by its bytes.
func (s *describedStore) facts(p string) *binary.Facts {
	n, err := s.node(p)
	if err != nil {
		return nil
	}
	e := s.known[n.info.ID]
	switch {
	case e == nil:
		return nil
	case e.Facts == nil && e.Later != nil:
		return e.Later()
	}
	return e.Facts
}
