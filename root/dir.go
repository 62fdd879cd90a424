package root

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
)

// Dir opens the tree below a directory of this machine.
func Dir(path string) (*Root, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", path)
	}
	r, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return newRoot("dir:"+path, &dirStore{root: r, base: path}), nil
}

// Host is the tree of this machine.
func Host() (*Root, error) {
	r, err := Dir("/")
	if err != nil {
		return nil, err
	}
	r.Name = "host"
	return r, nil
}

// dirStore is a directory. Every access goes through os.Root, which never
// leads out of it, even where someone changes links meanwhile.
type dirStore struct {
	root  *os.Root
	base  string
	known sync.Map // path → lstatAnswer: a tree is taken to stand still for one run

	mu   sync.Mutex
	dirs map[string]*os.Root // directories that are open; see parent
}

// maxDirs bounds the directories that are kept open.
const maxDirs = 64

// parent gives the directory of a path, which has no links, and the name in
// it. os.Root walks through all directories of a path at each access; those of
// programs and libraries are few, and stay open.
func (d *dirStore) parent(name string) (*os.Root, string) {
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	if dir == "/" || base == "" {
		return d.root, local(name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.dirs[dir]
	if r == nil && len(d.dirs) < maxDirs {
		if opened, err := d.root.OpenRoot(local(dir)); err == nil {
			if d.dirs == nil {
				d.dirs = map[string]*os.Root{}
			}
			d.dirs[dir], r = opened, opened
		}
	}
	if r == nil {
		return d.root, local(name)
	}
	return r, base
}

type lstatAnswer struct {
	info Info
	err  error
}

// local is a path as os.Root wants it.
func local(path string) string {
	if path == "/" {
		return "."
	}
	return strings.TrimPrefix(path, "/")
}

func (d *dirStore) lstat(path string) (Info, error) {
	if a, ok := d.known.Load(path); ok {
		return a.(lstatAnswer).info, a.(lstatAnswer).err
	}
	dir, name := d.parent(path)
	fi, err := dir.Lstat(name)
	var info Info
	if err == nil {
		info = infoOf(path, fi)
	}
	a := lstatAnswer{info, fromOS(path, err)}
	d.known.Store(path, a)
	return a.info, a.err
}

func infoOf(path string, fi fs.FileInfo) Info {
	info := Info{Path: path, Size: fi.Size()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		info.Mode, info.UID, info.GID = uint32(st.Mode), st.Uid, st.Gid
		info.ID = FileID{Dev: uint64(st.Dev), Ino: st.Ino}
	}
	return info
}

func (d *dirStore) readlink(path string) (string, error) {
	dir, name := d.parent(path)
	to, err := dir.Readlink(name)
	return to, fromOS(path, err)
}

func (d *dirStore) readdir(path string) ([]string, error) {
	// O_NONBLOCK as in open.
	f, err := d.root.OpenFile(local(path), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, fromOS(path, err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	sort.Strings(names)
	return names, fromOS(path, err)
}

func (d *dirStore) open(path string) (File, error) {
	// O_NONBLOCK: what was a file a moment ago may be a fifo now.
	dir, name := d.parent(path)
	f, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fromOS(path, err)
	}
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		f.Close()
		if err == nil {
			err = fmt.Errorf("not a regular file")
		}
		return nil, &HostError{Path: path, Err: err}
	}
	return &osFile{File: f, size: fi.Size()}, nil
}

func (d *dirStore) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.dirs {
		r.Close()
	}
	d.dirs = nil
	return d.root.Close()
}

type osFile struct {
	*os.File
	size int64
}

func (f *osFile) Size() int64 { return f.size }

// HostDir is the directory of this machine that the tree lies in; ok is false
// for trees that are no directory.
func (r *Root) HostDir() (dir string, ok bool) {
	d, ok := r.store.(*dirStore)
	if !ok {
		return "", false
	}
	abs, err := filepath.Abs(d.base)
	return abs, err == nil
}
