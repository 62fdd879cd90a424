package pkgindex_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/willrun/willrun/internal/lab"
)

// item is one name of a package that a test makes.
type item struct {
	name, body, link string // link: of a symbolic one; hard: of a hard one
	hard             string
	mode             int64 // of permission; a name that ends with a slash is a directory
	uid              int
}

func tarOf(items []item, end bool) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		h := &tar.Header{Name: i.name, Mode: i.mode, Uid: i.uid, Size: int64(len(i.body)), Typeflag: tar.TypeReg, Format: tar.FormatGNU}
		switch {
		case i.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, i.link
		case i.hard != "":
			h.Typeflag, h.Linkname = tar.TypeLink, i.hard
		case i.name[len(i.name)-1] == '/':
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		io.WriteString(w, i.body)
	}
	w.Flush()
	if end {
		w.Close()
	}
	return b.Bytes()
}

// pack compresses; the empty name leaves it as it is.
func pack(t testing.TB, how string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch how {
	case "":
		return data
	case "gz":
		w = gzip.NewWriter(&b)
	case "zst":
		w, err = zstd.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	case "lzma":
		w, err = lzma.NewWriter(&b)
	case "bz2":
		cmd := exec.Command("bzip2", "-c")
		cmd.Stdin = bytes.NewReader(data)
		out, err := cmd.Output()
		if err != nil {
			lab.Missing(t, "bzip2")
		}
		return out
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func arOf(members ...[2]string) []byte {
	b := []byte("!<arch>\n")
	for _, m := range members {
		b = fmt.Appendf(b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", m[0], 0, 0, 0, "100644", len(m[1]), m[1])
		if len(m[1])%2 == 1 {
			b = append(b, '\n')
		}
	}
	return b
}

func debOf(t testing.TB, how, control string, items []item) []byte {
	c := pack(t, how, tarOf([]item{{name: "./control", body: control, mode: 0o644}}, true))
	d := pack(t, how, tarOf(items, true))
	ending := map[string]string{"": "", "gz": ".gz", "zst": ".zst", "xz": ".xz", "bz2": ".bz2", "lzma": ".lzma"}[how]
	return arOf([2]string{"debian-binary", "2.0\n"}, [2]string{"control.tar" + ending, string(c)}, [2]string{"data.tar" + ending, string(d)})
}

// apkOf is three gzip streams of tar pieces, the first two without an end.
func apkOf(t testing.TB, info string, items []item) []byte {
	return slices.Concat(
		pack(t, "gz", tarOf([]item{{name: ".SIGN.RSA.x.pub", body: "sig", mode: 0o644}}, false)),
		pack(t, "gz", tarOf([]item{{name: ".PKGINFO", body: info, mode: 0o644}}, false)),
		pack(t, "gz", tarOf(items, true)))
}

// headerOf writes an RPM header: tags of strings ([]string), numbers ([]uint32
// and []uint16) and single strings.
func headerOf(tags map[uint32]any) []byte {
	be := binary.BigEndian
	var index, data []byte
	keys := []uint32{}
	for k := range tags {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		kind, count := uint32(0), 1
		for (kindOf(tags[k]) == 4 && len(data)%4 != 0) || (kindOf(tags[k]) == 3 && len(data)%2 != 0) {
			data = append(data, 0)
		}
		off := len(data)
		switch v := tags[k].(type) {
		case string:
			kind = 6
			data = append(append(data, v...), 0)
		case []string:
			kind, count = 8, len(v)
			for _, s := range v {
				data = append(append(data, s...), 0)
			}
		case []uint32:
			kind, count = 4, len(v)
			for _, n := range v {
				data = be.AppendUint32(data, n)
			}
		case []uint16:
			kind, count = 3, len(v)
			for _, n := range v {
				data = be.AppendUint16(data, n)
			}
		}
		for _, n := range []uint32{k, kind, uint32(off), uint32(count)} {
			index = be.AppendUint32(index, n)
		}
	}
	out := be.AppendUint32(nil, uint32(len(index)/16))
	out = be.AppendUint32(out, uint32(len(data)))
	return slices.Concat(out, index, data)
}

func kindOf(v any) int {
	switch v.(type) {
	case []uint32:
		return 4
	case []uint16:
		return 3
	}
	return 0
}

// rpmTags are those of a package with these files.
func rpmTags(items []item) map[uint32]any {
	var bases, dirs, links, users []string
	var index, sizes []uint32
	var modes []uint16
	for _, i := range items {
		dir, base := filepath.Split(i.name)
		at := slices.Index(dirs, dir)
		if at < 0 {
			at = len(dirs)
			dirs = append(dirs, dir)
		}
		mode := uint16(0o100000 | i.mode)
		if i.link != "" {
			mode = 0o120777
		}
		user := "root"
		if i.uid != 0 {
			user = "someone"
		}
		bases, index, modes, sizes, links, users = append(bases, base), append(index, uint32(at)), append(modes, mode), append(sizes, uint32(len(i.body))), append(links, i.link), append(users, user)
	}
	return map[uint32]any{1000: "app", 1001: "1.2", 1002: "3.el9", 1003: []uint32{2}, 1022: "x86_64",
		1047: []string{"app", "libown.so.1()(64bit)"}, 1112: []uint32{8, 0}, 1113: []string{"2:1.2-3.el9", ""},
		1049: []string{"libc.so.6(GLIBC_2.34)(64bit)", "/bin/sh"}, 1048: []uint32{0, 0}, 1050: []string{"", ""},
		1116: index, 1117: bases, 1118: dirs, 1028: sizes, 1030: modes, 1036: links, 1039: users, 1040: users}
}

func cpioOf(items []item) []byte {
	var b []byte
	add := func(name, body string, mode, inode, links int64) {
		b = fmt.Appendf(b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", inode, mode, 0, 0, links, 0, len(body), 0, 0, 0, 0, len(name)+1, 0, name)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
		b = append(b, body...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	for n, i := range items {
		mode, body := 0o100000|i.mode, i.body
		if i.link != "" {
			mode, body = 0o120777, i.link
		}
		if i.hard != "" { // the one before has the content in the last of them
			add("."+i.name, i.body, mode, 1000, 2)
			continue
		}
		if n+1 < len(items) && items[n+1].hard == i.name {
			add("."+i.name, "", mode, 1000, 2)
			continue
		}
		add("."+i.name, body, mode, int64(n+1), 1)
	}
	add("TRAILER!!!", "", 0, 0, 1)
	return b
}

func rpmOf(t testing.TB, how string, tags map[uint32]any, payload []byte) []byte {
	lead := make([]byte, 96)
	copy(lead, "\xed\xab\xee\xdb\x03\x00")
	magic := "\x8e\xad\xe8\x01\x00\x00\x00\x00"
	signature := append([]byte(magic), headerOf(map[uint32]any{1000: []uint32{1}})...)
	for len(signature)%8 != 0 {
		signature = append(signature, 0)
	}
	return slices.Concat(lead, signature, []byte(magic), headerOf(tags), pack(t, how, payload))
}

// save writes a file into a folder of the test.
func save(t testing.TB, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
