package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/report"
	"github.com/willrun/willrun/target"
)

// checkFlags are the flags of willrun check as they were typed.
type checkFlags struct {
	on, env, with  []string
	at, cwd, user  string
	cpu, kernel    string
	platform       string
	format, failOn string
	verbose, quiet bool
}

func (a *app) check() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check FILE|DIR…",
		Short: "Will it start there?",
		Long: `check judges programs against target systems, as precisely as the target's own
kernel and loader would, without running them: runs, fails because, or unknown
because.

Targets (--on, several with commas or repeated; default host):
  host             this machine
  dir:PATH         a root file system in a directory
  archive:FILE     a root tar, or what docker save wrote; plain, gz, xz or zst
  scratch          an empty system

A directory stands for all programs below it. TARGET#/path names a file inside
a target, which is then judged at that place. A shared library is judged as if
a plain program opened it.

Circumstances have defaults that the JSON output states under "assumed": a file
that lies in the target is judged at its own place, any other as if it lay at
/usr/local/bin, alone, as root, with nothing in the environment but PATH, on
every CPU that the target supports and any kernel; for host, what this machine
and shell have.

Exit status: 0 all start; 1 something fails, or a finding is at or above
--fail-on; 2 some input could not be judged; 3 something stays unknown.`,
		Example: `  willrun check ./app --on dir:/roots/el9,scratch
  willrun check ./dist --on dir:/roots/el8 --fail-on later
  willrun check 'dir:/roots/el8#/opt/app/bin/app' --on dir:/roots/el9
  willrun check ./bin/app --with ./lib:/opt/app/lib --at /opt/app/bin/app \
      --env LD_LIBRARY_PATH=/opt/app/lib --on dir:/roots/el9
  willrun check ./app --cpu x86-64-v2 --kernel 4.18 --format json`,
		Args: atLeastOne("a file or directory to check"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.runCheck(c.Context(), args, f)
		},
	}
	fl := c.Flags()
	fl.StringSliceVar(&f.on, "on", nil, "`TARGETS` where they shall start (default host)")
	fl.StringVar(&f.at, "at", "", "`PATH` on the target at which the program is to lie")
	fl.StringArrayVar(&f.with, "with", nil, "`DIR:PATH`: lay a directory over the target first; programs below DIR are judged there")
	fl.StringVar(&f.platform, "platform", "", "`OS/ARCH` of the target's kernel, such as linux/arm64")
	fl.StringVar(&f.cpu, "cpu", "", "`LEVEL` of the CPU, such as x86-64-v2 (default: every one that the target supports)")
	fl.StringVar(&f.kernel, "kernel", "", "Linux `VERSION`, such as 4.18 (default any)")
	fl.StringArrayVar(&f.env, "env", nil, "`K=V` in the program's environment (repeatable)")
	fl.StringVar(&f.cwd, "cwd", "", "working `DIR` (default /)")
	fl.StringVar(&f.user, "user", "", "`UID[:GID]` (default 0:0)")
	fl.StringVar(&f.format, "format", "text", "text, json, or jsonl (a result a line as it comes)")
	fl.StringVar(&f.failOn, "fail-on", "blocks", "exit 1 from this severity on: blocks, later, risk, note")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "show the trail: every object, who asked, every place looked at")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing but errors")
	_ = c.RegisterFlagCompletionFunc("on", completeTargets)
	_ = c.RegisterFlagCompletionFunc("format", words("text", "json", "jsonl"))
	_ = c.RegisterFlagCompletionFunc("fail-on", words("blocks", "later", "risk", "note"))
	_ = c.RegisterFlagCompletionFunc("cpu", words(judge.CPULevels()...))
	return c
}

func completeTargets(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	for _, kind := range []string{"dir:", "archive:"} {
		if strings.HasPrefix(typed, kind) {
			return nil, cobra.ShellCompDirectiveDefault // a path: the shell knows
		}
	}
	return []string{"host", "scratch", "dir:", "archive:"}, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// circumstances parses the flags' words once, so that a wrong one is told
// before anything is read.
func (f checkFlags) circumstances() (judge.Circumstances, error) {
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

func (a *app) runCheck(ctx context.Context, args []string, f checkFlags) error {
	circ, err := f.circumstances()
	if err != nil {
		return err
	}
	failOn, err := diagnosis.ParseSeverity(f.failOn)
	if err != nil {
		return fmt.Errorf("--fail-on: %w", err)
	}
	if err := oneOf("--format", f.format, "text", "json", "jsonl"); err != nil {
		return err
	}
	style, err := a.style(f.verbose)
	if err != nil {
		return err
	}
	names := target.Names(f.on)
	bench := judge.NewBench(a.Env)
	defer bench.Close()

	out := a.checkOutput(f, style, names)
	var targets []*target.Target
	for _, name := range names {
		t, err := bench.Target(ctx, name)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			out.trouble("", name, err)
			continue
		}
		targets = append(targets, t)
	}
	out.targets = targets
	if len(targets) > 0 {
		err = a.checkAll(ctx, bench, args, targets, circ, func(o outcome) error {
			for _, r := range o.results {
				a.raise(r.ExitCode(failOn))
			}
			return out.add(o)
		})
	}
	if err != nil {
		return err
	}
	return out.finish()
}

// outcome is one subject on every target.
type outcome struct {
	file    string
	results []judge.Result
	errs    []report.Trouble
}

// checkAll judges every subject on every target, several at a time, and gives
// the outcomes in the order of the subjects.
func (a *app) checkAll(ctx context.Context, bench *judge.Bench, args []string, targets []*target.Target, circ judge.Circumstances, give func(outcome) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	line := pipeline(ctx, func(yield func(func() outcome) bool) error {
		for _, arg := range args {
			err := bench.Subjects(ctx, arg, func(s judge.Subject, err error) error {
				if !yield(func() outcome { return judgeOne(ctx, bench, s, err, targets, circ) }) {
					return ctx.Err()
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	for o := range line.out {
		if err := give(o); err != nil {
			return err
		}
	}
	return line.err()
}

func judgeOne(ctx context.Context, bench *judge.Bench, s judge.Subject, err error, targets []*target.Target, circ judge.Circumstances) outcome {
	o := outcome{file: s.File}
	if err == nil {
		err = s.Read()
	}
	if err != nil {
		o.errs = append(o.errs, report.Trouble{File: s.File, Error: err.Error()})
		return o
	}
	for _, t := range targets {
		if ctx.Err() != nil {
			return o
		}
		r, err := bench.Check(ctx, s, t, circ)
		if err != nil {
			o.errs = append(o.errs, report.Trouble{File: s.File, Target: t.Name, Error: err.Error()})
			continue
		}
		o.results = append(o.results, r)
	}
	return o
}
