package pkgindex

import "strings"

// compareEVR orders versions as the index's package manager does.
func compareEVR(manager, a, b string) int {
	if manager == "apt" {
		return compareDeb(a, b)
	}
	return compareRPM(a, b)
}

// compareRPM orders epoch:version-release as rpm does (rpmio/rpmvercmp.c).
func compareRPM(a, b string) int {
	ea, va, ra := splitEVR(a)
	eb, vb, rb := splitEVR(b)
	if c := rpmvercmp(ea, eb); c != 0 {
		return c
	}
	if c := rpmvercmp(va, vb); c != 0 || ra == "" || rb == "" {
		return c
	}
	return rpmvercmp(ra, rb)
}

func splitEVR(s string) (epoch, version, release string) {
	epoch = "0"
	if e, rest, ok := strings.Cut(s, ":"); ok {
		epoch, s = e, rest
	}
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		return epoch, s[:i], s[i+1:]
	}
	return epoch, s, ""
}

// rpmvercmp takes runs of digits and of letters in turn; digits beat letters,
// ~ is lower than anything, ^ is higher than the end and lower than the rest.
func rpmvercmp(a, b string) int {
	for a != "" || b != "" {
		a, b = strings.TrimLeftFunc(a, rpmSeparator), strings.TrimLeftFunc(b, rpmSeparator)
		if c, both := rpmMarks(a, b); c != 0 {
			return c
		} else if both {
			a, b = a[1:], b[1:]
			continue
		}
		if a == "" || b == "" {
			break
		}
		digit := isDigit(rune(a[0]))
		kind := isAlpha
		if digit {
			kind = isDigit
		}
		x, y := run(a, kind), run(b, kind)
		a, b = a[len(x):], b[len(y):]
		switch {
		case y == "" && digit:
			return 1
		case y == "":
			return -1
		}
		if digit {
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if len(x) != len(y) {
				return len(x) - len(y)
			}
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}

// rpmMarks compares by ~ and ^ at the beginning; both have the same mark where
// that does not part them.
func rpmMarks(a, b string) (order int, both bool) {
	mark := func(s string, c byte) bool { return s != "" && s[0] == c }
	switch {
	case mark(a, '~') || mark(b, '~'):
		if !mark(a, '~') {
			return 1, false
		}
		if !mark(b, '~') {
			return -1, false
		}
		return 0, true
	case mark(a, '^') || mark(b, '^'):
		switch {
		case a == "":
			return -1, false
		case b == "":
			return 1, false
		case !mark(a, '^'):
			return 1, false
		case !mark(b, '^'):
			return -1, false
		}
		return 0, true
	}
	return 0, false
}

func isDigit(c rune) bool      { return c >= '0' && c <= '9' }
func isAlpha(c rune) bool      { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func rpmSeparator(c rune) bool { return !isDigit(c) && !isAlpha(c) && c != '~' && c != '^' }

// run is the longest beginning of one kind.
func run(s string, kind func(rune) bool) string {
	return s[:len(s)-len(strings.TrimLeftFunc(s, kind))]
}

// compareDeb orders versions as dpkg does (deb-version(7)).
func compareDeb(a, b string) int {
	ea, va, ra := splitEVR(a)
	eb, vb, rb := splitEVR(b)
	for _, p := range [][2]string{{ea, eb}, {va, vb}, {ra, rb}} {
		if c := debvercmp(p[0], p[1]); c != 0 {
			return c
		}
	}
	return 0
}

func debvercmp(a, b string) int {
	for a != "" || b != "" {
		x, y := run(a, notDigit), run(b, notDigit)
		a, b = a[len(x):], b[len(y):]
		for i := range max(len(x), len(y)) {
			if c := debOrder(x, i) - debOrder(y, i); c != 0 {
				return c
			}
		}
		x, y = run(a, isDigit), run(b, isDigit)
		a, b = a[len(x):], b[len(y):]
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
	return 0
}

func notDigit(c rune) bool { return !isDigit(c) }

// debOrder: ~ before the end, the end before letters, letters before the rest.
func debOrder(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case isAlpha(rune(s[i])):
		return int(s[i])
	}
	return int(s[i]) + 256
}
