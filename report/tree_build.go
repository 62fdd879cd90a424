package report

import (
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/loader"
)

// treeBuilder makes the objects and needs of a Tree.
type treeBuilder struct {
	tree    *Tree
	of      map[*loader.Object]*TreeObject
	missing map[string]*TreeObject
}

func (b *treeBuilder) object(o TreeObject) *TreeObject {
	o.ID, o.Needs = len(b.tree.Objects), []TreeNeed{}
	b.tree.Objects = append(b.tree.Objects, &o)
	return &o
}

// need adds an edge, once for each pair.
func (o *TreeObject) need(to *TreeObject, name, kind string) {
	if to == nil || slices.ContainsFunc(o.Needs, func(n TreeNeed) bool { return n.ID == to.ID }) {
		return
	}
	o.Needs = append(o.Needs, TreeNeed{ID: to.ID, Name: name, Kind: kind, Versions: []TreeVersion{}})
}

// fromTrace takes the objects from the simulation, and behind them what it
// found missing.
func (b *treeBuilder) fromTrace(r judge.Result) {
	if l := r.Trace.Libc; l != nil {
		b.tree.Loader = &TreeLoader{Path: l.Interp, Kind: l.Kind, Version: l.Version}
	}
	head := b.scripts(r)
	for i, o := range r.Trace.Objects {
		if o.Missing {
			b.absent(o.Name, o, r.Trace)
			continue
		}
		name := o.Name
		if i == 0 && name == "" {
			name = path.Base(o.Path)
		}
		b.of[o] = b.object(TreeObject{Name: name, Path: o.Path, State: Loaded, FoundBy: o.FoundBy, source: o, facts: o.Facts})
	}
	program := b.of[r.Trace.Objects[0]]
	if head != nil {
		head.need(program, program.Path, NeedInterpreter)
	}
	for _, o := range r.Trace.Objects {
		if from := b.of[o]; from != nil {
			b.needs(from, r.Trace)
			b.versions(from, r.Trace)
		}
	}
	b.unasked(program)
}

// scripts adds the scripts before the program and gives the last of them.
func (b *treeBuilder) scripts(r judge.Result) *TreeObject {
	var last *TreeObject
	for _, step := range r.Trace.Exec {
		if step.Facts == nil || step.Facts.Format != binary.FormatScript {
			continue
		}
		o := b.object(TreeObject{Name: path.Base(step.Path), Path: step.Path, State: Loaded, facts: step.Facts})
		if last != nil {
			last.need(o, step.Path, NeedInterpreter)
		}
		last = o
	}
	return last
}

// absent is the one object for all that ask in vain for a name.
func (b *treeBuilder) absent(name string, o *loader.Object, trace *loader.Trace) *TreeObject {
	to := b.missing[name]
	if to == nil {
		to = b.object(TreeObject{Name: name, State: Missing, source: o})
		b.missing[name] = to
	}
	// What the loader takes for there, because the evidence has gaps, is an
	// object of which nothing is known.
	if o.Facts != nil && o.Facts.ELF != nil && o.Facts.ELF.Opaque {
		to.State = NotKnown
	}
	for _, t := range o.Tried {
		if line := t.Path + " " + t.Result; !slices.Contains(to.Tried, line) {
			to.Tried = append(to.Tried, line)
		}
	}
	for _, f := range trace.Faults {
		if f.Kind == loader.FaultLibraryUnusable && f.Library == name {
			to.State, to.Path, to.Fault = Unusable, f.Object, f.Detail
		}
	}
	return to
}

// needs adds what one object asks for, in the order in which it asks.
func (b *treeBuilder) needs(from *TreeObject, trace *loader.Trace) {
	if from.facts != nil && from.facts.ELF != nil {
		for _, name := range from.facts.ELF.Needed {
			to := b.answer(from.source, name, trace)
			if to == nil {
				to = b.unanswered(name, trace)
			}
			from.need(to, name, NeedLibrary)
		}
	}
	// Filters, and names with tokens, which only the loader can resolve.
	for _, o := range from.source.Needs {
		if to := b.of[o]; to != nil {
			from.need(to, to.Name, NeedFilter)
		}
	}
	for _, o := range trace.Objects {
		if o.Missing && o.Parent == from.source {
			from.need(b.missing[o.Name], o.Name, NeedLibrary)
		}
	}
}

// answer finds what a name that one object asks for led to: what it was told
// in vain, else one of its own needs, else any object of that name.
func (b *treeBuilder) answer(from *loader.Object, name string, trace *loader.Trace) *TreeObject {
	for _, o := range trace.Objects {
		if o.Missing && o.Parent == from && o.Name == name {
			return b.missing[name]
		}
	}
	for _, list := range [][]*loader.Object{from.Needs, trace.Objects} {
		for _, called := range []func(*loader.Object) string{nameOf, sonameOf, pathOf} {
			for _, o := range list {
				if o != nil && !o.Missing && b.of[o] != nil && called(o) == name {
					return b.of[o]
				}
			}
		}
	}
	return nil
}

// vdso are the names of what the kernel maps, in every process.
var vdso = []string{"linux-vdso.so.1", "linux-gate.so.1", "linux-vdso64.so.1"}

// unanswered is the object for a name that led to nothing, not even to the
// knowledge that it is missing. Names with tokens are not among them: what
// they became is among the loader's own answers.
func (b *treeBuilder) unanswered(name string, trace *loader.Trace) *TreeObject {
	if name == "" || strings.Contains(name, "$") || slices.Contains(vdso, name) {
		return nil
	}
	if o := b.missing[name]; o != nil {
		return o
	}
	state := NotKnown
	if trace.Static || slices.ContainsFunc(trace.Faults, func(f loader.Fault) bool { return f.Fatal && f.Stage < loader.StageMap }) {
		state = NotSearched
	}
	b.missing[name] = b.object(TreeObject{Name: name, State: state})
	return b.missing[name]
}

func nameOf(o *loader.Object) string { return o.Name }
func pathOf(o *loader.Object) string { return o.Path }

func sonameOf(o *loader.Object) string {
	if o.Facts == nil || o.Facts.ELF == nil {
		return ""
	}
	return o.Facts.ELF.Soname
}

// unasked hangs what nobody needs below the program: preloads, and a loader
// that is in the list since glibc 2.41 whether it is needed or not.
func (b *treeBuilder) unasked(program *TreeObject) {
	asked := map[int]bool{0: true, program.ID: true}
	for _, o := range b.tree.Objects {
		for _, n := range o.Needs {
			asked[n.ID] = asked[n.ID] || n.ID != o.ID
		}
	}
	for _, o := range b.tree.Objects {
		switch {
		case asked[o.ID]:
		case b.tree.Loader != nil && o.Path == b.tree.Loader.Path:
			program.need(o, o.Name, NeedInterpreter)
		case o.FoundBy == loader.ByPreload:
			program.need(o, o.Name, NeedPreload)
		default:
			program.need(o, o.Name, NeedFilter)
		}
	}
}

// fromFacts is for a start that nothing was simulated of: it ends in the
// kernel, or the target has no files to look at. What is known of the
// libraries comes from the result.
func (b *treeBuilder) fromFacts(r judge.Result) {
	subject := b.object(TreeObject{Name: path.Base(r.File), Path: r.Assumed.Place, State: Loaded, facts: r.Facts})
	byPath := map[string]*TreeObject{r.Assumed.Place: subject}
	for _, l := range r.Libraries {
		o := b.object(TreeObject{Name: l.Name, Path: l.Path, State: Loaded, FoundBy: l.FoundBy})
		if isMissing(r.Findings, l.Name) {
			o.State = Missing
		}
		byPath[l.Path] = o
		from := byPath[l.NeededBy]
		if from == nil || l.NeededBy == "" {
			from = subject
		}
		from.need(o, l.Name, NeedLibrary)
	}
	for _, f := range r.Findings {
		if f.Cause == diagnosis.InterpreterMissing || f.Cause == diagnosis.InterpreterUnusable {
			state := map[diagnosis.Cause]State{diagnosis.InterpreterMissing: Missing, diagnosis.InterpreterUnusable: Unusable}[f.Cause]
			name := f.Library
			if name == "" {
				name = f.Object
			}
			subject.need(b.object(TreeObject{Name: name, State: state}), name, NeedInterpreter)
		}
	}
	b.unsearched(subject, r)
	b.versionsOf(subject, func(need, version string, _ *TreeObject) bool {
		return slices.ContainsFunc(r.Findings, func(f diagnosis.Finding) bool {
			return f.Cause == diagnosis.VersionMissing && f.Library == need && f.Version == version
		})
	})
}

// unsearched are needs that nothing came to look for.
func (b *treeBuilder) unsearched(subject *TreeObject, r judge.Result) {
	if r.Facts == nil || r.Facts.ELF == nil {
		return
	}
	for _, name := range r.Facts.ELF.Needed {
		if !slices.ContainsFunc(subject.Needs, func(n TreeNeed) bool { return n.Name == name }) {
			subject.need(b.object(TreeObject{Name: name, State: NotSearched}), name, NeedLibrary)
		}
	}
}

func isMissing(findings []diagnosis.Finding, name string) bool {
	return slices.ContainsFunc(findings, func(f diagnosis.Finding) bool {
		return f.Cause == diagnosis.LibraryMissing && f.Library == name
	})
}
