package main

import (
	"fmt"
	"os"
	"path/filepath"
	"plugin"
)

func main() {
	os.Stdout.WriteString("MARK\n")
	x, _ := os.Executable()
	p, e := plugin.Open(filepath.Join(filepath.Dir(x), "plug.so"))
	if e != nil {
		fmt.Fprintln(os.Stderr, e)
		os.Exit(7)
	}
	s, e := p.Lookup("F")
	if e != nil {
		fmt.Fprintln(os.Stderr, e)
		os.Exit(8)
	}
	if s.(func() int)() != 42 {
		os.Exit(9)
	}
}
