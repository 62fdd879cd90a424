package judge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/target"
)

// errEnough ends a walk.
var errEnough = errors.New("enough")

// someSubjects are the first dynamic programs of /usr/bin.
func someSubjects(b *testing.B, bench *Bench, n int) []Subject {
	var list []Subject
	err := bench.Subjects(context.Background(), "/usr/bin", func(s Subject, err error) error {
		if err != nil || s.ReadToJudge() != nil || s.Facts.ELF == nil || !s.Facts.ELF.HasInterp {
			return nil
		}
		if list = append(list, s); len(list) == n {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		b.Fatal(err)
	}
	if len(list) < n {
		b.Skipf("/usr/bin has only %d dynamic programs", len(list))
	}
	return list
}

// heap is what is in use after a collection.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// A hundred programs on every release by name, the releases' data read anew.
func BenchmarkCheckReleases(b *testing.B) {
	ctx := context.Background()
	var results []Result
	for b.Loop() {
		bench := NewBench(target.Options{})
		var targets []*target.Target
		for _, name := range target.Releases() {
			t, err := bench.Target(ctx, name)
			if err != nil {
				b.Fatal(err)
			}
			targets = append(targets, t)
		}
		results = nil
		for _, s := range someSubjects(b, bench, 100) {
			for _, t := range targets {
				r, err := bench.Check(ctx, s, t, Circumstances{})
				if err != nil {
					b.Fatal(err)
				}
				results = append(results, r)
			}
		}
		b.ReportMetric(float64(len(results)), "checks")
		b.StopTimer()
		b.ReportMetric(heap(), "MB-kept")
		b.StartTimer()
		runtime.KeepAlive(results)
		bench.Close()
	}
}

// The cost of one more file: copies of one program in a tree, each a file of
// its own. Nanoseconds a file should not grow with their number.
func BenchmarkCheckScale(b *testing.B) {
	file, err := filepath.EvalSymlinks("/bin/ls")
	if err != nil {
		b.Skip(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			for i := range n {
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("p%04d", i)), data, 0o755); err != nil {
					b.Fatal(err)
				}
			}
			var results []Result
			for b.Loop() {
				bench := NewBench(target.Options{Env: os.Environ()})
				results = checkAll(b, bench, dir)
				if len(results) != n {
					b.Fatalf("%d results of %d files", len(results), n)
				}
				b.StopTimer()
				b.ReportMetric(heap(), "MB-kept")
				b.StartTimer()
				runtime.KeepAlive(results)
				bench.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/file")
		})
	}
}

func checkAll(b *testing.B, bench *Bench, dir string) (results []Result) {
	ctx := context.Background()
	tgt, err := bench.Target(ctx, "host")
	if err != nil {
		b.Fatal(err)
	}
	err = bench.Subjects(ctx, dir, func(s Subject, err error) error {
		if err != nil {
			return err
		}
		if err := s.ReadToJudge(); err != nil {
			return err
		}
		r, err := bench.Check(ctx, s, tgt, Circumstances{})
		results = append(results, r)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return results
}

// Every program of /usr/bin on this machine, libraries and symbols included.
func BenchmarkCheckUsrBin(b *testing.B) {
	ctx := context.Background()
	for b.Loop() {
		bench := NewBench(target.Options{Env: os.Environ()})
		tgt, err := bench.Target(ctx, "host")
		if err != nil {
			b.Fatal(err)
		}
		programs := 0
		err = bench.Subjects(ctx, "/usr/bin", func(s Subject, err error) error {
			if err != nil || s.ReadToJudge() != nil {
				return nil
			}
			programs++
			_, err = bench.Check(ctx, s, tgt, Circumstances{})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		bench.Close()
		b.ReportMetric(float64(programs), "programs")
	}
}

// One program after another on a target whose libraries are known already.
func BenchmarkCheckOneWarm(b *testing.B) {
	ctx := context.Background()
	bench := NewBench(target.Options{Env: os.Environ()})
	defer bench.Close()
	tgt, err := bench.Target(ctx, "host")
	if err != nil {
		b.Fatal(err)
	}
	file, err := filepath.EvalSymlinks("/bin/ls")
	if err != nil {
		b.Skip(err)
	}
	facts, err := binary.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := bench.Check(ctx, Subject{File: file, Facts: facts, host: file}, tgt, Circumstances{}); err != nil {
			b.Fatal(err)
		}
	}
}
