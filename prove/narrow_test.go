package prove

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// The probe for 32-bit programs is one that the kernel starts, where it starts
// any; with a header that it does not take, it is refused.
func TestTheSmallestProgramStarts(t *testing.T) {
	here, err := thisKernel()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 || here.machine != "x86-64" {
		t.Skip("SKIPPED, nothing was tested: this needs root on x86-64")
	}
	probe := filepath.Join(t.TempDir(), "probe")
	for machine, want := range map[int]string{em386: "", emARM: "ENOEXEC"} {
		if err := os.WriteFile(probe, smallest(machine), 0o755); err != nil {
			t.Fatal(err)
		}
		a, err := Ask(context.Background(), Question{Root: "/", Place: probe})
		if err != nil || len(a.Exec) != 1 || a.Exec[0].Errno != want {
			t.Errorf("%d: %+v %v", machine, a, err)
		}
	}
	broken := smallest(em386)
	broken[42] = 1 // the size of a program header
	if err := os.WriteFile(probe, broken, 0o755); err != nil {
		t.Fatal(err)
	}
	if a, err := Ask(context.Background(), Question{Root: "/", Place: probe}); err != nil || len(a.Exec) != 1 || a.Exec[0].Errno != "ENOEXEC" {
		t.Errorf("%+v %v", a, err)
	}
}
