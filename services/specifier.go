package services

import (
	"errors"
	"fmt"
	"strings"
)

// maxExpanded bounds a word with its specifiers replaced, maxGrown all words
// of a unit: the kernel takes 128 KB and 2 MB.
const (
	maxExpanded = 128 << 10
	maxGrown    = 4 << 20
)

// runtimeSpecifiers are known only to a running system, or differ from system
// to system.
var runtimeSpecifiers = map[byte]string{
	'a': "the machine's architecture", 'A': "the image's version", 'b': "the boot ID", 'B': "the build ID", 'c': "the control group",
	'd': "the directory of credentials", 'D': "the directory of shared data, since systemd 257", 'H': "the host's name", 'l': "the host's short name", 'm': "the machine ID",
	'M': "the image's ID", 'o': "the system's ID", 'q': "the host's pretty name", 'r': "the control group", 'R': "the control group",
	's': "the manager's shell", 'v': "the kernel's release", 'w': "the system's version", 'W': "the system's variant",
}

var errEscape = errors.New("an escape in the unit's name is none")

// expand replaces the specifiers of a word (systemd.unit(5), SPECIFIERS;
// src/core/unit-printf.c). One that can't be told stays as it is written, and
// is named in unknown.
func (u *unit) expand(word string) (text string, unknown []string, err error) {
	if strings.IndexByte(word, '%') < 0 {
		return word, nil, nil
	}
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] != '%' || i+1 == len(word) {
			b.WriteByte(word[i])
			continue
		}
		i++
		value, known, err := u.specifier(word[i])
		if err == nil && !known && u.untold(word[i]) == "" && isAlnum(word[i]) {
			err = errors.New("no specifier") // since systemd 249; before, it stayed as it is written
		}
		switch {
		case err != nil:
			return "", nil, fmt.Errorf("%%%c: %w", word[i], err)
		case known:
			b.WriteString(value)
		default:
			b.WriteByte('%')
			b.WriteByte(word[i])
			if what := u.untold(word[i]); what != "" && len(unknown) < 20 {
				unknown = append(unknown, fmt.Sprintf("%%%c in %s, %s", word[i], printable(word), what))
			}
		}
		if b.Len() > maxExpanded || u.grown > maxGrown {
			return "", nil, errors.New("too long with its specifiers replaced")
		}
	}
	u.grown += b.Len()
	return b.String(), unknown, nil
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// untold is what an unreplaced specifier stands for; "" where it is none.
func (u *unit) untold(c byte) string {
	if u.eitherName && strings.IndexByte("nNpPjJ", c) >= 0 {
		return "one of several names of the unit"
	}
	if u.id.isTemplate() && strings.IndexByte("iIfnN", c) >= 0 {
		return "the instance"
	}
	return runtimeSpecifiers[c]
}

// specifier is the value of one.
func (u *unit) specifier(c byte) (value string, known bool, err error) {
	n := u.id
	if u.untold(c) != "" {
		return "", false, nil
	}
	switch c {
	case '%':
		return "%", true, nil
	case 'n':
		return n.String(), true, nil
	case 'N':
		return strings.TrimSuffix(n.String(), "."+n.kind), true, nil
	case 'p':
		return n.prefix, true, nil
	case 'P':
		return orError(unescape(n.prefix))
	case 'j':
		return lastPart(n.prefix), true, nil
	case 'J':
		return orError(unescape(lastPart(n.prefix)))
	case 'i':
		return n.instance, true, nil
	case 'I':
		return orError(unescape(n.instance))
	case 'f':
		if n.at {
			return orError(unescapePath(n.instance))
		}
		return orError(unescapePath(n.prefix))
	case 'y':
		return u.file, true, nil
	case 'Y':
		return u.file[:max(0, strings.LastIndexByte(u.file, '/'))], true, nil
	}
	value, known = systemSpecifiers[c]
	return value, known, nil
}

// systemSpecifiers are the same for every unit of the system's manager, which
// is root's.
var systemSpecifiers = map[byte]string{
	't': "/run", 'S': "/var/lib", 'C': "/var/cache", 'L': "/var/log", 'E': "/etc", 'T': "/tmp", 'V': "/var/tmp",
	'h': "/root", 'u': "root", 'U': "0", 'g': "root", 'G': "0",
}

func orError(s string, ok bool) (string, bool, error) {
	if !ok {
		return "", false, errEscape
	}
	return s, true, nil
}

// lastPart is what follows the last dash.
func lastPart(prefix string) string { return prefix[strings.LastIndexByte(prefix, '-')+1:] }
