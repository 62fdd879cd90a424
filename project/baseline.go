package project

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
)

// Key is what a finding is about, and so how it is known again in a later
// run: never by its words, which get better, and by no path of the machine.
type Key struct {
	Subject  string `json:"subject"` // named from the project's root
	Target   string `json:"target"`
	Cause    string `json:"cause"` // Unknown for a reason why the verdict is not known
	Severity string `json:"severity,omitempty"`
	Library  string `json:"library,omitempty"`
	Version  string `json:"version,omitempty"`
	Symbol   string `json:"symbol,omitempty"`
	Why      string `json:"why,omitempty"` // the reason itself
}

// BaselineSchema names the form of what Baseline.Write writes.
const BaselineSchema = "willrun.baseline/v1"

// maxBaseline in bytes.
const maxBaseline = 256 << 20

// Baseline is a set of findings that were there before.
type Baseline struct{ known map[Key]bool }

// ReadBaseline reads what Write wrote, or a document of willrun check.
func ReadBaseline(name, root string) (*Baseline, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBaseline+1))
	if err != nil {
		return nil, err
	}
	b, err := ParseBaseline(data, root)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// ParseBaseline is ReadBaseline for the text itself. Names that a document of
// willrun check gives are taken as seen from root.
func ParseBaseline(data []byte, root string) (*Baseline, error) {
	if len(data) > maxBaseline {
		return nil, fmt.Errorf("it is larger than %d MB", maxBaseline>>20)
	}
	var doc struct {
		Schema  string         `json:"schema"`
		Known   []Key          `json:"known"`
		Results []judge.Result `json:"results"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("it is no JSON document: %w", err)
	}
	b := &Baseline{known: map[Key]bool{}}
	switch doc.Schema {
	case BaselineSchema:
		for _, k := range doc.Known {
			b.known[k] = true
		}
	case "willrun.check/v1":
		names := naming{root: root, dir: root}
		for i := range doc.Results {
			b.Add(names.keys(&doc.Results[i]))
		}
	default:
		return nil, fmt.Errorf("its schema is %q; what 'willrun check --format json' or --write-baseline wrote is wanted", doc.Schema)
	}
	return b, nil
}

// Add notes findings as known.
func (b *Baseline) Add(keys []Key) {
	if b.known == nil {
		b.known = map[Key]bool{}
	}
	for _, k := range keys {
		b.known[k] = true
	}
}

// Len is how many findings are known.
func (b *Baseline) Len() int { return len(b.known) }

// Write writes the baseline, sorted, so that a change to it reads well.
func (b *Baseline) Write(w io.Writer) error {
	list := make([]Key, 0, len(b.known))
	for k := range b.known {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(a.Library, b.Library), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Symbol, b.Symbol), cmp.Compare(a.Why, b.Why))
	})
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Schema string `json:"schema"`
		Known  []Key  `json:"known"`
	}{BaselineSchema, list})
}

// WriteFile replaces a file by the baseline at once, or leaves it as it was.
func (b *Baseline) WriteFile(name string) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".willrun-*")
	if err != nil {
		return err
	}
	err = errors.Join(b.Write(tmp), tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

// keyOf a finding.
func keyOf(subject, target string, f diagnosis.Finding) Key {
	return Key{Subject: subject, Target: target, Cause: string(f.Cause), Severity: f.Severity.String(), Library: f.Library, Version: f.Version, Symbol: f.Symbol}
}

// keyOfUnknown: a reason has no parts, so it is known by its words; a release
// of willrun that says it otherwise says something new.
func keyOfUnknown(subject, target, why string) Key {
	return Key{Subject: subject, Target: target, Cause: string(Unknown), Why: why}
}

// keys of all that a result tells and nothing has suppressed.
func (n naming) keys(r *judge.Result) []Key {
	subject, target := r.Subject, n.target(r.Target)
	if subject == "" {
		subject = n.subject(r.File)
	}
	var list []Key
	for _, f := range r.Findings {
		if f.Suppressed == nil {
			list = append(list, keyOf(subject, target, f))
		}
	}
	for _, why := range r.Unknown {
		if a := r.Accepted(why); a == nil || a.Suppressed == nil {
			list = append(list, keyOfUnknown(subject, target, why))
		}
	}
	return list
}
