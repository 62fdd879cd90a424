package cli_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/willrun/willrun/internal/cli"
	"github.com/willrun/willrun/internal/fixture"
	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/prove"
	"github.com/willrun/willrun/target"
)

func TestMain(m *testing.M) {
	prove.Main()
	if os.Getenv("WILLRUN_LAB_RUNNER") != "" {
		lab.Main(m)
	}
	testscript.Main(m, map[string]func(){
		"willrun": func() {
			os.Exit(cli.Run(context.Background(), cli.World{Args: os.Args[1:], Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
		},
	})
}

// The command as users meet it: help, flags, formats, exit codes.
func TestCommand(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/command", RequireExplicitExec: true, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"status": status, "prog": (&programs{t}).prog,
	}})
}

// status N COMMAND…: the command ends with that exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// Rules of loaders and of the kernel: each script builds a condition, asks the
// real loader in a root of its own, and holds willrun's answer against it.
func TestConditions(t *testing.T) {
	l := lab.Open(t)
	if _, err := exec.LookPath("gcc"); err != nil {
		lab.Missing(t, "gcc builds the programs")
	}
	c := &conditions{t: t, lab: l}
	testscript.Run(t, testscript.Params{Dir: "testdata/conditions", RequireExplicitExec: true, Setup: c.setup, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"root": c.root, "prog": c.prog, "lib": c.lib, "edit": c.edit, "oracle": c.oracle,
	}})
}

// Each numbered condition that the loaders' rules were gathered under has a
// script, which names it in its first line.
func TestEveryConditionHasAScript(t *testing.T) {
	files, err := filepath.Glob("testdata/conditions/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(data), "\n")
		for _, m := range regexp.MustCompile(`\[(\d+)\]`).FindAllStringSubmatch(first, -1) {
			n, _ := strconv.Atoi(m[1])
			seen[n] = true
		}
	}
	for n := 1; n <= 33; n++ {
		if !seen[n] {
			t.Errorf("condition %d has no script", n)
		}
	}
}

type conditions struct {
	t   *testing.T
	lab *lab.Lab
}

// sources of the programs and libraries: no C library is in them, so that
// they start with any loader.
var sources = map[string]string{
	"start.c": `static long sys(long n,long a,long b,long c){long r;__asm__ volatile("syscall":"=a"(r):"a"(n),"D"(a),"S"(b),"d"(c):"rcx","r11","memory");return r;}
int f(void);
__attribute__((force_align_arg_pointer)) void _start(void){sys(1,1,(long)"MARK\n",5);
#ifdef CALL
f();
#endif
sys(60,0,0,0);}`,
	"weak.c": `static long sys(long n,long a,long b,long c){long r;__asm__ volatile("syscall":"=a"(r):"a"(n),"D"(a),"S"(b),"d"(c):"rcx","r11","memory");return r;}
__attribute__((weak)) int f(void);
__attribute__((force_align_arg_pointer)) void _start(void){sys(1,1,(long)"MARK\n",5);if(f)f();sys(60,0,0,0);}`,
	"f.c":    `int f(void){return 42;}`,
	"g.c":    `int g(void){return 42;}`,
	"fg.c":   `int g(void); int f(void){return g();}`,
	"lfs.c":  `int open64(void),readdir64_r(void),posix_fadvise64(void); int(*volatile keep[])(void)={open64,readdir64_r,posix_fadvise64};`,
	"long.c": `int posix_fallocate64(void); int(*volatile keep)(void)=posix_fallocate64;`,
	"defs.c": `int open64(void){return 0;}int readdir64_r(void){return 0;}int posix_fadvise64(void){return 0;}int posix_fallocate64(void){return 0;}`,
	"v1.map": "V1{global:f;g;local:*;};\n",
	"v2.map": "V1{global:g;};V2{global:f;local:*;}V1;\n",
}

func (c *conditions) setup(e *testscript.Env) error {
	for name, text := range sources {
		if err := os.WriteFile(filepath.Join(e.WorkDir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// root NAME: a small root with the loader and the C library of one of the
// lab's, at their places.
func (c *conditions) root(ts *testscript.TestScript, neg bool, args []string) {
	from := c.lab.Root(args[0])
	to := ts.MkAbs("root")
	for _, dir := range []string{"app/lib", "tmp", "proc", "etc"} {
		ts.Check(os.MkdirAll(filepath.Join(to, dir), 0o755))
	}
	for _, l := range []string{"lib", "lib64"} {
		if link, err := os.Readlink(filepath.Join(from, l)); err == nil {
			ts.Check(os.MkdirAll(filepath.Join(to, link), 0o755))
			ts.Check(os.Symlink(link, filepath.Join(to, l)))
		}
	}
	names := []string{"lib64/ld-linux-x86-64.so.2", "lib/ld-musl-x86_64.so.1", "etc/os-release", "etc/ld-musl-x86_64.path"}
	for _, dir := range []string{"lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"} {
		for _, n := range []string{"ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0"} {
			names = append(names, dir+"/"+n)
		}
	}
	for _, n := range names {
		data, err := os.ReadFile(c.follow(from, n))
		if err != nil {
			continue
		}
		ts.Check(os.MkdirAll(filepath.Join(to, filepath.Dir(n)), 0o755))
		ts.Check(os.WriteFile(filepath.Join(to, n), data, 0o755))
	}
}

// follow resolves one absolute link inside a root.
func (c *conditions) follow(root, name string) string {
	full := filepath.Join(root, name)
	if link, err := os.Readlink(full); err == nil && strings.HasPrefix(link, "/") {
		return filepath.Join(root, link)
	}
	return full
}

func (c *conditions) gcc(ts *testscript.TestScript, args ...string) {
	cmd := exec.Command("gcc", append([]string{"-O1", "-nostdlib", "-w"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("gcc %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// prog OUT SOURCE ARG…: a program in root/app.
func (c *conditions) prog(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs("root/app/"+args[0])), 0o755))
	c.gcc(ts, append([]string{"-o", "root/app/" + args[0], args[1], "-Lroot/app/lib"}, args[2:]...)...)
}

// lib OUT SOURCE ARG…: a library in root/app, its soname its name.
func (c *conditions) lib(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs("root/app/"+args[0])), 0o755))
	c.gcc(ts, append([]string{"-shared", "-fPIC", "-o", "root/app/" + args[0], args[1], "-Lroot/app/lib", "-Wl,-soname," + filepath.Base(args[0])}, args[2:]...)...)
}

// edit FILE tag FROM TO | copy FROM TO | version FROM TO | poke OFFSET HEX | sections
func (c *conditions) edit(ts *testscript.TestScript, neg bool, args []string) {
	name := ts.MkAbs("root/app/" + args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 0, 64)
		ts.Check(err)
		return n
	}
	switch args[1] {
	case "tag":
		ts.Check(fixture.SetTag(data, number(args[2]), number(args[3])))
	case "copy":
		ts.Check(fixture.CopyValue(data, number(args[2]), number(args[3])))
	case "version":
		ts.Check(fixture.RenameVersion(data, args[2], args[3]))
	case "poke":
		b, err := hex.DecodeString(args[3])
		ts.Check(err)
		copy(data[number(args[2]):], b)
	case "sections":
		fixture.DropSections(data)
	default:
		ts.Fatalf("no such edit: %s", args[1])
	}
	ts.Check(os.WriteFile(name, data, 0o755))
}

// oracle starts|CAUSE PROG [K=V…]: starts root/app/PROG for real, and holds
// willrun's answer against it: verdict, line, errno, libraries. The first
// argument says what the script is about, so that a condition that no longer
// provokes what it should is noticed.
func (c *conditions) oracle(ts *testscript.TestScript, neg bool, args []string) {
	place := "/app/" + args[1]
	env := append([]string{"PATH=/usr/bin:/bin", "HOME=/"}, args[2:]...)
	spec := lab.Spec{Root: ts.MkAbs("root"), Argv: []string{place}, Env: env, Cwd: "/app"}
	real := lab.Run(c.t, []lab.Spec{spec})[0]
	ours := c.check(ts, place, args[2:])
	said := func(format string, a ...any) {
		ts.Fatalf("%s\nreal: started %v, exit %d %s %s\n%s\nours: %s %s", fmt.Sprintf(format, a...), real.Started, real.Exit, real.Signal, real.Errno, real.Stderr, ours.Verdict, mustJSON(ours.Findings))
	}
	cause, message := "", ""
	for _, f := range ours.Findings {
		if f.Severity.String() == "blocks" && cause == "" {
			cause, message = string(f.Cause), f.Message
		}
	}
	switch want := args[0]; {
	case want == "starts" && (!real.Started || ours.Verdict.String() != "runs"):
		said("it was to start")
	case want != "starts" && (real.Started || cause != want):
		said("it was to fail with %s", want)
	case real.Errno != "" && !strings.HasPrefix(message, "execve: "+real.Errno+":"):
		said("another errno")
	case !real.Started && real.Errno == "" && real.Signal == "" && !strings.Contains(real.Stderr, message+"\n"):
		said("another line")
	}
	if real.Started && !strings.Contains(strings.Join(env, " "), "musl") {
		c.compareLibraries(ts, spec, ours)
	}
}

func mustJSON(v any) string {
	b, _ := json.MarshalIndent(v, "", " ")
	return string(b)
}

// result is what the script needs of willrun check's document.
func (c *conditions) check(ts *testscript.TestScript, place string, env []string) (r struct {
	Verdict  fmt.Stringer
	Findings []finding
	Libs     []string
}) {
	args := []string{"check", "dir:" + ts.MkAbs("root") + "#" + place, "--on", "dir:" + ts.MkAbs("root"), "--format", "json", "--cwd", "/app"}
	args = append(args, "--env", "PATH=/usr/bin:/bin")
	for _, kv := range env {
		args = append(args, "--env", kv)
	}
	if host, err := target.Open(context.Background(), "host", target.Options{}); err == nil {
		args = append(args, "--cpu", host.Host.CPU, "--kernel", host.Host.Release)
	}
	var out, errs bytes.Buffer
	cli.Run(context.Background(), cli.World{Args: args, Stdout: &out, Stderr: &errs})
	var doc struct {
		Results []struct {
			Verdict   string
			Findings  []finding
			Libraries []struct{ Name, Path string }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil || len(doc.Results) != 1 {
		ts.Fatalf("willrun %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	one := doc.Results[0]
	r.Verdict, r.Findings = text(one.Verdict), one.Findings
	for _, l := range one.Libraries {
		r.Libs = append(r.Libs, filepath.Base(l.Name)+" => "+l.Path)
	}
	return r
}

type text string

func (t text) String() string { return string(t) }

type finding struct {
	Cause, Message, Detail string
	Severity               text
	Remedies               []struct{ Command, Why string }
}

// compareLibraries asks the real loader for its list.
func (c *conditions) compareLibraries(ts *testscript.TestScript, s lab.Spec, ours struct {
	Verdict  fmt.Stringer
	Findings []finding
	Libs     []string
}) {
	interp := exec.Command("readelf", "-lW", ts.MkAbs("root"+s.Argv[0]))
	if out, _ := interp.Output(); !strings.Contains(string(out), "ld-linux") {
		return
	}
	s.Env = append(append([]string{}, s.Env...), "LD_TRACE_LOADED_OBJECTS=1")
	var want []string
	for _, line := range strings.Split(lab.Run(c.t, []lab.Spec{s})[0].Stdout, "\n") {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " (0x")
		if line == "" || strings.HasPrefix(line, "linux-vdso") || line == "statically linked" {
			continue
		}
		name, path, arrow := strings.Cut(line, " => ")
		if !arrow {
			path = name
		}
		want = append(want, filepath.Base(name)+" => "+path)
	}
	if got := strings.Join(ours.Libs, "\n"); got != strings.Join(want, "\n") {
		ts.Fatalf("the libraries differ\nreal:\n%s\nours:\n%s", strings.Join(want, "\n"), got)
	}
}
