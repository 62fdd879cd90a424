package report

import (
	"fmt"
	"io"
	"slices"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/loader"
)

// TreeBinding is what one object takes from another: the answer of willrun
// tree --symbols.
type TreeBinding struct {
	From    int           `json:"from"`
	To      *int          `json:"to"` // null: nothing that is loaded defines them
	Symbols []BoundSymbol `json:"symbols"`
}

// BoundSymbol is one reference.
type BoundSymbol struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Weak    bool   `json:"weak,omitempty"` // may stay undefined
}

const stbWeak = 2 // STB_WEAK of elf.h

// AskSymbols adds which symbols bind where. The trace must have been made
// with its bindings kept; it says whether it was.
func (t *Tree) AskSymbols() bool {
	t.Bindings = []TreeBinding{}
	if t.trace == nil {
		return false
	}
	ids := map[*loader.Object]int{}
	for _, o := range t.Objects {
		if o.source != nil {
			ids[o.source] = o.ID
		}
	}
	at := map[[2]int]int{} // from and to → index in Bindings
	for _, b := range t.trace.Bindings {
		from, ok := ids[b.From]
		imp, has := importOf(b)
		if !ok || !has {
			continue
		}
		to, known := -1, false
		if b.To != nil {
			if to, known = ids[b.To]; !known {
				continue
			}
		}
		key := [2]int{from, to}
		i, seen := at[key]
		if !seen {
			i = len(t.Bindings)
			at[key] = i
			t.Bindings = append(t.Bindings, TreeBinding{From: from})
			if to >= 0 {
				t.Bindings[i].To = &to
			}
		}
		t.Bindings[i].Symbols = append(t.Bindings[i].Symbols, BoundSymbol{Name: imp.Name, Version: imp.Version, Weak: imp.Bind == stbWeak})
	}
	return len(t.trace.Bindings) > 0
}

func importOf(b loader.Binding) (binary.Import, bool) {
	if b.From == nil || b.From.Facts == nil || b.From.Facts.ELF == nil || b.Import < 0 || b.Import >= len(b.From.Facts.ELF.Imports) {
		return binary.Import{}, false
	}
	return b.From.Facts.ELF.Imports[b.Import], true
}

// Symbols writes the bindings of AskSymbols, by object and by where they lead.
func (s Style) Symbols(w io.Writer, t *Tree) {
	s.head(w, t.Verdict, t.File, t.Target, "")
	if len(t.Bindings) == 0 {
		fmt.Fprintln(w, s.paint(faint, "binds nothing: the start ends before any symbol is looked up, or needs none"))
		return
	}
	for _, o := range t.Objects {
		first := true
		for _, b := range t.Bindings {
			if b.From != o.ID {
				continue
			}
			if first {
				fmt.Fprintf(w, "%s\n", s.paint(bold, clean(o.Name)))
				first = false
			}
			s.binding(w, t, b)
		}
	}
}

func (s Style) binding(w io.Writer, t *Tree, b TreeBinding) {
	where, colour, note := "nowhere", red, ""
	if b.To != nil {
		where, colour = t.Objects[*b.To].Name, green
	} else if allWeak(b.Symbols) {
		colour, note = yellow, ", weak"
	}
	fmt.Fprintf(w, "  → %s %s\n", s.paint(colour, clean(where)), s.paint(faint, fmt.Sprintf("(%d%s)", len(b.Symbols), note)))
	of := map[string][]string{}
	var versions []string
	for _, x := range b.Symbols {
		if len(of[x.Version]) == 0 {
			versions = append(versions, x.Version)
		}
		of[x.Version] = append(of[x.Version], x.Name)
	}
	slices.SortFunc(versions, compareVersions)
	for _, v := range versions {
		var words []word
		if v != "" {
			words = append(words, s.word(faint, v+":"))
		}
		slices.Sort(of[v])
		for _, name := range of[v] {
			words = append(words, s.word("", name))
		}
		s.wrap(w, "    ", "      ", words)
	}
}

func allWeak(list []BoundSymbol) bool {
	for _, x := range list {
		if !x.Weak {
			return false
		}
	}
	return true
}
