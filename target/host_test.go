package target

import (
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/root"
)

// TestCPULevels: a level holds when each of its features does, and those
// below it.
func TestCPULevels(t *testing.T) {
	all := strings.Join(levelFlags, " ")
	without := func(f string) string { return strings.ReplaceAll(" "+all+" ", " "+f+" ", " ") }
	for _, c := range []struct {
		vendor, flags, level, platform string
		hwcaps                         []string
	}{
		{"AuthenticAMD", all, "x86-64-v4", "", nil},
		{"AuthenticAMD", without("avx512vl"), "x86-64-v3", "", nil},
		{"AuthenticAMD", without("movbe"), "x86-64-v2", "", nil},
		{"AuthenticAMD", without("lahf_lm"), "x86-64-v1", "", nil}, // v3's are of no use then
		{"AuthenticAMD", "fpu sse sse2", "x86-64-v1", "", nil},
		{"GenuineIntel", all, "x86-64-v4", "haswell", []string{"avx512_1"}},
		{"GenuineIntel", without("avx512dq"), "x86-64-v3", "haswell", nil},
		{"GenuineIntel", all + " avx512er avx512pf", "x86-64-v4", "xeon_phi", nil},
		{"GenuineIntel", levelFlags[1], "x86-64-v2", "", nil},
	} {
		var h Host
		h.cpu(cpuinfo("processor\t: 0\nvendor_id\t: " + c.vendor + "\nflags\t\t: " + c.flags + "\n\nprocessor\t: 1\nflags: x\n"))
		if h.CPU != c.level || h.Platform != c.platform || !slices.Equal(h.HWCaps, c.hwcaps) {
			t.Errorf("%s %s: %s %q %q", c.vendor, c.flags, h.CPU, h.Platform, h.HWCaps)
		}
	}
}

// TestMounts: the longest mount point counts, the last of several at one
// place, and names are whole.
func TestMounts(t *testing.T) {
	var h Host
	for _, line := range []string{
		"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
		"23 22 0:20 / /tmp rw,noexec,nosuid - tmpfs tmpfs rw",
		`24 23 0:21 / /tmp/with\040blank rw,nosuid master:3 - tmpfs tmpfs rw`,
		"25 22 0:22 / /home rw,noexec - ext4 /dev/b rw",
		"26 25 0:23 / /home rw - ext4 /dev/c rw,noexec",
		"broken",
	} {
		h.addMount(line)
	}
	for place, want := range map[string][2]bool{
		"/bin/sh": {}, "/tmp/x": {true, true}, "/tmp": {true, true}, "/tmpx": {}, "/tmp/with blank/x": {false, true}, "/home/app": {},
	} {
		if h.Noexec(place) != want[0] || h.NoSuid(place) != want[1] {
			t.Errorf("%s: noexec %v, nosuid %v", place, h.Noexec(place), h.NoSuid(place))
		}
	}
}

// TestBaseline: the release's own floor, raised by what its C library demands.
func TestBaseline(t *testing.T) {
	for _, c := range []struct {
		id, version string
		isa         uint32
		want        string
	}{
		{"debian", "12", 1, "x86-64-v1"}, {"debian", "12", 0, "x86-64-v1"}, {"centos", "8", 0, "x86-64-v1"},
		{"rhel", "9.4", 1, "x86-64-v2"}, {"centos", "9", 3, "x86-64-v2"}, {"rocky", "10.0", 7, "x86-64-v3"}, {"rhel", "10", 0, "x86-64-v3"},
		{"almalinux", "10", 3, "x86-64-v2"}, {"almalinux", "10", 7, "x86-64-v3"},
		{"amzn", "2023", 0, "x86-64-v2"}, {"amzn", "2", 0, "x86-64-v1"}, {"opensuse-leap", "16.0", 0, "x86-64-v2"}, {"opensuse-leap", "15.6", 0, "x86-64-v1"},
		{"arch", "", 15, "x86-64-v4"}, {"", "", 0, "x86-64-v1"},
	} {
		if got := baseline(root.Distribution{ID: c.id, VersionID: c.version}, c.isa); got != c.want {
			t.Errorf("%s %s with %b: %s", c.id, c.version, c.isa, got)
		}
	}
}
