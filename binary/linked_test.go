package binary

import (
	"bytes"
	stdbinary "encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Lookups in a library's own tables answer as those among its exports do.
func TestLinkedAnswersAlike(t *testing.T) {
	files, _ := filepath.Glob("/lib*/*-linux-gnu/lib*.so.[0-9]*")
	more, _ := filepath.Glob("/lib64/lib*.so.[0-9]*")
	files = append(files, more...)
	slices.Sort(files)
	libraries := 0
	for i, name := range files {
		if i%7 != 0 && filepath.Base(name) != "libc.so.6" && filepath.Base(name) != "libstdc++.so.6" {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil || len(data) > 8<<20 {
			continue
		}
		if alike(t, name, data) {
			libraries++
		}
	}
	t.Logf("%d libraries compared", libraries)
	for _, class := range []int{32, 64} {
		for _, o := range []stdbinary.ByteOrder{stdbinary.LittleEndian, stdbinary.BigEndian} {
			alike(t, "tiny", tinyELF(class, o))
		}
	}
}

// alike compares all names, ones that are not there, and what is bound to none
// of the two.
func alike(t *testing.T, file string, data []byte) (lazy bool) {
	t.Helper()
	listed, err := ReadObject(bytes.NewReader(data), int64(len(data)))
	if err != nil || listed.ELF == nil {
		t.Fatal(file, err)
	}
	linked, err := ReadLinked(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(file, err)
	}
	a, b := listed.ELF, linked.ELF
	if a.ExportsIFUNC() != b.ExportsIFUNC() {
		t.Errorf("%s: IFUNC %v, linked %v", file, a.ExportsIFUNC(), b.ExportsIFUNC())
	}
	for i := range a.Exports {
		name := a.Exports[i].Name
		for _, n := range []string{name, name + "x", name[:len(name)/2]} {
			if want, have := found(a, n), found(b, n); !slices.Equal(want, have) {
				t.Fatalf("%s: %q: %v, linked %v", file, n, want, have)
			}
		}
	}
	return b.table != nil
}

func found(e *ELF, name string) (list []Symbol) {
	e.Lookup(name, GNUHash(name), func(x Symbol) bool {
		list = append(list, x)
		return true
	})
	return list
}
