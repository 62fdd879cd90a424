package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/willrun/willrun/explain"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/pkgindex/mirror"
	"github.com/willrun/willrun/report"
	"github.com/willrun/willrun/target"
)

// targetFlags are those of the commands below willrun target.
type targetFlags struct {
	checkFlags
	out string
}

func (a *app) target() *cobra.Command {
	c := &cobra.Command{
		Use:   "target",
		Short: "What is known of the systems to start on",
		Long: `target tells what is known of releases, images and trees, and makes indexes of
systems, which can be judged against where the systems are not.`,
		Example: `  willrun target list 'debian:*'
  willrun target show almalinux:9
  willrun target diff centos:8 almalinux:9
  willrun target capture dir:/roots/el8 -o el8.index
  willrun target import base/primary.xml.gz epel/primary.xml.gz -o el9.index`,
		Args: noSuchCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.targetList(), a.targetShow(), a.targetDiff(), a.targetCapture(), a.targetImport(), a.targetUpdate())
	return c
}

// view are the flags of commands that show targets.
func (f *targetFlags) view(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.asOf, "as-of", "", "`DAY`, such as 2026-12-31, on which releases are supported or not (default today)")
	fl.StringVar(&f.platform, "platform", "", "`OS/ARCH`, such as linux/arm64")
	fl.StringVar(&f.format, "format", "text", "text or json")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "every version, what can be installed, and sources")
	_ = c.RegisterFlagCompletionFunc("format", words("text", "json"))
}

// looking parses what the flags of view say.
func (a *app) looking(f targetFlags) (circ judge.Circumstances, style report.Style, err error) {
	if err = oneOf("--format", f.format, "text", "json"); err != nil {
		return circ, style, err
	}
	if circ, err = a.circumstances(f.checkFlags); err != nil {
		return circ, style, err
	}
	style, err = a.style(f.verbose)
	return circ, style, err
}

func (f *targetFlags) output(c *cobra.Command) {
	c.Flags().StringVarP(&f.out, "output", "o", "", "`FILE` to write (it is replaced at once, when all is well)")
	_ = c.MarkFlagRequired("output")
}

func (a *app) targetList() *cobra.Command {
	var f targetFlags
	c := &cobra.Command{
		Use:               "list [GROUP|GLOB]…",
		Short:             "Releases that are known by name",
		Long:              "list names the releases that are known, or those of some groups (all, supported,\nel, deb, el8+) and globs.",
		Example:           "  willrun target list\n  willrun target list supported 'alpine:*'",
		ValidArgsFunction: completeTargets,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"all"}
			}
			return a.showTargets(c.Context(), args, f, false)
		},
	}
	f.view(c)
	return c
}

func (a *app) targetShow() *cobra.Command {
	var f targetFlags
	c := &cobra.Command{
		Use:               "show TARGET…",
		Short:             "All that is known of a target",
		Long:              "show tells what is known of a target: its C library, the versions that its\nlibraries have, its kernel and CPU baseline, until when it gets fixes, and where\neach fact is from (-v).",
		Example:           "  willrun target show ubuntu:22.04\n  willrun target show -v sles:15.3 --format json",
		Args:              atLeastOne("a target"),
		ValidArgsFunction: completeTargets,
		RunE:              func(c *cobra.Command, args []string) error { return a.showTargets(c.Context(), args, f, true) },
	}
	f.view(c)
	return c
}

// showTargets lists targets, or tells all of them.
func (a *app) showTargets(ctx context.Context, args []string, f targetFlags, all bool) error {
	circ, style, err := a.looking(f)
	if err != nil {
		return err
	}
	names, err := target.Names(args, circ.AsOf)
	if err != nil {
		return err
	}
	bench := a.bench(f.checkFlags)
	defer bench.Close()
	var list []report.TargetInfo
	var troubles []report.Trouble
	for _, name := range names {
		t, err := bench.Target(ctx, name)
		if err == nil {
			var info report.TargetInfo
			if info, err = a.describe(ctx, t, f, all); err == nil {
				list = append(list, info)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			a.trouble(report.Trouble{Target: name, Error: err.Error()}, &troubles)
		}
	}
	switch {
	case f.format == "json":
		return report.JSON(a.Stdout, report.TargetDocument{Schema: report.TargetSchema, Targets: append([]report.TargetInfo{}, list...)})
	case !all:
		style.Targets(a.Stdout, list)
	default:
		for i, t := range list {
			if i > 0 {
				fmt.Fprintln(a.Stdout)
			}
			style.Target(a.Stdout, t)
		}
	}
	return nil
}

func (a *app) describe(ctx context.Context, t *target.Target, f targetFlags, all bool) (report.TargetInfo, error) {
	circ, err := a.circumstances(f.checkFlags)
	if err != nil {
		return report.TargetInfo{}, err
	}
	if t, err = t.For(ctx, circ.Machine); err != nil {
		return report.TargetInfo{}, err
	}
	info := report.TargetInfo{Name: t.Name, Title: t.Life.Release, Evidence: t.Evidence, Machine: t.Machine, Machines: []string{}, CPU: t.Baseline, Data: t.Data,
		EOL: report.Day(t.Life.EOL), Extended: report.Day(t.Life.Extended), Libc: strings.Join(t.LibcVersions(), ", "), Notes: t.Notes()}
	if info.Title == "" {
		info.Title = t.Distribution.PrettyName
	}
	if k := t.Kernel; k != [3]uint32{} {
		info.Kernel = strings.TrimSuffix(fmt.Sprintf("%d.%d.%d", k[0], k[1], k[2]), ".0")
	}
	for _, m := range t.Machines() {
		if m != t.Machine {
			info.Machines = append(info.Machines, m)
		}
	}
	_, info.Ended = explain.EndOfLife(explain.Life(t.Life), circ.AsOf)
	if !all {
		return info, nil
	}
	info.Sources = t.Sources()
	contents, err := t.Contents(ctx)
	if err != nil {
		return info, err
	}
	for _, l := range contents.Libraries(t.Machine) {
		info.Libraries = append(info.Libraries, report.TargetLibrary{Soname: l.Soname, Nodes: append([]string{}, l.Nodes...), Package: l.Package, There: l.There})
	}
	return info, nil
}

func (a *app) targetDiff() *cobra.Command {
	var f targetFlags
	c := &cobra.Command{
		Use:               "diff FROM TO",
		Short:             "Which libraries and versions go and come between two targets",
		Long:              "diff tells what becomes of the libraries of one target on another: which are\ngone, which must be installed first, which lost or gained versions.",
		Example:           "  willrun target diff centos:8 rocky:9\n  willrun target diff dir:/roots/el8 dir:/roots/el9 --format json",
		ValidArgsFunction: completeTargets,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return &usageError{err: errors.New("name two targets"), command: c.CommandPath()}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.runDiff(c.Context(), args[0], args[1], f) },
	}
	f.view(c)
	return c
}

func (a *app) runDiff(ctx context.Context, from, to string, f targetFlags) error {
	circ, style, err := a.looking(f)
	if err != nil {
		return err
	}
	bench := a.bench(f.checkFlags)
	defer bench.Close()
	var sides [2]*pkgindex.Index
	var base [2]bool
	machine := circ.Machine
	for i, name := range []string{from, to} {
		t, err := bench.Target(ctx, name)
		if err != nil {
			return err
		}
		if t, err = t.For(ctx, machine); err != nil {
			return err
		}
		machine = t.Machine
		if sides[i], err = t.Contents(ctx); err != nil {
			return fmt.Errorf("target %s: %w", name, err)
		}
		base[i] = baseOnly(t, sides[i])
	}
	doc := report.DiffDocument{FromBase: base[0], ToBase: base[1], Schema: report.DiffSchema, From: from, To: to, Machine: machine, Changes: []report.Change{}}
	for _, c := range pkgindex.Diff(sides[0], sides[1], machine) {
		// What parts of libc keep to themselves is no business of programs, and
		// published facts leave it out.
		private := func(node string) bool { return strings.HasSuffix(node, "_PRIVATE") }
		c.Lost, c.Gained = slices.DeleteFunc(c.Lost, private), slices.DeleteFunc(c.Gained, private)
		change := changeOf(c)
		if change.What == "changed" && len(c.Lost)+len(c.Gained) == 0 {
			continue
		}
		if c.Gone && base[1] {
			change.What = "not-in-base"
		}
		doc.Changes = append(doc.Changes, change)
	}
	if f.format == "json" {
		return report.JSON(a.Stdout, doc)
	}
	style.Diff(a.Stdout, doc)
	return nil
}

// baseOnly says whether a target may offer more libraries than are known of
// it: neither its tree was read, nor are its repositories known.
func baseOnly(t *target.Target, x *pkgindex.Index) bool {
	captured := len(x.Formats) == 1 && x.Formats[0] == pkgindex.FormatCapture
	return t.Evidence != target.Tree && !captured && !x.Complete
}

func changeOf(c pkgindex.Change) report.Change {
	r := report.Change{Soname: c.Soname, What: "changed", Lost: append([]string{}, c.Lost...), Gained: append([]string{}, c.Gained...), Before: c.Before, After: c.After, Install: c.Install}
	switch {
	case c.Gone:
		r.What = "gone"
	case c.New:
		r.What = "new"
	case c.Install:
		r.What = "to-install"
	}
	return r
}

func (a *app) targetCapture() *cobra.Command {
	var f targetFlags
	c := &cobra.Command{
		Use:     "capture TARGET -o FILE",
		Short:   "Write down a tree as an index, to judge against it elsewhere",
		Long:    "capture reads every library, loader and program of a tree (dir:, host, an image,\nan archive) into one small file. index:FILE then judges as the tree itself would.",
		Example: "  willrun target capture host -o $(hostname).index\n  willrun check ./app --on index:web1.index",
		Args:    atLeastOne("a tree"),
		RunE: func(c *cobra.Command, args []string) error {
			bench := a.bench(f.checkFlags)
			defer bench.Close()
			t, err := bench.Target(c.Context(), args[0])
			if err != nil {
				return err
			}
			if t.Evidence != target.Tree {
				return fmt.Errorf("target %s: it is no tree, and has nothing to be read", args[0])
			}
			x, err := t.Contents(c.Context())
			if err != nil {
				return err
			}
			return a.writeIndex(x, f.out)
		},
	}
	f.output(c)
	c.Flags().StringVar(&f.platform, "platform", "", "`OS/ARCH` of an image for several")
	return c
}

func (a *app) targetImport() *cobra.Command {
	var f targetFlags
	var name string
	c := &cobra.Command{
		Use:   "import FILE… -o FILE",
		Short: "Make an index of package metadata",
		Long: `import reads package metadata, several files joined as repositories are: the
newest version of a package counts. It takes an RPM database (Packages,
Packages.db, rpmdb.sqlite), primary.xml of an RPM repository (gz, zst, xz), a
folder of .rpm or .deb files, APKINDEX, /lib/apk/db/installed, and other indexes.`,
		Example: "  willrun target import BaseOS/primary.xml.gz AppStream/primary.xml.gz -o el9.index\n  willrun check ./app --on index:el9.index",
		Args:    atLeastOne("a file or folder of package metadata"),
		RunE: func(c *cobra.Command, args []string) error {
			var all []*pkgindex.Index
			for _, file := range args {
				x, err := pkgindex.Open(c.Context(), file)
				if err != nil {
					return err
				}
				all = append(all, x)
			}
			return a.writeJoined(all, name, f.out)
		},
	}
	f.output(c)
	c.Flags().StringVar(&name, "name", "", "`NAME` of the system that it is of")
	return c
}

func (a *app) targetUpdate() *cobra.Command {
	var from []string
	var name string
	c := &cobra.Command{
		Use:   "update FILE [--from URL]…",
		Short: "Make or renew an index from repositories of your mirrors",
		Long: `update fetches the metadata of RPM repositories (repodata) or Alpine's
(APKINDEX.tar.gz) from the URLs of their folders, and writes an index of them.
Without --from it renews the file from where it came. Digests are verified;
a file is replaced only when all is well.`,
		Example: `  willrun target update el9.index --from https://mirror.example/almalinux/9/BaseOS/x86_64/os/ \\
      --from https://mirror.example/almalinux/9/AppStream/x86_64/os/
  willrun target update el9.index
  willrun check ./app --on index:el9.index`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{err: errors.New("name the index file"), command: c.CommandPath()}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.runUpdate(c.Context(), args[0], from, name) },
	}
	c.Flags().StringArrayVar(&from, "from", nil, "`URL` of a repository's folder (repeatable)")
	c.Flags().StringVar(&name, "name", "", "`NAME` of the system that it is of")
	return c
}

func (a *app) runUpdate(ctx context.Context, file string, from []string, name string) error {
	if len(from) == 0 {
		old, err := pkgindex.Open(ctx, file)
		if err != nil {
			return fmt.Errorf("%w; --from says where a new one comes from", err)
		}
		from = old.Sources
		if name == "" {
			name = old.Name
		}
	}
	var all []*pkgindex.Index
	p := &progress{app: a, started: time.Now()}
	if _, tty := terminal(a.Stderr); !tty {
		p = nil
	}
	for _, url := range from {
		x, err := mirror.Fetch(ctx, url, mirror.Options{Progress: func(what string, n int64) { p.line(fmt.Sprintf("%s  %d KB", what, n>>10)) }})
		p.clear()
		if err != nil {
			return err
		}
		all = append(all, x)
	}
	return a.writeJoined(all, name, file)
}

func (a *app) writeJoined(all []*pkgindex.Index, name, file string) error {
	x, err := pkgindex.Join(all...)
	if err != nil {
		return err
	}
	if name != "" {
		x.Name = name
	}
	return a.writeIndex(x, file)
}

// writeIndex replaces a file at once, or leaves it as it was.
func (a *app) writeIndex(x *pkgindex.Index, file string) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".willrun-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	n, err := x.WriteTo(tmp)
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if err == nil {
		err = tmp.Close()
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	fmt.Fprintf(a.Stderr, "%s: packages %d, libraries %d, %d KB; judge against it with --on index:%s\n", file, len(x.Packages), len(x.Libraries("")), (n+1023)/1024, file)
	return nil
}
