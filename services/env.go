package services

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/willrun/willrun/root"
)

// defaultPath is where systemd looks for programs, and the PATH that it gives
// (DEFAULT_PATH; without the last two where /bin is a link to usr/bin, which
// makes no difference there).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Limits of environments: the kernel takes 2 MB of arguments and environment.
const (
	maxEnvFile  = 1 << 20
	maxEnvFiles = 200
	maxArgBytes = 2 << 20
	maxKept     = 64 << 20 // arguments of all services
)

// env is an environment in the order in which it was made.
type env struct {
	names  []string
	values map[string]string
}

func newEnv() *env { return &env{values: map[string]string{}} }

func (e *env) set(name, value string) {
	if _, ok := e.values[name]; !ok {
		e.names = append(e.names, name)
	}
	e.values[name] = value
}

// assign takes K=V, if systemd takes it.
func (e *env) assign(kv string) bool {
	name, value, ok := strings.Cut(kv, "=")
	if !ok || !validEnvName(name) || !validEnvValue(value) {
		return false
	}
	e.set(name, value)
	return true
}

// unset removes by name, or by name and value.
func (e *env) unset(what string) {
	name, value, exact := strings.Cut(what, "=")
	if v, ok := e.values[name]; ok && (!exact || v == value) {
		delete(e.values, name)
		e.names = slices.DeleteFunc(e.names, func(n string) bool { return n == name })
	}
}

// list is K=V, sorted.
func (e *env) list() []string {
	all := make([]string, 0, len(e.names))
	for _, n := range e.names {
		all = append(all, n+"="+e.values[n])
	}
	slices.Sort(all)
	return all
}

func validEnvName(s string) bool {
	return s != "" && (s[0] < '0' || s[0] > '9') && strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}

// validEnvValue: UTF-8 without control characters but tab and newline
// (env_value_is_valid; newlines since systemd 247).
func validEnvValue(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' || r == 0x7f }) < 0
}

// decides says whether a variable may decide whether a program starts.
func decides(name string) bool {
	return name == "PATH" || strings.HasPrefix(name, "LD_") || name == "GLIBC_TUNABLES"
}

// environment is what the service's programs get (exec_child in
// src/core/execute.c): the manager's, systemd's own, Environment=, and files
// last; then what is unset.
func (l *loader) environment(u *unit, s *Service, who account) *env {
	section := u.section()
	e := newEnv()
	e.set("PATH", defaultPath)
	for _, kv := range l.manager {
		e.assign(kv)
	}
	who.env(e)
	u.directories(e, s)
	if p := u.execSearchPath(s); len(p) > 0 {
		e.set("PATH", strings.Join(p, ":"))
	}
	for _, name := range u.list(section, "PassEnvironment", nil) {
		s.tell(decides(name), "PassEnvironment="+name+" has the value that the manager itself was started with")
	}
	u.assignments(e, s)
	l.envFiles(u, e, s)
	for _, what := range u.list(section, "UnsetEnvironment", s.unknown) {
		e.unset(what)
	}
	if p := u.last(section, "PAMName"); p != "" {
		s.note("PAMName=" + p + " may add to the environment")
	}
	return e
}

// assignments are those of Environment=.
func (u *unit) assignments(e *env, s *Service) {
	for _, line := range u.all(u.section(), "Environment") {
		words, err := wordRule{quotes: true, cEscapes: true}.words(line)
		if err != nil {
			s.note("Environment=" + line + ": " + err.Error() + "; systemd passes over the rest of the line")
		}
		for _, w := range words {
			kv, doubt, err := u.expand(w)
			name, _, _ := strings.Cut(w, "=")
			switch {
			case err != nil:
				s.note("Environment=" + w + ": " + err.Error() + "; systemd passes over it")
			case len(doubt) > 0:
				s.tell(decides(name), "Environment=: "+doubt[0])
			case !e.assign(kv):
				s.note("Environment=" + w + " is no assignment; systemd passes over it")
			}
		}
	}
}

// execSearchPath is where programs without a slash are looked for (since
// systemd 250).
func (u *unit) execSearchPath(s *Service) []string {
	var dirs []string
	for _, v := range u.all(u.section(), "ExecSearchPath") {
		for _, p := range strings.Split(v, ":") {
			text, doubt, err := u.expand(p)
			if err != nil || len(doubt) > 0 {
				s.unknown("ExecSearchPath=" + v)
			} else if d, ok := configPath(text); ok {
				dirs = append(dirs, d)
			}
		}
	}
	return dirs
}

// directories are RuntimeDirectory= and its kind, which systemd makes and
// names to the program.
func (u *unit) directories(e *env, s *Service) {
	for _, k := range dirKinds {
		var paths []string
		for _, d := range u.list(u.section(), k.key, s.note) {
			d, _, _ = strings.Cut(d, ":") // a link to it, since systemd 250
			paths = append(paths, k.base+"/"+simplify(d))
		}
		if len(paths) > 0 {
			e.set(k.variable, strings.Join(paths, ":"))
		}
	}
}

var dirKinds = []struct{ key, base, variable string }{
	{"RuntimeDirectory", "/run", "RUNTIME_DIRECTORY"}, {"StateDirectory", "/var/lib", "STATE_DIRECTORY"},
	{"CacheDirectory", "/var/cache", "CACHE_DIRECTORY"}, {"LogsDirectory", "/var/log", "LOGS_DIRECTORY"},
	{"ConfigurationDirectory", "/etc", "CONFIGURATION_DIRECTORY"},
}

// envFiles are those of EnvironmentFile=, read from the tree, whatever the
// service's own root.
func (l *loader) envFiles(u *unit, e *env, s *Service) {
	read := 0
	for _, line := range u.all(u.section(), "EnvironmentFile") {
		pattern, optional := strings.CutPrefix(line, "-")
		pattern, doubt, err := u.expand(pattern)
		if err != nil || len(doubt) > 0 {
			s.unknown("EnvironmentFile=" + line + " can't be told")
			continue
		}
		pattern, ok := configPath(pattern)
		if !ok {
			s.note("EnvironmentFile=" + line + " is no absolute path; systemd passes over it")
			continue
		}
		files := glob(l.tree, pattern)
		if len(files) == 0 && !optional {
			s.unknown(fmt.Sprintf("EnvironmentFile=%s is not in the tree; without it systemd does not start the unit", pattern))
		}
		for _, f := range files {
			if read++; read > maxEnvFiles {
				s.unknown("more files of EnvironmentFile= than are read")
				return
			}
			l.envFile(f, optional, e, s)
		}
	}
}

func (l *loader) envFile(file string, optional bool, e *env, s *Service) {
	data, err := l.tree.ReadFile(file, root.Superuser, maxEnvFile+1)
	l.bytes += len(data)
	large := len(data) > maxEnvFile || l.bytes > maxAllFiles
	if err == nil && large {
		err = errors.New("larger than is read")
	}
	var assignments []string
	if err == nil {
		assignments, err = parseEnvFile(data)
	}
	if err != nil {
		s.tell(!optional || large, "EnvironmentFile="+file+": "+err.Error())
		return
	}
	for _, kv := range assignments {
		if !e.assign(kv) {
			s.note(fmt.Sprintf("%s: %q is no assignment; systemd passes over it", file, printable(kv)))
		}
	}
}

// glob gives the files of the tree that a pattern means, sorted (glob(7)).
func glob(tree *root.Root, pattern string) []string {
	at := []string{""}
	pattern = strings.ReplaceAll(pattern, "[!", "[^") // as package path has it
	for _, part := range strings.Split(strings.TrimPrefix(pattern, "/"), "/") {
		var next []string
		for _, dir := range at {
			if !strings.ContainsAny(part, `*?[\`) {
				next = append(next, dir+"/"+part)
				continue
			}
			names, _ := tree.ReadDir(dir + "/")
			for _, n := range names {
				if ok, _ := path.Match(part, n); ok && (n[0] != '.' || part[0] == '.') && len(next) < maxEnvFiles {
					next = append(next, dir+"/"+n)
				}
			}
		}
		at = next
	}
	return slices.DeleteFunc(at, func(f string) bool {
		_, err := tree.Stat(f, root.Superuser)
		return err != nil
	})
}

// managerEnv is DefaultEnvironment= of system.conf and what is added to it
// (systemd-system.conf(5)).
func (l *loader) managerEnv() []string {
	u := newUnit(unitName{prefix: "system", kind: "slice"}, "")
	bases := []string{"/etc/systemd/", "/run/systemd/", "/usr/local/lib/systemd/", "/usr/lib/systemd/", "/lib/systemd/"}
	var files, dirs []string
	for _, b := range bases {
		if _, err := l.tree.Stat(b+"system.conf", root.Superuser); err == nil && len(files) == 0 {
			files = append(files, b+"system.conf")
		}
		dirs = append(dirs, b+"system.conf.d")
	}
	more, _ := sideFiles(l.tree, dirs, ".conf", maxDropIns)
	for _, f := range append(files, more...) {
		data, err := l.tree.ReadFile(f, root.Superuser, maxUnitFile)
		if err != nil {
			continue
		}
		settings, err := parseUnit(f, data, func(int, string) {})
		if err != nil {
			l.problem(Problem{Kind: Noted, File: f, Text: err.Error()})
		}
		for _, s := range settings {
			u.set(s)
		}
	}
	e := newEnv()
	for _, v := range u.all("Manager", "DefaultEnvironment") {
		words, _ := wordRule{quotes: true, cEscapes: true}.words(v)
		for _, w := range words {
			if kv, doubt, err := u.expand(w); err == nil && len(doubt) == 0 {
				e.assign(kv)
			}
		}
	}
	return e.list()
}
