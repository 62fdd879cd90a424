package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Spec is one run of a program in a root.
type Spec struct {
	Root   string // directory of the root
	View   View
	Argv   []string
	Env    []string
	UID    uint32
	Cwd    string
	Proc   bool // /proc is mounted: always, but for roots that have no such folder
	Expect string
}

// Result is what happened.
type Result struct {
	Started bool   // it printed MARK
	Exit    int    // -1 when it did not exit by itself
	Signal  string // "SIGSEGV", "TIMEOUT"
	Errno   string // of execve
	Stdout  string
	Stderr  string
}

// runnerVariable makes the test binary a runner instead of a test.
const runnerVariable = "WILLRUN_LAB_RUNNER"

// Main is for TestMain: it turns the process into a runner where it was
// started as one.
func Main(m *testing.M) {
	if os.Getenv(runnerVariable) != "" {
		runner()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Run runs programs for real, each in its root, in a mount and network
// namespace of their own where nothing can be written.
func Run(t testing.TB, specs []Spec) []Result {
	t.Helper()
	in, err := json.Marshal(specs)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), runnerVariable+"=1")
	cmd.Stdin = bytes.NewReader(in)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC}
	if err := cmd.Run(); err != nil {
		t.Fatalf("runner: %v\n%s", err, errs.String())
	}
	var results []Result
	if err := json.Unmarshal(out.Bytes(), &results); err != nil {
		t.Fatalf("runner: %v\n%s", err, errs.String())
	}
	return results
}

func runner() {
	var specs []Spec
	if err := json.NewDecoder(os.Stdin).Decode(&specs); err != nil {
		fail(err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		fail(err)
	}
	mounted := map[string]string{}
	for i := range specs {
		k := fmt.Sprint(specs[i].Root, specs[i].View.Noexec)
		if mounted[k] == "" {
			at, err := mountRoot(specs[i], len(mounted))
			if err != nil {
				fail(fmt.Errorf("%s: %w", specs[i].Root, err))
			}
			mounted[k] = at
		}
		specs[i].Root = mounted[k]
	}
	results := make([]Result, len(specs))
	var wg sync.WaitGroup
	next := make(chan int)
	for range 3 {
		wg.Go(func() {
			for i := range next {
				results[i] = one(specs[i])
			}
		})
	}
	for i := range specs {
		next <- i
	}
	close(next)
	wg.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// mountRoot shows a root read-only at a place of its own, with its /proc. The
// namespace ends with the runner, and the mounts with it.
func mountRoot(s Spec, n int) (string, error) {
	base := "/run/willrun-lab"
	if n == 0 {
		if err := os.MkdirAll(base, 0o755); err != nil {
			return "", err
		}
		if err := syscall.Mount("tmpfs", base, "tmpfs", 0, ""); err != nil {
			return "", err
		}
	}
	at := filepath.Join(base, fmt.Sprint(n))
	if err := os.Mkdir(at, 0o755); err != nil {
		return "", err
	}
	if err := syscall.Mount(s.Root, at, "", syscall.MS_BIND, ""); err != nil {
		return "", err
	}
	if err := syscall.Mount("", at, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return "", err
	}
	if info, err := os.Stat(filepath.Join(at, "proc")); err == nil && info.IsDir() {
		if err := syscall.Mount("proc", filepath.Join(at, "proc"), "proc", 0, ""); err != nil {
			return "", err
		}
	}
	if s.View.Noexec {
		lab := filepath.Join(at, "opt/lab")
		if err := syscall.Mount(lab, lab, "", syscall.MS_BIND, ""); err != nil {
			return "", err
		}
		if err := syscall.Mount("", lab, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_NOEXEC|syscall.MS_RDONLY, ""); err != nil {
			return "", err
		}
	}
	return at, nil
}

func one(s Spec) Result {
	ctx, cancel := context.WithTimeout(context.Background(), 12*time.Second)
	defer cancel()
	argv := s.Argv
	if s.View.Qemu != "" {
		emulator := []string{"/opt/lab/.qemu-" + s.View.Qemu}
		if s.View.CPU != "" {
			emulator = append(emulator, "-cpu", s.View.CPU)
		}
		argv = append(emulator, argv...)
	}
	c := exec.CommandContext(ctx, argv[0])
	c.Path, c.Args, c.Env, c.Dir, c.Err = argv[0], argv, s.Env, s.Cwd, nil
	if c.Dir == "" {
		c.Dir = "/"
	}
	c.WaitDelay = 10 * time.Second
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: s.Root, Setsid: true}
	if s.UID > 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: s.UID, Gid: s.UID}
	}
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	return outcome(c, c.Run(), &out, &errs, ctx)
}

func outcome(c *exec.Cmd, err error, out, errs *bytes.Buffer, ctx context.Context) Result {
	r := Result{Exit: -1, Stdout: out.String(), Stderr: errs.String()}
	r.Started = strings.Contains(r.Stdout, "MARK")
	var p *os.PathError
	if errors.As(err, &p) {
		var errno syscall.Errno
		if errors.As(p.Err, &errno) {
			r.Errno = errnoName(errno)
		}
		return r
	}
	if c.ProcessState == nil {
		r.Errno = fmt.Sprint(err)
		return r
	}
	status := c.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled() && ctx.Err() != nil:
		r.Signal = "TIMEOUT"
	case status.Signaled():
		r.Signal = signalName(status.Signal())
	default:
		r.Exit = status.ExitStatus()
	}
	return r
}

func errnoName(e syscall.Errno) string {
	names := map[syscall.Errno]string{syscall.ENOENT: "ENOENT", syscall.ENOEXEC: "ENOEXEC", syscall.EACCES: "EACCES", syscall.ELOOP: "ELOOP",
		syscall.ELIBBAD: "ELIBBAD", syscall.ENOTDIR: "ENOTDIR", syscall.EINVAL: "EINVAL", syscall.ENOMEM: "ENOMEM", syscall.EISDIR: "EISDIR",
		syscall.EIO: "EIO", syscall.EPERM: "EPERM", syscall.ENAMETOOLONG: "ENAMETOOLONG"}
	if n := names[e]; n != "" {
		return n
	}
	return fmt.Sprintf("errno %d", int(e))
}

func signalName(s syscall.Signal) string {
	names := map[syscall.Signal]string{syscall.SIGSEGV: "SIGSEGV", syscall.SIGABRT: "SIGABRT", syscall.SIGILL: "SIGILL", syscall.SIGBUS: "SIGBUS",
		syscall.SIGKILL: "SIGKILL", syscall.SIGTRAP: "SIGTRAP", syscall.SIGFPE: "SIGFPE"}
	if n := names[s]; n != "" {
		return n
	}
	return fmt.Sprintf("signal %d", int(s))
}
