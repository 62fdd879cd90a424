package judge

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/target"
)

// Facts are enough: a program that was stored is judged as its file is.
func TestStoredFactsGiveTheSameAnswer(t *testing.T) {
	ctx := context.Background()
	bench := NewBench(target.Options{})
	defer bench.Close()
	for _, file := range []string{"/bin/sh", "/bin/ls"} {
		if _, err := os.Stat(file); err != nil {
			continue
		}
		for _, name := range []string{"scratch", "dir:/"} {
			tgt, err := target.Open(ctx, name, target.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer tgt.Close()
			facts, err := binary.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(facts)
			if err != nil {
				t.Fatal(err)
			}
			var stored binary.Facts
			if err := json.Unmarshal(b, &stored); err != nil {
				t.Fatal(err)
			}
			var answers [][]byte
			for _, f := range []*binary.Facts{facts, &stored} {
				s := Subject{File: filepath.Base(file), Facts: f, host: "/elsewhere/" + filepath.Base(file)}
				r, err := bench.Check(ctx, s, tgt, Circumstances{})
				if err != nil {
					t.Fatal(err)
				}
				b, err := json.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				answers = append(answers, b)
			}
			if !reflect.DeepEqual(answers[0], answers[1]) {
				t.Errorf("%s on %s:\n%s\n%s", file, name, answers[0], answers[1])
			}
		}
	}
}
