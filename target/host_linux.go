package target

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Host is this machine's own circumstances.
type Host struct {
	Machine  string   // of its kernel
	CPU      string   // level: "x86-64-v3"; "" off x86-64
	Platform string   // AT_PLATFORM as glibc sees it; "" the machine's usual
	HWCaps   []string // legacy hardware names that hold here
	Kernel   [3]uint32
	Release  string // as uname gives it
	PageSize uint64
	mounts   []mount
}

type mount struct {
	at             string
	noexec, nosuid bool
}

func host() (*Host, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return nil, err
	}
	h := &Host{Release: unix.ByteSliceToString(u.Release[:]), PageSize: uint64(os.Getpagesize())}
	h.Machine = map[string]string{"x86_64": "x86-64", "i686": "i386", "i586": "i386", "armv7l": "arm", "armv8l": "arm",
		"mips64": "mips64le"}[unix.ByteSliceToString(u.Machine[:])]
	if h.Machine == "" {
		h.Machine = unix.ByteSliceToString(u.Machine[:])
	}
	numbers, _, _ := strings.Cut(h.Release, "-")
	for i, p := range strings.SplitN(numbers, ".", 3) {
		n, _ := strconv.ParseUint(strings.TrimRight(p, "+"), 10, 32)
		h.Kernel[i] = uint32(n)
	}
	if h.Machine == "x86-64" {
		// Without /proc nothing is known of the CPU, and every level counts.
		if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
			h.cpu(cpuinfo(string(data)))
		}
	}
	return h, h.readMounts()
}

// levelFlags are the features of each level by the kernel's names for them
// (x86-64 psABI, table 3.1). The kernel lists only what it has enabled.
var levelFlags = []string{
	"cmov cx8 fpu fxsr mmx sse sse2",
	"cx16 lahf_lm popcnt pni ssse3 sse4_1 sse4_2",
	"avx avx2 bmi1 bmi2 f16c fma abm movbe xsave",
	"avx512f avx512bw avx512cd avx512dq avx512vl",
}

func (h *Host) cpu(vendor string, flags map[string]bool) {
	has := func(list string) bool {
		for _, f := range strings.Fields(list) {
			if !flags[f] {
				return false
			}
		}
		return true
	}
	h.CPU = "x86-64-v1"
	for i := 1; i < len(levelFlags) && has(levelFlags[i]); i++ {
		h.CPU = "x86-64-v" + strconv.Itoa(i+1)
	}
	// Only on Intel's CPUs does glibc put these in the place of x86_64
	// (sysdeps/x86/cpu-features.c, end of init_cpu_features).
	if vendor == "GenuineIntel" {
		if has(levelFlags[3]) && !flags["avx512er"] {
			h.HWCaps = []string{"avx512_1"}
		}
		if has("avx2 bmi1 bmi2 abm movbe popcnt fma") {
			h.Platform = "haswell"
		}
		if has("avx512f avx512cd avx512er avx512pf") {
			h.Platform = "xeon_phi"
		}
	}
}

func cpuinfo(text string) (vendor string, flags map[string]bool) {
	flags = map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "vendor_id":
			vendor = strings.TrimSpace(value)
		case "flags":
			for _, f := range strings.Fields(value) {
				flags[f] = true
			}
			return vendor, flags
		}
	}
	return vendor, flags
}

// readMounts reads /proc/self/mountinfo (proc_pid_mountinfo(5)).
func (h *Host) readMounts() error {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil // no /proc: nothing is known to be noexec
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20) // an overlay of many layers has a long line
	for lines.Scan() {
		h.addMount(lines.Text())
	}
	return lines.Err()
}

func (h *Host) addMount(line string) {
	fields := strings.Fields(line)
	if len(fields) < 6 {
		return
	}
	options := strings.Split(fields[5], ",")
	h.AddMount(unescape(fields[4]), slices.Contains(options, "noexec"), slices.Contains(options, "nosuid"))
}

// unescape undoes the kernel's octal escapes of blanks and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// mountOf is the mount that a path lies on: the longest mount point, the
// last of several.
func (h *Host) mountOf(p string) mount {
	var best mount
	for _, m := range h.mounts {
		if (m.at == "/" || p == m.at || strings.HasPrefix(p, m.at+"/")) && len(m.at) >= len(best.at) {
			best = m
		}
	}
	return best
}

// Noexec says whether the path lies on a file system mounted noexec.
func (h *Host) Noexec(p string) bool { return h.mountOf(p).noexec }

// NoSuid says whether the path lies on a file system mounted nosuid.
func (h *Host) NoSuid(p string) bool { return h.mountOf(p).nosuid }

// AddMount adds a mount point with its options; tests give trees the mounts
// that real ones have.
func (h *Host) AddMount(at string, noexec, nosuid bool) {
	h.mounts = append(h.mounts, mount{at: at, noexec: noexec, nosuid: nosuid})
}
