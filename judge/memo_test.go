package judge

import (
	"context"
	"errors"
	"os"
	"reflect"
	"testing"

	"github.com/willrun/willrun/target"
)

// What the programs of a run have in common is looked up once. Asked for
// bindings, every symbol of every program is looked up by itself: the answers
// must be the same.
func TestSharedLookupsAnswerAlike(t *testing.T) {
	ctx := context.Background()
	bench := NewBench(target.Options{Env: os.Environ()})
	defer bench.Close()
	host, err := bench.Target(ctx, "host")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = bench.Subjects(ctx, "/usr/bin", func(s Subject, err error) error {
		if err != nil || s.Read() != nil {
			return nil
		}
		shared, err := bench.Check(ctx, s, host, Circumstances{})
		if err != nil {
			return err
		}
		each, err := bench.Check(ctx, s, host, Circumstances{Bindings: true})
		if err != nil {
			return err
		}
		shared.Trace.Bindings, each.Trace.Bindings = nil, nil
		if !reflect.DeepEqual(shared.Findings, each.Findings) || !reflect.DeepEqual(shared.Unknown, each.Unknown) ||
			!reflect.DeepEqual(shared.Trace.Faults, each.Trace.Faults) || !reflect.DeepEqual(shared.Trace.Output, each.Trace.Output) {
			t.Errorf("%s: %v, each symbol by itself %v", s.File, shared.Findings, each.Findings)
		}
		if n++; testing.Short() && n == 200 {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if n == 0 {
		t.Skip("no programs in /usr/bin: nothing was compared")
	}
	t.Logf("%d programs", n)
}

// Facts of which symbols are decoded on demand are judged as whole ones are.
func TestProgramsOnDemandAnswerAlike(t *testing.T) {
	ctx := context.Background()
	bench := NewBench(target.Options{Env: os.Environ()})
	defer bench.Close()
	host, err := bench.Target(ctx, "host")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = bench.Subjects(ctx, "/usr/bin", func(s Subject, err error) error {
		whole := s
		if err != nil || s.ReadToJudge() != nil || whole.Read() != nil {
			return nil
		}
		a, err := bench.Check(ctx, s, host, Circumstances{})
		if err != nil {
			return nil
		}
		b, err := bench.Check(ctx, whole, host, Circumstances{})
		if err != nil {
			return err
		}
		if a.Verdict != b.Verdict || !reflect.DeepEqual(a.Findings, b.Findings) || !reflect.DeepEqual(a.Libraries, b.Libraries) || a.Kind != b.Kind {
			t.Errorf("%s: %s and %s", s.File, a.Verdict, b.Verdict)
		}
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 50 {
		t.Errorf("%d programs only", n)
	}
}
