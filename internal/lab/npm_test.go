package lab

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/target"
)

// npmProgram is a row of testdata/npm.tsv.
type npmProgram struct {
	spec, program, integrity string
	args                     []string          // nil: a library
	says                     string            // what shows that it has started
	want                     map[string]string // by target
	dir                      string            // where its package is unpacked
}

func (p *npmProgram) file() string { return filepath.Join(p.dir, p.program) }

// name of its folder.
func (p *npmProgram) name() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(p.spec, "@"), "@")
	return strings.ReplaceAll(name, "/", "-")
}

// readNpm gives the rows, and the targets in order.
func readNpm(t testing.TB) (list []*npmProgram, targets []string) {
	for _, f := range rows(t, "testdata/npm.tsv") {
		if targets == nil {
			targets = f[3 : len(f)-1]
			continue
		}
		p := &npmProgram{spec: f[0], program: f[1], integrity: f[len(f)-1], want: map[string]string{}}
		_, p.says, _ = strings.Cut(p.spec[1:], "@")
		if f[2] != "-" {
			args, says, other := strings.Cut(f[2], " => ")
			if p.args = strings.Fields(args); other {
				p.says = says
			}
		}
		for i, on := range targets {
			p.want[on] = f[3+i]
		}
		list = append(list, p)
	}
	return list, targets
}

// cacheDir is where built and fetched things are kept.
func cacheDir(t testing.TB) string {
	base := os.Getenv("WILLRUN_LAB")
	if base == "" {
		home, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		base = filepath.Join(home, "willrun-lab")
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		t.Fatal(err)
	}
	return base
}

// fetchNpm has every package unpacked in the cache, under its digest; npm
// fetches those that are not there, in one call.
func fetchNpm(t testing.TB, list []*npmProgram) {
	base := filepath.Join(cacheDir(t), "npm")
	if err := os.MkdirAll(base, 0o755); err != nil {
		t.Fatal(err)
	}
	defer lock(t, filepath.Join(base, "lock"))()
	var missing []*npmProgram
	for _, p := range list {
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.integrity, "sha512-"))
		if err != nil || len(sum) != sha512.Size {
			t.Fatalf("%s: no digest: %s", p.spec, p.integrity)
		}
		p.dir = filepath.Join(base, hex.EncodeToString(sum)[:24])
		if _, err := os.Stat(p.dir); err != nil {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return
	}
	if _, err := exec.LookPath("npm"); err != nil {
		Missing(t, "npm fetches the packages")
	}
	tmp := filepath.Join(base, "fetching")
	os.RemoveAll(tmp)
	defer os.RemoveAll(tmp)
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"pack", "--silent", "--ignore-scripts", "--cache", filepath.Join(tmp, "cache"), "--pack-destination", tmp}
	for _, p := range missing {
		args = append(args, p.spec)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", args...)
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		Missing(t, "npm could not fetch the packages: "+err.Error()+": "+string(out))
	}
	for _, p := range missing {
		if err := unpackNpm(p, tmp); err != nil {
			t.Fatalf("%s: %v", p.spec, err)
		}
	}
}

// unpackNpm checks a package against its digest, and unpacks it to its place.
func unpackNpm(p *npmProgram, tmp string) error {
	name, version, _ := strings.Cut(strings.TrimPrefix(p.spec, "@"), "@")
	f, err := os.Open(filepath.Join(tmp, strings.ReplaceAll(name, "/", "-")+"-"+version+".tgz"))
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != p.integrity {
		return errors.New("its digest is " + got + ", and " + p.integrity + " is wanted")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	dir := filepath.Join(tmp, "unpacked")
	os.RemoveAll(dir)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return os.Rename(dir, p.dir)
		}
		if err != nil {
			return err
		}
		_, rest, _ := strings.Cut(h.Name, "/") // the first part is "package" or the like
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(rest) {
			continue
		}
		if err := unpackFile(filepath.Join(dir, rest), r); err != nil {
			return err
		}
	}
}

func unpackFile(name string, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// npmView is a hard-linked copy of a root of the lab, without its kinds of
// program, and with the packages in /opt/npm.
func npmView(t testing.TB, l *Lab, root string, list []*npmProgram) string {
	dir, err := os.MkdirTemp(filepath.Join(cacheDir(t), "npm"), "view-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, l.Root(root), dir, "/opt/lab")
	for _, p := range list {
		link(t, p.dir, filepath.Join(dir, "opt/npm", p.name()), "")
	}
	const emulator = "opt/lab/.qemu-aarch64"
	if err := os.MkdirAll(filepath.Join(dir, "opt/lab"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(l.Root(root), emulator), filepath.Join(dir, emulator)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// link copies a tree by hard links, but for one directory.
func link(t testing.TB, from, to, but string) {
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		rest := strings.TrimPrefix(name, from)
		if err != nil || rest == "" {
			return err
		}
		switch {
		case d.IsDir() && rest == but:
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(to+rest, 0o755)
		case d.Type() == fs.ModeSymlink:
			text, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(text, to+rest)
		case d.Type().IsRegular():
			return os.Link(name, to+rest)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Programs of npm packages, Go's and others', for many systems: the verdict on
// roots of the lab, where each is started too, and on releases.
func TestNpmPackages(t *testing.T) {
	l := Open(t)
	list, targets := readNpm(t)
	fetchNpm(t, list)
	views := map[string]View{}
	for _, v := range l.Views(t) {
		views[v.Name] = v
	}
	judgements, starts := 0, 0
	for _, on := range targets {
		root := ""
		if v, ok := views[on]; ok {
			root = npmView(t, l, v.Base, list)
		}
		results := judgeNpm(t, list, on, root)
		for i, p := range list {
			judgements++
			if !fits(results[i], p.want[on]) {
				t.Errorf("%s on %s: %s is wanted: %s", p.spec, on, p.want[on], describe(results[i]))
			}
		}
		if root != "" {
			starts += startNpm(t, list, views[on], root, results)
		}
	}
	t.Logf("%d programs of npm packages on %d targets: %d judgements, %d of them held against a real start", len(list), len(targets), judgements, starts)
	if starts < 100 {
		t.Error("too few were started")
	}
}

func judgeNpm(t testing.TB, list []*npmProgram, on, root string) []judge.Result {
	ctx := context.Background()
	bench := judge.NewBench(target.Options{})
	defer bench.Close()
	name := on
	if root != "" {
		name = "dir:" + root
	}
	tgt, err := bench.Target(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	results := make([]judge.Result, len(list))
	for i, p := range list {
		file := p.file()
		if root != "" {
			file = filepath.Join(root, "opt/npm", p.name(), p.program)
		}
		err := bench.Subjects(ctx, file, func(s judge.Subject, err error) error {
			if err == nil {
				err = s.Read()
			}
			if err == nil {
				results[i], err = bench.Check(ctx, s, tgt, judge.Circumstances{})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return results
}

// fits says whether a result is one of those that are wanted.
func fits(r judge.Result, want string) bool {
	for w := range strings.SplitSeq(want, "|") {
		if w == r.Verdict.String() && w != "fails" || r.Verdict == diagnosis.Fails && stoppedBy(r, diagnosis.Cause(w)) {
			return true
		}
	}
	return false
}

// stoppedBy says whether the first that stops a start is one of some causes.
func stoppedBy(r judge.Result, causes ...diagnosis.Cause) bool {
	for _, f := range r.Findings {
		if f.Severity == diagnosis.Blocks {
			return slices.Contains(causes, f.Cause)
		}
	}
	return false
}

// startNpm starts every program in a root, or has a library preloaded, and
// holds what happens against the results. It gives how many were started.
func startNpm(t *testing.T, list []*npmProgram, v View, root string, results []judge.Result) int {
	var specs []Spec
	var of []int
	for i, p := range list {
		s := Spec{Root: root, View: v, Env: DefaultEnv, Cwd: "/"}
		place := path.Join("/opt/npm", p.name(), p.program)
		switch {
		case p.args != nil:
			s.Argv = []string{place}
			for _, a := range p.args {
				if strings.Contains(a, "/") {
					a = path.Join("/opt/npm", p.name(), a)
				}
				s.Argv = append(s.Argv, a)
			}
		case slices.Contains([]string{"bookworm", "bullseye", "trixie"}, v.Name) && !stoppedBy(results[i], diagnosis.InterpreterMissing, diagnosis.WrongMachine):
			s.Argv = []string{"/bin/true"}
			s.Env = append(slices.Clone(DefaultEnv), "LD_BIND_NOW=1", "LD_PRELOAD="+place)
		default:
			continue // nothing there opens it
		}
		if e := results[i].Facts.ELF; v.Qemu != "" && (e == nil || e.Machine != "aarch64") {
			continue // the emulator runs programs of its own machine alone
		} else if v.Name == "scratch" && e != nil && e.Machine != "x86-64" && e.Machine != "i386" {
			continue // an empty system was taken for one of that machine
		}
		specs, of = append(specs, s), append(of, i)
	}
	for n, real := range Run(t, specs) {
		p, r := list[of[n]], results[of[n]]
		if why := against(p, r, real); why != "" {
			t.Errorf("%s on %s: %s: exit %d %s %s %q %q\n  ours: %s", p.spec, v.Name, why, real.Exit, real.Signal, real.Errno, real.Stdout, firstLine(real.Stderr), describe(r))
		}
	}
	return len(specs)
}

// against holds a result against a real start.
func against(p *npmProgram, r judge.Result, real Result) string {
	started := strings.Contains(real.Stdout+real.Stderr, p.says)
	if p.args == nil {
		started = real.Exit == 0 && real.Stderr == ""
	}
	switch {
	case started != (r.Verdict == diagnosis.Runs):
		return "another outcome"
	case started:
		return ""
	}
	for _, f := range r.Findings {
		_, tail, _ := strings.Cut(f.Message, ": ")
		switch {
		case f.Severity != diagnosis.Blocks:
		case real.Errno != "" && strings.HasPrefix(f.Message, "execve: "+real.Errno+":"):
			return ""
		case real.Errno == "" && tail != "" && strings.Contains(real.Stderr, tail):
			return ""
		case f.Cause == diagnosis.WrongSystem && real.Signal != "":
			return "" // another system's calls: it crashes
		}
	}
	return "another line"
}
