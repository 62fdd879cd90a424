package ociimage

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// fields are what a word of a command becomes. What is only known while the
// script runs is one field that is not known, with its text.
func (s *script) fields(w *syntax.Word) []word {
	if allArgs(w) && s.args != nil {
		return s.args[1:]
	}
	text, ok := s.join(w.Parts, false)
	if !ok {
		return []word{{source(w), false}}
	}
	return []word{{text, true}}
}

// value is what a word becomes in an assignment, where nothing is split.
func (s *script) value(w *syntax.Word) word {
	if w == nil {
		return word{"", true}
	}
	text, ok := s.join(w.Parts, true)
	if !ok {
		return word{source(w), false}
	}
	return word{text, true}
}

// allArgs: "$@", which is all arguments as they are.
func allArgs(w *syntax.Word) bool {
	if len(w.Parts) != 1 {
		return false
	}
	q, ok := w.Parts[0].(*syntax.DblQuoted)
	if !ok || q.Dollar || len(q.Parts) != 1 {
		return false
	}
	p, ok := q.Parts[0].(*syntax.ParamExp)
	return ok && simple(p) && p.Param.Value == "@"
}

func source(w *syntax.Word) string {
	var b strings.Builder
	if err := syntax.NewPrinter().Print(&b, w); err != nil {
		return "?"
	}
	return b.String()
}

// join puts the parts of a word together. whole: nothing in it is split or
// matched against files' names.
func (s *script) join(parts []syntax.WordPart, whole bool) (string, bool) {
	var b strings.Builder
	for i, part := range parts {
		text, ok := "", false
		switch p := part.(type) {
		case *syntax.Lit:
			text, ok = literal(p.Value, i == 0)
		case *syntax.SglQuoted:
			text, ok = p.Value, !p.Dollar
		case *syntax.DblQuoted:
			text, ok = s.quoted(p)
		case *syntax.ParamExp:
			text, ok = s.param(p)
			ok = ok && (whole || text != "" && !strings.ContainsAny(text, " \t\n*?[\\"))
		}
		if !ok {
			return "", false
		}
		b.WriteString(text)
	}
	return b.String(), true
}

func (s *script) quoted(q *syntax.DblQuoted) (string, bool) {
	if q.Dollar {
		return "", false
	}
	var b strings.Builder
	for _, part := range q.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(unescape(p.Value, "$`\"\\"))
		case *syntax.ParamExp:
			text, ok := s.param(p)
			if !ok {
				return "", false
			}
			b.WriteString(text)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// literal is unquoted text: without what a shell would expand.
func literal(text string, first bool) (string, bool) {
	if first && strings.HasPrefix(text, "~") || strings.Contains(text, ":~") || strings.Contains(text, "=~") || strings.ContainsAny(text, "*?[{}") {
		return "", false
	}
	return unescape(text, ""), true
}

// unescape takes backslashes away: before any character, or only before those
// in special. A backslash at a line's end joins the lines.
func unescape(text, special string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (special == "" || text[i+1] == '\n' || strings.IndexByte(special, text[i+1]) >= 0) {
			if i++; text[i] == '\n' {
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// simple is $NAME or ${NAME}.
func simple(p *syntax.ParamExp) bool {
	return p.Param != nil && p.Flags == nil && !p.Excl && !p.Length && !p.Width && p.NestedParam == nil && p.Index == nil && p.Slice == nil && p.Repl == nil && p.Names == 0 && p.Exp == nil && len(p.Modifiers) == 0
}

// param is the value of a variable, as the image sets it. One that is not set
// may be meant to be given to the container: it is not known.
func (s *script) param(p *syntax.ParamExp) (string, bool) {
	if !simple(p) {
		return "", false
	}
	name := p.Param.Value
	if n, err := strconv.Atoi(name); err == nil {
		if n < 0 || n >= len(s.args) {
			return "", false
		}
		return s.args[n].text, s.args[n].known
	}
	if v, ok := s.vars[name]; ok {
		return v.text, v.known
	}
	return s.around.get(name)
}
