package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
)

// fullSuites are the releases of the large roots.
var fullSuites = []string{"bullseye", "bookworm", "trixie"}

// OpenFull gives the large roots of lab/full.sh, built where they are not
// there yet. WILLRUN_FULL names other suites ("sid", "bookworm trixie").
func OpenFull(t testing.TB) (l *Lab, suites []string) {
	t.Helper()
	if testing.Short() {
		t.Skip("the large roots are not for short tests")
	}
	if os.Getuid() != 0 {
		Missing(t, "the lab runs programs in roots of their own, which only root can")
	}
	suites = fullSuites
	if named := strings.Fields(os.Getenv("WILLRUN_FULL")); len(named) > 0 {
		suites = named
	}
	base := os.Getenv("WILLRUN_LAB")
	if base == "" {
		home, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		base = filepath.Join(home, "willrun-lab")
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock := lock(t, filepath.Join(base, "full-lock"))
	defer unlock()
	l = &Lab{Dir: filepath.Join(base, "full-"+fullKey(t)+"-"+strings.Join(suites, "-"))}
	if _, err := os.Stat(filepath.Join(l.Dir, "complete")); err != nil {
		l.buildFull(t, suites)
	}
	return l, suites
}

// fullKey is the hash of what the large roots are made from.
func fullKey(t testing.TB) string {
	h := sha256.New()
	for _, name := range []string{"roots.sh", "full.sh", "full-packages.txt"} {
		data, err := os.ReadFile(filepath.Join(source(), name))
		if err != nil {
			t.Fatal(err)
		}
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func (l *Lab) buildFull(t testing.TB, suites []string) {
	t.Logf("building the large roots in %s: some minutes", l.Dir)
	tmp := l.Dir + ".building"
	os.RemoveAll(tmp)
	cmd := exec.Command("bash", append([]string{filepath.Join(source(), "full.sh"), tmp}, suites...)...)
	out, err := cmd.CombinedOutput()
	os.WriteFile(l.Dir+".log", out, 0o644)
	if err == nil {
		_, err = os.Stat(filepath.Join(tmp, "complete"))
	}
	if err != nil {
		os.RemoveAll(tmp)
		Missing(t, "the large roots could not be built ("+err.Error()+"): see "+l.Dir+".log")
	}
	if err := os.Rename(tmp, l.Dir); err != nil {
		t.Fatal(err)
	}
}

// fullFile is a program or library of a large root.
type fullFile struct {
	Place   string
	Program bool
	SetID   bool // the loader ignores LD_TRACE_LOADED_OBJECTS when such a program is executed
}

// fullFiles lists what the root's own loader can load: every dynamic program
// of its machine, and every shared library or plugin that has a dynamic
// section, wherever it lies. Files are listed by the place where they really
// are, once each, in order.
func fullFiles(t testing.TB, dir string) []fullFile {
	var list []fullFile
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(name, ".o") {
			return err
		}
		info, err := d.Info()
		if err != nil || !isELF(name) {
			return err
		}
		facts, err := binary.ReadFile(name)
		if err != nil {
			return err
		}
		e := facts.ELF
		if e == nil || e.Machine != "x86-64" || !e.Dynamic {
			return nil
		}
		f := fullFile{Place: strings.TrimPrefix(name, dir), SetID: info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0}
		switch {
		case e.Soname == "ld-linux-x86-64.so.2": // "loader cannot load itself"
		case (e.Kind == binary.KindExec || e.Kind == binary.KindPIE) && e.Interp == fullLoader && info.Mode()&0o111 != 0:
			f.Program = true
			list = append(list, f)
		case e.Kind == binary.KindShared:
			list = append(list, f)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func isELF(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := f.ReadAt(head, 0)
	return string(head[:n]) == "\x7fELF"
}
