package pkgindex

import (
	"encoding/binary"
)

// NDB, rpm's own format (lib/backend/ndb/rpmpkg.c): a header of 32 bytes and
// slots of 16 fill the first pages of 4096; blobs lie in blocks of 16.
const (
	ndbMagic     = 'R' | 'p'<<8 | 'm'<<16 | 'P'<<24
	ndbSlotMagic = 'S' | 'l'<<8 | 'o'<<16 | 't'<<24
	ndbBlobMagic = 'B' | 'l'<<8 | 'b'<<16 | 'S'<<24
	ndbPage      = 4096
	ndbSlot      = 16
	ndbBlock     = 16
	ndbBlobHead  = 16
	ndbMaxPages  = 2048 // rpmpkg.c takes no more pages of slots
)

func isNDB(head []byte) bool {
	return len(head) >= 32 && binary.LittleEndian.Uint32(head) == ndbMagic
}

func ndbBlobs(db *database, each func([]byte) error) error {
	head, err := db.read(0, 32)
	if err != nil {
		return err
	}
	if v := binary.LittleEndian.Uint32(head[4:]); v != 0 {
		return part("NDB", 4, "version %d, and only 0 is known", v)
	}
	slots := int64(binary.LittleEndian.Uint32(head[12:]))
	if slots == 0 || slots > ndbMaxPages || slots*ndbPage > db.size {
		return part("NDB", 12, "%d pages of slots", slots)
	}
	table, err := db.read(0, int(slots)*ndbPage)
	if err != nil {
		return err
	}
	for at := 2 * ndbSlot; at < len(table); at += ndbSlot {
		slot := table[at:]
		if binary.LittleEndian.Uint32(slot) != ndbSlotMagic {
			return part("NDB", int64(at), "no slot where one is due")
		}
		number, block, count := binary.LittleEndian.Uint32(slot[4:]), binary.LittleEndian.Uint32(slot[8:]), binary.LittleEndian.Uint32(slot[12:])
		if number == 0 || block == 0 {
			continue // free
		}
		blob, err := ndbBlob(db, number, int64(block)*ndbBlock, int64(count)*ndbBlock)
		if err != nil {
			return err
		}
		if err := each(blob); err != nil {
			return err
		}
	}
	return nil
}

func ndbBlob(db *database, number uint32, off, room int64) ([]byte, error) {
	head, err := db.read(off, ndbBlobHead)
	if err != nil {
		return nil, part("NDB", off, "package %d: %v", number, err)
	}
	size := int64(binary.LittleEndian.Uint32(head[12:]))
	if binary.LittleEndian.Uint32(head) != ndbBlobMagic || binary.LittleEndian.Uint32(head[4:]) != number || size > maxBlob || size > room {
		return nil, part("NDB", off, "no package %d where its slot says", number)
	}
	blob, err := db.read(off+ndbBlobHead, int(size))
	if err != nil {
		return nil, part("NDB", off, "package %d of %d bytes: %v", number, size, err)
	}
	return blob, nil
}
