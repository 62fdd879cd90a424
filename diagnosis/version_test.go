package diagnosis

import (
	"slices"
	"testing"
)

func TestCompareNumbers(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"2.9", "2.10", -1}, {"2.34", "2.34", 0}, {"2.2.5", "2.2", 1}, {"", "2.2", -1}, {"3.4.30", "3.4.4", 1}, {"2.034", "2.34", 0}, {"10", "9.9", 1}} {
		got := CompareNumbers(c.a, c.b)
		if (got > 0) != (c.want > 0) || (got < 0) != (c.want < 0) {
			t.Errorf("%s, %s: %d", c.a, c.b, got)
		}
	}
}

func TestHighest(t *testing.T) {
	got := Highest([]string{"GLIBCXX_3.4", "CXXABI_1.3", "GLIBCXX_3.4.29", "GLIBCXX_3.4.9", "GLIBC_ABI_DT_RELR", "CXXABI_TM_1"})
	want := []string{"GLIBCXX_3.4.29", "CXXABI_1.3", "GLIBC_ABI_DT_RELR", "CXXABI_TM_1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
