package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
)

// Subject is one program to be judged, named by a file of this machine or by
// a place inside a target.
type Subject struct {
	File  string         // as given
	Facts *binary.Facts  // after Read
	host  string         // absolute path on this machine, or ""
	tree  *root.Root     // the target that it lies in, or nil
	home  *target.Target // what the tree is of; nil for a package's
	place string         // its place there
	loop  bool           // its path is a loop of links
	gone  string         // why there is no program at all; "" for any other

	own     *Own     // circumstances that it brings with it; nil: none
	payload *payload // of the package that it is of; nil: none
}

// Unit is the service that starts the subject; "" for any other.
func (s *Subject) Unit() string {
	if s.own == nil {
		return ""
	}
	return s.own.Unit
}

// Read reads the facts of the file, once.
func (s *Subject) Read() error { return s.read(binary.Read) }

// ReadToJudge is Read for facts that nobody lists or stores.
func (s *Subject) ReadToJudge() error { return s.read(binary.ReadProgram) }

// how reads facts: binary.Read, or less of them.
type how func(r io.ReaderAt, size int64) (*binary.Facts, error)

func (s *Subject) read(how how) error {
	if s.Facts != nil {
		return nil
	}
	if s.gone != "" {
		s.Facts = &binary.Facts{Format: binary.FormatOther, Describe: "nothing"}
		return nil
	}
	if s.tree != nil {
		return s.readIn(s.tree)
	}
	facts, err := readFile(s.host, how)
	switch {
	case errors.Is(err, syscall.ELOOP):
		s.loop = true
		s.Facts = &binary.Facts{Format: binary.FormatOther, Describe: "a loop of links"}
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", s.File, plain(err))
	}
	s.Facts = facts
	return nil
}

func readFile(name string, how how) (*binary.Facts, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("no regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return how(f, info.Size())
}

// plain drops the path that the operating system's errors repeat.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (s *Subject) readIn(tree *root.Root) error {
	info, err := tree.Stat(s.place, root.Superuser)
	if s.own != nil && (errors.Is(err, root.ENOENT) || errors.Is(err, root.ENOTDIR)) {
		// What a unit or an image names and does not have is its fault.
		s.gone = fmt.Sprintf("it starts %s, which is not there", s.place)
		s.Facts = &binary.Facts{Format: binary.FormatOther, Describe: "nothing"}
		return nil
	}
	if errors.Is(err, root.ELOOP) {
		s.loop = true
		s.Facts = &binary.Facts{Format: binary.FormatOther, Describe: "a loop of links"}
		return nil
	}
	if err == nil && !info.Regular() {
		err = errors.New("no regular file")
	}
	var o *root.Object
	if err == nil {
		o, err = tree.Program(info)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.File, err)
	}
	s.Facts = o.Facts
	return nil
}

// Bench keeps what one run of the program opens: each target once.
type Bench struct {
	env     []string // the caller's, for host
	open    target.Options
	mu      sync.Mutex
	targets map[string]*target.Target
	lay     layers
	memo    loader.Memo
	lacking sync.Map // lack → bool
}

// lack is the question whether a target is known not to have a library.
type lack struct {
	target *target.Target
	soname string
}

// lacks asks a target once.
func (b *Bench) lacks(t *target.Target, soname string) bool {
	key := lack{t, soname}
	known, ok := b.lacking.Load(key)
	if !ok {
		known, _ = b.lacking.LoadOrStore(key, t.LacksLibrary(soname))
	}
	return known.(bool)
}

// NewBench makes an empty bench; o.Env is the caller's environment.
func NewBench(o target.Options) *Bench {
	return &Bench{env: o.Env, open: o, targets: map[string]*target.Target{}}
}

// Close closes every target.
func (b *Bench) Close() {
	for _, t := range b.targets {
		t.Close()
	}
	for _, dir := range b.lay.dirs {
		dir.Close()
	}
}

// Target opens a target, or gives the one that is open.
func (b *Bench) Target(ctx context.Context, name string) (*target.Target, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.targets[name]; t != nil {
		return t, nil
	}
	t, err := target.Open(ctx, name, b.open)
	if err != nil {
		return nil, err
	}
	b.targets[name] = t
	return t, nil
}

// Subjects gives the programs that an argument names: a file, every program
// below a directory, or the same inside a target (TARGET#/path); a package's
// programs; what an image starts. What can't be opened is given with its
// error; an error that give returns ends the walk.
func (b *Bench) Subjects(ctx context.Context, arg string, give func(Subject, error) error) error {
	if name, place, ok := target.Split(arg); ok {
		t, err := b.Target(ctx, name)
		if err != nil {
			return give(Subject{File: arg}, err)
		}
		if t.Evidence != target.Tree {
			return give(Subject{File: arg}, fmt.Errorf("%s: %s knows its programs by what was written down of them, which is too little to judge them; name the file itself, or a tree", arg, name))
		}
		return walkTree(ctx, t, path.Clean(place), give)
	}
	if target.IsImage(arg) {
		return b.imageSubjects(ctx, arg, give)
	}
	if file, place, one := strings.Cut(arg, "#/"); IsPackage(file) {
		if one {
			place = path.Clean("/" + place)
		}
		return b.packageSubjects(ctx, file, place, give)
	}
	abs, err := filepath.Abs(arg)
	if err != nil {
		return give(Subject{File: arg}, err)
	}
	info, err := os.Stat(arg)
	if err != nil && !errors.Is(err, syscall.ELOOP) {
		return give(Subject{File: arg}, fmt.Errorf("%s: %w", arg, plain(err)))
	}
	if err == nil && info.IsDir() {
		return walkDir(ctx, arg, give)
	}
	return give(Subject{File: arg, host: abs}, nil)
}

// walkDir gives the programs below a directory. Links are not followed, so
// that nothing is given twice and no walk is endless.
func walkDir(ctx context.Context, dir string, give func(Subject, error) error) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if d != nil && d.IsDir() {
				if err := give(Subject{File: name}, fmt.Errorf("%s: %w", name, plain(err))); err != nil {
					return err
				}
				return fs.SkipDir
			}
			return give(Subject{File: name}, fmt.Errorf("%s: %w", name, plain(err)))
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went while we looked
		}
		if err != nil {
			return give(Subject{File: name}, fmt.Errorf("%s: %w", name, plain(err)))
		}
		if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			return nil
		}
		abs, err := filepath.Abs(name)
		if err != nil {
			return give(Subject{File: name}, err)
		}
		if ok, err := isProgram(func() (root.File, error) { return openHost(name) }); err != nil {
			return give(Subject{File: name}, fmt.Errorf("%s: %w", name, plain(err)))
		} else if !ok {
			return nil
		}
		return give(Subject{File: name, host: abs}, nil)
	})
}

type hostFile struct {
	*os.File
	size int64
}

func (f hostFile) Size() int64 { return f.size }

func openHost(name string) (root.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return hostFile{f, info.Size()}, nil
}

// isProgram reads as little as tells: whether a file with an execute bit is a
// program, and no library that happens to have one.
func isProgram(open func() (root.File, error)) (bool, error) {
	f, err := open()
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := f.ReadAt(head, 0)
	head = head[:n]
	if strings.HasPrefix(string(head), "#!") || strings.HasPrefix(string(head), "MZ") {
		return true, nil
	}
	facts, err := binary.ReadKind(f, f.Size())
	if err != nil {
		return false, err
	}
	return startable(facts), nil
}

// walkTree gives the programs at and below a place in a target.
func walkTree(ctx context.Context, t *target.Target, place string, give func(Subject, error) error) error {
	tree, name := t.Root, t.Name
	info, err := tree.Stat(place, root.Superuser)
	file := name + "#" + place
	if err != nil && !errors.Is(err, root.ELOOP) {
		return give(Subject{File: file}, fmt.Errorf("%s: %w", file, err))
	}
	if err != nil || !info.IsDir() {
		return give(Subject{File: file, tree: tree, home: t, place: place}, nil)
	}
	names, err := tree.ReadDir(place)
	if err != nil {
		return give(Subject{File: file}, fmt.Errorf("%s: %w", file, err))
	}
	for _, n := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		child := path.Join(place, n)
		info, err := tree.Lstat(child, root.Superuser)
		switch {
		case err != nil && !errors.Is(err, root.ENOENT):
			if err := give(Subject{File: name + "#" + child}, fmt.Errorf("%s#%s: %w", name, child, err)); err != nil {
				return err
			}
		case err != nil || info.Mode&root.ModeFmt == root.ModeLink:
			continue
		case info.IsDir():
			if pseudo(tree, child) {
				continue
			}
			if err := walkTree(ctx, t, child, give); err != nil {
				return err
			}
		case info.Regular() && info.Mode&0o111 != 0:
			ok, err := isProgram(func() (root.File, error) { return tree.Open(info) })
			if err != nil {
				err = fmt.Errorf("%s#%s: %w", name, child, err)
			} else if !ok {
				continue
			}
			if err := give(Subject{File: name + "#" + child, tree: tree, home: t, place: child}, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// pseudo directories of the kernel hold no programs, and never end.
func pseudo(tree *root.Root, place string) bool {
	return tree.Name == "host" && (place == "/proc" || place == "/sys" || place == "/dev")
}
