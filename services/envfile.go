package services

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// envFileReader reads a file of assignments, byte by byte as systemd does
// (parse_env_file_internal in src/basic/env-file.c; systemd.exec(5),
// EnvironmentFile=).
type envFileReader struct {
	text string
	at   int
	out  []string
}

// parseEnvFile gives the assignments of a file, valid or not.
func parseEnvFile(data []byte) ([]string, error) {
	text, _, _ := strings.Cut(string(data), "\x00") // systemd reads a C string
	if len(text) < len(data) {
		return nil, fmt.Errorf("there is a NUL in it")
	}
	r := &envFileReader{text: text}
	for r.at < len(r.text) {
		c := r.text[r.at]
		switch {
		case strings.IndexByte(whitespace, c) >= 0:
			r.at++
		case c == '#' || c == ';':
			r.comment()
		default:
			r.assignment()
		}
	}
	for _, kv := range r.out {
		if !utf8.ValidString(kv) {
			return nil, fmt.Errorf("not UTF-8")
		}
	}
	return r.out, nil
}

// comment ends with the line; before systemd 254 a backslash at the line's
// end continued it.
func (r *envFileReader) comment() {
	for r.at < len(r.text) && r.text[r.at] != '\n' && r.text[r.at] != '\r' {
		if r.text[r.at] == '\\' {
			r.at++
		}
		r.at++
	}
}

// assignment reads from a name to the end of its value. A line without = is
// nothing.
func (r *envFileReader) assignment() {
	end := strings.IndexAny(r.text[r.at:], "=\n\r")
	if end < 0 {
		r.at = len(r.text)
		return
	}
	name := strings.TrimRight(r.text[r.at:r.at+end], whitespace)
	found := r.text[r.at+end] == '='
	r.at += end + 1
	if found {
		r.out = append(r.out, name+"="+r.value())
	}
}

// value reads parts in quotes and without: blanks before and behind a part
// that is not in quotes don't count.
func (r *envFileReader) value() string {
	var b strings.Builder
	for r.at < len(r.text) {
		c := r.text[r.at]
		switch {
		case c == '\n' || c == '\r':
			r.at++
			return b.String()
		case c == '\'':
			r.at++
			r.single(&b)
		case c == '"':
			r.at++
			r.double(&b)
		case strings.IndexByte(whitespace, c) >= 0:
			r.at++
		default:
			r.bare(&b)
			return b.String()
		}
	}
	return b.String()
}

func (r *envFileReader) single(b *strings.Builder) {
	part, rest, _ := strings.Cut(r.text[r.at:], "'")
	b.WriteString(part)
	r.at = len(r.text) - len(rest)
}

// double: within double quotes a backslash escapes what a shell's does, and
// joins lines.
func (r *envFileReader) double(b *strings.Builder) {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case '"':
			r.at++
			return
		case '\\':
			if r.at++; r.at == len(r.text) {
				return
			}
			if e := r.text[r.at]; strings.IndexByte("\"\\`$", e) >= 0 {
				b.WriteByte(e)
			} else if e != '\n' {
				b.WriteByte('\\')
				b.WriteByte(e)
			}
		default:
			b.WriteByte(c)
		}
	}
}

// bare reads to the end of the line. Quotes mean nothing any more; a backslash
// keeps the next byte, and joins lines.
func (r *envFileReader) bare(b *strings.Builder) {
	keep := b.Len() // as far as blanks at the end count
	for ; r.at < len(r.text); r.at++ {
		c := r.text[r.at]
		if c == '\n' || c == '\r' {
			r.at++
			break
		}
		if c == '\\' {
			if r.at++; r.at == len(r.text) {
				break
			}
			if c = r.text[r.at]; c != '\n' && c != '\r' {
				b.WriteByte(c)
			}
			keep = b.Len()
			continue
		}
		b.WriteByte(c)
		if strings.IndexByte(whitespace, c) < 0 {
			keep = b.Len()
		}
	}
	s := b.String()
	b.Reset()
	b.WriteString(s[:keep])
}
