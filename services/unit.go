package services

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// loader reads the units of one tree, each once.
type loader struct {
	ctx      context.Context
	tree     *root.Root
	index    *index
	units    map[string]*unit // by every name that was asked for; nil: it has no file
	passwd   map[string]passwdEntry
	manager  []string // DefaultEnvironment
	problems []Problem

	bytes     int // read of unit files in all
	arguments int // bytes of arguments that are kept
}

func newLoader(ctx context.Context, tree *root.Root) *loader {
	l := &loader{ctx: ctx, tree: tree, units: map[string]*unit{}}
	l.index = newIndex(ctx, tree, l.problem)
	l.passwd = readPasswd(tree)
	l.manager = l.managerEnv()
	return l
}

// unit is a unit's file with all that is added to it.
type unit struct {
	name     string
	id       unitName
	file     string
	values   map[string][]string  // by "Section.Key"; an empty assignment begins anew
	commands map[string][]command // by directive
	only     []string             // conditions, as they are written
	lists    map[string]listed    // values taken apart, each once
	grown    int                  // bytes that specifiers made
	refused  *Problem             // why systemd doesn't load it
	// eitherName: it is an instance that has aliases. Which of its names
	// systemd takes for its own is chance.
	eitherName bool
}

type listed struct{ words, doubts []string }

func newUnit(n unitName, file string) *unit {
	return &unit{name: n.String(), id: n, file: file, values: map[string][]string{}, commands: map[string][]command{}, lists: map[string]listed{}}
}

// load reads a unit; nil where it has no file, or is masked.
func (l *loader) load(name string) *unit {
	if u, ok := l.units[name]; ok {
		return u
	}
	l.units[name] = nil
	n, ok := parseName(name)
	if len(l.units) == 2*maxUnits {
		l.problem(Problem{Kind: Unread, Text: "more units than are looked at"})
	}
	if !ok || len(l.units) >= 2*maxUnits {
		return nil
	}
	file, own := l.index.find(n)
	if file == "" {
		return nil
	}
	if own != n { // an alias
		l.units[name] = l.load(own.String())
		return l.units[name]
	}
	u := newUnit(own, file)
	u.eitherName = l.index.twoNames(own)
	l.units[name] = u
	l.readAll(u, own)
	u.verify()
	if u.refused != nil {
		l.problem(*u.refused)
	}
	return u
}

// readAll reads a unit's file and its drop-ins.
func (l *loader) readAll(u *unit, own unitName) {
	if !l.read(u, u.file, true) {
		return
	}
	dropins, full := sideFiles(l.tree, l.index.sideDirs(own, ".d"), ".conf", maxDropIns)
	if full {
		u.unread(u.file, 0, "it has more drop-ins than are read")
	}
	for _, d := range dropins {
		if !l.read(u, d, false) {
			return
		}
	}
}

// refuse keeps the first reason for which systemd does not load the unit.
func (u *unit) refuse(file string, line int, text string) {
	if u.refused == nil {
		u.refused = &Problem{Kind: Refused, Unit: u.name, File: file, Line: line, Text: "systemd refuses the unit: " + text}
	}
}

// unread keeps the reason for which we can't tell what the unit is.
func (u *unit) unread(file string, line int, text string) {
	u.refused = &Problem{Kind: Unread, Unit: u.name, File: file, Line: line, Text: text}
}

// read adds a file's settings; false where it can't be told what they are.
func (l *loader) read(u *unit, file string, own bool) bool {
	data, err := l.tree.ReadFile(file, root.Superuser, maxUnitFile+1)
	l.bytes += len(data)
	switch {
	case len(data) > maxUnitFile:
		err = fmt.Errorf("longer than %d bytes", maxUnitFile)
	case l.bytes > maxAllFiles:
		err = errors.New("the tree's units are larger than is read")
	}
	if info, serr := l.tree.Stat(file, root.Superuser); !own && serr == nil && !info.Regular() {
		return true // a drop-in that is masked by a link to /dev/null
	}
	if errors.Is(err, root.ENOENT) && !own {
		return true
	}
	if err != nil {
		u.unread(file, 0, "not read: "+err.Error())
		return false
	}
	settings, err := parseUnit(file, data, func(line int, text string) {
		l.problem(Problem{Kind: Noted, Unit: u.name, File: file, Line: line, Text: text})
	})
	if err != nil && own {
		u.refuse(file, 0, err.Error())
	} else if err != nil {
		l.problem(Problem{Kind: Noted, Unit: u.name, File: file, Text: "systemd reads the file only so far: " + err.Error()})
	}
	l.apply(u, settings, own)
	return true
}

// apply takes settings up in order. What systemd refuses ends the file; it
// makes the unit unloadable only where it is the unit's own file.
func (l *loader) apply(u *unit, settings []setting, own bool) {
	for _, s := range settings {
		err := u.take(s)
		if err == nil {
			continue
		}
		p := Problem{Kind: Noted, Unit: u.name, File: s.file, Line: s.line}
		var e *ignorable
		switch {
		case errors.Is(err, errMany):
			u.unread(s.file, s.line, err.Error())
		case errors.As(err, &e) && e.ignore:
			p.Text = "systemd passes over the line: " + err.Error()
			l.problem(p)
			continue
		case own:
			u.refuse(s.file, s.line, err.Error())
		default:
			p.Text = "systemd reads the file only so far: " + err.Error()
			l.problem(p)
		}
		return
	}
}

var errMany = errors.New("more commands or words than are looked at")

// take takes one setting up. An error is what makes systemd read no further.
func (u *unit) take(s setting) error {
	if !u.isExec(s) {
		u.set(s)
		return u.fatal(s)
	}
	if s.value == "" {
		delete(u.commands, s.key)
		return nil
	}
	commands, err := u.parseCommands(s)
	if len(u.commands[s.key])+len(commands) > maxCommands {
		return errMany
	}
	u.commands[s.key] = append(u.commands[s.key], commands...)
	return err
}

// fatal are values that systemd does not only pass over: a program in a wrong
// directory, or as a wrong user, would be worse than none.
func (u *unit) fatal(s setting) error {
	if s.section != u.section() || s.value == "" {
		return nil
	}
	value, optional := strings.CutPrefix(s.value, "-")
	text, unknown, err := u.expand(value)
	if err != nil || len(unknown) > 0 {
		return nil // told where it is used
	}
	switch s.key {
	case "WorkingDirectory", "RootDirectory":
		if _, ok := configPath(text); !ok && (text != "~" || s.key == "RootDirectory") {
			return &ignorable{fmt.Errorf("%s=%s is no absolute path", s.key, s.value), optional}
		}
	case "User", "Group":
		if strings.ContainsAny(s.value, ":/") || strings.IndexFunc(s.value, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
			return fmt.Errorf("%s=%s is no name", s.key, s.value)
		}
	}
	return nil
}

// execDirectives are what a unit starts programs by, in the order of its life.
var execDirectives = map[string][]string{
	"Service": {"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost"},
	"Socket":  {"ExecStartPre", "ExecStartPost", "ExecStopPre", "ExecStopPost"},
}

// section is where the unit's execution is described.
func (u *unit) section() string {
	switch u.id.kind {
	case "service":
		return "Service"
	case "socket":
		return "Socket"
	}
	return ""
}

func (u *unit) isExec(s setting) bool {
	return s.section == u.section() && slices.Contains(execDirectives[s.section], s.key)
}

// verify refuses what service_verify in src/core/service.c refuses.
func (u *unit) verify() {
	if u.id.kind != "service" || u.refused != nil {
		return
	}
	starts := u.commands["ExecStart"]
	success := u.last("Unit", "SuccessAction")
	ends := success != "" && success != "none"
	oneshot := u.serviceType() == "oneshot"
	switch restart := u.last("Service", "Restart"); {
	case len(starts) == 0 && !ends && !u.flag("Service", "RemainAfterExit"):
		u.refuse(u.file, 0, "it has no ExecStart=")
	case len(starts) == 0 && !ends && (!oneshot || len(u.commands["ExecStop"]) == 0):
		u.refuse(u.file, 0, "it has neither ExecStart= nor ExecStop=")
	case !oneshot && len(starts) > 1:
		u.refuse(starts[1].line.file, starts[1].line.line, "several ExecStart=, and not Type=oneshot")
	case oneshot && (restart == "always" || restart == "on-success"):
		u.refuse(u.file, 0, "Type=oneshot with Restart="+restart)
	case u.serviceType() == "dbus" && u.last("Service", "BusName") == "":
		u.refuse(u.file, 0, "Type=dbus without BusName=")
	}
}

// serviceType is Type=, or what it is where that says nothing.
func (u *unit) serviceType() string {
	for _, t := range slices.Backward(u.all("Service", "Type")) {
		switch t {
		case "simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle":
			return t
		}
	}
	switch {
	case u.last("Service", "BusName") != "":
		return "dbus"
	case len(u.commands["ExecStart"]) > 0:
		return "simple"
	}
	return "oneshot"
}

// set takes up an assignment that is no command.
func (u *unit) set(s setting) {
	key := s.section + "." + s.key
	switch {
	case s.value == "":
		delete(u.values, key)
	default:
		u.values[key] = append(u.values[key], s.value)
	}
	if s.section == "Unit" && s.value != "" && len(u.only) < maxTold && (strings.HasPrefix(s.key, "Condition") || strings.HasPrefix(s.key, "Assert")) {
		u.only = append(u.only, s.key+"="+s.value)
	}
}

// all are the values of a setting that adds up.
func (u *unit) all(section, key string) []string { return u.values[section+"."+key] }

// last is the value of a setting that counts when it is given last.
func (u *unit) last(section, key string) string {
	v := u.all(section, key)
	if len(v) == 0 {
		return ""
	}
	return v[len(v)-1]
}

// flag is the last valid boolean of a setting.
func (u *unit) flag(section, key string) bool {
	for _, v := range slices.Backward(u.all(section, key)) {
		if b, ok := parseBool(v); ok {
			return b
		}
	}
	return false
}

// list are the words of all values, with their specifiers replaced. doubt
// hears of words that can't be told.
func (u *unit) list(section, key string, doubt func(string)) []string {
	id := section + "." + key
	l, ok := u.lists[id]
	if !ok {
		l = u.takeApart(u.all(section, key), key, section == "Unit" || key == "Sockets")
		u.lists[id] = l
	}
	if doubt != nil {
		for _, d := range l.doubts {
			doubt(d)
		}
	}
	return l.words
}

// takeApart splits values into words. In names of units backslashes stay.
func (u *unit) takeApart(values []string, key string, names bool) (l listed) {
	doubt := func(text string) { addTo(&l.doubts, key+"="+text) }
	for _, v := range values {
		some, err := wordRule{quotes: true, verbatim: names}.words(v)
		if err != nil {
			doubt(v + ": " + err.Error())
		}
		for _, w := range some {
			text, unknown, err := u.expand(w)
			switch {
			case err != nil:
				doubt(w + ": " + err.Error())
			case len(unknown) > 0:
				doubt(w + ": " + unknown[0])
			case len(l.words) < maxListed:
				l.words = append(l.words, text)
			default:
				doubt(": more than is looked at")
				return l
			}
		}
	}
	return l
}

// expandedLast is last with its specifiers replaced.
func (u *unit) expandedLast(section, key string, doubt func(string)) string {
	text, unknown, err := u.expand(u.last(section, key))
	if err != nil {
		doubt(key + "=: " + err.Error())
		return ""
	}
	for _, k := range unknown {
		doubt(key + "=: " + k)
	}
	if len(unknown) > 0 {
		return ""
	}
	return text
}

// generators tells of programs that make units when the system starts, which
// the tree then has not yet.
func (l *loader) generators() {
	if _, err := l.tree.Stat("/run/systemd/generator", root.Superuser); err == nil {
		return // they have run
	}
	for _, d := range []string{"/etc/systemd/system-generators", "/usr/local/lib/systemd/system-generators", "/usr/lib/systemd/system-generators", "/lib/systemd/system-generators"} {
		names, _ := l.tree.ReadDir(d)
		for _, n := range names[:min(len(names), 100)] {
			p := Problem{Kind: Noted, File: path.Join(d, n), Text: "a generator: it may make more units when the system starts"}
			if !strings.HasPrefix(n, "systemd-") && !slices.ContainsFunc(l.problems, func(q Problem) bool { return path.Base(q.File) == n && q.Text == p.Text }) {
				l.problem(p)
			}
		}
	}
}
