// Package judge answers one question: does this subject start on this target?
// It is the one path that every command shares: circumstances are settled,
// package loader simulates, package explain finds the causes, and the verdict
// is drawn from them.
//
//	result, err := judge.Check(ctx, subject, tgt, judge.Circumstances{})
//	result.Verdict // diagnosis.Fails
//
// A file that can be read always gets a verdict; an error means that
// something could not be read at all.
package judge

import (
	"encoding/json"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/prove"
)

// Result of one subject on one target: the JSON contract of willrun check.
type Result struct {
	File      string              `json:"file"`   // as given
	Target    string              `json:"target"` // as given
	Evidence  string              `json:"evidence"`
	Verdict   diagnosis.Verdict   `json:"verdict"`
	Findings  []diagnosis.Finding `json:"findings"`
	Libraries []Library           `json:"libraries"`
	Unknown   []string            `json:"unknown"` // why the verdict is not known, and what would settle it
	Assumed   Assumed             `json:"assumed"`
	Data      string              `json:"data"`           // revision of the embedded data, or digest of the image; "" for a tree
	Kind      string              `json:"kind"`           // what the file is, in a few words
	Unit      string              `json:"unit,omitempty"` // the service that starts it

	// Proved is what reality said, where it was asked: "yes", "no" or
	// "impossible"; Proof tells more of it.
	Proved string       `json:"proved,omitempty"`
	Proof  *prove.Proof `json:"proof,omitempty"`

	Subject     string       `json:"subject,omitempty"`  // the file's name from the project's root, where that differs
	Acceptances []Acceptance `json:"accepted,omitempty"` // reasons of Unknown that do not count for the exit status

	// Trace of the level that decided the verdict, for the trail; not in JSON.
	Trace *loader.Trace `json:"-"`
	Facts *binary.Facts `json:"-"`
	// Perhaps are the libraries of which it is not known whether they are there.
	Perhaps []string `json:"-"`
}

// Library is one object that the loader would load.
type Library struct {
	Name     string         `json:"name"`
	Path     string         `json:"path"`
	FoundBy  loader.FoundBy `json:"found_by"`
	NeededBy string         `json:"needed_by"`
}

// Acceptance says that a reason why a verdict is not known was accepted.
type Acceptance struct {
	Unknown    string                 `json:"unknown"`
	Suppressed *diagnosis.Suppression `json:"suppressed,omitempty"`
	Known      bool                   `json:"known,omitempty"`
}

// Assumed are the circumstances that the verdict rests on.
type Assumed struct {
	Place    string   `json:"place"`
	Platform string   `json:"platform"`
	CPU      string   `json:"cpu"`
	Kernel   string   `json:"kernel"`
	User     string   `json:"user"`
	Cwd      string   `json:"cwd"`
	Env      []string `json:"env"`
	As       string   `json:"as"` // "program", or "dlopen" for a shared library
}

// MarshalJSON writes empty lists as [].
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result
	p := plain(r)
	p.Findings = orEmpty(p.Findings)
	p.Libraries = orEmpty(p.Libraries)
	p.Unknown = orEmpty(p.Unknown)
	p.Assumed.Env = orEmpty(p.Assumed.Env)
	return json.Marshal(p)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Worst is the severity of the gravest finding; ok is false where there is
// none.
func (r Result) Worst() (worst diagnosis.Severity, ok bool) {
	for _, f := range r.Findings {
		if !ok || f.Severity > worst {
			worst, ok = f.Severity, true
		}
	}
	return worst, ok
}

// Accepted is the acceptance of a reason of Unknown; nil where it has none.
func (r Result) Accepted(why string) *Acceptance {
	for i := range r.Acceptances {
		if r.Acceptances[i].Unknown == why {
			return &r.Acceptances[i]
		}
	}
	return nil
}

// ExitCode of one result: 1 where it fails or a finding is at or above
// failOn, 3 where it is unknown, else 0. What a project has accepted, or a
// baseline knows, does not count, though the verdict stays what it is. Behind
// a failure that is accepted, what is not known counts again.
func (r Result) ExitCode(failOn diagnosis.Severity) int {
	blocked := false
	for _, f := range r.Findings {
		blocked = blocked || f.Severity == diagnosis.Blocks
		if !f.Accepted() && f.Severity >= failOn {
			return diagnosis.ExitFails
		}
	}
	switch {
	case r.Verdict == diagnosis.Fails && !blocked:
		return diagnosis.ExitFails
	case r.Verdict == diagnosis.Runs:
		return diagnosis.ExitOK
	}
	for _, why := range r.Unknown {
		if r.Accepted(why) == nil {
			return diagnosis.ExitUnknown
		}
	}
	if r.Verdict == diagnosis.Unknown && len(r.Unknown) == 0 {
		return diagnosis.ExitUnknown
	}
	return diagnosis.ExitOK
}
