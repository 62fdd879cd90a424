// Package cli is the command willrun: a file per command, each with its flags
// and calls. The whole program runs inside a test: everything it touches of
// the world comes in a World.
//
//	code := cli.Run(ctx, cli.World{Args: []string{"check", "/bin/ls"}, Stdout: &out, Stderr: &errs})
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/report"
)

// World is all that the program sees of its surroundings.
type World struct {
	Args           []string
	Env            []string // K=V
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// env looks a variable up; the last setting wins, as in os.Getenv.
func (w World) env(name string) string {
	value := ""
	for _, kv := range w.Env {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			value = v
		}
	}
	return value
}

// app is one run of the program.
type app struct {
	World
	code  int    // the exit code so far
	color string // --color
}

// Run runs the command and returns its exit code.
func Run(ctx context.Context, w World) int {
	a := &app{World: w}
	root := a.command()
	root.SetArgs(w.Args)
	root.SetIn(w.Stdin)
	root.SetOut(w.Stdout)
	root.SetErr(w.Stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		a.complain(err)
		return diagnosis.ExitTrouble
	}
	return a.code
}

// Command is the whole command with its subcommands, for its man pages. It is
// not to be run: Run does that.
func Command() *cobra.Command { return (&app{}).command() }

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "willrun",
		Short: "Will it run there? Why not?",
		Long: `willrun says whether a program will start on another system, without running it:
it does what that system's kernel and dynamic loader would do.`,
		Example: `  willrun check ./app --on almalinux:9,debian:12   will it start there?
  willrun check /usr/bin --on dir:/new,supported   every program, several targets
  willrun tree ./app --on el8                      what would be loaded, and why?
  willrun floor ./app                              how old may the system be?
  willrun target diff centos:8 almalinux:9         what comes and goes?
  willrun inspect ./app                            what is it, what does it need?
  willrun explain version-missing                  what does this cause mean?`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
		// A wrong letter or two still finds the command that was meant.
		SuggestionsMinimumDistance: 2,
		Args:                       noSuchCommand,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetVersionTemplate("willrun {{.Version}}\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{err: err, command: c.CommandPath()}
	})
	root.PersistentFlags().StringVar(&a.color, "color", "auto", "colours: auto (on a terminal, without NO_COLOR), always, never")
	_ = root.RegisterFlagCompletionFunc("color", words("auto", "always", "never"))
	root.AddCommand(a.check(), a.tree(), a.floor(), a.target(), a.inspect(), a.explain())
	root.CompletionOptions.HiddenDefaultCmd = false
	return root
}

// usageError is a command line that can't be understood.
type usageError struct {
	err     error
	command string
}

func (e *usageError) Error() string { return e.err.Error() + "\nsee '" + e.command + " --help'" }
func (e *usageError) Unwrap() error { return e.err }

func noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("no such command: %q", args[0])
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		err = fmt.Errorf("%w (did you mean %s?)", err, strings.Join(near, ", "))
	}
	return &usageError{err: err, command: c.CommandPath()}
}

// complain writes an error for people.
func (a *app) complain(err error) {
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(a.Stderr, "willrun: interrupted")
		return
	}
	fmt.Fprintf(a.Stderr, "willrun: %v\n", err)
}

// raise notes an exit code: 2 before 1 before 3 before 0.
func (a *app) raise(code int) {
	rank := map[int]int{diagnosis.ExitOK: 0, diagnosis.ExitUnknown: 1, diagnosis.ExitFails: 2, diagnosis.ExitTrouble: 3}
	if rank[code] > rank[a.code] {
		a.code = code
	}
}

// style of what goes to standard output.
func (a *app) style(verbose bool) (report.Style, error) {
	s := report.Style{Verbose: verbose, Width: 80}
	fd, tty := terminal(a.Stdout)
	if tty {
		if w, _, err := term.GetSize(fd); err == nil && w > 0 {
			s.Width = w
		}
	}
	switch a.color {
	case "auto":
		// https://no-color.org: any value but the empty one.
		s.Colour = tty && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb"
	case "always":
		s.Colour = true
	case "never":
	default:
		return s, fmt.Errorf("--color %q: one of auto, always, never", a.color)
	}
	return s, nil
}

func terminal(w io.Writer) (fd int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

func words(list ...string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}
