package root

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"
)

// What of a layer's files is kept. A verdict needs the bytes of programs and
// libraries, of scripts, and of the few data files that loaders and rules
// read; of other large files, and of documents, their name, mode and size, and
// the first bytes, by which kernel and loaders refuse them.
const (
	keepAll  = 512 << 10 // bytes: smaller files are kept, if they are no documents
	keepHead = 64 << 10  // bytes of larger ones; glibc reads 832, the kernel 256, and package binary so much at a time
	keepText = 4 << 10   // bytes of documents
)

// UnkeptError is a read behind the part that is kept of a file.
type UnkeptError struct{ Kept int64 }

func (e *UnkeptError) Error() string {
	return fmt.Sprintf("only its first %d bytes are kept of the image, as of all data that plays no part in a start", e.Kept)
}

// program tells what kernels and loaders look into, by its first bytes: ELF,
// scripts, PE, Mach-O for one machine or several.
func program(head []byte) bool {
	for _, magic := range []string{"\x7fELF", "#!", "MZ", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", "\xca\xfe\xba\xbf"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// keptDirs are folders whose data somebody reads: settings, certificates, time
// zones, package databases of every sort.
var keptDirs = []string{
	"/etc/", "/usr/etc/",
	"/usr/share/ca-certificates/", "/usr/local/share/ca-certificates/", "/usr/share/pki/", "/var/lib/ca-certificates/", "/usr/lib/ssl/", "/usr/local/ssl/",
	"/usr/share/zoneinfo/", "/usr/lib/zoneinfo/", "/usr/share/lib/zoneinfo/",
	"/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/usr/share/rpm/", "/var/lib/dpkg/", "/lib/apk/", "/usr/lib/apk/", "/var/lib/pacman/", "/var/cache/ldconfig/",
}

// keptNames are such files wherever they lie.
var keptNames = map[string]bool{
	"ld.so.cache": true, "ca-certificates.crt": true, "ca-bundle.crt": true, "ca-bundle.pem": true, "cert.pem": true, "cacert.pem": true,
	"cacerts": true, "zoneinfo.zip": true, "tzdata.zi": true, "gconv-modules.cache": true,
}

// documents are folders and names of texts and pictures for people: in an
// image of Debian's they are more than its programs. Nothing judges by them.
var documents = []string{
	"/usr/share/locale/", "/usr/share/doc/", "/usr/share/man/", "/usr/share/info/", "/usr/share/i18n/", "/usr/share/help/", "/usr/share/gtk-doc/",
	"/usr/share/icons/", "/usr/share/fonts/", "/usr/share/pixmaps/", "/usr/share/backgrounds/", "/usr/share/sounds/", "/usr/share/licenses/", "/usr/share/common-licenses/",
}

func document(name string) bool {
	return under(name, documents) || strings.HasSuffix(name, ".md5sums") || strings.HasSuffix(name, ".pyc")
}

func under(name string, dirs []string) bool {
	for _, dir := range dirs {
		if strings.HasPrefix(name, dir) {
			return true
		}
	}
	return false
}

// keeps is how many bytes of a file are kept.
func keeps(name string, size int64, head []byte) int64 {
	switch {
	case program(head) || keptNames[path.Base(name)]:
		return size
	case document(name):
		return min(size, keepText)
	case size <= keepAll || under(name, keptDirs):
		return size
	}
	return min(size, keepHead)
}

// headOf is a file of which only the first bytes are there.
type headOf struct {
	r    io.ReaderAt
	off  int64
	kept int64
}

func (h headOf) ReadAt(p []byte, off int64) (int, error) {
	if off >= h.kept {
		return 0, &UnkeptError{h.kept}
	}
	n := min(int64(len(p)), h.kept-off)
	got, err := h.r.ReadAt(p[:n], h.off+off)
	if err == nil && n < int64(len(p)) {
		err = &UnkeptError{h.kept}
	}
	return got, err
}
