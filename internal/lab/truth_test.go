package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
)

func TestMain(m *testing.M) { Main(m) }

// pair is one program in one root: what happened, and what we said.
type pair struct {
	spec  Spec
	name  string
	real  Result
	ours  judge.Result
	facts *binary.Facts
}

// Every kind of program is started in every root, and willrun's verdict held
// against what happened: verdict, cause and the loader's line to the letter;
// for a refusal of the kernel the errno.
func TestEveryPairAgreesWithTheRealLoaders(t *testing.T) {
	l := Open(t)
	pairs := l.pairs(t)
	specs := make([]Spec, len(pairs))
	for i, p := range pairs {
		specs[i] = p.spec
	}
	for i, r := range Run(t, specs) {
		pairs[i].real = r
	}
	l.predict(t, pairs)
	wrongRuns, differ, naive, emulated := 0, 0, 0, 0
	for _, p := range pairs {
		if p.skipped() {
			emulated++
			continue
		}
		started := p.real.Started || strings.HasPrefix(p.name, "sh-noeol ") && p.real.Exit == 0
		p.real.Started = started
		if !started && p.ours.Verdict == diagnosis.Runs {
			wrongRuns++
			t.Errorf("WRONG RUNS %s: exit %d %s %s %q", p.name, p.real.Exit, p.real.Signal, p.real.Errno, firstLine(p.real.Stderr))
			continue
		}
		if why := p.difference(); why != "" {
			differ++
			t.Errorf("%s: %s\n  real: started %v, exit %d %s %s, class %s\n        %q\n  ours: %s", p.name, why, started, p.real.Exit, p.real.Signal, p.real.Errno,
				class(p.real), firstLine(p.real.Stderr), describe(p.ours))
		}
		if naiveRuns(l, p) != started {
			naive++
		}
	}
	total := len(pairs) - emulated
	t.Logf("%d kinds of program × %d roots, %d pairs (%d more that an emulator decides): %d agree, %d wrong \"runs\", %d other differences; the rule \"highest GLIBC ≤ the root's, and every NEEDED is there\" is wrong in %d",
		len(l.Cases(t)), len(l.Views(t)), total, emulated, total-wrongRuns-differ, wrongRuns, differ, naive)
}

// skipped pairs are those that an emulator decides in the kernel's place: it
// runs no scripts, knows no set-user-id, asks no execute bit of a loader, and
// takes programs of its own machine alone. Nothing is skipped without one.
func (p *pair) skipped() bool {
	if p.spec.View.Qemu == "" {
		kind, _, _ := strings.Cut(p.name, " ")
		return known[p.name] != "" || known[kind] != ""
	}
	if f := p.facts; f.Format != binary.FormatELF || f.ELF.Machine != map[string]string{"aarch64": "aarch64", "x86_64": "x86-64"}[p.spec.View.Qemu] {
		return true
	}
	for _, prefix := range []string{"c-setuid", "c-interp-", "f-elf-", "lib-as-program", "trunc-exe", "elf-noxbit"} {
		if strings.HasPrefix(p.name, prefix) {
			return true
		}
	}
	return false
}

// known differences, each with its reason.
var known = map[string]string{
	"d-sh-unreadable":                           "foretold; the words are the interpreter's own",
	"d-sh-crlf-interp":                          "the shell starts, and dislikes its argument",
	"d-trace":                                   "LD_TRACE_LOADED_OBJECTS: the loader lists and exits, willrun says unknown",
	"d-interp-lib":                              "the interpreter is no loader: willrun says unknown",
	"d-interp-prog":                             "the same",
	"d-interp-static":                           "the same",
	"d-interp-trunc4096":                        "the same",
	"d-ldso-program":                            "a loader started as a program: willrun says unknown",
	"d-sh-env-i":                                "options of env in one word: willrun says unknown",
	"d-mixed-ld-new in bookworm":                "loader and libc of two builds: willrun says unknown",
	"d-mixed-ld-new in bullseye":                "the same",
	"d-mixed-pthread in bookworm":               "the same",
	"d-mixed-pthread in trixie":                 "the same",
	"d-mixed-pthread in sid":                    "the same",
	"d-private-old in musl":                     "a loader without its libc.so.6 does not tell its version",
	"d-private-old in musl125":                  "the same",
	"d-mixed-ld-new in sid":                     "loader and libc of two builds: willrun says unknown",
	"d-mixed-libc-new in sid":                   "the same",
	"d-relr-nolibc in bullseye":                 "undone relocations that this very program does not miss before main",
	"d-private-old in muslcompat":               "the same",
	"d-relr-nolibc in muslcompat":               "the same",
	"m-lib-noload in musl125":                   "refused by musl 1.2.3, a crash in 1.2.5",
	"d-lib-bigfile":                             "refused, with other words",
	"d-lib-magic in muslcompat":                 "musl looks at next to nothing in a library's header; willrun takes what claims to be no ELF for none",
	"m-lib-magic":                               "the same",
	"m-wrongmachine":                            "musl does not look at the machine: willrun says unknown",
	"d-lib-machine0 in muslcompat":              "the same",
	"d-lib-wrongmachine-badident in muslcompat": "the same",
	"d-lib-zerohash in muslcompat":              "a crash in musl's symbol lookup, foretold as a symbol that is missing",
	"d-lib-nosymtab in muslcompat":              "the same",
	"d-lib-dynoutside in muslcompat":            "the same",
	"d-prog-nostrtab in muslcompat":             "the same",
	"d-lib-offset in muslcompat":                "musl maps what is not aligned, and willrun reads it by addresses",
	"d-libc-program in bookworm":                "libc.so.6 starts as a program, and prints its banner",
	"d-libc-program in trixie":                  "the same",
	"d-libc-program in sid":                     "the same",
	"c-bigendian in muslcompat":                 "musl does not look at the byte order that a library claims, and reads it as its own",
	"c-wrongmachine in muslcompat":              "an x86-64 library that claims another machine: musl does not look, willrun says unknown",
	"c-wrongmachine-then-good in muslcompat":    "the same",
}

// plainRoots have one loader each.
var plainRoots = map[string]bool{"bullseye": true, "bookworm": true, "trixie": true, "sid": true, "musl": true, "musl125": true, "muslcompat": true}

func (l *Lab) pairs(t *testing.T) []*pair {
	options := OptionsOf(t)
	var pairs []*pair
	for _, c := range l.Cases(t) {
		o := options[c]
		if o.Cwd == "" {
			o.Cwd = "/"
		}
		for _, v := range l.Views(t) {
			if strings.HasPrefix(c, "d-") && !plainRoots[v.Name] {
				continue // one rule of a loader each: the loaders are what matters, not what else a root has
			}
			s := Spec{Root: l.Root(v.Base), View: v, Argv: []string{Place(c) + "/prog"}, Env: o.env(), UID: o.UID, Cwd: o.Cwd}
			pairs = append(pairs, &pair{name: c + " in " + v.Name, spec: s})
		}
	}
	return pairs
}

func (l *Lab) predict(t *testing.T, pairs []*pair) {
	ctx := context.Background()
	bench := judge.NewBench(target.Options{})
	defer bench.Close()
	host, err := target.Open(ctx, "host", target.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	for _, p := range pairs {
		name := "dir:" + p.spec.Root
		tgt, err := bench.Target(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		view := *tgt
		if p.spec.View.Noexec {
			// A mount option counts for host alone: give the tree the mount.
			view.Host = &target.Host{Machine: "x86-64", CPU: host.Host.CPU}
			view.Host.AddMount("/opt/lab", true, false)
		}
		c := judge.Circumstances{CPU: host.Host.CPU, Env: p.spec.Env, Cwd: p.spec.Cwd, Kernel: &host.Host.Kernel}
		if p.spec.View.CPU == "Nehalem" {
			c.CPU = "x86-64-v2"
		}
		if p.spec.UID != 0 {
			c.User = &root.Cred{UID: p.spec.UID, GID: p.spec.UID}
		}
		if p.spec.View.Qemu == "aarch64" {
			c.CPU, c.Machine = "", "aarch64"
		}
		err = bench.Subjects(ctx, name+"#"+p.spec.Argv[0], func(s judge.Subject, err error) error {
			if err == nil {
				err = s.Read()
			}
			if err != nil {
				return err
			}
			p.facts = s.Facts
			p.ours, err = bench.CheckAs(ctx, s, &view, c, judge.AsProgram)
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
	}
}

// classes of what really happened, and the causes that fit each: by their
// sense; where one is not plain, loader-refused.
var classes = []struct {
	name, pattern string
	causes        []diagnosis.Cause
}{
	{"ld-version", `version .* not found \(required by`, []diagnosis.Cause{diagnosis.VersionMissing, diagnosis.LibcMixed}},
	{"ld-missing-lib", `cannot open shared object file`, []diagnosis.Cause{diagnosis.LibraryMissing}},
	{"ld-isa-level", `CPU ISA level|Fatal glibc error: CPU`, []diagnosis.Cause{diagnosis.CPUTooOld}},
	{"ld-undefined", `symbol lookup error`, []diagnosis.Cause{diagnosis.SymbolMissing, diagnosis.LibcMixed}},
	{"ld-exec-stack", `executable stack`, []diagnosis.Cause{diagnosis.LoaderRefused, diagnosis.LibraryUnusable}},
	{"ld-bad-lib", `error while loading shared libraries`, []diagnosis.Cause{diagnosis.LibraryUnusable, diagnosis.LoaderRefused}},
	{"ld-assert", `Inconsistency detected by ld.so`, []diagnosis.Cause{diagnosis.LoaderRefused}},
	{"musl-bad-lib", `Error loading shared library .*(Out of memory|Exec format|Is a directory|Invalid|Too many|Permission)`, []diagnosis.Cause{diagnosis.LibraryUnusable, diagnosis.LibraryMissing}},
	{"musl-missing-lib", `Error loading shared library`, []diagnosis.Cause{diagnosis.LibraryMissing}},
	{"musl-unsupported", `unsupported relocation`, []diagnosis.Cause{diagnosis.LibraryUnusable}},
	{"musl-undefined", `Error relocating`, []diagnosis.Cause{diagnosis.SymbolMissing}},
	{"go-level", `can only be run on AMD64`, []diagnosis.Cause{diagnosis.CPUTooOld}},
	{"env", `env: |can't execute`, []diagnosis.Cause{diagnosis.InterpreterMissing}},
}

var errnoCauses = map[string][]diagnosis.Cause{
	"ENOEXEC":      {diagnosis.NotAProgram, diagnosis.WrongMachine, diagnosis.WrongSystem},
	"ENOENT":       {diagnosis.InterpreterMissing},
	"ENOTDIR":      {diagnosis.InterpreterMissing, diagnosis.InterpreterUnusable},
	"EACCES":       {diagnosis.NotExecutable, diagnosis.InterpreterUnusable},
	"ELOOP":        {diagnosis.NotAProgram, diagnosis.InterpreterUnusable},
	"ELIBBAD":      {diagnosis.InterpreterUnusable},
	"ENAMETOOLONG": {diagnosis.InterpreterUnusable},
	"EIO":          {diagnosis.InterpreterUnusable},
}

func class(r Result) string {
	for _, c := range classes {
		if regexp.MustCompile(c.pattern).MatchString(r.Stderr) {
			return c.name
		}
	}
	if r.Errno != "" {
		return "exec-" + strings.ToLower(r.Errno)
	}
	return fmt.Sprintf("exit %d %s", r.Exit, r.Signal)
}

// difference says what we got wrong, or "".
func (p *pair) difference() string {
	first, blocked := p.blocking()
	if p.real.Started {
		if p.ours.Verdict != diagnosis.Runs {
			return "it starts"
		}
		return p.warnings()
	}
	if p.ours.Verdict != diagnosis.Fails || !blocked {
		return "it does not start"
	}
	emulated := p.spec.View.Qemu != ""
	if p.real.Errno != "" {
		if want := "execve: " + p.real.Errno; !strings.HasPrefix(first.Message, want+":") {
			return "the errno differs: " + first.Message
		}
		if !contains(errnoCauses[p.real.Errno], first.Cause) {
			return "the cause does not fit the errno"
		}
		return ""
	}
	if emulated && (strings.Contains(p.real.Stderr, "qemu") || strings.Contains(p.real.Stderr, "Error while loading") || firstLine(p.real.Stderr) == "") {
		return "" // the emulator's own words, not the kernel's
	}
	line := ""
	for _, text := range strings.Split(p.real.Stderr, "\n") {
		if text != "" && !strings.HasPrefix(text, "ERROR: ld.so") && !strings.Contains(text, "TCG doesn't support") {
			line = text
			break
		}
	}
	for _, c := range classes {
		if regexp.MustCompile(c.pattern).MatchString(line) {
			if !contains(c.causes, first.Cause) {
				return "the cause does not fit " + c.name
			}
			break
		}
	}
	line = strings.TrimPrefix(line, "/usr/bin/")
	first.Message = strings.TrimPrefix(first.Message, "/usr/bin/") // newer coreutils leave it out
	if line != "" && first.Message != line && !strings.HasPrefix(line, "ERROR: ld.so") && !strings.Contains(p.real.Stderr, first.Message+"\n") {
		return "the line differs"
	}
	if line != "" && p.ours.Trace != nil && len(p.ours.Trace.Output) > 0 && strings.TrimPrefix(p.ours.Trace.Output[0], "/usr/bin/") != strings.TrimPrefix(firstLine(p.real.Stderr), "/usr/bin/") {
		return "the first line of output differs: " + p.ours.Trace.Output[0]
	}
	if t := p.ours.Trace; !emulated && p.real.Signal != "TIMEOUT" && (t.Signal != p.real.Signal || t.ExitStatus != p.real.Exit) {
		return fmt.Sprintf("it ends otherwise: exit %d %s", t.ExitStatus, t.Signal)
	}
	return ""
}

// warnings of a start that goes on are printed too.
func (p *pair) warnings() string {
	if line := firstLine(p.real.Stderr); strings.Contains(line, "ld.so") || strings.Contains(line, "no version information") {
		if out := p.ours.Trace.Output; len(out) == 0 || out[0] != line {
			return "the loader's warning differs: " + line
		}
	}
	return ""
}

func (p *pair) blocking() (diagnosis.Finding, bool) {
	for _, f := range p.ours.Findings {
		if f.Severity == diagnosis.Blocks {
			return f, true
		}
	}
	return diagnosis.Finding{}, false
}

func contains(list []diagnosis.Cause, c diagnosis.Cause) bool {
	for _, x := range list {
		if x == c {
			return true
		}
	}
	return false
}

func describe(r judge.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", r.Verdict)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "\n        %s %s %q %s", f.Severity, f.Cause, f.Message, f.Detail)
	}
	for _, u := range r.Unknown {
		fmt.Fprintf(&b, "\n        unknown: %s", u)
	}
	return b.String()
}

func firstLine(text string) string {
	for _, line := range strings.Split(text, "\n") {
		if line != "" && !strings.Contains(line, "TCG doesn't support") {
			return strings.ToValidUTF8(line, "?")
		}
	}
	return ""
}

// naiveRuns is the rule that scripts around objdump follow: it shall be
// beaten, and the test's log says by how much.
func naiveRuns(l *Lab, p *pair) bool {
	f := p.facts
	if f == nil || f.Format != binary.FormatELF {
		return f != nil && f.Format == binary.FormatScript
	}
	highest := ""
	for _, n := range f.ELF.VersionNeeds {
		for _, v := range n.Versions {
			if rest, ok := strings.CutPrefix(v.Name, "GLIBC_2."); ok && root.CompareVersions(rest, highest) > 0 {
				highest = rest
			}
		}
	}
	has := map[string]string{"bullseye": "31", "bookworm": "36", "trixie": "41", "sid": "43", "i386": "36", "arm64": "36"}
	base, _, _ := strings.Cut(p.spec.View.Base, "+")
	if root.CompareVersions(highest, has[base]) > 0 {
		return false
	}
	for _, lib := range f.ELF.Needed {
		if !l.hasName(p.spec.Root, lib) {
			return false
		}
	}
	return true
}

var names = map[string]bool{}

func (l *Lab) hasName(dir, lib string) bool {
	k := dir + "\x00" + lib
	if found, ok := names[k]; ok {
		return found
	}
	found := false
	for _, d := range []string{"lib", "lib64", "usr/lib", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib/i386-linux-gnu", "lib/aarch64-linux-gnu"} {
		if _, err := os.Stat(filepath.Join(dir, d, lib)); err == nil {
			found = true
		}
	}
	names[k] = found
	return found
}
