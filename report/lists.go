package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
)

// lists writes files × targets where a table would be too wide: for each file
// the targets of each verdict, and below them what is wrong in few words,
// once for all targets on which it is the same.
func (s Style) lists(w io.Writer, targets []string, results []judge.Result) {
	for i, row := range rowsOf(results, len(targets)) {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, s.paint(bold, clean(titleOf(row[0]))))
		for _, v := range []diagnosis.Verdict{diagnosis.Runs, diagnosis.Fails, diagnosis.Unknown} {
			var where []string
			for _, r := range row {
				if r.Verdict == v {
					where = append(where, r.Target)
				}
			}
			if len(where) > 0 {
				s.wrap(w, "  "+s.verdict(v)+" on ", strings.Repeat(" ", 13), s.places("", where, targets))
			}
		}
		if s.Verbose {
			s.troubles(w, targets, row)
		} else {
			s.brief(w, targets, row)
		}
	}
}

// brief is troubles with a line for each cause.
func (s Style) brief(w io.Writer, targets []string, row []judge.Result) {
	groups := grouped(row, func(r judge.Result) string {
		var b strings.Builder
		s.causes(&b, r)
		return b.String()
	})
	for _, g := range groups {
		fmt.Fprintln(w)
		s.headOn(w, g.sample, g.where, targets)
		fmt.Fprint(w, g.text)
	}
	if len(groups) > 0 {
		fmt.Fprintln(w)
		s.faintly(w, "  ", "fewer targets, or -v, show the loader's own lines, chains, and what helps")
	}
}

// causes are the findings of a result, a line for each cause: the one that
// says most, and how many more there are.
func (s Style) causes(w io.Writer, r judge.Result) {
	most := map[diagnosis.Cause]diagnosis.Finding{}
	count := map[diagnosis.Cause]int{}
	for _, f := range r.Findings {
		if f.Severity == diagnosis.Note || f.Accepted() {
			continue
		}
		if count[f.Cause]++; count[f.Cause] == 1 || higher(f.Version, most[f.Cause].Version) {
			most[f.Cause] = f
		}
	}
	for _, c := range diagnosis.Causes {
		if count[c] > 0 {
			s.cause(w, most[c], count[c]-1)
		}
	}
	for _, why := range r.Unknown {
		if r.Accepted(why) == nil {
			s.prose(w, "  unknown: ", "           ", why)
		}
	}
	s.accepted(w, r)
}

// higher says whether a version node is a later one of the same family.
func higher(a, b string) bool {
	family, number := diagnosis.Family(a)
	other, below := diagnosis.Family(b)
	return family == other && diagnosis.CompareNumbers(number, below) > 0
}

func (s Style) cause(w io.Writer, f diagnosis.Finding, more int) {
	colour := yellow
	if f.Severity == diagnosis.Blocks {
		colour = red
	}
	text := f.Detail
	if text == "" {
		text = f.Message
	}
	if more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	words := []word{s.word(colour, string(f.Cause)+":")}
	for _, part := range strings.Fields(clean(text)) {
		words = append(words, word{part, part})
	}
	s.wrap(w, "  ", "    ", words)
}

// group is targets on which the same is wrong.
type group struct {
	text   string
	sample judge.Result
	where  []string
}

// grouped puts the results together for which say says the same, those left
// out that start and of which it says nothing. A target's own name makes no
// difference; of several, "each" stands in its place.
func grouped(row []judge.Result, say func(judge.Result) string) []group {
	type key struct {
		verdict diagnosis.Verdict
		text    string
	}
	var list []group
	at := map[key]int{}
	for _, r := range row {
		k := key{r.Verdict, say(nameless(r))}
		if i, ok := at[k]; ok {
			list[i].text = k.text
			list[i].where = append(list[i].where, r.Target)
			continue
		}
		at[k] = len(list)
		list = append(list, group{text: say(r), sample: r, where: []string{r.Target}})
	}
	return slices.DeleteFunc(list, func(g group) bool { return g.text == "" && g.sample.Verdict == diagnosis.Runs })
}

// nameless is a result whose words do not name its target.
func nameless(r judge.Result) judge.Result {
	without := func(text string) string { return strings.ReplaceAll(text, r.Target, "each") }
	r.Unknown, r.Acceptances, r.Findings = slices.Clone(r.Unknown), slices.Clone(r.Acceptances), slices.Clone(r.Findings)
	for i := range r.Unknown {
		r.Unknown[i] = without(r.Unknown[i])
	}
	for i := range r.Acceptances {
		r.Acceptances[i].Unknown = without(r.Acceptances[i].Unknown)
	}
	for i := range r.Findings {
		r.Findings[i].Detail = without(r.Findings[i].Detail)
	}
	return r
}

// places are the names of targets; all are those of the run, in their order.
func (s Style) places(colour string, where, all []string) []word {
	return s.commas(colour, compress(where, all))
}

// items are the parts of a list, with commas, each of which stays on a line.
func (s Style) items(list []string) []word { return s.commas("", list) }

func (s Style) commas(colour string, list []string) []word {
	var words []word
	for i, item := range list {
		if i < len(list)-1 {
			item += ","
		}
		words = append(words, s.word(colour, item))
	}
	return words
}

// compress writes releases of one distribution together, "debian 11 12", and
// three or more that follow one another among all as "debian 8–12". Other
// targets keep their names.
func compress(where, all []string) []string {
	members := map[string][]string{} // of each distribution, in order
	for _, name := range all {
		if id, version := release(name); version != "" {
			members[id] = append(members[id], version)
		}
	}
	var list []string
	done := map[string]bool{}
	for _, name := range where {
		id, version := release(name)
		if version == "" || len(members[id]) < 2 {
			list = append(list, name)
			continue
		}
		if done[id] {
			continue
		}
		done[id] = true
		has := map[string]bool{}
		for _, n := range where {
			if other, v := release(n); other == id {
				has[v] = true
			}
		}
		list = append(list, id+" "+ranges(members[id], has))
	}
	return list
}

func ranges(all []string, has map[string]bool) string {
	var parts []string
	for i := 0; i < len(all); i++ {
		if !has[all[i]] {
			continue
		}
		from := i
		for i+1 < len(all) && has[all[i+1]] {
			i++
		}
		if i-from < 2 {
			parts = append(parts, all[from:i+1]...)
		} else {
			parts = append(parts, all[from]+"–"+all[i])
		}
	}
	return strings.Join(parts, " ")
}

// release parts ID:VERSION; version is "" for any other target.
func release(target string) (id, version string) {
	id, version, _ = strings.Cut(target, ":")
	switch id {
	case "dir", "archive", "oci", "image", "index":
		return target, ""
	}
	return id, version
}
