package prove_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/prove"
)

// acts is a program of this machine whose library has a constructor that does
// what ACT says; its main prints MARK.
type acts struct{ dir, program string }

func newActs(t *testing.T, compiler string) acts {
	t.Helper()
	if _, err := exec.LookPath(compiler); err != nil {
		lab.Missing(t, "no "+compiler)
	}
	dir := t.TempDir()
	source, err := filepath.Abs("testdata/acts.c")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.c"), "#include <stdio.h>\nint acts_value(void);\nint main(void) { puts(\"MARK\"); return !acts_value(); }\n")
	for _, args := range [][]string{
		{"-shared", "-fPIC", "-o", "libacts.so", source},
		{"-o", "program", "main.c", "-L.", "-lacts", "-Wl,-rpath,$ORIGIN"},
		{"-static", "-DSTATIC", "-o", "static", "main.c", source},
	} {
		c := exec.Command(compiler, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", compiler, args, err, out)
		}
	}
	return acts{dir, filepath.Join(dir, "program")}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (a acts) question(env ...string) prove.Question {
	return prove.Question{Root: "/", Place: a.program, Env: env, Start: true, Limit: 2 * time.Second}
}

// clean fails the test where a question leaves anything behind: a process, a
// mount, a file.
func (a acts) clean(t *testing.T) func() {
	t.Helper()
	before, mounts := a.hash(t), mountsOf(t)
	return func() {
		t.Helper()
		if after := a.hash(t); after != before {
			t.Errorf("files have changed:\n%s\n%s", before, after)
		}
		if now := mountsOf(t); now != mounts {
			t.Errorf("mounts have changed:\n%s\n%s", mounts, now)
		}
		for until := time.Now().Add(3 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			left := processes(a.dir)
			if len(left) == 0 {
				return
			}
			if time.Now().After(until) {
				t.Fatalf("processes are left: %v", left)
			}
		}
	}
}

func (a acts) hash(t *testing.T) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(a.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %v %v %d\n", name, info.Mode(), info.ModTime(), info.Size())
		if d.Type().IsRegular() {
			data, err := os.ReadFile(name)
			h.Write(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func mountsOf(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// processes whose command line names a directory, and helpers of ours.
func processes(dir string) (list []string) {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, n := range names {
		line, err := os.ReadFile(n)
		text := strings.ReplaceAll(string(line), "\x00", " ")
		if err == nil && n != fmt.Sprintf("/proc/%d/cmdline", os.Getpid()) && (strings.Contains(text, dir) || strings.HasPrefix(text, "willrun: prove")) {
			list = append(list, filepath.Dir(n)+" "+text)
		}
	}
	return list
}

// What a constructor does stays inside, and ends with the question.
func TestConstructorsStayInside(t *testing.T) {
	needRoot(t)
	a := newActs(t, "gcc")
	for _, c := range []struct {
		act  string
		want string // of the Run
	}{
		{"nothing", "entry"}, {"daemon", "entry"}, {"stop", "entry"}, {"trap", "entry"}, {"killall", "entry"},
		{"sleep", "late"}, {"spin", "late"}, {"flood", "late"},
		{"abort", "SIGABRT"}, {"exit", "exit 3"}, {"exec", "replaced"},
	} {
		t.Run(c.act, func(t *testing.T) {
			done := a.clean(t)
			start := time.Now()
			answer, err := prove.Ask(context.Background(), a.question("ACT="+c.act))
			if err != nil || answer.Why != "" || answer.Start == nil {
				t.Fatalf("%+v %v", answer, err)
			}
			done()
			if got := how(*answer.Start); got != c.want {
				t.Errorf("%s, not %s: %.300v", got, c.want, answer.Start)
			}
			if took := time.Since(start); took > 6*time.Second {
				t.Errorf("it took %s", took)
			}
			if strings.Contains(answer.Start.Stdout+answer.List.Stdout, "MARK") {
				t.Error("main has run")
			}
			if answer.List.Exit != 0 || answer.List.Stderr != "" {
				t.Errorf("a constructor ran in list mode: %+v", answer.List)
			}
			if size := len(answer.Start.Stderr); size > 1<<20 {
				t.Errorf("%d bytes of output", size)
			}
		})
	}
}

func how(r prove.Run) string {
	switch {
	case r.Entry:
		return "entry"
	case r.TimedOut:
		return "late"
	case r.Replaced:
		return "replaced"
	case r.Signal != "":
		return r.Signal
	}
	return fmt.Sprintf("exit %d", r.Exit)
}

// Nothing that is written reaches the tree, and there is no network, nor a
// socket of this machine.
func TestNoWritesAndNoNetwork(t *testing.T) {
	needRoot(t)
	a := newActs(t, "gcc")
	done := a.clean(t)
	answer, err := prove.Ask(context.Background(), a.question("ACT=write", "WHERE="+a.dir+"/new", "VICTIM="+a.dir+"/main.c"))
	if err != nil || answer.Start == nil {
		t.Fatalf("%+v %v", answer, err)
	}
	done()
	want := "new: done\nsettings: Read-only file system\nremove: done\nmknod: Operation not permitted\nchroot: Operation not permitted\n"
	if answer.Start.Stderr != want {
		t.Errorf("%s", answer.Start.Stderr)
	}
	answer, err = prove.Ask(context.Background(), a.question("ACT=net"))
	if err != nil || answer.Start == nil {
		t.Fatalf("%+v %v", answer, err)
	}
	if want := "inet: Network is unreachable\nlocal: Permission denied\nvm: Permission denied\n"; answer.Start.Stderr != want {
		t.Errorf("%s", answer.Start.Stderr)
	}
}

// musl's loader lists without running a constructor, and the entry point comes
// before them.
func TestNoConstructorUnderMusl(t *testing.T) {
	needRoot(t)
	a := newActs(t, "musl-gcc")
	defer a.clean(t)()
	for _, start := range []bool{false, true} {
		q := a.question("ACT=abort")
		q.Start = start
		answer, err := prove.Ask(context.Background(), q)
		if err != nil || answer.List == nil || answer.Start == nil {
			t.Fatalf("%+v %v", answer, err)
		}
		if !answer.Start.Entry || answer.Start.Constructors || answer.List.Exit != 0 || !strings.Contains(answer.List.Stdout, "libacts.so => "+a.dir+"/libacts.so") {
			t.Errorf("%+v %+v", answer.List, answer.Start)
		}
	}
	if out, err := (&exec.Cmd{Path: a.program, Env: []string{"ACT=exit"}}).CombinedOutput(); err == nil || len(out) > 0 {
		t.Fatalf("the constructor does nothing when the program really starts: %v", err)
	}
}

// A static program is never let go on: it takes no questions.
func TestStaticProgramsDoNotRun(t *testing.T) {
	needRoot(t)
	a := newActs(t, "gcc")
	defer a.clean(t)()
	for _, start := range []bool{false, true} {
		q := a.question("ACT=write", "WHERE="+a.dir+"/new", "LD_TRACE_LOADED_OBJECTS=1")
		q.Place, q.Start = a.dir+"/static", start
		answer, err := prove.Ask(context.Background(), q)
		if err != nil || len(answer.Exec) != 1 || answer.Exec[0].Errno != "" || answer.Exec[0].Loader != "" || answer.List != nil || answer.Start != nil {
			t.Errorf("%+v %v", answer, err)
		}
	}
}

// Who cancels waits for no one, and nothing is left.
func TestCancelled(t *testing.T) {
	needRoot(t)
	a := newActs(t, "gcc")
	defer a.clean(t)()
	ctx, cancel := context.WithCancel(context.Background())
	q := a.question("ACT=sleep")
	q.Limit = time.Minute
	go func() {
		for len(processes(a.dir)) < 2 { // the helper, and the program
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	start := time.Now()
	if answer, err := prove.Ask(ctx, q); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v %v", answer, err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

// The same where who asks is killed.
func TestKilled(t *testing.T) {
	needRoot(t)
	a := newActs(t, "gcc")
	defer a.clean(t)()
	q := a.question("ACT=sleep")
	q.Limit = time.Minute
	c := asker(t, q)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(10 * time.Second); len(processes(a.program)) < 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("it does not start")
		}
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
}

// asker is a process of its own that asks.
func asker(t *testing.T, q prove.Question) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("/proc/self/exe")
	c.Env = []string{askVariable + "=" + string(text)}
	return c
}

// asNobody asks as an ordinary user.
func asNobody(t *testing.T, q prove.Question) prove.Answer {
	t.Helper()
	c := asker(t, q)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%v %s", err, errs.String())
	}
	var a prove.Answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		lab.Missing(t, "reality is asked as root")
	}
}
