package pkgindex

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"strings"
	"testing"
)

// Databases whose pages lead in circles or overlap are refused at the price of
// reading them once.
func TestHostileDatabases(t *testing.T) {
	read := func(name string) []byte {
		b, err := os.ReadFile("testdata/small/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	le, be := binary.LittleEndian, binary.BigEndian
	for _, c := range []struct {
		name, file, want string
		change           func(b []byte)
	}{
		{"an overflow page that follows itself", "Packages", "a chain of overflow pages comes to page", func(b []byte) {
			size := int(le.Uint32(b[20:]))
			for n := 1; n*size < len(b); n++ {
				if p := b[n*size:]; p[25] == bdbOverflow {
					le.PutUint32(p[16:], uint32(n))
					le.PutUint16(p[22:], 1) // bytes in it
				}
			}
		}},
		{"an item that ends before it begins", "Packages", "lies from", func(b []byte) {
			size := int(le.Uint32(b[20:]))
			for n := 1; n*size < len(b); n++ {
				if p := b[n*size:]; p[25] == bdbHash || p[25] == bdbHashUnsorted {
					le.PutUint16(p[28:], 0xffff)
				}
			}
		}},
		{"a page size of nothing", "Packages", "a page size of 0", func(b []byte) { le.PutUint32(b[20:], 0) }},
		{"a tree that is its own branch", "rpmdb.sqlite", "belongs to two places", func(b []byte) {
			size := int(be.Uint16(b[16:]))
			page := b[size:] // the table's
			copy(page, []byte{sqliteInterior, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2})
			be.PutUint32(page[8:], 2)
		}},
		{"more slots than the file has", "Packages.db", "pages of slots", func(b []byte) { le.PutUint32(b[12:], 2000) }},
		{"a blob that reaches outside its room", "Packages.db", "no package", func(b []byte) { le.PutUint32(b[4096+12:], 1<<30) }},
		{"a header of too many tags", "Packages.db", "beyond reason", func(b []byte) { be.PutUint32(b[4096+16:], 1<<30) }},
	} {
		b := read(c.file)
		c.change(b)
		_, err := readRPMDB(context.Background(), bytes.NewReader(b), int64(len(b)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if b = read(c.file); len(b) > 0 {
			if list, err := readRPMDB(context.Background(), bytes.NewReader(b), int64(len(b))); err != nil || len(list) != 1 {
				t.Errorf("%s as it was: %d packages, %v", c.file, len(list), err)
			}
		}
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	b := read("Packages")
	if _, err := readRPMDB(stopped, bytes.NewReader(b), int64(len(b))); err == nil {
		t.Error("a reader that was stopped goes on")
	}
}
