package prove

import (
	"os"

	"golang.org/x/sys/unix"
)

// narrow: ENOEXEC of a 32-bit program says nothing of the program where the
// kernel was built to run none.
func (t *trial) narrow(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var header [20]byte
	if _, err := f.ReadAt(header[:], 0); err != nil || string(header[:4]) != "\x7fELF" {
		return nil
	}
	here, err := thisKernel()
	if err != nil {
		return err
	}
	machine := int(header[18]) | int(header[19])<<8
	probe := map[string]int{"x86-64": em386, "aarch64": emARM}[here.machine]
	if machine != probe || t.runsNarrow(machine) {
		return nil
	}
	return &impossible{"this machine's kernel runs no 32-bit programs"}
}

const (
	em386 = 3
	emARM = 40
)

// runsNarrow starts the smallest 32-bit program, and stops it.
func (t *trial) runsNarrow(machine int) bool {
	fd, err := unix.MemfdCreate("probe", unix.MFD_CLOEXEC)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "probe")
	defer f.Close()
	if _, err := f.Write(smallest(machine)); err != nil {
		return false
	}
	// A file that is open for writing can't be started.
	r, err := os.Open(magic(fd))
	if err != nil {
		return false
	}
	defer r.Close()
	f.Close()
	p, errno, err := t.start(magic(int(r.Fd())), []string{"probe"}, nil)
	if err != nil || errno != 0 {
		return false
	}
	defer p.end()
	return p.stopped
}

// smallest is an ELF32 program of one segment that would do nothing.
func smallest(machine int) []byte {
	b := make([]byte, 96)
	copy(b, "\x7fELF\x01\x01\x01")
	put16 := func(at, v int) { b[at], b[at+1] = byte(v), byte(v>>8) }
	put32 := func(at, v int) { put16(at, v); put16(at+2, v>>16) }
	put16(16, 2) // ET_EXEC
	put16(18, machine)
	put32(20, 1)
	const base = 0x10000
	put32(24, base+84)
	put32(28, 52) // program headers
	if machine == emARM {
		put32(36, 0x5000400) // EABI 5
	}
	put16(40, 52)
	put16(42, 32)
	put16(44, 1)
	put32(52, 1) // PT_LOAD
	put32(60, base)
	put32(64, base)
	put32(68, len(b))
	put32(72, len(b))
	put32(76, 5)
	put32(80, 0x1000)
	return b
}
