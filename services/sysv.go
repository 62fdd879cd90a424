package services

import (
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// initScripts are SysV scripts that no unit replaces: systemd makes units of
// them when the system starts, and older systems run them themselves
// (systemd-sysv-generator(8)). The script is the program.
func (l *loader) initScripts() []Service {
	var all []Service
	for _, dir := range []string{"/etc/init.d", "/etc/rc.d/init.d"} {
		info, err := l.tree.Stat(dir, root.Superuser)
		if err != nil || info.Path != dir {
			continue // /etc/init.d is a link to the other on EL
		}
		names, _ := l.tree.ReadDir(dir)
		for _, name := range names[:min(len(names), maxDropIns)] {
			file := path.Join(dir, name)
			unit := strings.TrimSuffix(name, ".sh") + ".service"
			info, err := l.tree.Stat(file, root.Superuser)
			_, native := l.index.files[unit]
			if err != nil || !info.Regular() || !info.Executable(root.Superuser) || native || scriptHelpers[name] {
				continue
			}
			if _, ok := parseName(unit); !ok {
				continue
			}
			s := Service{Unit: unit, File: file, Line: file + " start", Directive: "ExecStart", Program: file, Argv0: file, Args: []string{"start"}, Cwd: "/"}
			s.Env = []string{"PATH=" + defaultPath}
			s.By = l.runlevel(name)
			s.Enabled = s.By != ""
			s.note("a SysV script: what it starts in turn is not known")
			all = append(all, s)
		}
	}
	return all
}

// scriptHelpers lie among the scripts, and are none.
var scriptHelpers = map[string]bool{
	"functions": true, "README": true, "skeleton": true, "rc": true, "rcS": true, "halt": true, "reboot": true, "single": true, "killall": true,
}

// runlevel is the first runlevel that starts a script, as "runlevel 3".
func (l *loader) runlevel(name string) string {
	for _, base := range []string{"/etc/rc", "/etc/rc.d/rc"} {
		for _, level := range []string{"S", "2", "3", "4", "5"} {
			links, _ := l.tree.ReadDir(base + level + ".d")
			if slices.ContainsFunc(links, func(link string) bool {
				return len(link) > 3 && link[0] == 'S' && link[3:] == name
			}) {
				return "runlevel " + level
			}
		}
	}
	return ""
}
