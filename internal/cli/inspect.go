package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/report"
)

func (a *app) inspect() *cobra.Command {
	var format string
	var verbose bool
	c := &cobra.Command{
		Use:   "inspect FILE|DIR…",
		Short: "What a program is and needs, read from its bytes alone",
		Long: `inspect shows the facts of each file: format and machine, interpreter, needed
libraries and versions, run paths, CPU level, notes, hardening; for Go the
version, the modules and which packages call C. It judges nothing.`,
		Example: `  willrun inspect ./app
  willrun inspect -v /usr/bin/ssh          every symbol and segment
  willrun inspect --format json ./app | jq '.results[0].facts.elf.needed'
  willrun inspect 'dir:/roots/el9#/usr/bin/bash'`,
		Args: atLeastOne("a file to inspect"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.runInspect(c.Context(), args, format, verbose)
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text, json, or jsonl (a file a line)")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "list symbols, segments, modules and settings too")
	_ = c.RegisterFlagCompletionFunc("format", words("text", "json", "jsonl"))
	return c
}

func (a *app) runInspect(ctx context.Context, args []string, format string, verbose bool) error {
	style, err := a.style(verbose)
	if err != nil {
		return err
	}
	if err := oneOf("--format", format, "text", "json", "jsonl"); err != nil {
		return err
	}
	doc := report.InspectDocument{Schema: report.InspectSchema, Results: []report.FileFacts{}, Errors: []report.Trouble{}}
	first := true
	one := func(s judge.Subject, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			err = s.Read()
		}
		if err != nil {
			a.trouble(report.Trouble{File: s.File, Error: err.Error()}, &doc.Errors)
			return nil
		}
		switch format {
		case "json":
			doc.Results = append(doc.Results, report.FileFacts{File: s.File, Facts: s.Facts})
		case "jsonl":
			return report.JSONLine(a.Stdout, report.FileFacts{File: s.File, Facts: s.Facts})
		default:
			if !first {
				fmt.Fprintln(a.Stdout)
			}
			style.Facts(a.Stdout, s.File, s.Facts)
		}
		first = false
		return nil
	}
	bench := a.bench(checkFlags{})
	defer bench.Close()
	for _, arg := range args {
		if err := bench.Subjects(ctx, arg, one); err != nil {
			return err
		}
	}
	if format == "json" {
		return report.JSON(a.Stdout, doc)
	}
	return nil
}

// trouble notes an input that could not be judged; the others go on.
func (a *app) trouble(t report.Trouble, list *[]report.Trouble) {
	a.raise(diagnosis.ExitTrouble)
	fmt.Fprintf(a.Stderr, "willrun: %s\n", t.Error)
	*list = append(*list, t)
}

func atLeastOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return &usageError{err: fmt.Errorf("name %s", what), command: c.CommandPath()}
		}
		return nil
	}
}

func oneOf(flag, value string, allowed ...string) error {
	for _, w := range allowed {
		if value == w {
			return nil
		}
	}
	return fmt.Errorf("%s %q: one of %v", flag, value, allowed)
}
