package main

import (
	"fmt"
	"slices"
	"strings"
)

// library is what is known of one library of a release on a machine.
type library struct {
	soname, path, pkg string
	presence          byte // 'p' present, 'i' installable
	nodes, unsure     []string
	symbols           []string // all of them; nil: not known
	why               string
}

// libraries answers for every library of which something is known.
func (q *question) libraries() []library {
	var list []library
	for _, name := range q.names() {
		l := library{soname: name}
		if glibcLibrary(name) {
			q.glibc(&l)
		} else {
			q.rest(&l)
		}
		list = append(list, l)
	}
	q.extras(list)
	for i := range list {
		q.place(&list[i])
	}
	return slices.DeleteFunc(list, func(l library) bool { return l.presence == 0 })
}

// names of the libraries that the release has on that machine.
func (q *question) names() []string {
	seen := map[string]bool{}
	for _, rows := range []map[string][]row{q.lower, q.upper} {
		for name := range rows {
			seen[name] = true
		}
	}
	for name := range core {
		seen[name] = true
	}
	seen[loaders[q.machine][strings.LastIndexByte(loaders[q.machine], '/')+1:]] = true
	for name := range prefixes {
		seen[name] = true
	}
	return sortedKeys(seen)
}

func (q *question) glibc(l *library) {
	for _, node := range q.universe(l.soname) {
		switch q.glibcNode(l.soname, node) {
		case has:
			l.nodes = append(l.nodes, node)
		case unsure:
			l.unsure = append(l.unsure, node)
		}
	}
	l.why = q.glibcWhy(l.soname)
	if q.announced(l.soname, "GLIBC_2.35") {
		l.why += "; GLIBC_2.35 since glibc-2.34-37.el9 (centos-devel, June 2022)"
	}
}

func (q *question) glibcWhy(name string) string {
	var why []string
	for _, r := range slices.Concat(q.lower[name], q.upper[name]) {
		why = append(why, seen(r))
	}
	if len(q.lower[name]) == 0 {
		var from []string
		for _, r := range q.other[name] {
			if r.glibc == q.release.libcVersion {
				from = append(from, r.system)
			}
		}
		text := "builds of glibc " + q.release.libcVersion + " measured elsewhere"
		if from == nil {
			text = "what measured builds of older and newer glibc both have, and of nodes between them those up to " + q.release.libcVersion
		}
		why = append(why, text)
	}
	if scanned(name) && len(q.pools) > 0 {
		why = append(why, "within the nodes that pep600_compliance lists for "+q.poolNames())
	}
	return strings.Join(why, "; ")
}

func seen(r row) string {
	if r.path != "" {
		return "read from " + r.pkg + " of " + r.system
	}
	return "Provides of " + r.pkg + " of " + r.system
}

func (q *question) poolNames() string {
	var names []string
	for _, p := range q.pools {
		names = append(names, p.system)
	}
	return strings.Join(names, ", ")
}

// extras: a pool has nodes that no library was found for. Where only one of
// the libraries ever had such a node, it is that one's.
func (q *question) extras(list []library) {
	if len(q.pools) == 0 {
		return
	}
	for _, node := range q.pools[0].nodes {
		if !strings.HasPrefix(node, "GLIBC_") || q.pooled(node) != has || explained(list, node) {
			continue
		}
		var candidates []*library
		for i := range list {
			if scanned(list[i].soname) && slices.Contains(q.universe(list[i].soname), node) {
				candidates = append(candidates, &list[i])
			}
		}
		switch len(candidates) {
		case 0: // newer than anything measured
			for i := range list {
				if glibcLibrary(list[i].soname) {
					list[i].maybe(node)
				}
			}
		case 1:
			l := candidates[0]
			l.unsure = slices.DeleteFunc(l.unsure, func(n string) bool { return n == node })
			l.nodes = append(l.nodes, node)
			slices.SortFunc(l.nodes, compareNodes)
			l.why += fmt.Sprintf("; %s because no other of those libraries ever had it", node)
		default:
			for _, l := range candidates {
				l.maybe(node)
			}
		}
	}
}

func (l *library) maybe(node string) {
	if !slices.Contains(l.unsure, node) && !slices.Contains(l.nodes, node) {
		l.unsure = append(l.unsure, node)
		slices.SortFunc(l.unsure, compareNodes)
	}
}

func explained(list []library, node string) bool {
	return slices.ContainsFunc(list, func(l library) bool {
		return (scanned(l.soname) || l.soname == "libgcc_s.so.1") && slices.Contains(l.nodes, node)
	})
}

// rest decides the libraries that are not glibc's, whose versions go their own
// way: by what was seen of the same packages, else by older and newer releases
// of the family.
func (q *question) rest(l *library) {
	var lists [][]string
	var why []string
	for _, r := range slices.Concat(q.lower[l.soname], q.upper[l.soname]) {
		lists = append(lists, r.nodes)
		why = append(why, seen(r))
	}
	if groups := prefixes[l.soname]; groups != nil && len(q.pools) > 0 {
		for _, p := range q.pools {
			if nodes := slices.DeleteFunc(slices.Clone(p.nodes), func(n string) bool { return !inGroups(n, groups) }); len(nodes) > 0 {
				lists = append(lists, append(nodes, q.always(l.soname, groups)...))
			}
		}
		why = append(why, "listed by pep600_compliance for "+q.poolNames())
	}
	if len(lists) == 0 {
		q.between(l)
		return
	}
	l.why = strings.Join(why, "; ")
	for _, node := range union(lists) {
		n := 0
		for _, list := range lists {
			if slices.Contains(list, node) {
				n++
			}
		}
		if n == len(lists) && node != "GLIBC_PRIVATE" {
			l.nodes = append(l.nodes, node)
		} else {
			l.unsure = append(l.unsure, node)
		}
	}
}

func inGroups(node string, groups []string) bool {
	return slices.ContainsFunc(groups, func(g string) bool { return strings.HasPrefix(node, g+"_") })
}

// always are the nodes outside a pool's groups that every build has there.
func (q *question) always(name string, groups []string) []string {
	var nodes []string
	rows := slices.Concat(q.lower[name], q.upper[name], q.other[name])
	for _, node := range q.universe(name) {
		if !inGroups(node, groups) && count(rows, node) == len(rows) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

func union(lists [][]string) []string {
	nodes := slices.Concat(lists...)
	slices.SortFunc(nodes, compareNodes)
	return slices.Compact(nodes)
}

// between: what an older release of the family has is still there, what a
// newer one lacks is not there yet.
func (q *question) between(l *library) {
	older, newer := q.neighbours(l.soname, q.machine)
	if older == nil && q.machine != "x86-64" {
		// The lists of nodes are one for all machines, but for a few names.
		x, _ := q.neighbours(l.soname, "x86-64")
		for _, node := range x {
			if slices.Contains(newer, node) {
				older = append(older, node)
			}
		}
	}
	l.why = "not measured: between older and newer releases of the family"
	if older == nil {
		older = q.compilers(l.soname, newer)
		l.why = "not measured: at least that of GCC " + q.release.gcc + ", at most that of newer releases of the family"
	}
	for _, node := range union([][]string{older, newer}) {
		switch {
		case slices.Contains(older, node):
			l.nodes = append(l.nodes, node)
		case newer == nil || slices.Contains(newer, node):
			l.unsure = append(l.unsure, node)
		}
	}
	if newer == nil { // anything newer may be there too
		for _, node := range q.universe(l.soname) {
			if !slices.Contains(l.nodes, node) {
				l.maybe(node)
			}
		}
	}
}

// byGCC are the newest nodes of libstdc++ by the first release of a GCC
// (gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html).
var byGCC = map[string]map[string]string{
	"4.8": {"GLIBCXX": "3.4.18", "CXXABI": "1.3.7", "GCC": "4.8.0"},
	"7":   {"GLIBCXX": "3.4.23", "CXXABI": "1.3.11", "GCC": "7.0.0"},
}

// compilers: a release's runtime libraries are at least those of its default
// compiler.
func (q *question) compilers(name string, among []string) []string {
	if len(prefixes[name]) == 0 {
		return nil
	}
	var nodes []string
	for _, node := range among {
		prefix, number := splitNode(node)
		if newest := byGCC[q.release.gcc][prefix]; newest != "" && inGroups(node, prefixes[name]) && number != "" && compareVersions(number, newest) <= 0 {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// neighbours are what the next older release of the family has, and all that
// the next newer one may have.
func (q *question) neighbours(name, machine string) (older, newer []string) {
	var before, after *question
	for _, r := range q.e.releases {
		if family(r.id) != family(q.release.id) || r.libc != q.release.libc {
			continue
		}
		if c, _ := class(r.key()); c == q.class {
			continue
		}
		n := q.e.ask(r, machine, 1<<20)
		if len(n.lower[name])+len(n.pools) == 0 {
			continue
		}
		if compareVersions(r.version, q.release.version) < 0 {
			if before == nil || compareVersions(r.version, before.release.version) > 0 {
				before = n
			}
		} else if after == nil || compareVersions(r.version, after.release.version) < 0 {
			after = n
		}
	}
	if before != nil {
		l := library{soname: name}
		before.rest(&l)
		older = l.nodes
	}
	if after != nil {
		l := library{soname: name}
		after.rest(&l)
		newer = append(l.nodes, l.unsure...)
	}
	return older, newer
}
