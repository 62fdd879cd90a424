package judge

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/explain"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
)

// DefaultPath is PATH where nobody says otherwise.
const DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// trial is one subject on one target under settled circumstances.
type trial struct {
	bench   *Bench
	subject Subject
	target  *target.Target
	tree    *root.Root
	options loader.Options
	info    root.Info
	place   string
	levels  []string // CPU levels to try; {""} where they say nothing
	assumed Assumed
	as      As
	unknown []string // what could not be settled
	perhaps []string // libraries that may be there
	inPlace bool     // the subject lies in the tree, or in what lies over it
}

// As says what a subject is judged as.
type As int

const (
	AsItIs    As = iota // a program, or a shared library as a dlopen
	AsProgram           // a program, whatever the file looks like
)

// Check judges one subject, which must have been Read, on one target.
func (b *Bench) Check(ctx context.Context, s Subject, t *target.Target, c Circumstances) (Result, error) {
	return b.CheckAs(ctx, s, t, c, AsItIs)
}

// CheckAs is Check with a say in what the subject is judged as.
func (b *Bench) CheckAs(ctx context.Context, s Subject, t *target.Target, c Circumstances, as As) (Result, error) {
	r, _, err := b.try(ctx, s, t, c, as)
	return r, err
}

// try is CheckAs, with the trial that came of it.
func (b *Bench) try(ctx context.Context, s Subject, t *target.Target, c Circumstances, as As) (Result, *trial, error) {
	within := s.home != nil && s.home.Root == t.Root
	if !within && s.home != nil && s.home.Name == t.Name {
		t, within = s.home, true // on the very machine that it was found on
	}
	if !within {
		var err error
		if t, err = t.For(ctx, machineFor(s, c)); err != nil {
			return Result{File: s.File}, nil, err
		}
	}
	if c.Machine != "" && t.Evidence != target.Tree && t.Machine != c.Machine {
		// A kernel of another machine below it is a system that is not known.
		return Result{File: s.File}, nil, fmt.Errorf("%s on %s: it is known on %s, and not on %s", s.File, t.Name, t.Machine, c.Machine)
	}
	r := Result{File: s.File, Target: t.Name, Evidence: t.Evidence, Data: t.Data, Kind: s.Facts.Describe, Facts: s.Facts, Unit: s.Unit()}
	tr := &trial{bench: b, subject: s, target: t, as: as}
	tr.circumstances(b, c)
	tr.options.Absent = tr.absent
	if err := tr.settle(b, c); err != nil {
		return r, nil, fmt.Errorf("%s on %s: %w", s.File, t.Name, err)
	}
	if err := ctx.Err(); err != nil {
		return r, nil, err
	}
	tr.run(&r)
	r.Assumed, r.Perhaps = tr.assumed, tr.perhaps
	r.Unknown = append(r.Unknown, s.own.hides(r.Libraries)...)
	s.own.excuse(&r)
	r.Verdict = verdict(r.Findings, r.Unknown)
	r.Findings = append(r.Findings, tr.demands()...)
	if note, over := explain.EndOfLife(explain.Life(t.Life), c.AsOf); over {
		r.Findings = append(r.Findings, note)
	}
	return r, tr, nil
}

// demands compares what a program of a package needs with what the package
// asks for.
func (tr *trial) demands() []diagnosis.Finding {
	p := tr.subject.payload
	if p == nil {
		return nil
	}
	var list []diagnosis.Finding
	for _, name := range slices.Concat(p.unrequired(tr.subject.Facts.ELF), p.unowned(tr.subject.Facts.ELF, tr.target.Owners)) {
		list = append(list, explain.Unrequired(p.Package.Name, tr.place, name))
	}
	for _, soname := range p.unneeded() {
		list = append(list, explain.Unneeded(p.Package.Name, soname))
	}
	return list
}

// machineFor is the machine on which a target that can be had on several is
// meant: as given, else the file's own.
func machineFor(s Subject, c Circumstances) string {
	switch e := s.Facts.ELF; {
	case c.Machine != "":
		return c.Machine
	case e != nil:
		return e.Machine
	}
	return ""
}

// absent tells the loader what the target's evidence says of what its tree
// lacks.
func (tr *trial) absent(what loader.What, name string) string {
	switch what {
	case loader.AnInterpreter:
		return "" // every kind of evidence knows the loaders
	case loader.ADlopen:
		if tr.bench.lacks(tr.target, name) {
			return ""
		}
		return perhaps
	case loader.ALibrary:
		if why := tr.subject.payload.absent(name); why != "" {
			return why
		}
		if tr.bench.lacks(tr.target, name) {
			return ""
		}
		if !slices.Contains(tr.perhaps, name) {
			tr.perhaps = append(tr.perhaps, name)
		}
		return perhaps
	}
	return tr.target.LacksFile(name)
}

// perhaps stands for the sentence that names all libraries of which it is not
// known whether they are there.
const perhaps = "libraries that may be there"

// reasons are those of a trace, with that sentence in its place.
func (tr *trial) reasons(t *loader.Trace) []string {
	var list []string
	for _, why := range explain.Reasons(t) {
		if why == perhaps {
			why = tr.target.WhyNotKnown(tr.perhaps)
		}
		list = append(list, why)
	}
	return list
}

func (tr *trial) providers() func(string, []string) ([]explain.Provider, bool) {
	if tr.target.Evidence == target.Tree {
		return nil
	}
	return func(soname string, versions []string) (list []explain.Provider, complete bool) {
		found, complete := tr.target.Providers(soname, versions)
		for _, p := range found {
			list = append(list, explain.Provider(p))
		}
		return list, complete
	}
}

// run simulates the start on every CPU level that the verdict must hold for.
// A start on which the level had no influence is not repeated.
func (tr *trial) run(r *Result) {
	r.Unknown = tr.unknown
	if early := tr.early(); early != nil {
		r.Trace = early
		r.Findings = explain.Start(early, explain.About{Facts: tr.subject.Facts, Place: tr.place})
		return
	}
	about := explain.About{Facts: tr.subject.Facts, Place: tr.place, Distribution: tr.target.Distribution,
		Libcs: tr.target.Libcs, Machine: tr.options.Machine, Empty: tr.target.Empty, Providers: tr.providers()}
	var runs []levelled
	for i, level := range tr.levels {
		o := tr.options
		o.CPU.Level = level
		trace := loader.Load(tr.tree, loader.Subject{Facts: tr.subject.Facts, Place: tr.place, Info: tr.info}, o)
		findings := explain.Start(trace, about)
		runs = append(runs, levelled{level, findings})
		for _, why := range tr.reasons(trace) {
			if !slices.Contains(r.Unknown, why) {
				r.Unknown = append(r.Unknown, why)
			}
		}
		if i == 0 || r.Trace.Started() && !trace.Started() {
			r.Trace = trace
		}
		if !trace.CPUMatters {
			break
		}
	}
	r.Findings = merge(runs)
	if len(runs) == 1 && len(tr.levels) == 1 && tr.levels[0] != "" {
		for i := range r.Findings {
			if r.Findings[i].Cause == diagnosis.CPUTooOld {
				r.Findings[i].Levels = tr.levels
			}
		}
	}
	r.Libraries = libraries(r.Trace)
}

// early is the trace of a start that no loader comes into; nil for any other.
func (tr *trial) early() *loader.Trace {
	denied := tr.subject.own.denied(tr.place)
	switch {
	case tr.subject.loop:
		return tr.loop()
	case tr.subject.gone != "":
		return tr.gone()
	case len(denied) > 0:
		return &loader.Trace{ExitStatus: -1, Errno: root.EACCES, Faults: denied}
	}
	return nil
}

func (tr *trial) loop() *loader.Trace {
	return &loader.Trace{ExitStatus: -1, Errno: root.ELOOP, Faults: []loader.Fault{{
		Kind: loader.FaultNoFile, Stage: loader.StageExec, Fatal: true, Object: tr.place, Errno: root.ELOOP,
		Message: "execve: " + root.ELOOP.Error(), Detail: "its path is a loop of links"}}}
}

func libraries(t *loader.Trace) []Library {
	var list []Library
	seen := map[string]bool{}
	for i, o := range t.Objects {
		if i == 0 && o.Name == "" {
			continue
		}
		if o.Missing {
			if seen[o.Name] {
				continue
			}
			seen[o.Name] = true
		}
		l := Library{Name: o.Name, Path: o.Path, FoundBy: o.FoundBy}
		if o.Parent != nil {
			l.NeededBy = o.Parent.Path
		}
		list = append(list, l)
	}
	return list
}

// settle decides where the subject lies, and lays it and the layers over the
// target.
func (tr *trial) settle(b *Bench, c Circumstances) error {
	tree, err := b.layered(tr.target, c.With, tr.subject.payload)
	if err != nil {
		return err
	}
	tr.tree = tree
	own := tr.subject.tree == tr.target.Root || tr.subject.payload != nil
	switch {
	case c.At != "":
		tr.place, own = path.Clean(c.At), false
	case tr.subject.tree != nil:
		tr.place = tr.subject.place
	default:
		var inside bool
		if tr.place, inside = placeIn(tr.subject.host, tr.target, c.With); inside {
			own = true
		} else if p, ok := b.placeAnywhere(tr.subject.host); ok {
			tr.place = p
		} else {
			tr.place = "/usr/local/bin/" + filepath.Base(tr.subject.host)
		}
	}
	tr.assumed.Place = tr.place
	tr.asDlopen()
	if tr.subject.loop || tr.subject.gone != "" {
		return nil
	}
	tr.inPlace = own
	if own {
		tr.info, err = tr.tree.Stat(tr.place, root.Superuser)
		if err == nil {
			return nil
		}
		// What this machine sees at that path, the tree's own kernel would not.
		var errno root.Errno
		if errors.As(err, &errno) {
			return nil
		}
		return err
	}
	over, info, err := tr.tree.WithFile(tr.place, tr.subject.Facts, 0o755)
	if err != nil {
		return err
	}
	tr.tree, tr.info = over, info
	return nil
}

// placeIn is the place of a host file in a target, or in a layer over it.
func placeIn(host string, t *target.Target, with []Layer) (string, bool) {
	for _, l := range with {
		if rest, ok := below(host, l.Dir); ok {
			return path.Join(l.Place, rest), true
		}
	}
	if t.Host != nil {
		return host, true
	}
	return inTree(host, t)
}

func inTree(host string, t *target.Target) (string, bool) {
	dir, ok := t.Root.HostDir()
	if !ok {
		return "", false
	}
	if rest, ok := below(host, dir); ok {
		return rest, true
	}
	// The directory may have been named through a link.
	realDir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", false
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(host))
	if err != nil {
		return "", false
	}
	return below(filepath.Join(parent, filepath.Base(host)), realDir)
}

func below(file, dir string) (string, bool) {
	rest, ok := strings.CutPrefix(file, strings.TrimSuffix(dir, "/")+"/")
	return "/" + rest, ok
}

// placeAnywhere: a file that lies in one of the targets of this run keeps its
// place on all others, so that $ORIGIN is what it will be. Of trees within
// one another the innermost counts.
func (b *Bench) placeAnywhere(host string) (place string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.targets {
		if t.Host != nil {
			continue
		}
		if p, in := inTree(host, t); in && (!ok || len(p) < len(place)) {
			place, ok = p, true
		}
	}
	return place, ok
}

// asDlopen: a library is judged as a dlopen by a plain program.
func (tr *trial) asDlopen() {
	tr.assumed.As = "program"
	if e := tr.subject.Facts.ELF; e != nil && e.Kind == binary.KindShared && tr.as == AsItIs {
		tr.options.AsDlopen = true
		tr.assumed.As = "dlopen"
	}
}
