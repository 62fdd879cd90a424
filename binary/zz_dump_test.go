package binary

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"
)

func TestZZDump(t *testing.T) {
	for _, p := range filepathList() {
		t0 := time.Now()
		f, err := ReadFile(p)
		d := time.Since(t0)
		if err != nil {
			fmt.Println(p, err)
			continue
		}
		g := f.Go
		if g == nil {
			fmt.Println(p, f.Format, f.Describe, "NO GO", d)
			continue
		}
		h := *g
		n := len(h.Packages)
		if os.Getenv("FULL") == "" {
			h.Packages = nil
			h.Deps = nil
			h.Settings = nil
			h.Main = nil
		}
		b, _ := json.Marshal(h)
		fmt.Println(p, d, "pk", n, string(b), f.Problems)
	}
}
func filepathList() []string {
	var l []string
	for _, a := range splitf(os.Getenv("FILES")) {
		l = append(l, a)
	}
	return l
}
func splitf(s string) []string {
	var l []string
	c := ""
	for _, r := range s + " " {
		if r == ' ' || r == '\n' {
			if c != "" {
				l = append(l, c)
			}
			c = ""
		} else {
			c += string(r)
		}
	}
	return l
}
