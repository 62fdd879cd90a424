package cli

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/docs/causes"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/report"
	"github.com/willrun/willrun/target"
)

// checkOutput takes the outcomes of willrun check and prints them as asked.
type checkOutput struct {
	app      *app
	flags    checkFlags
	style    report.Style
	targets  []*target.Target // those that could be opened
	results  []judge.Result
	troubles []report.Trouble
	counts   map[diagnosis.Verdict]int
	judged   int
	progress *progress
	ended    []diagnosis.Finding // ends of life that wait to be told
}

func (a *app) checkOutput(f checkFlags, style report.Style) *checkOutput {
	o := &checkOutput{app: a, flags: f, style: style, counts: map[diagnosis.Verdict]int{}}
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
	case o.flags.format != "text", len(o.targets) > 1 && len(done.results) == len(o.targets):
		for _, r := range done.results {
			if !o.flags.verbose { // only the trail shows them, and thousands of results may wait here
				r.Trace, r.Facts = nil, nil
			}
			o.results = append(o.results, r)
		}
		return nil
	}
	// One target; or a row with a hole, which a matrix can't show.
	var b bytes.Buffer
	for _, r := range done.results {
		o.style.Result(&b, r)
		o.noteEnd(r)
	}
	_, err := o.app.Stdout.Write(b.Bytes())
	return err
}

// noteEnd keeps what is to be told of a target once, however many programs
// are judged on it.
func (o *checkOutput) noteEnd(r judge.Result) {
	for _, f := range r.Findings {
		if f.Cause == diagnosis.TargetEndOfLife && !f.Accepted() && !slices.ContainsFunc(o.ended, func(g diagnosis.Finding) bool { return g.Detail == f.Detail }) {
			o.ended = append(o.ended, f)
		}
	}
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
	case o.flags.format == "sarif":
		return report.SARIF(o.app.Stdout, report.Tool{Version: version(), Page: causes.Page}, o.results, o.troubles)
	case o.flags.format == "junit":
		failOn, err := diagnosis.ParseSeverity(o.flags.failOn)
		if err != nil {
			return err
		}
		return report.JUnit(o.app.Stdout, failOn, o.results, o.troubles)
	}
	if len(o.targets) > 1 && len(o.results) > 0 {
		var names []string
		for _, t := range o.targets {
			names = append(names, t.Name)
		}
		o.style.Matrix(o.app.Stdout, names, o.results)
	}
	o.style.Notes(o.app.Stdout, o.ended)
	if o.judged > 1 {
		fmt.Fprintln(o.app.Stdout)
		o.style.Summary(o.app.Stdout, o.counts, len(o.troubles))
	}
	if o.judged == 0 && len(o.troubles) == 0 {
		fmt.Fprintln(o.app.Stderr, "willrun: no programs found")
	}
	return nil
}
