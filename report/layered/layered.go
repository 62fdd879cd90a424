// Package layered decides where the boxes and lines of a directed graph are
// drawn, from left to right: nodes stand in columns, every edge leads to a
// column further right, no box touches another, and no line crosses a box.
//
//	drawing := layered.Draw([]layered.Box{{W: 80, H: 30}, {W: 90, H: 30}}, []layered.Edge{{From: 0, To: 1}}, layered.Spacing{})
//	drawing.Boxes[1].X
//
// It goes the way of Sugiyama, Tagawa and Toda (Methods for Visual
// Understanding of Hierarchical System Structures, 1981): break cycles, give
// columns, order each column so that few lines cross, and only then give
// coordinates. Edges to one node share their lines: in a graph of libraries
// nearly all of them lead to a few nodes, and would be a black field.
package layered

// Box is the size of a node, and where it was put: its upper left corner.
type Box struct{ X, Y, W, H float64 }

// Edge leads from one node to another, by index. Lines that a marked one is a
// part of are marked.
type Edge struct {
	From, To int
	Mark     bool
}

// Spacing between things, in the unit of the boxes. Zero values stand for
// usable ones.
type Spacing struct {
	Column float64 // least gap between columns; wider where many lines turn
	Row    float64 // gap between boxes of a column
	Line   float64 // gap between lines, and between a line and a box
	Height int     // most boxes in a column; 0: by their number
}

// Point of a drawing.
type Point struct{ X, Y float64 }

// Stretch is a piece of line from one column to the next, to be drawn from
// left to right and level at both ends. Level pieces lead through a column.
type Stretch struct {
	A, B       Point
	Of         int  // the node whose lines these are: all others come together on the way to it
	TipA, TipB bool // an arrow ends here
	Mark       bool
}

// Drawing is where everything goes.
type Drawing struct {
	Boxes    []Box // each as wide as its column
	Lines    []Stretch
	Columns  []int // of each box
	W, H     float64
	Crossing int // how many lines cross
}

// Draw places the boxes. The same input gives the same drawing. Edges from a
// node to itself, doubled ones and ones that name no node are left out.
func Draw(boxes []Box, edges []Edge, space Spacing) *Drawing {
	g := newGraph(boxes, edges, space)
	g.breakCycles()
	g.columns()
	g.bundle()
	g.sort()
	g.place()
	return g.drawing()
}

// node is a box, or a bend: the place where lines lead through a column.
type node struct {
	box    int // -1 for a bend
	of     int // of a bend: the node that its lines lead to
	mark   bool
	w, h   float64
	x, y   float64 // upper left corner
	column int
	out    []int
	in     []int
	at     int     // its place in the column
	weight float64 // where it would like to be
}

func (n *node) middle() float64 { return n.y + n.h/2 }

// link is an edge that leads to the right; back: the other way round.
type link struct {
	from, to   int
	mark, back bool
}

type graph struct {
	space  Spacing
	nodes  []node
	links  []link
	layers [][]int
	parts  []part
	cross  int
}

// part is a piece of line between nodes of neighbouring columns.
type part struct {
	from, to, of   int
	mark           bool
	forth, reverse bool // edges of that direction are in it
}

func newGraph(boxes []Box, edges []Edge, space Spacing) *graph {
	for _, d := range []struct {
		v   *float64
		def float64
	}{{&space.Column, 60}, {&space.Row, 14}, {&space.Line, 9}} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	g := &graph{space: space}
	for i, b := range boxes {
		g.nodes = append(g.nodes, node{box: i, w: b.W, h: b.H})
	}
	seen := map[[2]int]bool{}
	for _, e := range edges {
		key := [2]int{e.From, e.To}
		if e.From == e.To || seen[key] || min(e.From, e.To) < 0 || max(e.From, e.To) >= len(boxes) {
			continue
		}
		seen[key] = true
		g.links = append(g.links, link{from: e.From, to: e.To, mark: e.Mark})
	}
	return g
}

// breakCycles turns the edges round that lead back on the way of a search in
// depth, which starts at node 0 and then where nothing leads to.
func (g *graph) breakCycles() {
	out := make([][]int, len(g.nodes))
	entered := make([]bool, len(g.nodes))
	for i, l := range g.links {
		out[l.from] = append(out[l.from], i)
		entered[l.to] = true
	}
	const white, grey, black = 0, 1, 2
	colour := make([]int, len(g.nodes))
	type frame struct{ node, next int }
	visit := func(start int) {
		if colour[start] != white {
			return
		}
		colour[start] = grey
		for stack := []frame{{start, 0}}; len(stack) > 0; {
			top := &stack[len(stack)-1]
			if top.next == len(out[top.node]) {
				colour[top.node] = black
				stack = stack[:len(stack)-1]
				continue
			}
			l := &g.links[out[top.node][top.next]]
			top.next++
			switch colour[l.to] {
			case grey:
				l.back = true
			case white:
				colour[l.to] = grey
				stack = append(stack, frame{l.to, 0})
			}
		}
	}
	if len(g.nodes) > 0 {
		visit(0)
	}
	for i := range g.nodes {
		if !entered[i] {
			visit(i)
		}
	}
	for i := range g.nodes {
		visit(i)
	}
	for i := range g.links {
		if l := &g.links[i]; l.back {
			l.from, l.to = l.to, l.from
		}
	}
}
