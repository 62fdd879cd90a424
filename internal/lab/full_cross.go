package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// crossView is a hard-linked copy of one root with the programs of another
// laid over it, each at its own place there; set-id bits are gone, for a file
// that is brought along is judged as mode 0755. Programs that have no place,
// for a file stands where they need a directory, are left out.
func crossView(t testing.TB, from, on string, programs []fullFile) (dir string, laid []fullFile) {
	dir = on + "+" + filepath.Base(from)
	os.RemoveAll(dir)
	t.Cleanup(func() { os.RemoveAll(dir) })
	err := filepath.WalkDir(on, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := dir + strings.TrimPrefix(name, on)
		switch {
		case d.IsDir():
			return os.Mkdir(to, 0o755)
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(target, to)
		case d.Type().IsRegular():
			return os.Link(name, to)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	inside, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	for _, p := range programs {
		if err := layProgram(inside, from, p); err != nil {
			t.Logf("%s has no place on %s: %v", p.Place, filepath.Base(on), err)
			continue
		}
		p.SetID = false
		laid = append(laid, p)
	}
	return dir, laid
}

// layProgram puts one program into a view; links of the view lead it, but
// never out of it.
func layProgram(view *os.Root, from string, p fullFile) error {
	place := strings.TrimPrefix(p.Place, "/")
	if err := view.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		return err
	}
	if err := view.Remove(place); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !p.SetID {
		parent, err := view.OpenRoot(filepath.Dir(place))
		if err != nil {
			return err
		}
		defer parent.Close()
		d, err := parent.Open(".")
		if err != nil {
			return err
		}
		defer d.Close()
		return os.Link(from+p.Place, fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), filepath.Base(place)))
	}
	data, err := os.ReadFile(from + p.Place)
	if err != nil {
		return err
	}
	return view.WriteFile(place, data, 0o755)
}

// arrival says how far a program came that was really started.
type arrival struct {
	Entry  bool // its entry point: loaded, bound, libraries' constructors run
	Exit   int  // its exit status before that, or -1
	Signal string
	Errno  string
	Stderr string
}

// startAll starts programs of one root, each as far as its entry point, in a
// mount and network namespace of their own where nothing can be written. The
// thread that does it is thrown away with its namespaces.
func startAll(t testing.TB, root string, places []string) []arrival {
	arrivals := make([]arrival, len(places))
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		err := syscall.Unshare(syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC)
		if err == nil {
			err = syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
		}
		at := ""
		if err == nil {
			at, err = mountRoot(Spec{Root: root}, 0)
		}
		for i := 0; i < len(places) && err == nil; i++ {
			arrivals[i], err = startToEntry(at, places[i])
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return arrivals
}

// startToEntry starts one program under ptrace with a breakpoint on its entry
// point (AT_ENTRY), where the loader jumps when it is done, and ends it there.
// Called on a locked thread: ptrace answers to the one that started it.
func startToEntry(root, place string) (a arrival, err error) {
	a.Exit = -1
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return a, err
	}
	defer null.Close()
	words, err := os.CreateTemp("", "entry")
	if err != nil {
		return a, err
	}
	defer os.Remove(words.Name())
	defer words.Close()
	pid, err := syscall.ForkExec(place, []string{place}, &syscall.ProcAttr{Dir: "/", Env: DefaultEnv,
		Files: []uintptr{null.Fd(), null.Fd(), words.Fd()},
		Sys:   &syscall.SysProcAttr{Ptrace: true, Chroot: root, Setsid: true, Pdeathsig: syscall.SIGKILL}})
	if err != nil {
		var errno syscall.Errno
		if errors.As(err, &errno) {
			a.Errno, err = errnoName(errno), nil
		}
		return a, err
	}
	timer := time.AfterFunc(20*time.Second, func() { syscall.Kill(-pid, syscall.SIGKILL) })
	defer timer.Stop()
	err = a.follow(pid)
	syscall.Kill(-pid, syscall.SIGKILL)
	if a.Entry || err != nil {
		var status syscall.WaitStatus
		syscall.Wait4(pid, &status, 0, nil)
	}
	text, _ := os.ReadFile(words.Name())
	a.Stderr = string(text)
	return a, err
}

func (a *arrival) follow(pid int) error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return err
	}
	entry, err := entryPoint(pid)
	if err != nil {
		return err
	}
	if _, err := syscall.PtracePokeText(pid, entry, []byte{0xcc}); err != nil { // int3
		return err
	}
	for deliver := 0; ; {
		if err := syscall.PtraceCont(pid, deliver); err != nil {
			return err
		}
		if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
			return err
		}
		switch {
		case status.Exited():
			a.Exit = status.ExitStatus()
			return nil
		case status.Signaled():
			a.Signal = signalName(status.Signal())
			return nil
		}
		deliver = int(status.StopSignal())
		if status.StopSignal() == syscall.SIGTRAP {
			var regs syscall.PtraceRegs
			if err := syscall.PtraceGetRegs(pid, &regs); err != nil {
				return err
			}
			if a.Entry = regs.Rip == uint64(entry)+1; a.Entry {
				return nil
			}
		}
	}
}

// entryPoint is AT_ENTRY of a process's auxiliary vector.
func entryPoint(pid int) (uintptr, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid))
	if err != nil {
		return 0, err
	}
	for ; len(data) >= 16; data = data[16:] {
		if binary.LittleEndian.Uint64(data) == 9 {
			return uintptr(binary.LittleEndian.Uint64(data[8:])), nil
		}
	}
	return 0, errors.New("no AT_ENTRY")
}
