package pkgindex

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// Limits of a captured tree.
const (
	maxCaptureSteps = 8 << 20 // names looked at
	maxCaptureFiles = 1 << 19 // names kept
	maxCaptureDepth = 64
	maxCaptureELF   = 512 << 20 // bytes of one program or library
	maxCaptureCache = 16 << 20
	maxEnv          = 16 << 20 // busybox
)

// Below these directories only programs and libraries are kept: no name there
// is part of a way that loaders go.
var remote = []string{"/usr/share", "/usr/src", "/usr/include", "/var", "/home", "/root", "/tmp", "/srv"}

// Below these nothing is looked at: they are the kernel's, or of a moment.
var foreign = []string{"/proc", "/sys", "/dev", "/run", "/var/run", "/lost+found"}

// captured files are kept with their bytes: what loaders and our rules read.
var captured = []string{"/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/os-release", "/usr/lib/os-release", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
	"/etc/centos-release", "/etc/oracle-release", "/etc/fedora-release", "/etc/redhat-release", "/etc/alpine-release", "/etc/debian_version"}

// populated directories are asked whether they have entries: the first is kept.
var populated = []string{"/etc/ssl/certs", "/etc/pki/tls/certs", "/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/usr/lib/locale/TZ", "/etc/zoneinfo"}

// Capture makes an index of a tree: every library, loader, program and script
// with its facts, the links and directories that lead to them, and the bytes
// of the few files that loaders and our rules read. A judgement on it equals
// one on the tree. A file that can't be read is there, and nothing is known of
// it. The walk follows no links.
func Capture(ctx context.Context, tree *root.Root) (*Index, error) {
	c := &capture{ctx: ctx, tree: tree, names: map[root.FileID]string{}}
	if err := c.dir("/", 0, false); err != nil {
		return nil, fmt.Errorf("%s: %w", tree.Name, err)
	}
	for _, p := range []string{"/usr/bin/env", "/bin/env"} {
		c.env(p)
	}
	d := tree.Distribution()
	x := &Index{Name: tree.Name, Sources: []string{tree.Name}, Formats: []Format{FormatCapture}, Installed: true, Distribution: d, Manager: managerOfTree(d)}
	x.Packages = []Package{{Files: c.files}}
	return x, nil
}

func managerOfTree(d root.Distribution) string {
	switch {
	case d.ID == "debian" || strings.Contains(d.IDLike, "debian"):
		return "apt"
	case d.ID == "alpine" || d.ID == "wolfi":
		return "apk"
	case d.ID == "" || d.ID == "arch" || d.ID == "void":
		return ""
	}
	return managerOf(d)
}

type capture struct {
	ctx   context.Context
	tree  *root.Root
	files []File
	names map[root.FileID]string // first name of each library
	steps int
}

// dir walks one directory. far is one of those where only programs count.
func (c *capture) dir(dir string, depth int, far bool) error {
	if depth > maxCaptureDepth {
		return &LimitError{"directories within one another", maxCaptureDepth}
	}
	names, err := c.tree.ReadDir(dir)
	var host *root.HostError
	if errors.As(err, &host) && !far && !strings.HasPrefix(dir, "/etc/") {
		// What loaders may look into must not be taken for empty.
		return fmt.Errorf("%w; capture it as a user who may read it", err)
	}
	if err != nil {
		return c.unreadable(err)
	}
	if slices.Contains(populated, dir) && len(names) > 0 {
		c.exists(path.Join(dir, names[0]))
	}
	for _, n := range names {
		if c.steps++; c.steps > maxCaptureSteps {
			return &LimitError{"names in the tree", maxCaptureSteps}
		}
		if c.steps&0xff == 0 {
			if err := c.ctx.Err(); err != nil {
				return err
			}
		}
		if err := c.name(path.Join(dir, n), depth+1, far); err != nil {
			return err
		}
	}
	return nil
}

// unreadable passes over what the tree or this machine does not let us read.
func (c *capture) unreadable(err error) error {
	var errno root.Errno
	var host *root.HostError
	if errors.As(err, &errno) || errors.As(err, &host) {
		return nil
	}
	return err
}

// unread keeps a file that can't be read here as one of which nothing is
// known: it is there.
func (c *capture) unread(f File, err error) error {
	if err := c.unreadable(err); err != nil {
		return err
	}
	f.Size = max(f.Size, 1) // nothing to read is something known
	return c.keep(f)
}

func (c *capture) name(p string, depth int, far bool) error {
	info, err := c.tree.Lstat(p, root.Superuser)
	if err != nil {
		return c.unreadable(err)
	}
	far = far || slices.Contains(remote, p)
	f := File{Path: p, Mode: info.Mode, UID: info.UID, GID: info.GID, Size: info.Size}
	switch info.Mode & root.ModeFmt {
	case root.ModeDir:
		if unusual := info.Mode&0o7777 != 0o755 || info.UID|info.GID != 0; !far && (depth <= 2 || unusual || isLibDir(p) || likeLibrary(p)) || slices.Contains(populated, p) {
			f.Size = 0
			if err := c.keep(f); err != nil {
				return err
			}
		}
		if slices.Contains(foreign, p) {
			return nil
		}
		return c.dir(p, depth, far)
	case root.ModeLink:
		if far && !slices.Contains(dataFiles, p) {
			return nil
		}
		if f.Link, err = c.tree.Readlink(info); err != nil {
			return c.unreadable(err)
		}
		f.Size = 0
		return c.keep(f)
	case root.ModeReg:
		return c.regular(f, info, far)
	}
	if far {
		return nil
	}
	return c.keep(f) // a fifo, a device: there, and no file
}

func (c *capture) keep(f File) error {
	if len(c.files) >= maxCaptureFiles {
		return &LimitError{"programs, libraries and links in the tree", maxCaptureFiles}
	}
	c.files = append(c.files, f)
	return nil
}

// exists keeps a name as it is, without asking what is in it.
func (c *capture) exists(p string) {
	if info, err := c.tree.Lstat(p, root.Superuser); err == nil && info.Regular() {
		c.files = append(c.files, File{Path: p, Mode: info.Mode, UID: info.UID, GID: info.GID, Size: info.Size})
	}
}

// regular reads what a file is, and keeps it if that matters.
func (c *capture) regular(f File, info root.Info, far bool) error {
	limit := int64(maxDataFile)
	if f.Path == "/etc/ld.so.cache" {
		limit = maxCaptureCache
	}
	musl := path.Dir(f.Path) == "/etc" && strings.HasPrefix(path.Base(f.Path), "ld-musl-")
	if (slices.Contains(captured, f.Path) || musl) && info.Size <= limit {
		data, err := c.tree.ReadFile(f.Path, root.Superuser, limit)
		if err != nil {
			return c.unread(f, err)
		}
		f.Data = append([]byte{}, data...)
		return c.keep(f)
	}
	head, err := c.head(info)
	if err != nil {
		return c.unread(f, err)
	}
	elf := strings.HasPrefix(head, "\x7fELF")
	switch {
	case likeLibrary(f.Path) && !elf && !far:
		return c.nameOfLibrary(f, info)
	case elf && !strings.HasSuffix(f.Path, ".o") && !strings.HasSuffix(f.Path, ".ko"):
		return c.program(f, info)
	case f.Mode&0o111 != 0 || strings.HasPrefix(head, "#!") || isCommand(f.Path):
		o, err := c.tree.Object(info)
		if err == nil {
			f.facts = readFacts(o.Facts)
		}
		return c.keep(f)
	case slices.Contains(dataFiles, f.Path):
		return c.keep(f)
	}
	return nil
}

// env keeps of a tree's env, or of what it is a link to, whether it knows -S,
// which the option's long name in its bytes tells.
func (c *capture) env(p string) {
	info, err := c.tree.Stat(p, root.Superuser)
	if err != nil || info.Size > maxEnv {
		return
	}
	data, err := c.tree.ReadFile(info.Path, root.Superuser, maxEnv)
	if err != nil {
		return
	}
	told := []byte("no long options")
	if long := []byte("split-string"); bytes.Contains(data, long) {
		told = long
	}
	for i := range c.files {
		if f := &c.files[i]; f.Path == info.Path && f.Mode&root.ModeFmt == root.ModeReg {
			f.Data = told
		}
	}
}

// likeLibrary: a loader that looks for the name takes whatever lies there.
func likeLibrary(p string) bool { return strings.Contains(path.Base(p), ".so") }

// nameOfLibrary keeps what is no ELF file and has a library's name.
func (c *capture) nameOfLibrary(f File, info root.Info) error {
	if o, err := c.tree.Object(info); err == nil {
		f.facts = readFacts(o.Facts)
	}
	return c.keep(f)
}

func (c *capture) head(info root.Info) (string, error) {
	if info.Size == 0 {
		return "", nil
	}
	f, err := c.tree.Open(info)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, 4)
	n, _ := f.ReadAt(b, 0)
	return string(b[:n]), nil
}

// program reads an ELF file. A second name of a library becomes a link to the
// first, so that both stay one file.
func (c *capture) program(f File, info root.Info) error {
	o, err := c.tree.Object(info)
	if err != nil || info.Size > maxCaptureELF {
		return c.keep(f)
	}
	f.facts = readFacts(o.Facts)
	e := o.Facts.ELF
	if e == nil || e.Kind == binary.KindObject {
		if likeLibrary(f.Path) {
			return c.keep(f)
		}
		return nil
	}
	if base := path.Base(f.Path); isShared(e, base) {
		if first := c.names[info.ID]; first != "" {
			return c.keep(File{Path: f.Path, Mode: root.ModeLink | 0o777, Link: first})
		}
		c.names[info.ID] = f.Path
		f.Library = libraryFrom(e, base)
		if strings.HasPrefix(f.Library.Soname, "ld") || strings.HasPrefix(f.Library.Soname, "libc.") {
			if err := libcFacts(c.tree, &f); err != nil && c.unreadable(err) != nil {
				return err
			}
		}
	}
	return c.keep(f)
}
