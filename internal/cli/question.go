package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/report"
	"github.com/willrun/willrun/target"
)

// circumstances parses the flags' words once, so that a wrong one is told
// before anything is read.
func (a *app) circumstances(f checkFlags) (judge.Circumstances, error) {
	c := judge.Circumstances{At: f.at, CPU: f.cpu, Cwd: f.cwd, Env: f.env}
	var err error
	if c.Kernel, err = judge.ParseKernel(f.kernel); err != nil {
		return c, fmt.Errorf("--kernel %q: %w", f.kernel, err)
	}
	if c.User, err = judge.ParseUser(f.user); err != nil {
		return c, fmt.Errorf("--user %q: %w", f.user, err)
	}
	if c.Machine, err = judge.ParsePlatform(f.platform); err != nil {
		return c, fmt.Errorf("--platform %q: %w", f.platform, err)
	}
	if err = judge.KnownCPU(f.cpu); err != nil {
		return c, fmt.Errorf("--cpu %q: %w", f.cpu, err)
	}
	if c.AsOf, err = a.day(f.asOf); err != nil {
		return c, fmt.Errorf("--as-of %q: %w", f.asOf, err)
	}
	for _, kv := range f.env {
		if !strings.Contains(kv, "=") {
			return c, fmt.Errorf("--env %q: K=V is wanted", kv)
		}
	}
	for _, w := range f.with {
		layer, err := judge.ParseLayer(w)
		if err != nil {
			return c, fmt.Errorf("--with %q: %w", w, err)
		}
		c.With = append(c.With, layer)
	}
	for flag, p := range map[string]string{"--at": f.at, "--cwd": f.cwd} {
		if p != "" && !strings.HasPrefix(p, "/") {
			return c, fmt.Errorf("%s %q: an absolute path on the target is wanted", flag, p)
		}
	}
	return c, nil
}

// day reads a day; "" is today.
func (a *app) day(text string) (time.Time, error) {
	if text == "" {
		return time.Now().UTC(), nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, errors.New("a day such as 2026-12-31 is wanted")
	}
	return day, nil
}

// bench opens targets as the flags say.
func (a *app) bench(f checkFlags) *judge.Bench {
	machine, _ := judge.ParsePlatform(f.platform) // circumstances told what is wrong with it
	return judge.NewBench(target.Options{Env: a.Env, Machine: machine, Progress: a.pulling()})
}

// question is which subjects are judged, where, and how.
type question struct {
	bench   *judge.Bench
	args    []string
	units   string // target whose services are subjects; "" none
	all     bool   // services that nothing starts, too
	targets []*target.Target
	prove   string // "list" or "start": ask reality, too; "" don't
	homes   bool   // nothing was said of where: images are judged on themselves
	circ    judge.Circumstances
}

// question reads the flags, and opens the targets; one that can't be opened is
// told, and the others go on. Close its bench.
func (a *app) question(ctx context.Context, args []string, f checkFlags, trouble func(file, target string, err error)) (*question, error) {
	circ, err := a.circumstances(f)
	if err != nil {
		return nil, err
	}
	names, err := target.Names(f.on, circ.AsOf)
	if err != nil {
		return nil, err
	}
	q := &question{bench: a.bench(f), args: args, units: f.units(), all: f.allServices, circ: circ, prove: f.prove, homes: len(f.on) == 0}
	if q.homes && q.units == "" && !slices.ContainsFunc(args, func(arg string) bool { return !ofImage(arg) }) {
		return q, nil
	}
	for _, name := range names {
		t, err := q.bench.Target(ctx, name)
		if ctx.Err() != nil {
			q.bench.Close()
			return nil, ctx.Err()
		}
		if err != nil {
			trouble("", name, err)
			continue
		}
		q.targets = append(q.targets, t)
	}
	return q, nil
}

// ofImage says whether an argument is an image, or a file in one.
func ofImage(arg string) bool {
	if name, _, ok := target.Split(arg); ok {
		return target.IsImage(name)
	}
	return target.IsImage(arg)
}

// outcome is one subject on every target.
type outcome struct {
	file    string
	results []judge.Result
	errs    []report.Trouble
}

// ask judges every subject on every target, several at a time, and gives the
// outcomes in the order of the subjects.
func (q *question) ask(ctx context.Context, give func(outcome) error) error {
	if len(q.targets) == 0 && !q.homes {
		return nil // why was told
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	line := pipeline(ctx, func(yield func(func() outcome) bool) error {
		return q.subjects(ctx, func(home string, s judge.Subject, err error) error {
			if !yield(func() outcome { return q.one(ctx, home, s, err) }) {
				return ctx.Err()
			}
			return nil
		})
	})
	for o := range line.out {
		if err := give(o); err != nil {
			return err
		}
	}
	return line.err()
}

// subjects gives all subjects; home is the image that one is of, "" for any
// other.
func (q *question) subjects(ctx context.Context, give func(home string, s judge.Subject, err error) error) error {
	for _, arg := range q.args {
		home := ""
		if ofImage(arg) {
			home, _, _ = strings.Cut(arg, "#/")
		}
		if err := q.bench.Subjects(ctx, arg, func(s judge.Subject, err error) error { return give(home, s, err) }); err != nil {
			return err
		}
	}
	if q.units == "" {
		return nil
	}
	return q.bench.ServiceSubjects(ctx, q.units, q.all, func(s judge.Subject, err error) error { return give("", s, err) })
}

func (q *question) one(ctx context.Context, home string, s judge.Subject, err error) outcome {
	o := outcome{file: s.File}
	if err == nil {
		err = s.ReadToJudge()
	}
	targets := q.targets
	if err == nil && q.homes && home != "" {
		var t *target.Target
		t, err = q.bench.Target(ctx, home)
		targets = []*target.Target{t}
	}
	if err != nil {
		o.errs = append(o.errs, report.Trouble{File: s.File, Error: err.Error()})
		return o
	}
	for _, t := range targets {
		if ctx.Err() != nil {
			return o
		}
		r, err := q.bench.Check(ctx, s, t, q.circ)
		if err != nil {
			o.errs = append(o.errs, report.Trouble{File: s.File, Target: t.Name, Error: err.Error()})
			continue
		}
		if err := q.proof(ctx, s, t, &r); err != nil {
			o.errs = append(o.errs, report.Trouble{File: s.File, Target: t.Name, Error: err.Error()})
		}
		o.results = append(o.results, r)
	}
	return o
}

// proof asks reality, where that is wanted.
func (q *question) proof(ctx context.Context, s judge.Subject, t *target.Target, r *judge.Result) error {
	if q.prove == "" {
		return nil
	}
	p, err := q.bench.Prove(ctx, s, t, q.circ, q.prove == "start", 0)
	if err != nil {
		return fmt.Errorf("%s: --prove: %w", s.File, err)
	}
	r.Proved, r.Proof = p.Proved, &p
	return nil
}

// units is the target whose services are asked about; "" is none.
func (f checkFlags) units() string {
	if f.services && f.servicesIn == "" {
		return "host"
	}
	return f.servicesIn
}
