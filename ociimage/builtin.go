package ociimage

import (
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/willrun/willrun/root"
)

// builtin follows the shell's own commands; any other name is a program's.
func (s *script) builtin(at syntax.Node, argv []word, c around) bool {
	args := argv[1:]
	switch argv[0].text {
	case "exec":
		switch {
		case len(args) == 0:
			return true // only redirections
		case !args[0].known || strings.HasPrefix(args[0].text, "-"):
			return s.giveUp(at, "exec %s is not followed", args[0].text)
		}
		s.external(args, c)
		return false
	case "command":
		if len(args) == 0 || !args[0].known || strings.HasPrefix(args[0].text, "-") || args[0].text == "exec" || args[0].text == "command" {
			return s.giveUp(at, "it is not followed")
		}
		return s.builtin(at, args, c)
	case "exit", "return":
		return false
	case "cd":
		return s.cd(at, args)
	case "export":
		return s.export(at, args)
	case "set":
		return s.set(at, args)
	case "shift":
		if len(args) > 0 || len(s.args) < 2 {
			return s.giveUp(at, "shift is not followed")
		}
		s.args = append([]word{s.args[0]}, s.args[2:]...)
		return true
	case ":", "true", "echo", "printf", "umask", "trap", "wait", "pwd", "times", "ulimit":
		return true
	case ".", "source", "eval", "alias", "unalias", "unset", "readonly", "read", "getopts", "local", "break", "continue", "hash", "enable", "builtin", "shopt", "let", "declare", "typeset",
		"false", "test", "[", "pushd", "popd", "mapfile", "readarray", "type", "jobs", "fg", "bg", "kill", "disown", "logout", "suspend", "fc", "bind", "caller", "compgen", "complete", "compopt", "dirs", "help", "history":
		return s.giveUp(at, "%s is not followed", argv[0].text)
	}
	return s.external(argv, c)
}

func (s *script) cd(at syntax.Node, args []word) bool {
	if len(args) != 1 || !args[0].known || args[0].text == "" || strings.HasPrefix(args[0].text, "-") {
		return s.giveUp(at, "where cd leads is only known while it runs")
	}
	if v, ok := s.around.get("CDPATH"); ok && v != "" {
		return s.giveUp(at, "where cd leads depends on CDPATH")
	}
	to := path.Clean(s.around.join(args[0].text)) // shells clean it as text
	info, err := s.tree.Stat(to, root.Superuser)
	if err != nil || !info.IsDir() {
		return s.giveUp(at, "cd to %s: it is no directory of the image", to)
	}
	s.around.dir = to
	return true
}

// export takes NAME and NAME=VALUE.
func (s *script) export(at syntax.Node, args []word) bool {
	for _, a := range args {
		name, value, assigns := strings.Cut(a.text, "=")
		if !assigns {
			v, ok := s.vars[name]
			if !ok {
				continue
			}
			a.known, value = v.known && a.known, v.text
		}
		if strings.HasPrefix(name, "-") {
			return s.giveUp(at, "export %s is not followed", name)
		}
		if !s.put(at, &s.around, name, word{value, a.known}) {
			return false
		}
	}
	return true
}

// set changes options, or the positional arguments.
func (s *script) set(at syntax.Node, args []word) bool {
	for i, a := range args {
		switch {
		case !a.known:
			return s.giveUp(at, "set %s is only known while it runs", a.text)
		case a.text == "--":
			s.args = append(s.args[:1:1], args[i+1:]...)
			return true
		case a.text == "-o" || a.text == "+o":
			if i+1 < len(args) && strings.Contains("errexit nounset pipefail xtrace noclobber monitor notify verbose", args[i+1].text) {
				continue
			}
			return s.giveUp(at, "set is not followed")
		case i > 0 && (args[i-1].text == "-o" || strings.HasSuffix(args[i-1].text, "o")):
		case len(a.text) < 2 || !strings.ContainsAny(a.text[:1], "-+") || strings.Trim(a.text[1:], "euxovbCmhE") != "":
			return s.giveUp(at, "set %s is not followed", a.text)
		}
	}
	return true
}

func (s *script) declare(d *syntax.DeclClause) bool {
	if d.Variant.Value != "export" {
		return s.giveUp(d, "%s is not followed", d.Variant.Value)
	}
	var args []word
	for _, a := range d.Args {
		if a.Name == nil || a.Index != nil || a.Array != nil || a.Append {
			return s.giveUp(d, "export is not followed")
		}
		w := word{a.Name.Value, true}
		if !a.Naked {
			v := s.value(a.Value)
			w = word{w.text + "=" + v.text, v.known}
		}
		args = append(args, w)
	}
	return s.export(d, args)
}

// assign sets variables: for one command, or for the shell.
func (s *script) assign(assigns []*syntax.Assign, c *around, exported bool) bool {
	for _, a := range assigns {
		if a.Index != nil || a.Array != nil || a.Append || a.Naked {
			return s.giveUp(a, "an assignment is not followed")
		}
		v := s.value(a.Value)
		if _, inherited := c.get(a.Name.Value); exported || inherited {
			if !s.put(a, c, a.Name.Value, v) {
				return false
			}
			continue
		}
		s.vars[a.Name.Value] = v
	}
	return true
}

// put exports a variable. One whose value is not known is left out, if it
// plays no part in how programs start.
func (s *script) put(at syntax.Node, c *around, name string, v word) bool {
	if !v.known && matters(name) {
		return s.giveUp(at, "the value of %s is only known while it runs", name)
	}
	s.vars[name] = v
	c.unset(name)
	if v.known {
		c.set(name, v.text)
	}
	return true
}
