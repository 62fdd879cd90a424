package main

import (
	"fmt"
	"slices"
	"strings"
)

// answer is what is known of one node in one library. The zero value is
// honest.
type answer int

const (
	unsure answer = iota
	has
	lacks
)

// question is one release on one machine.
type question struct {
	e       *evidence
	release release
	machine string
	class   string
	minor   int

	lower, upper map[string][]row // of the same packages, up to that minor and after it
	other        map[string][]row // of other distributions
	pools        []pool           // the release's own, or its rebuilds'
	own          bool             // pools are the release's own
}

func (e *evidence) ask(r release, machine string, minor int) *question {
	q := &question{e: e, release: r, machine: machine, minor: minor, lower: map[string][]row{}, upper: map[string][]row{}, other: map[string][]row{}}
	q.class, _ = class(r.key())
	for _, x := range e.rows {
		if x.machine != machine || x.glibc == "-" && glibcLibrary(x.library) {
			continue
		}
		c, m := class(x.system)
		switch {
		case c != q.class:
			q.other[x.library] = append(q.other[x.library], x)
		case m <= minor:
			q.lower[x.library] = append(q.lower[x.library], x)
		default:
			q.upper[x.library] = append(q.upper[x.library], x)
		}
	}
	for _, p := range e.pools {
		if p.system == r.key() && p.machine == machine && p.glibc == r.libcVersion {
			q.pools, q.own = []pool{p}, true
		}
	}
	for _, p := range e.pools {
		if c, _ := class(p.system); !q.own && c == q.class && p.machine == machine && p.glibc == r.libcVersion {
			q.pools = append(q.pools, p)
		}
	}
	return q
}

// pooled says whether all pools have the node (has), none (lacks), or some.
func (q *question) pooled(node string) answer {
	n := 0
	for _, p := range q.pools {
		if slices.Contains(p.nodes, node) {
			n++
		}
	}
	switch {
	case n == 0:
		return lacks
	case n == len(q.pools):
		return has
	}
	return unsure
}

// universe are the nodes that the library has anywhere, on any machine.
func (q *question) universe(library string) []string {
	key := library
	if isLoader(library) {
		key = "ld"
	}
	if nodes, ok := q.e.universes[key]; ok {
		return nodes
	}
	var nodes []string
	for _, r := range q.e.rows {
		if r.library == library || isLoader(r.library) && isLoader(library) {
			nodes = append(nodes, r.nodes...)
		}
	}
	slices.SortFunc(nodes, compareNodes)
	nodes = slices.Compact(nodes)
	q.e.universes[key] = nodes
	return nodes
}

func (r row) has(node string) bool { return slices.Contains(r.nodes, node) }

func count(rows []row, node string) (with int) {
	for _, r := range rows {
		if r.has(node) {
			with++
		}
	}
	return with
}

// glibcNode decides one node of one of glibc's libraries.
func (q *question) glibcNode(library, node string) answer {
	if q.announced(library, node) {
		return has
	}
	bounded := scanned(library) && len(q.pools) > 0
	lower, upper := q.lower[library], q.upper[library]
	if bounded && q.pooled(node) == lacks {
		if count(lower, node)+count(upper, node) > 0 {
			return unsure // one build has it, another has not
		}
		return lacks
	}
	switch {
	case node == "GLIBC_PRIVATE":
		return unsure // bound to one build of glibc
	case count(lower, node) > 0:
		if bounded && q.pooled(node) != has {
			return unsure
		}
		return has
	case len(lower) > 0 && len(upper) == 0, len(upper) > 0 && count(upper, node) < len(upper):
		return lacks
	}
	a := q.infer(library, node)
	switch {
	case len(upper) > 0 && (a != has || len(lower) > 0):
		return unsure
	case a == has && bounded && q.pooled(node) != has:
		return unsure
	case a == lacks && !bounded && q.maybeBackport(library, node):
		return unsure
	}
	return a
}

// announced: glibc-2.34-37.el9 brought ld.so's GLIBC_2.35 on all machines
// (Florian Weimer, centos-devel, 9 June 2022), which is 9.1's; the builds that
// were measured got GLIBC_2.34 with it.
func (q *question) announced(library, node string) bool {
	return q.class == "el9" && q.minor >= 1 && isLoader(library) && (node == "GLIBC_2.34" || node == "GLIBC_2.35")
}

// infer tells from other distributions' builds of the same glibc, or of the
// nearest on both sides. A node never goes again.
func (q *question) infer(library, node string) answer {
	version := q.release.libcVersion
	var below, same, above []row // only the nearest
	for _, r := range q.other[library] {
		switch c := compareVersions(r.glibc, version); {
		case c == 0:
			same = append(same, r)
		case c < 0:
			below = nearest(below, r, 1)
		default:
			above = nearest(above, r, -1)
		}
	}
	number, ok := nodeVersion(node)
	if len(same) > 0 {
		a := all(same, node)
		if a == has && ok && compareVersions(number, version) > 0 {
			return unsure // another distribution's backport
		}
		return a
	}
	hi, lo := all(above, node), all(below, node)
	switch {
	case len(above) > 0 && hi == lacks:
		return lacks
	case ok && compareVersions(number, version) > 0:
		return lacks
	case len(below) > 0 && lo == has:
		return has
	case len(above) == 0 && len(below) > 0 && ok && compareVersions(number, below[0].glibc) <= 0:
		return lacks
	case len(above) == 0 || hi != has || !ok:
		return unsure
	case node == first(above):
		return has // the machine's first: a library without it has nothing
	}
	came := len(below) == 0 || compareVersions(number, below[0].glibc) > 0 // after the older build
	if came && !q.e.late(library, node) && !q.moved(library, node, above[0].glibc) {
		return has
	}
	return q.elsewhere(library, node)
}

// first is the node that all builds have as their oldest.
func first(rows []row) string {
	oldest := ""
	for _, r := range rows {
		for _, n := range r.nodes {
			if _, ok := nodeVersion(n); ok {
				if oldest != "" && n != oldest {
					return ""
				}
				oldest = n
				break
			}
		}
	}
	return oldest
}

// moved: 2.34 brought other libraries' symbols into libc.so.6, with their
// nodes. A node that libc.so.6 had on other machines before is not of these.
func (q *question) moved(library, node, above string) bool {
	if library != "libc.so.6" || compareVersions(q.release.libcVersion, "2.34") >= 0 || compareVersions(above, "2.34") < 0 || early[node] {
		return false
	}
	number, _ := nodeVersion(node)
	var before []row
	for _, r := range q.e.rows {
		if r.library == library && r.machine != q.machine && r.glibc != "-" && compareVersions(r.glibc, number) >= 0 && compareVersions(r.glibc, "2.34") < 0 {
			before = append(before, r)
		}
	}
	return all(before, node) != has
}

// elsewhere asks the builds of the same glibc for other machines: what came
// late, came for all.
func (q *question) elsewhere(library, node string) answer {
	var rows []row
	for _, r := range q.e.rows {
		same := r.library == library || isLoader(r.library) && isLoader(library)
		if same && r.machine != q.machine && r.glibc == q.release.libcVersion {
			rows = append(rows, r)
		}
	}
	if all(rows, node) == has {
		return has
	}
	return unsure
}

// early are nodes that libc.so.6 had before 2.34 moved more to them:
// sigabbrev_np and its kind came with 2.32, says sigabbrev_np(3).
var early = map[string]bool{"GLIBC_2.32": true}

func nearest(rows []row, r row, sign int) []row {
	if len(rows) > 0 {
		switch c := compareVersions(r.glibc, rows[0].glibc) * sign; {
		case c < 0:
			return rows
		case c == 0:
			return append(rows, r)
		}
	}
	return []row{r}
}

func all(rows []row, node string) answer {
	switch n := count(rows, node); {
	case len(rows) == 0:
		return unsure
	case n == 0:
		return lacks
	case n == len(rows):
		return has
	}
	return unsure
}

// late says whether a library got a node after the glibc of the node's
// number: on some machine an older build, new enough for it, lacks it, and a
// newer one has it.
func (e *evidence) late(library, node string) bool {
	key := library + " " + node
	late, known := e.lates[key]
	if !known {
		late = e.cameLate(library, node)
		e.lates[key] = late
	}
	return late
}

func (e *evidence) cameLate(library, node string) bool {
	number, ok := nodeVersion(node)
	lacking := map[string]string{} // machine → oldest glibc that could have it, and has not
	part := func(r row) bool {
		return (r.library == library || isLoader(r.library) && isLoader(library)) && r.glibc != "-" && ok && compareVersions(r.glibc, number) >= 0
	}
	for _, r := range e.rows {
		if part(r) && !r.has(node) && (lacking[r.machine] == "" || compareVersions(r.glibc, lacking[r.machine]) < 0) {
			lacking[r.machine] = r.glibc
		}
	}
	return slices.ContainsFunc(e.rows, func(r row) bool {
		since := lacking[r.machine]
		return part(r) && r.has(node) && since != "" && compareVersions(r.glibc, since) >= 0
	})
}

// named are the releases of glibc that brought nodes without a number (its
// NEWS of 2.36 and 2.42).
var named = map[string]string{"GLIBC_ABI_DT_RELR": "2.36", "GLIBC_ABI_GNU2_TLS": "2.42", "GLIBC_ABI_GNU_TLS": "2.42", "GLIBC_ABI_DT_X86_64_PLT": "2.42"}

// nodeVersion of GLIBC_2.34 is 2.34.
func nodeVersion(node string) (string, bool) {
	if v, ok := named[node]; ok {
		return v, true
	}
	v, ok := strings.CutPrefix(node, "GLIBC_")
	return v, ok && v != "" && v[0] >= '0' && v[0] <= '9'
}

// maybeBackport: systems were measured that have the next release's node
// (EL 9's ld.so has GLIBC_2.35, EL 7's GLIBC_2.18 on AArch64), or one that is
// no number. Where no list of the release was measured, such may be there.
func (q *question) maybeBackport(library, node string) bool {
	if named[node] != "" {
		return compareVersions(q.release.libcVersion, "2.33") >= 0 && count(q.other[library], node) > 0
	}
	number, ok := nodeVersion(node)
	if !ok {
		return false
	}
	var major, minor int
	fmt.Sscanf(q.release.libcVersion, "%d.%d", &major, &minor)
	return number == fmt.Sprintf("%d.%d", major, minor+1)
}
