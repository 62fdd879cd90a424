package prove

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/willrun/willrun/root"
)

// trial answers one question, in the tree.
type trial struct {
	question Question
	user     bool
	null     *os.File
	deadline time.Time
	answer   Answer
}

func (t *trial) run() error {
	q := t.question
	for file, id := range map[string]uint32{"/proc/self/uid_map": q.UID, "/proc/self/gid_map": q.GID} {
		if !mapped(file, id) {
			return &impossible{fmt.Sprintf("user %d:%d is no one in this container's user namespace", q.UID, q.GID)}
		}
	}
	if err := unix.Chdir(q.Cwd); err != nil {
		return &impossible{fmt.Sprintf("the tree has no directory %s to start in: %v", q.Cwd, err)}
	}
	setid, err := powers(q)
	if err != nil {
		return err
	}
	if err := errors.Join(limits(uint64(q.Limit/time.Second)+1), confine(setid)); err != nil {
		return err
	}
	err = t.ask()
	if err != nil && time.Now().After(t.deadline) {
		return t.late() // what was killed meanwhile can't be watched
	}
	return err
}

func (t *trial) ask() error {
	q := t.question
	if q.Loader != "" {
		return t.library()
	}
	for _, path := range append([]string{q.Place}, q.Then...) {
		step, err := t.exec(path)
		if err != nil {
			return err
		}
		t.answer.Exec = append(t.answer.Exec, step)
		if step.Errno != "" || step.Signal != "" {
			return nil
		}
	}
	return t.further()
}

// mapped says whether a namespace has an id (user_namespaces(7)).
func mapped(file string, id uint32) bool {
	data, err := os.ReadFile(file)
	if err != nil {
		return true // a kernel without them
	}
	for line := range strings.Lines(string(data)) {
		var inside, outside, count uint64
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err == nil && inside <= uint64(id) && uint64(id)-inside < count {
			return true
		}
	}
	return false
}

// powers says whether what is started has set-user-id or set-group-id bits.
func powers(q Question) (setid bool, err error) {
	for _, path := range append([]string{q.Place}, q.Then...) {
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil && st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
			setid = true
		}
		// With capabilities dropped, an execve of these would be refused.
		if n, err := unix.Getxattr(path, "security.capability", nil); err == nil && n > 0 {
			return false, &impossible{path + " has capabilities of its own"}
		}
	}
	return setid, nil
}

// exec starts a program, and stops it before its first instruction.
func (t *trial) exec(path string) (Exec, error) {
	step := Exec{Path: path}
	p, errno, err := t.start(path, []string{path}, t.question.Env)
	switch {
	case err != nil:
		return step, err
	case errno == unix.EPERM, errno == unix.EAGAIN, errno == unix.ETXTBSY: // of what goes before the execve, or of someone else's doing
		return step, &impossible{fmt.Sprintf("%s can't be started here: %v", path, errno)}
	case errno != 0:
		step.Errno = unix.ErrnoName(errno)
		if errno == unix.ENOEXEC {
			return step, t.narrow(path)
		}
		return step, nil
	}
	defer p.end()
	if !p.stopped {
		if p.late() {
			return step, t.late()
		}
		step.Signal = unix.SignalName(p.status.Signal())
		return step, nil
	}
	step.Secure = p.auxv[atSecure] != 0
	if step.Exe, err = exeOf(p.pid, path); err != nil {
		return step, err
	}
	if p.auxv[atBase] == 0 {
		return step, nil
	}
	step.Interp = mapping(p.pid, p.auxv[atBase])
	step.Loader = kindOf(step.Interp)
	return step, nil
}

// exeOf is the path of the file that a process runs. It is the one that was
// named, or that a script names: anything else was put there by binfmt_misc.
func exeOf(pid int, path string) (string, error) {
	link := fmt.Sprintf("/proc/%d/exe", pid)
	exe, err := os.Readlink(link)
	if err != nil {
		return "", err
	}
	runs, err := os.Stat(link)
	if err != nil {
		return "", err
	}
	named, err := os.Stat(path)
	if err == nil && os.SameFile(runs, named) {
		return exe, nil
	}
	emulated := &impossible{fmt.Sprintf("this machine starts %s by another program, %s, for which it is registered (binfmt_misc)", path, exe)}
	if found, err := os.Stat(exe); err != nil || !os.SameFile(found, runs) || !isScript(path) {
		return exe, emulated
	}
	return exe, nil
}

func isScript(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [2]byte
	_, err = f.ReadAt(magic[:], 0)
	return err == nil && string(magic[:]) == "#!"
}

// kindOf a loader, by its own bytes.
func kindOf(path string) string {
	tree, err := root.Dir("/")
	if err != nil {
		return "other"
	}
	defer tree.Close()
	info, err := tree.Stat(path, root.Superuser)
	if err != nil || !info.Regular() {
		return "other"
	}
	libc, err := tree.Libc(path, info)
	if err != nil {
		return "other"
	}
	return libc.Kind
}

// further asks the loader of what was started last.
func (t *trial) further() error {
	last := t.answer.Exec[len(t.answer.Exec)-1]
	switch {
	case last.Loader == "":
		t.note("a static program: what comes after the kernel is its own code")
		return nil
	case last.Loader != "glibc" && last.Loader != "musl":
		t.note(last.Interp + " is no loader that is known: to start it could be to run a program")
		return nil
	}
	if err := t.list(last); err != nil {
		return err
	}
	// Under musl no code of the program's or its libraries' runs before the
	// entry point: to start it is as harmless as a list, and says more.
	if t.question.Start || last.Loader == "musl" {
		return t.toEntry(last)
	}
	return nil
}

func (t *trial) late() error {
	return &impossible{fmt.Sprintf("no answer in %s", t.question.Limit)}
}

func (t *trial) note(text string) { t.answer.Notes = append(t.answer.Notes, text) }
