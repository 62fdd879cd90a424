package prove_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/prove"
)

// smallRoot is a tree with the libraries that the program of acts needs of
// this machine, and no more.
func (a acts) smallRoot(t *testing.T) string {
	t.Helper()
	answer, err := prove.Ask(context.Background(), a.question())
	if err != nil || answer.List == nil {
		t.Fatalf("%+v %v", answer, err)
	}
	dir := t.TempDir()
	for _, word := range strings.Fields(answer.List.Stdout) {
		if !strings.HasPrefix(word, "/") || strings.HasPrefix(word, a.dir) {
			continue
		}
		data, err := os.ReadFile(word)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(dir+word), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+word, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// open lets an ordinary user into temporary directories, and gives them to
// nobody.
func open(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("chown", "-R", "65534:65534", dir).CombinedOutput(); err != nil {
			t.Fatalf("%s", out)
		}
	}
}

// A program is laid where it shall lie, with what is laid beside it, and the
// tree stays as it is; root and an ordinary user get the same answers.
func TestPlaces(t *testing.T) {
	needRoot(t)
	a := newActs(t, "gcc")
	root := a.smallRoot(t)
	if err := os.MkdirAll(root+"/opt/there", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/opt/there", root+"/opt/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/opt/there/program", []byte("#!/nowhere\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, a.dir, root)
	tree := acts{dir: root}
	defer a.clean(t)()
	defer tree.clean(t)()
	layers := func(place string) []prove.Layer { return []prove.Layer{{Dir: a.dir, Place: place}} }
	for _, c := range []struct {
		name string
		q    prove.Question
		want string
	}{
		{"alone in a new place", prove.Question{Place: "/usr/local/bin/x", Program: a.program}, "exit 127"},
		{"static, in a new place", prove.Question{Place: "/usr/local/bin/x", Program: a.dir + "/static"}, "static"},
		{"instead of a file", prove.Question{Place: "/opt/there/program", Program: a.program, Env: []string{"LD_LIBRARY_PATH=/opt"}, Layers: layers("/opt")}, "entry"},
		{"through a link", prove.Question{Place: "/opt/link/new/program", Program: a.dir + "/static"}, "static"},
		{"what lies there", prove.Question{Place: "/opt/there/program"}, "ENOENT"},
		{"laid over a new place", prove.Question{Place: "/srv/app/program", Layers: layers("/srv/app")}, "entry"},
		{"laid over what is there", prove.Question{Place: "/opt/there/program", Layers: layers("/opt/there")}, "entry"},
		{"laid through a link", prove.Question{Place: "/opt/there/program", Layers: layers("/opt/link")}, "entry"},
		{"laid over the root", prove.Question{Place: "/program", Layers: layers("/")}, "entry"},
		{"nothing there", prove.Question{Place: "/opt/nothing"}, "ENOENT"},
		{"a directory", prove.Question{Place: "/opt/there"}, "EACCES"},
		{"no directory to start in", prove.Question{Place: "/opt/there/program", Cwd: "/nowhere"}, "impossible: the tree has no directory /nowhere to start in: no such file or directory"},
		{"below a file", prove.Question{Place: "/opt/there/program/x", Program: a.program}, "impossible: the tree can't be shown to a process of its own: /opt/there/program/x: /opt/there/program is no directory"},
		{"another machine", prove.Question{Place: "/opt/there/program", Machine: "s390x"}, "impossible: the verdict is about a kernel for s390x, and this machine's is for "},
		{"another kernel", prove.Question{Place: "/opt/there/program", Kernel: [3]uint32{2, 6, 32}}, "impossible: the verdict is about Linux 2.6.32, and this machine's is "},
		{"another user", prove.Question{Place: "/srv/app/program", Layers: layers("/srv/app"), UID: 1000, GID: 1000}, "entry"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.q.Root, c.q.Start = root, true
			answer, err := prove.Ask(context.Background(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			if got := outcome(answer); !strings.HasPrefix(got, c.want) {
				t.Errorf("root: %s, not %s: %+v", got, c.want, answer)
			}
			answer = asNobody(t, c.q)
			if got := outcome(answer); !strings.HasPrefix(got, c.want) {
				t.Errorf("nobody: %s, not %s: %+v", got, c.want, answer)
			}
			if answer.Why == "" && !answer.Limited {
				t.Error("an ordinary user has all rights")
			}
		})
	}
}

func outcome(a prove.Answer) string {
	if a.Why != "" {
		return "impossible: " + a.Why
	}
	switch last := a.Exec[len(a.Exec)-1]; {
	case last.Errno != "" || last.Signal != "":
		return last.Errno + last.Signal
	case last.Loader == "":
		return "static"
	case a.Start == nil:
		return "not started"
	}
	return how(*a.Start)
}

// An ordinary user asks on this machine itself, too: its tree is bound
// read-only then, and a program is laid into it all the same.
func TestThisMachineByAnOrdinaryUser(t *testing.T) {
	needRoot(t)
	a := newActs(t, "gcc")
	open(t, a.dir)
	defer a.clean(t)()
	answer := asNobody(t, a.question("ACT=write", "WHERE="+a.dir+"/new", "VICTIM="+a.dir+"/main.c"))
	if got := outcome(answer); got != "entry" || !strings.HasPrefix(answer.Start.Stderr, "new: Read-only file system\nsettings: Permission denied\nremove: Read-only file system\n") {
		t.Errorf("%s %+v", got, answer.Start)
	}
	q := a.question("LD_LIBRARY_PATH=" + a.dir)
	q.Place, q.Program = "/usr/local/bin/not-there/x", a.program
	if answer = asNobody(t, q); outcome(answer) != "entry" {
		t.Errorf("%+v", answer)
	}
	done, err := prove.Ask(context.Background(), q)
	if err != nil || outcome(done) != "entry" {
		t.Errorf("%+v %v", done, err)
	}
	if _, err := os.Stat("/usr/local/bin/not-there"); err == nil {
		t.Error("it is there now")
	}
}

// A shared library is listed by the loader that is named for it.
func TestLibraries(t *testing.T) {
	needRoot(t)
	for _, compiler := range []string{"gcc", "musl-gcc"} {
		a := newActs(t, compiler)
		answer, err := prove.Ask(context.Background(), a.question("ACT=abort"))
		if err != nil || len(answer.Exec) != 1 {
			t.Fatalf("%+v %v", answer, err)
		}
		loader := answer.Exec[0].Interp
		for lib, want := range map[string]string{"libacts.so": "libc.so", "program": "libacts.so => " + a.dir + "/libacts.so", "main.c": "exit"} {
			q := a.question("ACT=abort")
			q.Place, q.Loader = a.dir+"/"+lib, loader
			answer, err := prove.Ask(context.Background(), q)
			if err != nil || answer.List == nil || len(answer.Exec) > 0 {
				t.Errorf("%s %s: %+v %v", compiler, lib, answer, err)
			} else if got := answer.List.Stdout; want == "exit" && answer.List.Exit == 0 || want != "exit" && !strings.Contains(got, want) || strings.Contains(got, "MARK") {
				t.Errorf("%s %s: %+v", compiler, lib, answer.List)
			}
		}
		q := a.question()
		q.Loader = a.program
		if answer, err := prove.Ask(context.Background(), q); err != nil || !strings.HasSuffix(answer.Why, "is no loader that is known") {
			t.Errorf("%+v %v", answer, err)
		}
	}
}

// Where no namespace can be made, that is the answer.
func TestNoNamespaces(t *testing.T) {
	needRoot(t)
	a := newActs(t, "gcc")
	got := askInside(t, a.question(), "unshare", "-Ur", "sh", "-c", "echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -sys_admin --inh-caps -all \"$@\"", "sh")
	if !strings.HasPrefix(got.Why, "this machine lets this user make no namespaces (") {
		t.Errorf("%+v", got)
	}
}

// A container's root has only the users that the container has.
func TestUsersOfAContainer(t *testing.T) {
	needRoot(t)
	a := newActs(t, "gcc")
	open(t, a.dir)
	q := a.question()
	q.UID, q.GID = 1000, 1000
	if got := askInside(t, q, "unshare", "-Urm"); !strings.HasPrefix(got.Why, "user 1000:1000 is no one ") {
		t.Errorf("%+v", got)
	}
	q.UID, q.GID = 0, 0
	if got := askInside(t, q, "unshare", "-Urm"); outcome(got) != "entry" {
		t.Errorf("%+v", got)
	}
}

// Mount options of this machine count, and those of a tree on it do not.
func TestMountOptions(t *testing.T) {
	needRoot(t)
	a := newActs(t, "gcc")
	root := a.smallRoot(t)
	for _, options := range []string{"noexec", "exec"} {
		script := fmt.Sprintf("mount -t tmpfs -o %s x /mnt && cp -r %s/* %s/* /mnt && exec \"$@\"", options, a.dir, root)
		q := a.question()
		q.Place = "/mnt/program"
		host := askInside(t, q, "unshare", "-m", "sh", "-c", script, "sh")
		if want := map[string]string{"noexec": "EACCES", "exec": "entry"}[options]; outcome(host) != want {
			t.Errorf("%s: %+v", options, host)
		}
		q.Root, q.Place = "/mnt", "/program"
		if tree := askInside(t, q, "unshare", "-m", "sh", "-c", script, "sh"); outcome(tree) != "entry" {
			t.Errorf("%s: %+v", options, tree)
		}
	}
}

// Mounts below a tree are part of it.
func TestMountsBelow(t *testing.T) {
	needRoot(t)
	a := newActs(t, "gcc")
	root := a.smallRoot(t)
	if err := os.MkdirAll(root+"/opt/a b", 0o755); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("mount -t tmpfs x %[1]s/opt && mkdir '%[1]s/opt/a b' && mount --bind %[2]s '%[1]s/opt/a b' && exec \"$@\"", root, a.dir)
	q := a.question("ACT=write", "WHERE=/opt/a b/new", "VICTIM=/opt/a b/main.c")
	q.Root, q.Place = root, "/opt/a b/program"
	defer a.clean(t)()
	got := askInside(t, q, "unshare", "-m", "sh", "-c", script, "sh")
	if outcome(got) != "entry" || !strings.HasPrefix(got.Start.Stderr, "new: done\n") {
		t.Errorf("%+v", got)
	}
}

// askInside asks from within what other programs make.
func askInside(t *testing.T, q prove.Question, command ...string) (a prove.Answer) {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		lab.Missing(t, "no "+command[0])
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(command[0], append(command[1:], self)...)
	c.Env = append(asker(t, q).Env, "PATH="+os.Getenv("PATH"))
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatal(err)
	}
	return a
}
