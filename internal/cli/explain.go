package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/docs/causes"
)

func (a *app) explain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CAUSE]",
		Short: "What a cause means, how to see it by hand, what mends it",
		Long:  "explain shows the page of a cause; without one, it lists all causes.",
		Example: `  willrun explain
  willrun explain version-missing`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range diagnosis.Causes {
				names = append(names, string(c))
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				for _, c := range diagnosis.Causes {
					page, _ := causes.Page(string(c))
					fmt.Fprintf(a.Stdout, "%-22s %s\n", c, firstSentence(page))
				}
				return nil
			}
			page, ok := causes.Page(args[0])
			if !ok {
				return fmt.Errorf("no such cause: %q; 'willrun explain' lists them", args[0])
			}
			fmt.Fprint(a.Stdout, page)
			return nil
		},
	}
}

// firstSentence of a page's first paragraph below its title.
func firstSentence(page string) string {
	for _, block := range strings.Split(page, "\n\n") {
		if strings.HasPrefix(block, "#") || strings.TrimSpace(block) == "" {
			continue
		}
		text := strings.Join(strings.Fields(block), " ")
		if i := strings.Index(text, ". "); i >= 0 {
			text = text[:i]
		}
		return strings.TrimSuffix(text, ".")
	}
	return ""
}
