package prove_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/prove"
	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
)

// kinds of program, one for each way in which a start ends.
var kinds = strings.Fields(`
	c-hello.bookworm c-hello.trixie c-missing-direct c-missing-trans c-zlib.bookworm c-undef-now c-undef-data c-undef-lazy-notcalled
	c-hello-static c-static-pie c-interp-absent c-interp-noexec c-interp-text c-hello32 c-nover c-relr.trixie c-preload-ok c-preload-text
	c-rpath-origin c-runpath-llp c-execstack-lib c-setuid-llp c-unreadable c-wrongmachine c-trunc-1000 c-trunc-200 c-v4mark
	d-interp-prog d-interp-static d-ldso-program d-prog-entry0 d-prog-noneeded d-prog-bigmem d-show-auxv d-trace d-textrel d-nopie32
	d-setuid-root-llp d-sh-missinglib d-sh-env-path c-aux-missing d-verdef-bad d-ifunc-exe-now c-wrongclass-only d-tls-ie-100000 d-ifunc-exe
	f-elf-16 f-java f-zip go-pure go-arm64 go-windows go-musl-cgo go-v4 gccgo-14.trixie
	m-hello.bookworm m-missing-direct m-undef-now m-copy m-static m-textlib m-preload-missing m-llp
	sh-ok sh-missing sh-noxbit sh-empty sh-env-ok sh-env-missing sh-loop x-missing32 x-undef32 x-static32 elf-noxbit loop-exe raw-static`)

var roots = strings.Fields("bullseye bookworm trixie musl i386 scratch bookworm+i386 bookworm+nocache")

// known differences between package loader and reality, which the lab's own
// test lists with their reasons.
var known = map[string]string{
	"d-libc-program":   "libc as a program",
	"d-lib-bigfile":    "refused, with other words",
	"d-lib-dynoutside": "a crash of musl's", "d-lib-zerohash": "the same", "m-lib-noload": "the same",
	"d-lib-magic": "musl looks at little in a header", "m-lib-magic": "the same",
	"d-lib-offset": "musl maps what is not aligned",
}

// one is one program in one root.
type one struct {
	spec     lab.Spec
	real     lab.Result
	foretold prove.Foretold
	question prove.Question
}

func (o *one) name() string { return o.spec.Argv[0] + " in " + o.spec.View.Name }

// What reality says when it is asked without running main is what happens when
// main may run, and main never runs. What is foretold rightly is proved.
func TestEveryAnswerAgreesWithARealStart(t *testing.T) {
	l := lab.Open(t)
	pairs := pairsOf(t, l)
	specs := make([]lab.Spec, len(pairs))
	for i, p := range pairs {
		specs[i] = p.spec
	}
	for i, r := range lab.Run(t, specs) {
		pairs[i].real = r
	}
	foretell(t, pairs)
	var mu sync.Mutex
	count := map[string]int{}
	inParallel(pairs, func(p *one) {
		for _, start := range []bool{false, true} {
			q := p.question
			q.Start = start
			a, err := prove.Ask(context.Background(), q)
			if err != nil {
				t.Errorf("%s: %v", p.name(), err)
				return
			}
			p.agrees(t, a)
			proof := prove.Compare(p.foretold, a)
			kind := strings.Split(p.spec.Argv[0], "/")[3]
			if proof.Proved == prove.No && known[kind] == "" {
				t.Errorf("%s: %s\n%s", p.name(), proof.Difference, proof.Send)
			}
			if wrong := prove.Compare(opposite(p.foretold), a); proof.Proved == prove.Yes && wrong.Proved == prove.Yes {
				t.Errorf("%s: the opposite of what was foretold is proved as well", p.name())
			}
			mu.Lock()
			count[strings.TrimSpace(proof.Proved+" "+proof.How)]++
			if os.Getenv("PROVE_WHY") != "" && proof.Proved == prove.Impossible {
				t.Logf("%s: start %v: %s", p.name(), start, proof.Why)
			}
			mu.Unlock()
		}
	})
	t.Logf("%d programs in roots, each asked twice: %v", len(pairs), count)
}

// opposite is another verdict for the same program.
func opposite(f prove.Foretold) prove.Foretold {
	t := *f.Trace
	if !t.Started() {
		t.ExitStatus, t.Errno, t.Signal, t.Faults = 0, "", "", nil
		return prove.Foretold{Verdict: diagnosis.Runs, Trace: &t}
	}
	t.ExitStatus = 127
	t.Faults = []loader.Fault{{Kind: loader.FaultLibraryMissing, Stage: loader.StageMap, Fatal: true, Library: "libnosuch.so.1",
		Message: t.Exec[0].Path + ": error while loading shared libraries: libnosuch.so.1: cannot open shared object file: No such file or directory"}}
	return prove.Foretold{Verdict: diagnosis.Fails, Trace: &t}
}

// agrees holds an answer against the real start.
func (p *one) agrees(t *testing.T, a prove.Answer) {
	if a.Why != "" {
		if !strings.Contains(a.Why, "capabilities of its own") {
			t.Errorf("%s: impossible: %s", p.name(), a.Why)
		}
		return
	}
	last := a.Exec[len(a.Exec)-1]
	if len(a.Exec) == 1 && last.Errno != p.real.Errno {
		t.Errorf("%s: execve gives %q, really %q", p.name(), last.Errno, p.real.Errno)
	}
	for _, r := range []*prove.Run{a.List, a.Start} {
		if r != nil && (strings.Contains(r.Stdout, "MARK") || strings.Contains(r.Stderr, "MARK")) {
			t.Errorf("%s: its main has run: %+v", p.name(), a)
		}
	}
	s := a.Start
	switch {
	case s == nil:
	case s.Entry && (p.real.Exit == 127 && !p.real.Started && !strings.Contains(p.real.Stderr, "env: ")):
		t.Errorf("%s: it reaches its entry point, and really ends with %d: %s", p.name(), p.real.Exit, p.real.Stderr)
	case !s.Entry && p.real.Started:
		t.Errorf("%s: it does not reach its entry point (%+v), and really starts", p.name(), *s)
	case !s.Entry && (s.Exit != p.real.Exit || s.Signal != p.real.Signal || s.Stderr != p.real.Stderr):
		t.Errorf("%s: it ends otherwise than really:\n%+v\n%+v", p.name(), *s, p.real)
	}
}

func pairsOf(t *testing.T, l *lab.Lab) (pairs []*one) {
	options := lab.OptionsOf(t)
	kinds, roots := kinds, roots
	if os.Getenv("WILLRUN_PROVE_ALL") != "" {
		kinds, roots = l.Cases(t), append(roots, "sid", "musl125", "muslcompat")
	}
	for _, kind := range kinds {
		for _, v := range l.Views(t) {
			if !slices.Contains(roots, v.Name) {
				continue
			}
			o := options[kind]
			pairs = append(pairs, &one{spec: lab.Spec{Root: l.Root(v.Base), View: v, Argv: []string{lab.Place(kind) + "/prog"}, Env: environment(o), UID: o.UID, Cwd: or(o.Cwd, "/")}})
		}
	}
	return pairs
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// foretell simulates each start on this machine's kernel and CPU.
func foretell(t *testing.T, pairs []*one) {
	host, err := target.Open(context.Background(), "host", target.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	trees := map[string]*root.Root{}
	for _, p := range pairs {
		s := p.spec
		if trees[s.Root] == nil {
			if trees[s.Root], err = root.Dir(s.Root); err != nil {
				t.Fatal(err)
			}
			defer trees[s.Root].Close()
		}
		o := loader.Options{Env: s.Env, Cwd: s.Cwd, User: root.Cred{UID: s.UID, GID: s.UID}, Kernel: host.Host.Kernel, Machine: "x86-64",
			CPU: loader.CPU{Level: host.Host.CPU, Platform: host.Host.Platform, HWCaps: host.Host.HWCaps}}
		p.foretold = simulate(t, trees[s.Root], s.Argv[0], o)
		p.question = prove.Question{Root: s.Root, Place: s.Argv[0], Then: prove.Then(p.foretold.Trace), Env: s.Env, Cwd: s.Cwd, UID: s.UID, GID: s.UID,
			Machine: "x86-64"}
	}
}

// simulate draws the verdict as package judge does.
func simulate(t *testing.T, tree *root.Root, place string, o loader.Options) prove.Foretold {
	s := loader.Subject{Place: place}
	info, err := tree.Stat(place, root.Superuser)
	if err == nil {
		object, err := tree.Program(info)
		if err != nil {
			t.Fatal(err)
		}
		s.Facts, s.Info = object.Facts, info
	}
	f := prove.Foretold{Trace: loader.Load(tree, s, o), Verdict: diagnosis.Runs}
	switch {
	case !f.Trace.Started():
		f.Verdict = diagnosis.Fails
	case len(f.Trace.Limits) > 0:
		f.Verdict = diagnosis.Unknown
	}
	return f
}

func inParallel(pairs []*one, do func(*one)) {
	next := make(chan *one)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for p := range next {
				do(p)
			}
		})
	}
	for _, p := range pairs {
		next <- p
	}
	close(next)
	wg.Wait()
}

// environment of a case: its own variables replace the default's.
func environment(o lab.Options) (env []string) {
	for _, kv := range lab.DefaultEnv {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.ContainsFunc(o.Env, func(own string) bool { return strings.HasPrefix(own, name+"=") }) {
			env = append(env, kv)
		}
	}
	return append(env, o.Env...)
}
