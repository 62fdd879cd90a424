package report

import (
	"slices"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/loader"
)

// TreeSchema names the document of willrun tree.
const TreeSchema = "willrun.tree/v1"

// TreeDocument is what willrun tree --format json prints.
type TreeDocument struct {
	Schema  string    `json:"schema"`
	Results []*Tree   `json:"results"`
	Errors  []Trouble `json:"errors"`
}

// Tree is what one program loads on one target: every object once, with what
// it needs. It is a graph, for objects share what they need, and may need one
// another.
type Tree struct {
	File     string              `json:"file"`
	Target   string              `json:"target"`
	Evidence string              `json:"evidence"`
	Verdict  diagnosis.Verdict   `json:"verdict"`
	Loader   *TreeLoader         `json:"loader"`  // null for a static program
	Objects  []*TreeObject       `json:"objects"` // the subject first, then in the loader's order
	Findings []diagnosis.Finding `json:"findings"`
	Unknown  []string            `json:"unknown"`
	Assumed  judge.Assumed       `json:"assumed"`

	Why      *TreeWhy      `json:"why,omitempty"`
	Bindings []TreeBinding `json:"bindings,omitempty"`

	trace *loader.Trace
	depth []int // of each object: needs from the subject to it
	below []int // who names it first, breadth first; -1 for the subject
}

// TreeLoader is the loader that the program names.
type TreeLoader struct {
	Path    string `json:"path"`
	Kind    string `json:"kind"`
	Version string `json:"version"`
}

// State of an object.
type State string

const (
	Loaded      State = "loaded"
	Missing     State = "missing"      // looked for, and not found
	Unusable    State = "unusable"     // found, and refused
	NotSearched State = "not-searched" // the start ends before anything looks for it
	NotKnown    State = "not-known"    // it may be there: the target's evidence does not say
)

// TreeObject is one file that is loaded, or should be.
type TreeObject struct {
	ID      int            `json:"id"` // its index in objects
	Name    string         `json:"name"`
	Path    string         `json:"path"`
	State   State          `json:"state"`
	FoundBy loader.FoundBy `json:"found_by"`
	Fault   string         `json:"fault,omitempty"` // why it is not loaded
	Tried   []string       `json:"tried,omitempty"` // where it was looked for, when missing
	Needs   []TreeNeed     `json:"needs"`

	source *loader.Object
	facts  *binary.Facts
	broken bool // from it, a chain leads to something that is missing
}

// Kinds of needs.
const (
	NeedLibrary     = "needed"      // a NEEDED entry
	NeedInterpreter = "interpreter" // a #! line, PT_INTERP of a program that does not come so far, or a loader that is there unasked
	NeedPreload     = "preload"     // LD_PRELOAD and ld.so.preload
	NeedFilter      = "filter"      // DT_FILTER, DT_AUXILIARY, and what else the loader adds
	NeedVersion     = "version"     // versions of something that it does not name as needed
)

// TreeNeed is an object that another asks for.
type TreeNeed struct {
	ID       int           `json:"id"`
	Name     string        `json:"name"` // as it is asked for
	Kind     string        `json:"kind"`
	Versions []TreeVersion `json:"versions"`
}

// TreeVersion is a version node that is asked for.
type TreeVersion struct {
	Name    string `json:"name"`
	Missing bool   `json:"missing"`
	Weak    bool   `json:"weak"` // may be missing
}

// TreeOf makes the graph of a result.
func TreeOf(r judge.Result) *Tree {
	t := &Tree{File: r.File, Target: r.Target, Evidence: r.Evidence, Verdict: r.Verdict, Findings: r.Findings,
		Unknown: r.Unknown, Assumed: r.Assumed, trace: r.Trace}
	if t.Findings == nil {
		t.Findings = []diagnosis.Finding{}
	}
	if t.Unknown == nil {
		t.Unknown = []string{}
	}
	if t.Assumed.Env == nil {
		t.Assumed.Env = []string{}
	}
	b := &treeBuilder{tree: t, of: map[*loader.Object]*TreeObject{}, missing: map[string]*TreeObject{}}
	switch {
	case r.Trace != nil && len(r.Trace.Objects) > 0:
		b.fromTrace(r)
	default:
		b.fromFacts(r)
	}
	t.arrange()
	t.markBroken()
	return t
}

// arrange walks the graph breadth first: the first who names an object is the
// one below whom it is shown.
func (t *Tree) arrange() {
	t.depth = make([]int, len(t.Objects))
	t.below = make([]int, len(t.Objects))
	for i := range t.below {
		t.below[i] = -1
	}
	queue, seen := []int{0}, make([]bool, len(t.Objects))
	for seen[0] = true; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, n := range t.Objects[at].Needs {
			if !seen[n.ID] {
				seen[n.ID] = true
				t.below[n.ID], t.depth[n.ID] = at, t.depth[at]+1
				queue = append(queue, n.ID)
			}
		}
	}
}

// markBroken marks what leads to something missing: the chains that a user
// follows to it.
func (t *Tree) markBroken() {
	askers := t.askers()
	var queue []int
	mark := func(o *TreeObject) {
		if !o.broken {
			o.broken = true
			queue = append(queue, o.ID)
		}
	}
	for _, o := range t.Objects {
		if o.absent() || slices.ContainsFunc(o.Needs, TreeNeed.broken) {
			mark(o)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, from := range askers[queue[0]] {
			mark(t.Objects[from])
		}
	}
}

// broken: a version that it asks for is not there.
func (n TreeNeed) broken() bool {
	return slices.ContainsFunc(n.Versions, func(v TreeVersion) bool { return v.Missing && !v.Weak })
}

// absent: there is no file that could be loaded.
func (o *TreeObject) absent() bool { return o.State == Missing || o.State == Unusable }

// bad: the need is not met.
func (t *Tree) bad(n TreeNeed) bool { return n.broken() || t.Objects[n.ID].absent() }

// askers are the edges the other way round.
func (t *Tree) askers() [][]int {
	list := make([][]int, len(t.Objects))
	for _, o := range t.Objects {
		for _, n := range o.Needs {
			list[n.ID] = append(list[n.ID], o.ID)
		}
	}
	return list
}
