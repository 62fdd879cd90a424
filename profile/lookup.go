package profile

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NoSuch is the error of a name that no release has.
type NoSuch struct {
	Name string
	Near []string // names that look like it
}

func (e *NoSuch) Error() string {
	text := fmt.Sprintf("no such release: %s", e.Name)
	if len(e.Near) > 0 {
		text += ": did you mean " + strings.Join(e.Near, ", ") + "?"
	}
	return text
}

// aliases are names that container images and people use.
var aliases = map[string]string{"oraclelinux": "ol", "amazonlinux": "amzn", "rockylinux": "rocky", "archlinux": "arch", "leap": "opensuse-leap",
	"opensuse/leap": "opensuse-leap", "redhat": "rhel", "sle": "sles", "cbl-mariner": "mariner", "openeuler": "openEuler"}

var codename = regexp.MustCompile(`\(([a-z]+)\)$`)

// Lookup finds a release by name: "almalinux:9", "almalinux:9.4",
// "debian:bookworm". The error of an unknown name is a *NoSuch.
func Lookup(name string) (*Profile, error) {
	list, err := index()
	if err != nil {
		return nil, err
	}
	id, version := spelt(name)
	for i := range list {
		r := &list[i]
		if r.id != id {
			continue
		}
		if version == r.version || version != "" && version == r.codename() || version == "" && only(list, id) {
			return r.profile("")
		}
		if minor, ok := strings.CutPrefix(version, r.version+"."); ok && number(minor) {
			return r.profile(minor)
		}
	}
	return nil, &NoSuch{Name: name, Near: near(list, id, version)}
}

// spelt parts a name, and resolves other spellings.
func spelt(name string) (id, version string) {
	id, version, _ = strings.Cut(strings.TrimSpace(name), ":")
	if other, ok := aliases[strings.ToLower(id)]; ok {
		id = other
	}
	if stream, ok := strings.CutPrefix(version, "stream"); ok && id == "centos" {
		id, version = "centos-stream", stream
	}
	if id == "debian" && version == "unstable" {
		version = "sid"
	}
	return id, version
}

func only(list []record, id string) bool {
	n := 0
	for _, r := range list {
		if r.id == id {
			n++
		}
	}
	return n == 1
}

// number: digits with single dots between.
func number(s string) bool {
	for _, part := range strings.Split(s, ".") {
		if _, err := strconv.ParseUint(part, 10, 16); err != nil {
			return false
		}
	}
	return true
}

func (r *record) codename() string {
	if m := codename.FindStringSubmatch(strings.TrimSuffix(r.name, " LTS")); m != nil {
		return m[1]
	}
	return ""
}

func (r *record) profile(minor string) (*Profile, error) {
	p := &Profile{Name: r.key(), ID: r.id, Version: r.version, Minor: minor, Title: r.name, Codename: r.codename(),
		Libc: Libc{r.kind, r.libc}, GCC: r.gcc, Sources: fields(r.source), level: r.level, chunk: chunkOf(r)}
	if minor != "" {
		p.Name += "." + minor
		first, _, _ := strings.Cut(minor, ".")
		p.minor, _ = strconv.Atoi(first)
		p.Notes = append(p.Notes, "dates, compiler, CPU level and kernel are those of "+r.key()+" as a whole")
	} else if _, el := elMajor(r.id, r.version); el && r.id != "centos-stream" {
		p.Notes = append(p.Notes, r.key()+" without a minor number is its oldest known one")
	}
	if r.level == "v1" && !slices.ContainsFunc(p.Sources, func(s Source) bool { return s.Fact == "level" }) {
		p.Sources = append(p.Sources, Source{"level", "general knowledge: a build for amd64 runs on all of them where its distribution says nothing else"})
	}
	if r.libgo != "" {
		p.LibgoKnown = true
		if r.libgo != "none" {
			p.Libgo = strings.Split(r.libgo, "|")
		}
	}
	for i, part := range strings.SplitN(r.kernel, ".", 3) {
		n, _ := strconv.ParseUint(part, 10, 32)
		p.Kernel[i] = uint32(n)
	}
	var err error
	for _, d := range []struct {
		to   *time.Time
		text string
	}{{&p.Released, r.released}, {&p.EOL, r.eol}, {&p.Extended, r.extended}} {
		if d.text != "" && err == nil {
			*d.to, err = time.Parse(time.DateOnly, d.text)
		}
	}
	p.Machines, p.blocks = parseBlocks(r.blocks)
	if r.kind == "musl" {
		p.Machines = muslMachines(r.libc)
	}
	return p, err
}

// Names of all releases, in the order of the data.
func Names() []string {
	list, _ := index()
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].key()
	}
	return names
}

// elMajor is the major number of a rebuild of RHEL, or of RHEL itself.
func elMajor(id, version string) (int, bool) {
	switch id {
	case "centos", "centos-stream", "rhel", "almalinux", "rocky", "ol":
		n, err := strconv.Atoi(version)
		return n, err == nil
	}
	return 0, false
}

var elGroup = regexp.MustCompile(`^el(\d*)(\+?)$`)

// Match gives the releases of a group (all, supported, el, el9, el8+, deb) or
// of a glob (almalinux:*, *:9); nil when the pattern is neither.
func Match(pattern string, asOf time.Time) ([]string, error) {
	keep, err := matcher(pattern, asOf)
	if keep == nil || err != nil {
		return nil, err
	}
	list, err := index()
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range list {
		if keep(&list[i]) {
			names = append(names, list[i].key())
		}
	}
	if names == nil {
		return nil, fmt.Errorf("no release is in %s", pattern)
	}
	return names, nil
}

func matcher(pattern string, asOf time.Time) (func(r *record) bool, error) {
	switch m := elGroup.FindStringSubmatch(pattern); {
	case pattern == "all":
		return func(*record) bool { return true }, nil
	case pattern == "supported":
		return func(r *record) bool {
			p, err := r.profile("")
			if err != nil {
				return false
			}
			over, _, _ := p.Over(asOf)
			return !over
		}, nil
	case pattern == "deb":
		return func(r *record) bool { return r.id == "debian" || r.id == "ubuntu" }, nil
	case m != nil && (m[1] != "" || m[2] == ""):
		want, _ := strconv.Atoi(m[1])
		return func(r *record) bool {
			n, ok := elMajor(r.id, r.version)
			return ok && (m[1] == "" || n == want || m[2] != "" && n > want)
		}, nil
	case strings.ContainsAny(pattern, "*?[") && strings.Contains(pattern, ":"):
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("%s: %w", pattern, err)
		}
		return func(r *record) bool { ok, _ := path.Match(pattern, r.key()); return ok }, nil
	}
	return nil, nil
}

// near are names that differ little, or the distribution's own releases.
func near(list []record, id, version string) []string {
	var names []string
	for i := range list {
		if list[i].id == id {
			names = append(names, list[i].key())
		}
	}
	if names == nil && len(id) > 2 {
		for i := range list {
			if distance(id, list[i].id) <= 2 && (version == "" || list[i].version == version || list[i].codename() == version) {
				names = append(names, list[i].key())
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return distance(id+":"+version, a) - distance(id+":"+version, b) })
	return names[:min(len(names), 4)]
}

// distance is Levenshtein's.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0]++
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost++
			}
			last, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }
