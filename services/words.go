package services

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// wordRule says how words are taken off a line (extract_first_word in
// src/basic/extract-word.c).
type wordRule struct {
	quotes    bool // quotes hold a word together, and are removed
	cEscapes  bool // a backslash begins an escape of C; else it keeps the next byte as it is
	keepWrong bool // an escape that is none stays as it is written
	lenient   bool // an open quote ends with the line
	verbatim  bool // a backslash is like any other byte
	separator string
}

var errQuotes = errors.New("unbalanced quotes, or an escape that is none")

// word takes the first word off a line. ok is false where there is none.
func (r wordRule) word(line string) (word, rest string, ok bool, err error) {
	sep := r.separator
	if sep == "" {
		sep = whitespace
	}
	i := 0
	for i < len(line) && strings.IndexByte(sep, line[i]) >= 0 {
		i++
	}
	if i == len(line) {
		return "", "", false, nil
	}
	var b strings.Builder
	quote := byte(0)
	for ; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && !r.verbatim:
			if i++; i == len(line) {
				return r.openEscape(b.String(), quote)
			}
			n, err := r.escape(&b, line[i:])
			if err != nil {
				return "", "", false, err
			}
			i += n - 1
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case r.quotes && (c == '\'' || c == '"'):
			quote = c
		case strings.IndexByte(sep, c) >= 0:
			return b.String(), strings.TrimLeft(line[i:], sep), true, nil
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 && !r.lenient {
		return "", "", false, errQuotes
	}
	return b.String(), "", true, nil
}

// openEscape ends a line in whose end a backslash stands.
func (r wordRule) openEscape(word string, quote byte) (string, string, bool, error) {
	switch {
	case r.keepWrong && (quote == 0 || r.lenient):
		return word + `\`, "", true, nil
	case r.lenient:
		return word, "", true, nil
	}
	return "", "", false, errQuotes
}

// escape writes what stands behind a backslash, and gives its length.
func (r wordRule) escape(b *strings.Builder, s string) (int, error) {
	if !r.cEscapes {
		b.WriteByte(s[0])
		return 1, nil
	}
	text, n, ok := cEscape(s)
	if ok {
		b.WriteString(text)
		return n, nil
	}
	if !r.keepWrong {
		return 0, errQuotes
	}
	b.WriteByte('\\')
	b.WriteByte(s[0])
	return 1, nil
}

var simpleEscapes = map[byte]string{
	'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '\\': "\\", '"': "\"", '\'': "'", 's': " ",
}

// cEscape reads an escape behind its backslash (cunescape_one in
// src/basic/escape.c): C's, and \s for a blank.
func cEscape(s string) (text string, n int, ok bool) {
	if t, ok := simpleEscapes[s[0]]; ok {
		return t, 1, true
	}
	number := func(from, n, base int) (uint64, bool) {
		if len(s) < from+n || strings.ContainsAny(s[from:from+n], "+-_") {
			return 0, false
		}
		v, err := strconv.ParseUint(s[from:from+n], base, 32)
		return v, err == nil && v != 0
	}
	switch {
	case s[0] == 'x':
		v, ok := number(1, 2, 16)
		return string([]byte{byte(v)}), 3, ok
	case s[0] == 'u':
		v, ok := number(1, 4, 16)
		return encode(v), 5, ok
	case s[0] == 'U':
		v, ok := number(1, 8, 16)
		return encode(v), 9, ok && v <= utf8.MaxRune && utf8.ValidRune(rune(v))
	case s[0] >= '0' && s[0] <= '7':
		v, ok := number(0, 3, 8)
		return string([]byte{byte(v)}), 3, ok && v <= 255
	}
	return "", 0, false
}

// encode writes a code point in UTF-8. \u takes surrogates too, which systemd
// encodes as if they were characters.
func encode(v uint64) string {
	if v >= 0xd800 && v < 0xe000 {
		return string([]byte{0xe0 | byte(v>>12), 0x80 | byte(v>>6&0x3f), 0x80 | byte(v&0x3f)})
	}
	return string(rune(v))
}

// warnWord takes a word as settings do: where an escape is none, it is kept as
// it is written.
func warnWord(line string) (word, rest string, ok bool, err error) {
	word, rest, ok, err = wordRule{quotes: true, cEscapes: true}.word(line)
	if err != nil {
		word, rest, ok, err = wordRule{quotes: true, cEscapes: true, keepWrong: true}.word(line)
	}
	return word, rest, ok, err
}

// words are all words of a line; those before an error are given too.
func (r wordRule) words(line string) (all []string, err error) {
	for line != "" {
		word, rest, ok, err := r.word(line)
		if err != nil || !ok {
			return all, err
		}
		all = append(all, word)
		line = rest
	}
	return all, nil
}
