package project

// nearest is the name that differs from a word by a letter or two; "" where
// none is so near.
func nearest(word string, names []string) string {
	best, name := 3, ""
	for _, n := range names {
		if d := distance(word, n); d < best && d < len(n) {
			best, name = d, n
		}
	}
	return name
}

// distance counts the letters to insert, delete or change. Words that differ
// much in length are far apart without counting.
func distance(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		left := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := left
			if a[i-1] != b[j-1] {
				change++
			}
			left = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
