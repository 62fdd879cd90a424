package report_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/root"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with testdata/NAME, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs:\n%s", file, got)
	}
}

// lib is an object that needs others by name, and versions of them.
func lib(name string, needed []string, versions map[string][]string) *loader.Object {
	e := &binary.ELF{Soname: name, Needed: needed, Dynamic: true}
	for _, n := range needed {
		if len(versions[n]) > 0 {
			need := binary.VersionNeed{Library: n}
			for _, v := range versions[n] {
				need.Versions = append(need.Versions, binary.NeededVersion{Name: v})
			}
			e.VersionNeeds = append(e.VersionNeeds, need)
		}
	}
	return &loader.Object{Name: name, Path: "/lib/" + name, FoundBy: loader.ByCache, Facts: &binary.Facts{Format: binary.FormatELF, ELF: e}}
}

// brokenApp is a program whose chain to libgone.so.1 goes over two libraries,
// and which wants a newer GLIBC than there is.
func brokenApp() judge.Result {
	app := lib("", []string{"libui.so.2", "libdb.so.5", "libc.so.6"}, map[string][]string{"libc.so.6": {"GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.4", "GLIBC_2.38"}})
	app.Path, app.FoundBy = "/opt/app", ""
	ui := lib("libui.so.2", []string{"libdraw.so.1", "libc.so.6"}, map[string][]string{"libdraw.so.1": {"DRAW_1.0", "DRAW_1.10"}, "libc.so.6": {"GLIBC_2.17"}})
	db := lib("libdb.so.5", []string{"libdraw.so.1", "libc.so.6"}, nil)
	db.FoundBy = loader.ByRunpath
	draw := lib("libdraw.so.1", []string{"libgone.so.1", "libc.so.6"}, nil)
	libc := lib("libc.so.6", []string{"ld-linux-x86-64.so.2"}, map[string][]string{"ld-linux-x86-64.so.2": {"GLIBC_PRIVATE"}})
	rtld := lib("ld-linux-x86-64.so.2", nil, nil)
	rtld.Path, rtld.FoundBy = "/lib64/ld-linux-x86-64.so.2", loader.ByAbsolute
	gone := &loader.Object{Name: "libgone.so.1", Parent: draw, Missing: true, Tried: []loader.Attempt{{Path: "/lib/libgone.so.1", Result: "ENOENT"}}}
	app.Needs, ui.Needs, db.Needs = []*loader.Object{ui, db, libc}, []*loader.Object{draw, libc}, []*loader.Object{draw, libc}
	draw.Needs, libc.Needs = []*loader.Object{libc}, []*loader.Object{rtld}
	trace := &loader.Trace{
		Objects: []*loader.Object{app, ui, db, libc, draw, rtld, gone},
		Libc:    &root.Libc{Interp: "/lib64/ld-linux-x86-64.so.2", Kind: "glibc", Version: "2.36"},
		Faults: []loader.Fault{
			{Kind: loader.FaultLibraryMissing, Stage: loader.StageMap, Library: "libgone.so.1", NeededBy: "/lib/libdraw.so.1", Fatal: true},
			{Kind: loader.FaultVersionMissing, Stage: loader.StageVersion, Library: "libc.so.6", Version: "GLIBC_2.38", NeededBy: "/opt/app", Fatal: true},
		},
	}
	return judge.Result{File: "app", Target: "dir:/roots/x", Evidence: "tree", Verdict: diagnosis.Fails, Trace: trace, Facts: app.Facts,
		Findings: []diagnosis.Finding{
			{Cause: diagnosis.LibraryMissing, Severity: diagnosis.Blocks, Library: "libgone.so.1", NeededBy: "/lib/libdraw.so.1", Chain: []string{"app", "libui.so.2", "libdraw.so.1"},
				Message:  "app: error while loading shared libraries: libgone.so.1: cannot open shared object file: No such file or directory",
				Detail:   "libgone.so.1 is in none of the places that are looked at",
				Remedies: []diagnosis.Remedy{{Command: "apt install libgone1", Why: "it has libgone.so.1"}, {Why: "or do without"}}},
			{Cause: diagnosis.VersionMissing, Severity: diagnosis.Blocks, Library: "libc.so.6", Version: "GLIBC_2.38", NeededBy: "/opt/app", Detail: "libc.so.6 ends at GLIBC_2.36"},
			{Cause: diagnosis.DataMissing, Severity: diagnosis.Risk, Detail: "no CA certificates"},
		}}
}

// hostile are names that no one would give, and anyone can.
var hostile = []string{
	`"quoted".so`, `back\slash\n.so`, "new\nline.so", `<script>alert(1)</script>.so`, `&amp;&lt;.so`, `]]>.so`, `a|b{c}[d](e).so`, `#quot;;end.so`,
	"\x00nul\x1b[31m.so", "\xff\xfe bad utf8.so", "ünïcödé-库.so", "\u202egnp.so", `graph LR --> %% x`, "--", "`code` **bold**", `n1`, "$(id)", "end", "", " ",
	"lib" + string(make([]byte, 300)) + ".so", "a very long name with wide letters MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMWWWWWWWWWWWWWW.so.1",
}

// randomApp loads n objects, shaped as programs are: a few layers, most need
// a few common ones, some of hostile names, some missing, some in circles.
func randomApp(seed uint64, n int, names []string) judge.Result {
	r := rand.New(rand.NewPCG(seed, 5))
	var objects []*loader.Object
	for i := range n {
		name := fmt.Sprintf("lib%s%d.so.%d", []string{"x", "gtk-", "Qt5Widgets_", "boost_filesystem-mt-x64"}[r.IntN(4)], i, r.IntN(9))
		if len(names) > 0 && i > 0 && r.IntN(2) == 0 {
			name = names[r.IntN(len(names))]
		}
		o := lib(name, nil, nil)
		o.Missing = i > 2 && r.IntN(25) == 0
		objects = append(objects, o)
	}
	objects[0].Name = ""
	trace := &loader.Trace{Objects: objects, Libc: &root.Libc{Interp: "/lib64/ld.so", Kind: "glibc", Version: "2.36"}}
	need := func(from, to *loader.Object) {
		e := from.Facts.ELF
		e.Needed = append(e.Needed, to.Name)
		if r.IntN(3) == 0 {
			e.VersionNeeds = append(e.VersionNeeds, binary.VersionNeed{Library: to.Name, Versions: []binary.NeededVersion{{Name: fmt.Sprintf("V_%d.%d", r.IntN(3), r.IntN(40))}}})
		}
		if to.Missing {
			to.Parent, to.Path = from, ""
		} else {
			from.Needs = append(from.Needs, to)
		}
	}
	for i := 1; i < n; i++ {
		from := objects[r.IntN(i)]
		for from.Missing {
			from = objects[r.IntN(i)]
		}
		need(from, objects[i])
		if objects[i].Missing {
			continue
		}
		for range r.IntN(5) {
			// Mostly libraries that come later, now and then an earlier one.
			to := objects[min(n-1, i+1+r.IntN(n))]
			if r.IntN(20) == 0 {
				to = objects[r.IntN(n)]
			}
			if to != objects[i] && !to.Missing {
				need(objects[i], to)
			}
		}
	}
	return judge.Result{File: "/opt/app", Target: "dir:/roots/x", Evidence: "tree", Verdict: diagnosis.Fails, Trace: trace, Facts: objects[0].Facts}
}
