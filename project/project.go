// Package project reads what a project says of itself: which of its files are
// checked, where they must start, and which findings it has accepted.
//
//	name, err := project.Find(".")       // the nearest .willrun.yaml
//	p, err := project.Read(name)
//	p.Targets                            // what --on would say
//	review := project.NewReview(project.Root("."), ".", time.Now())
//	review.Suppressions = p.Suppressions
//	review.Mark(&result)                 // which of its findings are accepted
//
// It judges nothing: a suppressed finding stays what it is, and so does the
// verdict. Only the exit status leaves out what was accepted.
package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/willrun/willrun/diagnosis"
)

// FileName is the name under which a project file is looked for.
const FileName = ".willrun.yaml"

// maxSize of a project file: what is larger was not written by hand.
const maxSize = 1 << 20

// File is a project file. Words are as they stand there: the flags of the
// same name say what they mean. Paths are relative to Dir.
type File struct {
	Name string // as Find gave it
	Dir  string // where it lies, absolute

	Targets, Subjects, Env, With []string

	Platform, CPU, Kernel, At, User, Cwd, AsOf, FailOn string

	Suppressions []*Suppression
}

// Suppression accepts findings for a reason. What is empty matches all.
type Suppression struct {
	Cause   string // of a finding, or Unknown
	Subject string // globs
	Target  string
	Library string
	Version string
	Symbol  string
	Reason  string
	Until   time.Time // the last day; zero: for good

	Line int // in the file
	used bool
}

// Unknown is the cause by which a suppression accepts what is not known.
const Unknown = diagnosis.Cause("unknown")

// Find looks for a project file in a directory and those above it, up to the
// one that holds .git, or in which everyone may write. Without one it is "".
func Find(dir string) (string, error) {
	for at, err := range upwards(dir) {
		if err != nil {
			return "", err
		}
		name := filepath.Join(at, FileName)
		info, err := os.Stat(name)
		switch {
		case err == nil && info.Mode().IsRegular():
			return name, nil
		case err == nil:
			return "", fmt.Errorf("%s: no regular file", name)
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
	}
	return "", nil
}

// Root is the directory that subjects are named from: that of the project
// file, else that of .git, else dir itself.
func Root(dir string) string {
	if name, err := Find(dir); err == nil && name != "" {
		return filepath.Dir(name)
	}
	for at, err := range upwards(dir) {
		if err != nil {
			break
		}
		if holdsGit(at) {
			return at
		}
	}
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// upwards gives a directory and those above it, none above a .git, and none
// in which everyone may write: what others put into /tmp is not to say what
// is checked below it.
func upwards(dir string) func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		at, err := filepath.Abs(dir)
		for {
			if !yield(at, err) || err != nil || holdsGit(at) || at == filepath.Dir(at) {
				return
			}
			if at = filepath.Dir(at); everyones(at) {
				return
			}
		}
	}
}

func everyones(dir string) bool {
	info, err := os.Stat(dir)
	return runtime.GOOS != "windows" && (err != nil || info.Mode().Perm()&0o002 != 0)
}

func holdsGit(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, ".git"))
	return err == nil
}

// Read reads a project file. Its error names every line that is wrong.
func Read(name string) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, err
	}
	p, err := Parse(name, data)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	p.Dir = dir
	return p, nil
}

// From rewrites a path that the file names to one that is named from another
// directory.
func (p *File) From(dir, path string) string {
	if filepath.IsAbs(path) || dir == p.Dir {
		return path
	}
	if rel, err := filepath.Rel(dir, filepath.Join(p.Dir, path)); err == nil {
		return rel
	}
	return filepath.Join(p.Dir, path)
}

// TargetFrom is From for a target, whose kind says whether it is a path.
func (p *File) TargetFrom(dir, target string) string {
	return eachPath(target, func(path string) string { return p.From(dir, path) })
}

// eachPath changes the paths that a target's name holds.
func eachPath(target string, change func(string) string) string {
	kind, rest, ok := strings.Cut(target, ":")
	if !ok || rest == "" {
		return target
	}
	switch kind {
	case "dir", "archive", "oci":
		return kind + ":" + change(rest)
	case "index":
		parts := strings.Split(rest, "+")
		for i := range parts {
			parts[i] = change(parts[i])
		}
		return kind + ":" + strings.Join(parts, "+")
	}
	return target
}

// namesNoFile says whether a name is of a target that is no path at all.
func namesNoFile(name string) bool {
	kind, rest, ok := strings.Cut(name, ":")
	return ok && rest != "" && kind == "image" || name == "host" || name == "scratch"
}

// SubjectsFrom expands the globs of the subjects, as seen from a directory.
// One that matches nothing is given as an error.
func (p *File) SubjectsFrom(dir string) (list []string, err error) {
	var missing []error
	for _, glob := range p.Subjects {
		if namesNoFile(glob) || eachPath(glob, func(string) string { return "" }) != glob || strings.Contains(glob, "#/") {
			list = append(list, p.placed(dir, glob))
			continue
		}
		at := glob
		if !filepath.IsAbs(at) {
			at = filepath.Join(quoteGlob(p.Dir), at)
		}
		found, err := filepath.Glob(at)
		switch {
		case err != nil:
			missing = append(missing, fmt.Errorf("%s: subject %q: %w", p.Name, glob, err))
		case len(found) == 0:
			missing = append(missing, fmt.Errorf("%s: subject %q: no such file; is it built?", p.Name, glob))
		}
		for _, name := range found {
			if rel, err := filepath.Rel(dir, name); err == nil && !filepath.IsAbs(glob) {
				name = rel
			}
			list = append(list, name)
		}
	}
	return list, errors.Join(missing...)
}

// placed is TARGET#/path, or FILE#/path of a package, seen from a directory.
func (p *File) placed(dir, name string) string {
	before, place, inside := strings.Cut(name, "#/")
	changed := p.TargetFrom(dir, before)
	if changed == before && !strings.Contains(before, ":") && !namesNoFile(before) {
		changed = p.From(dir, before)
	}
	if inside {
		changed += "#/" + place
	}
	return changed
}

// quoteGlob keeps the letters of a directory's name from being a pattern.
func quoteGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
