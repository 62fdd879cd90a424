package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/willrun/willrun/project"
)

// projectFlags say what a run takes from the project and leaves to it.
type projectFlags struct {
	file     string // --project: "" the nearest, "none" none
	baseline string
	write    string // --write-baseline
}

func (f *projectFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.file, "project", "", "`FILE` that says what is checked and where (default the nearest "+project.FileName+"; none: none)")
	fl.StringVar(&f.baseline, "baseline", "", "`FILE` of an earlier run (--format json or --write-baseline): only what is new counts")
	fl.StringVar(&f.write, "write-baseline", "", "write all findings to `FILE`, which are known from then on")
}

// projectOf is what a run has of its project.
type projectOf struct {
	file  *project.File // nil: there is none
	dir   string        // working directory
	root  string
	whole bool // the project's own subjects on its own targets
	write string
	known *project.Baseline
}

// project finds and reads the project file, and fills in what the command
// line leaves open. The arguments are returned, or the project's subjects.
func (a *app) project(c *cobra.Command, args []string, f *checkFlags) (*projectOf, []string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, nil, err
	}
	p := &projectOf{dir: dir, root: project.Root(dir), write: f.project.write}
	if err := p.open(f.project); err != nil {
		return nil, nil, err
	}
	if p.file != nil {
		p.whole = len(args) == 0 && f.units() == "" && !c.Flags().Changed("on")
		p.fill(c, f)
	}
	if len(args) > 0 || f.units() != "" {
		return p, args, nil
	}
	if p.file == nil || len(p.file.Subjects) == 0 {
		why := "name a file or directory to check, or list subjects in " + project.FileName
		if p.file != nil {
			why = "name a file or directory to check; " + p.file.Name + " has no subjects"
		}
		return nil, nil, &usageError{err: errors.New(why), command: c.CommandPath()}
	}
	args, err = p.file.SubjectsFrom(dir)
	return p, args, err
}

func (p *projectOf) open(f projectFlags) error {
	name, err := f.file, error(nil)
	switch name {
	case "":
		name, err = project.Find(p.dir)
	case "none":
		name = ""
	}
	if err != nil {
		return err
	}
	if name != "" {
		if p.file, err = project.Read(name); err != nil {
			return err
		}
		p.root = p.file.Dir
		p.file.Name = p.file.From(p.dir, project.FileName)
		if f.file != "" {
			p.file.Name = f.file
		}
	}
	if f.baseline == "" {
		return nil
	}
	p.known, err = project.ReadBaseline(f.baseline, p.root)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w; --write-baseline %s makes it", err, f.baseline)
	}
	return err
}

// fill: flags win over the file.
func (p *projectOf) fill(c *cobra.Command, f *checkFlags) {
	file := p.file
	var on, with []string
	for _, t := range file.Targets {
		on = append(on, file.TargetFrom(p.dir, t))
	}
	for _, w := range file.With {
		from, to, ok := strings.Cut(w, ":")
		if ok {
			w = file.From(p.dir, from) + ":" + to
		}
		with = append(with, w)
	}
	for name, list := range map[string]struct {
		flag *[]string
		file []string
	}{"on": {&f.on, on}, "env": {&f.env, file.Env}, "with": {&f.with, with}} {
		if !c.Flags().Changed(name) && len(list.file) > 0 {
			*list.flag = list.file
		}
	}
	for name, word := range map[string]struct {
		flag *string
		file string
	}{"platform": {&f.platform, file.Platform}, "cpu": {&f.cpu, file.CPU}, "kernel": {&f.kernel, file.Kernel}, "at": {&f.at, file.At}, "user": {&f.user, file.User},
		"cwd": {&f.cwd, file.Cwd}, "as-of": {&f.asOf, file.AsOf}, "fail-on": {&f.failOn, file.FailOn}} {
		if !c.Flags().Changed(name) && word.file != "" {
			*word.flag = word.file
		}
	}
}

// blame adds where an error about a flag may be from.
func (p *projectOf) blame(err error) error {
	if err != nil && p.file != nil {
		return fmt.Errorf("%w\n%s says what the command line does not", err, p.file.Name)
	}
	return err
}

// review marks what the project accepts, on a day.
func (p *projectOf) review(day time.Time) *project.Review {
	v := project.NewReview(p.root, p.dir, day)
	v.Known = p.known
	if p.file != nil {
		v.Suppressions = p.file.Suppressions
	}
	if p.write != "" {
		v.Found = &project.Baseline{}
	}
	return v
}

// close tells what became of suppressions, and writes the baseline.
func (a *app) closeProject(p *projectOf, v *project.Review, quiet bool) error {
	note := func(s *project.Suppression, text string) {
		if !quiet {
			fmt.Fprintf(a.Stderr, "willrun: %s:%d: %s\n", p.file.Name, s.Line, text)
		}
	}
	for _, s := range v.Suppressions {
		if v.Ended(s) {
			note(s, "the suppression of "+s.Cause+" ended on "+s.Until.Format(time.DateOnly)+" and holds no more")
		}
	}
	if p.whole {
		for _, s := range v.Unused() {
			note(s, "nothing needs the suppression of "+s.Cause+" any more")
		}
	}
	if v.Found == nil {
		return nil
	}
	if a.code == 2 {
		return fmt.Errorf("%s is not written: some input could not be judged", p.write)
	}
	if err := v.Found.WriteFile(p.write); err != nil {
		return fmt.Errorf("%s: %w", p.write, err)
	}
	if !quiet {
		findings := fmt.Sprintf("%d findings", v.Found.Len())
		if v.Found.Len() == 1 {
			findings = "1 finding"
		}
		fmt.Fprintf(a.Stderr, "%s: %s, known from now on with --baseline %s\n", p.write, findings, p.write)
	}
	return nil
}
