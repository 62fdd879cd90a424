package report

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/report/layered"
)

// drawing is a tree with a place for everything.
type drawing struct {
	tree   *Tree
	labels []boxText
	arrows []arrow
	left   int // needs without a line
	at     *layered.Drawing
	w, h   float64
}

// boxText is the text of a box, as it fits.
type boxText struct {
	name  string
	small []smallLine
}

type smallLine struct {
	text string
	bad  bool
}

func newDrawing(t *Tree) *drawing {
	d := &drawing{tree: t}
	d.arrows, d.left = t.arrows()
	asked := t.asked()
	var boxes []layered.Box
	for _, o := range t.Objects {
		l := labelOf(o, asked[o.ID])
		d.labels = append(d.labels, l)
		boxes = append(boxes, l.box())
	}
	var edges []layered.Edge
	for _, a := range d.arrows {
		edges = append(edges, layered.Edge{From: a.from, To: a.to, Mark: t.bad(a.need)})
	}
	d.at = layered.Draw(boxes, edges, layered.Spacing{Column: 46, Row: 12, Line: 8})
	for i := range d.at.Boxes {
		d.at.Boxes[i].X += margin
		d.at.Boxes[i].Y += margin + headRoom
	}
	for i := range d.at.Lines {
		for _, p := range []*layered.Point{&d.at.Lines[i].A, &d.at.Lines[i].B} {
			p.X += margin
			p.Y += margin + headRoom
		}
	}
	d.w = max(d.at.W, d.headWidth(), d.legendWidth()) + 2*margin
	d.h = d.at.H + 2*margin + headRoom + legendRoom
	return d
}

// asked is what versions are asked of each object, by anyone.
func (t *Tree) asked() [][]TreeVersion {
	list := make([][]TreeVersion, len(t.Objects))
	seen := map[string]bool{}
	for _, o := range t.Objects {
		for _, n := range o.Needs {
			for _, v := range n.Versions {
				if key := fmt.Sprintf("%d %v %s", n.ID, v.Missing, v.Name); !seen[key] {
					seen[key] = true
					list[n.ID] = append(list[n.ID], v)
				}
			}
		}
	}
	for i := range list {
		list[i] = highest(list[i])
		// GLIBC_2.36 says more than GLIBC_PRIVATE.
		slices.SortStableFunc(list[i], func(a, b TreeVersion) int { return numbered(b.Name) - numbered(a.Name) })
	}
	return list
}

func numbered(version string) int {
	if _, number := splitVersion(version); number != "" {
		return 1
	}
	return 0
}

func labelOf(o *TreeObject, asked []TreeVersion) boxText {
	l := boxText{name: fit(clean(o.Name), nameSize, true, mostText)}
	add := func(text string, bad bool) {
		l.small = append(l.small, smallLine{fit(clean(text), smallSize, false, mostText), bad})
	}
	switch {
	case o.State == Loaded && path.Base(o.Path) == o.Name:
		add(path.Dir(o.Path), false)
	case o.State == Loaded && o.Path != o.Name:
		add(o.Path, false)
	case o.State != Loaded:
		add(o.where(), o.absent())
	}
	var names []string
	for _, v := range asked {
		if v.Missing {
			add(v.words(), !v.Weak)
		} else {
			names = append(names, v.Name)
		}
	}
	if len(names) > 0 {
		add(fitNames(names), false)
	}
	return l
}

// fitNames keeps as many names as fit, and counts the others.
func fitNames(names []string) string {
	for n := len(names); n > 1; n-- {
		text := strings.Join(names[:n], " ")
		if more := len(names) - n; more > 0 {
			text += fmt.Sprintf(" +%d", more)
		}
		if textWidth(text, smallSize, false) <= mostText {
			return text
		}
	}
	if len(names) > 1 {
		return fmt.Sprintf("%s +%d", names[0], len(names)-1)
	}
	return names[0]
}

func (l boxText) box() layered.Box {
	wide := textWidth(l.name, nameSize, true)
	for _, s := range l.small {
		wide = max(wide, textWidth(s.text, smallSize, false))
	}
	return layered.Box{W: wide + 2*boxPad, H: nameSize + 2*boxPad + lineStep*float64(len(l.small)) - 2}
}

func (d *drawing) title() string {
	return "What " + clean(d.tree.File) + " loads on " + clean(d.tree.Target)
}

// subtitle is the verdict and the count, and the trouble by name.
func (d *drawing) subtitle() string {
	loaded := 0
	var trouble []string
	for _, o := range d.tree.Objects {
		switch o.State {
		case Loaded:
			loaded++
		case Missing, Unusable:
			trouble = append(trouble, clip(clean(o.Name))+" "+clip(clean(o.where())))
		}
	}
	for _, o := range d.tree.Objects {
		for _, n := range o.Needs {
			if n.broken() {
				trouble = append(trouble, fmt.Sprintf("%s lacks a version for %s", clip(clean(d.tree.Objects[n.ID].Name)), clip(clean(o.Name))))
			}
		}
	}
	text := fmt.Sprintf("%s, %s", d.tree.Verdict, plural(loaded, "file", "files"))
	switch {
	case len(trouble) > 3:
		text += fmt.Sprintf("; %s, and %d more", strings.Join(trouble[:3], ", "), len(trouble)-3)
	case len(trouble) > 0:
		text += "; " + strings.Join(trouble, ", ")
	}
	return text
}

func (d *drawing) headWidth() float64 {
	return max(textWidth(fit(d.title(), 17, true, 900), 17, true), textWidth(fit(d.subtitle(), 12, false, 900), 12, false))
}
