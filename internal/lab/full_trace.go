package lab

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// fullLoader is where the loader of every large root lies.
const fullLoader = "/lib64/ld-linux-x86-64.so.2"

// traceEnv makes a glibc loader list what it would load, and say what it
// misses, instead of starting anything (rtld.c: rtld_mode_trace; LD_WARN sets
// dl_verbose, which asks for the symbols; LD_BIND_NOW for those of calls too).
var traceEnv = []string{"LD_TRACE_LOADED_OBJECTS=1", "LD_BIND_NOW=1", "LD_WARN=1"}

// traceSpec asks the root's loader for one file. A program is executed, so
// that the kernel starts the loader as it would at a real start; a library, or
// a program with a set-id bit (whose loader would ignore the question), is
// given to the loader by its path, and is the main map then as well.
func traceSpec(root string, f fullFile) Spec {
	s := Spec{Root: root, Argv: []string{f.Place}, Env: append(slices.Clone(DefaultEnv), traceEnv...)}
	if !f.Program || f.SetID {
		s.Argv = []string{fullLoader, f.Place}
	}
	return s
}

// listing is what a loader says in trace mode, or what willrun says that it
// would.
type listing struct {
	libraries []string // "name => path", "name => not found"
	versions  []string // lines of versions that are missing or can't be told
	symbols   []string // "undefined symbol: X, version V	(object)", once each
	folded    int      // symbol lines that follow from a missing version
	other     []string // lines that are none of these
}

var (
	libraryLine  = regexp.MustCompile(`^\t(.+?)(?: => (.*?))?(?: \(0x[0-9a-f]+\))?$`)
	versionLine  = regexp.MustCompile(`(?:version .* not found|no version information available) \(required by (.*)\)$`)
	versionTold  = regexp.MustCompile("version `(.*)' not found \\(required by (.*)\\)$")
	symbolLine   = regexp.MustCompile(`^undefined symbol: (\S+?)(?:, version (\S*))?\t\((.*)\)$`)
	shrunkSymbol = regexp.MustCompile("Symbol `.*' has different size in shared object, consider re-linking$")
)

// crashed is what listing.other says of a loader that ended by SIGSEGV.
const crashed = "exit -1 SIGSEGV"

// parseTrace reads what the loader printed.
func parseTrace(r Result) listing {
	var l listing
	seen := map[string]bool{}
	once := func(list *[]string, line string) {
		if !seen[line] {
			seen[line] = true
			*list = append(*list, line)
		}
	}
	for _, line := range lines(r.Stdout) {
		m := libraryLine.FindStringSubmatch(line)
		switch {
		case m == nil:
			l.other = append(l.other, line)
		case m[1] == "linux-vdso.so.1": // the kernel's object, no file
		case m[1] == "statically linked": // nothing is NEEDED (rtld.c prints no list then)
		case m[2] == "not found":
			// A library that several ask for is looked for each time, and
			// listed each time: entries of what was not found (l_faked) are
			// passed over by the search for loaded ones (_dl_map_object).
			once(&l.libraries, m[1]+" => not found")
		case m[2] == "": // l_name and the first of l_libname are the same
			l.libraries = append(l.libraries, m[1])
		default:
			l.libraries = append(l.libraries, m[1]+" => "+m[2])
		}
	}
	for _, line := range lines(r.Stderr) {
		switch {
		case versionLine.MatchString(line):
			once(&l.versions, line)
		case symbolLine.MatchString(line):
			// One line a relocation; willrun has one finding a symbol.
			once(&l.symbols, line)
		case shrunkSymbol.MatchString(line):
			// dl_verbose, which LD_WARN sets, warns of copies that are larger
			// than what they are a copy of, too (elf_machine_rela, R_X86_64_COPY):
			// at a real start that is said of smaller ones alone.
		default:
			l.other = append(l.other, line)
		}
	}
	if r.Exit != 0 || r.Signal != "" || r.Errno != "" {
		l.other = append(l.other, fmt.Sprintf("exit %d %s%s", r.Exit, r.Signal, r.Errno))
	}
	l.fold()
	return l
}

// fold drops symbols of a version that the loader itself has just said to be
// missing, asked for by the same object: willrun tells of the version once,
// and of its symbols no more (docs/architecture.md). Each of the two lines
// follows from the other.
func (l *listing) fold() {
	told := map[string]bool{}
	for _, v := range l.versions {
		if m := versionTold.FindStringSubmatch(v); m != nil {
			told[m[1]+"\x00"+m[2]] = true
		}
	}
	l.symbols = slices.DeleteFunc(l.symbols, func(line string) bool {
		m := symbolLine.FindStringSubmatch(line)
		if m[2] == "" || !told[m[2]+"\x00"+m[3]] {
			return false
		}
		l.folded++
		return true
	})
}

func lines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return line == "" })
}
