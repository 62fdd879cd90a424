package judge

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/target"
)

// What a unit may do without does not start, and that is no failure.
func TestServices(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"etc/systemd/system/app.service":           "[Service]\nExecStartPre=-/usr/bin/gone\nExecStart=/usr/bin/missing --x\nUser=app\n[Install]\nWantedBy=multi-user.target\n",
		"etc/passwd":                               "root:x:0:0::/:/bin/sh\napp:x:5:6::/:/bin/sh\n",
		"usr/lib/systemd/system/multi-user.target": "[Unit]\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := NewBench(target.Options{})
	defer b.Close()
	codes := map[string]int{}
	err := b.ServiceSubjects(t.Context(), "dir:"+dir, true, func(s Subject, err error) error {
		if err != nil {
			return err
		}
		if err := s.Read(); err != nil {
			return err
		}
		tgt, err := b.Target(t.Context(), "scratch")
		if err != nil {
			return err
		}
		r, err := b.Check(t.Context(), s, tgt, Circumstances{})
		if err != nil {
			return err
		}
		if r.Verdict != diagnosis.Fails || r.Unit != "app.service" || r.Assumed.User != "5:6" && filepath.Base(r.Assumed.Place) == "missing" {
			t.Errorf("%+v", r)
		}
		codes[filepath.Base(r.Assumed.Place)] = r.ExitCode(diagnosis.Blocks)
		return nil
	})
	if err != nil || codes["gone"] != diagnosis.ExitOK || codes["missing"] != diagnosis.ExitFails {
		t.Errorf("%v %v", codes, err)
	}
}
