package report

import (
	"io"
	"slices"
	"strings"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
)

// accepted tells in a line each what the project has suppressed and why, and
// counts what the baseline knows. The verdict above it stays what it is.
func (s Style) accepted(w io.Writer, r judge.Result) {
	known := 0
	var lines []string
	add := func(what string, by *diagnosis.Suppression, isKnown bool) {
		switch {
		case by != nil:
			if by.Until != "" {
				what += ", until " + by.Until
			}
			if line := what + ": " + by.Reason; !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		case isKnown:
			known++
		}
	}
	for _, f := range r.Findings {
		if f.Severity != diagnosis.Note || s.Verbose {
			add(strings.Join(strings.Fields(strings.Join([]string{string(f.Cause), f.Library, f.Version, f.Symbol}, " ")), " "), f.Suppressed, f.Known)
		}
	}
	for _, a := range r.Acceptances {
		add("what is not known", a.Suppressed, a.Known)
	}
	for _, line := range lines {
		s.faintly(w, "  suppressed: ", line)
	}
	if known > 0 {
		text := plural(known, "finding", "findings") + " that the baseline has"
		if !s.Verbose {
			text += " (-v shows)"
		}
		s.faintly(w, "  known: ", text)
	}
}

// faintly is prose of less weight.
func (s Style) faintly(w io.Writer, lead, text string) {
	var words []word
	for _, part := range strings.Fields(clean(text)) {
		words = append(words, s.word(faint, part))
	}
	s.wrap(w, s.paint(faint, lead), strings.Repeat(" ", len(lead)), words)
}

// Notes tells notes in a faint line each. With Verbose they stand with their
// results already.
func (s Style) Notes(w io.Writer, notes []diagnosis.Finding) {
	for _, f := range notes {
		if !s.Verbose {
			s.faintly(w, "  note: ", f.Detail)
		}
	}
}
