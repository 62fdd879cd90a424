package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// What mermaid draws by default, and no page can raise from inside a chart
// (maxEdges and maxTextSize of its configuration are "secure" keys).
const (
	mermaidEdges = 500
	mermaidSize  = 50000
)

// Mermaid writes one tree as a flow chart, for pages that draw them. Of a
// large one only those lines remain that no others imply, then no versions:
// mermaid draws no chart above a size.
func Mermaid(w io.Writer, t *Tree) error {
	m := mermaid{tree: t}
	for _, o := range t.Objects {
		for _, n := range o.Needs {
			m.arrows = append(m.arrows, arrow{o.ID, n.ID, n})
		}
	}
	text := m.text(true)
	if len(m.arrows) > mermaidEdges || len(text) > mermaidSize {
		m.arrows, m.left = t.arrows()
		text = m.text(true)
	}
	if len(text) > mermaidSize {
		text = m.text(false)
	}
	_, err := w.Write(text)
	return err
}

type mermaid struct {
	tree   *Tree
	arrows []arrow
	left   int
}

func (m *mermaid) text(versions bool) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "flowchart LR")
	if m.left > 0 {
		fmt.Fprintf(&b, "  %%%% %s that others imply left out\n", plural(m.left, "line", "lines"))
	}
	for _, o := range m.tree.Objects {
		fmt.Fprintf(&b, "  n%d(\"%s\")\n", o.ID, mermaidText(o.Name))
	}
	for _, a := range m.arrows {
		line := "-->"
		if a.need.Kind != NeedLibrary {
			line = "-.->"
		}
		if labels := versionLabels(a.need); versions && len(labels) > 0 {
			for i := range labels {
				labels[i] = mermaidText(labels[i])
			}
			line += "|\"" + strings.Join(labels, "<br>") + "\"|"
		}
		fmt.Fprintf(&b, "  n%d %s n%d\n", a.from, line, a.to)
	}
	m.looks(&b)
	return b.Bytes()
}

// looks paints what is missing, and what leads to it.
func (m *mermaid) looks(w io.Writer) {
	var missing, broken, lines []string
	for _, o := range m.tree.Objects {
		id := fmt.Sprintf("n%d", o.ID)
		switch {
		case o.absent():
			missing = append(missing, id)
		case o.broken:
			broken = append(broken, id)
		}
	}
	for i, a := range m.arrows {
		if m.tree.bad(a.need) {
			lines = append(lines, fmt.Sprint(i))
		}
	}
	if len(missing) > 0 {
		fmt.Fprintln(w, "  classDef missing stroke:#cf222e,color:#cf222e,stroke-dasharray:4")
		fmt.Fprintf(w, "  class %s missing\n", strings.Join(missing, ","))
	}
	if len(broken) > 0 {
		fmt.Fprintln(w, "  classDef broken stroke:#cf222e")
		fmt.Fprintf(w, "  class %s broken\n", strings.Join(broken, ","))
	}
	if len(lines) > 0 {
		fmt.Fprintf(w, "  linkStyle %s stroke:#cf222e\n", strings.Join(lines, ","))
	}
}

// mermaidText stands between quotes. Whatever is not a plain letter, digit or
// mark of a soname is written as #NUMBER; which mermaid turns into that
// character: quotes, brackets, its own # and ;, and the markdown and HTML
// that it would read in a label (https://mermaid.js.org/syntax/flowchart.html,
// "Entity codes to escape characters").
func mermaidText(text string) string {
	var b strings.Builder
	for _, r := range clean(text) {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', strings.ContainsRune(" ._-+/,:()", r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
