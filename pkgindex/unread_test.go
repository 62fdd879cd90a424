package pkgindex

import (
	"slices"
	"testing"

	"github.com/willrun/willrun/root"
)

// What can't be read where a tree is captured is there all the same: left out,
// a preload or a library would be taken for missing.
func TestCaptureKeepsWhatItCannotRead(t *testing.T) {
	tree, err := root.Described("test", []root.Entry{
		{Path: "/etc/ld.so.preload", Mode: root.ModeReg | 0o600, Size: 5},
		{Path: "/usr/lib/libf.so.1", Mode: root.ModeReg | 0o600, Size: 4711},
	})
	if err != nil {
		t.Fatal(err)
	}
	x, err := Capture(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	entries := x.Entries("")
	for _, path := range []string{"/etc/ld.so.preload", "/usr/lib/libf.so.1"} {
		i := slices.IndexFunc(entries, func(e root.Entry) bool { return e.Path == path })
		if i < 0 || entries[i].Size == 0 || entries[i].Facts != nil || entries[i].Later != nil || entries[i].Data != nil {
			t.Errorf("%s: %d of %+v", path, i, entries)
		}
	}
}
