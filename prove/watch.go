package prove

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// process is one that was started and is watched by ptrace.
type process struct {
	pid      int
	auxv     map[uint64]uint64
	word     int // size of its words, in bytes
	out, err limited
	readers  sync.WaitGroup
	stopped  bool            // it stands behind its execve; else status is its end
	status   unix.WaitStatus // of the end
	timer    *time.Timer
	timedOut chan struct{}
}

// start does an execve, and stops the process at its end. errno is why there
// is none.
func (t *trial) start(path string, argv, env []string) (p *process, errno syscall.Errno, err error) {
	p = &process{timedOut: make(chan struct{}), out: limited{most: maxOutput}, err: limited{most: maxOutput}}
	outs, err := p.pipes()
	if err != nil {
		return nil, 0, err
	}
	attr := &syscall.ProcAttr{Env: env, Files: []uintptr{t.null.Fd(), outs[0].Fd(), outs[1].Fd()}, Sys: t.attributes()}
	p.pid, err = syscall.ForkExec(path, argv, attr)
	for _, f := range outs {
		f.Close()
	}
	if err != nil {
		p.readers.Wait()
		if errors.As(err, &errno) {
			return nil, errno, nil
		}
		return nil, 0, err
	}
	p.timer = time.AfterFunc(time.Until(t.deadline), func() {
		close(p.timedOut)
		_ = unix.Kill(p.pid, unix.SIGKILL)
	})
	if err := p.wait(); err != nil {
		return nil, 0, err
	}
	if !p.stopped {
		return p, 0, nil
	}
	if err := unix.PtraceSetOptions(p.pid, unix.PTRACE_O_EXITKILL|unix.PTRACE_O_TRACEEXEC); err != nil {
		return nil, 0, fmt.Errorf("ptrace: %w", err)
	}
	if err := p.readAuxv(); err != nil {
		return nil, 0, err
	}
	fewProcesses(p.pid)
	return p, 0, nil
}

// attributes of every process that is started. A user namespace of one user
// has no other to become.
func (t *trial) attributes() *syscall.SysProcAttr {
	q := t.question
	attr := &syscall.SysProcAttr{Ptrace: true, Setsid: true}
	if !t.user {
		// Some namespaces let no one change groups (user_namespaces(7)).
		word, err := os.ReadFile("/proc/self/setgroups")
		denied := err == nil && strings.HasPrefix(string(word), "deny")
		attr.Credential = &syscall.Credential{Uid: q.UID, Gid: q.GID, Groups: q.Groups, NoSetGroups: denied}
	}
	return attr
}

// pipes for what it prints; they are read to their end, which is there when
// the last process is gone that could write to them.
func (p *process) pipes() ([]*os.File, error) {
	var ends []*os.File
	for _, to := range []*limited{&p.out, &p.err} {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		p.readers.Go(func() {
			_, _ = io.Copy(to, r)
			r.Close()
		})
		ends = append(ends, w)
	}
	return ends, nil
}

// wait waits for the next stop or the end.
func (p *process) wait() error {
	for {
		_, err := unix.Wait4(p.pid, &p.status, unix.WALL, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		p.stopped = err == nil && p.status.Stopped()
		if err != nil {
			return fmt.Errorf("wait4: %w", err)
		}
		return nil
	}
}

// end kills it and whatever it started, and gives what it printed.
func (p *process) end() Run {
	if p.timer != nil {
		p.timer.Stop()
	}
	status := p.status
	if p.stopped {
		_ = unix.Kill(p.pid, unix.SIGKILL)
		_ = p.wait()
	}
	_ = unix.Kill(-1, unix.SIGKILL) // all of this namespace but its first
	p.readers.Wait()
	for { // so that none is left over for the next
		if _, err := unix.Wait4(-1, nil, unix.WALL, nil); err != nil && !errors.Is(err, unix.EINTR) {
			break
		}
	}
	r := Run{Exit: -1, Stdout: p.out.kept.String(), Stderr: p.err.kept.String()}
	switch {
	case p.late():
		r.TimedOut = true
	case status.Exited():
		r.Exit = status.ExitStatus()
	case status.Signaled():
		r.Signal = unix.SignalName(status.Signal())
	}
	return r
}

// late says that it was killed at the time limit.
func (p *process) late() bool {
	select {
	case <-p.timedOut:
		return true
	default:
		return false
	}
}

// breakpoint of a machine's 64-bit or 32-bit programs.
type breakpoint struct {
	code    []byte
	after   uint64 // how far behind it the program counter stands then
	counter int    // where that is in the registers of NT_PRSTATUS
}

// breakpoints by GOARCH and the size of a word. Of 32-bit ARM they would
// depend on the state that the program starts in.
var breakpoints = map[string]map[int]breakpoint{
	"amd64": {8: {[]byte{0xcc}, 1, 16 * 8}, 4: {[]byte{0xcc}, 1, 12 * 4}}, // int3; struct user_regs_struct
	"386":   {4: {[]byte{0xcc}, 1, 12 * 4}},
	"arm64": {8: {[]byte{0x00, 0x00, 0x20, 0xd4}, 0, 32 * 8}}, // brk #0; struct user_pt_regs
}

var errNoBreakpoint = errors.New("no breakpoint can be set on the entry point")

// guard sets a breakpoint on the program's entry point. The page is the
// process's own copy from then on; no file is written to.
func (p *process) guard() error {
	b, known := breakpoints[runtime.GOARCH][p.word]
	entry, has := p.auxv[atEntry]
	if !known || !has {
		return errNoBreakpoint
	}
	if n, err := unix.PtracePokeText(p.pid, uintptr(entry), b.code); err != nil || n != len(b.code) {
		return errNoBreakpoint
	}
	return nil
}

// goOn lets it run to its entry point or its end.
func (p *process) goOn() (entry, replaced bool, err error) {
	signal := 0
	for {
		if err := unix.PtraceCont(p.pid, signal); err != nil && !errors.Is(err, unix.ESRCH) { // ESRCH: it was killed meanwhile
			return false, false, fmt.Errorf("ptrace: %w", err)
		}
		if err := p.wait(); err != nil {
			return false, false, err
		}
		if !p.stopped {
			return false, false, nil
		}
		signal = int(p.status.StopSignal())
		switch p.status.StopSignal() {
		case unix.SIGTRAP:
			if p.status.TrapCause() == unix.PTRACE_EVENT_EXEC {
				return false, true, nil
			}
			if at, err := p.counter(); err == nil && at == p.auxv[atEntry]+breakpoints[runtime.GOARCH][p.word].after {
				return true, false, nil
			}
		case unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
			signal = 0 // there is no one who would wake it up
		}
	}
}

// counter reads the program counter. The kernel gives a 32-bit program's
// registers as such a program would see them.
func (p *process) counter() (uint64, error) {
	var regs [512]byte
	area := unix.Iovec{Base: &regs[0]}
	area.SetLen(len(regs))
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GETREGSET, uintptr(p.pid), unix.NT_PRSTATUS, uintptr(unsafe.Pointer(&area)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	at := regs[breakpoints[runtime.GOARCH][p.word].counter:]
	if p.word == 4 {
		return uint64(binary.NativeEndian.Uint32(at)), nil
	}
	return binary.NativeEndian.Uint64(at), nil
}
