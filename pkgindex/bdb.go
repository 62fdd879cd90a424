package pkgindex

import (
	"encoding/binary"
)

// Berkeley DB's hash access method, as far as rpm's Packages uses it: pages of
// one size, a metadata page first, hash pages of keys and values, and overflow
// pages for values that do not fit (dbinc/db_page.h of Berkeley DB 4.8).
const (
	bdbHashMagic    = 0x061561
	bdbPageHeader   = 26
	bdbHashUnsorted = 2
	bdbOverflow     = 7
	bdbHash         = 13

	bdbItemData    = 1
	bdbItemOffPage = 3
)

// bdbOrder is the byte order of the machine that wrote the file.
func bdbOrder(head []byte) binary.ByteOrder {
	if len(head) < 72 {
		return nil
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if order.Uint32(head[12:]) == bdbHashMagic {
			return order
		}
	}
	return nil
}

func isBDB(head []byte) bool { return bdbOrder(head) != nil }

type bdb struct {
	*database
	order    binary.ByteOrder
	pageSize int
	last     uint32
	seen     pages
}

func bdbBlobs(d *database, each func([]byte) error) error {
	head, err := d.read(0, int(min(d.size, 512)))
	if err != nil {
		return err
	}
	order := bdbOrder(head)
	db := &bdb{database: d, order: order, pageSize: int(order.Uint32(head[20:])), last: order.Uint32(head[32:]), seen: pages{}}
	switch {
	case db.pageSize < 512 || db.pageSize > 65536 || db.pageSize&(db.pageSize-1) != 0:
		return part("BDB", 20, "a page size of %d", db.pageSize)
	case head[24] != 0:
		return part("BDB", 24, "it is encrypted")
	}
	if most := uint32(d.size/int64(db.pageSize)) - 1; db.last > most {
		db.last = most // the end was not written, or lies
	}
	for n := uint32(1); n <= db.last; n++ {
		if err := db.hashPage(n, each); err != nil {
			return err
		}
	}
	return nil
}

// hashPage gives the values of one page. Every page is looked at in turn:
// buckets need no walk, for all keys are wanted.
func (db *bdb) hashPage(n uint32, each func([]byte) error) error {
	off := int64(n) * int64(db.pageSize)
	page, err := db.read(off, db.pageSize)
	if err != nil {
		return part("BDB", off, "page %d: %v", n, err)
	}
	if kind := page[25]; kind != bdbHash && kind != bdbHashUnsorted {
		return nil
	}
	entries := int(db.order.Uint16(page[20:]))
	if bdbPageHeader+2*entries > len(page) {
		return part("BDB", off, "page %d says that it has %d entries", n, entries)
	}
	// Keys and values take turns. Items fill the page from its end.
	for i := 1; i < entries; i += 2 {
		at := int(db.order.Uint16(page[bdbPageHeader+2*i:]))
		end := int(db.order.Uint16(page[bdbPageHeader+2*i-2:]))
		if at < bdbPageHeader+2*entries || end > len(page) || at >= end {
			return part("BDB", off, "page %d: item %d lies from %d to %d", n, i, at, end)
		}
		blob, err := db.item(page[at:end])
		if err != nil {
			return err
		}
		if len(blob) <= 8 {
			continue // the number of the next package, under key 0
		}
		if err := each(blob); err != nil {
			return err
		}
	}
	return nil
}

func (db *bdb) item(item []byte) ([]byte, error) {
	switch item[0] {
	case bdbItemData:
		return item[1:], nil
	case bdbItemOffPage:
		if len(item) < 12 {
			return nil, part("BDB", 0, "a pointer of %d bytes", len(item))
		}
		return db.overflow(db.order.Uint32(item[4:]), db.order.Uint32(item[8:]))
	}
	return nil, nil // duplicates: rpm has none here
}

// overflow follows a chain of pages. No page belongs to two values, so that a
// file is never read more than once.
func (db *bdb) overflow(n, size uint32) ([]byte, error) {
	if int64(size) > db.size || size > maxBlob {
		return nil, part("BDB", 0, "a value of %d bytes", size)
	}
	var blob []byte
	for n != 0 && uint32(len(blob)) < size {
		off := int64(n) * int64(db.pageSize)
		if n > db.last || db.seen.again(n) {
			return nil, part("BDB", off, "a chain of overflow pages comes to page %d", n)
		}
		page, err := db.read(off, db.pageSize)
		if err != nil {
			return nil, part("BDB", off, "page %d: %v", n, err)
		}
		used := int(db.order.Uint16(page[22:]))
		if page[25] != bdbOverflow || used > len(page)-bdbPageHeader || used == 0 {
			return nil, part("BDB", off, "page %d of type %d with %d bytes is no overflow page", n, page[25], used)
		}
		blob = append(blob, page[bdbPageHeader:bdbPageHeader+used]...)
		n = db.order.Uint32(page[16:])
	}
	if uint32(len(blob)) < size {
		return nil, part("BDB", 0, "a value of %d bytes ends after %d", size, len(blob))
	}
	return blob[:size], nil
}
