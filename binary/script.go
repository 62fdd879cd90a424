package binary

import (
	"bytes"
	"strings"
)

// readScript notes the first line of a file that begins with #!.
func readScript(head []byte, size int64, f *Facts) {
	s := &Script{Head: bytes.Clone(head[:min(len(head), headSize)])}
	line := head[2:]
	end := bytes.IndexByte(line, '\n')
	if end < 0 {
		end = len(line)
		s.NoEOL = int64(len(head)) == size
	}
	s.Line, s.Length = string(line[:end]), end+2
	f.Script = s
	f.Describe = "script"
	if interp, _, _, ok := s.Interpreter(headSize); ok {
		f.Describe = "script for " + strings.TrimRight(interp, "\r")
	}
}

// Interpreter splits the #! line as Linux does (fs/binfmt_script.c), which
// reads buf bytes of the file: 256 since Linux 5.1, 128 before. ok is false
// where the kernel answers ENOEXEC.
func (s *Script) Interpreter(buf int) (interp, arg string, hasArg, ok bool) {
	b := make([]byte, buf) // the kernel fills what the file lacks with zeros
	copy(b, s.Head)
	if buf < 256 {
		return interpreterOld(b)
	}
	last := buf - 1
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		start := skipBlanks(b, 2, last)
		if start < 0 {
			return "", "", false, false // nothing but blanks
		}
		// Without a blank or NUL behind it, the name may be cut off.
		if terminator(b, start, last) < 0 {
			return "", "", false, false
		}
		end = last
	}
	for end > 2 && blank(b[end-1]) {
		end--
	}
	name := skipBlanks(b, 2, end)
	if name < 0 || name >= end || b[name] == 0 {
		return "", "", false, false
	}
	sep := terminator(b, name, end)
	if sep < 0 {
		return string(b[name:end]), "", false, true
	}
	interp = string(b[name:sep])
	if b[sep] == 0 {
		return interp, "", false, true
	}
	if at := skipBlanks(b, sep, end); at >= 0 && at < end {
		arg, _, _ = strings.Cut(string(b[at:end]), "\x00")
		return interp, arg, true, true
	}
	return interp, "", false, true
}

// interpreterOld is the rule of Linux before 5.1: a line that is too long is
// cut off and no one is told.
func interpreterOld(b []byte) (interp, arg string, hasArg, ok bool) {
	b = b[:len(b)-1]
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i]
	}
	line, _, _ := strings.Cut(string(b[2:]), "\x00")
	line = strings.Trim(line, " \t")
	if line == "" {
		return "", "", false, false
	}
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return line, "", false, true
	}
	return line[:i], strings.TrimLeft(line[i:], " \t"), true, true
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// skipBlanks is next_non_spacetab: the first other byte in [from, to], or -1.
func skipBlanks(b []byte, from, to int) int {
	for i := from; i <= to && i < len(b); i++ {
		if !blank(b[i]) {
			return i
		}
	}
	return -1
}

// terminator is next_terminator: the first blank or NUL in [from, to], or -1.
func terminator(b []byte, from, to int) int {
	for i := from; i <= to && i < len(b); i++ {
		if blank(b[i]) || b[i] == 0 {
			return i
		}
	}
	return -1
}

// EnvCommand is the program that /usr/bin/env starts when a #! line gives it
// that one argument. Without -S the whole argument is one name, blanks and
// all. ok is false where env would do something else than start a program, or
// where what it does can't be told.
func EnvCommand(arg string) (name string, ok bool) {
	words := []string{arg}
	for _, split := range []string{"-S", "--split-string=", "-vS", "--split-string "} {
		if rest, is := strings.CutPrefix(arg, split); is {
			if strings.ContainsAny(rest, "\"'\\$#") {
				return "", false
			}
			words = strings.Fields(rest)
			break
		}
	}
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "-i" || w == "-" || w == "--ignore-environment" || w == "-v" || w == "--debug" || w == "--":
		case strings.HasPrefix(w, "-"):
			return "", false // an option that takes a value, or ends env
		case strings.Contains(w, "=") && !strings.HasPrefix(w, "="):
		default:
			return w, true
		}
	}
	return "", false
}
