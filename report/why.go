package report

import (
	"fmt"
	"io"
	"path"
	"strings"
)

// TreeWhy are the chains that lead from the subject to an object: the answer
// of willrun tree --why.
type TreeWhy struct {
	Name   string  `json:"name"`   // as asked for
	IDs    []int   `json:"ids"`    // the objects that it names; empty when none is loaded or missing
	Chains [][]int `json:"chains"` // object ids, the shortest first
	More   bool    `json:"more"`   // there are more than are listed
}

// maxChains bounds what is listed: in a graph of libraries there can be more
// chains than anyone could read.
const maxChains = 500

// AskWhy finds all chains to the objects of a name: a soname, a path, a file
// name, or the start of one up to a dot ("libssl", "ssl").
func (t *Tree) AskWhy(name string) {
	t.Why = &TreeWhy{Name: name, IDs: []int{}, Chains: [][]int{}}
	for _, o := range t.Objects[1:] {
		if o.isCalled(name) {
			t.Why.IDs = append(t.Why.IDs, o.ID)
		}
	}
	for _, id := range t.Why.IDs {
		t.Why.Chains, t.Why.More = t.chains(id, t.Why.Chains, t.Why.More)
	}
}

func (o *TreeObject) isCalled(name string) bool {
	base := path.Base(o.Name)
	short := strings.TrimPrefix(base, "lib")
	switch {
	case name == "":
		return false
	case o.Name == name, o.Path == name, base == name, o.Path != "" && path.Base(o.Path) == name:
		return true
	}
	return strings.HasPrefix(base, name+".") || strings.HasPrefix(short, name+".")
}

// chains adds those to one object, the shortest first: a search that goes one
// step deeper each time, only along ways that still lead there. A chain names
// no object twice.
func (t *Tree) chains(to int, list [][]int, more bool) ([][]int, bool) {
	w := &walker{tree: t, to: to, far: t.distances(to), onWay: make([]bool, len(t.Objects)), list: list, left: 1 << 20}
	for length := w.far[0]; length >= 0 && length < len(t.Objects); length++ {
		w.longer = false
		if !w.walk(0, length) {
			return w.list, true
		}
		if !w.longer {
			break
		}
	}
	return w.list, more
}

// walker finds the chains of one length.
type walker struct {
	tree   *Tree
	to     int
	far    []int // of each object from to
	way    []int
	onWay  []bool
	list   [][]int
	left   int  // steps of the whole search, so that a hostile graph ends too
	longer bool // a way was left because it is longer
}

// walk goes on from an object with exactly so many needs to the end; false
// ends the search.
func (w *walker) walk(at, needs int) bool {
	if w.left--; w.left < 0 || len(w.list) >= maxChains {
		return false
	}
	w.way = append(w.way, at)
	w.onWay[at] = true
	defer func() { w.way, w.onWay[at] = w.way[:len(w.way)-1], false }()
	if at == w.to {
		if needs == 0 {
			w.list = append(w.list, append([]int{}, w.way...))
		}
		return true
	}
	for _, n := range w.tree.Objects[at].Needs {
		switch {
		case w.onWay[n.ID] || w.far[n.ID] < 0:
		case w.far[n.ID] >= needs:
			w.longer = true
		case !w.walk(n.ID, needs-1):
			return false
		}
	}
	return true
}

// distances of all objects to one, against the direction of the needs; -1
// where no way leads there.
func (t *Tree) distances(to int) []int {
	far := make([]int, len(t.Objects))
	for i := range far {
		far[i] = -1
	}
	askers := t.askers()
	far[to] = 0
	for queue := []int{to}; len(queue) > 0; queue = queue[1:] {
		for _, from := range askers[queue[0]] {
			if far[from] < 0 {
				far[from] = far[queue[0]] + 1
				queue = append(queue, from)
			}
		}
	}
	return far
}

// Why writes the chains of AskWhy, one after the other, with the versions
// that the last of each asks for.
func (s Style) Why(w io.Writer, t *Tree) {
	s.head(w, t.Verdict, t.File, t.Target, "")
	if len(t.Why.IDs) == 0 {
		fmt.Fprintf(w, "  loads nothing called %s\n", clean(t.Why.Name))
		return
	}
	for _, id := range t.Why.IDs {
		o := t.Objects[id]
		var ways [][]int
		for _, chain := range t.Why.Chains {
			if chain[len(chain)-1] == id {
				ways = append(ways, chain)
			}
		}
		count := plural(len(ways), "chain", "chains")
		if t.Why.More {
			count = "the shortest " + count
		}
		p := treePrinter{Style: s, tree: t}
		s.wrap(w, "  ", "    ", []word{p.title(o, TreeNeed{Name: o.Name}), s.word(faint, "("+count+")")})
		for _, chain := range ways {
			s.wrap(w, "    ", "      ", p.chain(chain))
		}
	}
}

func (p *treePrinter) chain(ids []int) []word {
	var words []word
	for i, id := range ids {
		o := p.tree.Objects[id]
		colour := ""
		if o.broken && o.State != Loaded {
			colour = red
		}
		if i > 0 {
			words = append(words, p.word(faint, "→"))
		}
		words = append(words, p.word(colour, o.Name))
	}
	if len(ids) > 1 {
		for _, n := range p.tree.Objects[ids[len(ids)-2]].Needs {
			if n.ID == ids[len(ids)-1] {
				words = append(words, p.versionWords(n)...)
			}
		}
	}
	return words
}
