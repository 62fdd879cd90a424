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
	Data      string              `json:"data"` // revision of the embedded data, or digest of the image; "" for a tree
	Kind      string              `json:"kind"` // what the file is, in a few words

	// Trace of the level that decided the verdict, for the trail; not in JSON.
	Trace *loader.Trace `json:"-"`
	Facts *binary.Facts `json:"-"`
}

// Library is one object that the loader would load.
type Library struct {
	Name     string         `json:"name"`
	Path     string         `json:"path"`
	FoundBy  loader.FoundBy `json:"found_by"`
	NeededBy string         `json:"needed_by"`
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

// ExitCode of one result: 1 where it fails or a finding is at or above
// failOn, 3 where it is unknown, else 0.
func (r Result) ExitCode(failOn diagnosis.Severity) int {
	worst, ok := r.Worst()
	switch {
	case r.Verdict == diagnosis.Fails, ok && worst >= failOn:
		return diagnosis.ExitFails
	case r.Verdict == diagnosis.Unknown:
		return diagnosis.ExitUnknown
	}
	return diagnosis.ExitOK
}
