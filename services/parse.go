package services

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// setting is one assignment of a unit file.
type setting struct {
	section, key, value string
	file                string
	line                int
}

// parseUnit reads the assignments of a unit file (config_parse in
// src/shared/conf-parser.c; systemd.syntax(7)). An error is what makes systemd
// refuse the file; warn hears of lines that it passes over.
func parseUnit(file string, data []byte, warn func(line int, text string)) ([]setting, error) {
	var settings []setting
	section := ""
	var pending strings.Builder
	start, continued := 0, false
	text := strings.TrimPrefix(string(data), "\ufeff")
	for n := 1; text != ""; n++ {
		var line string
		line, text = cutLine(text)
		bare := strings.TrimLeft(line, whitespace)
		if bare != "" && (bare[0] == '#' || bare[0] == ';') {
			continue // within a continued line too
		}
		if !continued {
			start = n
		}
		if oddBackslash(line) {
			pending.WriteString(line[:len(line)-1] + " ")
			continued = true
			continue
		}
		pending.WriteString(line)
		s, err := parseLine(pending.String(), &section)
		pending.Reset()
		continued = false
		if err != nil {
			if err.fatal {
				return settings, fmt.Errorf("line %d: %s", start, err.text)
			}
			warn(start, err.text)
		} else if s.key != "" {
			s.file, s.line = file, start
			settings = append(settings, s)
		}
	}
	if continued {
		if s, err := parseLine(pending.String(), &section); err == nil && s.key != "" {
			s.file, s.line = file, start
			settings = append(settings, s)
		}
	}
	return settings, nil
}

// whitespace as systemd has it.
const whitespace = " \t\n\r"

// cutLine takes a line off. NUL, newline and carriage return end one; several
// different ones in a row are one end (read_line_full).
func cutLine(s string) (line, rest string) {
	end := strings.IndexAny(s, "\n\r\x00")
	if end < 0 {
		return s, ""
	}
	next := end + 1
	for next < len(s) && strings.IndexByte("\n\r\x00", s[next]) >= 0 && strings.IndexByte(s[end:next], s[next]) < 0 {
		next++
	}
	return s[:end], s[next:]
}

// oddBackslash says whether the line ends in a backslash that nothing escapes.
func oddBackslash(line string) bool {
	return (len(line)-len(strings.TrimRight(line, "\\")))%2 == 1
}

type lineError struct {
	text  string
	fatal bool
}

// parseLine reads one line, whose continuations are joined to it.
func parseLine(line string, section *string) (setting, *lineError) {
	line = strings.Trim(line, whitespace)
	switch {
	case line == "":
		return setting{}, nil
	case !utf8.ValidString(line):
		return setting{}, &lineError{text: "not UTF-8; systemd ignores the line"}
	case line[0] == '[':
		if line[len(line)-1] != ']' {
			return setting{}, &lineError{text: "a section header without its end", fatal: true}
		}
		*section = line[1 : len(line)-1]
		return setting{}, nil
	case *section == "":
		return setting{}, &lineError{text: "an assignment before the first section; systemd ignores it"}
	}
	key, value, ok := strings.Cut(line, "=")
	if !ok {
		return setting{}, &lineError{text: "no = in the line; systemd ignores it"}
	}
	key = strings.Trim(key, whitespace)
	if key == "" {
		return setting{}, &lineError{text: "no name before =; systemd ignores the line"}
	}
	return setting{section: *section, key: key, value: strings.Trim(value, whitespace)}, nil
}

// parseBool reads a boolean as systemd does.
func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "1", "yes", "y", "true", "t", "on":
		return true, true
	case "0", "no", "n", "false", "f", "off":
		return false, true
	}
	return false, false
}
