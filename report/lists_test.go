package report_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/report"
)

func TestCompress(t *testing.T) {
	all := []string{"centos:5", "centos:6", "centos:7", "centos:8", "debian:11", "debian:12", "alpine:3.20", "dir:/roots/a", "image:app:1", "host", "centos:9"}
	for _, c := range []struct {
		where string
		want  string
	}{
		{"centos:5 centos:6 centos:7 debian:12", "centos 5–7, debian 12"},
		{"centos:5 centos:7 centos:8", "centos 5 7 8"},
		{"centos:6 centos:7 centos:8 centos:9", "centos 6–9"},
		{"alpine:3.20 dir:/roots/a image:app:1 host", "alpine:3.20, dir:/roots/a, image:app:1, host"},
		{"debian:11 debian:12", "debian 11 12"},
	} {
		if got := strings.Join(report.Compress(strings.Fields(c.where), all), ", "); got != c.want {
			t.Errorf("%s: %s, want %s", c.where, got, c.want)
		}
	}
	if got := report.Compress([]string{"debian:12"}, nil); !slices.Equal(got, []string{"debian:12"}) {
		t.Errorf("%q", got)
	}
}

// many is one program on 20 releases: an old libc on the first ten, an
// unknown library on the rest but the last.
func many() (targets []string, results []judge.Result) {
	for i := range 20 {
		r := judge.Result{File: "./app", Target: fmt.Sprintf("centos:%d", i+1), Verdict: diagnosis.Runs}
		switch {
		case i < 10:
			r.Verdict = diagnosis.Fails
			for _, v := range []string{"GLIBC_2.33", "GLIBC_2.34", "GLIBC_2.4"} {
				r.Findings = append(r.Findings, diagnosis.Finding{Cause: diagnosis.VersionMissing, Severity: diagnosis.Blocks, Library: "libc.so.6", Version: v,
					Detail: "libc.so.6 of " + r.Target + " lacks " + v, Message: "./app: version `" + v + "' not found",
					Remedies: []diagnosis.Remedy{{Command: "make old", Why: "it helps"}}})
			}
		case i < 19:
			r.Verdict, r.Unknown = diagnosis.Unknown, []string{"whether " + r.Target + " has libssl.so.3 is not known"}
		}
		targets = append(targets, r.Target)
		results = append(results, r)
	}
	return targets, results
}

func TestLists(t *testing.T) {
	targets, results := many()
	var b bytes.Buffer
	report.Style{Width: 80}.Matrix(&b, targets, results)
	want := `./app
  runs    on centos 20
  fails   on centos 1–10
  unknown on centos 11–19

fails    ./app  on centos 1–10
  version-missing: libc.so.6 of each lacks GLIBC_2.34 (and 2 more)

unknown  ./app  on centos 11–19
  unknown: whether each has libssl.so.3 is not known

  fewer targets, or -v, show the loader's own lines, chains, and what helps
`
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
	b.Reset()
	report.Style{Width: 80, Verbose: true}.Matrix(&b, targets, results)
	if text := b.String(); strings.Count(text, "version `GLIBC_2.34' not found") != 1 || !strings.Contains(text, "→ make old") {
		t.Errorf("%s", text)
	}
	b.Reset()
	report.Style{Width: 300}.Matrix(&b, targets, results)
	if text := b.String(); !strings.HasPrefix(text, "       centos:1  centos:2") {
		t.Errorf("a wide terminal has room for the table:\n%s", text)
	}
}

// Nothing but names that can't be broken is wider than the terminal.
func TestListsFit(t *testing.T) {
	targets, results := many()
	for i := range targets {
		targets[i] = fmt.Sprintf("dir:/roots/a-rather-long-name-%d", i)
		results[i].Target = targets[i]
	}
	for _, width := range []int{60, 80, 120} {
		var b bytes.Buffer
		report.Style{Width: width}.Matrix(&b, targets, results)
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
	}
}

func accepted() judge.Result {
	r := judge.Result{File: "app", Target: "t", Verdict: diagnosis.Fails, Unknown: []string{"why"}, Acceptances: []judge.Acceptance{{Unknown: "why", Known: true}}}
	for i, l := range []string{"liba.so.1", "libb.so.1", "libc.so.1"} {
		f := diagnosis.Finding{Cause: diagnosis.LibraryMissing, Severity: diagnosis.Blocks, Library: l, Detail: l + " is nowhere"}
		switch i {
		case 0:
			f.Suppressed = &diagnosis.Suppression{Reason: "the installer brings it", Until: "2026-12-31"}
		case 1:
			f.Known = true
		}
		r.Findings = append(r.Findings, f)
	}
	return r
}

func TestAccepted(t *testing.T) {
	var b bytes.Buffer
	report.Style{}.Result(&b, accepted())
	want := `fails    app  on t
  library-missing
    libc.so.1 is nowhere
  suppressed: library-missing liba.so.1, until 2026-12-31: the installer brings
              it
  known: 2 findings that the baseline has (-v shows)
`
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
	b.Reset()
	report.Style{Verbose: true}.Result(&b, accepted())
	for _, want := range []string{"library-missing (suppressed)", "library-missing (known)", "unknown: why"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestAcceptedElsewhere(t *testing.T) {
	var b bytes.Buffer
	if err := report.SARIF(&b, report.Tool{}, []judge.Result{accepted()}, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"justification": "the installer brings it"`, `"status": "accepted"`, `"kind": "external"`, `"until": "2026-12-31"`, `"baselineState": "unchanged"`} {
		if strings.Count(b.String(), want) != 1 {
			t.Errorf("not once: %s\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := report.JUnit(&b, diagnosis.Blocks, []judge.Result{accepted()}, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `message="libc.so.1 is nowhere (and 2 more findings)"`) {
		t.Errorf("%s", b.String())
	}
	r := accepted()
	r.Findings = r.Findings[:2]
	b.Reset()
	if err := report.JUnit(&b, diagnosis.Blocks, []judge.Result{r}, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `failures="0" errors="0"`) || !strings.Contains(b.String(), "suppressed: library-missing") {
		t.Errorf("%s", b.String())
	}
}

// One program may be started by several services: their names tell them apart.
func TestUnitIsNamed(t *testing.T) {
	r := judge.Result{File: "host#/usr/bin/app", Unit: "app@1.service", Target: "debian:12", Verdict: diagnosis.Runs}
	var b bytes.Buffer
	report.Style{}.Result(&b, r)
	if want := "runs     host#/usr/bin/app (app@1.service)  on debian:12\n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
	b.Reset()
	other := r
	other.Target = "debian:13"
	report.Style{}.Matrix(&b, []string{"debian:12", "debian:13"}, []judge.Result{r, other})
	if !strings.Contains(b.String(), "host#/usr/bin/app (app@1.service)  runs") {
		t.Errorf("%s", b.String())
	}
}
