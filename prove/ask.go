package prove

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// listing makes a glibc loader list what it would load, and say what it
// misses, instead of starting anything (rtld.c, rtld_mode_trace; LD_WARN asks
// for the symbols).
var listing = []string{"LD_TRACE_LOADED_OBJECTS=1", "LD_WARN=1"}

func listEnv(env []string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		for _, name := range []string{"LD_TRACE_LOADED_OBJECTS=", "LD_WARN=", "LD_VERBOSE=", "LD_TRACE_PRELINKING="} {
			if strings.HasPrefix(kv, name) {
				return true
			}
		}
		return false
	})
	return append(env, listing...)
}

// list asks the loader for its list. glibc's is asked by the program's own
// start, and only where it will hear the question: a secure one may not, and
// would go on to main. Should it go on all the same, the breakpoint ends it.
func (t *trial) list(step Exec) error {
	if step.Secure {
		t.note("it has more rights than who starts it: its loader takes no questions")
		return nil
	}
	path, argv, env := step.Path, []string{step.Path}, listEnv(t.question.Env)
	if step.Loader == "musl" {
		// The loader is ldd, by that name (dynlink.c, __dls3). It opens the
		// program itself, and takes $ORIGIN from the name, not from /proc.
		path, argv, env = step.Interp, []string{"ldd", step.Exe}, t.question.Env
	}
	r, err := t.continued(path, argv, env, step.Loader == "glibc")
	switch {
	case errors.Is(err, errNoBreakpoint):
		t.note("no breakpoint can be set on its entry point: it is not let go on")
		return nil
	case err != nil:
		return err
	case r.Entry:
		t.note("its loader did not list, and went on to the program, which was stopped")
		return nil
	}
	t.answer.List = &r
	return nil
}

// toEntry starts the program as it would be started, up to its entry point.
func (t *trial) toEntry(step Exec) error {
	r, err := t.continued(step.Path, []string{step.Path}, t.question.Env, true)
	if errors.Is(err, errNoBreakpoint) {
		t.note("no breakpoint can be set on its entry point: it is not let go on")
		return nil
	} else if err != nil {
		return err
	}
	r.Constructors = r.Entry && step.Loader == "glibc"
	t.answer.Start = &r
	return nil
}

// continued starts something and lets it go on, guarded by the breakpoint
// where it is the program itself.
func (t *trial) continued(path string, argv, env []string, guarded bool) (Run, error) {
	p, errno, err := t.start(path, argv, env)
	if err != nil {
		return Run{}, err
	}
	if errno != 0 {
		return Run{}, fmt.Errorf("execve of %s: %w", path, syscall.Errno(errno))
	}
	if !p.stopped {
		return p.end(), nil
	}
	// The same as before, or nothing goes on: a file may have changed meanwhile.
	if guarded && (p.auxv[atBase] == 0 || p.auxv[atSecure] != 0 && !slices.Equal(env, t.question.Env)) {
		p.end()
		return Run{}, errors.New("the program is another one than a moment ago")
	}
	if guarded {
		if err := p.guard(); err != nil {
			p.end()
			return Run{}, err
		}
	}
	entry, replaced, err := p.goOn()
	r := p.end()
	r.Entry, r.Replaced = entry, replaced
	return r, err
}

// library has a loader list a shared library, as the only program.
func (t *trial) library() error {
	q := t.question
	loader := q.Loader
	argv, env := []string{loader, "--list", q.Place}, append(slices.Clone(q.Env), "LD_WARN=1")
	switch kindOf(loader) {
	case "glibc":
	case "musl":
		argv, env = []string{"ldd", q.Place}, q.Env
	default:
		return &impossible{loader + " is no loader that is known"}
	}
	step, err := t.exec(loader)
	if err != nil {
		return err
	}
	if step.Errno != "" || step.Signal != "" {
		return &impossible{fmt.Sprintf("the loader %s does not start: %s%s", loader, step.Errno, step.Signal)}
	}
	r, err := t.continued(loader, argv, env, false)
	if err != nil {
		return err
	}
	t.answer.List = &r
	return nil
}
