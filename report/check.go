package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/prove"
)

// Result writes one result: a line when all is well, else the verdict, its
// causes, the loader's own line, the chain and the remedies.
func (s Style) Result(w io.Writer, r judge.Result) {
	s.headOn(w, r, []string{r.Target}, nil)
	s.findings(w, r)
	if s.Verbose {
		s.trail(w, r)
	}
}

// headOn is the first line about a file on several targets; where they are
// too many for it, they follow below.
func (s Style) headOn(w io.Writer, r judge.Result, where, all []string) {
	extra := ""
	if s.Verbose && r.Kind != "" {
		extra = "  " + r.Kind
	}
	for _, names := range [][]string{where, compress(where, all)} {
		line := strings.Join(names, ", ")
		if len(where) == 1 || utf8.RuneCountInString("verdict  "+titleOf(r)+"  on "+line+extra) <= s.width() {
			s.head(w, r.Verdict, titleOf(r), line, extra)
			return
		}
	}
	fmt.Fprintf(w, "%s  %s%s\n", s.verdict(r.Verdict), s.paint(bold, clean(titleOf(r))), s.paint(faint, clean(extra)))
	s.wrap(w, s.paint(faint, "  on "), "     ", s.places(faint, where, all))
}

// titleOf is a subject's name for people: one program may be started by several
// services.
func titleOf(r judge.Result) string {
	if r.Unit != "" {
		return r.File + " (" + r.Unit + ")"
	}
	return r.File
}

// head is the first line about a file: the verdict, its name, and where.
func (s Style) head(w io.Writer, v diagnosis.Verdict, file, targets, extra string) {
	fmt.Fprintf(w, "%s  %s%s%s\n", s.verdict(v), s.paint(bold, clean(file)), s.paint(faint, "  on "+clean(targets)), s.paint(faint, clean(extra)))
}

// fold is how many findings of one cause are shown whole before the rest is
// counted.
const fold = 4

func (s Style) findings(w io.Writer, r judge.Result) {
	shown := map[diagnosis.Cause]int{}
	hidden := map[diagnosis.Cause]int{}
	advice := map[string]bool{}
	for _, f := range r.Findings {
		if (f.Severity == diagnosis.Note || f.Accepted()) && !s.Verbose {
			continue
		}
		if shown[f.Cause]++; shown[f.Cause] > fold && !s.Verbose {
			hidden[f.Cause]++
			continue
		}
		s.finding(w, f, advice)
	}
	for _, c := range diagnosis.Causes {
		if hidden[c] > 0 {
			fmt.Fprintf(w, "  %s\n", s.paint(faint, fmt.Sprintf("and %d more %s (-v shows all)", hidden[c], c)))
		}
	}
	for _, why := range r.Unknown {
		if r.Accepted(why) == nil || s.Verbose {
			s.prose(w, "  unknown: ", "           ", why)
		}
	}
	s.accepted(w, r)
	s.proof(w, r.Proof)
}

func (s Style) finding(w io.Writer, f diagnosis.Finding, advice map[string]bool) {
	colour := yellow
	if f.Severity == diagnosis.Blocks {
		colour = red
	}
	head := s.paint(colour, string(f.Cause))
	if f.Severity != diagnosis.Blocks {
		head += s.paint(faint, " ("+f.Severity.String()+")")
	}
	switch {
	case f.Suppressed != nil:
		head += s.paint(faint, " (suppressed)")
	case f.Known:
		head += s.paint(faint, " (known)")
	}
	fmt.Fprintf(w, "  %s\n", head)
	s.prose(w, "    ", "    ", f.Detail)
	if f.Message != "" {
		fmt.Fprintf(w, "    %s %s\n", s.paint(faint, "│"), clean(f.Message))
	}
	if len(f.Levels) > 0 {
		s.prose(w, "    ", "    ", "on CPUs of level "+strings.Join(f.Levels, ", "))
	}
	if len(f.Chain) > 1 {
		s.prose(w, "    needed by: ", "               ", strings.Join(f.Chain, " → "))
	}
	if s.Verbose && len(f.Tried) > 0 {
		fmt.Fprintln(w, s.paint(faint, "    looked at:"))
		for _, place := range f.Tried {
			fmt.Fprintf(w, "      %s\n", clean(place))
		}
	}
	for _, remedy := range f.Remedies {
		if key := remedy.Command + remedy.Why; !advice[key] || s.Verbose {
			advice[key] = true
			s.remedy(w, remedy)
		}
	}
}

func (s Style) remedy(w io.Writer, r diagnosis.Remedy) {
	if r.Command == "" {
		s.prose(w, "    → ", "      ", r.Why)
		return
	}
	fmt.Fprintf(w, "    → %s\n", s.paint(bold, clean(r.Command)))
	s.prose(w, "      ", "      ", r.Why)
}

// trail shows what the loader would load, and why each object was chosen.
func (s Style) trail(w io.Writer, r judge.Result) {
	a := r.Assumed
	s.prose(w, "  assumed: ", "           ", fmt.Sprintf("place %s, platform %s, CPU %s, kernel %s, user %s, directory %s%s",
		a.Place, a.Platform, a.CPU, a.Kernel, a.User, a.Cwd, envWords(a.Env)))
	if r.Trace == nil {
		return
	}
	for _, step := range r.Trace.Exec {
		if step.Interp != "" {
			fmt.Fprintf(w, "  %s names the interpreter %s\n", clean(step.Path), clean(strings.TrimSpace(step.Interp+" "+step.Arg)))
		}
	}
	if l := r.Trace.Libc; l != nil {
		fmt.Fprintf(w, "  loader: %s (%s %s)\n", clean(l.Interp), clean(l.Kind), clean(l.Version))
	}
	for _, o := range r.Trace.Objects {
		s.object(w, o)
	}
}

func envWords(env []string) string {
	if len(env) == 0 {
		return ", empty environment"
	}
	return ", environment " + strings.Join(env, " ")
}

func (s Style) object(w io.Writer, o *loader.Object) {
	if o.Name == "" {
		return
	}
	by := string(o.FoundBy)
	if o.Parent != nil && o.Parent.Name != "" {
		by += ", needed by " + o.Parent.Name
	}
	if o.Path == "" {
		fmt.Fprintf(w, "  %s %s\n", s.paint(red, clean(o.Name)+" => not found"), s.paint(faint, "("+strings.TrimPrefix(by, ", ")+")"))
		return
	}
	fmt.Fprintf(w, "  %s => %s %s\n", clean(o.Name), clean(o.Path), s.paint(faint, "("+by+")"))
	for _, t := range o.Tried {
		if t.Path != o.Path {
			fmt.Fprintf(w, "      %s\n", s.paint(faint, clean(strings.TrimSpace(t.Path+" "+t.Result))))
		}
	}
}

// Summary is the last line over many results.
func (s Style) Summary(w io.Writer, counts map[diagnosis.Verdict]int, troubles int) {
	var parts []string
	for _, v := range []diagnosis.Verdict{diagnosis.Runs, diagnosis.Fails, diagnosis.Unknown} {
		if counts[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[v], map[diagnosis.Verdict]string{
				diagnosis.Runs: "run", diagnosis.Fails: "fail", diagnosis.Unknown: "unknown"}[v]))
		}
	}
	if troubles > 0 {
		parts = append(parts, fmt.Sprintf("%d could not be judged", troubles))
	}
	fmt.Fprintln(w, strings.Join(parts, ", "))
}

// proof is what reality said, where it was asked.
func (s Style) proof(w io.Writer, p *prove.Proof) {
	if p == nil {
		return
	}
	switch p.Proved {
	case prove.Yes:
		how := map[string]string{"execve": "the kernel agrees", "list": "the target's own loader agrees", "entry": "a start here, up to its entry point, agrees"}[p.How]
		s.prose(w, "  proved: ", "          ", join(how, p.Why))
	case prove.Impossible:
		s.prose(w, "  not proved: ", "              ", p.Why)
	default:
		fmt.Fprintf(w, "  %s\n", s.paint(red, "we are wrong:"))
		s.prose(w, "    ", "    ", p.Difference)
		s.prose(w, "    → ", "      ", "please report it, with: "+p.Send)
	}
}

func join(a, b string) string {
	if b == "" {
		return a
	}
	return a + "; " + b
}
