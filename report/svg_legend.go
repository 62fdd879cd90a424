package report

import (
	"fmt"
	"io"
)

const legendRoom = 34.0

// legendItem is a small box or line, and what it stands for.
type legendItem struct {
	class, text string
	line        bool
}

// items of the legend: only what the drawing has.
func (d *drawing) items() []legendItem {
	list := []legendItem{{"box subject", "the program", false}}
	has := map[string]bool{}
	for _, o := range d.tree.Objects {
		has[boxClass(o)] = true
	}
	for _, item := range []legendItem{
		{"box", "loaded", false}, {"box chain", "leads to something missing", false},
		{"box missing", "missing or unusable", false}, {"box unsearched", "not looked for, or not known", false},
	} {
		if has[item.class] {
			list = append(list, item)
		}
	}
	needs := "needs; lines to the same box run together"
	if d.left > 0 {
		needs += fmt.Sprintf("; %s that others imply left out", plural(d.left, "line", "lines"))
	}
	return append(list, legendItem{"to", needs, true})
}

const swatch = 22.0

func (d *drawing) legendWidth() float64 {
	w := 0.0
	for _, item := range d.items() {
		w += swatch + 6 + textWidth(item.text, smallSize, false) + 18
	}
	return w
}

func (d *drawing) legend(w io.Writer) {
	x, y := margin, d.h-margin
	fmt.Fprintln(w, `<g aria-hidden="true">`)
	for _, item := range d.items() {
		fmt.Fprintf(w, `<g class="%s">`, item.class)
		if item.line {
			fmt.Fprintf(w, `<path d="M%s %sh%s"/><path class="tip" d="M%s %sl-7 -3.5v7z"/>`, num(x), num(y-4), num(swatch-5), num(x+swatch), num(y-4))
		} else {
			fmt.Fprintf(w, `<rect x="%s" y="%s" width="%s" height="13" rx="4"/>`, num(x), num(y-10.5), num(swatch))
		}
		fmt.Fprintf(w, `<text class="small" x="%s" y="%s">%s</text></g>`+"\n", num(x+swatch+6), num(y), esc(item.text))
		x += swatch + 6 + textWidth(item.text, smallSize, false) + 18
	}
	fmt.Fprintln(w, "</g>")
}
