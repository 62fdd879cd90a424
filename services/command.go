package services

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// command is one command line of a unit, with its specifiers replaced.
type command struct {
	line  setting
	path  string // absolute, or a name that is looked up
	argv  []string
	doubt []string // specifiers that can't be told, in the path
	notes []string // those in arguments

	ignoreFailure, noVariables, privileged, keepUser, viaShell bool
}

// ignorable is an error that a "-" before the program turns into a warning.
type ignorable struct {
	err    error
	ignore bool
}

func (e *ignorable) Error() string { return e.err.Error() }
func (e *ignorable) Unwrap() error { return e.err }

// maxWords bounds the words of one line: the kernel takes 2 MB of them.
const maxWords = 100_000

// parseCommands reads an Exec line (config_parse_exec in
// src/core/load-fragment.c; systemd.service(5), COMMAND LINES). A line may
// hold several commands; those before an error count.
func (u *unit) parseCommands(s setting) (all []command, err error) {
	line := strings.TrimLeft(s.value, whitespace)
	for line != "" {
		word, rest, ok, err := warnWord(line)
		if err != nil || !ok {
			return all, nil // systemd passes over a line whose first word it can't read
		}
		line = rest
		if word == ";" {
			continue
		}
		c := command{line: s}
		argv0 := c.prefixes(&word)
		if c.path, err = u.executable(&c, word); err != nil {
			return all, &ignorable{err, c.ignoreFailure}
		}
		if !argv0 {
			c.argv = []string{c.path}
		}
		c.path = simplify(c.path)
		more := false
		if line, more, err = u.arguments(&c, line); err != nil {
			return all, &ignorable{err, c.ignoreFailure}
		}
		if len(c.argv) == 0 || c.argv[0] == "" {
			return all, &ignorable{errors.New("no name for the program to be called by"), c.ignoreFailure}
		}
		all = append(all, c)
		if !more || len(all) > maxCommands {
			break
		}
	}
	return all, nil
}

// prefixes takes the special characters off the program. argv0 says that the
// next word is the program's name to itself.
func (c *command) prefixes(word *string) (argv0 bool) {
	w := *word
	ambient := false // "!!" sets the user all the same, where the kernel is newer than 4.3
	for ; w != ""; w = w[1:] {
		switch {
		case w[0] == '-' && !c.ignoreFailure:
			c.ignoreFailure = true
		case w[0] == '@' && !argv0:
			argv0 = true
		case w[0] == ':' && !c.noVariables: // since systemd 244
			c.noVariables = true
		case w[0] == '|' && !c.viaShell: // since systemd 258; refused before
			c.viaShell = true
		case w[0] == '+' && !c.privileged && !c.keepUser && !ambient:
			c.privileged = true
		case w[0] == '!' && c.keepUser:
			c.keepUser, ambient = false, true
		case w[0] == '!' && !c.privileged && !ambient:
			c.keepUser = true
		default:
			*word = w
			return argv0
		}
	}
	*word = ""
	return argv0
}

// executable is the program of a command as it is written: absolute, or a
// plain name (since systemd 239).
func (u *unit) executable(c *command, word string) (string, error) {
	p, doubt, err := u.expand(word)
	c.doubt = doubt
	switch {
	case err != nil:
		return "", err
	case p == "":
		return "", errors.New("no program in the command line")
	case strings.IndexFunc(p, func(r rune) bool { return r < ' ' || strings.ContainsRune("\\\"'\x7f", r) }) >= 0:
		return "", fmt.Errorf("the program's path has special characters: %q", p)
	case strings.HasSuffix(p, "/"):
		return "", fmt.Errorf("the program is a directory: %s", p)
	case !validPath(p) || p[0] != '/' && (strings.Contains(p, "/") || p == "." || p == ".."):
		return "", fmt.Errorf("neither a program's name nor an absolute path: %s", p)
	}
	return p, nil
}

// arguments reads the words behind the program, up to a lone semicolon; more
// says that a command follows it.
func (u *unit) arguments(c *command, line string) (rest string, more bool, err error) {
	for line != "" {
		if len(c.argv) >= maxWords {
			return "", false, errMany
		}
		if r, ok := lone(line, ";"); ok {
			return r, true, nil
		}
		if r, ok := lone(line, `\;`); ok {
			c.argv = append(c.argv, ";")
			line = r
			continue
		}
		word, r, ok, err := warnWord(line)
		if err != nil {
			return "", false, err
		}
		if !ok {
			break
		}
		line = r
		text, doubt, err := u.expand(word)
		if err != nil {
			return "", false, err
		}
		c.argv = append(c.argv, text)
		if len(c.notes) < maxTold {
			c.notes = append(c.notes, doubt...)
		}
	}
	return "", false, nil
}

// lone takes token off the line where it stands alone.
func lone(line, token string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(line, token)
	if !ok || rest != "" && strings.IndexByte(whitespace, rest[0]) < 0 {
		return line, false
	}
	return strings.TrimLeft(rest, whitespace), true
}

// validPath is path_is_valid: within the kernel's limits.
func validPath(p string) bool {
	if p == "" || len(p) > 4095 {
		return false
	}
	return !slices.ContainsFunc(strings.Split(p, "/"), func(part string) bool { return len(part) > 255 })
}

// configPath is a path as settings take it: absolute, and without ".."
// (path_simplify_and_warn).
func configPath(p string) (string, bool) {
	if !path.IsAbs(p) || !validPath(p) || slices.Contains(strings.Split(p, "/"), "..") {
		return "", false
	}
	return simplify(p), true
}

// simplify takes empty parts and dots out of a path; ".." stays
// (path_simplify).
func simplify(p string) string {
	parts := slices.DeleteFunc(strings.Split(p, "/"), func(s string) bool { return s == "" || s == "." })
	text := strings.Join(parts, "/")
	if path.IsAbs(p) {
		return "/" + text
	}
	return text
}
