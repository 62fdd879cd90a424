package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
)

// Matrix writes files × targets as a table, and below it what is wrong, once
// for all targets on which it is the same; lists in its place where the table
// would be too wide. results holds one file after
// another, and for each the targets in order.
func (s Style) Matrix(w io.Writer, targets []string, results []judge.Result) {
	if !s.tableFits(targets) {
		s.lists(w, targets, results)
		return
	}
	names := s.columns(w, targets)
	rows := rowsOf(results, len(targets))
	wide := 0
	for _, row := range rows {
		wide = max(wide, utf8.RuneCountInString(titleOf(row[0])))
	}
	room := s.width() - 2
	for _, n := range names {
		room -= columnWidth(n) + 2
	}
	wide = min(wide, max(room, narrowest))
	var line strings.Builder
	flush := func() {
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
		line.Reset()
	}
	line.WriteString(pad("", wide))
	for _, n := range names {
		line.WriteString("  " + pad(n, columnWidth(n)))
	}
	flush()
	for _, row := range rows {
		line.WriteString(pad(shorten(clean(titleOf(row[0])), wide), wide))
		for i, r := range row {
			line.WriteString("  " + s.verdict(r.Verdict) + strings.Repeat(" ", columnWidth(names[i])-7))
		}
		flush()
	}
	for _, row := range rows {
		s.troubles(w, targets, row)
	}
}

// narrowest room for a file's name beside the columns.
const narrowest = 16

// tableFits says whether columns that are only numbered fit the width.
func (s Style) tableFits(targets []string) bool {
	return narrowest+len(targets)*(columnWidth("")+2) <= s.width()
}

func columnWidth(name string) int { return max(7, utf8.RuneCountInString(name)) }

// columns names the columns: by the targets themselves where they fit beside
// a file name, else by numbers with a legend.
func (s Style) columns(w io.Writer, targets []string) []string {
	var short []string
	total := 24
	for _, t := range targets {
		short = append(short, shortTarget(t))
		total += columnWidth(short[len(short)-1]) + 2
	}
	if total <= s.width() && distinct(short) {
		return short
	}
	for i, t := range targets {
		short[i] = fmt.Sprintf("[%d]", i+1)
		fmt.Fprintf(w, "%-4s %s\n", short[i], clean(t))
	}
	fmt.Fprintln(w)
	return short
}

// shortTarget is the last element of a path target, or the whole name.
func shortTarget(t string) string {
	kind, rest, ok := strings.Cut(t, ":")
	if !ok || kind != "dir" && kind != "archive" && kind != "oci" && kind != "index" {
		return clean(t)
	}
	rest = strings.TrimRight(rest, "/")
	return clean(rest[strings.LastIndexByte(rest, '/')+1:])
}

func distinct(names []string) bool {
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] || n == "" {
			return false
		}
		seen[n] = true
	}
	return true
}

func rowsOf(results []judge.Result, targets int) [][]judge.Result {
	var rows [][]judge.Result
	for len(results) >= targets && targets > 0 {
		rows = append(rows, results[:targets])
		results = results[targets:]
	}
	return rows
}

// troubles writes what is wrong with one file, targets with the same findings
// together.
func (s Style) troubles(w io.Writer, targets []string, row []judge.Result) {
	groups := grouped(row, func(r judge.Result) string {
		worst, ok := r.Worst()
		if r.Verdict == diagnosis.Runs && (!ok || worst == diagnosis.Note) && !s.Verbose {
			return ""
		}
		var b strings.Builder
		s.findings(&b, r)
		if s.Verbose {
			s.trail(&b, r)
		}
		return b.String()
	})
	for _, g := range groups {
		fmt.Fprintln(w)
		s.headOn(w, g.sample, g.where, targets)
		fmt.Fprint(w, g.text)
	}
}

func pad(text string, n int) string {
	return text + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(text)))
}

// shorten keeps the end of a path, which tells files apart.
func shorten(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return "…" + string(runes[len(runes)-n+1:])
}
