package project

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/willrun/willrun/diagnosis"
)

// Error is one thing that is wrong in a project file.
type Error struct {
	File string
	Line int // 0: the file as a whole
	Text string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
}

// maxErrors that are told at once.
const maxErrors = 10

// parser walks the nodes of a YAML document. Values are taken as they are
// written and not as YAML's types: kernel: 5.10 is no number, and
// user: 1000:1000 no time.
type parser struct {
	name string
	errs []error
}

// Parse reads the text of a project file; name is for its errors.
func Parse(name string, data []byte) (*File, error) {
	p := &parser{name: name}
	f := &File{Name: name}
	switch node := p.document(data); {
	case len(p.errs) > 0:
	case node == nil:
		p.fail(nil, "it is empty; its first line is to be 'version: 1'")
	default:
		p.file(node, f)
	}
	if len(p.errs) > maxErrors {
		more := len(p.errs) - maxErrors
		p.errs = append(p.errs[:maxErrors:maxErrors], &Error{File: name, Text: fmt.Sprintf("and %d more", more)})
	}
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	return f, nil
}

func (p *parser) fail(n *yaml.Node, format string, args ...any) {
	e := &Error{File: p.name, Text: fmt.Sprintf(format, args...)}
	if n != nil {
		e.Line = n.Line
	}
	p.errs = append(p.errs, e)
}

// document is the root of the only document; nil where there is none.
func (p *parser) document(data []byte) *yaml.Node {
	if len(data) > maxSize {
		p.fail(nil, "it is larger than %d KB", maxSize>>10)
		return nil
	}
	d := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc, next yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		p.fail(nil, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil
	}
	if err := d.Decode(&next); !errors.Is(err, io.EOF) {
		p.fail(&next, "a second document; one is enough")
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

func (p *parser) file(n *yaml.Node, f *File) {
	words := func(to *[]string) func(*yaml.Node) { return func(n *yaml.Node) { *to = p.list(n) } }
	word := func(to *string) func(*yaml.Node) { return func(n *yaml.Node) { *to = p.word(n) } }
	seen := p.mapping(n, map[string]func(*yaml.Node){
		"version":  p.version,
		"targets":  words(&f.Targets),
		"subjects": words(&f.Subjects),
		"env":      words(&f.Env),
		"with":     words(&f.With),
		"platform": word(&f.Platform),
		"cpu":      word(&f.CPU),
		"kernel":   word(&f.Kernel),
		"at":       word(&f.At),
		"user":     word(&f.User),
		"cwd":      word(&f.Cwd),
		"as-of":    word(&f.AsOf),
		"fail-on": func(n *yaml.Node) {
			f.FailOn = p.word(n)
			if _, err := diagnosis.ParseSeverity(f.FailOn); err != nil && f.FailOn != "" {
				p.fail(n, "fail-on: %v", err)
			}
		},
		"suppressions": func(n *yaml.Node) {
			for _, one := range p.items(n) {
				f.Suppressions = append(f.Suppressions, p.suppression(one))
			}
		},
	})
	if seen != nil && !seen["version"] {
		p.fail(nil, "'version: 1' is missing")
	}
}

func (p *parser) version(n *yaml.Node) {
	if v := p.word(n); v != "1" && v != "" {
		p.fail(n, "version %q: this willrun knows version 1", v)
	}
}

func (p *parser) suppression(n *yaml.Node) *Suppression {
	s := &Suppression{Line: n.Line}
	word := func(to *string) func(*yaml.Node) { return func(n *yaml.Node) { *to = p.word(n) } }
	pattern := func(to *string) func(*yaml.Node) {
		return func(n *yaml.Node) {
			if *to = strings.TrimPrefix(p.word(n), "./"); len(*to) > maxGlob {
				p.fail(n, "a pattern of more than %d letters", maxGlob)
			}
		}
	}
	seen := p.mapping(n, map[string]func(*yaml.Node){
		"cause": func(n *yaml.Node) {
			s.Cause = p.word(n)
			p.cause(n, s.Cause)
		},
		"subject": pattern(&s.Subject),
		"target":  pattern(&s.Target),
		"library": pattern(&s.Library),
		"version": pattern(&s.Version),
		"symbol":  pattern(&s.Symbol),
		"reason":  word(&s.Reason),
		"until": func(n *yaml.Node) {
			day, err := time.Parse(time.DateOnly, p.word(n))
			if err != nil {
				p.fail(n, "until: a day such as 2026-12-31 is wanted")
			}
			s.Until = day
		},
	})
	if seen == nil {
		return s
	}
	if s.Cause == string(Unknown) && (s.Version != "" || s.Symbol != "") {
		p.fail(n, "what is not known has no version and no symbol")
	}
	for _, need := range []string{"cause", "reason"} {
		if !seen[need] {
			p.fail(n, "a suppression needs its %s", need)
		}
	}
	return s
}

func (p *parser) cause(n *yaml.Node, cause string) {
	if cause == "" || cause == string(Unknown) || slices.Contains(diagnosis.Causes, diagnosis.Cause(cause)) {
		return
	}
	var names []string
	for _, c := range diagnosis.Causes {
		names = append(names, string(c))
	}
	if near := nearest(cause, names); near != "" {
		p.fail(n, "no such cause: %q (did you mean %s?)", cause, near)
		return
	}
	p.fail(n, "no such cause: %q; 'willrun explain' lists them", cause)
}

// mapping gives each value to the function of its key; it returns the keys
// that were there, nil where the node is no mapping.
func (p *parser) mapping(n *yaml.Node, keys map[string]func(*yaml.Node)) map[string]bool {
	n = real(n)
	if n.Kind != yaml.MappingNode {
		p.fail(n, "keys and values are wanted: %s", strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
		return nil
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		take, ok := keys[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || !ok:
			p.unknownKey(key, slices.Sorted(maps.Keys(keys)))
			continue
		case seen[key.Value]:
			p.fail(key, "%s stands here a second time", key.Value)
			continue
		}
		seen[key.Value] = true
		take(value)
	}
	return seen
}

func (p *parser) unknownKey(key *yaml.Node, keys []string) {
	if near := nearest(key.Value, keys); near != "" {
		p.fail(key, "no such key: %q (did you mean %s?)", key.Value, near)
		return
	}
	p.fail(key, "no such key: %q; there are %s", key.Value, strings.Join(keys, ", "))
}

// real is what an alias stands for.
func real(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// word is a single value, which must not be empty.
func (p *parser) word(n *yaml.Node) string {
	n = real(n)
	if n.Kind != yaml.ScalarNode {
		p.fail(n, "a single value is wanted")
		return ""
	}
	value := strings.TrimSpace(n.Value)
	if value == "" || n.Tag == "!!null" {
		p.fail(n, "a value is missing")
		return ""
	}
	if strings.ContainsRune(value, 0) {
		p.fail(n, "a value with a null byte")
		return ""
	}
	return value
}

// list is a list of values, or one alone.
func (p *parser) list(n *yaml.Node) []string {
	if n = real(n); n.Kind == yaml.ScalarNode {
		return []string{p.word(n)}
	}
	var list []string
	for _, one := range p.items(n) {
		list = append(list, p.word(one))
	}
	return list
}

func (p *parser) items(n *yaml.Node) []*yaml.Node {
	if n = real(n); n.Kind != yaml.SequenceNode {
		p.fail(n, "a list is wanted")
		return nil
	}
	return n.Content
}
