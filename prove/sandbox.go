package prove

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// sandbox is the tree as the program shall see it, while it is built.
type sandbox struct {
	base  string // a tmpfs of ours
	root  string // the tree, below it
	count int    // of overlays
	user  bool   // we are in a user namespace
	host  bool   // the tree is this machine's own: its mount options count
	bound bool   // the tree is bound read-only, not an overlay
	laid  []mounted
}

// enter shows the tree, with all that is laid over it, and goes into it.
func enter(o order) error {
	q := o.Question
	// Whatever is laid or read is opened first: our own mounts may cover it.
	tree, err := unix.Open(q.Root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", q.Root, err)
	}
	s := &sandbox{user: o.User, host: filepath.Clean(q.Root) == "/"}
	if s.laid, err = mountsBelow(tree); err != nil {
		return err
	}
	var layers []int
	for _, l := range q.Layers {
		fd, err := unix.Open(l.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("%s: %w", l.Dir, err)
		}
		layers = append(layers, fd)
	}
	program, size, err := openProgram(q.Program)
	if err != nil {
		return err
	}
	if err := s.begin(size); err != nil {
		return err
	}
	if err := s.tree(tree); err != nil {
		return err
	}
	for i, l := range q.Layers {
		if err := s.layer(layers[i], l.Place); err != nil {
			return fmt.Errorf("%s:%s: %w", l.Dir, l.Place, err)
		}
	}
	if program != nil {
		if err := s.place(program, q.Place); err != nil {
			return fmt.Errorf("%s: %w", q.Place, err)
		}
		program.Close()
	}
	s.devices()
	if err := s.proc(); err != nil {
		return err
	}
	return s.pivot()
}

// maxProgram bounds the copy of a program, which lies in memory.
const maxProgram = 2 << 30

func openProgram(name string) (*os.File, int64, error) {
	if name == "" {
		return nil, 0, nil
	}
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("%s is no regular file", name)
	case info.Size() > maxProgram:
		return nil, 0, fmt.Errorf("%s is too large to be copied into memory: %d bytes", name, info.Size())
	}
	return f, info.Size(), nil
}

// room is what a program may write, in all.
const room = 64 << 20

// begin makes a tmpfs of our own, over a directory that every system has.
func (s *sandbox) begin(size int64) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mounts can't be made private: %w", err)
	}
	var err error
	for _, dir := range []string{"/tmp", "/run", "/mnt", "/var/tmp", "/dev/shm"} {
		err = unix.Mount("willrun", dir, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID, fmt.Sprintf("size=%d,nr_inodes=65536,mode=0755", size+room))
		if err == nil {
			s.base = dir
			break
		}
	}
	if err != nil {
		return fmt.Errorf("no tmpfs can be mounted: %w", err)
	}
	s.root = s.base + "/root"
	unix.Umask(0o022)
	return os.Mkdir(s.root, 0o755)
}

// tree shows the tree itself: as an overlay whose writes are ours, with its
// mounts; where that is not permitted, bound read-only.
func (s *sandbox) tree(fd int) error {
	err := s.overlay(s.root, fd)
	if err == nil {
		if err = s.carry(); err == nil {
			return nil
		}
		if uerr := unix.Unmount(s.root, unix.MNT_DETACH); uerr != nil {
			return uerr
		}
	}
	s.bound = true
	// Our own tmpfs must not be in it, where the tree is this machine's.
	berr := unix.Mount("", s.base, "", unix.MS_UNBINDABLE, "")
	if berr == nil {
		berr = errors.Join(s.bind(fd, s.root, unix.MS_REC), unix.Mount("", s.base, "", unix.MS_PRIVATE, ""))
	}
	if berr != nil {
		return fmt.Errorf("neither by an overlay (%w) nor by a read-only mount: %w", err, berr)
	}
	if flags := optionsOf(fd); flags&unix.MS_NOEXEC != 0 && !s.host {
		return errors.New("it lies on a file system that is mounted noexec")
	}
	return nil
}

// carry shows the mounts below the tree.
func (s *sandbox) carry() error {
	for _, m := range s.laid {
		at := s.root + m.at
		if info, err := os.Lstat(at); err == nil && info.IsDir() && s.overlay(at, m.fd) == nil {
			continue
		}
		if err := s.bind(m.fd, at, 0); err != nil {
			return fmt.Errorf("%s: %w", m.at, err)
		}
	}
	return nil
}

// bind shows a directory or a file where nothing can be written. Devices can
// be, whatever the mount says, so there are none.
func (s *sandbox) bind(fd int, at string, how uintptr) error {
	if err := unix.Mount(magic(fd), at, "", unix.MS_BIND|how, ""); err != nil {
		return err
	}
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NODEV}
	flags := uint(0)
	if how&unix.MS_REC != 0 {
		flags = unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(unix.AT_FDCWD, at, flags, attr)
	if errors.Is(err, unix.ENOSYS) && flags == 0 { // Linux before 5.12
		err = unix.Mount("", at, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NODEV|optionsOf(fd), "")
	}
	if err != nil {
		_ = unix.Unmount(at, unix.MNT_DETACH)
		return fmt.Errorf("a mount can't be made read-only: %w", err)
	}
	return nil
}

// optionsOf are the options of the mount that a descriptor lies on, of those
// that say what a program may do (statfs(2), f_flags).
func optionsOf(fd int) uintptr {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return 0
	}
	return uintptr(st.Flags) & (unix.MS_NOSUID | unix.MS_NOEXEC)
}

// overlay lays directories, the first on top, with a place of ours for what is
// written. Options of their mounts count on this host alone.
func (s *sandbox) overlay(at string, lowers ...int) error {
	upper, err := s.upper(lowers[len(lowers)-1])
	if err != nil {
		return err
	}
	return s.overlayOn(at, upper, lowers...)
}

func (s *sandbox) overlayOn(at, upper string, lowers ...int) error {
	work := upper + ".work"
	if err := os.Mkdir(work, 0o755); err != nil {
		return err
	}
	flags := uintptr(unix.MS_NODEV)
	if s.host {
		flags |= optionsOf(lowers[len(lowers)-1])
	}
	paths := make([]string, len(lowers))
	for i, fd := range lowers {
		paths[i] = magic(fd)
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", strings.Join(paths, ":"), upper, work)
	if s.user && unix.Mount("overlay", at, "overlay", flags, options+",userxattr") == nil {
		return nil
	}
	return unix.Mount("overlay", at, "overlay", flags, options)
}

// upper makes the place for what is written to an overlay: its root looks like
// that of the lower directory, as far as this user can make it so.
func (s *sandbox) upper(lower int) (string, error) {
	s.count++
	dir := fmt.Sprintf("%s/overlay%d", s.base, s.count)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Fstat(lower, &st); err != nil {
		return "", err
	}
	if err := os.Chown(dir, int(st.Uid), int(st.Gid)); err != nil && !s.user {
		return "", err
	}
	return dir, unix.Chmod(dir, st.Mode&0o7777)
}

// pivot makes the tree the root of this process, and lets go of all else.
func (s *sandbox) pivot() error {
	if err := unix.Chdir(s.root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err == nil {
		err = unix.Unmount(".", unix.MNT_DETACH)
		return errors.Join(err, unix.Chdir("/"))
	}
	// The root of this machine may be one that can't be left so (rootfs).
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("the tree can't be made the root: %w", err)
	}
	return errors.Join(unix.Chroot("."), unix.Chdir("/"))
}
