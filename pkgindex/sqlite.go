package pkgindex

import (
	"encoding/binary"
)

// SQLite's file format (https://www.sqlite.org/fileformat2.html), as far as
// reading every row of one table asks for it: a table is a tree of pages, rows
// lie in its leaves, long rows go on in chains of overflow pages.
const (
	sqliteInterior = 0x05
	sqliteLeaf     = 0x0d
	sqliteHeader   = 100
	sqliteDepth    = 20 // SQLite's own limit
)

type sqlite struct {
	*database
	pageSize int // bytes
	usable   int // without what is reserved at the end of each page
	seen     pages
}

func sqliteBlobs(d *database, each func([]byte) error) error {
	head, err := d.read(0, sqliteHeader)
	if err != nil {
		return err
	}
	s := &sqlite{database: d, pageSize: int(binary.BigEndian.Uint16(head[16:])), seen: pages{}}
	if s.pageSize == 1 {
		s.pageSize = 65536
	}
	s.usable = s.pageSize - int(head[20])
	if s.pageSize < 512 || s.pageSize&(s.pageSize-1) != 0 || s.usable < 480 {
		return part("SQLite", 16, "a page size of %d", s.pageSize)
	}
	var table uint32
	// sqlite_schema: type, name, tbl_name, rootpage, sql.
	err = s.tree(1, 0, func(row []byte) error {
		v, err := columns(row, 4)
		if err == nil && string(v[0].bytes) == "table" && string(v[1].bytes) == "Packages" {
			table = uint32(v[3].number)
		}
		return err
	})
	if err != nil {
		return err
	}
	if table < 2 {
		return part("SQLite", 0, "it has no table Packages: it is no RPM database")
	}
	// hnum, which is the row's number and not kept; blob.
	return s.tree(table, 0, func(row []byte) error {
		v, err := columns(row, 2)
		if err != nil {
			return err
		}
		return each(v[1].bytes)
	})
}

// page reads a page that no other part of the file has claimed.
func (s *sqlite) page(n uint32) ([]byte, error) {
	off := (int64(n) - 1) * int64(s.pageSize)
	if n == 0 || s.seen.again(n) {
		return nil, part("SQLite", max(off, 0), "page %d belongs to two places", n)
	}
	b, err := s.read(off, s.pageSize)
	if err != nil {
		return nil, part("SQLite", off, "page %d: %v", n, err)
	}
	return b, nil
}

// tree gives every row below a page, in order.
func (s *sqlite) tree(n uint32, depth int, each func(row []byte) error) error {
	page, err := s.page(n)
	if err != nil {
		return err
	}
	off := int64(n-1) * int64(s.pageSize)
	h := page
	if n == 1 {
		h = page[sqliteHeader:]
	}
	kind, cells := h[0], int(binary.BigEndian.Uint16(h[3:]))
	pointers := h[8:]
	if kind == sqliteInterior {
		pointers = h[12:]
	}
	if kind != sqliteInterior && kind != sqliteLeaf || 2*cells > len(pointers) || depth > sqliteDepth {
		return part("SQLite", off, "page %d of type %d with %d cells is none of a table", n, kind, cells)
	}
	for i := range cells {
		at := int(binary.BigEndian.Uint16(pointers[2*i:]))
		if at+4 > s.usable {
			return part("SQLite", off, "page %d: a cell at %d", n, at)
		}
		if kind == sqliteInterior {
			err = s.tree(binary.BigEndian.Uint32(page[at:]), depth+1, each)
		} else {
			var row []byte
			if row, err = s.row(page[at:s.usable], off+int64(at)); err == nil {
				err = each(row)
			}
		}
		if err != nil {
			return err
		}
	}
	if kind == sqliteInterior {
		return s.tree(binary.BigEndian.Uint32(h[8:]), depth+1, each)
	}
	return nil
}

// row is the payload of a leaf's cell, with what went to overflow pages
// (section 1.6, "Cell Payload Overflow Pages").
func (s *sqlite) row(cell []byte, off int64) ([]byte, error) {
	size, n := sqliteVarint(cell)
	_, m := sqliteVarint(cell[n:])
	if n == 0 || m == 0 || size > maxBlob || int64(size) > s.size {
		return nil, part("SQLite", off, "a row of %d bytes", size)
	}
	cell = cell[n+m:]
	here := int(size)
	if most := s.usable - 35; here > most {
		least := (s.usable-12)*32/255 - 23
		if here = least + (int(size)-least)%(s.usable-4); here > most {
			here = least
		}
	} else if here > len(cell) {
		return nil, part("SQLite", off, "a row of %d bytes at the end of a page", size)
	} else {
		return cell[:here], nil
	}
	if here+4 > len(cell) {
		return nil, part("SQLite", off, "a row of %d bytes at the end of a page", size)
	}
	row := append([]byte(nil), cell[:here]...)
	next := binary.BigEndian.Uint32(cell[here:])
	for len(row) < int(size) {
		page, err := s.page(next)
		if err != nil {
			return nil, err
		}
		next = binary.BigEndian.Uint32(page)
		row = append(row, page[4:4+min(s.usable-4, int(size)-len(row))]...)
	}
	return row, nil
}

type sqliteValue struct {
	number int64
	bytes  []byte
}

// columns takes the first n values of a record (section 2.1, "Record Format").
func columns(row []byte, n int) ([]sqliteValue, error) {
	size, k := sqliteVarint(row)
	if k == 0 || size < uint64(k) || size > uint64(len(row)) {
		return nil, part("SQLite", 0, "a record whose header has %d bytes", size)
	}
	types, body := row[k:size], row[size:]
	values := make([]sqliteValue, n)
	for i := range values {
		kind, k := sqliteVarint(types)
		if k == 0 {
			return nil, part("SQLite", 0, "a record of %d columns, and %d are wanted", i, n)
		}
		types = types[k:]
		width := sqliteWidth(kind)
		if width > uint64(len(body)) {
			return nil, part("SQLite", 0, "a column of %d bytes where %d are left", width, len(body))
		}
		v := body[:width]
		body = body[width:]
		if kind >= 12 {
			values[i].bytes = v
			continue
		}
		for _, c := range v {
			values[i].number = values[i].number<<8 | int64(c)
		}
		if kind == 9 {
			values[i].number = 1
		}
	}
	return values, nil
}

func sqliteWidth(kind uint64) uint64 {
	switch {
	case kind <= 4:
		return kind
	case kind == 5:
		return 6
	case kind <= 7:
		return 8
	case kind < 12:
		return 0
	}
	return (kind - 12) / 2
}

// sqliteVarint: big-endian, seven bits a byte, the ninth whole; n is 0 where
// it is cut off.
func sqliteVarint(b []byte) (v uint64, n int) {
	for i := range min(len(b), 9) {
		if i == 8 {
			return v<<8 | uint64(b[i]), 9
		}
		v = v<<7 | uint64(b[i]&0x7f)
		if b[i]&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, 0
}
