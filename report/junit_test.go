package report_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/report"
)

func makeJUnit(t *testing.T, failOn diagnosis.Severity, results []judge.Result, troubles []report.Trouble) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.JUnit(&b, failOn, results, troubles); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestJUnit(t *testing.T) {
	results, troubles := mixed()
	text := makeJUnit(t, diagnosis.Blocks, results, troubles)
	golden(t, "junit.xml", text)
	if again := makeJUnit(t, diagnosis.Blocks, results, troubles); !bytes.Equal(text, again) {
		t.Error("the same results give other bytes")
	}
}

// Counts are those of the cases, and --fail-on decides what fails.
func TestJUnitCounts(t *testing.T) {
	results, troubles := mixed()
	for failOn, want := range map[diagnosis.Severity][3]string{diagnosis.Blocks: {"8", "3", "3"}, diagnosis.Risk: {"8", "4", "3"}} {
		doc := parseXML(t, makeJUnit(t, failOn, results, troubles))
		if got := [3]string{doc.attr["tests"], doc.attr["failures"], doc.attr["errors"]}; got != want {
			t.Errorf("%s: %v, want %v", failOn, got, want)
		}
		cases, kinds := 0, map[string]int{}
		walkElements(doc, func(e *element) {
			if e.name == "testcase" {
				cases++
			}
			kinds[e.name+" "+e.attr["type"]]++
		})
		if cases != 8 || kinds["error unknown"] != 1 || kinds["error trouble"] != 2 {
			t.Errorf("%s: %d cases, %v", failOn, cases, kinds)
		}
	}
}

func TestJUnitKeepsTheSchema(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		lab.Missing(t, "xmllint (libxml2-utils) holds JUnit reports against their schema")
	}
	results, troubles := mixed()
	dir := t.TempDir()
	valid := func(text []byte) (string, bool) {
		file := filepath.Join(dir, "junit.xml")
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(xmllint, "--noout", "--schema", "testdata/junit-10.xsd", file).CombinedOutput()
		return string(out), err == nil
	}
	for _, r := range [][]judge.Result{results, nil, {randomApp(3, 40, hostile)}} {
		text := makeJUnit(t, diagnosis.Blocks, r, troubles)
		if out, ok := valid(text); !ok {
			t.Errorf("%s\n%s", out, text)
		}
	}
	if _, ok := valid([]byte(strings.ReplaceAll(string(makeJUnit(t, diagnosis.Blocks, results, nil)), "testcase", "case"))); ok {
		t.Error("the schema takes anything")
	}
}
