package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/target"
)

// Every dynamic program and library of full Debian roots: its libraries with
// their paths in their order, missing versions and undefined symbols are what
// the root's own loader lists.
func TestFullRoots(t *testing.T) {
	l, suites := OpenFull(t)
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) { compareFull(t, l.Root(suite)) })
	}
}

func compareFull(t *testing.T, dir string) {
	files := fullFiles(t, dir)
	specs := make([]Spec, len(files))
	programs := 0
	for i, f := range files {
		specs[i] = traceSpec(dir, f)
		if f.Program {
			programs++
		}
	}
	_, before := cpuTime()
	real := Run(t, specs)
	_, asked := cpuTime()
	start, _ := cpuTime()
	j := newFullJudge(t)
	defer j.bench.Close()
	ours := make([]judge.Result, len(files))
	inParallel(len(files), func(i int) { ours[i] = j.alike(t, dir, files[i]) })
	judged, _ := cpuTime()
	d := differences{}
	for i, f := range files {
		d.compare(f.Place, parseTrace(real[i]), ourListing(f.Place, ours[i]))
	}
	t.Logf("%d programs, %d libraries; the loader took %.0f s of CPU, willrun %.1f s; %s", programs, len(files)-programs, (asked - before).Seconds(), (judged - start).Seconds(), d.summary())
	if programs < 600 || len(files)-programs < 1500 {
		t.Errorf("too few to speak of a full root")
	}
	d.report(t)
}

// beyondMissing: a start ends at a library that is missing. In trace mode
// alone the loader goes on, and tells of what is undefined without it
// (_dl_map_object: l_faked); willrun does not. The loader may crash at that,
// for it has no room for versions of the missing library (dl-version.c counts
// ndx_high over the others). It gives 1 where that is so.
func beyondMissing(want, have *listing) int {
	if !slices.ContainsFunc(want.libraries, notFound) || !slices.ContainsFunc(have.libraries, notFound) {
		return 0
	}
	want.symbols, have.symbols = nil, nil
	want.other = slices.DeleteFunc(want.other, func(line string) bool { return line == crashed })
	return 1
}

func notFound(line string) bool { return strings.HasSuffix(line, " => not found") }

// fullJudge judges files of large roots.
type fullJudge struct {
	bench  *judge.Bench
	cpu    string
	kernel [3]uint32
}

func newFullJudge(t *testing.T) *fullJudge {
	host, err := target.Open(context.Background(), "host", target.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	return &fullJudge{bench: judge.NewBench(target.Options{}), cpu: host.Host.CPU, kernel: host.Host.Kernel}
}

// circumstances of the loader's run: this CPU and kernel, and its environment
// without the question itself.
func (j *fullJudge) circumstances(bindNow bool) judge.Circumstances {
	c := judge.Circumstances{CPU: j.cpu, Kernel: &j.kernel, Env: slices.Clone(DefaultEnv)}
	if bindNow {
		c.Env = append(c.Env, "LD_BIND_NOW=1")
	}
	return c
}

// alike judges a file as the loader was asked for it.
func (j *fullJudge) alike(t *testing.T, dir string, f fullFile) judge.Result {
	if f.Program {
		return j.program(t, "dir:"+dir+"#"+f.Place, "dir:"+dir, j.circumstances(true))
	}
	return j.library(t, dir, f.Place)
}

func (j *fullJudge) program(t *testing.T, subject, on string, c judge.Circumstances) (r judge.Result) {
	ctx := context.Background()
	tgt, err := j.bench.Target(ctx, on)
	if err == nil {
		err = j.bench.Subjects(ctx, subject, func(s judge.Subject, err error) error {
			if err == nil {
				err = s.Read()
			}
			if err == nil {
				r, err = j.bench.CheckAs(ctx, s, tgt, c, judge.AsProgram)
			}
			return err
		})
	}
	if err != nil {
		t.Errorf("%s on %s: %v", subject, on, err)
	}
	return r
}

// library judges a library as the loader has it that is given its path: as the
// main map. What that needs of a program is added to its facts: the loader's
// name, and program headers that the loader finds by itself then, for it maps
// the file (rtld.c, dl_main, from "ld.so is being run as a program" on).
func (j *fullJudge) library(t *testing.T, dir, place string) (r judge.Result) {
	ctx := context.Background()
	file := filepath.Join(dir, place)
	facts, err := binary.ReadFile(file)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return r
	}
	facts.ELF.Interp, facts.ELF.HasInterp = fullLoader, true
	for _, segment := range facts.ELF.Segments { // an entry point, which is never reached
		if segment.Type == binary.PTLoad && segment.Flags&1 != 0 {
			facts.ELF.Header.Entry = segment.Vaddr
		}
	}
	size := uint64(len(fullLoader) + 1)
	facts.ELF.Segments = append(slices.Clone(facts.ELF.Segments), binary.Segment{Type: binary.PTInterp, Filesz: size, Memsz: size},
		binary.Segment{Type: binary.PTPhdr})
	tgt, err := j.bench.Target(ctx, "dir:"+dir)
	if err == nil {
		c := j.circumstances(true)
		c.At = place
		err = j.bench.Subjects(ctx, file, func(s judge.Subject, err error) error {
			if err == nil {
				s.Facts = facts
				r, err = j.bench.CheckAs(ctx, s, tgt, c, judge.AsProgram)
			}
			return err
		})
	}
	if err != nil {
		t.Errorf("%s: %v", file, err)
	}
	return r
}

// ourListing is what the loader would say by our judgement.
func ourListing(place string, r judge.Result) listing {
	var l listing
	none := r.Facts == nil || len(r.Facts.ELF.Needed) == 0
	for _, lib := range r.Libraries {
		switch {
		case none: // "statically linked": no list
		case lib.Path == "":
			l.libraries = append(l.libraries, lib.Name+" => not found")
		case lib.Path == fullLoader || lib.Path == lib.Name:
			// The first name of ld.so's own map is its path, whatever asked
			// for it later (rtld.c: _dl_rtld_libname, _dl_rtld_libname2).
			l.libraries = append(l.libraries, lib.Path)
		default:
			l.libraries = append(l.libraries, lib.Name+" => "+lib.Path)
		}
	}
	seen := map[string]bool{}
	for _, f := range r.Findings {
		message := f.Message
		if seen[message] {
			continue
		}
		seen[message] = true
		rest, symbol := strings.CutPrefix(message, place+": symbol lookup error: ")
		switch {
		case symbol:
			object, text, _ := strings.Cut(rest, ": ")
			l.symbols = append(l.symbols, text+"\t("+object+")")
		case versionLine.MatchString(message):
			l.versions = append(l.versions, message)
		case f.Cause == diagnosis.LibraryMissing: // in the list
		case f.Severity != diagnosis.Blocks: // later than the list
		default:
			l.other = append(l.other, fmt.Sprintf("%s: %s (%s)", f.Cause, message, f.Detail))
		}
	}
	for _, u := range r.Unknown {
		l.other = append(l.other, "unknown: "+u)
	}
	return l
}

// differences between listings, by file, and how much was compared.
type differences struct {
	files []string
	count map[string]int
	text  []string

	libraries, missing, versions, symbols, folded, beyond int
}

func (d *differences) summary() string {
	return fmt.Sprintf("%d differ (%s). Listed: %d libraries, %d not found, %d lines of versions, %d undefined symbols (%d more with their version); the symbols of %d files are not compared, for a library is missing",
		len(d.files), d.kinds(), d.libraries, d.missing, d.versions, d.symbols, d.folded, d.beyond)
}

func (d *differences) compare(name string, want, have listing) {
	d.beyond += beyondMissing(&want, &have)
	for _, line := range want.libraries {
		if d.libraries++; notFound(line) {
			d.missing++
		}
	}
	d.versions += len(want.versions)
	d.symbols += len(want.symbols)
	d.folded += want.folded
	var text []string
	note := func(kind string, want, have []string) {
		if d.count == nil {
			d.count = map[string]int{}
		}
		d.count[kind]++
		text = append(text, kind)
		for _, line := range want {
			if !slices.Contains(have, line) {
				text = append(text, "  loader alone:  "+line)
			}
		}
		for _, line := range have {
			if !slices.Contains(want, line) {
				text = append(text, "  willrun alone: "+line)
			}
		}
	}
	if !slices.Equal(want.libraries, have.libraries) {
		note("libraries", want.libraries, have.libraries)
	}
	if !sameSet(want.versions, have.versions) {
		note("versions", want.versions, have.versions)
	}
	if !sameSet(want.symbols, have.symbols) {
		note("symbols", want.symbols, have.symbols)
	}
	if !slices.Equal(want.other, have.other) {
		note("other", want.other, have.other)
	}
	if len(text) > 0 {
		d.files = append(d.files, name)
		d.text = append(d.text, name+": "+strings.Join(text[:min(len(text), 12)], "\n    "))
	}
}

func (d *differences) kinds() string {
	var list []string
	for kind, n := range d.count {
		list = append(list, fmt.Sprintf("%s %d", kind, n))
	}
	sort.Strings(list)
	return strings.Join(list, ", ")
}

// report fails the test with the first differences; WILLRUN_FULL_REPORT names
// a file for all of them.
func (d *differences) report(t *testing.T) {
	for i, text := range d.text {
		if i < 40 {
			t.Error(text)
		}
	}
	if name := os.Getenv("WILLRUN_FULL_REPORT"); name != "" {
		name += "." + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
		if err := os.WriteFile(name, []byte(strings.Join(d.text, "\n")), 0o644); err != nil {
			t.Error(err)
		}
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// cpuTime of this process, and of its children that ended.
func cpuTime() (own, children time.Duration) {
	of := func(who int) time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			return 0
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return of(syscall.RUSAGE_SELF), of(syscall.RUSAGE_CHILDREN)
}

func inParallel(n int, do func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
