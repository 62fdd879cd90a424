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
	if interp, _, _, _ := s.Interpreter(headSize); interp != "" {
		f.Describe = "script for " + strings.TrimRight(interp, "\r")
	}
}

// Interpreter splits the #! line as Linux does (fs/binfmt_script.c), which
// reads buf bytes of the file: 256 since Linux 5.1, 128 before. ok is false
// where the kernel answers ENOEXEC. A line without a name that no newline ends
// names "" on new kernels: they open the current directory for it, and answer
// EACCES.
func (s *Script) Interpreter(buf int) (interp, arg string, hasArg, ok bool) {
	b := make([]byte, max(buf, 3)) // the kernel fills what the file lacks with zeros
	if copy(b, s.Head) < 2 {
		return "", "", false, false
	}
	if buf < 256 {
		return interpreterOld(b)
	}
	last := len(b) - 1
	end := lineEnd(b)
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
	if name < 0 || name >= end {
		return "", "", false, false
	}
	sep := terminator(b, name, end)
	if sep < 0 || sep == end {
		return string(b[name:end]), "", false, true
	}
	interp = string(b[name:sep])
	if b[sep] == 0 {
		return interp, "", false, true
	}
	// Blanks before a NUL or the end of the file are followed by an argument
	// that is empty.
	if at := skipBlanks(b, sep, end); at >= 0 {
		arg, _, _ = strings.Cut(string(b[at:end]), "\x00")
		return interp, arg, true, true
	}
	return interp, "", false, true
}

// interpreterOld is the rule of Linux before 5.1: a line that is too long is
// cut off and no one is told.
func interpreterOld(b []byte) (interp, arg string, hasArg, ok bool) {
	b[len(b)-1] = 0
	end := lineEnd(b)
	if end < 0 {
		end = len(b) - 1
	}
	for end > 2 && blank(b[end-1]) {
		end--
	}
	line, _, _ := strings.Cut(string(b[2:end]), "\x00")
	line = strings.TrimLeft(line, " \t")
	if line == "" {
		return "", "", false, false
	}
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return line, "", false, true
	}
	arg = strings.TrimLeft(line[i:], " \t")
	return line[:i], arg, arg != "", true
}

// lineEnd is where the newline stands, or -1 where a NUL comes first
// (strnchr, strchr).
func lineEnd(b []byte) int {
	if i := bytes.IndexAny(b, "\n\x00"); i >= 0 && b[i] == '\n' {
		return i
	}
	return -1
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
