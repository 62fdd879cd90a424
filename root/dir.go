package root

import (
	"fmt"
	"io/fs"
	"os"
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
	fi, err := d.root.Lstat(local(path))
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
	to, err := d.root.Readlink(local(path))
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
	f, err := d.root.OpenFile(local(path), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
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

func (d *dirStore) close() error { return d.root.Close() }

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
