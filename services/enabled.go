package services

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// bootUnits are where a system's life begins and ends; what they pull in runs
// on every system (systemd.special(7)).
var bootUnits = []string{
	"default.target", "sysinit.target", "basic.target", "shutdown.target", "reboot.target", "poweroff.target", "halt.target", "kexec.target",
	"sleep.target", "suspend.target", "hibernate.target", "hybrid-sleep.target", "suspend-then-hibernate.target", "soft-reboot.target",
}

// pulls are the settings by which a unit starts others, as section and key.
var pulls = [][2]string{
	{"Unit", "Wants"}, {"Unit", "Requires"}, {"Unit", "BindsTo"}, {"Unit", "Upholds"}, {"Unit", "OnFailure"}, {"Unit", "OnSuccess"}, {"Service", "Sockets"},
}

// started gives the units that something of the tree starts, each with what
// starts it. It follows links in .wants, .requires and .upholds, settings, and
// what sockets, timers, paths and D-Bus trigger; not udev's rules.
func (l *loader) started() map[string]string {
	by := map[string]string{}
	var queue []string
	enter := func(name, starter string, template bool) {
		if u := l.load(name); u != nil {
			name = u.name
		}
		n, ok := parseName(name)
		if _, seen := by[name]; seen || !ok || n.isTemplate() && !template || len(by) > maxUnits {
			return
		}
		if len(by) == maxUnits {
			l.problem(Problem{Kind: Unread, Unit: name, Text: "more units are started than are looked at"})
		}
		by[name] = starter
		queue = append(queue, name)
	}
	add := func(name, starter string) { enter(name, starter, false) }
	for _, name := range bootUnits {
		add(name, "the system")
	}
	l.installed(add)
	l.busNames(add)
	for len(queue) > 0 && l.ctx.Err() == nil {
		name := queue[0]
		queue = queue[1:]
		l.pulled(name, func(other string) { add(other, name) }, func(template string) { enter(template, name, true) })
	}
	return by
}

// installed are links that an administrator or an installation made: aliases
// and .wants in /etc and /run, whatever has them.
func (l *loader) installed(add func(name, by string)) {
	for _, name := range slices.Sorted(maps.Keys(l.index.files)) {
		to := l.index.files[name]
		if to == "" || to[0] == '/' {
			continue
		}
		for _, d := range l.index.dirs {
			info, err := l.tree.Lstat(d+"/"+name, root.Superuser)
			if err == nil {
				if info.Mode&root.ModeFmt == root.ModeLink && !vendor(d) {
					add(to, "its alias "+name)
				}
				break
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(l.index.side)) {
		if vendor(dir) || strings.HasSuffix(dir, ".d") {
			continue
		}
		owner := strings.TrimSuffix(path.Base(dir), path.Ext(dir))
		for _, name := range l.linked(dir) {
			add(name, owner)
		}
	}
}

// vendor says whether a directory is the distribution's, whose links say what
// a target has, not whether it is reached.
func vendor(dir string) bool {
	return !strings.HasPrefix(dir, "/etc/") && !strings.HasPrefix(dir, "/run/") && !strings.HasPrefix(dir, "/usr/local/")
}

// linked are the units in a directory of links.
func (l *loader) linked(dir string) []string {
	names, _ := l.tree.ReadDir(dir)
	return slices.DeleteFunc(names[:min(len(names), maxUnits)], func(n string) bool {
		_, ok := parseName(n)
		return !ok
	})
}

// pulled calls pull for every unit that name starts, and accept for a template
// of which each connection makes an instance: the one case in which a template
// itself is started.
func (l *loader) pulled(name string, pull, accept func(string)) {
	n, _ := parseName(name)
	_, own := l.index.find(n)
	for _, suffix := range []string{".wants", ".requires", ".upholds"} {
		for _, dir := range l.index.sideDirs(own, suffix) {
			for _, other := range l.linked(dir) {
				if m, ok := parseName(other); ok && m.isTemplate() && n.instance != "" {
					m.instance = n.instance
					other = m.String()
				}
				pull(other)
			}
		}
	}
	u := l.load(name)
	if u == nil {
		return
	}
	for _, p := range pulls {
		for _, other := range u.list(p[0], p[1], nil) {
			pull(other)
		}
	}
	u.triggers(pull, accept)
}

// triggers are what a socket, a timer or a path starts.
func (u *unit) triggers(pull, accept func(string)) {
	n := u.id
	section, key := "", "Unit"
	switch n.kind {
	case "socket":
		section, key = "Socket", "Service"
	case "timer":
		section = "Timer"
	case "path":
		section = "Path"
	default:
		return
	}
	n.kind = "service"
	if u.flag("Socket", "Accept") && u.id.kind == "socket" {
		accept(unitName{prefix: n.prefix, at: true, kind: n.kind}.String())
		return
	}
	other := n.String()
	if v := u.expandedLast(section, key, func(string) {}); v != "" {
		other = v
	}
	pull(other)
}

// busNames are services that D-Bus starts when they are asked for.
func (l *loader) busNames(add func(name, by string)) {
	for _, dir := range []string{"/etc/dbus-1/system-services", "/run/dbus-1/system-services", "/usr/local/share/dbus-1/system-services", "/usr/share/dbus-1/system-services"} {
		names, _ := l.tree.ReadDir(dir)
		for _, n := range names[:min(len(names), maxDropIns)] {
			data, err := l.tree.ReadFile(path.Join(dir, n), root.Superuser, 64<<10)
			if err != nil || !strings.HasSuffix(n, ".service") {
				continue
			}
			settings, _ := parseUnit(n, data, func(int, string) {})
			for _, s := range settings {
				if s.section == "D-BUS Service" && s.key == "SystemdService" {
					add(s.value, "D-Bus")
				}
			}
		}
	}
}
