package layered

import (
	"math"
	"slices"
)

// columns gives each node a column behind all that lead to it, and no more
// than so many to one: a node that finds its column full goes to the next
// (list scheduling; Coffman and Graham 1972 is of the same kind). Those with
// the longest way ahead come first.
func (g *graph) columns() {
	n := len(g.nodes)
	out, missing, ahead := make([][]int, n), make([]int, n), g.ahead()
	for _, l := range g.links {
		out[l.from] = append(out[l.from], l.to)
		missing[l.to]++
	}
	most := g.space.Height
	if most <= 0 {
		most = max(24, int(math.Ceil(1.8*math.Sqrt(float64(n)))))
	}
	var ready []int
	for i := range g.nodes {
		if missing[i] == 0 {
			ready = append(ready, i)
		}
	}
	for column, done := 0, 0; done < n; column++ {
		slices.SortStableFunc(ready, func(a, b int) int { return ahead[b] - ahead[a] })
		take := min(len(ready), most)
		now := slices.Clone(ready[:take])
		ready = slices.Clone(ready[take:])
		for _, v := range now {
			g.nodes[v].column = column
			done++
			for _, to := range out[v] {
				if missing[to]--; missing[to] == 0 {
					ready = append(ready, to)
				}
			}
		}
		g.layers = append(g.layers, now)
	}
}

// ahead is the number of edges on the longest way from each node.
func (g *graph) ahead() []int {
	n := len(g.nodes)
	in, missing, far := make([][]int, n), make([]int, n), make([]int, n)
	for _, l := range g.links {
		in[l.to] = append(in[l.to], l.from)
		missing[l.from]++
	}
	var queue []int
	for i := range g.nodes {
		if missing[i] == 0 {
			queue = append(queue, i)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, from := range in[queue[0]] {
			far[from] = max(far[from], far[queue[0]]+1)
			if missing[from]--; missing[from] == 0 {
				queue = append(queue, from)
			}
		}
	}
	return far
}

// bundle cuts the edges at the columns that they lead through. All that lead
// to one node share the bends: from there on they are one line.
func (g *graph) bundle() {
	type spot struct {
		to, column int
		back       bool
	}
	bends := map[spot]int{}
	parts := map[[2]int]int{}
	join := func(from, to int, l link) {
		key := [2]int{from, to}
		i, ok := parts[key]
		if !ok {
			i = len(g.parts)
			parts[key] = i
			g.parts = append(g.parts, part{from: from, to: to, of: l.to})
			g.nodes[from].out = append(g.nodes[from].out, to)
			g.nodes[to].in = append(g.nodes[to].in, from)
		}
		p := &g.parts[i]
		p.mark = p.mark || l.mark
		p.forth, p.reverse = p.forth || !l.back, p.reverse || l.back
	}
	for _, l := range g.links {
		at := l.from
		for column := g.nodes[l.from].column + 1; column < g.nodes[l.to].column; column++ {
			where := spot{l.to, column, l.back}
			bend, ok := bends[where]
			if !ok {
				bend = len(g.nodes)
				bends[where] = bend
				g.nodes = append(g.nodes, node{box: -1, of: l.to, column: column})
				g.layers[column] = append(g.layers[column], bend)
			}
			g.nodes[bend].mark = g.nodes[bend].mark || l.mark
			join(at, bend, l)
			at = bend
		}
		join(at, l.to, l)
	}
}
