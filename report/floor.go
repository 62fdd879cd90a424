package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/floor"
)

// FloorDocument is what willrun floor prints as JSON.
type FloorDocument struct {
	Schema string      `json:"schema"` // willrun.floor/v1
	Files  []FileFloor `json:"files"`
	Set    *FileFloor  `json:"set,omitempty"` // of several files together
	Errors []Trouble   `json:"errors"`
}

// FloorSchema names the form of a FloorDocument.
const FloorSchema = "willrun.floor/v1"

// FileFloor is how old a system may be for a file.
type FileFloor struct {
	File string `json:"file,omitempty"`
	*floor.Floor
	Releases []ReleaseFloor     `json:"releases"`
	Lower    []diagnosis.Remedy `json:"lower"` // how it comes to need less
}

// ReleaseFloor is one distribution's part: on which of its releases it runs.
type ReleaseFloor struct {
	ID      string   `json:"id"`   // "almalinux"
	From    string   `json:"from"` // "9": it runs on this release and all later ones; "" on none so
	Runs    []string `json:"runs"`
	Fails   []string `json:"fails"`
	Unknown []string `json:"unknown"`

	// From OpenFrom on nothing is known to stand against it, if these
	// libraries are there, of which that is not known; "" where From says more.
	OpenFrom string   `json:"open_from,omitempty"`
	If       []string `json:"if,omitempty"`
}

// FloorOf is what a person wants to know first.
func (s Style) FloorOf(w io.Writer, f FileFloor) {
	fmt.Fprintln(w, s.paint(bold, clean(f.File)))
	row := func(name, value string) {
		if value != "" {
			s.prose(w, fmt.Sprintf("  %-8s ", name), strings.Repeat(" ", 11), value)
		}
	}
	switch {
	case f.Libc == "none":
		row("libc", "none: it brings what it needs")
	case f.Glibc != "":
		row("libc", "glibc "+f.Glibc)
	default:
		row("libc", f.Libc+", of any version as far as its version needs tell")
	}
	for _, l := range f.Libraries {
		row("needs", l.Soname+": "+strings.Join(l.Versions, ", "))
	}
	row("kernel", from(f.Kernel, f.KernelFrom))
	row("CPU", from(f.CPU, f.CPUFrom))
	s.pins(w, f)
	s.releases(w, f.Releases)
}

func from(value, who string) string {
	if value == "" {
		return ""
	}
	return value + " (" + who + ")"
}

// pins: the highest ones hold the floor up; what lies below is shown with
// Verbose.
func (s Style) pins(w io.Writer, f FileFloor) {
	shown := 0
	for _, p := range f.Pins {
		if p.Without == "" && floor.Glibc(p.Version) == "" && !s.Verbose || shown >= maxPins && !s.Verbose {
			continue
		}
		shown++
		s.pin(w, p)
	}
	if shown == 0 {
		return
	}
	for _, r := range f.Lower {
		s.remedy(w, r)
	}
}

// maxPins: below these a floor is old enough for most.
const maxPins = 3

func (s Style) pin(w io.Writer, p floor.Pin) {
	line := p.Version + " of " + p.Library + " for " + names(p.Symbols, s.Verbose)
	if len(p.Symbols) == 0 {
		line = p.Version + " of " + p.Library + ", which no symbol in it uses any more"
	}
	if len(p.Packages) > 0 {
		line += ", called by " + strings.Join(p.Packages, ", ")
	}
	if len(p.Files) > 0 {
		line += ", in " + names(p.Files, s.Verbose)
	}
	if p.Without != "" {
		line += "; without it glibc " + p.Without + " would do"
	}
	s.prose(w, "  pinned by ", "            ", line)
}

// names are the first few of a list.
func names(list []string, all bool) string {
	const few = 5
	if all || len(list) <= few {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:few], ", "), len(list)-few)
}

func (s Style) releases(w io.Writer, list []ReleaseFloor) {
	var runs, none, open []string
	type condition struct{ names, from []string }
	var conditions []condition
	for _, r := range list {
		switch {
		case r.From != "":
			runs = append(runs, r.ID+" "+r.From)
		case len(r.Runs) > 0:
			runs = append(runs, r.ID+" "+strings.Join(r.Runs, " "))
		case r.OpenFrom != "":
		case len(r.Unknown) > 0:
			open = append(open, r.ID)
		default:
			none = append(none, r.ID)
		}
		if r.OpenFrom != "" {
			i := slices.IndexFunc(conditions, func(c condition) bool { return slices.Equal(c.names, r.If) })
			if i < 0 {
				i = len(conditions)
				conditions = append(conditions, condition{names: r.If})
			}
			conditions[i].from = append(conditions[i].from, r.ID+" "+r.OpenFrom)
		}
	}
	part := func(lead, colour string, list []string) {
		if len(list) > 0 {
			fmt.Fprintf(w, "  %s\n", s.paint(colour, lead))
			s.wrap(w, "    ", "    ", s.items(list))
		}
	}
	part("runs from", green, runs)
	for _, c := range conditions {
		fmt.Fprintf(w, "  %s\n", s.paint(yellow, "nothing stands against it from"))
		s.wrap(w, "    ", "    ", s.items(c.from))
		s.prose(w, "    if there: ", "              ", strings.Join(c.names, ", "))
	}
	part("not known", yellow, open)
	part("on no", red, none)
}
