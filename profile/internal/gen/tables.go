package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

const head = "# Written by gen measure; README.md says what it is made from.\n"

// compareNodes orders nodes by prefix, then by number.
func compareNodes(a, b string) int {
	pa, na := splitNode(a)
	pb, nb := splitNode(b)
	return cmp.Or(strings.Compare(pa, pb), compareVersions(na, nb), strings.Compare(a, b))
}

// splitNode parts GLIBC_2.34 into GLIBC and 2.34, GLIBC_ABI_DT_RELR into
// GLIBC_ABI_DT_RELR and "".
func splitNode(n string) (prefix, number string) {
	i := strings.LastIndexByte(n, '_')
	if i < 0 || i+1 == len(n) || n[i+1] < '0' || n[i+1] > '9' {
		return n, ""
	}
	return n[:i], n[i+1:]
}

func writeRows(file string, rows []row) error {
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(strings.Compare(a.system, b.system), strings.Compare(a.machine, b.machine), strings.Compare(a.library, b.library))
	})
	var b strings.Builder
	b.WriteString(head + "# system\tmachine\tglibc\tpackage\tlibrary\tpath\tnodes\n")
	for _, r := range rows {
		slices.SortFunc(r.nodes, compareNodes)
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.system, r.machine, r.glibc, r.pkg, r.library, cmp.Or(r.path, "-"), squeeze(r.nodes))
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

func writePools(file string, pools []pool) error {
	slices.SortFunc(pools, func(a, b pool) int {
		return cmp.Or(strings.Compare(a.system, b.system), strings.Compare(a.machine, b.machine))
	})
	var b strings.Builder
	b.WriteString(head + "# system\tmachine\tglibc\tnodes\n")
	for _, p := range pools {
		slices.SortFunc(p.nodes, compareNodes)
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", p.system, p.machine, p.glibc, squeeze(p.nodes))
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// squeeze leaves out a prefix that the node before has too.
func squeeze(nodes []string) string {
	var words []string
	last := ""
	for _, n := range slices.Compact(nodes) {
		prefix, number := splitNode(n)
		if prefix == last && number != "" {
			n = number
		}
		last = prefix
		words = append(words, n)
	}
	if words == nil {
		return "-"
	}
	return strings.Join(words, " ")
}

func unsqueeze(text string) []string {
	if text == "-" {
		return nil
	}
	var nodes []string
	last := ""
	for _, w := range strings.Split(text, " ") {
		if w[0] >= '0' && w[0] <= '9' {
			w = last + "_" + w
		}
		last, _ = splitNode(w)
		nodes = append(nodes, w)
	}
	return nodes
}

// writeLists writes lists under their keys; equal ones once.
func writeLists(file string, lists map[string][]string) error {
	byText := map[string][]string{}
	for _, key := range sortedKeys(lists) {
		text := strings.Join(lists[key], " ")
		byText[text] = append(byText[text], strings.ReplaceAll(key, "\t", "/"))
	}
	var lines []string
	for text, keys := range byText {
		lines = append(lines, strings.Join(keys, " ")+"\t"+text)
	}
	slices.Sort(lines)
	return os.WriteFile(file, []byte(head+"# systems\tsymbols\n"+strings.Join(lines, "\n")+"\n"), 0o644)
}

// writeMusl writes a line a symbol and machine: the versions that have it.
func writeMusl(file string, all map[string]map[string]muslSymbol) error {
	versions := map[string][]string{} // "symbol\tmachine\tkind\tsize" → versions
	var keys []string
	for _, key := range sortedKeys(all) {
		version, machine, _ := strings.Cut(key, "\t")
		keys = append(keys, machine+"/"+version)
		for name, s := range all[key] {
			line := name + "\t" + machine + "\t" + string(s.kind) + "\t" + strconv.FormatUint(s.size, 10)
			versions[line] = append(versions[line], version)
		}
	}
	grouped := map[string][]string{} // "symbol\tkind\tsize\tversions" → machines
	for line, list := range versions {
		f := strings.Split(line, "\t")
		slices.SortFunc(list, compareVersions)
		key := strings.Join([]string{f[0], f[2], f[3], strings.Join(list, " ")}, "\t")
		grouped[key] = append(grouped[key], f[1])
	}
	lines := []string{}
	for key, machines := range grouped {
		slices.Sort(machines)
		lines = append(lines, key+"\t"+strings.Join(machines, " "))
	}
	slices.Sort(lines)
	slices.Sort(keys)
	text := head + "# read: " + strings.Join(keys, " ") + "\n# symbol\tkind\tsize\tversions\tmachines\n" + strings.Join(lines, "\n") + "\n"
	return os.WriteFile(file, []byte(text), 0o644)
}

// compareVersions compares numbers with dots between.
func compareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		m, n := 0, 0
		if i < len(x) {
			m, _ = strconv.Atoi(x[i])
		}
		if i < len(y) {
			n, _ = strconv.Atoi(y[i])
		}
		if m != n {
			return m - n
		}
	}
	return 0
}
