package explain

import (
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/docs/causes"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/root"
)

// Every kind of fault has a cause: one without would be judged as a refusal,
// whatever it is.
func TestEveryFaultHasACause(t *testing.T) {
	for kind := loader.FaultNoFile; kind <= loader.LastFault; kind++ {
		if _, ok := causesOf[kind]; !ok {
			t.Errorf("fault kind %d has no cause", kind)
		}
	}
}

func TestEveryCauseHasAPage(t *testing.T) {
	for _, c := range diagnosis.Causes {
		page, ok := causes.Page(string(c))
		if !ok {
			t.Errorf("%s has no page", c)
			continue
		}
		for _, heading := range []string{"# " + string(c), "## What you see", "## See it by hand", "## What mends it", "## What does not"} {
			if !strings.Contains(page, heading) {
				t.Errorf("the page of %s lacks %q", c, heading)
			}
		}
	}
	for _, name := range causes.Names() {
		found := false
		for _, c := range diagnosis.Causes {
			found = found || string(c) == name
		}
		if !found {
			t.Errorf("the page %s is of no cause", name)
		}
	}
}

// A fault that ends the start blocks, whatever its kind; one that does not
// has a severity of its own.
func TestSeverities(t *testing.T) {
	for _, c := range []struct {
		fault loader.Fault
		want  diagnosis.Severity
	}{
		{loader.Fault{Kind: loader.FaultLibraryMissing, Stage: loader.StageMap, Fatal: true}, diagnosis.Blocks},
		{loader.Fault{Kind: loader.FaultPageSize, Stage: loader.AfterStart}, diagnosis.Risk},
		{loader.Fault{Kind: loader.FaultSymbolLazy, Stage: loader.AfterStart}, diagnosis.Later},
		{loader.Fault{Kind: loader.FaultDlopenMissing, Stage: loader.AfterStart, Priority: "required"}, diagnosis.Later},
		{loader.Fault{Kind: loader.FaultDlopenMissing, Stage: loader.AfterStart, Priority: "suggested"}, diagnosis.Risk},
		{loader.Fault{Kind: loader.FaultPreloadIgnored, Stage: loader.StageLibc}, diagnosis.Note},
	} {
		if _, got := classify(c.fault); got != c.want {
			t.Errorf("%+v: %s, want %s", c.fault, got, c.want)
		}
	}
}

func remediesOf(f loader.Fault, about About) string {
	var b strings.Builder
	for _, r := range Start(&loader.Trace{Faults: []loader.Fault{f}}, about)[0].Remedies {
		b.WriteString(r.Command + " | " + r.Why + "\n")
	}
	return b.String()
}

func goFacts(g binary.Go) *binary.Facts {
	return &binary.Facts{Format: binary.FormatELF, ELF: &binary.ELF{Class: 64, Interp: "/lib64/ld-linux-x86-64.so.2", HasInterp: true}, Go: &g}
}

// Advice fits what the program is: pure Go is enough only where no package
// needs C.
func TestRemediesFitTheProgram(t *testing.T) {
	missing := loader.Fault{Kind: loader.FaultVersionMissing, Stage: loader.StageVersion, Fatal: true, Library: "libc.so.6", Version: "GLIBC_2.34"}
	net := goFacts(binary.Go{Compiler: "gc", Cgo: true, Path: "example.org/app", Packages: []string{"net"}, CgoPackages: []binary.CgoPackage{{Path: "net", Twin: true}}})
	if got := remediesOf(missing, About{Facts: net}); !strings.Contains(got, "CGO_ENABLED=0 go build example.org/app") {
		t.Errorf("net only: %s", got)
	}
	sqlite := goFacts(binary.Go{Compiler: "gc", Cgo: true, Packages: []string{"x"}, CgoPackages: []binary.CgoPackage{{Path: "github.com/mattn/go-sqlite3"}}})
	if got := remediesOf(missing, About{Facts: sqlite}); strings.Contains(got, "CGO_ENABLED=0") || !strings.Contains(got, "musl-gcc") {
		t.Errorf("own C: %s", got)
	}
	untold := goFacts(binary.Go{Compiler: "gc", Cgo: true})
	if got := remediesOf(missing, About{Facts: untold}); strings.Contains(got, "CGO_ENABLED=0") {
		t.Errorf("a function table that can't be read: %s", got)
	}
	pie := goFacts(binary.Go{Compiler: "gc", BuildMode: "pie", Packages: []string{"main"}})
	interp := loader.Fault{Kind: loader.FaultInterpMissing, Stage: loader.StageExec, Fatal: true, Library: "/lib64/ld-linux-x86-64.so.2"}
	if got := remediesOf(interp, About{Facts: pie, Empty: true}); !strings.Contains(got, "-buildmode=exe") {
		t.Errorf("pie in an empty image: %s", got)
	}
}

func TestInstallSpeaksTheTargetsLanguage(t *testing.T) {
	f := loader.Fault{Kind: loader.FaultLibraryMissing, Stage: loader.StageMap, Fatal: true, Library: "libssl.so.1.1"}
	facts := &binary.Facts{Format: binary.FormatELF, ELF: &binary.ELF{Class: 64}}
	for id, want := range map[string]string{
		"almalinux": "dnf install 'libssl.so.1.1()(64bit)'",
		"alpine":    "apk add so:libssl.so.1.1",
		"debian":    "apt-file search /libssl.so.1.1",
	} {
		if got := remediesOf(f, About{Facts: facts, Distribution: root.Distribution{ID: id}}); !strings.Contains(got, want) {
			t.Errorf("%s: %s", id, got)
		}
	}
}

// What the page on common advice calls false is never said.
func TestFalseAdviceIsNotGiven(t *testing.T) {
	for kind := loader.FaultNoFile; kind <= loader.LastFault; kind++ {
		got := remediesOf(loader.Fault{Kind: kind, Stage: loader.StageMap, Fatal: true, Library: "libgo.so.13", Object: "/lib/x", Version: "GLIBC_2.34", Symbol: "f"},
			About{Facts: goFacts(binary.Go{Compiler: "gccgo"}), Place: "/usr/local/bin/a b"})
		for _, bad := range []string{"ln -s", "gcdebug", "patchelf --set-interpreter", "cp /lib"} {
			if strings.Contains(got, bad) {
				t.Errorf("kind %d: %s", kind, got)
			}
		}
	}
}
