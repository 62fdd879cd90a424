// Package prove asks reality: it starts a program in its tree, in namespaces
// of its own, and stops it before any of its code has run.
//
//	a, err := prove.Ask(ctx, prove.Question{Root: "/roots/el9", Place: "/usr/bin/app", Env: env})
//	p := prove.Compare(prove.Foretold{Verdict: v, Trace: trace}, a)
//	p.Proved // "yes", "no" or "impossible"
//
// The kernel is asked by an execve that is stopped at its end; then the tree's
// own loader lists what it would load. With Start, the program goes on to its
// entry point, under glibc with the constructors of its libraries. Its own
// main never runs: a breakpoint lies on its entry point.
//
// There is no network, nothing that is written reaches the tree, and all ends
// at the time limit: the processes are killed with their PID namespace, and
// the mounts go with their mount namespace. It is no jail for malice: a
// constructor can read what the user who asks can read.
//
// The program that uses this package calls Main first of all.
package prove

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultLimit is the time that one question may take.
const DefaultLimit = 10 * time.Second

// Question is one start to be tried.
type Question struct {
	Root    string  // directory of this machine that is the target's root: "/" for this host
	Place   string  // absolute path of the subject in it
	Program string  // the subject's file on this machine, where it does not lie in the tree: laid at Place, mode 0755
	Layers  []Layer // directories laid over the tree first
	// Then are programs that Place starts in turn, as env does; what Loader
	// lists and Start starts is the last.
	Then   []string
	Env    []string // the whole environment
	Cwd    string   // "" is /
	UID    uint32
	GID    uint32
	Groups []uint32

	Machine string    // of the kernel that the verdict is about; "" is this one's
	Kernel  [3]uint32 // its version, where the user named one

	// Loader is the path of the loader that shall list a shared library; "" for
	// a program, whose loader the kernel finds.
	Loader string
	Start  bool          // go on to the entry point
	Limit  time.Duration // 0 is DefaultLimit
}

// Layer is a directory of this machine laid over the tree.
type Layer struct {
	Dir   string // absolute
	Place string // absolute, in the tree
}

// Answer is what happened. Either Why says that nothing could be asked, or
// Exec holds a step for Place and each of Then, up to the first that fails.
type Answer struct {
	Why   string   `json:"why,omitempty"`
	Exec  []Exec   `json:"exec,omitempty"`
	List  *Run     `json:"list,omitempty"`  // the loader in list mode
	Start *Run     `json:"start,omitempty"` // the start up to the entry point; under musl always, for no constructor runs before it
	Notes []string `json:"notes,omitempty"` // why it was not asked further
	// Limited says that rights in the tree were those of the user who asks, not
	// those of the user that the verdict is about.
	Limited bool   `json:"limited,omitempty"`
	Kernel  string `json:"kernel,omitempty"` // release and machine of this one
}

// Exec is one execve, stopped before the first instruction.
type Exec struct {
	Path   string `json:"path"`
	Errno  string `json:"errno,omitempty"`  // "ENOENT"
	Signal string `json:"signal,omitempty"` // execve began, and the kernel killed the process
	Exe    string `json:"exe,omitempty"`    // what runs: the file, or the last interpreter of a script
	Interp string `json:"interp,omitempty"` // file that the kernel loaded as the program's interpreter
	Loader string `json:"loader,omitempty"` // what that is: "glibc", "musl", "other"; "" for a static program
	Secure bool   `json:"secure,omitempty"` // AT_SECURE
}

// Run is a process that was let go on.
type Run struct {
	Exit     int    `json:"exit"`             // -1 where it did not exit by itself
	Signal   string `json:"signal,omitempty"` // that ended it
	Entry    bool   `json:"entry,omitempty"`  // it reached its entry point, and was stopped there
	TimedOut bool   `json:"timed_out,omitempty"`
	Replaced bool   `json:"replaced,omitempty"` // a constructor replaced the program by another: stopped there
	Stdout   string `json:"stdout,omitempty"`
	Stderr   string `json:"stderr,omitempty"`
	// Constructors says that the constructors of libraries have run at the
	// entry point: glibc's loader runs them; under musl the program does, later.
	Constructors bool `json:"constructors,omitempty"`
}

// Ask tries one start. What this machine can't do is an Answer with Why; an
// error means that the question makes no sense, or ctx ended.
func Ask(ctx context.Context, q Question) (Answer, error) {
	if err := q.settle(); err != nil {
		return Answer{}, err
	}
	here, err := thisKernel()
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Kernel: here.release + " " + here.machine}
	if a.Why = here.differs(q); a.Why != "" {
		return a, nil
	}
	if info, err := os.Stat(q.Root); err != nil || !info.IsDir() {
		a.Why = fmt.Sprintf("%s is no directory of this machine that can be looked into", q.Root)
		return a, nil
	}
	var refused *refusal
	got, err := ask(ctx, q, mayMount())
	if errors.As(err, &refused) && mayMount() {
		got, err = ask(ctx, q, false)
	}
	if errors.As(err, &refused) {
		a.Why = refused.Error()
		return a, nil
	}
	got.Kernel = a.Kernel

	return got, err
}

func (q *Question) settle() error {
	var err error
	if q.Root, err = filepath.Abs(q.Root); err != nil {
		return err
	}
	if q.Program != "" {
		if q.Program, err = filepath.Abs(q.Program); err != nil {
			return err
		}
	}
	if q.Cwd == "" {
		q.Cwd = "/"
	}
	if q.Limit <= 0 {
		q.Limit = DefaultLimit
	}
	for _, p := range append([]string{q.Place, q.Cwd}, q.Then...) {
		if !strings.HasPrefix(p, "/") || strings.Contains(p, "\x00") {
			return fmt.Errorf("%q: an absolute path is wanted", p)
		}
	}
	for _, l := range q.Layers {
		if !strings.HasPrefix(l.Place, "/") || !strings.HasPrefix(l.Dir, "/") {
			return fmt.Errorf("%s:%s: absolute paths are wanted", l.Dir, l.Place)
		}
	}
	return nil
}

// refusal of this machine to make namespaces.
type refusal struct {
	user bool
	err  error
}

func (r *refusal) Error() string {
	if r.user {
		return "this machine lets this user make no namespaces (" + r.err.Error() + "): unprivileged user namespaces are off, or a container forbids them"
	}
	return "this machine makes no namespaces: " + r.err.Error()
}

// order is what the helper is told.
type order struct {
	Question Question
	User     bool // it is in a user namespace of one user
}

// ask starts this very program as the first process of new namespaces: package
// helper.go. The pipe to its standard input stays open as long as we live.
func ask(ctx context.Context, q Question, privileged bool) (Answer, error) {
	in, err := json.Marshal(order{q, !privileged})
	if err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, q.Limit+5*time.Second, errTooLong)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args, cmd.Env, cmd.Dir = []string{marker}, []string{}, "/"
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = namespaces(q, privileged)
	out, errs := limited{most: maxAnswer}, limited{most: maxOutput}
	cmd.Stdout, cmd.Stderr = &out, &errs
	hold, err := cmd.StdinPipe()
	if err != nil {
		return Answer{}, err
	}
	// The signal of a parent's death is sent when the thread dies that forked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return Answer{}, &refusal{!privileged, err}
	}
	_, werr := hold.Write(in)
	err = cmd.Wait()
	hold.Close()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errTooLong) {
		return Answer{}, cause
	} else if cause != nil {
		return Answer{Why: fmt.Sprintf("no answer in %s", q.Limit)}, nil
	}
	var a Answer
	if jerr := json.Unmarshal(out.kept.Bytes(), &a); jerr != nil {
		return a, fmt.Errorf("the helper that asks reality ended without an answer: %w %s", errors.Join(err, werr, jerr), strings.TrimSpace(errs.kept.String()))
	}
	a.Limited = !privileged
	return a, nil
}

var errTooLong = errors.New("the time limit passed")

// namespaces of the helper. One that may mount needs no user namespace; any
// other user is alone in one, under the name that the verdict is about.
func namespaces(q Question, privileged bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL,
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS}
	if privileged {
		return attr
	}
	attr.Cloneflags |= unix.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: int(q.UID), HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: int(q.GID), HostID: os.Getegid(), Size: 1}}
	if q.UID != 0 { // whose rights would end at the exec of the helper
		for c := uintptr(0); c <= unix.CAP_AUDIT_READ; c++ {
			attr.AmbientCaps = append(attr.AmbientCaps, c)
		}
	}
	return attr
}

// mayMount says whether this process may do so without a user namespace.
func mayMount() bool {
	caps, err := capabilities()
	return err == nil && caps[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// limited keeps what a process says, up to a bound.
type limited struct {
	kept bytes.Buffer
	most int
}

const (
	maxOutput = 256 << 10 // of a program
	maxAnswer = 16 << 20  // of the helper, which tells of four such outputs in JSON
)

func (l *limited) Write(p []byte) (int, error) {
	room := max(0, l.most-l.kept.Len())
	l.kept.Write(p[:min(room, len(p))])
	return len(p), nil
}
