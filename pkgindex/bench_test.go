package pkgindex_test

import (
	"os"
	"testing"

	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/root"
)

// BenchmarkOpen is what a check against one release pays before it starts:
// decoding the embedded index and making its tree.
func BenchmarkOpen(b *testing.B) {
	for _, e := range pkgindex.EmbeddedIndexes() {
		b.Run(e.File, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				open(b, e)
			}
		})
	}
}

// BenchmarkFacts opens one and asks for the facts of its C library, which
// unpacks the second part.
func BenchmarkFacts(b *testing.B) {
	for _, e := range pkgindex.EmbeddedIndexes() {
		b.Run(e.File, func(b *testing.B) {
			for b.Loop() {
				r := open(b, e)
				for _, file := range []string{"/lib64/libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6"} {
					if info, err := r.Stat(file, root.Superuser); err == nil {
						if _, err := r.Object(info); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
		})
	}
}

func open(b *testing.B, e pkgindex.EmbeddedIndex) *root.Root {
	data, err := os.ReadFile("data/" + e.File + ".idx")
	if err != nil {
		b.Fatal(err)
	}
	x, err := pkgindex.Decode(data)
	if err != nil {
		b.Fatal(err)
	}
	r, err := root.Described(x.Name, x.Entries(e.Machine))
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// BenchmarkProviders asks the largest index who has a library.
func BenchmarkProviders(b *testing.B) {
	x, ok := pkgindex.Embedded("centos-stream:9", "x86-64")
	if !ok {
		b.Fatal("no centos-stream:9")
	}
	for b.Loop() {
		if p := x.Providers("libcrypto.so.1.1", nil, "x86-64"); len(p) != 1 {
			b.Fatal(p)
		}
	}
}
