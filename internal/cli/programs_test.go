package cli_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/willrun/willrun/internal/lab"
)

// programs builds what the scripts of the command judge.
type programs struct{ t *testing.T }

// prog OUT [SONAME|-FLAG]…: a program in C, linked against the C library of
// this machine and against libraries of these names, which are not kept. It
// needs GLIBC_2.34, that of __libc_start_main since then. With a flag, OUT may
// be another thing: -shared makes a library.
func (p *programs) prog(ts *testscript.TestScript, neg bool, args []string) {
	if _, err := exec.LookPath("gcc"); err != nil {
		lab.Missing(p.t, "gcc builds the programs")
	}
	out, source, link := ts.MkAbs(args[0]), "", []string{"-O1", "-w"}
	calls := ""
	for i, soname := range args[1:] {
		if strings.HasPrefix(soname, "-") {
			link = append(link, soname)
			continue
		}
		file := filepath.Join(p.t.TempDir(), soname)
		p.gcc(ts, fmt.Sprintf("int f%d(void){return 0;}", i), "-shared", "-fPIC", "-Wl,-soname,"+soname, "-o", file)
		source += fmt.Sprintf("int f%d(void);\n", i)
		calls += fmt.Sprintf("+f%d()", i)
		link = append(link, file)
	}
	p.gcc(ts, source+"int main(void){return 0"+calls+";}", append(link, "-o", out)...)
}

func (p *programs) gcc(ts *testscript.TestScript, source string, args ...string) {
	c := exec.Command("gcc", append([]string{"-x", "c", "-", "-x", "none"}, args...)...)
	c.Stdin = strings.NewReader(source)
	if out, err := c.CombinedOutput(); err != nil {
		ts.Fatalf("gcc: %v\n%s", err, out)
	}
}
