package prove

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
)

// Entries of the auxiliary vector (getauxval(3)).
const (
	atBase   = 7
	atEntry  = 9
	atSecure = 23
)

// readAuxv reads what the kernel has told the program. The words are those of
// its class, which shows in the first entry: its value is no small number.
func (p *process) readAuxv() error {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", p.pid))
	p.auxv, p.word = parseAuxv(data)
	return err
}

func parseAuxv(data []byte) (auxv map[uint64]uint64, word int) {
	word = 8
	if len(data) >= 8 && binary.NativeEndian.Uint32(data[4:]) != 0 && binary.NativeEndian.Uint32(data) != 0 {
		word = 4
	}
	get := func(at int) uint64 {
		if word == 4 {
			return uint64(binary.NativeEndian.Uint32(data[at:]))
		}
		return binary.NativeEndian.Uint64(data[at:])
	}
	auxv = map[uint64]uint64{}
	for at := 0; at+2*word <= len(data); at += 2 * word {
		if key := get(at); key != 0 {
			auxv[key] = get(at + word)
		}
	}
	return auxv, word
}

// mapping is the file that lies at an address of a process.
func mapping(pid int, address uint64) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		var from, to uint64
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err == nil && from <= address && address < to {
			if i := strings.IndexByte(line, '/'); i >= 0 {
				return strings.TrimSuffix(line[i:], "\n")
			}
			return ""
		}
	}
	return ""
}
