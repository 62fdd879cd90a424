package judge

import (
	"fmt"
	"slices"

	"github.com/willrun/willrun/diagnosis"
)

// levelled is what one CPU level says.
type levelled struct {
	level    string
	findings []diagnosis.Finding
}

// merge joins the findings of several CPU levels: one that holds on all of
// them has no Levels, any other names those on which it holds. The order is
// that of the lowest level, what only others have comes behind.
func merge(runs []levelled) []diagnosis.Finding {
	if len(runs) == 1 {
		return runs[0].findings
	}
	var order []string
	first := map[string]diagnosis.Finding{}
	on := map[string][]string{}
	for _, run := range runs {
		for _, f := range run.findings {
			k := key(f)
			if _, seen := first[k]; !seen {
				first[k] = f
				order = append(order, k)
			}
			if !slices.Contains(on[k], run.level) {
				on[k] = append(on[k], run.level)
			}
		}
	}
	var joined []diagnosis.Finding
	for _, k := range order {
		f := first[k]
		if len(on[k]) < len(runs) {
			f.Levels = on[k]
		}
		joined = append(joined, f)
	}
	return joined
}

func key(f diagnosis.Finding) string {
	return fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s", f.Cause, f.Severity, f.Object, f.Library, f.Version, f.Symbol, f.Message)
}

// verdict of joined findings: a start that is stopped on any CPU that the
// target supports fails; one that was not followed to its end is unknown.
func verdict(findings []diagnosis.Finding, unknown []string) diagnosis.Verdict {
	for _, f := range findings {
		if f.Severity == diagnosis.Blocks {
			return diagnosis.Fails
		}
	}
	if len(unknown) > 0 {
		return diagnosis.Unknown
	}
	return diagnosis.Runs
}
