package binary

import (
	"bytes"
	"unicode/utf8"
)

// magics names files that are no programs by how they begin.
var magics = []struct {
	at    int
	begin string
	name  string
}{
	{0, "\x1f\x8b", "gzip archive"},
	{0, "\xfd7zXZ\x00", "xz archive"},
	{0, "\x28\xb5\x2f\xfd", "zstd archive"},
	{0, "BZh", "bzip2 archive"},
	{0, "\x04\x22\x4d\x18", "lz4 archive"},
	{0, "PK\x03\x04", "zip archive (also jar, wheel, apk of Android)"},
	{257, "ustar", "tar archive"},
	{0, "!<arch>\ndebian-binary", "Debian package"},
	{0, "!<arch>\n", "static library (ar archive)"},
	{0, "!<thin>\n", "thin static library (ar archive)"},
	{0, "\xed\xab\xee\xdb", "RPM package"},
	{0, "\xca\xfe\xba\xbe", "Java class"},
	{0, "\x00asm", "WebAssembly module"},
	{0, "BC\xc0\xde", "LLVM bitcode"},
	{0, "dex\n", "Android bytecode"},
	{0, "%PDF", "PDF document"},
	{0, "\x89PNG", "PNG image"},
	{0, "SQLite format 3", "SQLite database"},
	{0, "\x01\xdf\x00", "AIX program (XCOFF)"},
	{0, "\x01\xf7\x00", "AIX program (XCOFF)"},
	{0, "\x4c\x01", "COFF object for i386"},
	{0, "\x64\x86", "COFF object for x86-64"},
	{0, "\x07\x01\x64\x00", "a.out program"},
	{0, "\x0b\x01\x64\x00", "a.out program"},
}

// describe says in a few words what a file is that is no program, from its
// first bytes.
func describe(head []byte, size int64) string {
	for _, m := range magics {
		if len(head) >= m.at+len(m.begin) && string(head[m.at:m.at+len(m.begin)]) == m.begin {
			return m.name
		}
	}
	lower := bytes.ToLower(bytes.TrimSpace(head))
	switch {
	case bytes.HasPrefix(lower, []byte("<!doctype html")), bytes.HasPrefix(lower, []byte("<html")):
		return "text: an HTML page"
	case bytes.HasPrefix(head, []byte("version https://git-lfs")):
		return "text: a Git LFS pointer, not the file itself"
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf#!")):
		return "text: a byte order mark before #!"
	case isText(head):
		return "text without #!"
	case bytes.Count(head, []byte{0}) == len(head):
		return "zeros"
	}
	return "data of unknown format"
}

// isText: no control bytes but the usual ones, and UTF-8 up to a rune that
// the head may have cut.
func isText(head []byte) bool {
	for _, c := range head {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1b {
			return false
		}
	}
	for cut := 0; cut < utf8.UTFMax && cut <= len(head); cut++ {
		if utf8.Valid(head[:len(head)-cut]) {
			return true
		}
	}
	return false
}
