package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/prove"
)

// checkFlags are the flags of willrun check as they were typed.
type checkFlags struct {
	on, env, with  []string
	at, cwd, user  string
	asOf           string
	services       bool
	prove          string
	servicesIn     string
	allServices    bool
	cpu, kernel    string
	platform       string
	format, failOn string
	verbose, quiet bool
	project        projectFlags
}

const checkLong = `check judges programs against target systems, as precisely as the target's own
kernel and loader would, without running them: runs, fails because, or unknown
because.

Targets (--on, several with commas or repeated; default host):
  host             this machine
  almalinux:9      a release by name; willrun target list names them. Groups are
                   all, supported, el, deb, el8+, and globs such as debian:*
  image:REF        an image of a registry; image:app:1, image:app@sha256:…
  oci:DIR          an OCI layout; DIR:TAG for one of several images
  archive:FILE     a root tar, or what docker or podman save wrote
  dir:PATH         a root file system in a directory
  index:FILE       package metadata: an RPM database or primary.xml, a folder of
                   .rpm or .deb files, an apk index, a captured tree; A+B joins
  scratch          an empty system

A directory stands for all programs below it. TARGET#/path names a file inside
a target, which is then judged at that place. image:REF alone is what the image
starts, in the image itself where --on says nothing else. Of a .rpm, .deb or
.apk the programs are judged at their places, with its libraries laid over the
target. --services is what the systemd units start. A shared library is judged
as if a plain program opened it.

Circumstances have defaults that the JSON output states under "assumed": a file
that lies in the target is judged at its own place, any other as if it lay at
/usr/local/bin, alone, as root, with nothing in the environment but PATH, on
every CPU that the target supports, under the release's own kernel or, for trees,
any; for host, what this machine and shell have.

A project says in .willrun.yaml what is checked and where; without arguments its
subjects are. It lies in the working directory or above, up to the repository's
root, and what the command line says goes before it:

  version: 1
  subjects: [dist]                 # files, directories and globs, from here
  targets: [supported, dir:roots/el8]
  env: [LD_LIBRARY_PATH=/opt/lib]  # and with, at, platform, cpu, kernel, user,
  fail-on: later                   # cwd, as-of, as the flags of these names
  suppressions:
    - cause: library-missing       # or unknown; willrun explain lists causes
      subject: dist/*              # globs; target, library, version, symbol too
      reason: the installer brings it
      until: 2026-12-31            # the last day; without it for good

What is suppressed, or known from a --baseline, is told and does not count for
the exit status. The verdict stays what it is: the program still fails.

Exit status: 0 all start; 1 something fails, or a finding is at or above
--fail-on; 2 some input could not be judged; 3 something stays unknown.`

const checkExample = `  willrun check ./app --on almalinux:9,debian:12,alpine:3.20,scratch
  willrun check ./dist --on supported
  willrun check app-1.2-1.x86_64.rpm --on el8+
  willrun check image:registry.example/app:1
  willrun check --services --on almalinux:9
  willrun check ./dist --on dir:/roots/el8 --fail-on later
  willrun check 'dir:/roots/el8#/opt/app/bin/app' --on dir:/roots/el9
  willrun check ./bin/app --with ./lib:/opt/app/lib --at /opt/app/bin/app \
      --env LD_LIBRARY_PATH=/opt/app/lib --on dir:/roots/el9
  willrun check ./app --cpu x86-64-v2 --kernel 4.18 --format json
  willrun check ./dist --on el8+ --write-baseline willrun.json
  willrun check ./dist --on el8+ --baseline willrun.json`

func (a *app) check() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:     "check [FILE|DIR]…",
		Short:   "Will it start there?",
		Long:    checkLong,
		Example: checkExample,
		RunE: func(c *cobra.Command, args []string) error {
			p, args, err := a.project(c, args, &f)
			if err != nil {
				return err
			}
			return a.runCheck(c.Context(), args, f, p)
		},
	}
	f.circumstanceFlags(c)
	f.project.add(c)
	fl := c.Flags()
	fl.StringVar(&f.prove, "prove", "", "ask reality too, where this machine can start it: `HOW` is list (the loader's list) or start (up to the entry point)")
	fl.Lookup("prove").NoOptDefVal = "list"
	fl.BoolVar(&f.services, "services", false, "check what the systemd units of this host start")
	fl.StringVar(&f.servicesIn, "services-in", "", "check what the units of another `TARGET` start, such as dir:/roots/el8")
	fl.BoolVar(&f.allServices, "all-services", false, "with --services: units that nothing starts, too")
	fl.StringVar(&f.format, "format", "text", "text, json, jsonl (a result a line as it comes), sarif or junit")
	fl.StringVar(&f.failOn, "fail-on", "blocks", "exit 1 from this severity on: blocks, later, risk, note")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "show the trail: every object, who asked, every place looked at")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing but errors")
	_ = c.RegisterFlagCompletionFunc("format", words("text", "json", "jsonl", "sarif", "junit"))
	_ = c.RegisterFlagCompletionFunc("prove", words("list", "start"))
	_ = c.RegisterFlagCompletionFunc("fail-on", words("blocks", "later", "risk", "note"))
	return c
}

// circumstanceFlags say where and how a program is to start.
func (f *checkFlags) circumstanceFlags(c *cobra.Command) {
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
	fl.StringVar(&f.asOf, "as-of", "", "`DAY`, such as 2026-12-31, on which releases are supported or not (default today)")
	_ = c.RegisterFlagCompletionFunc("on", completeTargets)
	_ = c.RegisterFlagCompletionFunc("cpu", words(judge.CPULevels()...))
}

func (a *app) runCheck(ctx context.Context, args []string, f checkFlags, p *projectOf) error {
	failOn, err := diagnosis.ParseSeverity(f.failOn)
	if err != nil {
		return fmt.Errorf("--fail-on: %w", err)
	}
	if f.prove != "" {
		if err := oneOf("--prove", f.prove, "list", "start"); err != nil {
			return err
		}
	}
	if err := oneOf("--format", f.format, "text", "json", "jsonl", "sarif", "junit"); err != nil {
		return err
	}
	style, err := a.style(f.verbose)
	if err != nil {
		return err
	}
	out := a.checkOutput(f, style)
	q, err := a.question(ctx, args, f, out.trouble)
	if err != nil {
		return p.blame(err)
	}
	defer q.bench.Close()
	out.targets = q.targets
	review := p.review(q.circ.AsOf)
	err = q.ask(ctx, func(o outcome) error {
		for i := range o.results {
			review.Mark(&o.results[i])
			a.raise(o.results[i].ExitCode(failOn))
			if o.results[i].Proved == prove.No {
				a.raise(diagnosis.ExitTrouble) // we were wrong
			}
		}
		return out.add(o)
	})
	if err != nil {
		return err
	}
	if err := out.finish(); err != nil {
		return err
	}
	return a.closeProject(p, review, f.quiet)
}
