// Package causes holds a page for every cause that willrun can give, for
// willrun explain.
package causes

import (
	"embed"
	"strings"
)

//go:embed *.md
var pages embed.FS

// Page gives the page of a cause.
func Page(cause string) (text string, ok bool) {
	b, err := pages.ReadFile(cause + ".md")
	return string(b), err == nil
}

// Names lists the causes that have a page.
func Names() []string {
	entries, err := pages.ReadDir(".")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".md"))
	}
	return names
}
