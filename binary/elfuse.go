package binary

// relocUses says by machine what a relocation type does with its symbol
// (each machine's psABI; glibc sysdeps/*/dl-machine.h). Types that are not
// here are addresses; none and relative ones name no symbol.
var relocUses = map[uint16]map[uint32]Use{
	62: { // x86-64
		0: 0, 5: UseCopy, 7: UseCall, 8: 0, 16: UseTLS, 17: UseTLS, 18: UseTLSIE, 32: UseSize, 33: UseSize, 36: UseTLSDesc, 37: 0, 38: 0},
	3: { // i386
		0: 0, 5: UseCopy, 7: UseCall, 8: 0, 14: UseTLSIE, 35: UseTLS, 36: UseTLS, 37: UseTLSIE, 38: UseSize, 41: UseTLSDesc, 42: 0},
	183: { // aarch64
		0: 0, 1024: UseCopy, 1026: UseCall, 1027: 0, 1028: UseTLS, 1029: UseTLS, 1030: UseTLSIE, 1031: UseTLSDesc, 1032: 0},
	40: { // arm
		0: 0, 13: UseTLSDesc, 17: UseTLS, 18: UseTLS, 19: UseTLSIE, 20: UseCopy, 22: UseCall, 23: 0, 160: 0},
	243: { // riscv
		0: 0, 3: 0, 4: UseCopy, 5: UseCall, 6: UseTLS, 7: UseTLS, 8: UseTLS, 9: UseTLS, 10: UseTLSIE, 11: UseTLSIE, 12: UseTLSDesc, 58: 0},
	22: { // s390, s390x
		0: 0, 9: UseCopy, 11: UseCall, 12: 0, 54: UseTLS, 55: UseTLS, 56: UseTLSIE, 61: 0},
	21: { // ppc64
		0: 0, 19: UseCopy, 21: UseCall, 22: 0, 68: UseTLS, 73: UseTLSIE, 78: UseTLS, 247: 0, 248: 0},
	20: { // ppc
		0: 0, 19: UseCopy, 21: UseCall, 22: 0, 68: UseTLS, 73: UseTLSIE, 78: UseTLS, 248: 0},
	258: { // loongarch
		0: 0, 3: 0, 4: UseCopy, 5: UseCall, 6: UseTLS, 7: UseTLS, 8: UseTLS, 9: UseTLS, 10: UseTLSIE, 11: UseTLSIE, 12: 0, 13: UseTLSDesc, 14: UseTLSDesc},
	8: { // mips
		0: 0, 38: UseTLS, 39: UseTLS, 40: UseTLS, 41: UseTLS, 47: UseTLSIE, 48: UseTLSIE, 126: UseCopy, 127: UseCall},
	4: { // m68k
		0: 0, 19: UseCopy, 21: UseCall, 22: 0, 40: UseTLS, 41: UseTLS, 42: UseTLSIE},
	2:  {0: 0, 19: UseCopy, 21: UseCall, 22: 0, 74: UseTLS, 75: UseTLS, 76: UseTLS, 77: UseTLS, 78: UseTLSIE, 79: UseTLSIE, 248: 0, 249: 0}, // sparc
	43: {0: 0, 19: UseCopy, 21: UseCall, 22: 0, 74: UseTLS, 75: UseTLS, 76: UseTLS, 77: UseTLS, 78: UseTLSIE, 79: UseTLSIE, 248: 0, 249: 0}, // sparc64
}

// use of one relocation. Only a call slot in DT_JMPREL may wait for its first
// call.
func (e *elfReader) use(typ uint32, plt bool) Use {
	use, known := relocUses[e.Header.Machine][typ]
	switch {
	case !known && plt:
		return UseCall
	case !known:
		return UseData
	case use == UseCall && !plt:
		return UseData
	}
	return use
}

// relativeType is the type that DT_RELACOUNT counts.
func (e *elfReader) relativeType() uint32 {
	return map[uint16]uint32{62: 8, 3: 8, 183: 1027, 40: 23, 243: 3, 22: 12, 21: 22, 20: 22, 258: 3}[e.Header.Machine]
}
