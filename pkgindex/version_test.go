package pkgindex_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/pkgindex"
)

var versions = []string{"1.0-1", "1.0-2", "1.0-10", "1:0.5-1", "1.0~rc1-1", "1.0^git1-1", "1.0^git2-1", "1.0.1-1", "1.0a-1", "1.a-1", "1.01-1", "1.1-1",
	"2.34-60.el9", "2.34-100.el9_4.2", "2.34-60.el9_2.1", "1.1.1k-4.el9", "1.1.1-4.el9", "10-1", "9-1", "1.0-1~bpo1", "1.0-1+deb12u1", "1.0+dfsg-1", "0-0", "1..1-1", "1.0^-1", "1.0~~-1", "1^-1", "1.^g0-1"}

// rpm and dpkg order these versions as we do.
func TestCompareOracle(t *testing.T) {
	for _, c := range []struct {
		tool    string
		compare func(a, b string) int
		order   func(a, b string) (int, error)
	}{
		{"rpm", pkgindex.CompareRPM, rpmOrder},
		{"dpkg", pkgindex.CompareDeb, dpkgOrder},
	} {
		t.Run(c.tool, func(t *testing.T) {
			if _, err := exec.LookPath(c.tool); err != nil {
				lab.Missing(t, c.tool)
			}
			for i, a := range versions {
				b := versions[(i*7+5)%len(versions)]
				for _, p := range [][2]string{{a, b}, {b, a}, {a, a}, {a, versions[(i+1)%len(versions)]}} {
					if c.tool == "dpkg" && strings.Contains(p[0]+p[1], "^") {
						continue
					}
					want, err := c.order(p[0], p[1])
					if err != nil {
						t.Fatal(err)
					}
					if got := sign(c.compare(p[0], p[1])); got != want {
						t.Errorf("%s and %s: %d, and %s says %d", p[0], p[1], got, c.tool, want)
					}
				}
			}
		})
	}
}

func sign(n int) int { return max(-1, min(1, n)) }

func rpmOrder(a, b string) (int, error) {
	out, err := exec.Command("rpm", "--eval", fmt.Sprintf("%%{lua: print(rpm.ver(%q) < rpm.ver(%q), rpm.ver(%q) == rpm.ver(%q))}", a, b, a, b)).Output()
	switch f := strings.Fields(string(out)); {
	case err != nil || len(f) != 2:
		return 0, fmt.Errorf("rpm: %q %v", out, err)
	case f[0] == "true":
		return -1, nil
	case f[1] == "true":
		return 0, nil
	}
	return 1, nil
}

func dpkgOrder(a, b string) (int, error) {
	for _, o := range []struct {
		op    string
		value int
	}{{"lt", -1}, {"eq", 0}, {"gt", 1}} {
		if exec.Command("dpkg", "--compare-versions", a, o.op, b).Run() == nil {
			return o.value, nil
		}
	}
	return 0, fmt.Errorf("dpkg can't compare %s and %s", a, b)
}

func TestParseSoname(t *testing.T) {
	for _, c := range []struct {
		dep, soname, node string
		class             int
		ok                bool
	}{
		{"libc.so.6(GLIBC_2.34)(64bit)", "libc.so.6", "GLIBC_2.34", 64, true},
		{"libc.so.6()(64bit)", "libc.so.6", "", 64, true},
		{"libc.so.6", "libc.so.6", "", 32, true},
		{"libc.so.6(GLIBC_2.0)", "libc.so.6", "GLIBC_2.0", 32, true},
		{"libdb-5.3.so()(64bit)", "libdb-5.3.so", "", 64, true},
		{"ld-linux-x86-64.so.2(GLIBC_2.3)(64bit)", "ld-linux-x86-64.so.2", "GLIBC_2.3", 64, true},
		{"rtld(GNU_HASH)", "", "", 0, false},
		{"glibc(x86-64)", "", "", 0, false},
		{"/bin/sh", "", "", 0, false},
		{"config(foo.so)", "", "", 0, false},
		{"python3.9dist(x.so)", "", "", 0, false},
		{"(libfoo.so if bar)", "", "", 0, false},
		{"foo.sock", "", "", 0, false},
	} {
		d, ok := pkgindex.ParseName(c.dep)
		if ok != c.ok || ok && fmt.Sprint(d) != fmt.Sprintf("{%s %s %d}", c.soname, c.node, c.class) {
			t.Errorf("%s: %v %v", c.dep, d, ok)
		}
	}
}
