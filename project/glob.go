package project

import (
	"regexp"
	"strings"
)

// maxGlob in letters: a longer one names nothing that exists.
const maxGlob = 4096

// glob is a pattern of names: * is anything but a slash, ** is anything, ?
// one letter. One that fits a directory fits all in it. The zero glob fits
// every name. It is matched in linear time, whoever wrote it.
type glob struct{ re *regexp.Regexp }

func (g glob) matches(name string) bool { return g.re == nil || g.re.MatchString(name) }

func newGlob(text string) glob {
	if text == "" {
		return glob{}
	}
	var b strings.Builder
	b.WriteString(`(?s)\A(?:`)
	for rest := strings.TrimRight(strings.ToValidUTF8(text, "\ufffd"), "/"); rest != ""; {
		n, meaning := 2, ""
		switch {
		case strings.HasPrefix(rest, "**/"):
			n, meaning = 3, `(?:.*/)?`
		case strings.HasPrefix(rest, "**"):
			meaning = `.*`
		case rest[0] == '*':
			n, meaning = 1, `[^/]*`
		case rest[0] == '?':
			n, meaning = 1, `[^/]`
		default:
			if n = strings.IndexAny(rest, "*?"); n < 0 {
				n = len(rest)
			}
			meaning = regexp.QuoteMeta(rest[:n])
		}
		b.WriteString(meaning)
		rest = rest[n:]
	}
	b.WriteString(`)(?:/.*|#/.*)?\z`)
	return glob{regexp.MustCompile(b.String())}
}
