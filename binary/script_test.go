package binary

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the test program be the interpreter of scripts: it prints
// its arguments.
func TestMain(m *testing.M) {
	if os.Getenv("WILLRUN_TEST_ARGV") != "" {
		if err := json.NewEncoder(os.Stdout).Encode(os.Args); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// scriptShapes are first lines; @ stands for the path of an interpreter that
// is there, and @N for the same path made N bytes long.
func scriptShapes() []string {
	list := []string{
		"#!@\n", "#! @\n", "#!\t @ \n", "#!@ -e\n", "#!@  -e  x \t\n", "#!@\t-e\n", "#!@", "#!@ ", "#!@ -e", "#!@ -e ", "#!@ -e \t",
		"#!\n", "#! \n", "#!", "#! ", "#!\t\t", "#!\x00", "#! \x00@\n", "#!@\x00\n", "#!@\x00 x\n", "#!@ x\x00y\n", "#!@ x \x00y\n", "#!@ \x00\n",
		"#!@\r\n", "#!@ -e\r\n", "#!@ \r\n", "#!\r\n", "#!@ a\tb\n", "#!@ \x01\n", "#!nowhere\n", "#!/nowhere/at/all x\n", "#!@\n\n", "#!@ '#!'\n#!x\n",
		"#!" + strings.Repeat(" ", 252) + "@\n", "#!" + strings.Repeat(" ", 300), "#!" + strings.Repeat("x", 300), "#!" + strings.Repeat("\x00", 300),
		"#!@ " + strings.Repeat("a", 300) + "\n", "#!@" + strings.Repeat(" ", 300) + "\n", "#!@" + strings.Repeat(" ", 300) + "x\n",
		"#!@ " + strings.Repeat("a b ", 80) + "\n",
	}
	for n := 120; n <= 260; n++ {
		if n > 130 && n < 248 {
			continue
		}
		for _, end := range []string{"", "\n", " \n", " x\n", " ", "\x00", "\r\n"} {
			list = append(list, fmt.Sprintf("#!@%d%s", n, end))
		}
		list = append(list, "#!@ "+strings.Repeat("a", n)+"\n", "#!@ "+strings.Repeat("a", n))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		line := "#!"
		for range 1 + r.IntN(6) {
			line += []string{" ", "\t", "@", "x", "\n", "\x00", "\r", "  ", "@ ", "@200", "-e"}[r.IntN(11)]
		}
		list = append(list, line)
	}
	return list
}

// expand puts the interpreter's path in, with slashes to make it longer.
func expand(shape, path string) string {
	out := ""
	for {
		before, after, ok := strings.Cut(shape, "@")
		out += before
		if !ok {
			return out
		}
		n := 0
		for len(after) > 0 && after[0] >= '0' && after[0] <= '9' {
			n, after = 10*n+int(after[0]-'0'), after[1:]
		}
		out += strings.Repeat("/", max(n-len(path), 0)) + path
		shape = after
	}
}

// The kernel that runs the test is asked what it makes of each line.
func TestScriptAsTheKernelDoes(t *testing.T) {
	if runtime.GOOS != "linux" || !newKernel() {
		t.Skip("needs Linux 5.1 or newer")
	}
	dir, err := os.MkdirTemp("", "s") // short, for the line
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	interp := filepath.Join(dir, "i")
	if err := os.Symlink(self, interp); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "script")
	shapes := scriptShapes()
	if testing.Short() {
		shapes = shapes[:60]
	}
	for _, shape := range shapes {
		content := expand(shape, interp)
		writeScript(t, script, content)
		f := facts(t, []byte(content))
		if f.Script == nil {
			t.Fatalf("%q is no script", content)
		}
		name, arg, hasArg, ok := f.Script.Interpreter(256)
		want := []string{name}
		if hasArg {
			want = append(want, arg)
		}
		want = append(want, script)
		got, errno := runScript(t, script)
		switch {
		case !ok:
			if errno != syscall.ENOEXEC {
				t.Errorf("%q: no interpreter, but the kernel says %v, %q", content, errno, got)
			}
		case errno == syscall.ENOEXEC:
			t.Errorf("%q: interpreter %q, but the kernel says ENOEXEC", content, name)
		case errno != 0:
			if name == "" && errno == syscall.EACCES {
				continue // the current directory
			}
			if _, err := os.Stat(name); err == nil {
				t.Errorf("%q: interpreter %q is there, but the kernel says %v", content, name, errno)
			}
		case !slices.Equal(got, want):
			t.Errorf("%q: the kernel passes %q, not %q", content, got, want)
		}
	}
}

// writeScript writes a file anew: another test's fork may hold the old one
// open for writing (ETXTBSY).
func writeScript(t *testing.T, path, content string) {
	t.Helper()
	os.Remove(path)
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

func runScript(t *testing.T, path string) (argv []string, errno syscall.Errno) {
	t.Helper()
	c := exec.Command(path)
	c.Env = []string{"WILLRUN_TEST_ARGV=1"}
	out, err := c.Output()
	if errors.As(err, &errno) {
		return nil, errno
	}
	if err != nil {
		t.Fatal(err)
	}
	// A line of JSON is text: what is no UTF-8 does not occur in the shapes.
	if err := json.Unmarshal(out, &argv); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	return argv, 0
}

func newKernel() bool {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	var major, minor int
	if n, _ := fmt.Sscanf(string(release), "%d.%d", &major, &minor); err != nil || n < 2 {
		return false
	}
	return major > 5 || major == 5 && minor >= 1
}

// Before Linux 5.1 the line is cut at 127 bytes, and nobody is told.
func TestScriptOnOldKernels(t *testing.T) {
	long := "/" + strings.Repeat("x", 200)
	for _, c := range []struct {
		content, interp, arg string
		hasArg, ok           bool
	}{
		{"#!/bin/sh\n", "/bin/sh", "", false, true},
		{"#! /bin/sh  -e \n", "/bin/sh", "-e", true, true},
		{"#!/bin/sh -e ", "/bin/sh", "-e ", true, true}, // no newline: nothing is trimmed
		{"#!/bin/sh ", "/bin/sh", "", false, true},
		{"#!/bin/sh\r\n", "/bin/sh\r", "", false, true},
		{"#!" + long + "\n", long[:125], "", false, true},
		{"#!/bin/sh " + long + "\n", "/bin/sh", long[:117], true, true},
		{"#!" + strings.Repeat(" ", 130) + "/bin/sh\n", "", "", false, false},
		{"#!\n", "", "", false, false},
		{"#!", "", "", false, false},
		{"#! \x00/bin/sh\n", "", "", false, false},
		{"#!/bin/sh\x00 x\n", "/bin/sh", "", false, true},
	} {
		interp, arg, hasArg, ok := facts(t, []byte(c.content)).Script.Interpreter(128)
		if interp != c.interp || arg != c.arg || hasArg != c.hasArg || ok != c.ok {
			t.Errorf("%q: %q %q %v %v", c.content, interp, arg, hasArg, ok)
		}
	}
}

// envArguments are what a #! line may give env, and the program that starts;
// "" where it is not told.
var envArguments = map[string]string{
	"python3": "python3", "python3 -u": "python3 -u", "": "",
	"-S python3 -u": "python3", "-Spython3": "python3", "-vS python3": "python3", "-iS /bin/true x": "/bin/true", "-iS true": "",
	"-S A=b C= python3 -u": "python3", "-S -u X -- A=1 true": "true", "-S -uX true": "true", "-S --unset=X true": "true", "-S -u PATH true": "",
	"-S PATH=/x true": "", "-S 'python3' x": "python3", `-S "a b" c`: "a b", `-S a\_b`: "a", `-S "a\_b"`: "a b", `-S 'a\_b'`: `a\_b`,
	`-S a\cb`: "a", `-S "a\cb"`: "", `-S a#b`: "a#b", `-S #a`: "", `-S ${X}`: "", `-S \$x`: "$x", `-S a\`: "", `-S "a`: "", `-S \q`: "",
	"--split-string=python3 -u": "python3", "--split=python3": "python3", "A=b": "", "-i": "", "-u": "", "--help": "", "-S": "", "-S -S true": "true", "-S -C / true": "",
	"-0S true": "", "/opt/python": "/opt/python", "-": "",
}

func TestEnvCommand(t *testing.T) {
	for arg, want := range envArguments {
		name, ok := EnvCommand(arg)
		if name != want && ok || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", arg, name, ok, want)
		}
	}
	if !UsesEnvSplit("-S x") || !UsesEnvSplit("-vSx") || UsesEnvSplit("python3 -S") || UsesEnvSplit("-u") {
		t.Error("which arguments have -S")
	}
}

// GNU env is asked which program it would start.
func TestEnvCommandAsEnvDoes(t *testing.T) {
	env, err := exec.LookPath("env")
	if err != nil {
		t.Skip("no env here")
	}
	if out, _ := exec.Command(env, "--version").Output(); !strings.Contains(string(out), "GNU coreutils") {
		t.Skip("env is not GNU's")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for arg, want := range envArguments {
		if want == "" || strings.Contains(want, "/") {
			continue
		}
		path := filepath.Join(dir, want)
		if err := os.Symlink(self, path); err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
		c := exec.Command(env, arg)
		c.Env = []string{"WILLRUN_TEST_ARGV=1", "PATH=" + dir}
		out, err := c.Output()
		var argv []string
		if err != nil || json.Unmarshal(out, &argv) != nil || argv[0] != want {
			t.Errorf("env %q starts %q (%v), not %q", arg, argv, err, want)
		}
	}
}
