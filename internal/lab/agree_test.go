package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
)

// circumstances of a kind of program in a view, none left to what the target
// would choose.
func circumstances(s Spec) judge.Circumstances {
	c := judge.Circumstances{CPU: "x86-64-v3", Machine: "x86-64", Kernel: &[3]uint32{6, 1, 0}, Env: s.Env, Cwd: s.Cwd}
	if s.View.CPU == "Nehalem" {
		c.CPU = "x86-64-v2"
	}
	if s.View.Qemu == "aarch64" {
		c.CPU, c.Machine = "armv8.0", "aarch64"
	}
	if s.View.Name == "i386" { // its kernel may be one of either
		c.CPU, c.Machine = "", "i386"
	}
	if s.UID != 0 {
		c.User = &root.Cred{UID: s.UID, GID: s.UID}
	}
	return c
}

// judged is one subject on one target.
func judged(ctx context.Context, b *judge.Bench, subject string, on *target.Target, c judge.Circumstances) (r judge.Result, err error) {
	err = b.Subjects(ctx, subject, func(s judge.Subject, err error) error {
		if err == nil {
			err = s.Read()
		}
		if err == nil {
			r, err = b.CheckAs(ctx, s, on, c, judge.AsProgram)
		}
		return err
	})
	return r, err
}

// alike are two targets that are one system by two kinds of evidence.
type alike struct {
	t        *testing.T
	name     string
	one, two *judge.Bench
	a, b     *target.Target
	roots    bool // a is a root, which may lack what every installation has
	total    int
	count    map[string]int // verdicts
	lacks    map[string]int // what the root lacks, by how many verdicts differ for it
}

func newAlike(t *testing.T, name string, one, two target.Options, a, b string) *alike {
	x := &alike{t: t, name: name, one: judge.NewBench(one), two: judge.NewBench(two), count: map[string]int{}, lacks: map[string]int{}}
	t.Cleanup(x.one.Close)
	t.Cleanup(x.two.Close)
	var err error
	if x.a, err = x.one.Target(context.Background(), a); err == nil {
		x.b, err = x.two.Target(context.Background(), b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// ask holds the two against one another: what one says runs, the other must
// not say fails. The layers are laid over where what is beside the subject is
// not part of the target.
func (x *alike) ask(label, file string, on, over judge.Circumstances) {
	ctx := context.Background()
	ra, err := judged(ctx, x.one, file, x.a, on)
	if err != nil {
		x.t.Errorf("%s on %s: %v", label, x.name, err)
		return
	}
	rb, err := judged(ctx, x.two, file, x.b, over)
	if err != nil {
		x.t.Errorf("%s on %s: %v", label, x.name, err)
		return
	}
	x.count[fmt.Sprintf("%s/%s", ra.Verdict, rb.Verdict)]++
	x.total++
	switch {
	case ra.Verdict == rb.Verdict && ra.Verdict == diagnosis.Fails:
		x.causes(label, ra, rb)
	case ra.Verdict == rb.Verdict, rb.Verdict == diagnosis.Unknown, ra.Verdict == diagnosis.Unknown && !x.roots:
	case x.roots && rb.Verdict == diagnosis.Runs && x.lacking(ra):
	default:
		x.t.Errorf("%s on %s: one runs and the other fails\n  %s: %s\n  %s: %s", label, x.name, ra.Evidence, describe(ra), rb.Evidence, describe(rb))
	}
}

// lacking says whether a root fails only for what it lacks and its release
// has: the lab unpacks a few packages, and no whole base system.
func (x *alike) lacking(ra judge.Result) bool {
	var names []string
	for _, f := range ra.Findings {
		if f.Severity != diagnosis.Blocks {
			continue
		}
		name := f.Library
		if f.Cause == diagnosis.InterpreterMissing && strings.HasPrefix(f.Object, "/") {
			name = f.Object
		}
		if f.Cause != diagnosis.LibraryMissing && f.Cause != diagnosis.InterpreterMissing || !x.has(name) {
			return false
		}
		names = append(names, name)
	}
	for _, n := range slices.Compact(names) {
		x.lacks[n]++
	}
	return len(names) > 0
}

// has says whether a file, or a library by its soname, is in the release and
// not in the root.
func (x *alike) has(name string) bool {
	dirs := []string{""}
	if !strings.HasPrefix(name, "/") {
		dirs = []string{"/lib64/", "/usr/lib64/", "/lib/x86_64-linux-gnu/", "/usr/lib/x86_64-linux-gnu/", "/lib/aarch64-linux-gnu/", "/usr/lib/aarch64-linux-gnu/",
			"/lib/i386-linux-gnu/", "/usr/lib/i386-linux-gnu/", "/lib/", "/usr/lib/"}
	}
	inA, inB := false, false
	for _, d := range dirs {
		_, errA := x.a.Root.Stat(d+name, root.Superuser)
		_, errB := x.b.Root.Stat(d+name, root.Superuser)
		inA, inB = inA || errA == nil, inB || errB == nil
	}
	return inB && !inA
}

// causes: where both fail, the first that stops one is among what stops the
// other; but for what one of them does not know.
func (x *alike) causes(label string, ra, rb judge.Result) {
	a, b := stops(ra), stops(rb)
	switch {
	case slices.Contains(b, a[0]), slices.Contains(a, b[0]):
	case len(ra.Unknown)+len(rb.Unknown) > 0:
		x.count["other cause"]++
	default:
		x.t.Errorf("%s on %s: other causes\n  %s: %s\n  %s: %s", label, x.name, ra.Evidence, describe(ra), rb.Evidence, describe(rb))
	}
}

func stops(r judge.Result) (list []diagnosis.Cause) {
	for _, f := range r.Findings {
		if f.Severity == diagnosis.Blocks {
			list = append(list, f.Cause)
		}
	}
	return list
}

// releases of Debian that roots of the lab are made of, and Alpine's with the
// same musl.
var releases = []struct{ root, release, machine string }{
	{"bullseye", "debian:11", "x86-64"}, {"bookworm", "debian:12", "x86-64"}, {"trixie", "debian:13", "x86-64"}, {"sid", "debian:sid", "x86-64"},
	{"i386", "debian:12", "i386"}, {"arm64", "debian:12", "aarch64"}, {"musl", "alpine:3.17", "x86-64"}, {"musl125", "alpine:3.20", "x86-64"},
}

// Each kind of program, with what lies beside it, on a root and on the release
// that the root is made of, by its published facts and by its packages.
func TestReleasesAgreeWithRoots(t *testing.T) {
	l := Open(t)
	all := map[string][]*pair{}
	for _, p := range l.pairs(t) {
		all[p.spec.View.Name] = append(all[p.spec.View.Name], p)
	}
	for _, c := range releases {
		for _, published := range []bool{true, false} {
			if !published && !indexed(c.release, c.machine) {
				continue
			}
			x := newAlike(t, c.release+" "+c.machine, target.Options{}, target.Options{Published: published}, "dir:"+l.Root(c.root), c.release)
			x.roots = true
			for _, p := range all[c.root] {
				if file, ok := regular(l.Root(c.root) + p.spec.Argv[0]); ok {
					over := circumstances(p.spec)
					over.With = []judge.Layer{{Dir: l.Root(c.root) + "/opt/lab", Place: "/opt/lab"}}
					x.ask(p.name, file, circumstances(p.spec), over)
				}
			}
			x.report(300, 15)
		}
	}
}

func indexed(release, machine string) bool {
	return slices.ContainsFunc(pkgindex.EmbeddedIndexes(), func(e pkgindex.EmbeddedIndex) bool {
		return e.Machine == machine && slices.Contains(e.Releases, release)
	})
}

// regular: a kind whose program is a link leads out of its folder on this
// machine, and is left out.
func regular(file string) (string, bool) {
	info, err := os.Lstat(file)
	return file, err == nil && info.Mode().IsRegular()
}

func (x *alike) report(total, runs int) {
	x.t.Logf("%s by %s and by %s: %d pairs: %v", x.name, x.a.Evidence, x.b.Evidence, x.total, x.count)
	if len(x.lacks) > 0 {
		x.t.Logf("  the root lacks, and the release has: %v", x.lacks)
	}
	if x.total < total || x.count["runs/runs"] < runs || x.count["fails/fails"] < total/10 {
		x.t.Errorf("%s: too little was compared: %v", x.name, x.count)
	}
}

// Every index that willrun carries, and the published facts of the same
// release: all kinds of program of the lab, and programs of this machine.
func TestIndexesAgreeWithProfiles(t *testing.T) {
	l := Open(t)
	options := OptionsOf(t)
	base := l.Root("bookworm")
	host := hostPrograms(t, 300)
	for _, e := range pkgindex.EmbeddedIndexes() {
		x := newAlike(t, e.Releases[0]+" "+e.Machine, target.Options{}, target.Options{Published: true}, e.Releases[0], e.Releases[0])
		for _, k := range l.Cases(t) {
			file, ok := regular(base + Place(k) + "/prog")
			if !ok {
				continue
			}
			o := options[k]
			c := circumstances(Spec{Env: o.env(), UID: o.UID, Cwd: o.Cwd})
			c.With = []judge.Layer{{Dir: base + "/opt/lab", Place: "/opt/lab"}}
			if e.Machine != "x86-64" {
				c.Machine, c.CPU = e.Machine, ""
			}
			x.ask(k, file, c, c)
		}
		for _, file := range host {
			if e.Machine == "x86-64" {
				x.ask(file, file, judge.Circumstances{}, judge.Circumstances{})
			}
		}
		x.report(600, 10)
	}
}

// hostPrograms are some of this machine's.
func hostPrograms(t testing.TB, n int) (list []string) {
	names, err := filepath.Glob("/usr/bin/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if file, ok := regular(name); ok && len(list) < n {
			list = append(list, file)
		}
	}
	return list
}
