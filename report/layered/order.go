package layered

import (
	"cmp"
	"slices"
)

// sweeps over the columns, there and back. More change little.
const sweeps = 24

// sort orders the columns so that few lines cross: each node goes to the
// middle of those that it is linked to in the column before, then in the one
// behind, over and over; the best order of all is kept.
func (g *graph) sort() {
	g.firstOrder()
	best, crossings := g.copyOrder(), g.crossings()
	for sweep := 0; sweep < sweeps && crossings > 0; sweep++ {
		if sweep%2 == 0 {
			for c := 1; c < len(g.layers); c++ {
				g.reorder(c, true, sweep%4 >= 2)
			}
		} else {
			for c := len(g.layers) - 2; c >= 0; c-- {
				g.reorder(c, false, sweep%4 >= 2)
			}
		}
		g.exchange()
		if n := g.crossings(); n < crossings {
			best, crossings = g.copyOrder(), n
		}
	}
	g.layers, g.cross = best, crossings
}

// firstOrder follows a search in depth, so that what hangs together starts
// together.
func (g *graph) firstOrder() {
	at := make([]int, len(g.nodes))
	seen := make([]bool, len(g.nodes))
	next := 0
	var visit func(v int)
	visit = func(v int) {
		if seen[v] {
			return
		}
		seen[v] = true
		at[v] = next
		next++
		for _, to := range g.nodes[v].out {
			visit(to)
		}
	}
	for i := range g.nodes {
		visit(i)
	}
	for _, layer := range g.layers {
		slices.SortStableFunc(layer, func(a, b int) int { return at[a] - at[b] })
	}
}

func (g *graph) copyOrder() [][]int {
	var c [][]int
	for _, l := range g.layers {
		c = append(c, slices.Clone(l))
	}
	return c
}

// number writes down at which place of its column each node stands.
func (g *graph) number(column int) {
	for i, v := range g.layers[column] {
		g.nodes[v].at = i
	}
}

// reorder sorts one column by the mean or the median of the neighbours'
// positions. A node without any keeps its place as well as may be.
func (g *graph) reorder(column int, before, median bool) {
	other := column + 1
	if before {
		other = column - 1
	}
	g.number(other)
	scale := float64(len(g.layers[other])) / float64(len(g.layers[column]))
	var places []int
	for i, v := range g.layers[column] {
		n := &g.nodes[v]
		links := n.out
		if before {
			links = n.in
		}
		n.weight = float64(i) * scale
		if len(links) == 0 {
			continue
		}
		places = places[:0]
		sum := 0
		for _, l := range links {
			places = append(places, g.nodes[l].at)
			sum += g.nodes[l].at
		}
		n.weight = float64(sum) / float64(len(links))
		if median {
			slices.Sort(places)
			n.weight = float64(places[(len(places)-1)/2]+places[len(places)/2]) / 2
		}
	}
	slices.SortStableFunc(g.layers[column], func(a, b int) int { return cmp.Compare(g.nodes[a].weight, g.nodes[b].weight) })
	g.number(column)
}

// exchange swaps neighbours in a column where that saves crossings.
func (g *graph) exchange() {
	for c := range g.layers {
		g.number(c)
	}
	for _, layer := range g.layers {
		for i := 0; i+1 < len(layer); i++ {
			a, b := &g.nodes[layer[i]], &g.nodes[layer[i+1]]
			now := g.inversions(a.in, b.in) + g.inversions(a.out, b.out)
			then := g.inversions(b.in, a.in) + g.inversions(b.out, a.out)
			if then < now {
				layer[i], layer[i+1] = layer[i+1], layer[i]
				a.at, b.at = i+1, i
			}
		}
	}
}

// inversions counts the pairs in which an end of the upper node lies below
// one of the lower; the column of the ends must be numbered.
func (g *graph) inversions(upper, lower []int) int {
	n := 0
	for _, u := range upper {
		for _, l := range lower {
			if g.nodes[u].at > g.nodes[l].at {
				n++
			}
		}
	}
	return n
}

// crossings of the whole drawing: for each pair of columns the inversions of
// the links' ends, counted with a tree of sums (Barth, Jünger, Mutzel 2002).
func (g *graph) crossings() int {
	total := 0
	var sums, ends []int
	for c := 0; c+1 < len(g.layers); c++ {
		g.number(c + 1)
		sums = append(sums[:0], make([]int, len(g.layers[c+1])+1)...)
		seen := 0
		for _, v := range g.layers[c] {
			ends = ends[:0]
			for _, to := range g.nodes[v].out {
				ends = append(ends, g.nodes[to].at)
			}
			slices.Sort(ends)
			for _, e := range ends {
				total += seen
				for i := e + 1; i > 0; i -= i & -i {
					total -= sums[i]
				}
			}
			for _, e := range ends {
				seen++
				for i := e + 1; i < len(sums); i += i & -i {
					sums[i]++
				}
			}
		}
	}
	return total
}
