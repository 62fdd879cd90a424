package root

import (
	"errors"
	"io/fs"
	"syscall"
)

// strerrors are glibc's English words for the errors that a start can meet.
var strerrors = map[Errno]string{
	ENOENT: "No such file or directory", EACCES: "Permission denied", ENOTDIR: "Not a directory",
	EISDIR: "Is a directory", ELOOP: "Too many levels of symbolic links", ENAMETOOLONG: "File name too long",
	ENOEXEC: "Exec format error", ELIBBAD: "Accessing a corrupted shared library", EINVAL: "Invalid argument",
	EIO: "Input/output error", ENOMEM: "Cannot allocate memory", EPERM: "Operation not permitted",
	E2BIG: "Argument list too long", ENXIO: "No such device or address", ETXTBSY: "Text file busy", ENODEV: "No such device", EFAULT: "Bad address",
}

// Strerror is the error in the C library's English words.
func (e Errno) Strerror() string {
	if words, ok := strerrors[e]; ok {
		return words
	}
	return "Unknown error " + string(e)
}

// Error gives name and words: "ENOENT: No such file or directory".
func (e Errno) Error() string { return string(e) + ": " + e.Strerror() }

// HostError is trouble of this machine, not of the tree: a file that the
// asking user may not read, or a disk that fails. A verdict that needs the
// file is unknown then.
type HostError struct {
	Path string // in the tree
	Err  error
}

func (e *HostError) Error() string { return e.Path + ": can't be read here: " + e.Err.Error() }
func (e *HostError) Unwrap() error { return e.Err }

// fromOS parts what the tree's own kernel would say from our own trouble.
func fromOS(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return ENOENT
	case errors.Is(err, syscall.ENOTDIR):
		return ENOTDIR
	case errors.Is(err, syscall.ELOOP):
		return ELOOP
	case errors.Is(err, syscall.ENAMETOOLONG):
		return ENAMETOOLONG
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err // the path is told once
	}
	return &HostError{Path: path, Err: err}
}
