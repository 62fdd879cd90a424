// Package root is a file tree as its own kernel sees it: links, modes and
// owners are those of the tree, and no path ever leads out of it. A tree is a
// directory, this host, an archive, or empty; package loader asks it the
// questions that a kernel and a dynamic loader ask.
//
//	r, err := root.Dir("/roots/el9")
//	info, err := r.Stat("/lib64/libc.so.6", root.Superuser) // info.Path: "/usr/lib64/libc.so.6"
//
// Nothing of the machine that asks leaks in.
package root

import (
	"io"

	"github.com/willrun/willrun/binary"
)

// Errno is an error of the kernel by its C name, so that answers are the same
// on every machine.
type Errno string

const (
	ENOENT       Errno = "ENOENT"
	EACCES       Errno = "EACCES"
	ENOTDIR      Errno = "ENOTDIR"
	EISDIR       Errno = "EISDIR"
	ELOOP        Errno = "ELOOP"
	ENAMETOOLONG Errno = "ENAMETOOLONG"
	ENOEXEC      Errno = "ENOEXEC"
	ELIBBAD      Errno = "ELIBBAD"
	EINVAL       Errno = "EINVAL"
	EIO          Errno = "EIO"
	ENOMEM       Errno = "ENOMEM"
	EPERM        Errno = "EPERM"
	E2BIG        Errno = "E2BIG"
	ENXIO        Errno = "ENXIO"
	ETXTBSY      Errno = "ETXTBSY"
	ENODEV       Errno = "ENODEV"
	EFAULT       Errno = "EFAULT"
)

// Cred is who asks: permissions are those of the tree's modes and owners.
type Cred struct {
	UID, GID uint32
	Groups   []uint32
}

// Superuser is 0:0, the default of every question.
var Superuser = Cred{}

// Mode bits, as in Linux's st_mode.
const (
	ModeFmt    = 0o170000
	ModeDir    = 0o040000
	ModeReg    = 0o100000
	ModeLink   = 0o120000
	modeFifo   = 0o010000
	modeChar   = 0o020000
	modeBlock  = 0o060000
	ModeSetuid = 0o4000
	ModeSetgid = 0o2000
)

// Info of a file in the tree.
type Info struct {
	Path     string // absolute and real: no links left in it
	Mode     uint32 // st_mode, type bits included
	UID, GID uint32
	Size     int64
	ID       FileID
}

// FileID tells hard links and repeated opens of one file apart from copies:
// equal IDs are one file (as st_dev and st_ino are to a loader).
type FileID struct{ Dev, Ino uint64 }

// File is an open regular file. Close it.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// store is one kind of tree. Its paths are absolute and clean, and their
// directory part has no links: Root walks and checks, a store only keeps.
// Errors that the tree's kernel would give are Errno; any other error is
// ours, and is passed through (a disk that can't be read, a permission that
// the asking user lacks).
type store interface {
	lstat(path string) (Info, error)
	readlink(path string) (string, error)
	open(path string) (File, error)
	readdir(path string) ([]string, error) // names, sorted
}

// Root is one tree. It is safe for use by many goroutines.
type Root struct {
	// Name as the user gave it ("dir:/roots/el9").
	Name string
	// Image is how the image that the tree came from is started; nil for any
	// other tree.
	Image *Image

	store   store
	objects *objectCache // files parsed once a run; an overlay shares its base's
	links   *linkCache   // nil: walks are not remembered
}

// Object is a parsed file of the tree.
type Object struct {
	Info  Info
	Facts *binary.Facts
}

// Libc describes one dynamic loader of the tree, from its own bytes.
type Libc struct {
	Kind    string   // "glibc", "musl", or "other"
	Version string   // "2.36", "1.2.3"; "" when it can't be told
	Interp  string   // the path asked for, such as /lib64/ld-linux-x86-64.so.2
	Path    string   // where its file really lies
	Dirs    []string // glibc: built-in directories in search order, each with a final slash; musl: its default path
	ISA     uint32   // x86: ISA level bits that the loader or its libc.so.6 demand
	Newest  string   // an upper bound for the version of a loader without a banner
	LibDST  string   // glibc: what $LIB stands for, "lib/x86_64-linux-gnu", "lib64", "lib"
	Cache   string   // glibc: path of ld.so.cache; "" when the loader has none
	Facts   *binary.Facts
}

// Distribution is the tree's os-release.
type Distribution struct {
	ID         string `json:"id"`
	VersionID  string `json:"version_id"`
	PrettyName string `json:"pretty_name"`
	IDLike     string `json:"id_like"`
	Codename   string `json:"codename"` // VERSION_CODENAME
}
