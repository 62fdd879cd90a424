package report

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/report/layered"
)

// SVG draws one tree. It needs no fonts, scripts or files beside itself,
// follows the reader's light or dark setting, and reads its boxes to those
// who can't see them.
func SVG(w io.Writer, t *Tree) error {
	d := newDrawing(t)
	b := bufio.NewWriter(w)
	d.head(b)
	d.lines(b)
	d.boxes(b)
	d.legend(b)
	fmt.Fprintln(b, "</svg>")
	return b.Flush()
}

// Sizes of text and gaps, in pixels.
const (
	nameSize  = 13.0
	smallSize = 10.5
	boxPad    = 9.0
	lineStep  = 14.0
	mostText  = 250.0 // the widest text in a box
	margin    = 24.0
	headRoom  = 58.0
)

func (d *drawing) head(w io.Writer) {
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" role="graphics-document document" aria-labelledby="willrun-title willrun-desc">`+"\n",
		num(d.w), num(d.h), num(d.w), num(d.h))
	fmt.Fprintf(w, "<title id=\"willrun-title\">%s</title>\n<desc id=\"willrun-desc\">%s</desc>\n", esc(d.title()), esc(d.subtitle()))
	fmt.Fprintf(w, "<style>%s</style>\n", svgStyle)
	fmt.Fprintf(w, `<rect class="ground" width="%s" height="%s"/>`+"\n", num(d.w), num(d.h))
	fmt.Fprintf(w, `<text class="head" x="%s" y="%s">%s</text>`+"\n", num(margin), num(margin+15), esc(fit(d.title(), 17, true, 900)))
	class := "sub"
	if d.tree.Verdict == diagnosis.Fails {
		class = "sub bad"
	}
	fmt.Fprintf(w, `<text class="%s" x="%s" y="%s">%s</text>`+"\n", class, num(margin), num(margin+35), esc(fit(d.subtitle(), 12, false, 900)))
}

// lines writes the lines to each object together: under the pointer they
// stand out, and say what they are.
func (d *drawing) lines(w io.Writer) {
	of := make([][]layered.Stretch, len(d.tree.Objects))
	for _, l := range d.at.Lines {
		of[l.Of] = append(of[l.Of], l)
	}
	askers := make([][]string, len(d.tree.Objects))
	for _, a := range d.arrows {
		askers[a.to] = append(askers[a.to], clip(clean(d.tree.Objects[a.from].Name)))
	}
	shared := 0
	for i, list := range of {
		if len(list) == 0 {
			continue
		}
		class := "to"
		// Lines that many share have a colour to be followed by.
		if len(list) > 3 {
			class += fmt.Sprintf(" c%d", shared%6)
			shared++
		}
		fmt.Fprintf(w, `<g class="%s" aria-hidden="true"><title>%s is needed by %s</title>`, class, esc(clip(clean(d.tree.Objects[i].Name))), esc(strings.Join(askers[i], ", ")))
		for _, red := range []bool{false, true} {
			d.paths(w, list, red)
		}
		fmt.Fprintln(w, "</g>")
	}
}

// paths writes the lines of one colour as one path, and their tips.
func (d *drawing) paths(w io.Writer, list []layered.Stretch, red bool) {
	var lines, tips strings.Builder
	for _, l := range list {
		if l.Mark != red {
			continue
		}
		a, b := l.A, l.B
		if l.TipB {
			fmt.Fprintf(&tips, "M%s %sl-7 -3.5v7z", num(b.X), num(b.Y))
			b.X -= 5
		}
		if l.TipA {
			fmt.Fprintf(&tips, "M%s %sl7 -3.5v7z", num(a.X), num(a.Y))
			a.X += 5
		}
		fmt.Fprintf(&lines, "M%s %s", num(a.X), num(a.Y))
		if a.Y == b.Y {
			fmt.Fprintf(&lines, "H%s", num(b.X))
			continue
		}
		m := (a.X + b.X) / 2
		fmt.Fprintf(&lines, "C%s %s %s %s %s %s", num(m), num(a.Y), num(m), num(b.Y), num(b.X), num(b.Y))
	}
	class := map[bool]string{true: "red", false: ""}[red]
	if lines.Len() > 0 {
		fmt.Fprintf(w, `<path class="%s" d="%s"/>`, class, lines.String())
	}
	if tips.Len() > 0 {
		fmt.Fprintf(w, `<path class="%s tip" d="%s"/>`, class, tips.String())
	}
}

func (d *drawing) boxes(w io.Writer) {
	for i, o := range d.tree.Objects {
		b, l := d.at.Boxes[i], d.labels[i]
		fmt.Fprintf(w, `<g class="%s" role="img" aria-labelledby="willrun-%d"><title id="willrun-%d">%s</title>`, boxClass(o), i, i, esc(d.describe(o)))
		fmt.Fprintf(w, `<rect x="%s" y="%s" width="%s" height="%s" rx="7"/>`, num(b.X), num(b.Y), num(b.W), num(b.H))
		fmt.Fprintf(w, `<text class="name" x="%s" y="%s">%s</text>`, num(b.X+boxPad), num(b.Y+boxPad+nameSize-3), esc(l.name))
		for j, s := range l.small {
			class := "small"
			if s.bad {
				class += " bad"
			}
			fmt.Fprintf(w, `<text class="%s" x="%s" y="%s">%s</text>`, class, num(b.X+boxPad), num(b.Y+boxPad+nameSize-3+lineStep*float64(j+1)), esc(s.text))
		}
		fmt.Fprintln(w, "</g>")
	}
}

func boxClass(o *TreeObject) string {
	switch {
	case o.absent():
		return "box missing"
	case o.State != Loaded:
		return "box unsearched"
	case o.ID == 0:
		return "box subject"
	case o.broken:
		return "box chain"
	}
	return "box"
}

// describe says of a box what can be seen, for a screen reader or a pointer.
func (d *drawing) describe(o *TreeObject) string {
	text := clean(o.Name)
	if where := clean(o.where()); where != o.Name {
		text += ", " + where
	}
	var names []string
	for _, n := range o.Needs {
		name := clip(clean(d.tree.Objects[n.ID].Name))
		if labels := versionLabels(n); len(labels) > 0 {
			name += " (" + clip(clean(strings.Join(labels, ", "))) + ")"
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return text
	}
	return text + "; needs " + strings.Join(names, ", ")
}

// num is a coordinate with one decimal.
func num(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") }

// esc makes text of a file's own names fit for XML, which has no way to write
// some characters at all.
func esc(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}
