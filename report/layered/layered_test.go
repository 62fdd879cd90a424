package layered

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// graphs of many shapes, up to 300 nodes and more.
func graphs() map[string]struct {
	boxes []Box
	edges []Edge
} {
	type g = struct {
		boxes []Box
		edges []Edge
	}
	all := map[string]g{"empty": {}, "one": {boxes: []Box{{W: 50, H: 20}}}}
	boxes := func(r *rand.Rand, n int) []Box {
		var list []Box
		for range n {
			list = append(list, Box{W: 30 + 200*r.Float64(), H: 20 + 60*r.Float64()})
		}
		return list
	}
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := 300
		var sparse, dense, cyclic []Edge
		for v := 1; v < n; v++ {
			sparse = append(sparse, Edge{From: r.IntN(v), To: v})
			for range r.IntN(6) {
				dense = append(dense, Edge{From: r.IntN(v), To: v, Mark: r.IntN(40) == 0})
			}
			cyclic = append(cyclic, Edge{From: r.IntN(n), To: r.IntN(n)}, Edge{From: r.IntN(n), To: v})
		}
		all[fmt.Sprint("sparse ", seed)] = g{boxes(r, n), sparse}
		all[fmt.Sprint("dense ", seed)] = g{boxes(r, n), dense}
		all[fmt.Sprint("cyclic ", seed)] = g{boxes(r, n), cyclic}
	}
	r := rand.New(rand.NewPCG(9, 9))
	var star, chain, pair []Edge
	for v := 1; v < 300; v++ {
		star = append(star, Edge{From: 0, To: v})
		chain = append(chain, Edge{From: v - 1, To: v}, Edge{From: v - 1, To: 299})
	}
	pair = []Edge{{From: 0, To: 1}, {From: 1, To: 0}, {From: 1, To: 1}, {From: 0, To: 7}, {From: -1, To: 0}, {From: 0, To: 1}}
	all["star"] = g{boxes(r, 300), star}
	all["chain"] = g{boxes(r, 300), chain}
	all["bad edges"] = g{boxes(r, 2), pair}
	return all
}

// No box touches another, and no line crosses one.
func TestNothingOverlaps(t *testing.T) {
	for name, g := range graphs() {
		d := Draw(g.boxes, g.edges, Spacing{})
		for i, a := range d.Boxes {
			if a.X < 0 || a.Y < 0 || a.X+a.W > d.W+1e-6 || a.Y+a.H > d.H+1e-6 || math.IsNaN(a.X+a.Y) {
				t.Errorf("%s: box %d lies outside: %+v of %v × %v", name, i, a, d.W, d.H)
			}
			if a.W < g.boxes[i].W || a.H != g.boxes[i].H {
				t.Errorf("%s: box %d is too small: %+v, want %+v", name, i, a, g.boxes[i])
			}
			for j, b := range d.Boxes[:i] {
				if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H+8 && b.Y < a.Y+a.H+8 {
					t.Fatalf("%s: boxes %d and %d touch: %+v %+v", name, i, j, a, b)
				}
			}
		}
		for _, l := range d.Lines {
			if l.A.X > l.B.X {
				t.Fatalf("%s: a line leads to the left: %+v", name, l)
			}
			for i, b := range d.Boxes {
				low, high := math.Min(l.A.Y, l.B.Y), math.Max(l.A.Y, l.B.Y)
				if l.A.X < b.X+b.W-1e-6 && l.B.X > b.X+1e-6 && low < b.Y+b.H && high > b.Y {
					t.Fatalf("%s: a line crosses box %d: %+v %+v", name, i, l, b)
				}
			}
		}
	}
}

// Every edge is there: from each box one comes to each that it leads to, along
// lines that are drawn for it, and to no other.
func TestEveryEdgeIsDrawn(t *testing.T) {
	for name, g := range graphs() {
		d := Draw(g.boxes, g.edges, Spacing{})
		want := map[[2]int]bool{}
		for _, e := range g.edges {
			if e.From != e.To && min(e.From, e.To) >= 0 && max(e.From, e.To) < len(g.boxes) {
				want[[2]int{e.From, e.To}] = true
			}
		}
		got := drawn(d)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d edges are drawn, want %d", name, len(got), len(want))
		}
	}
}

// drawn follows the lines of each node and gives the edges that a reader sees:
// from the box where a line starts to the box with the arrow.
func drawn(d *Drawing) map[[2]int]bool {
	type end struct {
		p  Point
		of int
	}
	left, right := map[Point]int{}, map[Point]int{}
	for i, b := range d.Boxes {
		left[Point{b.X, b.Y + b.H/2}] = i
		right[Point{b.X + b.W, b.Y + b.H/2}] = i
	}
	next := map[end][]Stretch{}
	for _, l := range d.Lines {
		next[end{l.A, l.Of}] = append(next[end{l.A, l.Of}], l)
	}
	seen := map[[2]int]bool{}
	var follow func(from int, tip bool, l Stretch)
	follow = func(from int, tip bool, l Stretch) {
		if to, ok := left[l.B]; ok {
			if l.TipB {
				seen[[2]int{from, to}] = true
			}
			if tip {
				seen[[2]int{to, from}] = true
			}
			return
		}
		for _, n := range next[end{l.B, l.Of}] {
			follow(from, tip, n)
		}
	}
	for _, l := range d.Lines {
		if from, ok := right[l.A]; ok {
			follow(from, l.TipA, l)
		}
	}
	return seen
}

func TestSameInputSameDrawing(t *testing.T) {
	for name, g := range graphs() {
		if a, b := Draw(g.boxes, g.edges, Spacing{}), Draw(g.boxes, g.edges, Spacing{}); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: two drawings differ", name)
		}
	}
}

// Sorting is worth its time: on graphs of libraries it takes away most of the
// crossings of the first order.
func TestSortingSavesCrossings(t *testing.T) {
	for name, g := range graphs() {
		x := newGraph(g.boxes, g.edges, Spacing{})
		x.breakCycles()
		x.columns()
		x.bundle()
		x.firstOrder()
		before := x.crossings()
		x.sort()
		if x.cross != x.crossings() {
			t.Errorf("%s: %d crossings are said, %d are there", name, x.cross, x.crossings())
		}
		if x.cross > before || before > 1000 && x.cross > before*3/4 {
			t.Errorf("%s: %d crossings before, %d after", name, before, x.cross)
		}
	}
}

// The count with a tree of sums is that of comparing every pair.
func TestCrossingsAreCounted(t *testing.T) {
	for name, g := range graphs() {
		if len(g.edges) > 700 {
			continue
		}
		x := newGraph(g.boxes, g.edges, Spacing{})
		x.breakCycles()
		x.columns()
		x.bundle()
		x.firstOrder()
		slow := 0
		for c := 0; c+1 < len(x.layers); c++ {
			x.number(c + 1)
			for i, a := range x.layers[c] {
				for _, b := range x.layers[c][i+1:] {
					slow += x.inversions(x.nodes[a].out, x.nodes[b].out)
				}
			}
		}
		if fast := x.crossings(); fast != slow {
			t.Errorf("%s: %d, want %d", name, fast, slow)
		}
	}
}

func BenchmarkDraw300(b *testing.B) {
	g := graphs()["dense 0"]
	for b.Loop() {
		Draw(g.boxes, g.edges, Spacing{})
	}
}
