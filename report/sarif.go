package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
)

// Tool is what a report says of the program that made it.
type Tool struct {
	Version string
	Page    func(cause string) (text string, ok bool) // the page that explains a cause
}

// The schema that the document names; a test holds the document against it.
const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// unknownRule is the rule of what could not be judged. It is no cause: the
// verdict unknown has none.
const unknownRule = "unknown"

// SARIF writes results as a SARIF 2.1.0 log for code scanning: a rule for each
// cause that occurs, a result for each finding on each target, one of kind
// "open" for each verdict that is not known, and a notification for each
// input that could not be judged. The same results give the same bytes.
func SARIF(w io.Writer, tool Tool, results []judge.Result, troubles []Trouble) error {
	s := &sarif{index: map[string]int{}, seen: map[string]int{}}
	s.findRules(tool, results)
	for _, r := range results {
		for _, f := range r.Findings {
			s.finding(r, f)
		}
		if r.Verdict == diagnosis.Unknown {
			s.open(r)
		}
	}
	driver := sarifDriver{Name: "willrun", FullName: "willrun: will it start there?", Version: tool.Version, Rules: s.rules}
	run := sarifRun{Tool: sarifTool{driver}, Results: s.results, Invocations: []sarifInvocation{invocation(troubles)}}
	return JSON(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

// The parts of the format that are used; names and order are its own
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name     string      `json:"name"`
		FullName string      `json:"fullName"`
		Version  string      `json:"version,omitempty"`
		Rules    []sarifRule `json:"rules"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifRule struct {
		ID               string             `json:"id"`
		ShortDescription sarifText          `json:"shortDescription"`
		FullDescription  sarifText          `json:"fullDescription"`
		Help             sarifText          `json:"help"`
		Default          sarifConfiguration `json:"defaultConfiguration"`
		Properties       map[string]any     `json:"properties"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Kind         string            `json:"kind"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Properties   map[string]any    `json:"properties"`

		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
		Baseline     string             `json:"baselineState,omitempty"`
	}
	sarifSuppression struct {
		Kind          string         `json:"kind"`
		Status        string         `json:"status"`
		Justification string         `json:"justification"`
		Properties    map[string]any `json:"properties,omitempty"`
	}
)

type sarif struct {
	rules   []sarifRule
	index   map[string]int
	results []sarifResult
	seen    map[string]int // how often a fingerprint's text has come
}

// findRules lists the causes that occur, in the order of diagnosis.Causes.
func (s *sarif) findRules(tool Tool, results []judge.Result) {
	worst := map[string]diagnosis.Severity{}
	open := false
	for _, r := range results {
		for _, f := range r.Findings {
			worst[string(f.Cause)] = max(worst[string(f.Cause)], f.Severity)
		}
		open = open || r.Verdict == diagnosis.Unknown
	}
	s.results, s.rules = []sarifResult{}, []sarifRule{}
	var names []string
	for _, c := range diagnosis.Causes {
		if _, ok := worst[string(c)]; ok {
			names = append(names, string(c))
		}
	}
	var others []string
	for name := range worst {
		if !slices.Contains(names, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for _, name := range append(names, others...) {
		s.rule(name, page(tool, name), level(worst[name]))
	}
	if open {
		s.rule(unknownRule, "The start could not be followed to its end, so neither \"runs\" nor \"fails\" would be true. The message says why.", "none")
	}
}

func page(tool Tool, cause string) string {
	if tool.Page != nil {
		if text, ok := tool.Page(cause); ok {
			return text
		}
	}
	return cause
}

func (s *sarif) rule(id, page, level string) {
	s.index[id] = len(s.rules)
	first := firstParagraph(page)
	short, _, _ := strings.Cut(first, ". ")
	s.rules = append(s.rules, sarifRule{ID: id, ShortDescription: sarifText{Text: strings.TrimSuffix(short, ".") + "."}, FullDescription: sarifText{Text: first},
		Help: sarifText{Text: page, Markdown: page}, Default: sarifConfiguration{level}, Properties: map[string]any{"tags": []string{"startup"}}})
}

// firstParagraph of a page below its heading, on one line.
func firstParagraph(page string) string {
	for _, part := range strings.Split(page, "\n\n") {
		if text := strings.TrimSpace(part); text != "" && !strings.HasPrefix(text, "#") {
			return strings.Join(strings.Fields(text), " ")
		}
	}
	return strings.TrimSpace(page)
}

// level of a severity. SARIF has no word between a warning and an error: what
// does not stop the start is a warning.
func level(s diagnosis.Severity) string {
	return map[diagnosis.Severity]string{diagnosis.Blocks: "error", diagnosis.Later: "warning", diagnosis.Risk: "warning", diagnosis.Note: "note"}[s]
}

func (s *sarif) finding(r judge.Result, f diagnosis.Finding) {
	s.results = append(s.results, sarifResult{
		RuleID: string(f.Cause), RuleIndex: s.index[string(f.Cause)], Kind: "fail", Level: level(f.Severity),
		Message: sarifText{Text: sentence(r, f)}, Locations: []sarifLocation{location(r.File)},
		Fingerprints: s.fingerprints(r.File, r.Target, string(f.Cause), f.Library, f.Version, f.Symbol, f.NeededBy, f.Object),
		Properties: properties(map[string]any{"target": r.Target, "evidence": r.Evidence, "severity": f.Severity.String(), "verdict": r.Verdict.String(),
			"object": f.Object, "neededBy": f.NeededBy, "library": f.Library, "version": f.Version, "symbol": f.Symbol, "loaderMessage": f.Message,
			"chain": f.Chain, "levels": f.Levels}),
		Suppressions: suppressions(f.Suppressed), Baseline: baseline(f.Known),
	})
}

// open is the result for a verdict that is not known.
func (s *sarif) open(r judge.Result) {
	why := strings.Join(r.Unknown, "; ")
	if why == "" {
		why = "the start could not be judged"
	}
	by, known := acceptedUnknown(r)
	s.results = append(s.results, sarifResult{
		Suppressions: suppressions(by), Baseline: baseline(known),
		RuleID: unknownRule, RuleIndex: s.index[unknownRule], Kind: "open", Level: "none",
		Message: sarifText{Text: fmt.Sprintf("%s on %s: not known: %s", r.File, r.Target, why)}, Locations: []sarifLocation{location(r.File)},
		Fingerprints: s.fingerprints(r.File, r.Target, unknownRule),
		Properties:   properties(map[string]any{"target": r.Target, "evidence": r.Evidence, "verdict": r.Verdict.String()}),
	})
}

// suppressions: what a project accepts lies in its own file, and not in the
// program that was judged, so it is external.
func suppressions(by *diagnosis.Suppression) []sarifSuppression {
	if by == nil {
		return nil
	}
	return []sarifSuppression{{Kind: "external", Status: "accepted", Justification: by.Reason, Properties: properties(map[string]any{"until": by.Until})}}
}

func baseline(known bool) string {
	if known {
		return "unchanged"
	}
	return ""
}

// acceptedUnknown: one result stands for all reasons, so all must be accepted.
func acceptedUnknown(r judge.Result) (by *diagnosis.Suppression, known bool) {
	for _, why := range r.Unknown {
		a := r.Accepted(why)
		switch {
		case a == nil:
			return nil, false
		case a.Known:
			known = true
		case by == nil:
			by = a.Suppressed
		}
	}
	return by, known
}

// properties without the empty ones.
func properties(all map[string]any) map[string]any {
	for k, v := range all {
		switch v := v.(type) {
		case string:
			if v == "" {
				delete(all, k)
			}
		case []string:
			if len(v) == 0 {
				delete(all, k)
			}
		}
	}
	return all
}

// sentence is what a finding says, with the loader's own line and what helps.
func sentence(r judge.Result, f diagnosis.Finding) string {
	text := fmt.Sprintf("%s on %s: ", r.File, r.Target)
	switch {
	case f.Detail != "":
		text += f.Detail
	case f.Message != "":
		text += f.Message
	default:
		text += string(f.Cause)
	}
	if f.Message != "" && f.Detail != "" {
		text += "\n" + f.Message
	}
	if len(f.Chain) > 1 {
		text += "\nneeded by: " + strings.Join(f.Chain, " → ")
	}
	for _, remedy := range f.Remedies {
		switch {
		case remedy.Command == "":
			text += "\n→ " + remedy.Why
		case remedy.Why == "":
			text += "\n→ " + remedy.Command
		default:
			text += "\n→ " + remedy.Command + " (" + remedy.Why + ")"
		}
	}
	return text
}

// fingerprints know a finding again in the next run: by what it is about, and
// never by its words, which get better. Code scanning of GitHub looks at
// primaryLocationLineHash alone.
func (s *sarif) fingerprints(parts ...string) map[string]string {
	text := strings.Join(parts, "\x00")
	n := s.seen[text]
	s.seen[text]++
	sum := sha256.Sum256([]byte(text))
	value := fmt.Sprintf("%s:%d", hex.EncodeToString(sum[:16]), n+1)
	return map[string]string{"willrun/v1": value, "primaryLocationLineHash": value}
}

// location is the file that was judged. A program has no lines; code scanning
// shows nothing without one, so it is the first.
func location(file string) sarifLocation {
	return sarifLocation{sarifPhysical{Artifact: sarifArtifact{fileURI(file)}, Region: &sarifRegion{StartLine: 1}}}
}

// fileURI is a file's name as a URI reference: file: for an absolute path, a
// relative reference for any other, TARGET#/path among them.
func fileURI(file string) string {
	var parts []string
	for _, p := range strings.Split(file, "/") {
		parts = append(parts, strings.ReplaceAll(url.PathEscape(p), ":", "%3A"))
	}
	text := strings.Join(parts, "/")
	switch {
	case strings.HasPrefix(text, "//"):
		return "file:///" + strings.TrimLeft(text, "/")
	case strings.HasPrefix(text, "/"):
		return "file://" + text
	}
	return strings.TrimPrefix(text, "./")
}

func invocation(troubles []Trouble) sarifInvocation {
	i := sarifInvocation{Successful: len(troubles) == 0}
	for _, t := range troubles {
		n := sarifNotification{Level: "error", Message: sarifText{Text: t.Error}}
		if t.File != "" {
			n.Locations = []sarifLocation{{sarifPhysical{Artifact: sarifArtifact{fileURI(t.File)}}}}
		}
		i.Notifications = append(i.Notifications, n)
	}
	return i
}
