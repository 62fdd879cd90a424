package prove

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// kernel is this machine's.
type kernel struct {
	machine string
	release string
	version [3]uint32
}

func thisKernel() (kernel, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return kernel{}, fmt.Errorf("uname: %w", err)
	}
	k := kernel{machine: unix.ByteSliceToString(u.Machine[:]), release: unix.ByteSliceToString(u.Release[:])}
	if m, ok := machines[k.machine]; ok {
		k.machine = m
	}
	numbers, _, _ := strings.Cut(k.release, "-")
	for i, p := range strings.SplitN(numbers, ".", 3) {
		n, _ := strconv.ParseUint(strings.TrimRight(p, "+"), 10, 32)
		k.version[i] = uint32(n)
	}
	return k, nil
}

// machines by uname's names, where package binary has other ones.
var machines = map[string]string{"x86_64": "x86-64", "i686": "i386", "i586": "i386", "armv7l": "arm", "armv8l": "arm", "mips64": "mips64le"}

// differs says why this kernel can't stand for the one that the verdict is
// about, or "".
func (k kernel) differs(q Question) string {
	if q.Machine != "" && q.Machine != k.machine {
		return fmt.Sprintf("the verdict is about a kernel for %s, and this machine's is for %s", q.Machine, k.machine)
	}
	if q.Kernel != [3]uint32{} && q.Kernel != k.version {
		return fmt.Sprintf("the verdict is about Linux %d.%d.%d, and this machine's is %s", q.Kernel[0], q.Kernel[1], q.Kernel[2], k.release)
	}
	return ""
}
