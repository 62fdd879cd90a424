package judge

import (
	"slices"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/pkgindex"
)

// A .deb names packages: which of the target's have a library its index tells.
func TestUnowned(t *testing.T) {
	owners := func(soname string) ([]string, bool) {
		switch soname {
		case "libc.so.6":
			return []string{"libc6"}, true
		case "libcurl.so.4":
			return []string{"libcurl4", "libcurl4t64"}, false
		case "libx.so.1":
			return []string{"libx1"}, false
		}
		return nil, false
	}
	p := &payload{Payload: &pkgindex.Payload{Manager: "apt", Package: pkgindex.Package{
		Requires: []pkgindex.Relation{{Name: "other", Or: []pkgindex.Relation{{Name: "libcurl4t64"}}}}}}}
	e := &binary.ELF{Needed: []string{"libc.so.6", "libcurl.so.4", "libx.so.1", "libnowhere.so.9"}}
	if got := p.unowned(e, owners); !slices.Equal(got, []string{"libx.so.1 (of libx1)"}) {
		t.Errorf("%q", got)
	}
}
