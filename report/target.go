package report

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/willrun/willrun/diagnosis"
)

// TargetDocument is what willrun target list and show print as JSON.
type TargetDocument struct {
	Schema  string       `json:"schema"` // willrun.target/v1
	Targets []TargetInfo `json:"targets"`
}

// TargetSchema names the form of a TargetDocument.
const TargetSchema = "willrun.target/v1"

// TargetInfo is what is known of a target on one machine.
type TargetInfo struct {
	Name      string          `json:"name"`
	Title     string          `json:"title"`
	Evidence  string          `json:"evidence"`
	Machine   string          `json:"machine"`
	Machines  []string        `json:"machines"`
	Libc      string          `json:"libc"`   // "glibc 2.34"
	CPU       string          `json:"cpu"`    // lowest level
	Kernel    string          `json:"kernel"` // "" any
	EOL       string          `json:"eol"`    // "2032-05-31"; "" not known
	Extended  string          `json:"extended_eol"`
	Ended     bool            `json:"ended"` // general support, on the day of the question
	Data      string          `json:"data"`
	Libraries []TargetLibrary `json:"libraries,omitempty"`
	Sources   []string        `json:"sources,omitempty"`
	Notes     []string        `json:"notes,omitempty"`
}

// TargetLibrary is one library of a target.
type TargetLibrary struct {
	Soname  string   `json:"soname"`
	Nodes   []string `json:"nodes"`
	Package string   `json:"package"`
	There   bool     `json:"there"` // else it can be installed
}

// Day writes a day, "" for none.
func Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// Targets lists targets, a line each.
func (s Style) Targets(w io.Writer, list []TargetInfo) {
	if len(list) == 0 {
		return
	}
	name := len("target")
	for _, t := range list {
		name = max(name, utf8.RuneCountInString(t.Name))
	}
	fmt.Fprintf(w, "%-*s  %-11s  %-8s  %-9s  %-8s  %s\n", name, "target", "libc", "kernel", "cpu", "evidence", "fixes until")
	for _, t := range list {
		until := t.EOL
		switch {
		case until == "":
			until = "-"
		case t.Ended:
			until = s.paint(faint, until+" (over)")
		}
		fmt.Fprintf(w, "%-*s  %-11s  %-8s  %-9s  %-8s  %s\n", name, t.Name, dash(t.Libc), dash(t.Kernel), dash(t.CPU), t.Evidence, until)
	}
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// Target tells everything of one target.
func (s Style) Target(w io.Writer, t TargetInfo) {
	fmt.Fprintf(w, "%s\n", s.paint(bold, clean(t.Name)))
	row := func(name, value string) {
		if value != "" {
			s.prose(w, fmt.Sprintf("  %-11s ", name), strings.Repeat(" ", 14), value)
		}
	}
	row("is", t.Title)
	row("evidence", t.Evidence)
	row("machine", t.Machine)
	row("also on", strings.Join(t.Machines, " "))
	row("libc", t.Libc)
	row("CPU from", t.CPU)
	row("kernel", t.Kernel)
	switch {
	case t.EOL != "" && t.Ended:
		row("fixes", "none since "+t.EOL)
	case t.EOL != "":
		row("fixes", "until "+t.EOL)
	}
	if t.Extended != "" {
		row("extended", "until "+t.Extended)
	}
	row("data", t.Data)
	for _, n := range t.Notes {
		row("note", n)
	}
	s.targetLibraries(w, t.Libraries)
	if s.Verbose {
		for _, src := range t.Sources {
			row("source", src)
		}
	}
}

// targetLibraries lists the base system's; with Verbose what can be installed
// too, and every version.
func (s Style) targetLibraries(w io.Writer, list []TargetLibrary) {
	there, more := 0, 0
	for _, l := range list {
		if !l.There && !s.Verbose {
			more++
			continue
		}
		there++
		line := l.Soname
		if nodes := s.nodes(l.Nodes); nodes != "" {
			line += "  " + nodes
		}
		how := ""
		if l.Package != "" {
			how = " (" + l.Package + ")"
		}
		if !l.There {
			how += " to be installed"
		}
		s.prose(w, "  ", "      ", line+how)
	}
	if more > 0 {
		fmt.Fprintf(w, "  and %s that can be installed (-v shows all)\n", plural(more, "library", "libraries"))
	}
}

// nodes are all versions, or the highest of each family.
func (s Style) nodes(list []string) string {
	if s.Verbose {
		return strings.Join(list, " ")
	}
	return strings.Join(diagnosis.Highest(list), " ")
}

// DiffDocument is what willrun target diff prints as JSON.
type DiffDocument struct {
	Schema  string   `json:"schema"` // willrun.target-diff/v1
	From    string   `json:"from"`
	To      string   `json:"to"`
	Machine string   `json:"machine"`
	Changes []Change `json:"changes"`

	// Of a side that is known by its base set, a library that is not named may
	// still be had.
	FromBase bool `json:"from_base_only"`
	ToBase   bool `json:"to_base_only"`
}

// DiffSchema names the form of a DiffDocument.
const DiffSchema = "willrun.target-diff/v1"

// Change is what becomes of one library from one target to another.
type Change struct {
	Soname  string   `json:"soname"`
	What    string   `json:"what"` // "gone", "new", "to-install", "changed"; "not-in-base": TO is known by its base set, which has it not
	Lost    []string `json:"lost"`
	Gained  []string `json:"gained"`
	Before  string   `json:"before"` // packages
	After   string   `json:"after"`
	Install bool     `json:"install"` // it can be installed, and is not there
}

// Diff writes what goes first, then what must be installed, then what has
// other versions, then what is new.
func (s Style) Diff(w io.Writer, d DiffDocument) {
	counts := map[string]int{}
	kinds := []struct{ what, title, count string }{
		{"gone", "gone", "gone"},
		{"not-in-base", "not in the base set of " + clean(d.To) + ", which is all that is known of it", "not in the base set"},
		{"to-install", "to be installed", "to be installed"},
		{"changed", "other versions", "with other versions"},
		{"new", "new", "new"},
	}
	if d.FromBase {
		kinds[4].title = "not in the base set of " + clean(d.From) + ", which is all that is known of it"
		kinds[4].count = "not in the first one's base set"
	}
	for _, kind := range kinds {
		first := true
		for _, c := range d.Changes {
			if c.What != kind.what {
				continue
			}
			counts[kind.what]++
			if kind.what == "new" && !s.Verbose {
				continue
			}
			if first {
				s.wrapBold(w, kind.title)
				first = false
			}
			s.prose(w, "  ", "      ", s.change(c))
		}
	}
	var sums []string
	for _, kind := range kinds {
		if n := counts[kind.what]; n > 0 {
			sums = append(sums, fmt.Sprintf("%d %s", n, kind.count))
		}
	}
	if len(sums) == 0 {
		sums = []string{"no difference that is known"}
	}
	text := fmt.Sprintf("%s to %s on %s: %s", d.From, d.To, d.Machine, strings.Join(sums, ", "))
	if counts["new"] > 0 && !s.Verbose {
		text += " (-v shows them)"
	}
	s.prose(w, "", "", text)
}

func (s Style) wrapBold(w io.Writer, text string) {
	var words []word
	for _, part := range strings.Fields(text) {
		words = append(words, s.word(bold, part))
	}
	s.wrap(w, "", "", words)
}

func (s Style) change(c Change) string {
	line := c.Soname
	if lost := s.nodes(c.Lost); lost != "" {
		line += "  lost " + lost
	}
	if gained := s.nodes(c.Gained); gained != "" {
		line += "  gained " + gained
	}
	switch {
	case (c.What == "gone" || c.What == "not-in-base") && c.Before != "":
		line += " (was in " + c.Before + ")"
	case c.Before != c.After && c.Before != "" && c.After != "":
		line += fmt.Sprintf(" (%s, before %s)", c.After, c.Before)
	case c.After != "":
		line += " (" + c.After + ")"
	}
	return line
}
