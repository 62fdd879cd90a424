package services

import (
	"slices"
	"strings"
)

// sandbox settles what a unit's own protection means for the start
// (systemd.exec(5), SANDBOXING): paths that are hidden, mounted noexec, or
// something else than the tree has there.
func (l *loader) sandbox(u *unit, s *Service) {
	section := u.section()
	places := l.places(s)
	u.binds(s, places)
	hidden := u.paths("InaccessiblePaths", s)
	tmpfs := u.paths("TemporaryFileSystem", s)
	switch v := u.last(section, "ProtectHome"); {
	case v == "tmpfs":
		tmpfs = append(tmpfs, homes...)
	case yes(v):
		hidden = append(hidden, homes...)
	}
	if v := u.last(section, "PrivateTmp"); yes(v) || v == "disconnected" || u.flag(section, "DynamicUser") {
		tmpfs = append(tmpfs, "/tmp", "/var/tmp")
	}
	s.Hidden = append(hidden, tmpfs...)
	s.hide(u, places)
	s.noexec(u, places)
	for _, key := range []string{"SELinuxContext", "AppArmorProfile", "SmackProcessLabel", "MemoryDenyWriteExecute", "RestrictFileSystems", "SystemCallFilter", "SystemCallArchitectures", "Personality"} {
		if v := u.last(section, key); v != "" && v != "no" {
			s.note(key + "=" + v)
		}
	}
}

// places are the program's path and, where links lead elsewhere, the real one.
func (l *loader) places(s *Service) []string {
	if s.Program == "" {
		return nil
	}
	all := []string{s.Program}
	info, err, doubt := l.stat(s, s.Program)
	if real := strings.TrimPrefix(info.Path, s.Root); err == nil && !doubt && real != s.Program {
		all = append(all, real)
	}
	return all
}

// anyBelow says whether one of the places is in a directory.
func anyBelow(places []string, dir string) bool {
	return slices.ContainsFunc(places, func(p string) bool { return below(p, dir) })
}

// homes are what ProtectHome= is about.
var homes = []string{"/home", "/root", "/run/user"}

func yes(v string) bool {
	b, ok := parseBool(v)
	return ok && b
}

// paths are those of a list setting, from the service's own root. A "-" says
// that it may be missing, a "+" that it counts from the service's root.
func (u *unit) paths(key string, s *Service) []string {
	var all []string
	for _, p := range u.list(u.section(), key, s.unknown) {
		p, _, _ = strings.Cut(p, ":") // TemporaryFileSystem has options behind
		p = strings.TrimPrefix(strings.TrimPrefix(p, "-"), "+")
		if d, ok := configPath(p); ok {
			all = append(all, d)
		}
	}
	return all
}

// below says whether p is dir or below it.
func below(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

// hide tells of the program in a place that the unit hides, unless a bind
// mount below it brings it back.
func (s *Service) hide(u *unit, places []string) {
	for _, d := range s.Hidden {
		if !anyBelow(places, d) {
			if libraries(d) {
				s.unknown("the unit hides " + d + ", where libraries may be")
			}
			continue
		}
		if slices.ContainsFunc(s.Binds, func(b Bind) bool { return below(b.Dest, d) && anyBelow(places, b.Dest) }) {
			continue // told by binds
		}
		if len(u.all(u.section(), "ReadOnlyPaths"))+len(u.all(u.section(), "ReadWritePaths"))+len(u.all(u.section(), "ExecPaths")) > 0 {
			s.unknown("the unit hides " + d + ", and has paths that may bring back what is below")
			continue
		}
		s.deny("the unit itself hides " + d + ", where its program is")
	}
}

// binds are BindPaths= and BindReadOnlyPaths=: what lies at their
// destinations is not what the tree has there.
func (u *unit) binds(s *Service, places []string) {
	for _, key := range []string{"BindPaths", "BindReadOnlyPaths"} {
		for _, w := range u.list(u.section(), key, s.unknown) {
			source, optional := strings.CutPrefix(w, "-")
			source, rest, given := strings.Cut(source, ":")
			dest, _, _ := strings.Cut(rest, ":")
			if !given || dest == "" {
				dest = source
			}
			source, ok := configPath(source)
			dest, dok := configPath(dest)
			if !ok || !dok {
				continue
			}
			b := Bind{Source: source, Dest: dest, Optional: optional}
			if len(s.Binds) < maxDropIns {
				s.Binds = append(s.Binds, b)
			}
			if b.Source == b.Dest && s.Root == "" {
				continue
			}
			if s.Root != "" || anyBelow(places, b.Dest) || libraries(b.Dest) {
				s.unknown(key + "=" + w + ": what is at " + b.Dest + " comes from elsewhere")
			}
		}
	}
}

// libraries says whether a directory is one where loaders look for libraries
// and programs, or above or below one.
func libraries(dir string) bool {
	for _, d := range []string{"/lib", "/lib32", "/lib64", "/usr", "/etc", "/bin", "/sbin", "/opt"} {
		if below(dir, d) || below(d, dir) {
			return true
		}
	}
	return false
}

// noexec is NoExecPaths= and ExecPaths= (since systemd 249): the longest that
// has the program counts. Its libraries must be mapped from places that are
// not noexec too, which is not followed here.
func (s *Service) noexec(u *unit, places []string) {
	no, can := u.paths("NoExecPaths", s), u.paths("ExecPaths", s)
	if len(no) == 0 {
		return
	}
	longest := func(list []string) (n int) {
		n = -1
		for _, d := range list {
			if anyBelow(places, d) {
				n = max(n, len(strings.TrimSuffix(d, "/")))
			}
		}
		return n
	}
	if len(places) == 1 && longest(no) > longest(can) {
		s.deny("NoExecPaths= of the unit mounts the program's place noexec")
	}
	s.unknown("NoExecPaths=: whether its libraries may be mapped")
}
