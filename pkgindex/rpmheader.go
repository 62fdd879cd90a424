package pkgindex

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Tags of RPM headers that we read (rpm's include/rpm/rpmtag.h).
const (
	tagName           = 1000
	tagVersion        = 1001
	tagRelease        = 1002
	tagEpoch          = 1003
	tagArch           = 1022
	tagOldFilenames   = 1027
	tagFileSizes      = 1028
	tagFileStates     = 1029
	tagFileModes      = 1030
	tagFileLinktos    = 1036
	tagFileFlags      = 1037
	tagFileUsername   = 1039
	tagFileGroupname  = 1040
	tagProvideName    = 1047
	tagRequireFlags   = 1048
	tagRequireName    = 1049
	tagRequireVersion = 1050
	tagProvideFlags   = 1112
	tagProvideVersion = 1113
	tagDirIndexes     = 1116
	tagBasenames      = 1117
	tagDirnames       = 1118
	tagPayloadComp    = 1125
	tagFileColors     = 1140
	tagFileClass      = 1141
	tagClassDict      = 1142
	tagFileDependsX   = 1143
	tagFileDependsN   = 1144
	tagDependsDict    = 1145
	tagSourcePackage  = 1106
	tagLongFileSizes  = 5008
)

// Types of header entries.
const (
	rpmInt8        = 2
	rpmInt16       = 3
	rpmInt32       = 4
	rpmInt64       = 5
	rpmString      = 6
	rpmBin         = 7
	rpmStringArray = 8
	rpmI18N        = 9
)

// Limits of a header, those of rpm itself (lib/header.c: HEADER_TAGS_MAX,
// HEADER_DATA_MAX).
const (
	maxHeaderTags = 0x10000
	maxHeaderData = 0x10000000
)

// headerError is a header that contradicts itself.
type headerError struct {
	Part       string
	Want, Have uint64
}

func (e *headerError) Error() string {
	return fmt.Sprintf("RPM header: %s: %d wanted, %d there", e.Part, e.Want, e.Have)
}

// rpmHeader is one header: an index of tags into a block of data. Values are
// read on demand; a value that reaches outside is as if it were not there.
type rpmHeader struct {
	entries map[uint32]rpmEntry
	data    []byte
	budget  int // strings that may still be handed out, over all tags
}

type rpmEntry struct{ kind, off, count uint32 }

// parseHeader reads a header without its magic number, as databases keep it:
// counts of entries and bytes, then those (lib/header.c, hdrblobInit).
func parseHeader(b []byte) (*rpmHeader, error) {
	if len(b) < 8 {
		return nil, &headerError{"its beginning", 8, uint64(len(b))}
	}
	il, dl := uint64(binary.BigEndian.Uint32(b)), uint64(binary.BigEndian.Uint32(b[4:]))
	if il > maxHeaderTags || dl > maxHeaderData {
		return nil, &headerError{"its sizes are beyond reason", maxHeaderTags, il}
	}
	if have := uint64(len(b) - 8); il*16+dl > have {
		return nil, &headerError{"bytes", il*16 + dl, have}
	}
	h := &rpmHeader{entries: make(map[uint32]rpmEntry, il), data: b[8+16*il : 8+16*il+dl], budget: len(b)}
	for i := range il {
		e := b[8+16*i:]
		tag := binary.BigEndian.Uint32(e)
		if _, twice := h.entries[tag]; twice {
			continue
		}
		h.entries[tag] = rpmEntry{binary.BigEndian.Uint32(e[4:]), binary.BigEndian.Uint32(e[8:]), binary.BigEndian.Uint32(e[12:])}
	}
	return h, nil
}

// bytesOf a tag from its offset on.
func (h *rpmHeader) bytesOf(tag uint32, kinds ...uint32) (rpmEntry, []byte) {
	e, ok := h.entries[tag]
	if !ok || uint64(e.off) > uint64(len(h.data)) {
		return rpmEntry{}, nil
	}
	for _, k := range kinds {
		if e.kind == k {
			return e, h.data[e.off:]
		}
	}
	return rpmEntry{}, nil
}

// text is a single string, or the first of an array.
func (h *rpmHeader) text(tag uint32) string {
	e, b := h.bytesOf(tag, rpmString, rpmStringArray, rpmI18N)
	if e.count == 0 {
		return ""
	}
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

// texts are all strings of an array. Every one has at least its NUL in the
// data, and what all tags give together is bounded by the header's size: many
// tags may claim the same bytes.
func (h *rpmHeader) texts(tag uint32) []string {
	e, b := h.bytesOf(tag, rpmStringArray, rpmString, rpmI18N)
	if uint64(e.count) > uint64(len(b)) || int(e.count) > h.budget {
		return nil
	}
	h.budget -= int(e.count)
	list := make([]string, 0, e.count)
	for range e.count {
		end := bytes.IndexByte(b, 0)
		if end < 0 {
			return nil
		}
		list = append(list, string(b[:end]))
		b = b[end+1:]
	}
	return list
}

// numbers are all integers of an array, of whatever width.
func (h *rpmHeader) numbers(tag uint32) []uint64 {
	e, b := h.bytesOf(tag, rpmInt8, rpmInt16, rpmInt32, rpmInt64)
	width := map[uint32]int{rpmInt8: 1, rpmInt16: 2, rpmInt32: 4, rpmInt64: 8}[e.kind]
	if width == 0 || uint64(e.count) > uint64(len(b)/width) || int(e.count) > h.budget {
		return nil
	}
	h.budget -= int(e.count)
	list := make([]uint64, e.count)
	for i := range list {
		switch p := b[i*width:]; width {
		case 1:
			list[i] = uint64(p[0])
		case 2:
			list[i] = uint64(binary.BigEndian.Uint16(p))
		case 4:
			list[i] = uint64(binary.BigEndian.Uint32(p))
		case 8:
			list[i] = binary.BigEndian.Uint64(p)
		}
	}
	return list
}

func (h *rpmHeader) number(tag uint32) (uint64, bool) {
	if n := h.numbers(tag); len(n) > 0 {
		return n[0], true
	}
	return 0, false
}
