// Package diagnosis holds the words in which willrun speaks about a user's
// system: a Finding has a Cause, a Severity, evidence and Remedies; a subject
// on a target gets a Verdict. Everything that any command prints is made of
// these values, so text, JSON and exit codes tell one truth.
//
//	f := diagnosis.Finding{Cause: diagnosis.LibraryMissing, Severity: diagnosis.Blocks,
//		Library: "libgo.so.13", NeededBy: "/usr/local/bin/app"}
//	diagnosis.VerdictOf([]diagnosis.Finding{f}, nil) // Fails
//
// The package judges nothing and reads nothing; it only names.
package diagnosis

import (
	"encoding/json"
	"fmt"
)

// Verdict is the answer to "will it start there?".
type Verdict int

const (
	Unknown Verdict = iota // nothing shown yet: forgetting is honest
	Runs
	Fails
)

func (v Verdict) String() string {
	switch v {
	case Runs:
		return "runs"
	case Fails:
		return "fails"
	}
	return "unknown"
}

// MarshalText writes the verdict's word.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the verdict's word.
func (v *Verdict) UnmarshalText(b []byte) error {
	for _, w := range []Verdict{Unknown, Runs, Fails} {
		if w.String() == string(b) {
			*v = w
			return nil
		}
	}
	return fmt.Errorf("no such verdict: %q", b)
}

// Severity says how much a finding matters for the start. A greater value
// matters more.
type Severity int

const (
	Note   Severity = iota // worth knowing
	Risk                   // may fail
	Later                  // starts, and fails on a path that is known
	Blocks                 // does not reach main
)

var severityWords = [...]string{"note", "risk", "later", "blocks"}

func (s Severity) String() string { return severityWords[s] }

// MarshalText writes the severity's word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the severity's word.
func (s *Severity) UnmarshalText(b []byte) error {
	v, err := ParseSeverity(string(b))
	*s = v
	return err
}

// ParseSeverity turns one of note, risk, later, blocks into its value.
func ParseSeverity(word string) (Severity, error) {
	for i, w := range severityWords {
		if w == word {
			return Severity(i), nil
		}
	}
	return 0, fmt.Errorf("no such severity: %q (one of note, risk, later, blocks)", word)
}

// Remedy is something that the user can do.
type Remedy struct {
	Command string `json:"command"` // to be typed as it stands; "" when words must do
	Why     string `json:"why"`     // what it changes, and why that helps
}

// Finding is one thing worth telling the user. The fields are the JSON
// contract: added to, never repurposed.
type Finding struct {
	Cause    Cause    `json:"cause"`
	Severity Severity `json:"severity"`
	Object   string   `json:"object"`    // the file that is at fault, from the target's root
	NeededBy string   `json:"needed_by"` // who asked for it
	Library  string   `json:"library"`   // the soname or name asked for
	Version  string   `json:"version"`   // a version node, such as GLIBC_2.34
	Symbol   string   `json:"symbol"`
	Levels   []string `json:"levels"`  // CPU levels on which this holds; empty: on all
	Message  string   `json:"message"` // the line that the loader or kernel would give
	Detail   string   `json:"detail"`  // one sentence for people, with the numbers that disagree
	Chain    []string `json:"chain"`   // from the subject to who asked, by name
	Tried    []string `json:"tried,omitempty"`
	Settle   string   `json:"settle,omitempty"` // for an unknown: what would settle it
	Remedies []Remedy `json:"remedies"`

	Suppressed *Suppression `json:"suppressed,omitempty"` // the project accepts it
	Known      bool         `json:"known,omitempty"`      // the baseline has it: it was there before
}

// Accepted says whether it is left out of the exit status.
func (f Finding) Accepted() bool { return f.Suppressed != nil || f.Known }

// Suppression is why a project accepts a finding.
type Suppression struct {
	Reason string `json:"reason"`
	Until  string `json:"until,omitempty"` // last day, 2026-12-31; "" for good
}

// MarshalJSON writes empty lists as [] and not as null, so that scripts need
// no second case.
func (f Finding) MarshalJSON() ([]byte, error) {
	type plain Finding
	p := plain(f)
	if p.Levels == nil {
		p.Levels = []string{}
	}
	if p.Chain == nil {
		p.Chain = []string{}
	}
	if p.Remedies == nil {
		p.Remedies = []Remedy{}
	}
	return json.Marshal(p)
}

// Exit codes, the same for every command; where several hold, the order is
// ExitTrouble, ExitFails, ExitUnknown, ExitOK.
const (
	ExitOK      = 0
	ExitFails   = 1
	ExitTrouble = 2 // the command itself could not do its work for some input
	ExitUnknown = 3
)
