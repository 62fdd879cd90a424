// Package man makes man pages of commands, in the language of man(7), which
// every Unix has. The pages beside this file are those of willrun.
//
//	for name, page := range man.Pages(cli.Command()) // "willrun-check.1"
//
// Text that is laid out by hand stays so; all other text is filled.
package man

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate go run ./gen

// date of the pages: of the last change that a reader should know of. Taken
// from the clock, it would be another at each go generate.
const date = "2026-11-25"

// Pages are the pages of a command and of all below it, by file name.
func Pages(root *cobra.Command) map[string][]byte {
	pages := map[string][]byte{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" {
			return
		}
		pages[title(c)+".1"] = page(c)
		if c.Name() == "completion" {
			return // a page for all shells
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	walk(root)
	return pages
}

func title(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func page(c *cobra.Command) []byte {
	c.InitDefaultHelpFlag()
	var b bytes.Buffer
	fmt.Fprintf(&b, ".\\\" Made from the command by go generate ./docs/man.\n.TH %s 1 %s willrun \"willrun manual\"\n", strings.ToUpper(title(c)), date)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", escape(title(c)), escape(short(c)))
	synopsis(&b, c)
	description(&b, c)
	commands(&b, c)
	options(&b, "OPTIONS", c.NonInheritedFlags())
	options(&b, "OPTIONS OF ALL COMMANDS", c.InheritedFlags())
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n")
		literal(&b, strings.Split(c.Example, "\n"))
	}
	seeAlso(&b, c)
	return b.Bytes()
}

// short is what a command does, as the NAME section wants it: not a sentence.
func short(c *cobra.Command) string {
	return strings.TrimSuffix(strings.ToLower(c.Short[:1])+c.Short[1:], ".")
}

func synopsis(b *bytes.Buffer, c *cobra.Command) {
	b.WriteString(".SH SYNOPSIS\n")
	use := strings.TrimSuffix(c.UseLine(), " [flags]")
	arguments := strings.TrimPrefix(use, c.CommandPath())
	if c.HasAvailableSubCommands() {
		arguments = " COMMAND"
	}
	fmt.Fprintf(b, ".B %s\n", escape(c.CommandPath()))
	if flags := c.NonInheritedFlags(); flags.HasAvailableFlags() {
		b.WriteString("[\\fIOPTION\\fR]...\n")
	}
	if arguments = strings.TrimSpace(arguments); arguments != "" {
		fmt.Fprintf(b, "%s\n", line(arguments))
	}
}

// exitStatus begins the part of a description that has a section of its own.
const exitStatus = "Exit status: "

func description(b *bytes.Buffer, c *cobra.Command) {
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	text, status, _ := strings.Cut(text, exitStatus)
	b.WriteString(".SH DESCRIPTION\n")
	paragraphs(b, strings.TrimSpace(text))
	if status != "" {
		b.WriteString(".SH EXIT STATUS\n")
		status, rest, _ := strings.Cut(status, "\n\n")
		status = strings.TrimSuffix(strings.Join(strings.Fields(status), " "), ".")
		for _, part := range strings.Split(status, "; ") {
			number, meaning, _ := strings.Cut(part, " ")
			switch {
			case len(number) != 1 || number < "0" || number > "9":
				fill(b, []string{strings.ToUpper(part[:1]) + part[1:] + "."})
				continue
			case meaning == "":
				meaning = "success"
			}
			fmt.Fprintf(b, ".TP 4\n.B %s\n%s\n", number, line(meaning))
		}
		paragraphs(b, rest)
	}
}

// paragraphs fills text, and keeps blocks as they are in which a line is
// indented or has columns.
func paragraphs(b *bytes.Buffer, text string) {
	for i, block := range strings.Split(text, "\n\n") {
		if block == "" {
			continue
		}
		if i > 0 {
			b.WriteString(".PP\n")
		}
		lines := strings.Split(block, "\n")
		// Lines above a table are filled on their own.
		n := 0
		for n < len(lines) && !laidOut(lines[n]) {
			n++
		}
		fill(b, lines[:n])
		if n > 0 && n < len(lines) {
			b.WriteString(".PP\n")
		}
		literal(b, lines[n:])
	}
}

func laidOut(line string) bool {
	return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") || strings.Contains(line, "   ")
}

// longest line of filled text, for those who read the source.
const longest = 78

// fill starts each sentence on a line of its own, as roff wants it.
func fill(b *bytes.Buffer, lines []string) {
	text := strings.Join(strings.Fields(strings.Join(lines, " ")), " ")
	for _, sentence := range strings.Split(strings.ReplaceAll(text, ". ", ".\n"), "\n") {
		row := ""
		for _, word := range strings.Fields(sentence) {
			if row != "" && len(escape(row+" "+word)) > longest {
				fmt.Fprintln(b, line(row))
				row = ""
			}
			row = strings.TrimSpace(row + " " + word)
		}
		if row != "" {
			fmt.Fprintln(b, line(row))
		}
	}
}

// literal keeps lines as they are, less the indent that all have.
func literal(b *bytes.Buffer, lines []string) {
	if len(lines) == 0 {
		return
	}
	indent := -1
	for _, l := range lines {
		if n := len(l) - len(strings.TrimLeft(l, " ")); strings.TrimSpace(l) != "" && (indent < 0 || n < indent) {
			indent = n
		}
	}
	b.WriteString(".RS 4\n.nf\n")
	for _, l := range lines {
		fmt.Fprintln(b, line(strings.TrimRight(l[min(max(indent, 0), len(l)):], " ")))
	}
	b.WriteString(".fi\n.RE\n")
}

func commands(b *bytes.Buffer, c *cobra.Command) {
	if !c.HasAvailableSubCommands() {
		return
	}
	b.WriteString(".SH COMMANDS\n")
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			fmt.Fprintf(b, ".TP\n.B %s\n%s\n", escape(sub.Name()), line(sub.Short))
		}
	}
}

func options(b *bytes.Buffer, head string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", head)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "\\fB\\-\\-" + escape(f.Name) + "\\fR"
		if f.Shorthand != "" {
			name = "\\fB\\-" + f.Shorthand + "\\fR, " + name
		}
		if value == "string" || value == "strings" {
			value = "word"
		}
		if value != "" && f.Value.Type() != "bool" {
			name += " \\fI" + escape(strings.ToUpper(value)) + "\\fR"
		}
		fmt.Fprintf(b, ".TP\n%s\n", name)
		fill(b, []string{usage})
		if d := f.DefValue; d != "" && d != "[]" && d != "false" && !strings.Contains(usage, "default") {
			fmt.Fprintf(b, "(default %s)\n", escape(d))
		}
	})
}

func seeAlso(b *bytes.Buffer, c *cobra.Command) {
	var names []string
	if p := c.Parent(); p != nil {
		names = append(names, title(p))
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" && c.Name() != "completion" {
			names = append(names, title(sub))
		}
	}
	if len(names) == 0 {
		return
	}
	b.WriteString(".SH SEE ALSO\n")
	for i, n := range names {
		comma := " ,"
		if i == len(names)-1 {
			comma = ""
		}
		fmt.Fprintf(b, ".BR %s (1)%s\n", escape(n), comma)
	}
}

// escape keeps text from being taken for roff. A dash that is to be typed is
// \-, and so are all here, for man pages are copied from.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "…", "...", "–", `\(en`, "×", `\(mu`, "→", `\(->`).Replace(text)
}

// line is escape for a whole line, whose first letter must make it no request.
func line(text string) string {
	text = escape(text)
	if strings.HasPrefix(text, ".") {
		return `\&` + text
	}
	return text
}
