package binary

import (
	"debug/buildinfo"
	"io"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// readGo looks for Go in a program: build info, function table, and what the
// file's own shape tells. f.Go stays nil where there is none.
func readGo(src *source, f *Facts, v *view) {
	g := &Go{}
	info := readBuildInfo(src)
	names := readFuncNames(v)
	libgo := libgoOf(f.ELF)
	switch {
	case info != nil:
		g.fill(info)
	case names != nil:
		g.Compiler = "gc"
	case libgo != "" || hasGccgo(f.ELF):
		g.Compiler, g.Link = "gccgo", "external"
	default:
		return
	}
	if g.Compiler == "" {
		g.Compiler = "gc"
	}
	if libgo != "" {
		g.Compiler, g.Libgo = "gccgo", libgo
	}
	if g.Compiler == "gccgo" && f.ELF != nil {
		g.GCC = strings.Join(f.ELF.Comment, "; ")
	}
	g.functions(names, f)
	g.shape(f)
	if g.Level == "" && g.Compiler == "gc" {
		g.Level = levelMessage(v)
	}
	g.minimums(f)
	f.Go = g
}

// readBuildInfo is bounded in what it reads, and its failure means only that
// there is none.
func readBuildInfo(src *source) (info *debug.BuildInfo) {
	// The readers of object files in the standard library are meant for
	// trusted files: a panic on a damaged one is no fault of the user's.
	defer func() {
		if recover() != nil {
			info = nil
		}
	}()
	info, err := buildinfo.Read(io.NewSectionReader(src, 0, src.size))
	if err != nil {
		return nil
	}
	return info
}

func (g *Go) fill(info *debug.BuildInfo) {
	g.Version, g.Path = info.GoVersion, info.Path
	if info.Main.Path != "" {
		m := module(&info.Main)
		g.Main = &m
	}
	for _, d := range info.Deps {
		g.Deps = append(g.Deps, module(d))
	}
	for _, s := range info.Settings {
		g.Settings = append(g.Settings, Setting{Key: s.Key, Value: s.Value})
		switch s.Key {
		case "-compiler":
			g.Compiler = s.Value
		case "-buildmode":
			g.BuildMode = s.Value
		case "GOAMD64", "GOARM64", "GO386", "GOARM", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64":
			g.Level = s.Key + "=" + s.Value
		case "GOFIPS140":
			g.FIPS = s.Value
		case "GOEXPERIMENT":
			if strings.Contains(s.Value, "boringcrypto") {
				g.FIPS = "boringcrypto"
			}
		}
	}
}

func module(m *debug.Module) Module {
	out := Module{Path: m.Path, Version: m.Version, Sum: m.Sum}
	if m.Replace != nil {
		r := module(m.Replace)
		out.Replace = &r
	}
	return out
}

// libgoOf is the soname of GCC's Go library.
func libgoOf(e *ELF) string {
	if e == nil {
		return ""
	}
	for _, n := range e.Needed {
		if strings.HasPrefix(n, "libgo.so") {
			return n
		}
	}
	return ""
}

// hasGccgo: a static gccgo program keeps the section in which packages tell
// of what they export.
func hasGccgo(e *ELF) bool { return e != nil && e.goExport }

// Packages that call C and have a twin in pure Go: CGO_ENABLED=0 is enough
// for them.
var twins = []string{"net", "os/user"}

// functions reads why cgo, and what data the program uses, off the names of
// the functions that were linked in.
func (g *Go) functions(names []string, f *Facts) {
	if names == nil {
		return
	}
	calls := map[string][]string{}
	packages := map[string]bool{}
	has := map[string]bool{}
	for _, n := range names {
		pkg, fn := splitName(n)
		if pkg == "" {
			continue
		}
		packages[pkg] = true
		if interesting[n] {
			has[n] = true
		}
		if c, ok := cCall(fn); ok && pkg != "runtime/cgo" && !slices.Contains(calls[pkg], c) {
			calls[pkg] = append(calls[pkg], c)
		}
	}
	for pkg := range packages {
		g.Packages = append(g.Packages, pkg)
	}
	slices.Sort(g.Packages)
	for pkg, fns := range calls {
		slices.Sort(fns)
		g.CgoPackages = append(g.CgoPackages, CgoPackage{Path: pkg, Twin: slices.Contains(twins, pkg), Calls: fns})
	}
	slices.SortFunc(g.CgoPackages, func(a, b CgoPackage) int { return strings.Compare(a.Path, b.Path) })
	g.Cgo = packages["runtime/cgo"] || len(g.CgoPackages) > 0
	if f.ELF != nil && f.ELF.HasInterp && len(f.ELF.Needed) > 0 {
		g.Cgo = g.Cgo || g.setting("CGO_ENABLED") == "1"
	}
	g.Needs = GoNeeds{
		Certificates: has["crypto/x509.loadSystemRoots"] && !packages["golang.org/x/crypto/x509roots/fallback"],
		TimeZones:    has["time.LoadLocation"] && !packages["time/tzdata"],
		Passwd:       has["os/user.lookupUserId"] || has["os/user.lookupUser"] || has["os/user.current"] || has["os/user.Current"],
		Resolver:     has["net.(*Resolver).lookupIPAddr"] || has["net.(*Resolver).LookupHost"],
		Plugins:      has["plugin.Open"],
	}
}

var interesting = map[string]bool{
	"crypto/x509.loadSystemRoots": true, "time.LoadLocation": true, "plugin.Open": true,
	"os/user.lookupUserId": true, "os/user.lookupUser": true, "os/user.current": true, "os/user.Current": true,
	"net.(*Resolver).lookupIPAddr": true, "net.(*Resolver).LookupHost": true,
}

func (g *Go) setting(key string) string {
	for _, s := range g.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// splitName parts a function's name as the linker writes it into package path
// and the rest. Dots in the last element of a path are escaped there.
func splitName(name string) (pkg, rest string) {
	if strings.HasPrefix(name, "type:") || strings.HasPrefix(name, "type..") || strings.HasPrefix(name, "go:") {
		return "", ""
	}
	head := name
	if i := strings.IndexAny(head, "[("); i >= 0 {
		head = head[:i] // type arguments and receivers hold paths of their own
	}
	slash := strings.LastIndexByte(head, '/')
	dot := strings.IndexByte(head[slash+1:], '.')
	if dot < 0 {
		return "", ""
	}
	at := slash + 1 + dot
	return unescapePath(name[:at]), name[at+1:]
}

func unescapePath(p string) string {
	for i := strings.IndexByte(p, '%'); i >= 0 && i+3 <= len(p); {
		c, err := strconv.ParseUint(p[i+1:i+3], 16, 8)
		if err != nil {
			break
		}
		p = p[:i] + string(rune(c)) + p[i+3:]
		j := strings.IndexByte(p[i+1:], '%')
		if j < 0 {
			break
		}
		i += 1 + j
	}
	return p
}

// cCall is the C function behind a wrapper that cgo made.
func cCall(fn string) (string, bool) {
	for _, prefix := range []string{"_Cfunc_", "_C2func_", "_Cmacro_"} {
		if c, ok := strings.CutPrefix(fn, prefix); ok {
			c, _, _ = strings.Cut(c, ".") // closures
			c = strings.TrimPrefix(c, "_C")
			return c, c != "" && !strings.HasPrefix(c, "Malloc")
		}
	}
	return "", false
}

// shape fills what build info does not tell, from the file itself.
func (g *Go) shape(f *Facts) {
	e := f.ELF
	if e == nil {
		if g.Link == "" {
			g.Link = "internal"
		}
		if g.BuildMode == "" {
			g.BuildMode = "exe"
		}
		return
	}
	if g.Link == "" {
		g.Link = "internal"
		if externallyLinked(e) {
			g.Link = "external"
		}
	}
	g.Stripped = !e.symtab
	if g.BuildMode == "" {
		g.BuildMode = map[Kind]string{KindPIE: "pie", KindStaticPIE: "pie", KindShared: "c-shared"}[e.Kind]
		if g.BuildMode == "" {
			g.BuildMode = "exe"
		}
	}
}

// externallyLinked: Go's own linker writes no ABI tag, no initialisers, no
// unwind table and no compiler's comment; a C linker with its start files does.
func externallyLinked(e *ELF) bool {
	for _, s := range e.Segments {
		if s.Type == 0x6474e550 { // PT_GNU_EH_FRAME
			return true
		}
	}
	return e.ABITag != nil || e.hasTag(12) || e.hasTag(25) || len(e.Comment) > 0
}

// minimums are those that the Go version states
// (go.dev/wiki/MinimumRequirements, and the release notes).
func (g *Go) minimums(f *Facts) {
	minor, ok := goMinor(g.Version)
	if !ok || g.Compiler != "gc" {
		return
	}
	switch {
	case f.ELF != nil:
		g.MinKernel = "3.2"
		if minor <= 23 {
			g.MinKernel = "2.6.32"
		}
		if minor <= 18 {
			g.MinKernel = "2.6.23"
		}
	case f.PE != nil:
		g.MinOS = "Windows 10"
		if minor <= 20 {
			g.MinOS = "Windows 7"
		}
	case f.MachO != nil:
		g.MinOS = "macOS 12"
		for _, v := range []struct {
			upTo int
			os   string
		}{{24, "macOS 11"}, {22, "macOS 10.15"}, {20, "macOS 10.13"}, {16, "macOS 10.12"}} {
			if minor <= v.upTo {
				g.MinOS = v.os
			}
		}
	}
}

// goMinor is 22 of go1.22.6.
func goMinor(version string) (int, bool) {
	rest, ok := strings.CutPrefix(version, "go1.")
	if !ok {
		return 0, false
	}
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	n, err := strconv.Atoi(rest[:digits])
	return n, err == nil
}
