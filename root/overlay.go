package root

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"
	"sync/atomic"

	"github.com/willrun/willrun/binary"
)

// Scratch is an empty tree.
func Scratch() *Root {
	return newRoot("scratch", emptyStore{})
}

type emptyStore struct{}

func (emptyStore) lstat(p string) (Info, error) {
	if p == "/" {
		return Info{Path: "/", Mode: ModeDir | 0o755, ID: FileID{Dev: ^uint64(0), Ino: 1}}, nil
	}
	return Info{}, ENOENT
}
func (emptyStore) readlink(string) (string, error)  { return "", EINVAL }
func (emptyStore) open(string) (File, error)        { return nil, ENOENT }
func (emptyStore) readdir(string) ([]string, error) { return nil, nil }

// WithFile lays one file over the tree, at place, with mode 0755 and owner
// root; missing directories are made. The file is known by its facts and
// needs no bytes. Where place leads through links of the tree, the file lies
// where the kernel would put it.
func (r *Root) WithFile(place string, facts *binary.Facts, mode uint32) (*Root, Info, error) {
	o := &overlayStore{base: r.store, nodes: map[string]*node{}}
	n := &node{info: Info{Mode: ModeReg | mode, Size: facts.Size, ID: overlayID()}, facts: facts}
	at, err := r.lay(o, place, n)
	if err != nil {
		return nil, Info{}, err
	}
	over := &Root{Name: r.Name, Image: r.Image, store: o, objects: r.objects}
	info, err := o.lstat(at)
	return over, info, err
}

// WithDir lays the tree of another directory over this one, at place: its
// files beside those that are there, or instead of them.
func (r *Root) WithDir(place string, layer *Root) (*Root, error) {
	o := &overlayStore{base: r.store, nodes: map[string]*node{}}
	at, err := r.lay(o, place, nil)
	if err != nil {
		return nil, err
	}
	o.mount, o.layer = at, layer.store
	over := newRoot(r.Name, o)
	over.Image, over.objects = r.Image, r.objects
	return over, nil
}

var overlays atomic.Uint64

// overlayID is the identity of a file that no other tree has.
func overlayID() FileID { return FileID{Dev: ^uint64(1), Ino: overlays.Add(1)} }

// overlayStore shows single nodes, and one directory tree at mount, before
// its base.
type overlayStore struct {
	base  store
	nodes map[string]*node
	mount string
	layer store
}

type node struct {
	info  Info
	facts *binary.Facts
	entry *Entry // of a file that was described; nil for any other
}

// lay finds where place really is, and makes the directories that it lacks.
// It gives the real path; n is put there, or a directory where n is nil.
func (r *Root) lay(o *overlayStore, place string, n *node) (string, error) {
	dir, base := place, ""
	if n != nil {
		dir, base = path.Split(place)
	}
	if !strings.HasPrefix(place, "/") || n != nil && (base == "" || base == "." || base == "..") {
		return "", fmt.Errorf("%q: an absolute path of a file is wanted", place)
	}
	at := "/"
	for part := range strings.SplitSeq(dir, "/") {
		switch part {
		case "", ".":
			continue
		case "..": // of where the links led
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		info, err := r.Stat(next, Superuser)
		switch {
		case err == nil && info.IsDir():
			at = info.Path
			continue
		case err == nil:
			return "", fmt.Errorf("%s: %s is no directory on the target", place, next)
		case !errors.Is(err, ENOENT):
			return "", fmt.Errorf("%s: %w", place, err)
		}
		if _, err := r.Lstat(next, Superuser); err == nil {
			return "", fmt.Errorf("%s: %s is a dangling link on the target", place, next)
		}
		o.nodes[next] = &node{info: Info{Path: next, Mode: ModeDir | 0o755, ID: overlayID()}}
		at = next
	}
	if n == nil {
		return at, nil
	}
	real := path.Join(at, base)
	if info, err := r.Stat(real, Superuser); err == nil && info.IsDir() {
		return "", fmt.Errorf("%s is a directory on the target", place)
	}
	if _, err := r.Lstat(real, Superuser); err != nil && !errors.Is(err, ENOENT) {
		return "", fmt.Errorf("%s: %w", place, err)
	}
	n.info.Path = real
	o.nodes[real] = n
	return real, nil
}

// below says whether p is in the mounted layer, and gives its path there.
func (o *overlayStore) below(p string) (string, bool) {
	if o.layer == nil {
		return "", false
	}
	if p == o.mount {
		return "/", true
	}
	rest, ok := strings.CutPrefix(p, strings.TrimSuffix(o.mount, "/")+"/")
	return "/" + rest, ok
}

func (o *overlayStore) lstat(p string) (Info, error) {
	if n, ok := o.nodes[p]; ok {
		return n.info, nil
	}
	if in, ok := o.below(p); ok {
		info, err := o.layer.lstat(in)
		if err == nil {
			info.Path = p
			return info, nil
		}
		if !errors.Is(err, ENOENT) && !errors.Is(err, ENOTDIR) {
			return Info{}, err
		}
	}
	return o.base.lstat(p)
}

func (o *overlayStore) inLayer(p string) (string, bool) {
	in, ok := o.below(p)
	if !ok {
		return "", false
	}
	_, err := o.layer.lstat(in)
	return in, err == nil
}

func (o *overlayStore) readlink(p string) (string, error) {
	if n, ok := o.nodes[p]; ok {
		if n.entry == nil || n.info.Mode&ModeFmt != ModeLink {
			return "", EINVAL
		}
		return n.entry.Link, nil
	}
	if in, ok := o.inLayer(p); ok {
		return o.layer.readlink(in)
	}
	return o.base.readlink(p)
}

func (o *overlayStore) open(p string) (File, error) {
	switch n, ok := o.nodes[p]; {
	case !ok:
	case n.entry != nil && n.entry.Data != nil:
		return section{io.NewSectionReader(bytes.NewReader(n.entry.Data), 0, int64(len(n.entry.Data)))}, nil
	case n.info.IsDir():
		return nil, EISDIR
	default:
		return nil, &HostError{Path: p, Err: errFactsOnly}
	}
	if in, ok := o.inLayer(p); ok {
		return o.layer.open(in)
	}
	return o.base.open(p)
}

func (o *overlayStore) facts(p string) *binary.Facts {
	if n, ok := o.nodes[p]; ok {
		return n.facts
	}
	if b, ok := o.base.(interface{ facts(string) *binary.Facts }); ok {
		return b.facts(p)
	}
	return nil
}

func (o *overlayStore) readdir(p string) ([]string, error) {
	names, err := o.base.readdir(p)
	var ours *HostError
	if errors.As(err, &ours) {
		return nil, err // what lies below the layer may be anything
	}
	seen := map[string]bool{}
	for _, n := range names {
		seen[n] = true
	}
	if in, ok := o.inLayer(p); ok {
		more, err2 := o.layer.readdir(in)
		for _, n := range more {
			seen[n] = true
		}
		err = err2
	}
	made := o.nodes[p] != nil
	for q := range o.nodes {
		if path.Dir(q) == p {
			seen[path.Base(q)] = true
			made = true
		}
	}
	if made {
		err = nil
	}
	names = names[:0]
	for n := range seen {
		names = append(names, n)
	}
	sort.Strings(names)
	return names, err
}

// WithEntries lays what is known of files over the tree, each at the place
// where its path leads, as a package manager does: a directory joins one that
// is there, anything else takes its place.
func (r *Root) WithEntries(entries []Entry) (*Root, error) {
	o := &overlayStore{base: r.store, nodes: map[string]*node{}}
	over := &Root{Name: r.Name, Image: r.Image, store: o, objects: r.objects}
	for i := range entries {
		e := &entries[i]
		if e.Mode&ModeFmt == ModeDir {
			if _, err := over.lay(o, e.Path, nil); err != nil {
				return nil, err
			}
			continue
		}
		n := &node{info: Info{Mode: e.Mode, UID: e.UID, GID: e.GID, Size: e.size(), ID: overlayID()}, facts: e.Facts, entry: e}
		if _, err := over.lay(o, path.Clean(e.Path), n); err != nil {
			return nil, err
		}
		over.describedFile(n.info.ID, e)
	}
	over.links = &linkCache{}
	return over, nil
}
