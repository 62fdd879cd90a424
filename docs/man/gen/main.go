// Command gen writes the man pages of willrun from its commands: a page each,
// docs/man/willrun-check.1 and so on. go generate ./docs/man runs it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/willrun/willrun/docs/man"
	"github.com/willrun/willrun/internal/cli"
)

func main() {
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	for name, page := range man.Pages(cli.Command()) {
		if err := os.WriteFile(filepath.Join(dir, name), page, 0o644); err != nil {
			return err
		}
	}
	return nil
}
