package layered

import (
	"math"
	"slices"
)

// place gives coordinates: columns from left to right, boxes as wide as
// the widest of them; in a column each node as near to the middle of its neighbours
// as the order and the gaps allow.
func (g *graph) place() {
	for _, layer := range g.layers {
		y := 0.0
		for i, v := range layer {
			if i > 0 {
				y += g.gap(layer[i-1], v)
			}
			g.nodes[v].y = y
			y += g.nodes[v].h
		}
	}
	g.centre()
	for sweep := range 16 {
		if sweep%2 == 0 {
			for c := 1; c < len(g.layers); c++ {
				g.settle(c, sweep, true)
			}
		} else {
			for c := len(g.layers) - 2; c >= 0; c-- {
				g.settle(c, sweep, false)
			}
		}
	}
	g.across()
}

// centre puts the middles of all columns on one line, to begin with.
func (g *graph) centre() {
	for _, layer := range g.layers {
		last := &g.nodes[layer[len(layer)-1]]
		shift := (last.y + last.h) / 2
		for _, v := range layer {
			g.nodes[v].y -= shift
		}
	}
}

// gap between two nodes of a column, one above the other.
func (g *graph) gap(a, b int) float64 {
	if g.nodes[a].box >= 0 && g.nodes[b].box >= 0 {
		return g.space.Row
	}
	return g.space.Line
}

// settle moves the nodes of one column towards their neighbours on one side
// (on both, in the last sweeps).
func (g *graph) settle(column, sweep int, before bool) {
	layer := g.layers[column]
	want, weight := make([]float64, len(layer)), make([]float64, len(layer))
	for i, v := range layer {
		n := &g.nodes[v]
		links := n.out
		if before {
			links = n.in
		}
		if sweep >= 12 || len(links) == 0 {
			links = append(slices.Clone(n.in), n.out...)
		}
		want[i], weight[i] = n.middle(), 0.1
		if len(links) > 0 {
			want[i], weight[i] = g.median(links), 1
			// Lines are to be straight before boxes stand well.
			if n.box < 0 {
				weight[i] = 3
			}
		}
	}
	for i, y := range g.separate(layer, want, weight) {
		n := &g.nodes[layer[i]]
		n.y = y - n.h/2
	}
}

func (g *graph) median(links []int) float64 {
	var ys []float64
	for _, l := range links {
		ys = append(ys, g.nodes[l].middle())
	}
	slices.Sort(ys)
	return (ys[(len(ys)-1)/2] + ys[len(ys)/2]) / 2
}

// separate finds the middles that are nearest to the wanted ones, in the
// sense of least squares, and keep order and gaps: what must not come nearer
// is pooled and moves together (pool adjacent violators, Ayer et al. 1955).
func (g *graph) separate(layer []int, want, weight []float64) []float64 {
	offset := make([]float64, len(layer)) // least distance from the first
	for i := 1; i < len(layer); i++ {
		a, b := layer[i-1], layer[i]
		offset[i] = offset[i-1] + g.nodes[a].h/2 + g.gap(a, b) + g.nodes[b].h/2
	}
	type pool struct {
		sum, weight float64
		count       int
	}
	var pools []pool
	for i := range layer {
		p := pool{(want[i] - offset[i]) * weight[i], weight[i], 1}
		for len(pools) > 0 {
			last := pools[len(pools)-1]
			if last.sum/last.weight <= p.sum/p.weight {
				break
			}
			p = pool{last.sum + p.sum, last.weight + p.weight, last.count + p.count}
			pools = pools[:len(pools)-1]
		}
		pools = append(pools, p)
	}
	result := make([]float64, 0, len(layer))
	for _, p := range pools {
		for range p.count {
			result = append(result, p.sum/p.weight+offset[len(result)])
		}
	}
	return result
}

// across gives the columns their places from left to right: the more lines
// turn between two, and the further up and down they go, the wider the gap.
func (g *graph) across() {
	x := 0.0
	for c, layer := range g.layers {
		wide := 0.0
		for _, v := range layer {
			wide = max(wide, g.nodes[v].w)
		}
		steep, lines := 0.0, 0
		for _, v := range layer {
			n := &g.nodes[v]
			n.x, n.w = x, wide
			for _, to := range n.out {
				lines++
				steep = max(steep, math.Abs(g.nodes[to].middle()-n.middle()))
			}
		}
		x += wide
		if c+1 < len(g.layers) {
			x += g.space.Column + min(steep/8, 1.5*g.space.Column) + min(float64(lines), g.space.Column)
		}
	}
}

// drawing reads the result off, its upper left corner at 0, 0.
func (g *graph) drawing() *Drawing {
	top := math.Inf(1)
	for i := range g.nodes {
		top = min(top, g.nodes[i].y)
	}
	d := &Drawing{Crossing: g.cross}
	for i := range g.nodes {
		n := &g.nodes[i]
		n.y -= top
		d.W, d.H = max(d.W, n.x+n.w), max(d.H, n.y+n.h)
		if n.box >= 0 {
			d.Boxes = append(d.Boxes, Box{n.x, n.y, n.w, n.h})
			d.Columns = append(d.Columns, n.column)
		}
	}
	for _, p := range g.parts {
		from, to := &g.nodes[p.from], &g.nodes[p.to]
		d.Lines = append(d.Lines, Stretch{A: Point{from.x + from.w, from.middle()}, B: Point{to.x, to.middle()}, Of: p.of, Mark: p.mark,
			TipA: p.reverse && from.box >= 0, TipB: p.forth && to.box >= 0})
	}
	for i := range g.nodes {
		if n := &g.nodes[i]; n.box < 0 {
			d.Lines = append(d.Lines, Stretch{A: Point{n.x, n.middle()}, B: Point{n.x + n.w, n.middle()}, Of: n.of, Mark: n.mark})
		}
	}
	return d
}
