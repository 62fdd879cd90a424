package root

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// oddTree makes every kind of thing that a path can meet.
func oddTree(t testing.TB, dir string) {
	t.Helper()
	for _, d := range []string{"usr/lib/multi", "usr/lib64", "usr/bin", "etc", "opt/app/lib", "deep/a/b/c"} {
		must(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	for _, f := range []string{"usr/lib/multi/libc.so.6", "usr/lib64/ld.so", "usr/bin/sh", "etc/passwd", "opt/app/lib/l.so", "deep/a/b/c/f", "file"} {
		must(t, os.WriteFile(filepath.Join(dir, f), []byte(f), 0o755))
	}
	links := map[string]string{
		"lib": "usr/lib", "lib64": "/usr/lib64", "bin": "./usr/bin/", "abs": "/etc/passwd", "up": "../../../../etc/passwd",
		"dangling": "nowhere", "loop": "loop", "ping": "pong", "pong": "ping", "root": "/", "dot": ".", "dotdot": "..",
		"opt/app/etc": "/etc", "opt/app/out": "../../../..", "tofile": "file", "tofileslash": "file/", "deep/link": "a/b/../b/c",
		"long": strings.Repeat("./", 2000) + "file", "double": "//usr//lib", "chain0": "file", "usr/lib/multi/up": "../../../lib64",
	}
	for i := 1; i <= 42; i++ {
		links[fmt.Sprintf("chain%d", i)] = fmt.Sprintf("chain%d", i-1)
	}
	for name, to := range links {
		must(t, os.Symlink(to, filepath.Join(dir, name)))
	}
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// kernelSays walks the path with the kernel itself, in a root of its own.
func kernelSays(t testing.TB, dir int, name string, follow bool) (id FileID, err error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	if !follow {
		how.Flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Openat2(dir, name, &how)
	if err == unix.ENOSYS {
		t.Skip("this kernel has no openat2")
	}
	if err != nil {
		return id, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	must(t, unix.Fstat(fd, &st))
	return FileID{uint64(st.Dev), st.Ino}, nil
}

func errnoOf(err error) Errno {
	return map[error]Errno{unix.ENOENT: ENOENT, unix.ENOTDIR: ENOTDIR, unix.ELOOP: ELOOP, unix.ENAMETOOLONG: ENAMETOOLONG, unix.EACCES: EACCES}[err]
}

// TestWalkAgainstKernel: the kernel itself, confined to the tree, is asked the
// same paths.
func TestWalkAgainstKernel(t *testing.T) {
	dir := t.TempDir()
	oddTree(t, dir)
	r, err := Dir(dir)
	must(t, err)
	defer r.Close()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	must(t, err)
	defer unix.Close(fd)

	for _, name := range walkNames() {
		for _, follow := range []bool{true, false} {
			id, kernel := kernelSays(t, fd, name, follow)
			info, err := r.Lstat(name, Superuser)
			if follow {
				info, err = r.Stat(name, Superuser)
			}
			short := name[:min(len(name), 60)]
			switch {
			case kernel == nil && (err != nil || info.ID != id):
				t.Errorf("%s (follow %v): kernel %v, we %v %v", short, follow, id, info, err)
			case kernel != nil && err != errnoOf(kernel):
				t.Errorf("%s (follow %v): kernel %v, we %v %v", short, follow, kernel, info, err)
			}
		}
	}
}

func walkNames() []string {
	names := []string{"/", "//", "/.", "/..", "/../../etc/passwd", "/file/", "/file/.", "/file/..", "/file/x", "/tofile/", "/tofileslash",
		"/bin/", "/bin/sh", "/lib64/ld.so", "/lib/multi/../../etc/passwd", "/lib/multi/up/ld.so", "/root/root/root/file", "/dotdot/dotdot/etc",
		"/opt/app/out/etc/passwd", "/opt/app/etc/passwd", "/deep/link/f", "/long", "/chain39", "/chain40", "/chain38/", "/dangling", "/dangling/",
		"/dangling/x", "/loop", "/loop/", "/ping/x", "/fifo", "/fifo/", "/up", "/abs", "/double/multi", "/nowhere/../file", "/file/../file",
		"/" + strings.Repeat("a", 255), "/" + strings.Repeat("a", 256), "/file/" + strings.Repeat("a", 256), "/nowhere/" + strings.Repeat("a", 256),
		strings.Repeat("/.", 2047), strings.Repeat("/.", 2048), strings.Repeat("/", 4095), strings.Repeat("/", 4096)}
	parts := []string{"", ".", "..", "lib", "lib64", "usr", "bin", "multi", "etc", "passwd", "opt", "app", "out", "root", "dot", "dotdot", "file",
		"tofile", "dangling", "loop", "deep", "link", "a", "b", "c", "f", "chain20", "chain21", "up", "double", "tofileslash", "fifo"}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		var b strings.Builder
		for range 1 + rnd.IntN(6) {
			b.WriteString("/" + parts[rnd.IntN(len(parts))])
		}
		names = append(names, b.String())
	}
	return names
}

// TestPermissions: the modes and owners of the tree decide for who is not the
// superuser, who needs an execute bit all the same.
func TestPermissions(t *testing.T) {
	s := newMemStore()
	add := func(name string, mode, uid, gid uint32) {
		n := s.newNode(0, mode)
		n.info.UID, n.info.GID = uid, gid
		s.put(name, n)
	}
	add("/pub", ModeDir|0o755, 0, 0)
	add("/pub/all", ModeReg|0o755, 0, 0)
	add("/pub/owner", ModeReg|0o700, 7, 7)
	add("/pub/group", ModeReg|0o070, 7, 7)
	add("/pub/none", ModeReg, 0, 0)
	add("/shut", ModeDir|0o700, 7, 7)
	add("/shut/all", ModeReg|0o777, 0, 0)
	r := newRoot("", s)
	owner, group, also, other := Cred{UID: 7, GID: 9}, Cred{UID: 8, GID: 7}, Cred{UID: 8, GID: 8, Groups: []uint32{6, 7}}, Cred{UID: 8, GID: 8}
	for _, c := range []struct {
		name       string
		cred       Cred
		err        error
		read, exec bool
	}{
		{"/pub/all", other, nil, true, true},
		{"/pub/owner", owner, nil, true, true},
		{"/pub/owner", group, nil, false, false},
		{"/pub/group", owner, nil, false, false}, // the owner's bits decide, though the group has more
		{"/pub/group", group, nil, true, true},
		{"/pub/group", also, nil, true, true},
		{"/pub/group", other, nil, false, false},
		{"/pub/group", Superuser, nil, true, true},
		{"/pub/none", Superuser, nil, true, false},
		{"/shut/all", owner, nil, true, true},
		{"/shut/all", other, EACCES, false, false},
		{"/shut/nothing", other, EACCES, false, false},
		{"/shut/../pub", other, EACCES, false, false},
		{"/shut/all", Superuser, nil, true, true},
	} {
		info, err := r.Stat(c.name, c.cred)
		if err != c.err || info.Readable(c.cred) != c.read && err == nil || info.Executable(c.cred) != c.exec && err == nil {
			t.Errorf("%s as %v: %v, readable %v, executable %v", c.name, c.cred, err, info.Readable(c.cred), info.Executable(c.cred))
		}
		_, err = r.ReadFile(c.name, c.cred, 10)
		if c.err == nil && c.read != (err == nil) || !c.read && err != EACCES && err != ENOENT {
			t.Errorf("%s as %v: read %v", c.name, c.cred, err)
		}
	}
}

// TestNotOpened: what is no regular file is never opened, since that could
// block or act.
func TestNotOpened(t *testing.T) {
	dir := t.TempDir()
	oddTree(t, dir)
	r, err := Dir(dir)
	must(t, err)
	defer r.Close()
	for _, name := range []string{"/fifo", "/usr"} {
		info, err := r.Stat(name, Superuser)
		must(t, err)
		if f, err := r.Open(info); err == nil {
			f.Close()
			t.Errorf("%s was opened", name)
		}
	}
	if _, err := r.ReadFile("/usr", Superuser, 1); err != EISDIR {
		t.Errorf("reading a directory: %v", err)
	}
	if _, err := r.ReadDir("/file"); err != ENOTDIR {
		t.Errorf("listing a file: %v", err)
	}
}

func TestErrnoWords(t *testing.T) {
	if got := ENOENT.Error(); got != "ENOENT: No such file or directory" {
		t.Error(got)
	}
	for e := range strerrors {
		if e.Strerror() == "" || errors.Is(e, ENXIO) && e != ENXIO {
			t.Error(e)
		}
	}
}
