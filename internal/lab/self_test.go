package lab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/target"
)

// willrun says of itself that it runs on an empty system and on every root of
// its machine, and it does; it is small.
func TestWillrunRunsEverywhere(t *testing.T) {
	l := Open(t)
	file := filepath.Join(t.TempDir(), "willrun")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, "../../cmd/willrun")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 25<<20 {
		t.Errorf("it has %d bytes, and 25 MB is the limit", info.Size())
	}
	ctx := context.Background()
	bench := judge.NewBench(target.Options{})
	defer bench.Close()
	for _, v := range l.Views(t) {
		if v.Qemu == "aarch64" || v.Noexec {
			continue
		}
		tgt, err := bench.Target(ctx, "dir:"+l.Root(v.Base))
		if err != nil {
			t.Fatal(err)
		}
		err = bench.Subjects(ctx, file, func(s judge.Subject, err error) error {
			if err == nil {
				err = s.Read()
			}
			if err != nil {
				return err
			}
			r, err := bench.Check(ctx, s, tgt, judge.Circumstances{})
			if err == nil && r.Verdict != diagnosis.Runs {
				t.Errorf("on %s: %s", v.Name, describe(r))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
