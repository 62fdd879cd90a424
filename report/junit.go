package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
)

// JUnit writes results as the XML that CI systems show as tests: a suite for
// each target, a case for each file. A case fails where the exit code of
// check would be 1 (see failOn). What is not known is an error of type
// "unknown", for a green light would be a guess, and "skipped" is green in
// most systems; an input that could not be judged is one of type "trouble".
// There are no times in it: the same results give the same bytes.
func JUnit(w io.Writer, failOn diagnosis.Severity, results []judge.Result, troubles []Trouble) error {
	doc := &junitSuites{Name: "willrun"}
	for _, r := range results {
		doc.suite(r.Target).add(junitResult(r, failOn))
	}
	for _, t := range troubles {
		name := t.File
		if name == "" {
			name = t.Target
		}
		doc.suite(t.Target).add(junitCase{Name: name, Error: &junitFault{Type: "trouble", Message: t.Error}})
	}
	for _, s := range doc.Suites {
		doc.Tests, doc.Failures, doc.Errors = doc.Tests+s.Tests, doc.Failures+s.Failures, doc.Errors+s.Errors
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// The elements and attributes that Jenkins, GitLab and GitHub's reporters
// agree on: those of Jenkins's schema, which a test holds the document against.
type (
	junitSuites struct {
		XMLName  xml.Name      `xml:"testsuites"`
		Name     string        `xml:"name,attr"`
		Tests    int           `xml:"tests,attr"`
		Failures int           `xml:"failures,attr"`
		Errors   int           `xml:"errors,attr"`
		Suites   []*junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string      `xml:"name,attr"`
		Class   string      `xml:"classname,attr"`
		Failure *junitFault `xml:"failure"`
		Error   *junitFault `xml:"error"`
		Out     string      `xml:"system-out,omitempty"`
	}
	junitFault struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// noTarget is the suite of inputs that could not be read, on whatever target.
const noTarget = "input"

func (d *junitSuites) suite(target string) *junitSuite {
	if target == "" {
		target = noTarget
	}
	for _, s := range d.Suites {
		if s.Name == target {
			return s
		}
	}
	s := &junitSuite{Name: target}
	d.Suites = append(d.Suites, s)
	return s
}

func (s *junitSuite) add(c junitCase) {
	c.Class = s.Name
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	}
	s.Cases = append(s.Cases, c)
}

func junitResult(r judge.Result, failOn diagnosis.Severity) junitCase {
	c := junitCase{Name: titleOf(r)}
	var words strings.Builder
	Style{}.Result(&words, r)
	switch r.ExitCode(failOn) {
	case diagnosis.ExitFails:
		c.Failure = junitFailure(r)
		c.Failure.Text = words.String()
	case diagnosis.ExitUnknown:
		c.Error = &junitFault{Type: "unknown", Message: strings.Join(r.Unknown, "; "), Text: words.String()}
	default:
		if len(r.Findings) > 0 {
			c.Out = words.String()
		}
	}
	return c
}

// junitFailure is named after the gravest finding, the first of its kind.
func junitFailure(r judge.Result) *junitFault {
	worst, ok := diagnosis.Note, false
	for _, f := range r.Findings {
		if !f.Accepted() {
			worst, ok = max(worst, f.Severity), true
		}
	}
	if !ok {
		return &junitFault{Type: r.Verdict.String(), Message: "it does not start"}
	}
	for _, f := range r.Findings {
		if f.Severity == worst && !f.Accepted() {
			message := f.Detail
			if message == "" {
				message = f.Message
			}
			if more := len(r.Findings) - 1; more > 0 {
				message += fmt.Sprintf(" (and %s)", plural(more, "more finding", "more findings"))
			}
			return &junitFault{Type: string(f.Cause), Message: message}
		}
	}
	return nil
}
