package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
)

// each does f for every name, on two cores.
func each[T any](list []T, f func(T)) {
	next := make(chan T)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for x := range next {
				f(x)
			}
		})
	}
	for _, x := range list {
		next <- x
	}
	close(next)
	wg.Wait()
}

// capture writes a root down as an index, and gives the name under which the
// file is read again.
func capture(t testing.TB, dir, file string) string {
	t.Helper()
	tree, err := root.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	x, err := pkgindex.Capture(context.Background(), tree)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return "index:" + file
}

// views groups pairs by what is to be captured: a root under one way of
// running in it. A mount option is no part of a tree.
func byView(pairs []*pair) (order []string, views map[string][]*pair) {
	views = map[string][]*pair{}
	for _, p := range pairs {
		name := p.spec.View.Name
		if p.spec.View.Noexec {
			continue
		}
		if views[name] == nil {
			order = append(order, name)
		}
		views[name] = append(views[name], p)
	}
	return order, views
}

// An index that was captured from a tree and read again from its file gives
// every verdict, finding, library and doubt that the tree itself gives.
func TestCapturedIndexEqualsItsTree(t *testing.T) {
	l := Open(t)
	dir := t.TempDir()
	order, views := byView(l.pairs(t))
	var mu sync.Mutex
	count := map[diagnosis.Verdict]int{}
	each(order, func(name string) {
		pairs := views[name]
		index := capture(t, pairs[0].spec.Root, filepath.Join(dir, name+".index"))
		got, differences := compareCapture(pairs, index)
		mu.Lock()
		defer mu.Unlock()
		for _, d := range differences {
			t.Error(d)
		}
		for v, n := range got {
			count[v] += n
		}
	})
	total := count[diagnosis.Runs] + count[diagnosis.Fails] + count[diagnosis.Unknown]
	t.Logf("%d pairs in %d roots, tree and captured index equal: %d run, %d fail, %d unknown", total, len(order), count[diagnosis.Runs], count[diagnosis.Fails], count[diagnosis.Unknown])
	if total < 15000 || count[diagnosis.Runs] < 2000 || count[diagnosis.Fails] < 2000 {
		t.Error("too few pairs were compared")
	}
}

func compareCapture(pairs []*pair, index string) (count map[diagnosis.Verdict]int, differences []string) {
	ctx := context.Background()
	bench := judge.NewBench(target.Options{})
	defer bench.Close()
	count = map[diagnosis.Verdict]int{}
	tree := "dir:" + pairs[0].spec.Root
	onTree, err := bench.Target(ctx, tree)
	if err != nil {
		return nil, []string{err.Error()}
	}
	onIndex, err := bench.Target(ctx, index)
	if err != nil {
		return nil, []string{err.Error()}
	}
	for _, p := range pairs {
		c := circumstances(p.spec)
		a, err := judged(ctx, bench, tree+"#"+p.spec.Argv[0], onTree, c)
		if err != nil {
			differences = append(differences, p.name+": tree: "+err.Error())
			continue
		}
		hold := func(how, subject string, c judge.Circumstances) {
			b, err := judged(ctx, bench, subject, onIndex, c)
			if err != nil {
				differences = append(differences, fmt.Sprintf("%s: %s: %v", p.name, how, err))
			} else if what := unequal(a, b); what != "" {
				differences = append(differences, fmt.Sprintf("%s: %s: %s\n  tree: %s\n  index: %s", p.name, how, what, describe(a), describe(b)))
			}
		}
		// A program of the tree on its index; one that is laid there is executable,
		// and no link.
		if info, err := os.Lstat(p.spec.Root + p.spec.Argv[0]); err == nil && info.Mode() == 0o755 {
			hold("of the tree", tree+"#"+p.spec.Argv[0], c)
			count[a.Verdict]++
		}
		// The same as users have it: a file of this machine, and what is beside it.
		if file, ok := regular(p.spec.Root + p.spec.Argv[0]); ok && plainRoots[p.spec.View.Name] {
			c.With = []judge.Layer{{Dir: p.spec.Root + "/opt/lab", Place: "/opt/lab"}}
			hold("on the index", file, c)
		}
	}
	return count, differences
}

// unequal names what two results differ in, or is "".
func unequal(a, b judge.Result) string {
	switch {
	case a.Verdict != b.Verdict:
		return "another verdict"
	case !reflect.DeepEqual(a.Findings, b.Findings):
		return "other findings"
	case !reflect.DeepEqual(a.Libraries, b.Libraries):
		return fmt.Sprintf("other libraries: %+v and %+v", a.Libraries, b.Libraries)
	case !reflect.DeepEqual(a.Unknown, b.Unknown) && !strings.Contains(strings.Join(b.Unknown, ""), "its bytes are not known here"):
		return "other doubts"
	case strings.Join(a.Trace.Output, "\n") != strings.Join(b.Trace.Output, "\n"):
		return fmt.Sprintf("other output: %q and %q", a.Trace.Output, b.Trace.Output)
	}
	return ""
}
