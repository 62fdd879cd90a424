package services

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/willrun/willrun/root"
)

// account is whom a service runs as, and what its environment says of it.
type account struct {
	cred              root.Cred
	extra             []uint32 // SupplementaryGroups
	name, home, shell string   // "" is not said
	// wdHome is the directory that WorkingDirectory=~ means.
	wdHome string
}

// ofUser are the groups of User=, which stay when a command begins with "+" or
// "!" and runs as root.
func (a account) ofUser() []uint32 {
	if a.cred.UID == 0 {
		return nil
	}
	return append([]uint32{a.cred.GID}, a.cred.Groups...)
}

type passwdEntry struct{ name, home, shell string }

// dynamicUID is the first of those that systemd gives with DynamicUser=: no
// file belongs to it.
const dynamicUID = 61184

const maxPasswd = 4 << 20

func readPasswd(tree *root.Root) map[string]passwdEntry {
	entries := map[string]passwdEntry{}
	data, err := tree.ReadFile("/etc/passwd", root.Superuser, maxPasswd)
	if err != nil {
		return entries
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 7 || f[0] == "" {
			continue
		}
		e := passwdEntry{f[0], tidy(f[5]), tidy(f[6])}
		for _, key := range []string{f[0], f[2]} {
			if _, ok := entries[key]; !ok {
				entries[key] = e
			}
		}
	}
	return entries
}

// tidy takes doubled slashes out, as systemd does.
func tidy(p string) string {
	if strings.HasPrefix(p, "/") {
		return simplify(p)
	}
	return p
}

// nologin are shells that the environment does not name (is_nologin_shell).
var nologin = []string{
	"", "/bin/nologin", "/sbin/nologin", "/usr/bin/nologin", "/usr/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/true", "/usr/bin/true",
}

// env is what systemd says of the user where a unit has User= or
// DynamicUser= (build_environment; a home that is the root and a shell that
// refuses logins are not worth saying).
func (a account) env(e *env) {
	for _, v := range [][2]string{{"HOME", a.home}, {"LOGNAME", a.name}, {"USER", a.name}, {"SHELL", a.shell}} {
		if v[1] != "" {
			e.set(v[0], v[1])
		}
	}
}

// account settles User=, Group=, SupplementaryGroups= and DynamicUser=.
func (l *loader) account(u *unit, s *Service) account {
	section := u.section()
	s.User = u.expandedLast(section, "User", s.unknown)
	s.Group = u.expandedLast(section, "Group", s.unknown)
	a := account{wdHome: "/root"}
	if u.flag(section, "DynamicUser") && s.User == "" {
		l.dynamic(u.id.prefix, s, &a)
	} else if s.User != "" {
		l.named(u, s, &a)
	}
	if s.Group != "" {
		if gid, ok := l.group(s.Group); ok {
			a.cred.GID = gid
		} else {
			s.unknown("Group=" + s.Group + noGroup)
		}
	}
	for _, name := range u.list(section, "SupplementaryGroups", s.unknown) {
		if gid, ok := l.group(name); ok {
			a.extra = append(a.extra, gid)
		} else {
			s.unknown("SupplementaryGroups=" + name + noGroup)
		}
	}
	if s.User == "" && a.name == "" && strings.TrimPrefix(u.last(section, "WorkingDirectory"), "-") == "~" {
		a.home = a.wdHome
	}
	return a
}

const noGroup = " is not in the tree's /etc/group; systemd does not start the unit unless another source has it"

// group is a group's number; root's needs no entry.
func (l *loader) group(name string) (gid uint32, ok bool) {
	if name == "root" || name == "0" {
		return 0, true
	}
	c, err := l.tree.User("0:" + name)
	return c.GID, err == nil
}

// named is the account of User=. Unlike an image's, a number must have an
// entry, and Group= keeps the user's other groups.
func (l *loader) named(u *unit, s *Service, a *account) {
	e, known := l.passwd[s.User]
	if s.User == "root" || s.User == "0" { // systemd needs no entry for it
		a.name, a.home, a.shell = "root", "/root", rootShell(l.tree)
		return
	}
	if u.flag(u.section(), "DynamicUser") {
		l.dynamic(s.User, s, a)
		return
	}
	cred, err := l.tree.User(s.User)
	if err != nil || !known {
		s.unknown(fmt.Sprintf("User=%s is not in the tree's /etc/passwd; systemd does not start the unit unless another source has it", s.User))
		a.cred = root.Cred{UID: dynamicUID, GID: dynamicUID}
		if n, err := strconv.ParseUint(s.User, 10, 32); err == nil {
			a.cred = root.Cred{UID: uint32(n), GID: uint32(n)}
		}
		return
	}
	a.cred, a.name, a.home, a.shell, a.wdHome = cred, e.name, e.home, e.shell, e.home
	if a.home == "/" {
		a.home = ""
	}
	if slices.Contains(nologin, a.shell) {
		a.shell = ""
	}
}

var strictName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_-]{0,30}$`)

// dynamic is the account of DynamicUser=, whose name is the unit's prefix
// where none is given. A user of that name that is there already is taken.
func (l *loader) dynamic(name string, s *Service, a *account) {
	a.cred = root.Cred{UID: dynamicUID, GID: dynamicUID}
	if !strictName.MatchString(name) {
		s.note("DynamicUser=: some user to whom no file belongs, with a name that is made up")
		return
	}
	a.name = name
	if e, ok := l.passwd[name]; ok {
		if cred, err := l.tree.User(e.name); err == nil {
			a.cred = cred
			return
		}
	}
	s.note("DynamicUser=: some user to whom no file belongs")
}

// rootShell is default_root_shell: bash where there is one.
func rootShell(tree *root.Root) string {
	if info, err := tree.Stat("/bin/bash", root.Superuser); err == nil && info.Executable(root.Superuser) {
		return "/bin/bash"
	}
	return "/bin/sh"
}
