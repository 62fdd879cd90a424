// Package profile says what is known of a release by its name alone: which
// libc it has, which versions each library exports on which machine, its CPU
// baseline, its kernel, and until when it is cared for.
//
//	p, err := profile.Lookup("almalinux:9")
//	p.Libc                   // {glibc 2.34}
//	p.Libraries("x86-64")    // libc.so.6 with its version nodes, …
//	p.Entries("x86-64")      // the same as a tree, for root.Described
//
// Nothing is derived from a release's number. Versions of a library were
// measured, or follow from measured builds of the glibc releases on both
// sides; where neither tells, they are unsure and say so. data/README.md names
// the sources.
package profile

import (
	"strings"
	"time"
)

// Libc of a release.
type Libc struct {
	Kind    string // "glibc" or "musl"
	Version string // "2.34"; "" not known
}

// Profile is one release, and what is known of it. It is safe for use by many
// goroutines.
type Profile struct {
	Name     string // spelt out: "debian:12" for "debian:bookworm", "almalinux:9.4"
	ID       string // as the data has it: that of os-release, but "centos-stream"
	Version  string // of the release that the facts are of: "9" for "almalinux:9.4"
	Minor    string // as asked for: "4" for "almalinux:9.4", else ""
	Title    string // "AlmaLinux 9"
	Codename string // "bookworm"

	Libc       Libc
	GCC        string    // the default compiler; "" not known
	Libgo      []string  // sonames that the release ships
	LibgoKnown bool      // Libgo is all there is: empty means that none is shipped
	Kernel     [3]uint32 // the release's own at first; zero: not known
	Released   time.Time // zero: not known
	EOL        time.Time // last day of general support
	Extended   time.Time // last day of paid or long-term support

	Machines []string // on which library versions are known, in binary.ELF's words
	Sources  []Source // where each fact is from
	Notes    []string // what the asked name left open, and how it was read

	level  string
	minor  int
	blocks map[string][]block // by machine, the lowest minor first
	chunk  *chunk
}

// Source of one fact.
type Source struct {
	Fact string // "dates", "libc", "gcc", "libgo", "kernel", "level", or "all"
	From string
}

// Level is the lowest CPU level that the release runs on ("x86-64-v2"), or ""
// where it is not known or the machine has no levels.
func (p *Profile) Level(machine string) string {
	if machine != "x86-64" || p.level == "" {
		return ""
	}
	return "x86-64-" + p.level
}

// Over says whether general support is over at a day, and since when; with
// the end of extended support, where there is such. An unknown date is not
// over.
func (p *Profile) Over(asOf time.Time) (over bool, since, extended time.Time) {
	return !p.EOL.IsZero() && !asOf.Before(p.EOL.AddDate(0, 0, 1)), p.EOL, p.Extended
}

// Presence says whether a library is there. The zero value is honest.
type Presence int

const (
	Unknown     Presence = iota // may be there or not
	Present                     // every installation has it
	Installable                 // a package of the release brings it
)

func (p Presence) String() string {
	return [...]string{"unknown", "present", "installable"}[p]
}

// Library is one library of a release on one machine. Its lists are shared: do
// not change them.
type Library struct {
	Soname   string
	Path     string // where the release has it
	Presence Presence
	Package  string   // which brings it; "" not known
	Nodes    []string // version nodes that it exports
	Unsure   []string // nodes that it may export
	Opaque   bool     // its symbols are not known; else they are all in Symbols
	Symbols  []Symbol
	Needed   []string
	Why      string // what this rests on
}

// Symbol that a library exports.
type Symbol struct {
	Name, Version string
	Type          uint8  // STT_*
	Size          uint64 // of an object
}

// Answer is what is known of one node. The zero value is honest.
type Answer int

const (
	NotKnown Answer = iota
	Has
	Lacks
)

// Node says whether a library of the release exports a version. A library
// that the profile does not tell of is not known.
func (p *Profile) Node(machine, soname, node string) Answer {
	l := p.library(machine, soname)
	switch {
	case l == nil:
		return NotKnown
	case contains(l.nodes, node):
		return Has
	case contains(l.unsure, node) || node == "GLIBC_PRIVATE":
		return NotKnown
	}
	return Lacks
}

// Libraries of the release on a machine, by their sonames; nil where nothing
// is known of that machine. What is not among them may be there or not.
func (p *Profile) Libraries(machine string) []Library {
	if p.Libc.Kind == "musl" {
		return p.muslLibraries(machine)
	}
	var list []Library
	for _, s := range p.stored(machine) {
		list = append(list, s.library())
	}
	return list
}

// factWords are the words by which the data names a fact.
var factWords = []struct{ word, fact string }{{"dates", "dates"}, {"release", "dates"}, {"EOL", "dates"}, {"glibc", "libc"}, {"musl", "libc"},
	{"gcc", "gcc"}, {"libgo", "libgo"}, {"kernel", "kernel"}, {"level", "level"}}

// fields parts "dates:endoflife.date@1; gcc/libgo:rpmdb" into facts and their
// sources. A part that names no fact goes with the one before, or is the
// source of all.
func fields(text string) []Source {
	var list []Source
	last := []string{"all"}
	for _, part := range strings.Split(text, "; ") {
		left, from, ok := strings.Cut(part, ":")
		var facts []string
		for _, f := range factWords {
			if ok && strings.Contains(left, f.word) && !contains(facts, f.fact) && !strings.Contains(left, "#") {
				facts = append(facts, f.fact)
			}
		}
		switch {
		case facts != nil:
			last = facts
		case strings.HasPrefix(part, "kernel "):
			last, from = []string{"kernel"}, part
		default:
			from = part
		}
		for _, f := range last {
			list = append(list, Source{f, strings.TrimSpace(from)})
		}
	}
	return list
}
