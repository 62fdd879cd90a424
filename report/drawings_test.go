package report_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/willrun/willrun/report"
)

func TestDOT(t *testing.T) {
	var b bytes.Buffer
	if err := report.DOT(&b, report.TreeOf(brokenApp())); err != nil {
		t.Fatal(err)
	}
	golden(t, "tree.dot", b.Bytes())
}

func TestMermaid(t *testing.T) {
	var b bytes.Buffer
	if err := report.Mermaid(&b, report.TreeOf(brokenApp())); err != nil {
		t.Fatal(err)
	}
	golden(t, "tree.mmd", b.Bytes())
}

func TestHostileNamesAreOnlyNames(t *testing.T) {
	for seed := range uint64(5) {
		tree := report.TreeOf(randomApp(seed, 60, hostile))
		var dot, mermaid bytes.Buffer
		if err := report.DOT(&dot, tree); err != nil {
			t.Fatal(err)
		}
		checkDOT(t, dot.String())
		if err := report.Mermaid(&mermaid, tree); err != nil {
			t.Fatal(err)
		}
		checkMermaid(t, mermaid.String())
	}
}

// The grammar of what DOT may write: a line for each node and edge, strings
// in which every quote is escaped.
var (
	dotString = `"(?:[^"\\\x00-\x1f]|\\.)*"`
	dotLine   = regexp.MustCompile(`^(?:digraph ` + dotString + ` \{|  rankdir=LR|  (?:node|edge|n\d+|n\d+ -> n\d+) ?(?:\[(?:[a-zA-Z]+=(?:` + dotString + `|[a-z0-9]+)(?:, )?)+\])?|\})$`)
)

func checkDOT(t *testing.T, text string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for _, line := range lines {
		if !dotLine.MatchString(line) {
			t.Fatalf("no line of DOT: %q", line)
		}
	}
	if lines[len(lines)-1] != "}" {
		t.Fatalf("it ends with %q", lines[len(lines)-1])
	}
}

var mermaidLine = regexp.MustCompile(`^(?:flowchart LR|  n\d+\("(?:[A-Za-z0-9 ._+/,:()-]|#\d+;)*"\)|  n\d+ -(?:\.-|-)>(?:\|"(?:[A-Za-z0-9 ._+/,:()-]|#\d+;|<br>)*"\|)? n\d+|  classDef .*|  %% \d+ lines? that others imply left out|  class [n0-9,]+ [a-z]+|  linkStyle [0-9,]+ stroke:#cf222e)$`)

func checkMermaid(t *testing.T, text string) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if !mermaidLine.MatchString(line) {
			t.Fatalf("no line of mermaid: %q", line)
		}
	}
}
