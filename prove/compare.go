package prove

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/loader"
)

// Words of Proof.Proved.
const (
	Yes        = "yes"
	No         = "no"
	Impossible = "impossible"
)

// Foretold is what was said of the start. The Trace must be that of this
// machine's CPU and kernel, or it is not this start that is spoken of.
type Foretold struct {
	Verdict diagnosis.Verdict
	Trace   *loader.Trace
}

// Proof is what reality says to that.
type Proof struct {
	Proved string `json:"proved"`
	// How far reality was asked: "execve", "list" or "entry".
	How string `json:"how,omitempty"`
	// Why it is impossible, or what a yes does not say.
	Why string `json:"why,omitempty"`
	// Difference is our fault, in a sentence, and Send what a report of it needs.
	Difference string `json:"difference,omitempty"`
	Send       string `json:"send,omitempty"`
}

// Words of Proof.How.
const (
	byExec  = "execve"
	byList  = "list"
	byEntry = "entry"
)

// Cannot is the Proof where there is nothing to ask: a target that is no
// directory of this machine, a CPU level that is not this machine's.
func Cannot(why string) Proof { return Proof{Proved: Impossible, Why: why} }

// Compare holds what was foretold against what happened.
func Compare(f Foretold, a Answer) Proof {
	c := &comparison{trace: f.Trace, answer: a}
	switch {
	case a.Why != "":
		return Cannot(a.Why)
	case f.Trace == nil:
		return Cannot("nothing was simulated")
	case f.Verdict == diagnosis.Unknown:
		return Cannot("the verdict is unknown, so there is nothing to confirm; here, " + c.happened())
	case f.Verdict == diagnosis.Runs != f.Trace.Started():
		return Cannot("the verdict is about other circumstances than this machine's")
	}
	for i := range f.Trace.Faults {
		if !f.Trace.Started() && f.Trace.Faults[i].Fatal {
			c.fault = &f.Trace.Faults[i]
			break
		}
	}
	p := c.compare()
	if p.Proved == No && a.Limited && c.rights() {
		return Cannot("rights in the tree are those of this user here, and not of the one that the verdict is about; root can ask")
	}
	if p.Proved == No {
		p.Send = c.send()
	}
	return p
}

// comparison of one start.
type comparison struct {
	trace  *loader.Trace
	answer Answer
	fault  *loader.Fault // the first that ends the start; nil where it starts
}

func (c *comparison) compare() Proof {
	if len(c.answer.Exec) == 0 {
		return c.asLibrary()
	}
	if p, done := c.execve(); done {
		return p
	}
	list := c.answer.List
	if c.answer.Start != nil {
		p := c.entry(*c.answer.Start)
		if p.Proved == Yes && c.fault == nil && list != nil && list.Exit == 0 {
			if d := c.lists(parseList(*list)); d != "" {
				return no(byList, d)
			}
		}
		return p
	}
	if list != nil && !isMusl(c.trace) {
		return c.list(*list)
	}
	return Cannot(strings.Join(c.answer.Notes, "; "))
}

func yes(how, why string) Proof { return Proof{Proved: Yes, How: how, Why: why} }
func no(how, difference string) Proof {
	return Proof{Proved: No, How: how, Difference: difference}
}

// execve compares what the kernel did. done says that there is no more to
// compare.
func (c *comparison) execve() (p Proof, done bool) {
	last := c.answer.Exec[len(c.answer.Exec)-1]
	if steps := len(programs(c.trace)); last.Errno == "" && last.Signal == "" && (c.isKind(loader.FaultEnvName) || steps > len(c.answer.Exec)) {
		return Cannot("env starts, and only its own code would tell what comes next"), true
	}
	if real := last.Errno; real != "" || c.trace.Errno != "" {
		if real == string(c.trace.Errno) {
			return yes(byExec, ""), true
		}
		return no(byExec, fmt.Sprintf("willrun said that %s; execve of %s gives %s", c.foretold(), last.Path, or(real, "no error"))), true
	}
	if last.Signal != "" {
		if last.Signal == c.trace.Signal {
			return yes(byExec, ""), true
		}
		return no(byExec, fmt.Sprintf("willrun said that %s; the kernel ends it in execve, with %s", c.foretold(), last.Signal)), true
	}
	switch {
	case c.trace.Secure != last.Secure && c.answer.Limited:
		return Cannot("set-user-id and set-group-id bits have no effect for this user here; root can ask"), true
	case c.trace.Secure != last.Secure:
		return no(byExec, fmt.Sprintf("willrun said secure %v of %s, the kernel says secure %v (AT_SECURE)", c.trace.Secure, last.Path, last.Secure)), true
	case c.fault != nil && c.fault.Stage == loader.StageExec && c.trace.Signal == "": // not the kernel's doing, then
		return Cannot("env starts, and only its own code would tell what comes next"), true
	case last.Loader != "":
		return Proof{}, false
	case c.fault == nil:
		return yes(byExec, "it is a static program: the kernel starts it"), true
	}
	return Cannot("the kernel starts it, and only its own code would tell the rest"), true
}

// programs are the ELF programs that are started in turn: one, or env and what
// it starts.
func programs(t *loader.Trace) []string {
	var list []string
	for _, s := range t.Exec {
		if s.Facts != nil && s.Facts.ELF != nil {
			list = append(list, s.Path)
		}
	}
	return list
}

// Then gives Question.Then for a Trace: what env was foretold to start.
func Then(t *loader.Trace) []string {
	var then []string
	began := false
	for _, s := range t.Exec {
		if began {
			then = append(then, s.Path)
		}
		began = s.Facts != nil && s.Facts.ELF != nil
	}
	return then
}

// entry compares a start up to the entry point.
func (c *comparison) entry(r Run) Proof {
	switch {
	case r.TimedOut:
		return Cannot("it did not reach its entry point in time")
	case r.Replaced:
		return Cannot("a constructor of one of its libraries replaces it by another program")
	case r.Entry && c.fault == nil:
		why := "it was stopped at its entry point"
		if r.Constructors {
			why += ", and the constructors of its libraries have run"
		} else {
			why += "; under musl constructors run later"
		}
		return yes(byEntry, why)
	case r.Entry && (c.fault.Stage >= loader.StageInit || c.trace.Signal != ""): // a crash may come later
		return Cannot("it reaches its entry point, and only its own code would tell the rest")
	case r.Entry:
		return no(byEntry, fmt.Sprintf("willrun said that %s; it reaches its entry point", c.foretold()))
	case c.fault == nil:
		return no(byEntry, "willrun said that it starts; before its entry point "+r.says())
	}
	ends := r.Exit == c.trace.ExitStatus && r.Signal == c.trace.Signal
	if !ends || c.fault.Message != "" && !slices.Contains(strings.Split(r.Stderr, "\n"), c.fault.Message) {
		return no(byEntry, fmt.Sprintf("willrun said that %s; before its entry point %s", c.foretold(), r.says()))
	}
	return yes(byEntry, "")
}

// list compares what the loader lists.
func (c *comparison) list(r Run) Proof {
	if r.TimedOut {
		return Cannot("the loader did not list in time")
	}
	l := parseList(r)
	_, spare := foretoldList(c.trace)
	if c.fault == nil {
		l.missing = slices.DeleteFunc(l.missing, func(name string) bool { return slices.Contains(spare, name) })
	}
	switch fails := l.fails(r); {
	case c.fault == nil && fails:
		return no(byList, fmt.Sprintf("willrun said that it starts; its loader says: %s", l.says(r)))
	case c.fault == nil && slices.ContainsFunc(l.others, func(line string) bool { return !slices.Contains(c.trace.Output, line) }):
		return Cannot("its loader lists its libraries, and says what is not understood: " + l.others[0])
	case c.fault == nil:
		if d := c.lists(l); d != "" {
			return no(byList, d)
		}
		return yes(byList, "")
	case l.confirms(*c.fault), fails && c.trace.Signal != "" && r.Signal == c.trace.Signal:
		return yes(byList, "")
	case fails:
		return no(byList, fmt.Sprintf("willrun said that %s; its loader says: %s", c.foretold(), l.says(r)))
	case !shows(*c.fault):
		return Cannot("the loader lists its libraries without a fault, and does not get further in its list mode; --prove=start does")
	}
	return no(byList, fmt.Sprintf("willrun said that %s; its loader finds no fault", c.foretold()))
}

// lists compares the libraries of a start that goes well, and says how they
// differ. What is missing then is not needed.
func (c *comparison) lists(l listed) string {
	want, _ := foretoldList(c.trace)
	have := l.libraries
	if isMusl(c.trace) {
		have = without(have, c.trace.Libc.Interp)
	}
	for _, line := range have {
		if !slices.Contains(want, line) {
			return "willrun did not say that it loads " + line
		}
	}
	for _, line := range want {
		if !slices.Contains(have, line) {
			return "willrun said that it loads " + line + ", which its loader does not list"
		}
	}
	return ""
}

// asLibrary compares a list of a shared library. It was asked for as a
// program, and not as what some program opens: where it finds its libraries is
// the same, what it finds its symbols in is not.
func (c *comparison) asLibrary() Proof {
	if c.answer.List == nil || c.answer.List.TimedOut {
		return Cannot("the loader did not list in time")
	}
	l := parseList(*c.answer.List)
	const part = "its loader was asked for the libraries that it needs, and not for its symbols: no program opened it"
	switch {
	case c.fault != nil && (l.confirms(*c.fault) || c.fault.Kind == loader.FaultLibraryMissing && slices.Contains(l.missing, c.fault.Library)):
		return yes(byList, part)
	case c.fault != nil:
		return Cannot(part)
	case len(l.missing) > 0:
		return no(byList, "willrun said that it can be opened; its loader says: "+l.says(*c.answer.List))
	case len(l.lines) > 0 || c.answer.List.Exit != 0:
		return Cannot(part + "; it says: " + l.says(*c.answer.List))
	}
	objects := map[string]bool{}
	for _, o := range c.trace.Objects {
		objects[o.Path] = true
	}
	for _, line := range l.libraries {
		if _, path, ok := strings.Cut(line, " => "); ok && !objects[path] {
			return no(byList, "willrun did not say that it loads "+line)
		}
	}
	return yes(byList, part)
}

func (c *comparison) isKind(k loader.FaultKind) bool { return c.fault != nil && c.fault.Kind == k }

// foretold is what was said of the start, as part of a sentence.
func (c *comparison) foretold() string {
	if c.fault == nil {
		return "it starts"
	}
	return "it fails: " + or(c.fault.Message, or(c.fault.Detail, c.trace.Signal))
}

// happened is what reality did, as part of a sentence.
func (c *comparison) happened() string {
	if len(c.answer.Exec) > 0 {
		if last := c.answer.Exec[len(c.answer.Exec)-1]; last.Errno != "" || last.Signal != "" {
			return "execve of " + last.Path + " fails: " + or(last.Errno, last.Signal)
		}
	}
	switch s, l := c.answer.Start, c.answer.List; {
	case s != nil && s.Entry:
		return "it reaches its entry point"
	case s != nil:
		return s.says()
	case l != nil && parseList(*l).fails(*l):
		return "its loader says: " + parseList(*l).says(*l)
	case l != nil:
		return "its loader lists its libraries without a fault"
	}
	return "the kernel starts it"
}

// rights says whether a difference may come from who asks.
func (c *comparison) rights() bool {
	if c.fault != nil && (c.fault.Errno == "EACCES" || c.fault.Errno == "EPERM") || c.trace.Errno == "EACCES" {
		return true
	}
	text := ""
	for _, e := range c.answer.Exec {
		text += e.Errno + "\n"
	}
	for _, r := range []*Run{c.answer.List, c.answer.Start} {
		if r != nil {
			text += r.Stderr
		}
	}
	return strings.Contains(text, "EACCES") || strings.Contains(text, "Permission denied")
}

// says is what a run said and how it ended, as part of a sentence.
func (r Run) says() string {
	for line := range strings.SplitSeq(r.Stderr, "\n") {
		if fatal.MatchString(line) && !warning.MatchString(line) {
			return "its loader says: " + line
		}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(r.Stderr), "\n")
	if first != "" {
		first = ", and says: " + first
	}
	return r.ends() + first
}

func (r Run) ends() string {
	switch {
	case r.TimedOut:
		return "it does not end in time"
	case r.Signal != "":
		return "it ends with " + r.Signal
	case r.Exit >= 0:
		return fmt.Sprintf("it exits with %d", r.Exit)
	}
	return "it was stopped"
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// send is what a report of a difference needs: what happened to the letter,
// and what was foretold. The files themselves are named, for some are secret.
func (c *comparison) send() string {
	var b strings.Builder
	happened, err := json.MarshalIndent(c.answer, "", "  ")
	if err != nil {
		happened = []byte(err.Error())
	}
	fmt.Fprintf(&b, "foretold: %s\n", c.foretold())
	for _, o := range c.trace.Objects {
		fmt.Fprintf(&b, "foretold: %q => %q %s\n", o.Name, o.Path, o.FoundBy)
	}
	if c.trace.Libc != nil {
		fmt.Fprintf(&b, "loader: %s %s %s\n", c.trace.Libc.Kind, c.trace.Libc.Version, c.trace.Libc.Path)
	}
	fmt.Fprintf(&b, "happened: %s\n", happened)
	b.WriteString("and, where they may be shown: the program, the loader, and the libraries named above\n")
	return b.String()
}
