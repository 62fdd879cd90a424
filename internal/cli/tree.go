package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/report"
)

// treeFlags are those of willrun check that describe where and how a program
// starts, and what is asked about it.
type treeFlags struct {
	checkFlags
	why     string
	symbols bool
}

func (a *app) tree() *cobra.Command {
	var f treeFlags
	c := &cobra.Command{
		Use:   "tree FILE|DIR…",
		Short: "What it loads, from where, and why",
		Long: `tree shows what the target's loader would load for a program: each library
below the first that needs it, with its path, the versions asked of it and how
it was found. What is missing, and what leads to it, is red. A library that
others need too is shown once, and only named elsewhere.

--why LIB      all chains that lead to a library, the shortest first; LIB is a
               soname, a path or a name such as libssl or ssl
--symbols      which symbols are bound to which library

Formats: text, json (one document), jsonl (a tree a line), dot (Graphviz), and
for one program on one target mermaid and svg.

Targets and circumstances are those of willrun check.

Exit status: that of willrun check; 1 when a library or version is missing.`,
		Example: `  willrun tree /usr/bin/ssh
  willrun tree ./app --on dir:/roots/el9 --why libcrypto
  willrun tree ./app --format svg > app.svg
  willrun tree --format jsonl /usr/bin | jq -r '.objects[].path' | sort | uniq -c`,
		Args: atLeastOne("a program to look at"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.runTree(c.Context(), args, f)
		},
	}
	f.circumstanceFlags(c)
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "text", "text, json, jsonl, dot, mermaid or svg")
	fl.StringVar(&f.why, "why", "", "show all chains from the program to `LIB`")
	fl.BoolVar(&f.symbols, "symbols", false, "show which symbols are bound to which library")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "every version, and what is shown elsewhere with its own")
	_ = c.RegisterFlagCompletionFunc("format", words("text", "json", "jsonl", "dot", "mermaid", "svg"))
	return c
}

func (a *app) runTree(ctx context.Context, args []string, f treeFlags) error {
	if err := oneOf("--format", f.format, "text", "json", "jsonl", "dot", "mermaid", "svg"); err != nil {
		return err
	}
	if f.why != "" && f.symbols {
		return errors.New("--why and --symbols are two questions: ask one")
	}
	style, err := a.style(f.verbose)
	if err != nil {
		return err
	}
	out := &treeOutput{app: a, flags: f, style: style, troubles: []report.Trouble{}}
	q, err := a.question(ctx, args, f.checkFlags, out.trouble)
	if err != nil {
		return err
	}
	defer q.bench.Close()
	q.circ.Bindings = f.symbols
	if err := q.ask(ctx, out.add); err != nil {
		return err
	}
	return out.finish()
}

// treeOutput takes the outcomes of willrun tree and prints them as asked.
type treeOutput struct {
	app      *app
	flags    treeFlags
	style    report.Style
	trees    []*report.Tree // those that wait for the end
	troubles []report.Trouble
	printed  int
}

func (o *treeOutput) trouble(file, targetName string, err error) {
	o.app.trouble(report.Trouble{File: file, Target: targetName, Error: err.Error()}, &o.troubles)
}

func (o *treeOutput) add(done outcome) error {
	for _, t := range done.errs {
		o.app.trouble(t, &o.troubles)
	}
	for _, r := range done.results {
		o.app.raise(r.ExitCode(diagnosis.Blocks))
		t := report.TreeOf(r)
		switch {
		case o.flags.why != "":
			t.AskWhy(o.flags.why)
		case o.flags.symbols:
			t.AskSymbols()
		}
		if err := o.print(t); err != nil {
			return err
		}
	}
	return nil
}

func (o *treeOutput) print(t *report.Tree) error {
	switch o.flags.format {
	case "text":
	case "jsonl":
		return report.JSONLine(o.app.Stdout, t)
	case "dot":
		return report.DOT(o.app.Stdout, t)
	default:
		o.trees = append(o.trees, t)
		if len(o.trees) > 1 && o.flags.format != "json" {
			return fmt.Errorf("--format %s draws one program on one target; here are more", o.flags.format)
		}
		return nil
	}
	var b bytes.Buffer
	if o.printed++; o.printed > 1 {
		b.WriteByte('\n')
	}
	switch {
	case o.flags.why != "":
		o.style.Why(&b, t)
	case o.flags.symbols:
		o.style.Symbols(&b, t)
	default:
		o.style.Tree(&b, t)
	}
	_, err := o.app.Stdout.Write(b.Bytes())
	return err
}

// finish prints what waits for the end.
func (o *treeOutput) finish() error {
	switch {
	case o.flags.format == "json":
		doc := report.TreeDocument{Schema: report.TreeSchema, Results: o.trees, Errors: o.troubles}
		if doc.Results == nil {
			doc.Results = []*report.Tree{}
		}
		return report.JSON(o.app.Stdout, doc)
	case len(o.trees) == 0:
		return nil
	case o.flags.format == "svg":
		return report.SVG(o.app.Stdout, o.trees[0])
	case o.flags.format == "mermaid":
		return report.Mermaid(o.app.Stdout, o.trees[0])
	}
	return nil
}
