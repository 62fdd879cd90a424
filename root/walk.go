package root

import (
	"io"
	"path"
	"slices"
	"strings"
	"sync"
)

// Limits of Linux: path_resolution(7).
const (
	maxLinks = 40
	maxPath  = 4095
	maxName  = 255
)

// linkCache remembers walks of the superuser.
type linkCache struct{ m sync.Map }

type walked struct {
	info Info
	err  error
}

func newRoot(name string, s store) *Root {
	return &Root{Name: name, store: s, objects: &objectCache{}, links: &linkCache{}}
}

// Close gives back what the tree holds open.
func (r *Root) Close() error {
	if c, ok := r.store.(interface{ close() error }); ok {
		return c.close()
	}
	return nil
}

// Stat follows every link, as stat(2) does. path must be absolute; an error
// that the tree's kernel would give is an Errno.
func (r *Root) Stat(name string, c Cred) (Info, error) { return r.resolve(name, c, true) }

// Lstat does not follow a link at the end of the path.
func (r *Root) Lstat(name string, c Cred) (Info, error) { return r.resolve(name, c, false) }

func (r *Root) resolve(name string, c Cred, follow bool) (Info, error) {
	super := c.UID == 0 && follow && r.links != nil
	if super {
		if a, ok := r.links.m.Load(name); ok {
			return a.(walked).info, a.(walked).err
		}
	}
	w := walk{root: r, cred: c}
	info, err := w.run(name, follow)
	if super {
		r.links.m.Store(name, walked{info, err})
	}
	return info, err
}

// walk is one walk along a path.
type walk struct {
	root  *Root
	cred  Cred
	links int
}

func (w *walk) run(name string, follow bool) (Info, error) {
	if name == "" {
		return Info{}, ENOENT
	}
	if len(name) > maxPath {
		return Info{}, ENAMETOOLONG
	}
	at, err := w.root.store.lstat("/")
	if err != nil {
		return Info{}, err
	}
	rest := strings.TrimLeft(name, "/")
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		slash := rest != "" || strings.HasSuffix(name, "/")
		rest = strings.TrimLeft(rest, "/")
		if at.Mode&ModeFmt != ModeDir {
			return Info{}, ENOTDIR
		}
		if !at.Searchable(w.cred) {
			return Info{}, EACCES
		}
		next, to, err := w.step(at, part, follow || rest != "" || slash)
		if err != nil {
			return Info{}, err
		}
		if to == "" {
			at = next
			continue
		}
		if strings.HasPrefix(to, "/") {
			if at, err = w.root.store.lstat("/"); err != nil {
				return Info{}, err
			}
		}
		to = strings.TrimLeft(to, "/")
		if rest != "" || slash {
			to += "/" + rest
		}
		rest = strings.TrimLeft(to, "/")
		name = to // a trailing slash of the link's text counts as one of the path
	}
	if strings.HasSuffix(name, "/") && at.Mode&ModeFmt != ModeDir {
		return Info{}, ENOTDIR
	}
	return at, nil
}

// step takes one component. to is the text of a link that is to be followed;
// then the walk stays where it is.
func (w *walk) step(at Info, part string, follow bool) (next Info, to string, err error) {
	switch {
	case part == "" || part == ".":
		return at, "", nil
	case part == "..":
		next, err = w.root.store.lstat(path.Dir(at.Path))
		return next, "", err
	case len(part) > maxName:
		return Info{}, "", ENAMETOOLONG
	}
	next, err = w.root.store.lstat(path.Join(at.Path, part))
	if err != nil || next.Mode&ModeFmt != ModeLink || !follow {
		return next, "", err
	}
	if w.links++; w.links > maxLinks {
		return Info{}, "", ELOOP
	}
	to, err = w.root.store.readlink(next.Path)
	if err == nil && to == "" {
		err = ENOENT
	}
	return Info{}, to, err
}

// bits of the mode that are for c: the owner's, the group's or the others'.
func (i Info) bits(c Cred) uint32 {
	switch {
	case c.UID == i.UID:
		return i.Mode >> 6 & 7
	case c.GID == i.GID || slices.Contains(c.Groups, i.GID):
		return i.Mode >> 3 & 7
	}
	return i.Mode & 7
}

// Readable says whether c may read the file: the superuser always may.
func (i Info) Readable(c Cred) bool { return c.UID == 0 || i.bits(c)&4 != 0 }

// Executable says whether c may execute the file; the superuser needs one
// execute bit, whosever it is.
func (i Info) Executable(c Cred) bool {
	if c.UID == 0 {
		return i.Mode&0o111 != 0
	}
	return i.bits(c)&1 != 0
}

// Searchable says whether c may pass through the directory.
func (i Info) Searchable(c Cred) bool { return c.UID == 0 || i.bits(c)&1 != 0 }

// Regular says whether it is a regular file.
func (i Info) Regular() bool { return i.Mode&ModeFmt == ModeReg }

// IsDir says whether it is a directory.
func (i Info) IsDir() bool { return i.Mode&ModeFmt == ModeDir }

// Open opens a regular file that Stat gave. Devices, fifos and sockets are
// never opened.
func (r *Root) Open(i Info) (File, error) {
	if !i.Regular() {
		return nil, EACCES
	}
	return r.store.open(i.Path)
}

// ReadDir lists the names in a directory, sorted.
func (r *Root) ReadDir(name string) ([]string, error) {
	info, err := r.Stat(name, Superuser)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, ENOTDIR
	}
	return r.store.readdir(info.Path)
}

// ReadFile reads at most max bytes of a file.
func (r *Root) ReadFile(name string, c Cred, max int64) ([]byte, error) {
	info, err := r.Stat(name, c)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, EISDIR
	}
	if !info.Readable(c) {
		return nil, EACCES
	}
	return r.contents(info, max)
}

// contents reads at most max bytes of a file that Stat gave.
func (r *Root) contents(info Info, max int64) ([]byte, error) {
	f, err := r.Open(info)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, min(max, f.Size()))
	n, err := io.ReadFull(io.NewSectionReader(f, 0, int64(len(b))), b)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, &HostError{Path: info.Path, Err: err}
	}
	return b[:n], nil
}
