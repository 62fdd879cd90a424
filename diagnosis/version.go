package diagnosis

import (
	"strings"
)

// Highest keeps of version nodes the highest of each family, in the order in
// which the families come: GLIBCXX_3.4.29 of all GLIBCXX_3.4…
func Highest(nodes []string) []string {
	var list []string
	at := map[string]int{}
	for _, n := range nodes {
		name, number := Family(n)
		i, seen := at[name]
		switch {
		case !seen:
			at[name] = len(list)
			list = append(list, n)
		default:
			if _, have := Family(list[i]); CompareNumbers(number, have) > 0 {
				list[i] = n
			}
		}
	}
	return list
}

// Family parts a version node into its name and its number; a node without a
// number is a family of its own.
func Family(node string) (name, number string) {
	i := strings.LastIndexByte(node, '_')
	if i < 0 || i+1 == len(node) || node[i+1] < '0' || node[i+1] > '9' {
		return node, ""
	}
	return node[:i], node[i+1:]
}

// CompareNumbers compares numbers with dots, 2.9 before 2.10; the shorter of
// two that begin alike is lower, and nothing is lowest.
func CompareNumbers(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}
