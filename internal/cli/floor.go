package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/explain"
	"github.com/willrun/willrun/floor"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/report"
)

func (a *app) floor() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "floor FILE|DIR…",
		Short: "How old may the system be?",
		Long: `floor tells the oldest C library, kernel and CPU on which a program starts, what
pins each of them (a version, the symbols that need it and, for Go, the packages
that brought them), what would do without, and from which releases on it runs.
Of several files it tells the floor of all of them together, too.

Exit status: 0; 2 some input could not be read.`,
		Example: `  willrun floor ./app
  willrun floor ./dist -v
  willrun floor --on 'debian:*,ubuntu:*' ./app --format json`,
		Args: atLeastOne("a program to look at"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.runFloor(c.Context(), args, f)
		},
	}
	f.circumstanceFlags(c)
	fl := c.Flags()
	c.Flag("on").Usage = "`RELEASES` that are asked about (default all)"
	fl.StringVar(&f.format, "format", "text", "text or json")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "every version that is asked for, and all symbols")
	_ = c.RegisterFlagCompletionFunc("format", words("text", "json"))
	return c
}

func (a *app) runFloor(ctx context.Context, args []string, f checkFlags) error {
	if err := oneOf("--format", f.format, "text", "json"); err != nil {
		return err
	}
	style, err := a.style(f.verbose)
	if err != nil {
		return err
	}
	if len(f.on) == 0 {
		f.on = []string{"all"}
	}
	doc := report.FloorDocument{Schema: report.FloorSchema, Files: []report.FileFloor{}, Errors: []report.Trouble{}}
	q, err := a.question(ctx, args, f, func(file, target string, err error) {
		a.trouble(report.Trouble{File: file, Target: target, Error: err.Error()}, &doc.Errors)
	})
	if err != nil {
		return err
	}
	defer q.bench.Close()
	set := &setOf{}
	err = q.ask(ctx, func(o outcome) error {
		for _, t := range o.errs {
			a.trouble(t, &doc.Errors)
		}
		if len(o.results) == 0 {
			return nil
		}
		one := floorOf(o)
		set.add(o, one)
		if f.format == "json" {
			doc.Files = append(doc.Files, one)
			return nil
		}
		style.FloorOf(a.Stdout, one)
		return nil
	})
	if err != nil {
		return err
	}
	doc.Set = set.floor()
	if f.format == "json" {
		return report.JSON(a.Stdout, doc)
	}
	if doc.Set != nil {
		style.FloorOf(a.Stdout, *doc.Set)
	}
	return nil
}

func floorOf(o outcome) report.FileFloor {
	facts := o.results[0].Facts
	one := report.FileFloor{File: o.file, Floor: floor.Of(facts), Releases: releasesOf(o.results), Lower: []diagnosis.Remedy{}}
	if one.Floor.Libc != "none" {
		one.Lower = explain.Lower(facts)
	}
	return one
}

// releasesOf groups the verdicts on releases by distribution, which come in
// the order of their versions.
func releasesOf(results []judge.Result) []report.ReleaseFloor {
	var list []report.ReleaseFloor
	for _, r := range results {
		id, version, ok := strings.Cut(r.Target, ":")
		if !ok {
			continue
		}
		at := slices.IndexFunc(list, func(have report.ReleaseFloor) bool { return have.ID == id })
		if at < 0 {
			at = len(list)
			list = append(list, report.ReleaseFloor{ID: id, Runs: []string{}, Fails: []string{}, Unknown: []string{}})
		}
		l := &list[at]
		switch r.Verdict {
		case diagnosis.Runs:
			l.From = cmp.Or(l.From, version)
			l.Runs = append(l.Runs, version)
		case diagnosis.Fails:
			l.From = ""
			l.Fails = append(l.Fails, version)
		default:
			l.From = ""
			l.Unknown = append(l.Unknown, version)
		}
		openFrom(l, r, version)
	}
	for i := range list {
		if l := &list[i]; l.OpenFrom == l.From {
			l.OpenFrom, l.If = "", nil
		}
	}
	return list
}

// openFrom keeps from which release on nothing stands against the program,
// but for libraries of which it is not known whether they are there.
func openFrom(l *report.ReleaseFloor, r judge.Result, version string) {
	onlyLibraries := len(r.Perhaps) > 0 && len(r.Unknown) == 1
	if r.Verdict != diagnosis.Runs && (r.Verdict != diagnosis.Unknown || !onlyLibraries) {
		l.OpenFrom, l.If = "", nil
		return
	}
	l.OpenFrom = cmp.Or(l.OpenFrom, version)
	for _, name := range r.Perhaps {
		if !slices.Contains(l.If, name) {
			l.If = append(l.If, name)
		}
	}
}

// setOf joins the floors of several files.
type setOf struct {
	files  []string
	floors []*floor.Floor
	worst  []judge.Result // on each target the worst verdict
}

func (s *setOf) add(o outcome, one report.FileFloor) {
	s.files = append(s.files, o.file)
	s.floors = append(s.floors, one.Floor)
	if s.worst == nil {
		s.worst = slices.Clone(o.results)
		return
	}
	for _, r := range o.results {
		for i := range s.worst {
			if s.worst[i].Target == r.Target && worse(r.Verdict, s.worst[i].Verdict) {
				s.worst[i].Verdict, s.worst[i].Unknown, s.worst[i].Perhaps = r.Verdict, r.Unknown, r.Perhaps
			} else if s.worst[i].Target == r.Target && r.Verdict == diagnosis.Unknown && s.worst[i].Verdict == diagnosis.Unknown {
				s.worst[i] = bothUnknown(s.worst[i], r)
			}
		}
	}
}

func worse(a, b diagnosis.Verdict) bool {
	rank := map[diagnosis.Verdict]int{diagnosis.Runs: 0, diagnosis.Unknown: 1, diagnosis.Fails: 2}
	return rank[a] > rank[b]
}

func (s *setOf) floor() *report.FileFloor {
	if len(s.files) < 2 {
		return nil
	}
	return &report.FileFloor{File: "all of them together", Floor: floor.Set(s.files, s.floors), Releases: releasesOf(s.worst), Lower: []diagnosis.Remedy{}}
}

// bothUnknown joins what is not known of two files. Where each knows all but
// libraries, so do both together.
func bothUnknown(a, b judge.Result) judge.Result {
	if len(a.Perhaps) == 0 || len(a.Unknown) != 1 {
		return a
	}
	if len(b.Perhaps) == 0 || len(b.Unknown) != 1 {
		a.Unknown, a.Perhaps = b.Unknown, b.Perhaps
		return a
	}
	a.Perhaps = slices.Clone(a.Perhaps)
	for _, name := range b.Perhaps {
		if !slices.Contains(a.Perhaps, name) {
			a.Perhaps = append(a.Perhaps, name)
		}
	}
	return a
}
