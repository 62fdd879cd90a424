package judge

import (
	"context"
	"github.com/willrun/willrun/target"
	"os"
	"path/filepath"
	"testing"

	"github.com/willrun/willrun/binary"
)

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
			if err != nil || s.Read() != nil {
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
