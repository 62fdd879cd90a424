package prove

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/willrun/willrun/root"
)

// where finds the deepest directory on the way to place that the tree has,
// through its links, and the names that it lacks: the rule of root.WithFile.
func (s *sandbox) where(place string) (at string, lacks []string, err error) {
	tree, err := root.Dir(s.root)
	if err != nil {
		return "", nil, err
	}
	defer tree.Close()
	at = "/"
	for part := range strings.SplitSeq(place, "/") {
		switch {
		case part == "" || part == ".":
			continue
		case part == ".." && len(lacks) > 0:
			lacks = lacks[:len(lacks)-1]
			continue
		case part == "..":
			at = path.Dir(at)
			continue
		case len(lacks) > 0:
			lacks = append(lacks, part)
			continue
		}
		next := path.Join(at, part)
		info, err := tree.Stat(next, root.Superuser)
		switch {
		case err == nil && info.IsDir():
			at = info.Path
		case err == nil:
			return "", nil, fmt.Errorf("%s is no directory", next)
		case errors.Is(err, root.ENOENT):
			lacks = append(lacks, part)
		default:
			return "", nil, err
		}
	}
	return at, lacks, nil
}

// fill makes the directories that are lacked below at, and lets last put
// something into the last of them: in the tree itself, which is an overlay;
// where that is not permitted, in one more overlay that lies on the directory.
func (s *sandbox) fill(at string, lacks []string, last func(dir string) error) error {
	dir := path.Join(append([]string{s.root, at}, lacks...)...)
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		if err = last(dir); err == nil {
			return nil
		}
	}
	if below, _, merr := mountPoints(path.Join(s.root, at)); merr != nil || len(below) > 0 {
		return fmt.Errorf("nothing can be laid into %s, for there are mounts below it: %w", at, err)
	}
	lower, err := unix.Open(path.Join(s.root, at), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(lower)
	upper, err := s.upper(lower)
	if err != nil {
		return err
	}
	dir = path.Join(append([]string{upper}, lacks...)...)
	if err := errors.Join(os.MkdirAll(dir, 0o755), last(dir)); err != nil {
		return err
	}
	if err := s.overlayOn(path.Join(s.root, at), upper, lower); err != nil {
		return fmt.Errorf("nothing can be laid into %s: %w", at, err)
	}
	return nil
}

// place copies the program into the tree: mode 0755, and root's where we are.
func (s *sandbox) place(program *os.File, place string) error {
	dir, name := path.Split(path.Clean(place))
	at, lacks, err := s.where(dir)
	if err != nil {
		return err
	}
	return s.fill(at, lacks, func(dir string) error {
		if _, err := program.Seek(0, io.SeekStart); err != nil {
			return err
		}
		tmp := path.Join(dir, ".willrun-prove")
		f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, program)
		if err := errors.Join(err, f.Close()); err != nil {
			return errors.Join(err, os.Remove(tmp))
		}
		return os.Rename(tmp, path.Join(dir, name))
	})
}

// layer lays a directory over the tree.
func (s *sandbox) layer(fd int, place string) error {
	at, lacks, err := s.where(place)
	if err != nil {
		return err
	}
	if len(lacks) > 0 {
		if err := s.fill(at, lacks, func(string) error { return nil }); err != nil {
			return err
		}
		at = path.Join(append([]string{at}, lacks...)...)
	}
	on := path.Join(s.root, at)
	if below, _, err := mountPoints(on); err != nil || len(below) > 0 {
		return errors.Join(err, errors.New("there are mounts below its place"))
	}
	lower, err := unix.Open(on, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(lower)
	err = s.overlay(on, fd, lower)
	if err != nil && len(lacks) > 0 {
		err = s.bind(fd, on, 0)
	}
	return err
}

// devices that programs open before anything else, and no others.
func (s *sandbox) devices() {
	dev := s.root + "/dev"
	if info, err := os.Lstat(dev); err != nil && os.Mkdir(dev, 0o755) != nil || err == nil && !info.IsDir() {
		return // a tree without it has none
	}
	var devices []mounted
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		if fd, err := unix.Open("/dev/"+name, unix.O_PATH|unix.O_CLOEXEC, 0); err == nil {
			devices = append(devices, mounted{"/" + name, fd})
		}
	}
	if unix.Mount("willrun", dev, "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "size=1m,mode=0755") != nil {
		return
	}
	for _, d := range devices {
		if f, err := os.Create(dev + d.at); err == nil {
			f.Close()
			_ = unix.Mount(magic(d.fd), dev+d.at, "", unix.MS_BIND, "")
		}
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		_ = os.Symlink(to, dev+"/"+name)
	}
	if os.Mkdir(dev+"/shm", 0o755) == nil {
		_ = os.Chmod(dev+"/shm", 0o1777)
	}
}

// proc shows the processes of this namespace, and lets none of them write to
// the kernel's settings. Loaders need it for $ORIGIN, and so do we.
func (s *sandbox) proc() error {
	at := s.root + "/proc"
	if info, err := os.Lstat(at); err != nil {
		if err := s.fill("/", []string{"proc"}, func(string) error { return nil }); err != nil {
			return fmt.Errorf("the tree has no /proc: %w", err)
		}
	} else if !info.IsDir() {
		return errors.New("the tree's /proc is no directory")
	}
	err := unix.Mount("proc", at, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err == nil {
		return unix.Mount("", at, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
	// In a container parts of /proc are covered, and no other may be mounted.
	fd, oerr := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if oerr != nil {
		return errors.Join(err, oerr)
	}
	defer unix.Close(fd)
	if berr := s.bind(fd, at, unix.MS_REC); berr != nil {
		return fmt.Errorf("/proc can't be mounted: %w", errors.Join(err, berr))
	}
	return nil
}
