package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/loader"
)

// Tree writes a tree for people: each object once, below the first that needs
// it, with its path, the versions asked of it and how it was found; what is
// shown elsewhere is only named. Missing ones, and what leads to them, are red.
func (s Style) Tree(w io.Writer, t *Tree) {
	s.head(w, t.Verdict, t.File, t.Target, "")
	if l := t.Loader; l != nil {
		fmt.Fprintf(w, "%s\n", s.paint(faint, "loader "+clean(l.Path)+", "+clean(strings.TrimSpace(l.Kind+" "+l.Version))))
	}
	p := &treePrinter{Style: s, w: w, tree: t, order: map[int]int{}}
	p.number(0)
	p.children(0, "")
	if len(t.Objects[0].Needs) == 0 {
		fmt.Fprintln(w, s.paint(faint, "needs nothing"))
	}
	if p.hidden {
		s.prose(w, "", "", "libc and the loader, which most need, are shown once; -v names them everywhere")
	}
	s.beside(w, t)
}

// beside is what no line of the tree can show: causes other than missing
// libraries and versions, and why a verdict is unknown.
func (s Style) beside(w io.Writer, t *Tree) {
	for _, f := range t.Findings {
		if f.Severity == diagnosis.Blocks && f.Cause != diagnosis.LibraryMissing && f.Cause != diagnosis.VersionMissing {
			fmt.Fprintf(w, "%s\n", s.paint(red, string(f.Cause)))
			s.prose(w, "  ", "  ", f.Detail)
		}
	}
	for _, why := range t.Unknown {
		s.prose(w, "unknown: ", "         ", why)
	}
}

type treePrinter struct {
	Style
	w     io.Writer
	tree  *Tree
	order map[int]int // at which line an object stands

	hidden bool // some needs are not named
}

// number gives the objects the order of their lines.
func (p *treePrinter) number(at int) {
	p.order[at] = len(p.order)
	for _, n := range p.tree.Objects[at].Needs {
		if p.tree.below[n.ID] == at {
			p.number(n.ID)
		}
	}
}

// children writes what one object needs: what is first named here with all
// that hangs on it, then the names of what stands elsewhere.
func (p *treePrinter) children(at int, bars string) {
	var here, above, below []TreeNeed
	for _, n := range p.tree.Objects[at].Needs {
		switch {
		case p.tree.below[n.ID] == at:
			here = append(here, n)
		case p.everywhere(n):
			p.hidden = true
		case p.order[n.ID] <= p.order[at]:
			above = append(above, n)
		default:
			below = append(below, n)
		}
	}
	left := len(here)
	for _, group := range [][]TreeNeed{above, below} {
		if len(group) > 0 {
			left++
		}
	}
	for _, n := range here {
		left--
		next := p.line(n, bars, left == 0)
		p.children(n.ID, next)
	}
	for i, group := range [][]TreeNeed{above, below} {
		if len(group) > 0 {
			left--
			p.elsewhere(group, bars, left == 0, []string{"see above", "see below"}[i])
		}
	}
}

func branch(last bool) (here, next string) {
	if last {
		return "└─ ", "   "
	}
	return "├─ ", "│  "
}

// line writes one object and gives the bars in front of what it needs.
func (p *treePrinter) line(n TreeNeed, bars string, last bool) string {
	o := p.tree.Objects[n.ID]
	here, next := branch(last)
	more := "   "
	if p.expands(n.ID) {
		more = "│  "
	}
	p.wrap(p.w, bars+here, bars+next+more, append([]word{p.title(o, n)}, p.notes(n)...))
	if p.Verbose {
		for _, t := range o.Tried {
			p.wrap(p.w, bars+next+more, bars+next+more, []word{p.word(faint, t)})
		}
	}
	return bars + next
}

// everywhere: nearly all need libc and the loader; to name them below each
// would hide the rest.
func (p *treePrinter) everywhere(n TreeNeed) bool {
	o := p.tree.Objects[n.ID]
	loader := p.tree.Loader != nil && (o.Path == p.tree.Loader.Path || o.source != nil && o.source.Real != "" && o.source.Real == p.tree.trace.Libc.Path)
	return !p.Verbose && o.State == Loaded && !n.broken() && (loader || o.Name == "libc.so.6")
}

// expands says whether lines will follow below an object.
func (p *treePrinter) expands(id int) bool {
	return slices.ContainsFunc(p.tree.Objects[id].Needs, func(n TreeNeed) bool { return p.tree.below[n.ID] == id || !p.everywhere(n) })
}

// title is NAME => PATH, which is never broken.
func (p *treePrinter) title(o *TreeObject, n TreeNeed) word {
	name := n.Name
	if n.Kind == NeedFilter || n.Kind == NeedVersion || name == "" {
		name = o.Name
	}
	switch {
	case o.State == Missing:
		return p.word(red, name+" => not found")
	case o.State == Unusable && o.Path == "":
		return p.word(red, name+" => can't be used")
	case o.State == Unusable:
		return p.word(red, name+" => "+o.Path+" can't be used")
	case o.State == NotSearched:
		return p.word(faint, name+" (not looked for)")
	case o.State == NotKnown:
		return p.word(yellow, name+" (not known whether it is there)")
	}
	colour := bold
	if o.broken {
		colour = red
	}
	if name == o.Path || o.Path == "" {
		return p.word(colour, name)
	}
	head, tail := p.word(colour, name), p.word("", " => "+o.Path)
	return word{head.text + tail.text, head.painted + tail.painted}
}

// notes behind the title: versions, and how it was found.
func (p *treePrinter) notes(n TreeNeed) []word {
	o := p.tree.Objects[n.ID]
	var list []word
	if o.Fault != "" {
		for _, part := range strings.Fields("(" + o.Fault + ")") {
			list = append(list, p.word(faint, part))
		}
		return list
	}
	if by := foundBy(o, n); by != "" {
		list = append(list, p.word(faint, "("+by+")"))
	}
	return append(list, p.versionWords(n)...)
}

func (p *treePrinter) versionWords(n TreeNeed) []word {
	versions := n.Versions
	if !p.Verbose {
		versions = highest(versions)
	}
	var list []word
	for _, v := range versions {
		colour := green
		switch {
		case p.tree.Objects[n.ID].State != Loaded:
			colour = faint
		case v.Missing && !v.Weak:
			colour = red
		case v.Missing:
			colour = yellow
		}
		list = append(list, p.word(colour, v.words()))
	}
	return list
}

// foundBy in a few words.
func foundBy(o *TreeObject, n TreeNeed) string {
	switch {
	case n.Kind == NeedInterpreter:
		return "interpreter"
	case o.State != Loaded:
		return ""
	case o.FoundBy == loader.ByAbsolute && n.Name != o.Path:
		return "the loader itself"
	}
	return map[loader.FoundBy]string{
		loader.ByCache: "cache", loader.ByDefault: "default directory", loader.ByRunpath: "RUNPATH", loader.ByRpath: "RPATH",
		loader.ByEnv: "LD_LIBRARY_PATH", loader.ByPreload: "preload", loader.ByAbsolute: "by its path",
	}[o.FoundBy]
}

// elsewhere names, on one line, what is shown at another place.
func (p *treePrinter) elsewhere(group []TreeNeed, bars string, last bool, where string) {
	here, next := branch(last)
	if p.Verbose {
		for i, n := range group {
			one, following := branch(last && i == len(group)-1)
			words := append([]word{p.word(p.colourOf(n), n.Name)}, p.versionWords(n)...)
			p.wrap(p.w, bars+one, bars+following, append(words, p.word(faint, "("+where+")")))
		}
		return
	}
	var words []word
	for i, n := range group {
		// Of what stands elsewhere only the trouble is repeated here.
		var bad []word
		for _, v := range n.Versions {
			if v.Missing && !v.Weak {
				bad = append(bad, p.word(red, v.words()))
			}
		}
		list := append([]word{p.word(p.colourOf(n), n.Name)}, bad...)
		if i < len(group)-1 {
			list[len(list)-1].text += ","
			list[len(list)-1].painted += ","
		}
		words = append(words, list...)
	}
	p.wrap(p.w, bars+here, bars+next, append(words, p.word(faint, "("+where+")")))
}

func (p *treePrinter) colourOf(n TreeNeed) string {
	if o := p.tree.Objects[n.ID]; o.broken {
		return red
	}
	return faint
}
