package root

import (
	"io"
	"os"
	"path"
	"sort"
	"strings"
	"sync/atomic"
)

// memStore is a tree in memory, with the contents of its files in one spool.
type memStore struct {
	nodes    map[string]*memNode
	children map[string]map[string]bool
	spool    *os.File
	end      int64
	dev, ino uint64
}

type memNode struct {
	info  Info // Path is set on the way out
	link  string
	off   int64
	layer int
}

// copyOf is another name of the same file.
func (n *memNode) copyOf(layer int) *memNode {
	c := *n
	c.layer = layer
	return &c
}

var devices atomic.Uint64 // one "device" a store, so that identities never meet

func newMemStore(spool *os.File) *memStore {
	s := &memStore{nodes: map[string]*memNode{}, children: map[string]map[string]bool{}, spool: spool, dev: 1<<63 | devices.Add(1)}
	s.nodes["/"] = &memNode{info: Info{Mode: ModeDir | 0o755, ID: s.newID()}}
	return s
}

func (s *memStore) newID() FileID {
	s.ino++
	return FileID{Dev: s.dev, Ino: s.ino}
}

func cleanName(name string) string { return path.Clean("/" + name) }

// put places a node. Parents that are missing are made; parents that are
// links lead where they lead inside the tree. A directory entry over a link to
// a directory leaves the link, as unpacking over an existing system does;
// layers of an image replace it.
func (s *memStore) put(name string, n *memNode, replace bool) {
	dir := s.mkdirs(path.Dir(name), n.layer)
	if dir == "" {
		return
	}
	at := path.Join(dir, path.Base(name))
	if old := s.nodes[at]; old != nil {
		if n.info.IsDir() && old.info.IsDir() {
			id := old.info.ID
			old.info, old.layer = n.info, n.layer
			old.info.ID = id
			return
		}
		if real, ok := s.real(at); n.info.IsDir() && !replace && ok && s.nodes[real].info.IsDir() {
			return
		}
		s.remove(at, n.layer+1)
	}
	if n.info.ID == (FileID{}) {
		n.info.ID = s.newID()
	}
	s.insert(at, n)
}

func (s *memStore) insert(at string, n *memNode) {
	s.nodes[at] = n
	dir := path.Dir(at)
	if s.children[dir] == nil {
		s.children[dir] = map[string]bool{}
	}
	s.children[dir][path.Base(at)] = true
}

// mkdirs gives the real path of a directory, made where it is missing; ""
// where a file is in the way.
func (s *memStore) mkdirs(dir string, layer int) string {
	if n := s.nodes[dir]; n != nil && n.info.IsDir() {
		return dir
	}
	at := "/"
	for _, part := range strings.Split(strings.Trim(dir, "/"), "/") {
		if part == "" {
			continue
		}
		next := path.Join(at, part)
		if s.nodes[next] == nil {
			s.insert(next, &memNode{layer: layer, info: Info{Mode: ModeDir | 0o755, ID: s.newID()}})
		}
		real, ok := s.real(next)
		if !ok || !s.nodes[real].info.IsDir() {
			return ""
		}
		at = real
	}
	return at
}

// real follows links inside the tree.
func (s *memStore) real(name string) (string, bool) {
	r := &Root{store: s}
	info, err := r.Stat(name, Superuser)
	return info.Path, err == nil
}

// remove takes away a subtree, as far as it is of a layer below.
func (s *memStore) remove(at string, below int) {
	for child := range s.children[at] {
		s.remove(path.Join(at, child), below)
	}
	if n := s.nodes[at]; n != nil && n.layer < below && len(s.children[at]) == 0 {
		delete(s.nodes, at)
		delete(s.children[path.Dir(at)], path.Base(at))
	}
}

func (s *memStore) lstat(p string) (Info, error) {
	n := s.nodes[p]
	if n == nil {
		return Info{}, ENOENT
	}
	info := n.info
	info.Path = p
	return info, nil
}

func (s *memStore) readlink(p string) (string, error) {
	if n := s.nodes[p]; n != nil && n.info.Mode&ModeFmt == ModeLink {
		return n.link, nil
	}
	return "", EINVAL
}

func (s *memStore) readdir(p string) ([]string, error) {
	var names []string
	for n := range s.children[p] {
		names = append(names, n)
	}
	sort.Strings(names)
	return names, nil
}

func (s *memStore) open(p string) (File, error) {
	n := s.nodes[p]
	if n == nil {
		return nil, ENOENT
	}
	return spooled{io.NewSectionReader(s.spool, n.off, n.info.Size)}, nil
}

func (s *memStore) close() error { return s.spool.Close() }

type spooled struct{ *io.SectionReader }

func (spooled) Close() error { return nil }
