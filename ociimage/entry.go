package ociimage

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// Start is one program that an image is seen to start.
type Start struct {
	Argv []string
	Path string // absolute, as it is executed; "" where nothing of that name is found
	Why  string // who starts it
	// The circumstances in which it starts, which what went before may have
	// changed: environment, working directory and user ("" is root).
	Env  []string
	Dir  string
	User string
}

// EntryPoint follows what an image's Entrypoint and Cmd start: the first step
// is what the runtime executes, the others what that is seen to start in turn,
// through shells, tini and its kind, env and others. unknown says where and
// why what is started further can't be seen; "" where all of it was.
//
// A command that comes after another is taken to be reached: that the first
// one works is its own step's question.
func EntryPoint(tree *root.Root) (steps []Start, unknown string) {
	i := tree.Image
	if i == nil {
		return nil, "it is no image"
	}
	argv := known(append(slices.Clone(i.Entrypoint), i.Cmd...))
	if len(argv) == 0 {
		return nil, "the image names no program: it has neither Entrypoint nor Cmd"
	}
	f := &follower{tree: tree}
	c := around{env: slices.Clone(i.Env), dir: i.Dir, user: i.User}
	if !strings.HasPrefix(c.dir, "/") {
		c.dir = "/" + c.dir
	}
	if _, ok := c.get("PATH"); !ok {
		c.set("PATH", defaultPath)
	}
	why := "the image's Cmd"
	if len(i.Entrypoint) > 0 {
		why = "the image's Entrypoint"
	}
	f.runtime(argv, c, why)
	return f.steps, f.unknown
}

// defaultPath is what runtimes set where an image has no PATH (Docker,
// containerd and Podman alike).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Limits of what is followed.
const (
	maxStarts  = 64
	maxDepth   = 16
	maxScript  = 64 << 10 // bytes; the longest in Docker's official images have a quarter
	maxOpeners = 4000
)

// word is one argument; of what is only known at run time, its text.
type word struct {
	text  string
	known bool
}

func known(texts []string) []word {
	words := make([]word, len(texts))
	for i, t := range texts {
		words[i] = word{t, true}
	}
	return words
}

func texts(words []word) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.text
	}
	return out
}

// around is what a program inherits.
type around struct {
	env  []string
	dir  string
	user string
}

func (c *around) clone() around {
	d := *c
	d.env = slices.Clone(c.env)
	return d
}

func (c *around) get(name string) (string, bool) {
	for _, kv := range slices.Backward(c.env) {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

func (c *around) unset(name string) {
	c.env = slices.DeleteFunc(c.env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}

func (c *around) set(name, value string) {
	c.unset(name)
	c.env = append(c.env, name+"="+value)
}

// join is where a name with a slash leads; links are the tree's matter, so
// that nothing is cleaned away.
func (c *around) join(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return strings.TrimSuffix(c.dir, "/") + "/" + strings.TrimPrefix(name, "./")
}

// follower follows one image's start.
type follower struct {
	tree    *root.Root
	steps   []Start
	unknown string
	depth   int
}

// stop notes why nothing more is seen; the first reason stands.
func (f *follower) stop(format string, args ...any) {
	if f.unknown == "" {
		f.unknown = fmt.Sprintf(format, args...)
	}
}

// runtime looks a program up as runc does: a name with a slash from the
// working directory, any other on the image's PATH, where Go's LookPath takes
// only absolute folders.
func (f *follower) runtime(argv []word, c around, why string) {
	name := argv[0].text
	if !strings.Contains(name, "/") {
		if _, relative := f.lookup(name, &c); relative {
			f.stop("%s is found through a relative entry of PATH, which container runtimes treat differently", name)
		}
	}
	f.start(argv, c, why)
}

// lookup finds a bare name on PATH, as the user may execute it.
func (f *follower) lookup(name string, c *around) (file string, relative bool) {
	dirs, _ := c.get("PATH")
	if name == "" || dirs == "" {
		return "", false
	}
	cred, err := f.tree.User(c.user)
	if err != nil {
		cred = root.Superuser // such a container does not start at all: that is told elsewhere
	}
	for dir := range strings.SplitSeq(dirs, ":") {
		relative := !strings.HasPrefix(dir, "/")
		if relative {
			dir = c.join(dir)
		}
		file := strings.TrimSuffix(dir, "/") + "/" + name
		info, err := f.tree.Stat(file, cred)
		if err == nil && info.Regular() && info.Executable(cred) {
			return file, relative
		}
	}
	return "", false
}

// start adds a step and follows it.
func (f *follower) start(argv []word, c around, why string) {
	if f.unknown != "" {
		return
	}
	if len(f.steps) >= maxStarts || f.depth >= maxDepth {
		f.stop("it starts one program through another without end")
		return
	}
	s := Start{Argv: texts(argv), Why: why, Env: c.env, Dir: c.dir, User: c.user}
	name := argv[0].text
	if strings.Contains(name, "/") {
		s.Path = c.join(name)
	} else {
		s.Path, _ = f.lookup(name, &c)
	}
	f.steps = append(f.steps, s)
	if s.Path == "" {
		return
	}
	f.depth++
	f.follow(argv, s.Path, c.clone())
	f.depth--
}

// follow looks at what a program starts, where its arguments tell.
func (f *follower) follow(argv []word, file string, c around) {
	name := path.Base(argv[0].text)
	if name == "busybox" && len(argv) > 1 && argv[1].known {
		argv = argv[1:]
		name = path.Base(argv[0].text)
	}
	head, err := f.tree.ReadFile(file, root.Superuser, 2)
	switch {
	case err == nil && string(head) == "#!":
		f.script(argv, file, c)
	case name == "env":
		f.env(argv, c)
	case shells[name]:
		f.shell(argv, c)
	case wrappers[name] != nil:
		f.wrapped(wrappers[name], argv, c)
	case slices.Contains(supervisors, name):
		f.stop("%s starts what its own configuration says", name)
	case slices.Contains(launchers, name):
		f.stop("%s starts another program in a way that is not followed", name)
	}
}

// script follows a file that a shell reads. Programs of other interpreters are
// started by them, not by the kernel: the step itself is all there is.
func (f *follower) script(argv []word, file string, c around) {
	text, err := f.tree.ReadFile(file, root.Superuser, maxScript)
	if err != nil {
		f.stop("%v", err)
		return
	}
	line, _, _ := strings.Cut(string(text[2:]), "\n")
	words := strings.Fields(line)
	for len(words) > 1 && slices.Contains([]string{"env", "busybox", "-S"}, path.Base(words[0])) {
		words = words[1:]
	}
	if len(words) == 0 || !shells[path.Base(words[0])] {
		return
	}
	f.source(path.Base(words[0]), string(text), file, argv, c)
}

// found starts what a wrapper or a shell names: with execvp's rules, for which
// a relative entry of PATH counts.
func (f *follower) found(argv []word, c around, why string) {
	if _, ok := c.get("PATH"); !ok && !strings.Contains(argv[0].text, "/") {
		f.stop("%s is looked for without a PATH, where each C library and shell has its own", argv[0].text)
		return
	}
	f.start(argv, c, why)
}

// matters: variables that change which program starts, or how it is loaded.
func matters(name string) bool {
	return name == "PATH" || name == "GLIBC_TUNABLES" || name == "BASH_ENV" || name == "ENV" || strings.HasPrefix(name, "LD_")
}
