package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/docs/causes"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/report"
)

// mixed are results of every kind, on two targets, with names that need care.
func mixed() ([]judge.Result, []report.Trouble) {
	broken, other := brokenApp(), brokenApp()
	other.Target = "scratch"
	odd := judge.Result{File: `dir:/roots/é l8#/opt/a"b<c>&d`, Target: "scratch", Evidence: "tree", Verdict: diagnosis.Fails,
		Findings: []diagnosis.Finding{{Cause: diagnosis.NotAProgram, Severity: diagnosis.Blocks, Message: "execve: ENOEXEC: Exec format error\x00\x1b[31m"},
			{Cause: diagnosis.NotAProgram, Severity: diagnosis.Blocks, Message: "the same once more"}, {Cause: "cause-of-tomorrow", Severity: diagnosis.Note, Detail: "x"}}}
	unknown := judge.Result{File: "./bin/later", Target: "dir:/roots/x", Evidence: "profile", Verdict: diagnosis.Unknown, Unknown: []string{"libfoo is outside the base system"}}
	well := judge.Result{File: "/usr/bin/well", Target: "dir:/roots/x", Evidence: "tree", Verdict: diagnosis.Runs,
		Findings: []diagnosis.Finding{{Cause: diagnosis.DataMissing, Severity: diagnosis.Risk, Detail: "no time zones"}}}
	clean := judge.Result{File: "/usr/bin/clean", Target: "scratch", Evidence: "tree", Verdict: diagnosis.Runs}
	return []judge.Result{broken, other, odd, unknown, well, clean},
		[]report.Trouble{{File: "gone", Error: "open gone: no such file"}, {Target: "dir:/nowhere", Error: "no such directory"}}
}

type sarifDoc struct {
	Runs []struct {
		Tool struct {
			Driver struct {
				Rules []struct {
					ID   string
					Help struct{ Text, Markdown string }
				}
			}
		}
		Invocations []struct {
			ExecutionSuccessful        bool
			ToolExecutionNotifications []json.RawMessage
		}
		Results []struct {
			RuleID              string
			RuleIndex           int
			Kind, Level         string
			PartialFingerprints map[string]string
			Message             struct{ Text string }
			Properties          map[string]any
			Locations           []struct {
				PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
			}
		}
	}
}

func makeSARIF(t *testing.T, results []judge.Result, troubles []report.Trouble) (sarifDoc, []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := report.SARIF(&b, report.Tool{Version: "1.2.3", Page: causes.Page}, results, troubles); err != nil {
		t.Fatal(err)
	}
	var doc sarifDoc
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc, b.Bytes()
}

func TestSARIFKeepsTheSchema(t *testing.T) {
	f, err := os.Open("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", text); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	results, troubles := mixed()
	for _, one := range []struct {
		results  []judge.Result
		troubles []report.Trouble
	}{{results, troubles}, {nil, nil}, {results[4:], nil}, {[]judge.Result{randomApp(1, 30, hostile)}, nil}, {[]judge.Result{accepted()}, nil}} {
		_, doc := makeSARIF(t, one.results, one.troubles)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%v\n%s", err, doc)
		}
	}
	// It does say no.
	bad, _ := jsonschema.UnmarshalJSON(strings.NewReader(`{"version":"2.1.0","runs":[{"results":[]}]}`))
	if schema.Validate(bad) == nil {
		t.Error("the schema takes anything")
	}
}

func TestSARIF(t *testing.T) {
	results, troubles := mixed()
	doc, text := makeSARIF(t, results, troubles)
	run := doc.Runs[0]
	findings, seen := 0, map[string]bool{}
	for _, r := range results {
		findings += len(r.Findings)
	}
	if len(run.Results) != findings+1 {
		t.Errorf("%d results for %d findings and one unknown", len(run.Results), findings)
	}
	for _, r := range run.Results {
		if rule := run.Tool.Driver.Rules[r.RuleIndex]; rule.ID != r.RuleID {
			t.Errorf("%s: rule %d is %s", r.RuleID, r.RuleIndex, rule.ID)
		}
		print := r.PartialFingerprints["willrun/v1"]
		if seen[print] || print == "" {
			t.Errorf("%s %s: fingerprint %q is not its own", r.RuleID, r.Message.Text, print)
		}
		seen[print] = true
	}
	for _, rule := range run.Tool.Driver.Rules {
		page, ok := causes.Page(rule.ID)
		if ok && (rule.Help.Markdown != page || rule.Help.Text == "") {
			t.Errorf("%s has no help", rule.ID)
		}
	}
	levels := map[string]string{}
	for _, r := range run.Results {
		levels[r.RuleID] += r.Kind + " " + r.Level + ";"
	}
	if levels["not-a-program"] != "fail error;fail error;" || levels["data-missing"] != "fail warning;fail warning;fail warning;" ||
		levels["cause-of-tomorrow"] != "fail note;" || levels["unknown"] != "open none;" {
		t.Errorf("%v", levels)
	}
	if run.Invocations[0].ExecutionSuccessful || len(run.Invocations[0].ToolExecutionNotifications) != 2 {
		t.Errorf("%+v", run.Invocations)
	}
	if _, again := makeSARIF(t, results, troubles); !bytes.Equal(text, again) {
		t.Error("the same results give other bytes")
	}
}

// A finding is known again when its words, its target's other findings and its
// remedies change, and not when what it is about does.
func TestFingerprintsAreStable(t *testing.T) {
	print := func(change func(r *judge.Result)) string {
		r := brokenApp()
		change(&r)
		doc, _ := makeSARIF(t, []judge.Result{r}, nil)
		for _, res := range doc.Runs[0].Results {
			if res.RuleID == "version-missing" {
				return res.PartialFingerprints["primaryLocationLineHash"]
			}
		}
		return ""
	}
	was := print(func(*judge.Result) {})
	for name, c := range map[string]struct {
		change func(*judge.Result)
		same   bool
	}{
		"words":   {func(r *judge.Result) { r.Findings[1].Detail, r.Findings[1].Remedies = "said better", nil }, true},
		"others":  {func(r *judge.Result) { r.Findings = r.Findings[1:2] }, true},
		"version": {func(r *judge.Result) { r.Findings[1].Version = "GLIBC_2.39" }, false},
		"target":  {func(r *judge.Result) { r.Target = "scratch" }, false},
		"file":    {func(r *judge.Result) { r.File = "other" }, false},
	} {
		if now := print(c.change); (now == was) != c.same {
			t.Errorf("%s: %s was %s", name, now, was)
		}
	}
}

func TestFileURI(t *testing.T) {
	for file, want := range map[string]string{"app": "app", "./dist/a b": "dist/a%20b", "/usr/bin/x": "file:///usr/bin/x", "//x": "file:///x",
		"dir:/roots/el8#/opt/é": "dir%3A/roots/el8%23/opt/%C3%A9", "a:b": "a%3Ab", "../x%": "../x%25"} {
		doc, _ := makeSARIF(t, []judge.Result{{File: file, Findings: []diagnosis.Finding{{Cause: diagnosis.NotAProgram}}}}, nil)
		if got := doc.Runs[0].Results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI; got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}
