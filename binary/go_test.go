package binary

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// goSources are small modules, a file each: what a case builds.
var goSources = map[string]map[string]string{
	"pure": {"main.go": "package main\n\nfunc main() { println(\"x\") }\n"},
	"names": {"main.go": `package main

import (
	"net"
	"os/user"
)

func main() {
	net.LookupHost("localhost")
	user.LookupId("0")
}
`},
	"own": {
		"main.go": "package main\n\nimport own \"example.com/own/twice.v2\"\n\nfunc main() { println(own.Twice(2)) }\n",
		"twice.v2/own.go": `package own

/*
#include <stdlib.h>
static int twice(int x) { return 2 * x; }
*/
import "C"
import "unsafe"

func Twice(n int) int {
	s := C.CString("x")
	defer C.free(unsafe.Pointer(s))
	return int(C.twice(C.int(n)))
}
`},
	"export": {"main.go": "package main\n\nimport \"C\"\n\n//export Answer\nfunc Answer() C.int { return 42 }\n\nfunc main() {}\n"},
	"plug":   {"main.go": "package main\n\nfunc F() int { return 1 }\n\nfunc main() {}\n"},
	"host":   {"main.go": "package main\n\nimport \"plugin\"\n\nfunc main() { plugin.Open(\"x.so\") }\n"},
	"data": {"main.go": `package main

import (
	"net/http"
	"time"
)

func main() {
	http.Get("https://localhost")
	time.LoadLocation("Europe/Rome")
}
`},
	"tzdata": {"main.go": "package main\n\nimport (\n\t\"time\"\n\t_ \"time/tzdata\"\n)\n\nfunc main() { time.LoadLocation(\"Europe/Rome\") }\n"},
}

// goCase is a build, and what its file must tell.
type goCase struct {
	source    string
	toolchain string // "" is the one that runs the test
	env       string // of the build, K=V separated by blanks
	flags     string
	quick     bool // also where not everything is asked for
	want      Go   // compared as far as it is filled; Link, BuildMode and CgoPackages always
}

var (
	cgoNet   = CgoPackage{Path: "net", Twin: true, Calls: []string{"freeaddrinfo", "gai_strerror", "getaddrinfo"}}
	cgoUser  = CgoPackage{Path: "os/user", Twin: true}
	cgoOwn   = CgoPackage{Path: "example.com/own/twice.v2", Calls: []string{"free", "twice"}}
	cgoMain  = CgoPackage{Path: "main", Exports: []string{"Answer"}}
	cgoPlug  = CgoPackage{Path: "plugin", Calls: []string{"pluginLookup", "pluginOpen", "realpath"}}
	asNames  = []CgoPackage{cgoNet, cgoUser}
	asOwn    = []CgoPackage{cgoOwn}
	needName = GoNeeds{Passwd: true, Resolver: true}
)

func goCases() []goCase {
	list := []goCase{
		{source: "pure", quick: true, flags: "-trimpath -ldflags=-s", want: Go{Link: "internal", BuildMode: "exe", Level: "GOAMD64=v1", Stripped: true, MinKernel: "3.2"}},
		{source: "names", quick: true, env: "CGO_ENABLED=1", want: Go{Link: "internal", BuildMode: "exe", Cgo: true, CgoPackages: asNames, Needs: needName}},
		{source: "names", quick: true, env: "CGO_ENABLED=0", want: Go{Link: "internal", BuildMode: "exe", Needs: needName}},
		{source: "own", quick: true, env: "CGO_ENABLED=1", flags: "-ldflags=-s", want: Go{Link: "external", BuildMode: "exe", Cgo: true, CgoPackages: asOwn, Stripped: true}},
		{source: "own", env: "CGO_ENABLED=1", flags: "-ldflags=-linkmode=internal", want: Go{Link: "internal", BuildMode: "exe", Cgo: true, CgoPackages: asOwn}},
		{source: "names", env: "CGO_ENABLED=1", flags: "-ldflags=-linkmode=external", want: Go{Link: "external", BuildMode: "exe", Cgo: true, CgoPackages: asNames, Needs: needName}},
		{source: "names", env: "CGO_ENABLED=1", flags: "-ldflags=-linkmode=external -ldflags=-extldflags=-static", want: Go{Link: "external", BuildMode: "exe", Cgo: true, CgoPackages: asNames, Needs: needName}},
		{source: "own", env: "CGO_ENABLED=1 CC=musl-gcc", flags: "-ldflags=-linkmode=external -ldflags=-extldflags=-static", want: Go{Link: "external", BuildMode: "exe", Cgo: true, CgoPackages: asOwn}},
		{source: "export", env: "CGO_ENABLED=1", flags: "-buildmode=c-shared", want: Go{Link: "external", BuildMode: "c-shared", Cgo: true, CgoPackages: []CgoPackage{cgoMain}}},
		{source: "plug", env: "CGO_ENABLED=1", flags: "-buildmode=plugin", want: Go{Link: "external", BuildMode: "plugin", Cgo: true}},
		{source: "host", env: "CGO_ENABLED=1", want: Go{Link: "external", BuildMode: "exe", Cgo: true, CgoPackages: []CgoPackage{cgoPlug}, Needs: GoNeeds{Plugins: true}}},
		{source: "host", env: "CGO_ENABLED=0", want: Go{Link: "internal", BuildMode: "exe"}},
		{source: "data", env: "CGO_ENABLED=0", want: Go{Link: "internal", BuildMode: "exe", Needs: GoNeeds{Certificates: true, TimeZones: true, Resolver: true}}},
		{source: "tzdata", want: Go{Link: "internal", BuildMode: "exe"}},
		{source: "pure", env: "CGO_ENABLED=1", flags: "-race", want: Go{Link: "internal", BuildMode: "exe", Cgo: true, CgoPackages: []CgoPackage{{Path: "runtime/race"}}}},
		{source: "pure", env: "GOAMD64=v3", want: Go{Link: "internal", BuildMode: "exe", Level: "GOAMD64=v3"}},
		{source: "pure", env: "GOFIPS140=v1.0.0", want: Go{Link: "internal", BuildMode: "exe", FIPS: "v1.0.0"}},
		{source: "pure", env: "GOARCH=386", want: Go{Link: "internal", BuildMode: "exe", Level: "GO386=sse2"}},
		{source: "pure", env: "GOARCH=arm64 GOARM64=v8.0,lse", want: Go{Link: "internal", BuildMode: "exe", Level: "GOARM64=v8.0,lse"}},
		{source: "pure", env: "GOARCH=arm GOARM=6", want: Go{Link: "internal", BuildMode: "exe", Level: "GOARM=6"}},
		{source: "pure", env: "GOARCH=s390x", want: Go{Link: "internal", BuildMode: "exe"}},
		{source: "pure", env: "GOARCH=mips GOMIPS=softfloat", want: Go{Link: "internal", BuildMode: "exe", Level: "GOMIPS=softfloat"}},
		{source: "pure", env: "GOOS=windows", want: Go{Link: "internal", BuildMode: "exe", MinOS: "Windows 10"}},
		{source: "pure", env: "GOOS=windows", flags: "-ldflags=-s", want: Go{Link: "internal", BuildMode: "exe", Stripped: true}},
		{source: "pure", env: "GOOS=windows GOARCH=386", want: Go{Link: "internal", BuildMode: "exe", Level: "GO386=sse2"}},
		{source: "pure", env: "GOOS=darwin GOARCH=arm64", want: Go{Link: "internal", BuildMode: "exe"}},
		{source: "pure", env: "GOOS=darwin GOARCH=amd64", flags: "-ldflags=-s", want: Go{Link: "internal", BuildMode: "exe", Stripped: true}},
	}
	for _, v := range []string{"go1.17.13", "go1.18.10", "go1.20.14", "go1.22.6", "go1.24.9", "go1.27.4"} {
		kernel := map[string]string{"go1.17.13": "2.6.23", "go1.18.10": "2.6.23", "go1.20.14": "2.6.32", "go1.22.6": "2.6.32"}[v]
		if kernel == "" {
			kernel = "3.2"
		}
		list = append(list,
			goCase{source: "pure", toolchain: v, want: Go{Link: "internal", BuildMode: "exe", MinKernel: kernel}},
			goCase{source: "pure", toolchain: v, flags: "-buildmode=pie -ldflags=-s", want: Go{Link: "internal", BuildMode: "pie", Stripped: true}},
			goCase{source: "names", toolchain: v, env: "CGO_ENABLED=1", flags: "-trimpath", want: Go{Link: "internal", BuildMode: "exe", Cgo: true, CgoPackages: asNames, Needs: needName}},
			goCase{source: "own", toolchain: v, env: "CGO_ENABLED=1", flags: "-buildmode=pie -ldflags=-s", want: Go{Link: "external", BuildMode: "pie", Cgo: true, CgoPackages: asOwn, Stripped: true}})
	}
	return list
}

// TestGoBuilds builds each case and holds its facts against it; once more
// without section headers, which a loader needs as little as we do.
func TestGoBuilds(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Go programs")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the cases are those of linux/amd64")
	}
	for _, c := range goCases() {
		name := strings.Join(strings.Fields(c.source+" "+c.toolchain+" "+c.env+" "+c.flags), " ")
		t.Run(name, func(t *testing.T) {
			if !c.quick && !requireAll() {
				t.Skip("set WILLRUN_REQUIRE_ALL=1 for all builds")
			}
			file := buildGo(t, c)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f := facts(t, data)
			checkGo(t, f, c)
			if f.ELF == nil {
				return
			}
			bare := facts(t, withoutSections(data))
			if bare.ELF.Sections != 0 {
				t.Fatal("section headers are still there")
			}
			c.want.Stripped = true
			checkGo(t, bare, c)
			if !slices.Equal(f.Go.Packages, bare.Go.Packages) {
				t.Errorf("packages without section headers: %d, with: %d", len(bare.Go.Packages), len(f.Go.Packages))
			}
		})
	}
}

func checkGo(t *testing.T, f *Facts, c goCase) {
	t.Helper()
	g, want := f.Go, c.want
	if g == nil {
		t.Fatal("no Go in it")
	}
	version := c.toolchain
	if version == "" {
		version, _, _ = strings.Cut(goTool(t, c.toolchain, "env", "GOVERSION"), " ")
	}
	if g.Compiler != "gc" || g.Version != version {
		t.Errorf("made by %s %q, want %s", g.Compiler, g.Version, version)
	}
	if g.Main == nil || g.Main.Path != "example.com/"+c.source || g.Path != "example.com/"+c.source {
		t.Errorf("main %+v, path %q", g.Main, g.Path)
	}
	if g.Link != want.Link || g.BuildMode != want.BuildMode || g.Cgo != want.Cgo || g.Needs != want.Needs {
		t.Errorf("link %s, mode %s, cgo %v, needs %+v\nwant %s, %s, %v, %+v", g.Link, g.BuildMode, g.Cgo, g.Needs, want.Link, want.BuildMode, want.Cgo, want.Needs)
	}
	if want.Stripped && !g.Stripped || want.FIPS != "" && !strings.HasPrefix(g.FIPS, want.FIPS) {
		t.Errorf("stripped %v, FIPS %q", g.Stripped, g.FIPS)
	}
	for _, pair := range [][2]string{{g.Level, want.Level}, {g.MinKernel, want.MinKernel}, {g.MinOS, want.MinOS}} {
		if pair[1] != "" && pair[0] != pair[1] {
			t.Errorf("have %q, want %q", pair[0], pair[1])
		}
	}
	same := func(a, b CgoPackage) bool {
		return a.Path == b.Path && a.Twin == b.Twin && (b.Calls == nil || slices.Equal(a.Calls, b.Calls)) && slices.Equal(a.Exports, b.Exports)
	}
	if !slices.EqualFunc(g.CgoPackages, want.CgoPackages, same) {
		t.Errorf("why cgo: %+v\nwant %+v", g.CgoPackages, want.CgoPackages)
	}
	for _, p := range g.Packages {
		if strings.ContainsAny(p, "%()[] ") || strings.HasPrefix(p, "type") || p == "go" {
			t.Errorf("a package named %q", p)
		}
	}
}

func requireAll() bool { return os.Getenv("WILLRUN_REQUIRE_ALL") == "1" }

// goTool runs the go command; an empty toolchain is the one of the test.
func goTool(t *testing.T, toolchain string, args ...string) string {
	t.Helper()
	c := exec.Command("go", args...)
	if toolchain == "" {
		toolchain = "local"
	}
	c.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain, "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := c.Output()
	if err != nil {
		missing(t, fmt.Errorf("go %s: %w", strings.Join(args, " "), err))
	}
	return strings.TrimSpace(string(out))
}

// missing is a part that can't be had: a failure where everything is required.
func missing(t *testing.T, err error) {
	t.Helper()
	if requireAll() {
		t.Fatalf("required, and not here: %v", err)
	}
	t.Skipf("SKIPPED, nothing was tested: %v", err)
}

// buildGo builds a case, or takes what an earlier run has built.
func buildGo(t *testing.T, c goCase) string {
	t.Helper()
	home, err := os.UserCacheDir()
	if err != nil {
		missing(t, err)
	}
	key := sha256.Sum256(fmt.Append(nil, c.toolchain, runtime.Version(), c.env, c.flags, goSources[c.source]))
	file := filepath.Join(home, "willrun-lab", "gobin", fmt.Sprintf("%s-%x", c.source, key[:8]))
	if _, err := os.Stat(file); err == nil {
		return file
	}
	if _, cc, ok := strings.Cut(c.env, "CC="); ok {
		if _, err := exec.LookPath(cc); err != nil {
			missing(t, err)
		}
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "go.mod"), "module example.com/"+c.source+"\n\ngo 1.17\n")
	for name, text := range goSources[c.source] {
		writeFile(t, filepath.Join(dir, name), text)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	toolchain := c.toolchain
	if toolchain == "" {
		toolchain = "local"
	}
	args := append([]string{"build", "-o", file + ".new"}, strings.Fields(c.flags)...)
	if strings.Contains(c.flags, "-extldflags") {
		args = []string{"build", "-o", file + ".new", "-ldflags", "-s -linkmode=external -extldflags=-static"}
	}
	build := exec.Command("go", append(args, ".")...)
	build.Dir = dir
	build.Env = append(os.Environ(), append([]string{"GOTOOLCHAIN=" + toolchain, "GOFLAGS=-mod=mod", "GOWORK=off"}, strings.Fields(c.env)...)...)
	if out, err := build.CombinedOutput(); err != nil {
		if requireAll() {
			t.Fatalf("go build: %v\n%s", err, out)
		}
		t.Skipf("go build: %v\n%s", err, out)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	return file
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// withoutSections takes the section header table away, as sstrip does.
func withoutSections(data []byte) []byte {
	data = bytes.Clone(data)
	var o binary.ByteOrder = binary.LittleEndian
	if data[5] == 2 {
		o = binary.BigEndian
	}
	shoff, shentsize, tail := 32, 46, 4
	if data[4] == 2 {
		shoff, shentsize, tail = 40, 58, 8
	}
	clear(data[shoff : shoff+tail])
	o.PutUint16(data[shentsize:], 0)
	clear(data[shentsize+2 : shentsize+6])
	return data
}

// A program whose build info was taken out, as some makers do, still tells
// its version and what its runtime refuses to go below.
func TestGoWithoutBuildInfo(t *testing.T) {
	if testing.Short() || !requireAll() || runtime.GOARCH != "amd64" {
		t.Skip("builds Go programs; set WILLRUN_REQUIRE_ALL=1")
	}
	for env, level := range map[string]string{"GOAMD64=v3": "GOAMD64=v3", "GOARCH=arm64 GOARM64=v8.0,lse": "GOARM64=v8.0,lse", "GOARCH=386": ""} {
		data, err := os.ReadFile(buildGo(t, goCase{source: "pure", env: env}))
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.ReplaceAll(data, []byte(infoMagic), make([]byte, len(infoMagic)))
		for _, d := range [][]byte{data, withoutSections(data)} {
			g := facts(t, d).Go
			if g == nil || g.Level != level || g.Main != nil || !strings.HasPrefix(runtime.Version(), g.Version) || g.Version == "" || len(g.Packages) < 20 {
				t.Errorf("%s: %+v", env, g)
			}
		}
	}
}

// Every package that the function table names is one that was built, and all
// those with code of some size are there.
func TestGoPackagesAreThoseOfTheBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a Go program")
	}
	c := goCase{source: "names", env: "CGO_ENABLED=0"}
	f, err := ReadFile(buildGo(t, c))
	if err != nil {
		t.Fatal(err)
	}
	// The runtime has functions in the name of the last two (go:linkname).
	t.Setenv("CGO_ENABLED", "0")
	listed := strings.Fields(goTool(t, "", "list", "-deps", "net", "os/user", "runtime", "runtime/debug", "os/signal"))
	for i, p := range listed {
		listed[i] = strings.TrimPrefix(p, "vendor/")
	}
	for _, p := range f.Go.Packages {
		if p != "main" && !slices.Contains(listed, strings.TrimPrefix(p, "vendor/")) {
			t.Errorf("%s is no dependency", p)
		}
	}
	for _, p := range []string{"main", "net", "os/user", "runtime", "internal/poll", "strconv"} {
		if !slices.Contains(f.Go.Packages, p) {
			t.Errorf("%s is not found", p)
		}
	}
}

func TestSplitName(t *testing.T) {
	for name, want := range map[string]string{
		"main.main": "main", "net/http.(*Client).Do": "net/http", "gopkg.in/yaml%2ev3.(*parser).parse": "gopkg.in/yaml.v3",
		"github.com/mattn/go-sqlite3._Cfunc_sqlite3_open": "github.com/mattn/go-sqlite3", "slices.SortFunc[go.shape.[]example.com/a.T,go.shape.int]": "slices",
		"example.com/a.(*T[...]).Do.func1": "example.com/a", "type:.eq.net.IPAddr": "", "type..eq.net.IPAddr": "", "go:struct { a.B }": "",
		"go.(*struct { sync.Mutex }).Lock": "", "go/ast.Walk": "go/ast", "crosscall2": "", "_cgo_topofstack": "", "main..inittask": "main",
		"example.com/caf%c3%a9.F": "example.com/café", "example.com/a%252ev2.F.func1": "example.com/a.v2", "a%zz.b": "a%zz", "": "", ".": "", "x.": "", "/.": "", "a/b": "",
	} {
		pkg, _ := splitName([]byte(name))
		if got := unescapePath(pkg); got != want {
			t.Errorf("%q: package %q, want %q", name, got, want)
		}
	}
}

// TestGccgo: GCC's Go names its library, or keeps a section of its own.
func TestGccgo(t *testing.T) {
	gccgo := ""
	for _, name := range []string{"gccgo", "gccgo-12", "gccgo-13", "gccgo-14", "gccgo-15"} {
		if path, err := exec.LookPath(name); err == nil {
			gccgo = path
		}
	}
	if testing.Short() {
		t.Skip("builds programs with gccgo")
	}
	if gccgo == "" {
		missing(t, errors.New("no gccgo"))
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "main.go"), goSources["pure"]["main.go"])
	for _, static := range []bool{false, true} {
		args := []string{"-o", filepath.Join(dir, "prog"), filepath.Join(dir, "main.go")}
		if static {
			args = append(args, "-static")
		}
		if out, err := exec.Command(gccgo, args...).CombinedOutput(); err != nil {
			missing(t, fmt.Errorf("gccgo: %w\n%s", err, out))
		}
		f, err := ReadFile(filepath.Join(dir, "prog"))
		if err != nil {
			t.Fatal(err)
		}
		g := f.Go
		if g == nil || g.Compiler != "gccgo" || g.Link != "external" || !strings.Contains(g.GCC, "GCC:") || static != (g.Libgo == "") {
			t.Errorf("static %v: %+v", static, g)
		}
	}
}

// A file of nothing but beginnings costs no more than a few times its size.
func TestGoHostileFiles(t *testing.T) {
	const size = 16 << 20
	for name, unit := range map[string][]byte{
		"tables":     append([]byte{0xf1, 0xff, 0xff, 0xff, 0, 0}, goTable("")[:66]...),
		"magics":     {0xf1, 0xff, 0xff, 0xff},
		"build info": append([]byte(infoMagic), 8, 2, 0xff, 0xff, 0xff, 0x7f, 'g', 'o'),
		"versions":   []byte("\x00go1.22"),
		"modules":    []byte(modStart),
		"names":      []byte("a.b\x00"),
	} {
		head := make([]byte, 4096)
		copy(head, tinyELF(64, binary.LittleEndian))
		data := append(head, bytes.Repeat(unit, size/len(unit))...)
		if name == "names" {
			copy(data[4096:], append([]byte{0xf1, 0xff, 0xff, 0xff, 0, 0}, goTable("")...))
			binary.LittleEndian.PutUint64(data[4096+40:], size-1<<16)
			copy(data[4096+80:], "runtime.main\x00")
		}
		for i := range 8 { // all of it is loaded, and more than once
			at := 64 + 56*i
			binary.LittleEndian.PutUint32(data[at:], PTLoad)
			binary.LittleEndian.PutUint32(data[at+4:], uint32(4+i&2))
			for k, v := range []uint64{uint64(i) << 12, uint64(i) << 32, uint64(i) << 32, uint64(len(data)), uint64(len(data)), 4096} {
				binary.LittleEndian.PutUint64(data[at+8+8*k:], v)
			}
		}
		binary.LittleEndian.PutUint16(data[56:], 8)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		f := facts(t, data)
		runtime.ReadMemStats(&after)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 20*size {
			t.Errorf("%s: %d MB allocated for %d MB", name, used>>20, size>>20)
		}
		if name == "names" && (f.Go == nil || len(f.Go.Packages) != 2) {
			t.Errorf("names: %+v", f.Go)
		}
	}
}

// BenchmarkGoFacts reads the largest Go program that is surely here; bytes a
// second are those of the file.
func BenchmarkGoFacts(b *testing.B) {
	path, err := exec.LookPath("go")
	if err != nil {
		b.Skip("no go here")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	for name, d := range map[string][]byte{"sections": data, "bare": withoutSections(data)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(d)))
			b.ReportAllocs()
			for b.Loop() {
				if f, err := Read(bytes.NewReader(d), int64(len(d))); err != nil || f.Go == nil || len(f.Go.Packages) == 0 {
					b.Fatal(err)
				}
			}
		})
	}
}
