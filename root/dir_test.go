package root

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestDirConfined: no link, however made, shows what lies outside.
func TestDirConfined(t *testing.T) {
	base := t.TempDir()
	must(t, os.WriteFile(filepath.Join(base, "secret"), []byte("outside"), 0o644))
	dir := filepath.Join(base, "tree")
	must(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o755))
	for name, to := range map[string]string{"rel": "../secret", "a/b/rel": "../../../secret", "abs": filepath.Join(base, "secret"),
		"up": "..", "a/up": "../..", "magic": "/proc/self/cwd"} {
		must(t, os.Symlink(to, filepath.Join(dir, name)))
	}
	r, err := Dir(dir)
	must(t, err)
	defer r.Close()
	for _, name := range []string{"/rel", "/a/b/rel", "/abs", "/up/secret", "/a/up/secret", "/../secret", "/up/up/up/secret", "/magic/secret"} {
		if b, err := r.ReadFile(name, Superuser, 100); err != ENOENT {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
	if _, err := r.Stat("/a/up/a/b", Superuser); err != nil {
		t.Errorf(".. at the root stays there: %v", err)
	}
}

// TestDirRace: someone swaps a directory for a link that leads out, again and
// again; never does a byte from outside come in.
func TestDirRace(t *testing.T) {
	base := t.TempDir()
	out, dir := filepath.Join(base, "out"), filepath.Join(base, "tree")
	for _, d := range []string{out, dir, filepath.Join(dir, "real")} {
		must(t, os.Mkdir(d, 0o755))
	}
	must(t, os.WriteFile(filepath.Join(out, "f"), []byte("outside"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "real/f"), []byte("inside!"), 0o644))
	must(t, os.Symlink("../out", filepath.Join(dir, "leak")))
	must(t, os.Symlink("real", filepath.Join(dir, "at")))
	stop, wait := make(chan struct{}), sync.WaitGroup{}
	wait.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			to, tmp := []string{"leak", "real", "../out", out}[i%4], filepath.Join(dir, "tmp")
			os.Symlink(to, tmp)
			os.Rename(tmp, filepath.Join(dir, "at"))
		}
	})
	for range 300 {
		r, err := Dir(dir)
		must(t, err)
		if b, err := r.ReadFile("/at/f", Superuser, 100); err == nil && string(b) != "inside!" {
			t.Errorf("came in: %q", b)
		}
		// The walk is over, the directory is swapped, then it is opened.
		if f, err := r.store.open("/at/f"); err == nil {
			b := make([]byte, 7)
			f.ReadAt(b, 0)
			if string(b) != "inside!" {
				t.Errorf("opened: %q", b)
			}
			f.Close()
		}
		r.Close()
	}
	close(stop)
	wait.Wait()
}

// TestHostError: what the asking user may not read is our trouble, and says
// nothing about the tree.
func TestHostError(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("the superuser may read everything")
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "shut"), 0))
	must(t, os.WriteFile(filepath.Join(dir, "secret"), nil, 0))
	r, err := Dir(dir)
	must(t, err)
	defer r.Close()
	var ours *HostError
	if _, err := r.Stat("/shut/x", Superuser); !errors.As(err, &ours) {
		t.Errorf("in a shut directory: %v", err)
	}
	if _, err := r.ReadFile("/secret", Superuser, 1); !errors.As(err, &ours) {
		t.Errorf("a shut file: %v", err)
	}
	if _, err := r.Stat("/shut/x", Cred{UID: ^uint32(0) - 1}); err != EACCES {
		t.Errorf("one whom the tree itself refuses: %v", err)
	}
}

func TestDirRefusesFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(name, nil, 0o644))
	if _, err := Dir(name); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Error(err)
	}
	if _, err := Dir(name + "x"); err == nil {
		t.Error("opened nothing")
	}
}

func TestScratch(t *testing.T) {
	r := Scratch()
	if _, err := r.Stat("/bin/sh", Superuser); err != ENOENT {
		t.Error(err)
	}
	if names, err := r.ReadDir("/"); err != nil || len(names) != 0 {
		t.Error(names, err)
	}
}
