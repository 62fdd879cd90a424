package report

// arrow is one need in a drawing.
type arrow struct {
	from, to int
	need     TreeNeed
}

// arrows gives the needs worth a line of their own: one that a longer way
// implies (an app needs libc, and libssl, which needs libc too) is left out
// unless something is wrong with it. What can be reached stays the same.
// The second result is how many were left out.
func (t *Tree) arrows() (kept []arrow, left int) {
	order, back := t.topological()
	reach := make([]bits, len(t.Objects))
	implied := map[[2]int]bool{}
	for i := len(order) - 1; i >= 0; i-- {
		v := order[i]
		reach[v] = newBits(len(t.Objects))
		for _, n := range t.Objects[v].Needs {
			if back[[2]int{v, n.ID}] {
				continue
			}
			reach[v].join(reach[n.ID])
		}
		for _, n := range t.Objects[v].Needs {
			if !back[[2]int{v, n.ID}] && reach[v].has(n.ID) {
				implied[[2]int{v, n.ID}] = true
			}
		}
		for _, n := range t.Objects[v].Needs {
			reach[v].set(n.ID)
		}
	}
	for _, o := range t.Objects {
		for _, n := range o.Needs {
			to := t.Objects[n.ID]
			if implied[[2]int{o.ID, n.ID}] && to.State == Loaded && !n.broken() && n.Kind == NeedLibrary {
				left++
				continue
			}
			if n.ID != o.ID {
				kept = append(kept, arrow{o.ID, n.ID, n})
			}
		}
	}
	return kept, left
}

// topological sorts the objects so that needs lead forward, but for those
// that lead back in a search in depth.
func (t *Tree) topological() (order []int, back map[[2]int]bool) {
	back = map[[2]int]bool{}
	const grey, black = 1, 2
	colour := make([]int, len(t.Objects))
	type frame struct{ at, next int }
	for start := range t.Objects {
		if colour[start] != 0 {
			continue
		}
		colour[start] = grey
		for stack := []frame{{start, 0}}; len(stack) > 0; {
			top := &stack[len(stack)-1]
			needs := t.Objects[top.at].Needs
			if top.next == len(needs) {
				colour[top.at] = black
				order = append(order, top.at)
				stack = stack[:len(stack)-1]
				continue
			}
			to := needs[top.next].ID
			top.next++
			switch colour[to] {
			case grey:
				back[[2]int{top.at, to}] = true
			case 0:
				colour[to] = grey
				stack = append(stack, frame{to, 0})
			}
		}
	}
	for i, j := 0, len(order)-1; i < j; i, j = i+1, j-1 {
		order[i], order[j] = order[j], order[i]
	}
	return order, back
}

// bits is a set of small numbers.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bits) join(other bits) {
	for i := range other {
		b[i] |= other[i]
	}
}
