package services

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// maxTold bounds what is told of one service.
const maxTold = 50

func (s *Service) unknown(text string) { addTo(&s.Unknown, text) }
func (s *Service) note(text string)    { addTo(&s.Notes, text) }
func (s *Service) deny(text string)    { addTo(&s.Denied, text) }

// tell tells what decides as unknown, and the rest as a note.
func (s *Service) tell(decides bool, text string) {
	if decides {
		s.unknown(text)
	} else {
		s.note(text)
	}
}

func addTo(list *[]string, text string) {
	text = printable(text)
	if n := len(*list); n < maxTold && (n == 0 || (*list)[n-1] != text) {
		*list = append(*list, text)
	}
}

// services are the programs of one unit, in the order of its life.
func (l *loader) services(u *unit) []Service {
	if u.refused != nil {
		return nil
	}
	base := Service{Unit: u.name, File: u.file, Cwd: "/"}
	if u.id.isTemplate() {
		base.note("a template that nothing in the tree makes an instance of")
	}
	who := l.account(u, &base)
	e := l.environment(u, &base, who)
	base.Env = e.list()
	for _, o := range u.only {
		base.note("only where " + o)
	}
	var all []Service
	for _, directive := range execDirectives[u.section()] {
		for _, c := range u.commands[directive] {
			all = append(all, l.service(u, base, directive, c, who, e))
		}
	}
	return all
}

// service is one command, with what all of the unit's have in base.
func (l *loader) service(u *unit, base Service, directive string, c command, who account, e *env) Service {
	s := base
	s.Unknown, s.Notes = slices.Clone(base.Unknown), slices.Clone(base.Notes)
	s.Line, s.Directive, s.IgnoreFailure = printable(c.line.value), directive, c.ignoreFailure
	for _, d := range c.doubt {
		s.unknown(d)
	}
	for _, d := range c.notes {
		s.note(d)
	}
	s.Root = u.rootOf(&s)
	s.Cred = who.cred
	s.Cred.Groups = append(slices.Clone(who.cred.Groups), who.extra...)
	startOnly := u.flag(u.section(), "PermissionsStartOnly") && directive != "ExecStart" // deprecated, and still heard
	if c.privileged || c.keepUser || startOnly {
		s.Cred = root.Cred{Groups: who.ofUser()}
	}
	s.arguments(c, e, &l.arguments)
	s.Cwd = l.cwd(u, &s, who)
	l.program(u, &s, c)
	if !c.privileged {
		l.sandbox(u, &s)
	}
	return s
}

// rootOf is RootDirectory=; what replaces the tree by an image can't be told.
func (u *unit) rootOf(s *Service) string {
	section := u.section()
	startOnly := u.flag(section, "RootDirectoryStartOnly") && s.Directive != "ExecStart"
	for _, key := range []string{"RootImage", "RootMStack"} {
		if v := u.last(section, key); v != "" {
			s.unknown(key + "=" + v + ": the service's files are in an image")
		}
	}
	for _, key := range []string{"MountImages", "ExtensionImages", "ExtensionDirectories"} {
		if v := u.all(section, key); len(v) > 0 {
			s.unknown(key + "=" + v[0] + " adds files that are in an image")
		}
	}
	dir := u.rootDirectory(s)
	if startOnly {
		return ""
	}
	return dir
}

// rootDirectory is RootDirectory=; "" is the tree itself.
func (u *unit) rootDirectory(s *Service) string {
	dir := strings.TrimPrefix(u.expandedLast(u.section(), "RootDirectory", s.unknown), "-")
	dir, ok := configPath(dir)
	if !ok || dir == "/" {
		return ""
	}
	return dir
}

// stat is what lies at a path of the service. Where its own root has absolute
// links they would lead out of it here, so doubt says that it can't be told.
func (l *loader) stat(s *Service, p string) (info root.Info, err error, doubt bool) {
	info, err = l.tree.Stat(s.Root+p, root.Superuser)
	if s.Root == "" {
		return info, err, false
	}
	top, topErr := l.tree.Stat(s.Root, root.Superuser)
	return info, err, topErr != nil || err != nil || !below(info.Path, top.Path)
}

// cwd is WorkingDirectory=.
func (l *loader) cwd(u *unit, s *Service, who account) string {
	section := u.section()
	dir, optional := strings.CutPrefix(u.expandedLast(section, "WorkingDirectory", s.unknown), "-")
	switch {
	case dir == "~":
		dir = who.wdHome
	case dir == "":
		dir = "/"
	}
	dir, ok := configPath(dir)
	if !ok {
		s.unknown("WorkingDirectory=" + u.last(section, "WorkingDirectory"))
		return "/"
	}
	if s.Root == "" { // with RootDirectoryStartOnly= it counts from there all the same
		dir = simplify(u.rootDirectory(s) + dir)
	}
	info, err, doubt := l.stat(s, dir)
	if err == nil && info.IsDir() || u.makes(dir) {
		return dir
	}
	if !optional || doubt {
		s.unknown("WorkingDirectory=" + dir + " is no directory of the tree; without it systemd does not start the program")
		return dir
	}
	return "/"
}

// makes says whether systemd makes the directory before the start.
func (u *unit) makes(dir string) bool {
	for _, k := range dirKinds {
		for _, d := range u.list(u.section(), k.key, nil) {
			d, _, _ = strings.Cut(d, ":")
			if full := k.base + "/" + simplify(d); full == dir || strings.HasPrefix(full, dir+"/") {
				return true
			}
		}
	}
	return false
}

// program settles the program's place. A plain name is looked up as root in
// the service's root (find_executable_full).
func (l *loader) program(u *unit, s *Service, c command) {
	switch {
	case len(c.doubt) > 0:
		return
	case c.viaShell:
		s.unknown("| has the user's login shell run the line, since systemd 258; earlier ones refuse it")
		return
	case path.IsAbs(c.path):
		s.Program = c.path
		return
	}
	dirs := u.execSearchPath(s)
	if len(dirs) == 0 {
		dirs = strings.Split(defaultPath, ":")
	}
	for _, d := range dirs {
		p := path.Join(d, c.path)
		info, err, doubt := l.stat(s, p)
		if doubt && (err == nil || !errors.Is(err, root.ENOENT)) {
			s.unknown("links of " + s.Root + " lead out of it: which " + c.path + " it is can't be told")
			return
		}
		if err == nil && info.Regular() && info.Executable(root.Superuser) {
			s.Program = p
			return
		}
	}
	s.unknown(c.path + " is in none of " + strings.Join(dirs, ":") + " of the tree")
}

// arguments replaces variables (systemd.service(5), COMMAND LINES;
// replace_env_argv in src/basic/env-util.c).
// kept counts the bytes of all services' arguments.
func (s *Service) arguments(c command, e *env, kept *int) {
	var argv []string
	total := 0
	for _, word := range c.argv {
		next := []string{word}
		if !c.noVariables {
			next = e.replace(word)
		}
		for _, w := range next {
			total += len(w) + 1
			*kept += len(w) + 1
			if total > maxArgBytes || *kept > maxKept {
				s.unknown("its arguments are longer than the kernel takes, or than is kept")
				return
			}
			argv = append(argv, w)
		}
	}
	if len(argv) == 0 {
		s.unknown("no argument is left when variables are replaced, not even its name")
		return
	}
	s.Argv0, s.Args = argv[0], argv[1:]
}

// replace gives what a word of a command line becomes. A variable that is a
// word by itself is split at blanks, and nothing if it is not set.
func (e *env) replace(word string) []string {
	if word != "" && word[0] == '$' && !strings.HasPrefix(word, "${") && !strings.HasPrefix(word, "$$") {
		words, _ := wordRule{quotes: true, lenient: true}.words(e.values[word[1:]])
		return words
	}
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] != '$' || i+1 == len(word) {
			b.WriteByte(word[i])
			continue
		}
		switch end := strings.IndexAny(word[i:], "}:"); {
		case word[i+1] == '$':
			b.WriteByte('$')
			i++
		case word[i+1] == '{' && end > 0 && word[i+end] == '}':
			b.WriteString(e.values[word[i+2:i+end]])
			i += end
		default:
			b.WriteByte('$')
		}
		if b.Len() > maxArgBytes {
			break
		}
	}
	return []string{b.String()}
}
