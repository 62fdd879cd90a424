package services

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/willrun/willrun/root"
)

// TestEnabled: what systemctl calls enabled is found to be started, and what
// it calls masked is not found at all.
func TestEnabled(t *testing.T) {
	if _, err := exec.LookPath("systemctl"); err != nil {
		missing(t, "systemctl")
	}
	out, err := exec.Command("systemctl", "--root=/", "list-unit-files", "--no-legend", "--no-pager", "--type=service", "--type=socket").Output()
	if err != nil {
		missing(t, "systemctl --root: "+err.Error())
	}
	tree, err := root.Host()
	must(t, err)
	t.Cleanup(func() { tree.Close() })
	l := newLoader(context.Background(), tree)
	by := l.started()
	states := map[string]int{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		n, ok := parseName(f[0])
		if len(f) < 2 || !ok || n.isTemplate() {
			continue
		}
		states[f[1]]++
		u := l.load(f[0])
		switch f[1] {
		case "masked":
			if u != nil {
				t.Errorf("%s is masked", f[0])
			}
		case "alias", "enabled", "enabled-runtime":
			if u == nil {
				t.Errorf("%s is %s, and not there", f[0], f[1])
			} else if by[u.name] == "" && f[1] != "alias" {
				t.Errorf("%s is %s, and nothing starts it", f[0], f[1])
			}
		default:
			if u == nil {
				t.Errorf("%s is %s, and not there", f[0], f[1])
			}
		}
	}
	t.Log(states)
	if states["enabled"] < 3 {
		t.Errorf("only %d enabled units", states["enabled"])
	}
}
