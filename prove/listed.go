package prove

import (
	"regexp"
	"slices"
	"strings"

	"github.com/willrun/willrun/loader"
)

// listed is what a loader says in list mode.
type listed struct {
	libraries []string // "name => path", or the path alone where it is the name
	missing   []string // names
	symbols   []symbol // what is undefined
	lines     []string // what else ends a start, by the messages below
	others    []string // and what says neither this nor a warning that is known
}

type symbol struct{ object, text string }

var (
	libraryLine = regexp.MustCompile(`^\t(.+?)(?: => (.*?))?(?: \((?:0x[0-9a-f]+|0)\))?$`)
	symbolLine  = regexp.MustCompile(`^(undefined symbol: .*)\t\((.*)\)$`)
	// fatal are lines of glibc's and musl's loaders that end a start.
	fatal = regexp.MustCompile("error while loading shared libraries: |: version `.*' not found \\(required by |: unsupported version .* of Ver(def|need) record$|" +
		"symbol lookup error: |Inconsistency detected by ld\\.so|^Fatal glibc error|^FATAL: |CPU ISA level is lower|" +
		"^Error loading shared library |^Error relocating ")
	warning = regexp.MustCompile(": weak version `|: no version information available \\(required by |" +
		"has different size in shared object, consider re-linking$|^ERROR: ld\\.so: object .* cannot be preloaded|^$")
)

// parseList reads what a loader printed.
func parseList(r Run) listed {
	var l listed
	for line := range strings.SplitSeq(r.Stdout, "\n") {
		m := libraryLine.FindStringSubmatch(line)
		switch {
		case m == nil || m[1] == "linux-vdso.so.1" || m[1] == "linux-gate.so.1" || m[1] == "statically linked":
		case m[2] == "not found":
			// A library that several ask for is listed each time.
			if !slices.Contains(l.missing, m[1]) {
				l.missing = append(l.missing, m[1])
			}
		case m[2] == "":
			l.libraries = append(l.libraries, m[1])
		default:
			l.libraries = append(l.libraries, m[1]+" => "+m[2])
		}
	}
	for line := range strings.SplitSeq(r.Stderr, "\n") {
		switch m := symbolLine.FindStringSubmatch(line); {
		case m != nil:
			l.symbols = append(l.symbols, symbol{object: m[2], text: m[1]})
		case warning.MatchString(line):
		case fatal.MatchString(line):
			l.lines = append(l.lines, line)
		default:
			l.others = append(l.others, line)
		}
	}
	return l
}

// fails says whether a start would end where the list has this.
func (l listed) fails(r Run) bool {
	return r.Exit != 0 || len(l.missing) > 0 || len(l.lines) > 0 || len(l.symbols) > 0
}

// says is the first thing that ends a start.
func (l listed) says(r Run) string {
	switch {
	case len(l.missing) > 0:
		return l.missing[0] + " => not found"
	case len(l.lines) > 0:
		return l.lines[0]
	case len(l.symbols) > 0:
		return l.symbols[0].text + " (" + l.symbols[0].object + ")"
	}
	return r.ends()
}

// confirms says whether the list has what was foretold.
func (l listed) confirms(f loader.Fault) bool {
	if f.Library != "" && slices.Contains(l.missing, f.Library) {
		return true // in list mode a library of another class is one that is not found, too
	}
	if f.Message == "" {
		return len(l.lines) > 0 // its words were not foretold
	}
	for _, s := range l.symbols {
		if strings.HasSuffix(f.Message, ": symbol lookup error: "+s.object+": "+s.text) {
			return true
		}
	}
	return slices.Contains(l.lines, f.Message) || slices.Contains(l.others, f.Message)
}

// shows says whether list mode would have shown a fault: the loader finds its
// objects, checks their versions and binds their symbols, and does no more.
func shows(f loader.Fault) bool {
	switch f.Kind {
	case loader.FaultLibraryMissing, loader.FaultVersionMissing, loader.FaultSymbolMissing:
		return true
	case loader.FaultLibraryUnusable:
		return f.Stage == loader.StageMap
	case loader.FaultLibcMixed:
		return f.Symbol != "" || f.Version != ""
	}
	return false
}

// foretoldList is the list that the loader would give by a Trace, and the names
// that it may list as missing in a start that goes well (DT_AUXILIARY).
func foretoldList(t *loader.Trace) (libraries, spare []string) {
	if t.Program != nil && t.Program.Facts != nil && t.Program.Facts.ELF != nil && len(t.Program.Facts.ELF.Needed) == 0 {
		return nil, nil // "statically linked": glibc prints no list then
	}
	for i, o := range t.Objects {
		switch {
		case i == 0 && o.Name == "":
		case o.Missing:
		case isMusl(t) && o.Path == t.Libc.Interp: // it lists itself by every name that it is asked for
		case !isMusl(t) && (t.Libc != nil && o.Path == t.Libc.Interp || o.Path == o.Name):
			// The first name of the loader's own entry is its path
			// (rtld.c: _dl_rtld_libname).
			libraries = append(libraries, o.Path)
		default:
			libraries = append(libraries, o.Name+" => "+o.Path)
		}
		if o.Facts != nil && o.Facts.ELF != nil {
			spare = append(spare, o.Facts.ELF.Auxiliary...)
		}
	}
	return libraries, spare
}

func isMusl(t *loader.Trace) bool { return t.Libc != nil && t.Libc.Kind == "musl" }

// without drops what musl's list says of musl itself.
func without(lines []string, interp string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return line == interp || strings.HasSuffix(line, " => "+interp)
	})
}
