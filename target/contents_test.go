package target

import (
	"context"
	"slices"
	"testing"

	"github.com/willrun/willrun/pkgindex"
)

// What is known of a release holds its C library, wherever the distribution
// puts it.
func TestContentsHaveTheLibc(t *testing.T) {
	for _, name := range Releases() {
		tgt, err := Open(context.Background(), name, Options{Published: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		x, err := tgt.Contents(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		has := func(soname string) bool {
			return slices.ContainsFunc(x.Libraries(tgt.Machine), func(o pkgindex.Offered) bool { return o.Soname == soname && o.There })
		}
		if !has("libc.so.6") && !has("libc.musl-x86_64.so.1") {
			t.Errorf("%s has no libc", name)
		}
		tgt.Close()
	}
}
