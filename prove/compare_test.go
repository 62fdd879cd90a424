package prove

import (
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/root"
)

// started is a Trace of a program that needs one library.
func started() *loader.Trace {
	facts := &binary.Facts{ELF: &binary.ELF{Needed: []string{"libf.so"}}}
	program := &loader.Object{Path: "/p", Facts: facts}
	return &loader.Trace{Exec: []loader.ExecStep{{Path: "/p", Facts: facts}}, Program: &root.Object{Facts: facts}, Libc: &root.Libc{Kind: "glibc", Interp: "/ld.so"},
		Objects: []*loader.Object{program, {Name: "libf.so", Path: "/lib/libf.so", FoundBy: loader.ByDefault}, {Name: "ld.so", Path: "/ld.so"}}}
}

func fails(f loader.Fault, status int, signal string) *loader.Trace {
	t := started()
	f.Fatal = true
	t.Faults, t.ExitStatus, t.Signal, t.Errno = []loader.Fault{{Kind: loader.FaultPreloadIgnored}, f}, status, signal, ""
	if f.Stage == loader.StageExec {
		t.Errno = f.Errno
	}
	return t
}

func withMusl(t *loader.Trace) *loader.Trace {
	t.Libc.Kind = "musl"
	return t
}

func secure(t *loader.Trace) *loader.Trace {
	t.Secure = true
	return t
}

const (
	goodList  = "\tlinux-vdso.so.1 (0x1)\n\tlibf.so => /lib/libf.so (0x2)\n\t/ld.so (0x3)\n"
	otherList = "\tlibf.so => /opt/libf.so (0x2)\n\t/ld.so (0x3)\n"
	noList    = "\tlibf.so => not found\n\t/ld.so (0x3)\n"
	missing   = "/p: error while loading shared libraries: libf.so: cannot open shared object file: No such file or directory"
	version   = "/p: /lib/libf.so: version `V2' not found (required by /p)"
	lookup    = "/p: symbol lookup error: /p: undefined symbol: f"
)

var (
	libraryMissing = loader.Fault{Kind: loader.FaultLibraryMissing, Stage: loader.StageMap, Library: "libf.so", Message: missing}
	versionMissing = loader.Fault{Kind: loader.FaultVersionMissing, Stage: loader.StageVersion, Message: version}
	symbolMissing  = loader.Fault{Kind: loader.FaultSymbolMissing, Stage: loader.StageRelocate, Message: lookup}
	cpu            = loader.Fault{Kind: loader.FaultCPU, Stage: loader.StageISA, Message: "CPU ISA level is lower than required"}
	goLevel        = loader.Fault{Kind: loader.FaultGoLevel, Stage: loader.StageInit, Message: "This program can only be run on AMD64 processors with v4 microarchitecture support."}
	refusedFile    = loader.Fault{Kind: loader.FaultInterpMissing, Stage: loader.StageExec, Errno: root.ENOENT, Message: "execve: ENOENT: No such file or directory"}
	closedFile     = loader.Fault{Kind: loader.FaultNotExecutable, Stage: loader.StageExec, Errno: root.EACCES, Message: "execve: EACCES: Permission denied"}
	noName         = loader.Fault{Kind: loader.FaultEnvName, Stage: loader.StageExec}
)

func glibc(list, start *Run) Answer {
	return Answer{Exec: []Exec{{Path: "/p", Exe: "/p", Interp: "/ld.so", Loader: "glibc"}}, List: list, Start: start}
}

func limitedTo(a Answer) Answer {
	a.Limited = true
	return a
}

func steps(e Exec) Answer { return Answer{Exec: []Exec{e}, Notes: []string{"a note"}} }

func TestCompare(t *testing.T) {
	entry := &Run{Exit: -1, Entry: true, Constructors: true}
	list := func(text string) *Run { return &Run{Stdout: text} }
	says := func(exit int, line string) *Run { return &Run{Exit: exit, Stdout: goodList, Stderr: line + "\n"} }
	for _, c := range []struct {
		name  string
		trace *loader.Trace
		a     Answer
		want  string
		words string
	}{
		{"impossible", started(), Answer{Why: "no one may"}, Impossible, "no one may"},
		{"nothing simulated", nil, glibc(nil, nil), Impossible, "nothing was simulated"},
		// list mode
		{"starts", started(), glibc(list(goodList), nil), Yes, ""},
		{"other library", started(), glibc(list(otherList), nil), No, "willrun did not say that it loads libf.so => /opt/libf.so"},
		{"fewer libraries", started(), glibc(list("\t/ld.so (0x3)\n"), nil), No, "willrun said that it loads libf.so => /lib/libf.so, which its loader does not list"},
		{"a library is missing", started(), glibc(list(noList), nil), No, "willrun said that it starts; its loader says: libf.so => not found"},
		{"a version is missing", started(), glibc(says(0, version), nil), No, "its loader says: " + version},
		{"a symbol is missing", started(), glibc(says(0, "undefined symbol: f\t(/p)"), nil), No, "undefined symbol: f (/p)"},
		{"a weak version is missing", started(), glibc(says(0, "/p: /lib/libf.so: weak version `V2' not found (required by /p)"), nil), Yes, ""},
		{"a warning", started(), glibc(says(0, "/p: Symbol `x' has different size in shared object, consider re-linking"), nil), Yes, ""},
		{"something else", started(), glibc(says(0, "/p: oh"), nil), Impossible, "not understood: /p: oh"},
		{"the loader crashes", started(), glibc(&Run{Exit: -1, Signal: "SIGSEGV"}, nil), No, "it ends with SIGSEGV"},
		{"library missing", fails(libraryMissing, 127, ""), glibc(list(noList), nil), Yes, ""},
		{"library not missing", fails(libraryMissing, 127, ""), glibc(list(goodList), nil), No, "its loader finds no fault"},
		{"another library missing", fails(libraryMissing, 127, ""), glibc(list("\tlibg.so => not found\n"), nil), No, "its loader says: libg.so => not found"},
		{"version missing", fails(versionMissing, 1, ""), glibc(says(0, version), nil), Yes, ""},
		{"version not missing", fails(versionMissing, 1, ""), glibc(list(goodList), nil), No, "its loader finds no fault"},
		{"symbol missing", fails(symbolMissing, 127, ""), glibc(says(0, "undefined symbol: f\t(/p)"), nil), Yes, ""},
		{"another symbol missing", fails(symbolMissing, 127, ""), glibc(says(0, "undefined symbol: g\t(/p)"), nil), No, "undefined symbol: g (/p)"},
		{"not in the list", fails(cpu, 127, ""), glibc(list(goodList), nil), Impossible, "--prove=start"},
		{"late list", started(), glibc(&Run{Exit: -1, TimedOut: true}, nil), Impossible, "in time"},
		{"no list", started(), steps(Exec{Path: "/p", Loader: "glibc"}), Impossible, "a note"},
		// the start
		{"entry", started(), glibc(list(goodList), entry), Yes, "constructors of its libraries have run"},
		{"entry with another library", started(), glibc(list(otherList), entry), No, "/opt/libf.so"},
		{"no entry", started(), glibc(list(goodList), &Run{Exit: 127, Stderr: missing}), No, "before its entry point its loader says: " + missing},
		{"constructor ends it", started(), glibc(list(goodList), &Run{Exit: 3, Stderr: "oh\n"}), No, "it exits with 3, and says: oh"},
		{"late", started(), glibc(list(goodList), &Run{Exit: -1, TimedOut: true}), Impossible, "in time"},
		{"replaced", started(), glibc(list(goodList), &Run{Exit: -1, Replaced: true}), Impossible, "another program"},
		{"ends as foretold", fails(libraryMissing, 127, ""), glibc(list(noList), &Run{Exit: 127, Stderr: missing + "\n"}), Yes, ""},
		{"ends with other words", fails(libraryMissing, 127, ""), glibc(list(noList), &Run{Exit: 127, Stderr: "other\n"}), No, "says: other"},
		{"ends otherwise", fails(libraryMissing, 127, ""), glibc(list(noList), &Run{Exit: 1, Stderr: missing + "\n"}), No, missing},
		{"foretold, and entry", fails(cpu, 127, ""), glibc(list(goodList), entry), No, "it reaches its entry point"},
		{"after the entry", fails(goLevel, 1, ""), glibc(list(goodList), entry), Impossible, "its own code"},
		{"a crash after the entry", fails(loader.Fault{Kind: loader.FaultRefused, Stage: loader.StageRelocate}, -1, "SIGSEGV"), glibc(list(goodList), entry), Impossible, "its own code"},
		{"musl", withMusl(started()), glibc(list("\t/ld.so (0x1)\n\tlibf.so => /lib/libf.so (0x2)\n\tlibc.so => /ld.so (0x1)\n"), &Run{Exit: -1, Entry: true}), Yes, "constructors run later"},
		// the kernel
		{"refused", fails(refusedFile, -1, ""), steps(Exec{Path: "/p", Errno: "ENOENT"}), Yes, ""},
		{"refused otherwise", fails(refusedFile, -1, ""), steps(Exec{Path: "/p", Errno: "ENOEXEC"}), No, "execve of /p gives ENOEXEC"},
		{"not refused", fails(refusedFile, -1, ""), glibc(list(goodList), entry), No, "gives no error"},
		{"refused, not foretold", started(), steps(Exec{Path: "/p", Errno: "ENOENT"}), No, "willrun said that it starts; execve of /p gives ENOENT"},
		{"killed", started(), steps(Exec{Path: "/p", Signal: "SIGKILL"}), No, "with SIGKILL"},
		{"killed as foretold", fails(loader.Fault{Kind: loader.FaultBadProgram, Stage: loader.StageExec}, -1, "SIGKILL"), steps(Exec{Path: "/p", Signal: "SIGKILL"}), Yes, ""},
		{"static", started(), steps(Exec{Path: "/p"}), Yes, "static"},
		{"static, fails later", fails(goLevel, 1, ""), steps(Exec{Path: "/p"}), Impossible, "its own code"},
		{"env", fails(noName, 127, ""), glibc(list(goodList), entry), Impossible, "env starts"},
		{"rights", fails(closedFile, -1, ""), limitedTo(glibc(list(goodList), entry)), Impossible, "rights"},
		{"rights of root", fails(closedFile, -1, ""), glibc(list(goodList), entry), No, "gives no error"},
		{"secure", secure(started()), glibc(list(goodList), entry), No, "AT_SECURE"},
		{"secure, by a user", secure(started()), limitedTo(glibc(list(goodList), entry)), Impossible, "no effect"},
		// a library
		{"library", started(), Answer{List: list(goodList)}, Yes, "not for its symbols"},
		{"library that lacks one", started(), Answer{List: list(noList)}, No, "not found"},
		{"library with another", started(), Answer{List: list(otherList)}, No, "/opt/libf.so"},
		{"library that lacks one, foretold", fails(libraryMissing, 127, ""), Answer{List: list(noList)}, Yes, ""},
		{"library, symbols", fails(symbolMissing, 127, ""), Answer{List: list(goodList)}, Impossible, "not for its symbols"},
	} {
		f := Foretold{Verdict: diagnosis.Runs, Trace: c.trace}
		if c.trace != nil && !c.trace.Started() {
			f.Verdict = diagnosis.Fails
		}
		p := Compare(f, c.a)
		if text := p.Why + p.Difference; p.Proved != c.want || !strings.Contains(text, c.words) {
			t.Errorf("%s: %s %s", c.name, p.Proved, text)
		}
		if (p.Proved == No) != (p.Difference != "" && strings.Contains(p.Send, "happened: {")) {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
	f := Foretold{Verdict: diagnosis.Unknown, Trace: started()}
	if p := Compare(f, glibc(list(noList), nil)); p.Proved != Impossible || !strings.HasSuffix(p.Why, "its loader says: libf.so => not found") {
		t.Errorf("unknown: %+v", p)
	}
	if p := Compare(Foretold{Verdict: diagnosis.Fails, Trace: started()}, glibc(list(goodList), nil)); p.Proved != Impossible {
		t.Errorf("verdict and trace of two CPUs: %+v", p)
	}
}

// What a loader prints is what strangers' files make it print.
func FuzzList(f *testing.F) {
	for _, s := range []string{goodList, otherList, noList, "\tstatically linked\n", "\tlibf.so => /x (0)\n", "\t => \n", "\t (0x1)\n"} {
		f.Add(s, version+"\n"+lookup+"\nundefined symbol: f\t(/p)\n")
	}
	f.Fuzz(func(t *testing.T, out, errs string) {
		r := Run{Stdout: out, Stderr: errs}
		l := parseList(r)
		if n := len(l.libraries) + len(l.missing); n > strings.Count(out, "\n")+1 {
			t.Errorf("%d libraries in %q", n, out)
		}
		if (len(l.lines) > 0 || len(l.symbols) > 0) && !l.fails(r) {
			t.Errorf("%q does not fail", errs)
		}
		for _, trace := range []*loader.Trace{started(), withMusl(started()), fails(libraryMissing, 127, "")} {
			p := Compare(Foretold{Verdict: diagnosis.Runs, Trace: trace}, glibc(&r, nil))
			if p.Proved == "" {
				t.Error("no answer")
			}
		}
	})
}

// The words of a 32-bit program's vector are 4 bytes.
func FuzzAuxv(f *testing.F) {
	f.Add([]byte{33, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0xff, 0x7f, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{32, 0, 0, 0, 0, 0, 0xf0, 0xf7, 9, 0, 0, 0, 16, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		auxv, size := parseAuxv(data)
		if size != 4 && size != 8 || len(auxv) > len(data)/8 {
			t.Errorf("%d %v of %v", size, auxv, data)
		}
	})
}

func TestAuxv(t *testing.T) {
	for _, c := range []struct {
		data []byte
		word int
	}{
		{[]byte{33, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0xff, 0x7f, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0}, 8},
		{[]byte{32, 0, 0, 0, 0, 0, 0xf0, 0xf7, 9, 0, 0, 0, 16, 0, 0, 0}, 4},
	} {
		if auxv, word := parseAuxv(c.data); word != c.word || auxv[atEntry] != 16 {
			t.Errorf("%d %v", word, auxv)
		}
	}
}
