package profile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/willrun/willrun/root"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func lookup(t testing.TB, name string) *Profile {
	t.Helper()
	p, err := Lookup(name)
	must(t, err)
	return p
}

// TestEveryRelease: every row of the table is a profile, with the row's facts
// and a source for each, and a tree for every machine.
func TestEveryRelease(t *testing.T) {
	f, err := os.Open("data/releases.csv")
	must(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	must(t, err)
	if len(rows)-1 != len(Names()) || len(rows) < 88 {
		t.Errorf("%d rows, %d profiles", len(rows)-1, len(Names()))
	}
	for _, c := range rows[1:] {
		p := lookup(t, c[0]+":"+c[1])
		kernel := strings.TrimSuffix(fmt.Sprintf("%d.%d.%d", p.Kernel[0], p.Kernel[1], p.Kernel[2]), ".0")
		libgo := strings.Join(p.Libgo, "|")
		if p.LibgoKnown && libgo == "" {
			libgo = "none"
		}
		have := []string{p.ID, p.Version, p.Title, p.Libc.Kind, p.Libc.Version, p.GCC, libgo, strings.TrimSuffix("0.0"+kernel, "0.00"), p.level, day(p.Released), day(p.EOL), day(p.Extended)}
		have[7] = strings.TrimPrefix(have[7], "0.0")
		if kernel == "0.0" {
			have[7] = ""
		} else if c[7] != "" && strings.Count(c[7], ".") < 2 {
			have[7] = fmt.Sprintf("%d.%d", p.Kernel[0], p.Kernel[1])
		}
		if !slices.Equal(have, c[:12]) {
			t.Errorf("%s: %q, the row is %q", p.Name, have, c[:12])
		}
		everyFactHasASource(t, p, c)
		everyMachineHasATree(t, p)
	}
}

func day(d time.Time) string {
	if d.IsZero() {
		return ""
	}
	return d.Format(time.DateOnly)
}

func everyFactHasASource(t *testing.T, p *Profile, c []string) {
	facts := map[string]string{"libc": c[4], "gcc": c[5], "libgo": c[6], "kernel": c[7], "level": c[8], "dates": c[9] + c[10] + c[11]}
	for fact, value := range facts {
		if value != "" && !slices.ContainsFunc(p.Sources, func(s Source) bool { return (s.Fact == fact || s.Fact == "all") && s.From != "" }) {
			t.Errorf("%s: no source of its %s (%s): %q", p.Name, fact, value, p.Sources)
		}
	}
}

// everyMachineHasATree: it can be made, every library says what it rests on,
// no node is both sure and unsure, and what every installation has is where a
// loader finds it.
func everyMachineHasATree(t *testing.T, p *Profile) {
	if len(p.Machines) == 0 {
		t.Errorf("%s: no machine", p.Name)
	}
	for _, machine := range p.Machines {
		where := p.Name + " " + machine
		libs := p.Libraries(machine)
		for _, l := range libs {
			if l.Why == "" || l.Path == "" || l.Soname == "" {
				t.Errorf("%s: %s at %q rests on %q", where, l.Soname, l.Path, l.Why)
			}
			if l.Presence == Installable && l.Package == "" && machine == "x86-64" && l.Soname != "libatomic.so.1" {
				t.Errorf("%s: %s is installable, from no package", where, l.Soname)
			}
			for _, n := range l.Nodes {
				if contains(l.Unsure, n) || n == "GLIBC_PRIVATE" {
					t.Errorf("%s: %s has %s, and may have it", where, l.Soname, n)
				}
			}
		}
		if machine == "i386" && !anyPresent(libs) {
			continue // only when asked for
		}
		entries, err := p.Entries(machine)
		must(t, err)
		r, err := root.Described(where, entries)
		must(t, err)
		info, err := r.Stat(p.Interpreter(machine), root.Superuser)
		if err != nil {
			t.Errorf("%s: its loader: %v", where, err)
			continue
		}
		loader, err := r.Libc(p.Interpreter(machine), info)
		if err != nil || loader.Kind != p.Libc.Kind || loader.Version != p.Libc.Version {
			t.Errorf("%s: its loader is %+v, %v", where, loader, err)
			continue
		}
		for _, l := range libs {
			found := slices.ContainsFunc(loader.Dirs, func(d string) bool { _, err := r.Stat(d+"/"+l.Soname, root.Superuser); return err == nil })
			if isLoader := l.Path == p.Interpreter(machine); !isLoader && found != (l.Presence == Present) {
				t.Errorf("%s: %s is %s, and found in %q: %v", where, l.Soname, l.Presence, loader.Dirs, found)
			}
		}
		for _, command := range []string{"/bin/sh", "/usr/bin/env"} {
			if info, err := r.Stat(command, root.Superuser); err != nil || !info.Executable(root.Superuser) {
				t.Errorf("%s: %s: %v", where, command, err)
			}
		}
	}
}

func anyPresent(libs []Library) bool {
	return slices.ContainsFunc(libs, func(l Library) bool { return l.Presence == Present })
}

// TestNames: other spellings, minor releases, and what to say of a name that
// is none.
func TestNames(t *testing.T) {
	for asked, want := range map[string]string{
		"almalinux:9": "almalinux:9", "almalinux:9.4": "almalinux:9.4", "rhel:8.6": "rhel:8.6", "centos:7.9.2009": "centos:7.9.2009",
		"debian:bookworm": "debian:12", "debian:12.5": "debian:12.5", "debian:unstable": "debian:sid", "ubuntu:noble": "ubuntu:24.04", "ubuntu:22.04.3": "ubuntu:22.04.3",
		"oraclelinux:9": "ol:9", "amazonlinux:2023": "amzn:2023", "rockylinux:8": "rocky:8", "centos:stream9": "centos-stream:9", "opensuse/leap:15.5": "opensuse-leap:15.5",
		"arch": "arch:rolling", "alpine:3.20.3": "alpine:3.20.3",
	} {
		if p, err := Lookup(asked); err != nil || p.Name != want {
			t.Errorf("%s: %v, %v", asked, p, err)
		}
	}
	for asked, near := range map[string]string{
		"almalinx:9": "almalinux:9", "debian:14": "debian:13", "fedora": "fedora:35", "ubuntu:22.4": "ubuntu:22.04", "debain:12": "debian:12",
		"alpine:3.2": "alpine:3.20", "almalinux:9.x": "almalinux:9", "almalinux:9.": "almalinux:9", "windows:11": "", "": "", ":": "", "debian:": "debian:9",
	} {
		_, err := Lookup(asked)
		var no *NoSuch
		if !errors.As(err, &no) || near == "" && len(no.Near) != 0 || near != "" && !slices.Contains(no.Near, near) {
			t.Errorf("%q: %v", asked, err)
		}
	}
	if _, err := Lookup("centoss:8"); err == nil || err.Error() != "no such release: centoss:8: did you mean centos:8?" {
		t.Error(err)
	}
	if p := lookup(t, "almalinux:9.4"); p.Minor != "4" || p.Version != "9" || len(p.Notes) != 1 {
		t.Errorf("%+v", p)
	}
}

func TestMatch(t *testing.T) {
	asOf := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for pattern, c := range map[string]struct{ in, out string }{
		"all":         {"alpine:3.24", ""},
		"el":          {"ol:6 centos:5 centos-stream:10 rhel:8", "fedora:40 amzn:2023"},
		"el9":         {"almalinux:9 centos-stream:9", "almalinux:8 almalinux:10"},
		"el8+":        {"almalinux:8 ol:10", "centos:7 debian:12"},
		"deb":         {"ubuntu:16.04 debian:sid", "alpine:3.20"},
		"almalinux:*": {"almalinux:8 almalinux:10", "rocky:8"},
		"*:9":         {"debian:9 opencloudos:9", "debian:10"},
		"supported":   {"debian:13 arch:rolling photon:5.0 mariner:2.0 alpine:3.21.x rhel:8", "debian:12 centos:8 alpine:3.21 ubuntu:20.04"},
	} {
		names, err := Match(pattern, asOf)
		must(t, err)
		for _, n := range strings.Fields(c.in) {
			if n == "alpine:3.21.x" {
				continue
			}
			if !slices.Contains(names, n) {
				t.Errorf("%s lacks %s", pattern, n)
			}
		}
		for _, n := range strings.Fields(c.out) {
			if slices.Contains(names, n) {
				t.Errorf("%s has %s", pattern, n)
			}
		}
	}
	for _, pattern := range []string{"debian:12", "host", "el+", "elx", "el8-", "", "dir:/x"} {
		if names, err := Match(pattern, asOf); names != nil || err != nil {
			t.Errorf("%q: %v %v", pattern, names, err)
		}
	}
	for _, pattern := range []string{"el99+", "nothing:*", "debian:[x"} {
		if names, err := Match(pattern, asOf); names != nil || err == nil {
			t.Errorf("%q: %v %v", pattern, names, err)
		}
	}
}

// TestOver: the last day still counts.
func TestOver(t *testing.T) {
	p := lookup(t, "debian:11")
	for text, want := range map[string]bool{"2024-08-13": false, "2024-08-14": false, "2024-08-15": true, "2026-01-01": true} {
		asOf, err := time.Parse(time.DateOnly, text)
		must(t, err)
		over, since, extended := p.Over(asOf.Add(12 * time.Hour))
		if over != want || day(since) != "2024-08-14" || day(extended) != "2026-08-31" {
			t.Errorf("%s: %v %v %v", text, over, since, extended)
		}
	}
	if over, _, _ := lookup(t, "arch:rolling").Over(time.Now()); over {
		t.Error("an unknown date is over")
	}
}

func FuzzLookup(f *testing.F) {
	for _, s := range []string{"almalinux:9.4", "debian:bookworm", "x", ":", "el8+", "*:9", "centos:stream9", "debian:[", strings.Repeat("a", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if p, err := Lookup(name); err == nil {
			again, err := Lookup(p.Name)
			if err != nil || again.Name != p.Name {
				t.Errorf("%q gives %q, and that %v", name, p.Name, err)
			}
		}
		if names, err := Match(name, time.Unix(0, 0)); err == nil {
			for _, n := range names {
				lookup(t, n)
			}
		}
	})
}
