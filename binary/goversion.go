package binary

import (
	"strconv"
	"strings"
)

// minimums are those that the Go version states
// (go.dev/wiki/MinimumRequirements, and the release notes).
func (g *Go) minimums(f *Facts) {
	minor, ok := goMinor(g.Version)
	if !ok || g.Compiler != "gc" {
		return
	}
	switch {
	case f.ELF != nil:
		g.MinKernel = "3.2"
		if minor <= 23 {
			g.MinKernel = "2.6.32"
		}
		if minor <= 18 {
			g.MinKernel = "2.6.23"
		}
	case f.PE != nil:
		g.MinOS = "Windows 10"
		if minor <= 20 {
			g.MinOS = "Windows 7"
		}
	case f.MachO != nil:
		g.MinOS = "macOS 13"
		for _, v := range []struct {
			upTo int
			os   string
		}{{26, "macOS 12"}, {24, "macOS 11"}, {22, "macOS 10.15"}, {20, "macOS 10.13"}, {16, "macOS 10.12"}} {
			if minor <= v.upTo {
				g.MinOS = v.os
			}
		}
	}
}

// goMinor is 22 of go1.22.6, and 27 of "devel go1.27-4d1c255f15 …".
func goMinor(version string) (int, bool) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(version, "devel "), "go1.")
	if !ok {
		return 0, false
	}
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	n, err := strconv.Atoi(rest[:digits])
	return n, err == nil
}
