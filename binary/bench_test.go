package binary

import (
	"os"
	"testing"
)

func benchFile(b *testing.B, files ...string) string {
	for _, f := range files {
		if _, err := os.Stat(f); err == nil {
			return f
		}
	}
	b.Skipf("none of %v is here", files)
	return ""
}

// A C library as a loader needs it: some 3,000 symbols.
func BenchmarkReadLibrary(b *testing.B) {
	f, err := os.Open(benchFile(b, "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := ReadObject(f, info.Size()); err != nil {
			b.Fatal(err)
		}
	}
}

// Everything about a Go program of some 15 MB.
func BenchmarkReadGoProgram(b *testing.B) {
	file := benchFile(b, "/usr/local/go/bin/go", "/usr/lib/go/bin/go")
	for b.Loop() {
		if _, err := ReadFile(file); err != nil {
			b.Fatal(err)
		}
	}
}

// One name asked of a library whose index is made.
func BenchmarkLookup(b *testing.B) {
	f, err := ReadFile(benchFile(b, "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6"))
	if err != nil {
		b.Fatal(err)
	}
	h := GNUHash("getaddrinfo")
	for b.Loop() {
		f.ELF.Lookup("getaddrinfo", h, func(Symbol) bool { return false })
	}
}
