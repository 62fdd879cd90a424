// Package causes holds a page for every cause that willrun can give, for
// willrun explain.
package causes

import "embed"

//go:embed *.md
var pages embed.FS

// Page gives the page of a cause.
func Page(cause string) (text string, ok bool) {
	b, err := pages.ReadFile(cause + ".md")
	return string(b), err == nil
}
