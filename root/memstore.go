package root

import (
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"sync/atomic"
)

// memStore is a tree whose names, modes and links lie in memory, and whose
// contents lie in files of this machine: in the archive itself where that is
// not compressed, else in a spool.
type memStore struct {
	top      *memNode
	closers  []io.Closer
	dev, ino uint64

	// What hostile archives could make large while the tree is built.
	nodes int64 // entries and the directories above them
	names int64 // bytes of names and links
	steps int64 // of walks and removals
}

// memNode is one name in the tree. Two names of one file are two nodes with
// one ID.
type memNode struct {
	info     Info // its Path is set on the way out
	link     string
	src      io.ReaderAt // of a regular file that is not empty
	off      int64
	layer    int
	children map[string]*memNode
}

var devices atomic.Uint64 // one "device" a store, so that identities never meet

func newMemStore() *memStore {
	s := &memStore{dev: 1<<63 | devices.Add(1)}
	s.top = s.newNode(0, ModeDir|0o755)
	return s
}

func (s *memStore) newNode(layer int, mode uint32) *memNode {
	s.ino++
	return &memNode{layer: layer, info: Info{Mode: mode, ID: FileID{Dev: s.dev, Ino: s.ino}}}
}

// node is what lies at a path without links.
func (s *memStore) node(p string) (*memNode, error) {
	n := s.top
	for part := range strings.SplitSeq(p, "/") {
		if part == "" {
			continue
		}
		if n = n.children[part]; n == nil {
			return nil, ENOENT
		}
	}
	return n, nil
}

// dir walks to a directory while the tree is built, through links as the
// kernel would under an extraction. With make, missing directories are made.
func (s *memStore) dir(name string, layer int, make bool) (*memNode, error) {
	stack := []*memNode{s.top}
	links := 0
	for rest := name; rest != ""; {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		at := stack[len(stack)-1]
		s.steps++
		switch part {
		case "", ".":
			continue
		case "..":
			stack = stack[:max(1, len(stack)-1)]
			continue
		}
		n := at.children[part]
		switch {
		case n == nil && (!make || len(part) > maxName):
			return nil, ENOENT
		case n == nil:
			n = s.newNode(layer, ModeDir|0o755)
			s.insert(at, part, n)
			stack = append(stack, n)
		case n.info.IsDir():
			stack = append(stack, n)
		case n.info.Mode&ModeFmt == ModeLink:
			if links++; links > maxLinks {
				return nil, ELOOP
			}
			if strings.HasPrefix(n.link, "/") {
				stack = stack[:1]
			}
			rest = n.link + "/" + rest
		default:
			return nil, ENOTDIR
		}
	}
	return stack[len(stack)-1], nil
}

func (s *memStore) insert(dir *memNode, name string, n *memNode) {
	if dir.children == nil {
		dir.children = map[string]*memNode{}
	}
	dir.children[name] = n
	s.nodes++
	s.names += int64(len(name) + len(n.link))
}

// put places a node. The last entry of a name wins, with GNU tar as with
// docker import: only a directory joins one that is there. A name below a
// file is dropped.
func (s *memStore) put(name string, n *memNode) {
	dir, err := s.dir(path.Dir(name), n.layer, true)
	base := path.Base(name)
	if err != nil || len(base) > maxName {
		return
	}
	if old := dir.children[base]; old != nil {
		if n.info.IsDir() && old.info.IsDir() {
			n.info.ID = old.info.ID
			old.info, old.layer = n.info, n.layer
			return
		}
		s.drop(dir, base, n.layer+1)
		if dir.children[base] != nil {
			return
		}
	}
	s.insert(dir, base, n)
}

// drop takes away a subtree, as far as it is of a layer below.
func (s *memStore) drop(dir *memNode, name string, below int) {
	n := dir.children[name]
	if n == nil {
		return
	}
	for child := range n.children {
		s.drop(n, child, below)
	}
	s.steps++
	if n.layer < below && len(n.children) == 0 {
		delete(dir.children, name)
	}
}

func (s *memStore) lstat(p string) (Info, error) {
	n, err := s.node(p)
	if err != nil {
		return Info{}, err
	}
	info := n.info
	info.Path = p
	return info, nil
}

func (s *memStore) readlink(p string) (string, error) {
	n, err := s.node(p)
	if err != nil {
		return "", err
	}
	if n.info.Mode&ModeFmt != ModeLink {
		return "", EINVAL
	}
	return n.link, nil
}

func (s *memStore) readdir(p string) ([]string, error) {
	n, err := s.node(p)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(n.children))
	for name := range n.children {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func (s *memStore) open(p string) (File, error) {
	n, err := s.node(p)
	if err != nil {
		return nil, err
	}
	return n.reader(), nil
}

func (n *memNode) reader() section {
	src := n.src
	if src == nil {
		src = strings.NewReader("")
	}
	return section{io.NewSectionReader(src, n.off, n.info.Size)}
}

func (s *memStore) close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// section is a File inside a larger one, which stays open.
type section struct{ *io.SectionReader }

func (section) Close() error { return nil }
