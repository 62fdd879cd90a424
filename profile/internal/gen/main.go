// Command gen makes the data of package profile.
//
//	go run ./internal/gen measure FOLDER   evidence in FOLDER → data/*.tsv
//	go run ./internal/gen build            data/*.tsv and *.csv → data/profiles.gz
//
// data/README.md says what lies in FOLDER, and where it is from.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "measure":
		return measure(args[1], "data")
	case len(args) == 1 && args[0] == "build":
		return build("data")
	}
	return fmt.Errorf("usage: gen measure FOLDER, or gen build")
}
