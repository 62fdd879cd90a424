package project

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
)

// Review marks what a project has accepted.
type Review struct {
	Suppressions []*Suppression
	Known        *Baseline // findings that were there before; nil: none
	Found        *Baseline // takes what is found, all of which is known from then on; nil: nothing does

	names naming
	day   time.Time
	globs map[*Suppression][5]glob
}

// NewReview names subjects from root; relative names are seen from dir. day
// is the one on which suppressions hold or have ended.
func NewReview(root, dir string, day time.Time) *Review {
	return &Review{names: naming{root: root, dir: dir}, day: day, globs: map[*Suppression][5]glob{}}
}

// Mark says of each finding of a result, and of each reason why its verdict
// is not known, whether it is accepted or known. It is not to be called by
// two at once.
func (v *Review) Mark(r *judge.Result) {
	subject, target := v.names.subject(r.File), v.names.target(r.Target)
	if subject != filepath.Clean(r.File) {
		r.Subject = subject
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Suppressed = v.suppressed(subject, target, f)
		f.Known = f.Suppressed == nil && v.known(keyOf(subject, target, *f))
	}
	for _, why := range r.Unknown {
		a := judge.Acceptance{Unknown: why, Suppressed: v.suppressedUnknown(subject, target, why)}
		a.Known = a.Suppressed == nil && v.known(keyOfUnknown(subject, target, why))
		if a.Suppressed != nil || a.Known {
			r.Acceptances = append(r.Acceptances, a)
		}
	}
}

func (v *Review) known(k Key) bool {
	if v.Found != nil {
		v.Found.Add([]Key{k})
		return true
	}
	return v.Known != nil && v.Known.known[k]
}

func (v *Review) suppressed(subject, target string, f *diagnosis.Finding) *diagnosis.Suppression {
	for _, s := range v.Suppressions {
		g := v.globsOf(s)
		if s.Cause == string(f.Cause) && g[0].matches(subject) && g[1].matches(target) && g[2].matches(f.Library) && g[3].matches(f.Version) && g[4].matches(f.Symbol) && !v.Ended(s) {
			s.used = true
			return s.mark()
		}
	}
	return nil
}

// suppressedUnknown: a reason names libraries in its text alone, and may name
// several. All of them must be accepted.
func (v *Review) suppressedUnknown(subject, target, why string) *diagnosis.Suppression {
	for _, s := range v.Suppressions {
		g := v.globsOf(s)
		if s.Cause == string(Unknown) && s.Version == "" && s.Symbol == "" && g[0].matches(subject) && g[1].matches(target) && allLibraries(g[2], why) && !v.Ended(s) {
			s.used = true
			return s.mark()
		}
	}
	return nil
}

// allLibraries says whether a text names libraries, and a glob fits each.
func allLibraries(g glob, text string) bool {
	if g.re == nil {
		return true
	}
	named := 0
	for _, w := range strings.Fields(text) {
		w = strings.Trim(w, `.,;:()"`)
		if !strings.HasSuffix(w, ".so") && !strings.Contains(w, ".so.") {
			continue
		}
		if named++; !g.matches(w) {
			return false
		}
	}
	return named > 0
}

func (s *Suppression) mark() *diagnosis.Suppression {
	m := &diagnosis.Suppression{Reason: s.Reason}
	if !s.Until.IsZero() {
		m.Until = s.Until.Format(time.DateOnly)
	}
	return m
}

func (v *Review) globsOf(s *Suppression) [5]glob {
	g, ok := v.globs[s]
	if !ok {
		g = [5]glob{newGlob(s.Subject), newGlob(s.Target), newGlob(s.Library), newGlob(s.Version), newGlob(s.Symbol)}
		v.globs[s] = g
	}
	return g
}

// Ended says whether a suppression's last day is over.
func (v *Review) Ended(s *Suppression) bool {
	return !s.Until.IsZero() && !v.day.Before(s.Until.AddDate(0, 0, 1))
}

// Unused are the suppressions that hold and that nothing needed.
func (v *Review) Unused() (list []*Suppression) {
	for _, s := range v.Suppressions {
		if !s.used && !v.Ended(s) {
			list = append(list, s)
		}
	}
	return list
}

// naming turns names as given into those that hold on every machine: from
// root, where they lie below it. Relative ones are given as seen from dir.
type naming struct{ root, dir string }

func (n naming) path(name string) string {
	abs := name
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(n.dir, abs)
	}
	rel, err := filepath.Rel(n.root, abs)
	switch {
	case err == nil && rel != ".." && !strings.HasPrefix(rel, "../"):
		return rel
	case filepath.IsAbs(name) || err != nil:
		return filepath.Clean(abs)
	}
	return rel // above the root, and named by its way from there
}

func (n naming) target(name string) string { return eachPath(name, n.path) }

func (n naming) subject(name string) string {
	before, place, inside := strings.Cut(name, "#/")
	changed := n.target(before)
	if !strings.Contains(before, ":") && !namesNoFile(before) {
		changed = n.path(before)
	}
	if inside {
		changed += "#/" + place
	}
	return changed
}
