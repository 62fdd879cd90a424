package profile

import (
	"sync"
	"testing"
)

// cold forgets what was unpacked.
func cold() {
	index = sync.OnceValues(readIndex)
	muslText = sync.OnceValues(readMusl)
	chunks = sync.Map{}
}

// A look-up without anything unpacked, with all that a check asks for: below
// 2 ms.
func BenchmarkLookupCold(b *testing.B) {
	for b.Loop() {
		cold()
		p := lookup(b, "almalinux:9")
		if _, err := p.Entries("x86-64"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookupColdMusl(b *testing.B) {
	for b.Loop() {
		cold()
		p := lookup(b, "alpine:3.20")
		if _, err := p.Entries("x86-64"); err != nil {
			b.Fatal(err)
		}
	}
}

// All releases on one machine, from nothing: below 50 ms.
func BenchmarkAllCold(b *testing.B) {
	for b.Loop() {
		cold()
		for _, name := range Names() {
			if _, err := lookup(b, name).Entries("x86-64"); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkNode(b *testing.B) {
	p := lookup(b, "almalinux:9")
	for b.Loop() {
		if p.Node("x86-64", "libc.so.6", "GLIBC_2.34") != Has {
			b.Fatal("lost")
		}
	}
}
