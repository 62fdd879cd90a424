package root

import "strings"

// CompareVersions compares dotted numbers: negative, 0 or positive. An empty
// version is lower than any other.
func CompareVersions(a, b string) int {
	x, y := versionParts(a), versionParts(b)
	for i := range max(len(x), len(y)) {
		p, q := -1, -1
		if i < len(x) {
			p = x[i]
		}
		if i < len(y) {
			q = y[i]
		}
		if p < 0 && q == 0 || q < 0 && p == 0 {
			continue
		}
		if p != q {
			return p - q
		}
	}
	return 0
}

func versionParts(v string) []int {
	var parts []int
	for _, p := range strings.Split(v, ".") {
		n, digits := 0, 0
		for digits < len(p) && digits < 8 && p[digits] >= '0' && p[digits] <= '9' {
			n = 10*n + int(p[digits]-'0')
			digits++
		}
		if digits == 0 {
			break
		}
		parts = append(parts, n)
	}
	return parts
}
