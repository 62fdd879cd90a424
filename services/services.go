// Package services answers: which programs do the systemd units of a tree
// start, and how? Each Exec line becomes a Service: the program's place, its
// arguments, environment, user, directory and root, as systemd would have them
// at the moment of execve.
//
//	tree, err := root.Dir("/roots/el8")
//	found, problems := services.Find(ctx, tree)
//	found[0].Unit, found[0].Program // "sshd.service", "/usr/sbin/sshd"
//
// Nothing is started. What the tree alone can't tell is in Service.Unknown.
// Rules are those of systemd 252, and are held against a real one (see
// truth_test.go); a rule that came or went with another version says so.
package services

import (
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/willrun/willrun/root"
)

// Service is one program that a unit starts.
type Service struct {
	Unit      string // "nginx.service", "getty@tty1.service"
	File      string // path of the unit's file in the tree, or of a SysV script
	Line      string // the command as it is written
	Directive string // "ExecStart", "ExecStartPre", …
	Enabled   bool   // something of the tree starts it
	By        string // what starts it: a unit's name, "D-Bus"; "" where nothing does

	// Program is absolute, and counts from the service's own root. It is ""
	// where it can't be told, or is not there; Unknown or Denied say why.
	Program string
	Argv0   string   // what the program is told of its name; mostly Program
	Args    []string // without Argv0; variables are replaced
	// Env is the environment as K=V, sorted, without the locale and without
	// what differs from start to start (INVOCATION_ID, LISTEN_FDS, …). The
	// services of one unit share it.
	Env  []string
	User string // as written; "" is root
	// Group is as written; "" is the user's.
	Group string
	Cred  root.Cred // User, Group and SupplementaryGroups by the tree's passwd
	Cwd   string    // working directory, from the service's own root
	Root  string    // RootDirectory; "" is the tree's
	Binds []Bind    // what is mounted over the service's root
	// Hidden are directories of which the service sees nothing, such as /home
	// with ProtectHome=: a library that lies there is not found.
	Hidden []string

	// IgnoreFailure: the line begins with "-", so that its failure is no
	// failure of the unit.
	IgnoreFailure bool
	// Denied is what keeps the program from starting though it would run:
	// paths that the unit itself hides or mounts noexec.
	Denied []string
	// Unknown is what can't be told and may decide whether the program starts.
	Unknown []string
	// Notes are worth telling, and decide nothing.
	Notes []string
}

// Bind is a path of the host that the service sees at another place.
type Bind struct {
	Source, Dest string
	Optional     bool // a missing source is passed over
}

// Problem is worth telling of a unit, or of the tree.
type Problem struct {
	Kind ProblemKind
	Unit string // "" where it is about no single unit
	File string
	Line int // of the file; 0 where there is none
	Text string
}

// ProblemKind says what a problem means for what is found.
type ProblemKind string

const (
	// Unread: something is not read or beyond a limit, so that programs may be
	// missing in what is found.
	Unread ProblemKind = "unread"
	// Refused: systemd does not load the unit, on this system as on others.
	Refused ProblemKind = "refused"
	// Noted: nothing is missing, but someone may have meant something else: a
	// line that systemd passes over, a generator.
	Noted ProblemKind = "noted"
)

// Limits of hostile trees; real systems have below 1000 units, and files below
// 64 KB.
const (
	maxUnits    = 10_000
	maxUnitFile = 1 << 20
	maxAllFiles = 32 << 20
	maxDropIns  = 1000   // of one unit
	maxCommands = 256    // of one directive
	maxListed   = 1000   // words of one setting
	maxServices = 20_000 // of one tree
	maxProblems = 1000
)

// Find gives every program that the units of a tree start, enabled or not, by
// unit and in the order of the start. When ctx ends, it gives what it has.
func Find(ctx context.Context, tree *root.Root) ([]Service, []Problem) {
	l := newLoader(ctx, tree)
	by := l.started()
	var all []Service
	for _, name := range l.programUnits(by) {
		if ctx.Err() != nil || len(all) >= maxServices {
			break
		}
		u := l.load(name)
		if u == nil || u.name != name {
			continue // an alias, or a unit without a file
		}
		for _, s := range l.services(u) {
			s.By, s.Enabled = by[name]
			all = append(all, s)
		}
	}
	if len(all) >= maxServices {
		l.problem(Problem{Kind: Unread, Text: "more programs than are looked at"})
	}
	all = append(all, l.initScripts()...)
	l.generators()
	return all, l.problems
}

// programUnits are the names of all units that may start programs: those with
// a file, and the instances that something of the tree names.
func (l *loader) programUnits(by map[string]string) []string {
	var names []string
	add := func(name string) {
		n, ok := parseName(name)
		if ok && (n.kind == "service" || n.kind == "socket") {
			names = append(names, name)
		}
	}
	instantiated := map[string]bool{}
	for name := range by {
		add(name)
		if n, ok := parseName(name); ok && n.instance != "" {
			instantiated[n.template()] = true
		}
	}
	for name := range l.index.files {
		n, _ := parseName(name)
		if n.isTemplate() && instantiated[name] {
			continue // its instances speak for it
		}
		add(name)
	}
	sort.Strings(names)
	return slices.Compact(names)
}

func (l *loader) problem(p Problem) {
	if len(l.problems) < maxProblems {
		p.Text = printable(p.Text)
		l.problems = append(l.problems, p)
	}
}

// printable keeps what foreign files say from moving the user's terminal, and
// short.
func printable(s string) string {
	if len(s) > 500 {
		s = s[:500] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
