package binary

import "encoding/binary"

// tinyELF is a library with one needed name, one export, one import with a
// version, a hash table and a note, in 1 KiB: every table that a loader reads.
func tinyELF(class int, o binary.ByteOrder) []byte {
	const base = 0
	img := make([]byte, 1024)
	word := class / 8
	put := func(at int, v uint64) {
		if word == 8 {
			o.PutUint64(img[at:], v)
		} else {
			o.PutUint32(img[at:], uint32(v))
		}
	}
	copy(img, []byte{0x7f, 'E', 'L', 'F', byte(class / 32), 1, 1})
	if o == binary.BigEndian {
		img[5] = 2
	}
	machine := uint16(62)
	if class == 32 {
		machine = 3
	}
	o.PutUint16(img[16:], 3)
	o.PutUint16(img[18:], machine)
	o.PutUint32(img[20:], 1)
	header, phsize := 64, 56
	if class == 32 {
		header, phsize = 52, 32
	}
	put(24+word, uint64(header)) // e_phoff
	tail := 24 + 3*word + 4
	o.PutUint16(img[tail:], uint16(header))
	o.PutUint16(img[tail+2:], uint16(phsize))
	o.PutUint16(img[tail+4:], 3)
	segment := func(i int, typ, flags uint32, off, size uint64) {
		at := header + i*phsize
		o.PutUint32(img[at:], typ)
		if class == 64 {
			o.PutUint32(img[at+4:], flags)
			for k, v := range []uint64{off, off, off, size, size, 8} {
				o.PutUint64(img[at+8+8*k:], v)
			}
			return
		}
		for k, v := range []uint64{off, off, off, size, size, uint64(flags), 4} {
			o.PutUint32(img[at+4+4*k:], uint32(v))
		}
	}
	segment(0, PTLoad, 5, base, 1024)
	segment(1, PTDynamic, 6, 256, 160)
	segment(2, PTNote, 4, 420, 32)

	strtab := "\x00libdep.so.1\x00libtiny.so.1\x00exported\x00imported\x00VER_1\x00"
	copy(img[456:], strtab)
	str := func(name string) uint64 {
		for i := 1; i+len(name) < len(strtab); i++ {
			if strtab[i:i+len(name)] == name && strtab[i+len(name)] == 0 && strtab[i-1] == 0 {
				return uint64(i)
			}
		}
		return 0
	}
	tags := [][2]uint64{{dtNeeded, str("libdep.so.1")}, {dtSoname, str("libtiny.so.1")}, {dtStrtab, 456}, {dtStrSz, uint64(len(strtab))},
		{dtSymtab, 560}, {dtHash, 650}, {dtVersym, 690}, {dtVerneed, 700}, {0, 0}}
	rel, relsz := uint64(dtRela), uint64(dtRelaSz)
	relWords := 3
	if class == 32 {
		rel, relsz, relWords = dtRel, dtRelSz, 2
	}
	tags = append(tags[:8], [2]uint64{rel, 760}, [2]uint64{relsz, uint64(relWords * word)}, [2]uint64{0, 0})
	for i, t := range tags {
		put(256+2*word*i, t[0])
		put(256+2*word*i+word, t[1])
	}
	symbol := func(i int, name string, info byte, shndx uint16) {
		at := 560 + 24*i
		if class == 32 {
			at = 560 + 16*i
			o.PutUint32(img[at:], uint32(str(name)))
			o.PutUint32(img[at+4:], 0x100)
			img[at+12] = info
			o.PutUint16(img[at+14:], shndx)
			return
		}
		o.PutUint32(img[at:], uint32(str(name)))
		img[at+4] = info
		o.PutUint16(img[at+6:], shndx)
		o.PutUint64(img[at+8:], 0x100)
	}
	symbol(1, "exported", 0x12, 1)
	symbol(2, "imported", 0x12, 0)
	for i, v := range []uint32{1, 3, 1, 0, 0, 0} { // nbucket, nchain, bucket, chains
		o.PutUint32(img[650+4*i:], v)
	}
	for i, v := range []uint16{0, 1, 2} {
		o.PutUint16(img[690+2*i:], v)
	}
	o.PutUint16(img[700:], 1)
	o.PutUint16(img[702:], 1)
	o.PutUint32(img[704:], uint32(str("libdep.so.1")))
	o.PutUint32(img[708:], 16)
	o.PutUint32(img[716:], sysvHash("VER_1"))
	o.PutUint16(img[722:], 2)
	o.PutUint32(img[724:], uint32(str("VER_1")))
	put(760, 0x200)
	if class == 64 {
		put(768, 2<<32|7)
	} else {
		put(764, 2<<8|7)
	}
	o.PutUint32(img[420:], 4)
	o.PutUint32(img[424:], 16)
	o.PutUint32(img[428:], ntGNUABITag)
	copy(img[432:], "GNU\x00")
	o.PutUint32(img[440:], 4)
	o.PutUint32(img[444:], 18)
	return img
}

// tinyPE is a console program with one import.
func tinyPE() []byte {
	img := make([]byte, 1024)
	le := binary.LittleEndian
	copy(img, "MZ")
	le.PutUint32(img[60:], 64)
	copy(img[64:], "PE\x00\x00")
	le.PutUint16(img[68:], 0x8664)
	le.PutUint16(img[70:], 1)
	le.PutUint16(img[84:], 240)
	opt := img[88:]
	le.PutUint16(opt, 0x20b)
	le.PutUint16(opt[40:], 6)
	le.PutUint16(opt[48:], 6)
	le.PutUint16(opt[50:], 1)
	le.PutUint16(opt[68:], 3)
	le.PutUint32(opt[108:], 16)
	le.PutUint32(opt[120:], 0x1000)
	section := img[328:]
	le.PutUint32(section[8:], 256)
	le.PutUint32(section[12:], 0x1000)
	le.PutUint32(section[16:], 256)
	le.PutUint32(section[20:], 512)
	le.PutUint32(img[512+12:], 0x1040)
	copy(img[512+0x40:], "KERNEL32.dll\x00")
	return img
}

// tinyMachO is a program for macOS on arm64 with one library and a signature.
func tinyMachO() []byte {
	img := make([]byte, 512)
	le := binary.LittleEndian
	le.PutUint32(img, 0xfeedfacf)
	le.PutUint32(img[4:], 0x0100000c)
	le.PutUint32(img[12:], 2)
	le.PutUint32(img[16:], 3)
	le.PutUint32(img[20:], 24+56+16)
	b := img[32:]
	le.PutUint32(b, 0x32)
	le.PutUint32(b[4:], 24)
	le.PutUint32(b[8:], 1)
	le.PutUint32(b[12:], 12<<16)
	b = b[24:]
	le.PutUint32(b, 0xc)
	le.PutUint32(b[4:], 56)
	le.PutUint32(b[8:], 24)
	copy(b[24:], "/usr/lib/libSystem.B.dylib\x00")
	b = b[56:]
	le.PutUint32(b, 0x1d)
	le.PutUint32(b[4:], 16)
	le.PutUint32(b[8:], 256)
	le.PutUint32(b[12:], 128)
	be := binary.BigEndian
	s := img[256:]
	be.PutUint32(s, 0xfade0cc0)
	be.PutUint32(s[8:], 1)
	be.PutUint32(s[16:], 32)
	be.PutUint32(s[32:], 0xfade0c02)
	be.PutUint32(s[44:], 0x20002)
	be.PutUint32(s[52:], 48)
	copy(s[80:], "a.out\x00")
	return img
}

// fat wraps one slice.
func fat(slice []byte) []byte {
	img := make([]byte, 64)
	be := binary.BigEndian
	be.PutUint32(img, machoFat)
	be.PutUint32(img[4:], 1)
	be.PutUint32(img[8:], 0x0100000c)
	be.PutUint32(img[16:], 64)
	be.PutUint32(img[20:], uint32(len(slice)))
	return append(img, slice...)
}

// fat64 wraps one slice, with offsets of 64 bits.
func fat64(slice []byte) []byte {
	img := make([]byte, 64)
	be := binary.BigEndian
	be.PutUint32(img, machoFat64)
	be.PutUint32(img[4:], 1)
	be.PutUint32(img[8:], 0x0100000c)
	be.PutUint64(img[16:], 64)
	be.PutUint64(img[24:], uint64(len(slice)))
	return append(img, slice...)
}
