package judge

import (
	"github.com/willrun/willrun/target"
	"os"
	"path/filepath"
	"testing"
)

// A file in trees within one another has its place in the innermost, and in
// the tree of this machine's root as in any other.
func TestPlaceInTrees(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "opt", "app")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	b := NewBench(target.Options{})
	defer b.Close()
	for name, want := range map[string]string{"dir:/": file, "dir:" + dir: "/opt/app"} {
		tgt, err := b.Target(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := placeIn(file, tgt, nil); !ok || got != want {
			t.Errorf("%s: %q %v, want %q", name, got, ok, want)
		}
	}
	for range 20 { // no order of a map decides
		if got, _ := b.placeAnywhere(file); got != "/opt/app" {
			t.Fatalf("anywhere: %q", got)
		}
	}
}
