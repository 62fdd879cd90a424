package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/report"
)

// element is one element of an SVG with what matters of it.
type element struct {
	name  string
	attr  map[string]string
	text  string
	inner []*element
}

func (e *element) num(t *testing.T, name string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(e.attr[name], 64)
	if err != nil {
		t.Fatalf("<%s %s=%q>", e.name, name, e.attr[name])
	}
	return v
}

func parseXML(t *testing.T, data []byte) *element {
	t.Helper()
	root := &element{}
	stack := []*element{root}
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("it is no XML: %v", err)
		}
		top := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			e := &element{name: tok.Name.Local, attr: map[string]string{}}
			for _, a := range tok.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			top.inner = append(top.inner, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(tok)
		}
	}
	return root.inner[0]
}

func drawSVG(t *testing.T, r judge.Result) *element {
	t.Helper()
	var b bytes.Buffer
	if err := report.SVG(&b, report.TreeOf(r)); err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(b.Bytes()) {
		t.Fatal("it is not UTF-8")
	}
	return parseXML(t, b.Bytes())
}

// In what is written: no box touches another, no text leaves its box or the
// next line, nothing lies outside; with 300 libraries, and hostile names too.
func TestSVGHasRoomForAll(t *testing.T) {
	results := map[string]judge.Result{"small": brokenApp()}
	for seed := range uint64(3) {
		results[fmt.Sprint("random ", seed)] = randomApp(seed, 300, nil)
		results[fmt.Sprint("hostile ", seed)] = randomApp(seed, 60, hostile)
	}
	for name, r := range results {
		svg := drawSVG(t, r)
		w, h := svg.num(t, "width"), svg.num(t, "height")
		var boxes [][4]float64
		for _, g := range svg.inner {
			if g.attr["role"] == "img" {
				boxes = append(boxes, checkBox(t, name, g, w, h))
			}
		}
		if want := len(report.TreeOf(r).Objects); len(boxes) != want {
			t.Errorf("%s: %d boxes, want %d", name, len(boxes), want)
		}
		for i, a := range boxes {
			for _, b := range boxes[:i] {
				if a[0] < b[0]+b[2] && b[0] < a[0]+a[2] && a[1] < b[1]+b[3]+4 && b[1] < a[1]+a[3]+4 {
					t.Fatalf("%s: %v and %v touch", name, a, b)
				}
			}
		}
		checkTexts(t, name, svg, w)
	}
}

// checkBox holds the texts of a box against its frame.
func checkBox(t *testing.T, name string, g *element, w, h float64) [4]float64 {
	t.Helper()
	var box [4]float64
	line := 0.0
	for _, e := range g.inner {
		switch e.name {
		case "rect":
			box = [4]float64{e.num(t, "x"), e.num(t, "y"), e.num(t, "width"), e.num(t, "height")}
			if box[0] < 0 || box[1] < 0 || box[0]+box[2] > w || box[1]+box[3] > h {
				t.Errorf("%s: %v lies outside", name, box)
			}
		case "text":
			x, y, size, bold := e.num(t, "x"), e.num(t, "y"), 10.5, false
			if strings.HasPrefix(e.attr["class"], "name") {
				size, bold = 13, true
			}
			if x < box[0] || x+report.TextWidth(e.text, size, bold) > box[0]+box[2] {
				t.Errorf("%s: %q is too wide for %v", name, e.text, box)
			}
			if y-size < box[1] || y+size/4 > box[1]+box[3] || y-line < size {
				t.Errorf("%s: %q at %v is too high or low for %v", name, e.text, y, box)
			}
			line = y
		}
	}
	if g.inner[0].name != "title" || g.inner[0].text == "" || g.attr["aria-labelledby"] != g.inner[0].attr["id"] {
		t.Errorf("%s: a box has no title", name)
	}
	return box
}

// checkTexts: title and legend fit as well.
func checkTexts(t *testing.T, name string, e *element, w float64) {
	t.Helper()
	sizes := map[string]float64{"head": 17, "sub": 12, "small": 10.5, "name": 13}
	for _, in := range e.inner {
		if in.name == "text" {
			class, _, _ := strings.Cut(in.attr["class"], " ")
			if in.num(t, "x")+report.TextWidth(in.text, sizes[class], class == "head" || class == "name") > w {
				t.Errorf("%s: %q leaves the page", name, in.text)
			}
		}
		checkTexts(t, name, in, w)
	}
}

func TestSVGIsAPageForAll(t *testing.T) {
	svg := drawSVG(t, brokenApp())
	if svg.inner[0].name != "title" || svg.inner[1].name != "desc" || svg.attr["aria-labelledby"] != "willrun-title willrun-desc" {
		t.Error("no title and description")
	}
	want := "fails, 6 files; libgone.so.1 not found, libc.so.6 lacks a version for app"
	if svg.inner[1].text != want {
		t.Errorf("%q", svg.inner[1].text)
	}
	if style := svg.inner[2].text; !strings.Contains(style, "prefers-color-scheme:dark") || strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the style knows no dark, or loads something")
	}
	walkElements(svg, func(e *element) {
		for k := range e.attr {
			if e.name == "script" || k == "href" || strings.HasPrefix(k, "on") {
				t.Errorf("<%s %s>", e.name, k)
			}
		}
	})
}

func walkElements(e *element, f func(*element)) {
	f(e)
	for _, in := range e.inner {
		walkElements(in, f)
	}
}

// Names of a hostile file are text, whatever is in them.
func FuzzDrawings(f *testing.F) {
	for _, name := range hostile {
		f.Add(name, name)
	}
	f.Fuzz(func(t *testing.T, name, version string) {
		r := brokenApp()
		ui := r.Trace.Objects[1]
		app := r.Trace.Objects[0].Facts.ELF
		ui.Name, ui.Path, app.Needed[0] = name, "/lib/"+name, name
		ui.Facts.ELF.VersionNeeds[0].Versions[0].Name = version
		r.Trace.Objects[6].Name = name + "x"
		r.Trace.Objects[4].Facts.ELF.Needed[0] = name + "x"
		r.File, r.Target = name, version
		svg := drawSVG(t, r)
		walkElements(svg, func(e *element) {
			switch e.name {
			case "svg", "title", "desc", "style", "rect", "text", "g", "path":
			default:
				t.Fatalf("<%s> came from a name", e.name)
			}
		})
		tree := report.TreeOf(r)
		var dot, mermaid bytes.Buffer
		if err := report.DOT(&dot, tree); err != nil {
			t.Fatal(err)
		}
		checkDOT(t, dot.String())
		if err := report.Mermaid(&mermaid, tree); err != nil {
			t.Fatal(err)
		}
		checkMermaid(t, mermaid.String())
	})
}

// A name may be as long as its file.
func TestSVGOfAVeryLongName(t *testing.T) {
	r := brokenApp()
	r.Trace.Objects[1].Name = strings.Repeat("\x1f", 1<<20)
	start := time.Now()
	drawSVG(t, r)
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("it took %s", d)
	}
}
