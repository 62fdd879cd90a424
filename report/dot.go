package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// DOT writes one tree as a digraph in the language of Graphviz. A file may
// hold several.
func DOT(w io.Writer, t *Tree) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "digraph %s {\n", dotQuote(t.File+" on "+t.Target))
	fmt.Fprintln(b, "  rankdir=LR")
	fmt.Fprintln(b, `  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11]`)
	fmt.Fprintln(b, `  edge [fontname="sans-serif", fontsize=9, color="#7d8590"]`)
	for _, o := range t.Objects {
		fmt.Fprintf(b, "  n%d [label=%s, tooltip=%s%s]\n", o.ID, dotQuote(o.Name), dotQuote(o.where()), dotLook(o))
	}
	for _, o := range t.Objects {
		for _, n := range o.Needs {
			fmt.Fprintf(b, "  n%d -> n%d%s\n", o.ID, n.ID, dotEdge(t, n))
		}
	}
	fmt.Fprintln(b, "}")
	return b.Flush()
}

// where says in words where an object is, or why it is not.
func (o *TreeObject) where() string {
	switch {
	case o.State == Missing:
		return "not found"
	case o.State == Unusable && o.Fault != "":
		return "can't be used: " + o.Fault
	case o.State == Unusable:
		return "can't be used"
	case o.State == NotSearched:
		return "not looked for"
	case o.State == NotKnown:
		return "not known whether it is there"
	}
	return o.Path
}

func dotLook(o *TreeObject) string {
	switch {
	case o.absent():
		return `, color="#cf222e", fontcolor="#cf222e", style="rounded,dashed"`
	case o.State != Loaded:
		return `, color="#7d8590", style="rounded,dashed"`
	case o.ID == 0:
		return `, style="rounded,bold"`
	case o.broken:
		return `, color="#cf222e"`
	}
	return ""
}

// dotEdge labels a need with the highest versions that it asks for.
func dotEdge(t *Tree, n TreeNeed) string {
	var look []string
	if labels := versionLabels(n); len(labels) > 0 {
		look = append(look, "label="+dotQuote(strings.Join(labels, "\n")))
	}
	if t.bad(n) {
		look = append(look, `color="#cf222e"`, `fontcolor="#cf222e"`)
	}
	if n.Kind != NeedLibrary {
		look = append(look, "style=dashed")
	}
	if len(look) == 0 {
		return ""
	}
	return " [" + strings.Join(look, ", ") + "]"
}

func versionLabels(n TreeNeed) []string {
	var labels []string
	for _, v := range highest(n.Versions) {
		labels = append(labels, v.words())
	}
	return labels
}

// dotQuote makes a quoted string: a quote ends it, and a backslash starts an
// escape in labels (https://graphviz.org/doc/info/lang.html, escString).
// Entities are read even there, so an ampersand is written as one.
func dotQuote(text string) string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		lines = append(lines, strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;").Replace(clean(line)))
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}
