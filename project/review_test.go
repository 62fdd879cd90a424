package project

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
)

func day(text string) time.Time {
	d, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return d
}

func missing(library string) diagnosis.Finding {
	return diagnosis.Finding{Cause: diagnosis.LibraryMissing, Severity: diagnosis.Blocks, Library: library}
}

const notKnown = "whether debian:12 has libssl.so.3, which is no part of its base system, is not known"

// fails is a result with a blocking finding for each library.
func fails(file, target string, libraries ...string) judge.Result {
	r := judge.Result{File: file, Target: target, Verdict: diagnosis.Fails}
	for _, l := range libraries {
		r.Findings = append(r.Findings, missing(l))
	}
	return r
}

func TestMarkSuppresses(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Suppression
		r    judge.Result
		want int
	}{
		{"all matches", Suppression{Cause: "library-missing"}, fails("dist/app", "debian:12", "liba.so.1"), diagnosis.ExitOK},
		{"another cause", Suppression{Cause: "version-missing"}, fails("dist/app", "debian:12", "liba.so.1"), diagnosis.ExitFails},
		{"one of two", Suppression{Cause: "library-missing", Library: "liba.so.*"}, fails("dist/app", "debian:12", "liba.so.1", "libb.so.1"), diagnosis.ExitFails},
		{"another subject", Suppression{Cause: "library-missing", Subject: "bin"}, fails("dist/app", "debian:12", "liba.so.1"), diagnosis.ExitFails},
		{"an absolute name", Suppression{Cause: "library-missing", Subject: "dist"}, fails("/home/me/p/dist/app", "debian:12", "liba.so.1"), diagnosis.ExitOK},
		{"another target", Suppression{Cause: "library-missing", Target: "debian:13"}, fails("dist/app", "debian:12", "liba.so.1"), diagnosis.ExitFails},
		{"its last day", Suppression{Cause: "library-missing", Until: day("2026-06-30")}, fails("dist/app", "debian:12", "liba.so.1"), diagnosis.ExitOK},
		{"its day is over", Suppression{Cause: "library-missing", Until: day("2026-06-29")}, fails("dist/app", "debian:12", "liba.so.1"), diagnosis.ExitFails},
		{"what is not known", Suppression{Cause: "unknown", Library: "libssl.so.*"}, judge.Result{File: "a", Target: "debian:12", Unknown: []string{notKnown}}, diagnosis.ExitOK},
		{"another not known", Suppression{Cause: "unknown", Library: "libz.so.1"}, judge.Result{File: "a", Target: "debian:12", Unknown: []string{notKnown}}, diagnosis.ExitUnknown},
		{"a part of what is not known", Suppression{Cause: "unknown", Library: "libssl.so.*"}, judge.Result{File: "a", Target: "debian:12", Unknown: []string{notKnown, "more"}}, diagnosis.ExitUnknown},
		{"another library in the same reason", Suppression{Cause: "unknown", Library: "libssl.so.*"}, judge.Result{File: "a", Target: "debian:12",
			Unknown: []string{"whether debian:12 has libssl.so.3, libnew.so.1, which are no part of it"}}, diagnosis.ExitUnknown},
		{"a reason that names no library", Suppression{Cause: "unknown", Library: "*"}, judge.Result{File: "a", Target: "t", Unknown: []string{"glibc 2.5"}}, diagnosis.ExitUnknown},
		{"behind it, something is not known", Suppression{Cause: "library-missing"}, judge.Result{File: "a", Target: "debian:12", Verdict: diagnosis.Fails,
			Findings: []diagnosis.Finding{missing("liba.so.1")}, Unknown: []string{notKnown}}, diagnosis.ExitUnknown},
	} {
		v := NewReview("/home/me/p", "/home/me/p", day("2026-06-30").Add(20*time.Hour))
		c.s.Reason = "why not"
		v.Suppressions = []*Suppression{&c.s}
		before := c.r.Verdict
		v.Mark(&c.r)
		if got := c.r.ExitCode(diagnosis.Blocks); got != c.want || c.r.Verdict != before {
			t.Errorf("%s: exit %d, want %d; verdict %s", c.name, got, c.want, c.r.Verdict)
		}
		matched := false
		for _, f := range c.r.Findings {
			matched = matched || f.Suppressed != nil && f.Suppressed.Reason == "why not"
		}
		matched = matched || len(c.r.Acceptances) > 0
		if unused := len(v.Unused()) == 1; matched == unused && !v.Ended(&c.s) {
			t.Errorf("%s: matched %v, unused %v", c.name, matched, unused)
		}
	}
}

func TestNaming(t *testing.T) {
	n := naming{root: "/home/me/p", dir: "/home/me/p/dist"}
	for in, want := range map[string]string{
		"app": "dist/app", "./app": "dist/app", "../bin/app": "bin/app", "/home/me/p/dist/app": "dist/app", "/usr/bin/ssh": "/usr/bin/ssh", "../../x": "../x",
		"app.rpm#/usr/bin/app": "dist/app.rpm#/usr/bin/app", "dir:../roots/el8#/bin/app": "dir:roots/el8#/bin/app", "image:a/b:1": "image:a/b:1",
		"image:a/b:1#/bin/x": "image:a/b:1#/bin/x", "host#/bin/ls": "host#/bin/ls",
	} {
		if got := n.subject(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// What one machine found is known on another, under another path, whether it
// was written as a baseline or printed by willrun check.
func TestBaseline(t *testing.T) {
	found := func(root, file string) judge.Result {
		r := fails(file, "debian:12", "liba.so.1")
		r.Unknown = []string{notKnown}
		return r
	}
	here := NewReview("/home/me/p", "/home/me/p/sub", day("2026-06-30"))
	here.Found = &Baseline{}
	r := found("/home/me/p", "../dist/app")
	here.Mark(&r)
	if got := r.ExitCode(diagnosis.Note); got != diagnosis.ExitOK {
		t.Errorf("what is written is known, but exit %d", got)
	}
	var written bytes.Buffer
	if err := here.Found.Write(&written); err != nil {
		t.Fatal(err)
	}
	plain := NewReview("/home/me/p", "/home/me/p/sub", day("2026-06-30"))
	r = found("/home/me/p", "../dist/app")
	plain.Mark(&r)
	printed, err := json.Marshal(map[string]any{"schema": "willrun.check/v1", "results": []judge.Result{r}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"written": written.Bytes(), "printed": printed} {
		known, err := ParseBaseline(data, "/builds/7/p")
		if err != nil || known.Len() != 2 {
			t.Fatalf("%s: %v, %d known\n%s", name, err, known.Len(), data)
		}
		there := NewReview("/builds/7/p", "/builds/7/p", day("2026-06-30"))
		there.Known = known
		old, fresh := found("/builds/7/p", "/builds/7/p/dist/app"), fails("dist/app", "debian:12", "liba.so.1", "libnew.so.1")
		there.Mark(&old)
		there.Mark(&fresh)
		if got := old.ExitCode(diagnosis.Note); got != diagnosis.ExitOK || old.Verdict != diagnosis.Fails {
			t.Errorf("%s: exit %d", name, got)
		}
		if got := fresh.ExitCode(diagnosis.Blocks); got != diagnosis.ExitFails || !fresh.Findings[0].Known || fresh.Findings[1].Known {
			t.Errorf("%s: exit %d, %+v", name, got, fresh.Findings)
		}
	}
}

// A finding that is worse than before is new; one that is suppressed is not
// written, so that it is back when the suppression ends.
func TestBaselineKeys(t *testing.T) {
	var b Baseline
	r := judge.Result{File: "a", Target: "t", Findings: []diagnosis.Finding{{Cause: diagnosis.DlopenMissing, Severity: diagnosis.Risk, Library: "l"}}}
	b.Add(naming{root: "/p", dir: "/p"}.keys(&r))
	v := NewReview("/p", "/p", day("2026-06-30"))
	v.Known = &b
	r.Findings[0].Severity = diagnosis.Later
	v.Mark(&r)
	if r.Findings[0].Known {
		t.Error("worse, and known")
	}
	v = NewReview("/p", "/p", day("2026-06-30"))
	v.Suppressions, v.Found = []*Suppression{{Cause: "dlopen-missing", Reason: "x"}}, &Baseline{}
	v.Mark(&r)
	if v.Found.Len() != 0 {
		t.Error("written, though suppressed")
	}
	if keys := (naming{root: "/p", dir: "/p"}).keys(&r); len(keys) != 0 {
		t.Errorf("%v", keys)
	}
}

func TestParseBaselineErrors(t *testing.T) {
	for text, want := range map[string]string{"": "no JSON", "{}": "its schema is", `{"schema":"willrun.tree/v1"}`: "willrun.tree/v1", `{"schema":"willrun.check/v1","results":[{"verdict":"maybe"}]}`: "no such verdict"} {
		if _, err := ParseBaseline([]byte(text), "/"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ReadBaseline(filepath.Join(t.TempDir(), "none"), "/"); err == nil {
		t.Error("read what is not there")
	}
}

func FuzzParseBaseline(f *testing.F) {
	f.Add([]byte(`{"schema":"willrun.baseline/v1","known":[{"subject":"a","target":"t","cause":"library-missing","library":"l"}]}`))
	f.Add([]byte(`{"schema":"willrun.check/v1","results":[{"file":"a","target":"dir:x","verdict":"fails","findings":[{"cause":"library-missing","severity":"blocks"}],"unknown":["x"]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBaseline(data, "/p")
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := b.Write(&out); err != nil {
			t.Fatal(err)
		}
		again, err := ParseBaseline(out.Bytes(), "/p")
		if err != nil || !reflect.DeepEqual(again.known, b.known) {
			t.Fatalf("%v\n%s", err, out.Bytes())
		}
	})
}
