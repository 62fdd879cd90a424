package ociimage

import (
	"fmt"
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/willrun/willrun/root"
)

// shells whose language is known: POSIX's, and bash's.
var shells = map[string]bool{"sh": true, "dash": true, "ash": true, "bash": true, "ksh": false}

// shell follows sh's command line: -c SCRIPT [NAME ARG…], or a script's file.
func (f *follower) shell(argv []word, c around) {
	name := path.Base(argv[0].text)
	args := argv[1:]
	command := false
	for len(args) > 0 && args[0].known && len(args[0].text) > 1 && strings.ContainsAny(args[0].text[:1], "-+") && args[0].text != "--" {
		opt := args[0].text
		args = args[1:]
		switch {
		case strings.HasPrefix(opt, "--") || strings.ContainsAny(opt[1:], "lirs"):
			f.stop("%s %s: what a login or interactive shell reads first is not followed", name, opt)
			return
		case strings.HasSuffix(opt, "o") && len(args) > 0:
			args = args[1:] // -o pipefail
		}
		command = command || opt[0] == '-' && strings.Contains(opt, "c")
	}
	if len(args) > 0 && args[0].text == "--" {
		args = args[1:]
	}
	if v, ok := c.get("BASH_ENV"); ok && v != "" && name == "bash" {
		f.stop("bash reads BASH_ENV first, which is not followed")
		return
	}
	switch {
	case len(args) == 0:
		f.stop("%s reads commands from its input", name)
	case !args[0].known:
		f.stop("%s: %s is only known while it runs", name, args[0].text)
	case command:
		zero := argv[:1]
		if len(args) > 1 {
			zero = args[1:]
		}
		f.source(name, args[0].text, name+" -c", zero, c)
	default:
		f.file(name, args, c)
	}
}

// file: a shell reads a script from the working directory, else from PATH.
func (f *follower) file(name string, args []word, c around) {
	file := c.join(args[0].text)
	if _, err := f.tree.Stat(file, root.Superuser); err != nil && !strings.Contains(args[0].text, "/") {
		file, _ = f.lookup(args[0].text, &c)
	}
	text, err := f.tree.ReadFile(file, root.Superuser, maxScript)
	if err != nil {
		f.stop("%s can't read its script %s: %v", name, args[0].text, err)
		return
	}
	f.source(name, string(text), file, args, c)
}

// script is the reading of one script. It follows commands one after the
// other, and gives up where a decision is taken while it runs.
type script struct {
	*follower
	name   string // of its file, or "sh -c"
	long   bool   // lines are told
	around around
	vars   map[string]word // not exported, or not known
	args   []word          // $0 and the positional ones; nil where they are not known
	hint   string          // what its last line would start
}

// source follows the text of a script.
func (f *follower) source(shell, text, name string, args []word, c around) {
	// The parser recurses: what nests without end must not exhaust the stack.
	openers := 0
	for _, c := range "([{`" {
		openers += strings.Count(text, string(c))
	}
	if len(text) >= maxScript || openers > maxOpeners {
		f.stop("%s is too long a script to be followed", name)
		return
	}
	lang := syntax.LangPOSIX
	if shell == "bash" {
		lang = syntax.LangBash
	}
	file, err := syntax.NewParser(syntax.Variant(lang)).Parse(strings.NewReader(text), "")
	if err != nil {
		f.stop("%s can't be read as a script: %v", name, err)
		return
	}
	s := &script{follower: f, name: name, long: strings.Contains(text, "\n"), around: c, vars: map[string]word{}, args: args}
	s.hint = lastLine(file, args)
	s.list(file.Stmts)
}

// lastLine: the idiom of many images, a script that ends with exec "$@".
func lastLine(file *syntax.File, args []word) string {
	if len(file.Stmts) == 0 || len(args) < 2 {
		return ""
	}
	call, ok := file.Stmts[len(file.Stmts)-1].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) != 2 || call.Args[0].Lit() != "exec" || !allArgs(call.Args[1]) {
		return ""
	}
	return `; its last line is exec "$@", which would start ` + strings.Join(texts(args[1:]), " ")
}

func (s *script) giveUp(at syntax.Node, format string, args ...any) bool {
	where := s.name
	if s.long {
		where += fmt.Sprintf(", line %d", at.Pos().Line())
	}
	s.stop("%s: %.200s%.200s", where, fmt.Sprintf(format, args...), s.hint)
	return false
}

// list follows statements. false: nothing after them is reached, or seen.
func (s *script) list(stmts []*syntax.Stmt) bool {
	for _, st := range stmts {
		if !s.stmt(st) || s.unknown != "" {
			return false
		}
	}
	return true
}

// apart follows what runs in a process of its own: exec ends only that.
func (s *script) apart(stmts ...*syntax.Stmt) bool {
	sub := *s
	sub.around = s.around.clone()
	sub.vars = map[string]word{}
	for k, v := range s.vars {
		sub.vars[k] = v
	}
	sub.list(stmts)
	return s.unknown == ""
}

func (s *script) stmt(st *syntax.Stmt) bool {
	for _, r := range st.Redirs {
		if to := r.Word.Lit(); r.Op != syntax.DplOut && r.Op != syntax.DplIn && to != "/dev/null" && to != "/dev/stdout" && to != "/dev/stderr" {
			return s.giveUp(r, "a redirection decides whether it goes on")
		}
	}
	if st.Coprocess || st.Disown {
		return s.giveUp(st, "a coprocess is not followed")
	}
	if st.Background {
		plain := *st
		plain.Background = false
		return s.apart(&plain)
	}
	switch cmd := st.Cmd.(type) {
	case nil:
		return true
	case *syntax.CallExpr:
		return s.call(cmd)
	case *syntax.DeclClause:
		return s.declare(cmd)
	case *syntax.Block:
		return s.list(cmd.Stmts)
	case *syntax.Subshell:
		return s.apart(cmd.Stmts...)
	case *syntax.BinaryCmd:
		return s.binary(cmd)
	}
	return s.giveUp(st, "what it starts is decided while it runs")
}

func (s *script) binary(b *syntax.BinaryCmd) bool {
	switch b.Op {
	case syntax.AndStmt:
		if b.X.Negated || decides(b.X) {
			return s.giveUp(b, "a condition decides what is started")
		}
		return s.stmt(b.X) && s.unknown == "" && s.stmt(b.Y)
	case syntax.OrStmt:
		if !harmless(b.Y) || decides(b.X) {
			return s.giveUp(b, "a condition decides what is started")
		}
		return s.stmt(b.X)
	case syntax.Pipe:
		return s.apart(b.X) && s.apart(b.Y)
	}
	return s.giveUp(b, "it is not followed")
}

// decides: commands that are there for their result alone.
func decides(st *syntax.Stmt) bool {
	switch cmd := st.Cmd.(type) {
	case *syntax.CallExpr:
		if len(cmd.Args) == 0 {
			return false
		}
		switch cmd.Args[0].Lit() {
		case "[", "test", "false", "grep", "which", "type", "command", "hash", "cmp", "diff", "pgrep", "getent", "id", "read", "":
			return true
		}
		return false
	case *syntax.TestClause:
		return true
	case *syntax.BinaryCmd:
		return decides(cmd.X) || decides(cmd.Y)
	}
	return false
}

// harmless: what is written behind || so that nothing happens.
func harmless(st *syntax.Stmt) bool {
	call, ok := st.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) == 0 || len(st.Redirs) > 0 {
		return false
	}
	name := call.Args[0].Lit()
	return name == "true" || name == ":" || name == "echo"
}

// call follows one simple command.
func (s *script) call(call *syntax.CallExpr) bool {
	if len(call.Args) == 0 {
		return s.assign(call.Assigns, &s.around, false)
	}
	var argv []word
	for _, w := range call.Args {
		argv = append(argv, s.fields(w)...)
	}
	if len(argv) == 0 {
		return true
	}
	if !argv[0].known {
		return s.giveUp(call, "which command %s is, is only known while it runs", argv[0].text)
	}
	c := s.around.clone()
	if !s.assign(call.Assigns, &c, true) {
		return false
	}
	if strings.Contains(argv[0].text, "/") {
		return s.external(argv, c)
	}
	return s.builtin(call, argv, c)
}

func (s *script) external(argv []word, c around) bool {
	s.found(argv, c, s.name+" starts it")
	return s.unknown == ""
}
