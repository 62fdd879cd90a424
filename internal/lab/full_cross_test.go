package lab

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
)

// sampled is how many pairs of each direction are really started: 300 of the
// six directions of three roots.
const sampled = 50

// Every program of each large root is judged on each other root, at its own
// place: what it loads, misses and can't bind is what the loader there lists;
// and a sample is really started.
func TestFullCross(t *testing.T) {
	l, suites := OpenFull(t)
	if len(suites) < 2 {
		t.Skip("one root has no other")
	}
	sum := &crossing{}
	for _, from := range suites {
		programs := slices.DeleteFunc(fullFiles(t, l.Root(from)), func(f fullFile) bool { return !f.Program })
		for _, on := range suites {
			if on != from {
				t.Run(from+" on "+on, func(t *testing.T) { sum.cross(t, l.Root(from), l.Root(on), programs) })
			}
		}
	}
	t.Logf("%d pairs: %d run, %d fail, %d unknown, %d listed otherwise; %d of them really started: %d reached their entry point, %d disagree",
		sum.pairs, sum.verdicts[diagnosis.Runs], sum.verdicts[diagnosis.Fails], sum.verdicts[diagnosis.Unknown], sum.differ, sum.started, sum.arrived, sum.wrong)
}

// crossing counts.
type crossing struct {
	pairs, differ, started, arrived, wrong int
	verdicts                               [3]int
}

func (sum *crossing) cross(t *testing.T, from, on string, programs []fullFile) {
	view, laid := crossView(t, from, on, programs)
	specs := make([]Spec, len(laid))
	for i, p := range laid {
		specs[i] = traceSpec(view, p)
	}
	real := Run(t, specs)
	j := newFullJudge(t)
	defer j.bench.Close()
	listed, plain := make([]judge.Result, len(laid)), make([]judge.Result, len(laid))
	inParallel(len(laid), func(i int) {
		subject := "dir:" + from + "#" + laid[i].Place
		listed[i] = j.program(t, subject, "dir:"+on, j.circumstances(true))
		plain[i] = j.program(t, subject, "dir:"+on, j.circumstances(false))
	})
	d := differences{}
	unknown := map[string]int{}
	for i, p := range laid {
		d.compare(p.Place, parseTrace(real[i]), ourListing(p.Place, listed[i]))
		sum.verdicts[plain[i].Verdict]++
		for _, why := range plain[i].Unknown {
			unknown[why]++
		}
	}
	sum.pairs += len(laid)
	sum.differ += len(d.files)
	t.Logf("%d programs; %s", len(laid), d.summary())
	for why, n := range unknown {
		t.Logf("%d unknown: %s", n, why)
	}
	d.report(t)
	sum.start(t, view, filepath.Base(from)+" on "+filepath.Base(on), laid, plain)
}

// start holds the verdicts of a sample against what happens: half of them
// foretold to run, half to fail, as far as there are.
func (sum *crossing) start(t *testing.T, view, name string, laid []fullFile, ours []judge.Result) {
	chosen := sample(name, laid, ours)
	places := make([]string, len(chosen))
	for i, at := range chosen {
		places[i] = laid[at].Place
	}
	for i, a := range startAll(t, view, places) {
		r := ours[chosen[i]]
		sum.started++
		if a.Entry {
			sum.arrived++
		}
		if why := disagreement(a, r); why != "" {
			sum.wrong++
			t.Errorf("%s: %s\n  real: entry %v, exit %d %s%s\n        %q\n  ours: %s", places[i], why, a.Entry, a.Exit, a.Signal, a.Errno, firstLine(a.Stderr), describe(r))
		}
	}
}

// sample takes pairs by the hash of their names, so that it is the same
// tomorrow.
func sample(name string, laid []fullFile, ours []judge.Result) []int {
	var all []int
	order := make([]string, len(laid))
	for i, p := range laid {
		order[i] = fmt.Sprintf("%x", sha256.Sum256([]byte(name+p.Place)))
		all = append(all, i)
	}
	sort.Slice(all, func(a, b int) bool { return order[all[a]] < order[all[b]] })
	var runs, others []int
	for _, i := range all {
		if ours[i].Verdict == diagnosis.Runs {
			runs = append(runs, i)
		} else {
			others = append(others, i)
		}
	}
	n := min(sampled/2, len(runs))
	m := min(sampled-n, len(others))
	n = min(sampled-m, len(runs))
	return append(runs[:n:n], others[:m]...)
}

// disagreement between a verdict and a start. Where the loader spoke, the
// finding that blocks must have its line.
func disagreement(a arrival, r judge.Result) string {
	switch {
	case r.Verdict == diagnosis.Unknown:
		return "" // counted above
	case a.Entry != (r.Verdict == diagnosis.Runs):
		return "it was foretold as " + r.Verdict.String()
	case a.Entry:
		return ""
	}
	for _, f := range r.Findings {
		if f.Severity == diagnosis.Blocks {
			if a.Errno == "" && f.Message != "" && !strings.Contains(a.Stderr, f.Message+"\n") {
				return "the line differs"
			}
			return ""
		}
	}
	return "nothing blocks"
}
