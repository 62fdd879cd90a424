package binary

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxPackages bounds what a table of nonsense can make of itself; the largest
// Go programs have some thousands.
const maxPackages = 1 << 16

// Packages that call C and have a twin in pure Go: CGO_ENABLED=0 is enough
// for them. (crypto/x509 called C on macOS up to Go 1.15.)
var twins = []string{"net", "os/user", "crypto/x509"}

// funcFacts is what the names of functions tell.
type funcFacts struct {
	packages map[string]bool
	calls    map[string]map[string]bool // by package
	exports  map[string]map[string]bool
	loose    map[string]bool // exported functions whose package is not told
	has      map[string]bool // of interest
	cgo      bool
}

// functions reads why cgo, and what data the program uses, off the names of
// the functions that were linked in.
func (g *Go) functions(names []byte) {
	if names == nil {
		return
	}
	t := &funcFacts{packages: map[string]bool{}, calls: map[string]map[string]bool{}, exports: map[string]map[string]bool{}, loose: map[string]bool{}, has: map[string]bool{}}
	last := "" // names of a package follow one another
	eachName(names, func(name []byte) {
		pkg, fn := splitName(name)
		if len(pkg) == 0 {
			// Assembly of runtime/cgo, there whenever it is linked in.
			t.cgo = t.cgo || string(name) == "crosscall2"
			if fn, ok := cExport(name); ok && len(t.loose) < maxImports {
				t.loose[string(fn)] = true
			}
			return
		}
		if string(pkg) != last {
			last = unescapePath(pkg)
			if len(t.packages) < maxPackages {
				t.packages[last] = true
			}
			last = string(pkg)
		}
		if interesting[string(name)] {
			t.has[string(name)] = true
		}
		if fn[0] == '_' {
			t.foreign(unescapePath(pkg), fn)
		}
	})
	if len(t.loose) > 0 {
		t.placeExports(names)
	}
	t.cgo = t.cgo || t.packages["runtime/cgo"]
	g.Packages = slices.Sorted(maps.Keys(t.packages))
	// Red Hat's and Microsoft's Go put OpenSSL in the place of crypto.
	for p := range t.packages {
		if g.FIPS == "" && strings.Contains(p, "github.com/golang-fips/openssl") {
			g.FIPS = "openssl"
		}
	}
	g.whyCgo(t)
	g.needs(t)
}

// placeExports finds the packages of exported functions by their names. Where
// one was inlined it has no name of its own any more: then it is main's, as
// most are. A package that has no C and comes with Go only shares the name.
func (t *funcFacts) placeExports(names []byte) {
	placed := map[string]bool{}
	eachName(names, func(name []byte) {
		pkg, fn := splitName(name)
		if len(pkg) == 0 || !t.loose[string(fn)] {
			return
		}
		path := unescapePath(pkg)
		first, _, _ := strings.Cut(path, "/")
		if t.calls[path] != nil || path == "main" || strings.Contains(first, ".") {
			t.note(t.exports, path, string(fn))
			placed[string(fn)] = true
		}
	})
	for fn := range t.loose {
		if !placed[fn] && t.packages["main"] {
			t.note(t.exports, "main", fn)
		}
	}
}

// foreign notes a wrapper that cgo made around a C function, or around a Go
// function for C.
func (t *funcFacts) foreign(pkg string, fn []byte) {
	if c, ok := cCall(string(fn)); ok {
		t.note(t.calls, pkg, c)
	} else if name, ok := cExport(fn); ok {
		t.note(t.exports, pkg, string(name))
	}
}

func (t *funcFacts) note(into map[string]map[string]bool, pkg, fn string) {
	set := into[pkg]
	if pkg == "runtime/cgo" || len(set) >= maxImports || set == nil && len(into) >= maxImports {
		return
	}
	if set == nil {
		set = map[string]bool{}
		into[pkg] = set
	}
	if fn != "" {
		set[fn] = true
	}
}

// cgoHelpers are no C functions, or C's malloc for one of them. Every package
// that uses C strings has them.
var cgoHelpers = map[string]bool{"_CMalloc": true, "CString": true, "CBytes": true, "GoString": true, "GoStringN": true, "GoBytes": true}

// cCall is the C function behind a wrapper that cgo made (cmd/cgo/out.go); ""
// for a helper of cgo's own.
func cCall(fn string) (string, bool) {
	for _, prefix := range []string{"_Cfunc_", "_C2func_", "_Cmacro_"} {
		if c, ok := strings.CutPrefix(fn, prefix); ok {
			c, _, _ = strings.Cut(c, ".") // closures
			if cgoHelpers[c] {
				c = ""
			}
			return c, true
		}
	}
	return "", false
}

// cExport is the Go function that C may call: _cgoexp_HASH_NAME. A linkname
// directive of cgo's takes the package away from before it.
func cExport(fn []byte) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(fn, []byte("_cgoexp_"))
	if !ok {
		return nil, false
	}
	_, name, ok := bytes.Cut(rest, []byte("_"))
	name, _, _ = bytes.Cut(name, []byte("."))
	return name, ok && len(name) > 0
}

// fakeCgo is where github.com/ebitengine/purego and its kin keep what stands
// for runtime/cgo: they call C without cgo, through a libc that they load.
const fakeCgo = "/internal/fakecgo"

func (g *Go) whyCgo(t *funcFacts) {
	paths := map[string]bool{}
	for p := range t.calls {
		paths[p] = true
	}
	for p := range t.exports {
		paths[p] = true
	}
	for p := range t.packages {
		if base, ok := strings.CutSuffix(p, fakeCgo); ok {
			paths[base] = true
		}
	}
	// The race detector and the sanitizers are C++ in the runtime.
	for _, s := range []string{"race", "msan", "asan"} {
		if g.setting("-"+s) == "true" {
			paths["runtime/"+s] = true
		}
	}
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		g.CgoPackages = append(g.CgoPackages, CgoPackage{Path: p, Twin: slices.Contains(twins, p),
			Calls: slices.Sorted(maps.Keys(t.calls[p])), Exports: slices.Sorted(maps.Keys(t.exports[p]))})
	}
	g.Cgo = t.cgo || len(t.calls)+len(t.exports)+len(t.loose) > 0
}

// interesting functions read the system's data when they are called; one
// that nothing calls is not linked in.
var interesting = map[string]bool{
	"crypto/x509.loadSystemRoots": true, "crypto/x509.SetFallbackRoots": true, "time.LoadLocation": true, "plugin.Open": true,
	"os/user.lookupUserId": true, "os/user.lookupUser": true, "os/user.lookupGroup": true, "os/user.lookupGroupId": true,
	"os/user.current": true, "os/user.Current": true, "os/user.Lookup": true, "os/user.LookupId": true,
	"net.(*Resolver).lookupIPAddr": true, "net.(*Resolver).LookupHost": true, "net.(*Resolver).lookupHost": true,
}

func (g *Go) needs(t *funcFacts) {
	has := t.has
	g.Needs = GoNeeds{
		Certificates: has["crypto/x509.loadSystemRoots"] && !has["crypto/x509.SetFallbackRoots"] &&
			!t.packages["golang.org/x/crypto/x509roots/fallback"],
		TimeZones: has["time.LoadLocation"] && !t.packages["time/tzdata"],
		Resolver:  has["net.(*Resolver).lookupIPAddr"] || has["net.(*Resolver).LookupHost"] || has["net.(*Resolver).lookupHost"],
		// Without cgo there is only a stub of it, which always fails.
		Plugins: has["plugin.Open"] && t.cgo,
	}
	for name := range has {
		g.Needs.Passwd = g.Needs.Passwd || strings.HasPrefix(name, "os/user.")
	}
}

// splitName parts a function's name as the linker writes it into package path
// and the rest; both are empty for what is in no package. Dots in the last
// element of a path are escaped there (cmd/internal/objabi, PathToPrefix).
func splitName(name []byte) (pkg, rest []byte) {
	// Made by the linker or the compiler: "type:.eq.…", "go:struct…" and, up
	// to Go 1.19, "type..eq.…", "go.(*struct {…}).…".
	for _, made := range []string{"type:", "type..", "go:", "go."} {
		if bytes.HasPrefix(name, []byte(made)) {
			return nil, nil
		}
	}
	head := name
	if i := bytes.IndexAny(head, "[("); i >= 0 {
		head = head[:i] // type arguments and receivers hold paths of their own
	}
	slash := bytes.LastIndexByte(head, '/')
	dot := bytes.IndexByte(head[slash+1:], '.')
	at := slash + 1 + dot
	if dot <= 0 || at+1 >= len(name) {
		return nil, nil
	}
	return name[:at], name[at+1:]
}

// unescapePath undoes the linker's escapes. Go 1.27 escapes the paths of some
// closures twice; no path has a % of its own (cmd/go, module.CheckImportPath).
func unescapePath(p []byte) string {
	for range 3 {
		if bytes.IndexByte(p, '%') < 0 {
			break
		}
		p = unescape(p)
	}
	return string(p)
}

func unescape(p []byte) []byte {
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		if p[i] == '%' && i+2 < len(p) {
			if c, err := strconv.ParseUint(string(p[i+1:i+3]), 16, 8); err == nil {
				out = append(out, byte(c))
				i += 2
				continue
			}
		}
		out = append(out, p[i])
	}
	return out
}
