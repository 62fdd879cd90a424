package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/report"
)

func TestTreeText(t *testing.T) {
	var b bytes.Buffer
	tree := report.TreeOf(brokenApp())
	report.Style{}.Tree(&b, tree)
	b.WriteString("\n-v\n")
	report.Style{Verbose: true}.Tree(&b, tree)
	b.WriteString("\n--why libgone\n")
	tree.AskWhy("libgone")
	report.Style{}.Why(&b, tree)
	b.WriteString("\n--why nothing\n")
	tree.AskWhy("nothing")
	report.Style{}.Why(&b, tree)
	golden(t, "tree.txt", b.Bytes())
}

// What is missing is red, and each link of the chains to it; nothing else is.
func TestTreeRed(t *testing.T) {
	var b bytes.Buffer
	report.Style{Colour: true}.Tree(&b, report.TreeOf(brokenApp()))
	var red []string
	for _, part := range strings.Split(b.String(), "\x1b[31m")[1:] {
		text, _, _ := strings.Cut(part, "\x1b[0m")
		red = append(red, strings.TrimSpace(text))
	}
	want := []string{"fails", "libui.so.2", "libdraw.so.1", "libgone.so.1 => not found", "libdb.so.5", "libdraw.so.1", "GLIBC_2.38 not found"}
	if !reflect.DeepEqual(red, want) {
		t.Errorf("%q", red)
	}
}

func TestTreeJSON(t *testing.T) {
	tree := report.TreeOf(brokenApp())
	tree.AskWhy("libc.so.6")
	var b bytes.Buffer
	if err := report.JSON(&b, report.TreeDocument{Schema: report.TreeSchema, Results: []*report.Tree{tree}, Errors: []report.Trouble{}}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Error("a list is null")
	}
	golden(t, "tree.json", b.Bytes())
}

// Every need of every object leads to an object, and every object is reached
// from the subject.
func TestTreeIsWhole(t *testing.T) {
	for seed := range uint64(20) {
		r := randomApp(seed, 120, hostile)
		tree := report.TreeOf(r)
		reached := make([]bool, len(tree.Objects))
		reached[0] = true
		for queue := []int{0}; len(queue) > 0; queue = queue[1:] {
			for _, n := range tree.Objects[queue[0]].Needs {
				if !reached[n.ID] {
					reached[n.ID] = true
					queue = append(queue, n.ID)
				}
			}
		}
		if slices.Contains(reached, false) {
			t.Fatalf("seed %d: an object is not reached", seed)
		}
		var b bytes.Buffer
		report.Style{}.Tree(&b, tree)
		for _, o := range tree.Objects {
			if o.State == report.Loaded && o.ID > 0 && !strings.Contains(b.String(), " => "+o.Path) && !strings.ContainsFunc(o.Path, func(r rune) bool { return r < ' ' || r == '\u202e' || r == '\ufffd' }) {
				t.Errorf("seed %d: %q is not in the text", seed, o.Path)
			}
		}
		if strings.ContainsAny(b.String(), "\x00\x1b\u202e") {
			t.Errorf("seed %d: a control character reaches the terminal", seed)
		}
	}
}

// A start that ends in the kernel has a tree too: what it needs was not
// looked for.
func TestTreeWithoutTrace(t *testing.T) {
	facts := &binary.Facts{Format: binary.FormatELF, ELF: &binary.ELF{Needed: []string{"libc.so.6"}}}
	r := judge.Result{File: "app", Target: "scratch", Verdict: diagnosis.Fails, Facts: facts, Trace: &loader.Trace{},
		Findings: []diagnosis.Finding{{Cause: diagnosis.InterpreterMissing, Severity: diagnosis.Blocks, Library: "/lib64/ld-linux-x86-64.so.2", Detail: "it is not there"}}}
	var b bytes.Buffer
	report.Style{}.Tree(&b, report.TreeOf(r))
	golden(t, "tree-scratch.txt", b.Bytes())
}

// An index knows libraries, and no bytes to simulate.
func TestTreeOfAnIndex(t *testing.T) {
	facts := &binary.Facts{Format: binary.FormatELF, ELF: &binary.ELF{Needed: []string{"libz.so.1", "libgone.so.1"}}}
	r := judge.Result{File: "app", Target: "x:1", Evidence: "index", Verdict: diagnosis.Fails, Facts: facts,
		Libraries: []judge.Library{{Name: "libz.so.1", Path: "/lib64/libz.so.1"}, {Name: "libgone.so.1"}},
		Findings:  []diagnosis.Finding{{Cause: diagnosis.LibraryMissing, Severity: diagnosis.Blocks, Library: "libgone.so.1"}}}
	tree := report.TreeOf(r)
	if len(tree.Objects) != 3 || tree.Objects[1].State != report.Loaded || tree.Objects[2].State != report.Missing {
		t.Errorf("%+v", tree.Objects)
	}
}

// A script stands before the program that runs it.
func TestTreeOfAScript(t *testing.T) {
	r := brokenApp()
	r.File = "run.sh"
	r.Trace.Exec = []loader.ExecStep{{Path: "/usr/local/bin/run.sh", Facts: &binary.Facts{Format: binary.FormatScript}, Interp: "/opt/app"}, {Path: "/opt/app", Facts: r.Facts}}
	tree := report.TreeOf(r)
	if tree.Objects[0].Name != "run.sh" || len(tree.Objects[0].Needs) != 1 || tree.Objects[0].Needs[0].Kind != report.NeedInterpreter || tree.Objects[1].Path != "/opt/app" {
		t.Errorf("%+v", tree.Objects[0])
	}
}

// Chains come shortest first, all of them, each once.
func TestWhyFindsAllChains(t *testing.T) {
	for seed := range uint64(30) {
		tree := report.TreeOf(randomApp(seed, 14, nil))
		for _, o := range tree.Objects[1:] {
			tree.AskWhy(o.Name)
			var want []string
			var walk func(at int, way []int)
			walk = func(at int, way []int) {
				way = append(slices.Clone(way), at)
				if slices.Contains(tree.Why.IDs, at) && at == o.ID {
					want = append(want, fmt.Sprint(way))
					return
				}
				for _, n := range tree.Objects[at].Needs {
					if !slices.Contains(way, n.ID) {
						walk(n.ID, way)
					}
				}
			}
			walk(0, nil)
			var got []string
			for i, c := range tree.Why.Chains {
				if c[len(c)-1] != o.ID {
					continue
				}
				if i > 0 && len(c) < len(tree.Why.Chains[i-1]) && tree.Why.Chains[i-1][len(tree.Why.Chains[i-1])-1] == o.ID {
					t.Errorf("seed %d: %s: a longer chain comes first", seed, o.Name)
				}
				got = append(got, fmt.Sprint(c))
			}
			slices.Sort(got)
			slices.Sort(want)
			if !tree.Why.More && !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: %s: %d chains, want %d", seed, o.Name, len(got), len(want))
			}
		}
	}
}

// A graph can have more chains than atoms; the answer comes all the same.
func TestWhyEnds(t *testing.T) {
	var objects []*loader.Object
	for i := range 200 {
		objects = append(objects, lib(fmt.Sprintf("lib%d.so", i), nil, nil))
	}
	for i, o := range objects {
		for _, to := range objects[min(i+1, 200):] {
			o.Facts.ELF.Needed = append(o.Facts.ELF.Needed, to.Name)
			o.Needs = append(o.Needs, to)
		}
	}
	objects[0].Name = ""
	tree := report.TreeOf(judge.Result{File: "app", Trace: &loader.Trace{Objects: objects}})
	tree.AskWhy("lib199.so")
	if !tree.Why.More || len(tree.Why.Chains) != 500 || len(tree.Why.Chains[0]) != 2 {
		t.Errorf("%d chains, more: %v", len(tree.Why.Chains), tree.Why.More)
	}
}

func TestWhyNames(t *testing.T) {
	tree := report.TreeOf(brokenApp())
	for name, want := range map[string]string{"libui.so.2": "libui.so.2", "libui": "libui.so.2", "ui": "libui.so.2", "/lib/libui.so.2": "libui.so.2",
		"c": "libc.so.6", "libgone": "libgone.so.1", "/lib64/ld-linux-x86-64.so.2": "ld-linux-x86-64.so.2", "lib": "", "u": "", "": "", "app": ""} {
		tree.AskWhy(name)
		got := ""
		if len(tree.Why.IDs) > 0 {
			got = tree.Objects[tree.Why.IDs[0]].Name
		}
		if got != want || len(tree.Why.IDs) > 1 {
			t.Errorf("%q: %v %q, want %q", name, tree.Why.IDs, got, want)
		}
	}
}

func TestSymbols(t *testing.T) {
	r := brokenApp()
	app, libc := r.Trace.Objects[0], r.Trace.Objects[3]
	app.Facts.ELF.Imports = []binary.Import{{Name: "printf", Version: "GLIBC_2.2.5"}, {Name: "memcpy", Version: "GLIBC_2.14"}, {Name: "__gmon_start__", Bind: 2}, {Name: "abort", Version: "GLIBC_2.2.5"}}
	r.Trace.Bindings = []loader.Binding{{From: app, To: libc, Import: 0}, {From: app, To: libc, Import: 1}, {From: app, Import: 2}, {From: app, To: libc, Import: 3}, {From: app, To: libc, Import: 99}}
	tree := report.TreeOf(r)
	if !tree.AskSymbols() {
		t.Error("the bindings are not seen")
	}
	var b bytes.Buffer
	report.Style{}.Symbols(&b, tree)
	golden(t, "symbols.txt", b.Bytes())
	j, err := json.Marshal(tree.Bindings)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"from":0,"to":3,"symbols":[{"name":"printf","version":"GLIBC_2.2.5"},{"name":"memcpy","version":"GLIBC_2.14"},{"name":"abort","version":"GLIBC_2.2.5"}]},{"from":0,"to":null,"symbols":[{"name":"__gmon_start__","weak":true}]}]`
	if string(j) != want {
		t.Errorf("%s", j)
	}
	if report.TreeOf(brokenApp()).AskSymbols() {
		t.Error("bindings are seen where none are")
	}
}

// A missing library ends the start before versions are looked at; one that is
// not there is red all the same, and a library without versions lacks none.
func TestVersionsAfterAMissingLibrary(t *testing.T) {
	r := brokenApp()
	r.Trace.Faults = r.Trace.Faults[:1]
	libc := r.Trace.Objects[3].Facts.ELF
	for _, c := range []struct {
		defs []binary.VersionDef
		want bool
	}{{nil, false}, {[]binary.VersionDef{{Name: "GLIBC_2.34"}, {Name: "GLIBC_2.2.5"}, {Name: "GLIBC_2.4"}}, true}} {
		libc.VersionDefs = c.defs
		var missing []string
		for _, n := range report.TreeOf(r).Objects[0].Needs {
			for _, v := range n.Versions {
				if v.Missing {
					missing = append(missing, v.Name)
				}
			}
		}
		if (len(missing) == 1 && missing[0] == "GLIBC_2.38") != c.want {
			t.Errorf("%v: %v", c.defs, missing)
		}
	}
}

// A need that led to nothing is not lost: what may be there is not known, and
// what the kernel maps is no library.
func TestUnansweredNeeds(t *testing.T) {
	r := brokenApp()
	app := r.Trace.Objects[0].Facts.ELF
	app.Needed = append(app.Needed, "libmaybe.so.1", "linux-vdso.so.1", "$ORIGIN/libown.so")
	r.Trace.Objects[1].Facts.ELF.Needed = append(r.Trace.Objects[1].Facts.ELF.Needed, "libmaybe.so.1")
	for _, c := range []struct {
		fault loader.Stage
		want  report.State
	}{{loader.StageMap, report.NotKnown}, {loader.StageLibc, report.NotSearched}} {
		r.Trace.Faults[0].Stage = c.fault
		tree := report.TreeOf(r)
		last := tree.Objects[len(tree.Objects)-1]
		if len(tree.Objects) != 8 || last.Name != "libmaybe.so.1" || last.State != c.want {
			t.Errorf("%d objects, the last is %+v", len(tree.Objects), last)
		}
	}
}

// Evidence with gaps: the loader goes on as if the library were there, and the
// tree says that this is not known.
func TestAssumedLibraries(t *testing.T) {
	r := brokenApp()
	gone := r.Trace.Objects[6]
	gone.Facts = &binary.Facts{ELF: &binary.ELF{Opaque: true}}
	r.Trace.Faults = nil
	r.Trace.Objects[1].Facts.ELF.Needed = append(r.Trace.Objects[1].Facts.ELF.Needed, gone.Name)
	r.Trace.Objects[1].Needs = append(r.Trace.Objects[1].Needs, gone)
	tree := report.TreeOf(r)
	var b bytes.Buffer
	report.Style{Colour: true}.Tree(&b, tree)
	if last := tree.Objects[6]; len(tree.Objects) != 7 || last.State != report.NotKnown || strings.Contains(b.String(), "\x1b[31mlib") || !strings.Contains(b.String(), "not known whether it is there") {
		t.Errorf("%+v\n%s", tree.Objects[6], b.String())
	}
}
