package judge

import (
	"errors"
	"os"
	"reflect"
	"testing"

	"github.com/willrun/willrun/target"
)

// everyProgram gives the programs of this machine, and the machine.
func everyProgram(t *testing.T, f func(b *Bench, s Subject, host *target.Target) error) {
	t.Helper()
	bench := NewBench(target.Options{Env: os.Environ()})
	defer bench.Close()
	host, err := bench.Target(t.Context(), "host")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = bench.Subjects(t.Context(), "/usr/bin", func(s Subject, err error) error {
		whole := s // what can't be read is no matter here
		if err != nil || whole.Read() != nil {
			return nil
		}
		if err := f(bench, s, host); err != nil {
			return err
		}
		if n++; testing.Short() && n == 200 {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if n < 50 {
		t.Errorf("%d programs only", n)
	}
}

// What the programs of a run have in common is looked up once. Asked for
// bindings, every symbol of every program is looked up by itself: the answers
// must be the same.
func TestSharedLookupsAnswerAlike(t *testing.T) {
	everyProgram(t, func(b *Bench, s Subject, host *target.Target) error {
		if err := s.Read(); err != nil {
			return err
		}
		shared, err := b.Check(t.Context(), s, host, Circumstances{})
		if err != nil {
			return err
		}
		each, err := b.Check(t.Context(), s, host, Circumstances{Bindings: true})
		if err != nil {
			return err
		}
		shared.Trace.Bindings, each.Trace.Bindings = nil, nil
		if !reflect.DeepEqual(shared.Findings, each.Findings) || !reflect.DeepEqual(shared.Unknown, each.Unknown) ||
			!reflect.DeepEqual(shared.Trace.Faults, each.Trace.Faults) || !reflect.DeepEqual(shared.Trace.Output, each.Trace.Output) {
			t.Errorf("%s: %v, each symbol by itself %v", s.File, shared.Findings, each.Findings)
		}
		return nil
	})
}

// Facts of which symbols are decoded on demand are judged as whole ones are.
func TestProgramsOnDemandAnswerAlike(t *testing.T) {
	everyProgram(t, func(b *Bench, s Subject, host *target.Target) error {
		whole := s
		if err := errors.Join(s.ReadToJudge(), whole.Read()); err != nil {
			return err
		}
		on, err := b.Check(t.Context(), s, host, Circumstances{})
		if err != nil {
			return err
		}
		of, err := b.Check(t.Context(), whole, host, Circumstances{})
		if err != nil {
			return err
		}
		if on.Verdict != of.Verdict || !reflect.DeepEqual(on.Findings, of.Findings) || !reflect.DeepEqual(on.Libraries, of.Libraries) || on.Kind != of.Kind {
			t.Errorf("%s: %s and %s", s.File, on.Verdict, of.Verdict)
		}
		return nil
	})
}
