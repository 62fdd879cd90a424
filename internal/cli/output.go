package cli

import (
	"bytes"
	"fmt"
	"time"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/report"
	"github.com/willrun/willrun/target"
)

// checkOutput takes the outcomes of willrun check and prints them as asked.
type checkOutput struct {
	app      *app
	flags    checkFlags
	style    report.Style
	names    []string
	targets  []*target.Target // those that could be opened
	results  []judge.Result
	troubles []report.Trouble
	counts   map[diagnosis.Verdict]int
	judged   int
	progress *progress
}

func (a *app) checkOutput(f checkFlags, style report.Style, names []string) *checkOutput {
	o := &checkOutput{app: a, flags: f, style: style, names: names, counts: map[diagnosis.Verdict]int{}}
	if _, tty := terminal(a.Stderr); tty && !f.quiet {
		o.progress = &progress{app: a, started: time.Now()}
	}
	return o
}

func (o *checkOutput) trouble(file, targetName string, err error) {
	o.progress.clear()
	o.app.trouble(report.Trouble{File: file, Target: targetName, Error: err.Error()}, &o.troubles)
}

func (o *checkOutput) add(done outcome) error {
	o.judged++
	o.progress.clear()
	for _, t := range done.errs {
		o.app.trouble(t, &o.troubles)
	}
	for _, r := range done.results {
		o.counts[r.Verdict]++
	}
	err := o.print(done)
	o.progress.show(o.judged, done.file)
	return err
}

func (o *checkOutput) print(done outcome) error {
	switch {
	case o.flags.quiet:
		return nil
	case o.flags.format == "jsonl":
		for _, r := range done.results {
			if err := report.JSONLine(o.app.Stdout, r); err != nil {
				return err
			}
		}
		return nil
	case o.flags.format == "json", len(o.targets) > 1 && len(done.results) == len(o.targets):
		o.results = append(o.results, done.results...)
		return nil
	}
	// One target; or a row with a hole, which a matrix can't show.
	var b bytes.Buffer
	for _, r := range done.results {
		o.style.Result(&b, r)
	}
	_, err := o.app.Stdout.Write(b.Bytes())
	return err
}

// finish prints what waits for the end.
func (o *checkOutput) finish() error {
	o.progress.clear()
	switch {
	case o.flags.quiet:
		return nil
	case o.flags.format == "json":
		doc := report.CheckDocument{Schema: report.CheckSchema, Results: o.results, Errors: o.troubles}
		if doc.Results == nil {
			doc.Results = []judge.Result{}
		}
		if doc.Errors == nil {
			doc.Errors = []report.Trouble{}
		}
		return report.JSON(o.app.Stdout, doc)
	case o.flags.format == "jsonl":
		return nil
	}
	if len(o.targets) > 1 && len(o.results) > 0 {
		var names []string
		for _, t := range o.targets {
			names = append(names, t.Name)
		}
		o.style.Matrix(o.app.Stdout, names, o.results)
	}
	if o.judged > 1 {
		fmt.Fprintln(o.app.Stdout)
		o.style.Summary(o.app.Stdout, o.counts, len(o.troubles))
	}
	if o.judged == 0 && len(o.troubles) == 0 {
		fmt.Fprintln(o.app.Stderr, "willrun: no programs found")
	}
	return nil
}

// progress is a line on a terminal's standard error that comes and goes.
type progress struct {
	app     *app
	started time.Time
	last    time.Time
	shown   bool
}

// show is quiet for the first half second, and then seldom.
func (p *progress) show(judged int, file string) {
	if p == nil || time.Since(p.started) < 500*time.Millisecond || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.shown = time.Now(), true
	if len(file) > 50 {
		file = "…" + file[len(file)-49:]
	}
	fmt.Fprintf(p.app.Stderr, "\r\x1b[K%d judged  %q", judged, file)
}

func (p *progress) clear() {
	if p != nil && p.shown {
		fmt.Fprint(p.app.Stderr, "\r\x1b[K")
		p.shown = false
	}
}
