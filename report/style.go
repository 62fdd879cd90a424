// Package report turns results, findings and facts into words: text for
// people, JSON for programs, both from the same values. It judges nothing,
// and no exit code is decided here.
package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/willrun/willrun/diagnosis"
)

// Style is how text is to look.
type Style struct {
	Colour  bool // escape codes for a terminal
	Width   int  // columns; 80 when 0
	Verbose bool // the trail too
}

func (s Style) width() int {
	if s.Width < 40 {
		return 80
	}
	return s.Width
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
	faint  = "2"
)

func (s Style) paint(code, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s Style) verdict(v diagnosis.Verdict) string {
	word := fmt.Sprintf("%-7s", v)
	switch v {
	case diagnosis.Runs:
		return s.paint(green, word)
	case diagnosis.Fails:
		return s.paint(red, word)
	}
	return s.paint(yellow, word)
}

// prose writes words wrapped to the width, each line behind indent, the first
// behind lead (which must be as wide as indent).
func (s Style) prose(w io.Writer, lead, indent, text string) {
	var words []word
	for _, part := range strings.Fields(clean(text)) {
		words = append(words, word{part, part})
	}
	s.wrap(w, lead, indent, words)
}

// word is text that stays on one line, as it is seen and as it is written.
type word struct{ text, painted string }

func (s Style) word(colour, text string) word {
	text = clean(text)
	if colour == "" {
		return word{text, text}
	}
	return word{text, s.paint(colour, text)}
}

// wrap is prose for words that may be painted.
func (s Style) wrap(w io.Writer, lead, indent string, words []word) {
	room := s.width() - utf8.RuneCountInString(indent)
	var line strings.Builder
	used := 0
	for _, next := range words {
		n := utf8.RuneCountInString(next.text)
		if used > 0 && used+1+n > room {
			fmt.Fprintln(w, lead+line.String())
			lead, used = indent, 0
			line.Reset()
		}
		if used > 0 {
			line.WriteByte(' ')
			used++
		}
		line.WriteString(next.painted)
		used += n
	}
	if used > 0 {
		fmt.Fprintln(w, lead+line.String())
	}
}

// clean shows control characters instead of sending them to the terminal: the
// names in a hostile file are not to be trusted.
func clean(text string) string {
	if strings.IndexFunc(text, control) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == utf8.RuneError:
			b.WriteString("\ufffd")
		case control(r):
			fmt.Fprintf(&b, "\\x%02x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// control: C0, C1, and the marks that turn the direction of text around.
func control(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
