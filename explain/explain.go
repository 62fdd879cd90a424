// Package explain says what a loader's Trace means for the user: it turns
// faults into findings with a cause, a severity, evidence and remedies. It is
// the only home of start-up rules that speak of causes; it opens nothing and
// prints nothing.
//
//	findings := explain.Start(trace, explain.About{Facts: facts, Place: "/usr/local/bin/app"})
package explain

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/root"
)

// About is what is known of the subject and the target besides the Trace; the
// remedies are made to fit it.
type About struct {
	Facts        *binary.Facts     // of the subject
	Place        string            // where the subject lies on the target
	Distribution root.Distribution // of the target; zero where it does not tell
	Libcs        []string          // kinds of libc that the target has: "glibc", "musl"
	Machine      string            // of the target, "" where nothing tells
	Empty        bool              // the target has no files at all but the subject's
	// Providers names the packages of the target that bring a library with all
	// of these versions. complete says that there are no others. nil where the
	// target's packages are not known.
	Providers func(soname string, versions []string) (list []Provider, complete bool)
}

// Provider is a package that brings a library.
type Provider struct {
	Package string // name and version
	Command string // that installs it
}

// Start returns the findings of one Trace, in the order in which the start
// would meet them. The first that blocks is the one that the user sees today;
// the others come next, once it is mended.
func Start(t *loader.Trace, about About) []diagnosis.Finding {
	var found []diagnosis.Finding
	for _, fault := range t.Faults {
		found = append(found, finding(fault, about))
	}
	return found
}

func finding(f loader.Fault, about About) diagnosis.Finding {
	cause, severity := classify(f)
	d := diagnosis.Finding{
		Cause: cause, Severity: severity,
		Object: f.Object, NeededBy: f.NeededBy, Library: f.Library,
		Version: f.Version, Symbol: f.Symbol,
		Message: f.Message, Detail: f.Detail, Chain: f.Chain,
		Tried: tried(f.Tried),
	}
	if d.Object == "" && f.Stage == loader.StageExec {
		d.Object = about.Place
	}
	if d.Detail == "" {
		d.Detail = sentence(f)
	}
	if severity > diagnosis.Note {
		d.Remedies = remedies(d, f, about)
	}
	return d
}

// causesOf fault kinds, and their severity where the fault ends nothing.
var causesOf = map[loader.FaultKind]struct {
	cause diagnosis.Cause
	mild  diagnosis.Severity
}{
	loader.FaultNoFile:          {diagnosis.NotAProgram, diagnosis.Risk},
	loader.FaultNotExecutable:   {diagnosis.NotExecutable, diagnosis.Risk},
	loader.FaultNotAProgram:     {diagnosis.NotAProgram, diagnosis.Risk},
	loader.FaultWrongMachine:    {diagnosis.WrongMachine, diagnosis.Risk},
	loader.FaultWrongSystem:     {diagnosis.WrongSystem, diagnosis.Risk},
	loader.FaultInterpMissing:   {diagnosis.InterpreterMissing, diagnosis.Risk},
	loader.FaultEnvName:         {diagnosis.InterpreterMissing, diagnosis.Risk},
	loader.FaultInterpUnusable:  {diagnosis.InterpreterUnusable, diagnosis.Risk},
	loader.FaultBadProgram:      {diagnosis.NotAProgram, diagnosis.Risk},
	loader.FaultPageSize:        {diagnosis.PageSize, diagnosis.Risk},
	loader.FaultLibraryMissing:  {diagnosis.LibraryMissing, diagnosis.Blocks},
	loader.FaultLibraryUnusable: {diagnosis.LibraryUnusable, diagnosis.Blocks},
	loader.FaultVersionMissing:  {diagnosis.VersionMissing, diagnosis.Blocks},
	loader.FaultVersionWarning:  {diagnosis.VersionMissing, diagnosis.Note},
	loader.FaultSymbolMissing:   {diagnosis.SymbolMissing, diagnosis.Blocks},
	loader.FaultSymbolLazy:      {diagnosis.SymbolMissing, diagnosis.Later},
	loader.FaultKernelTooOld:    {diagnosis.KernelTooOld, diagnosis.Risk},
	loader.FaultGoKernel:        {diagnosis.KernelTooOld, diagnosis.Risk},
	loader.FaultCPU:             {diagnosis.CPUTooOld, diagnosis.Risk},
	loader.FaultGoLevel:         {diagnosis.CPUTooOld, diagnosis.Risk},
	loader.FaultPreloadIgnored:  {diagnosis.LibraryMissing, diagnosis.Note},
	loader.FaultRefused:         {diagnosis.LoaderRefused, diagnosis.Risk},
	loader.FaultCrash:           {diagnosis.LoaderRefused, diagnosis.Risk},
	loader.FaultTLS:             {diagnosis.TLSExhausted, diagnosis.Risk},
	loader.FaultExecStack:       {diagnosis.LoaderRefused, diagnosis.Risk},
	loader.FaultLibcMixed:       {diagnosis.LibcMixed, diagnosis.Risk},
	loader.FaultDlopenMissing:   {diagnosis.DlopenMissing, diagnosis.Risk},
	loader.FaultNSS:             {diagnosis.NSSMismatch, diagnosis.Risk},
	loader.FaultData:            {diagnosis.DataMissing, diagnosis.Risk},
}

func classify(f loader.Fault) (diagnosis.Cause, diagnosis.Severity) {
	c, ok := causesOf[f.Kind]
	if !ok {
		// A kind without a row would be our own mistake; a test walks them all.
		return diagnosis.LoaderRefused, diagnosis.Blocks
	}
	switch {
	case f.Fatal && f.Stage < loader.AfterStart:
		return c.cause, diagnosis.Blocks
	case f.Kind == loader.FaultData && f.Weak:
		return c.cause, diagnosis.Note
	case f.Kind == loader.FaultDlopenMissing && f.Priority == "required",
		f.Kind == loader.FaultCrash && f.Stage == loader.AfterStart:
		return c.cause, diagnosis.Later
	}
	return c.cause, c.mild
}

// sentence says in words what the fault's fields say, where the loader's
// simulation did not.
func sentence(f loader.Fault) string {
	switch f.Kind {
	case loader.FaultNoFile:
		return "its path does not lead to a file: " + f.Errno.Strerror()
	case loader.FaultNotExecutable:
		return "it may not be executed: " + f.Errno.Strerror()
	case loader.FaultLibraryMissing:
		return fmt.Sprintf("%s is nowhere that the loader looks", f.Library)
	case loader.FaultLibraryUnusable:
		return fmt.Sprintf("%s is found first, and can't be used", f.Object)
	case loader.FaultVersionMissing:
		return fmt.Sprintf("%s does not export version %s", f.Object, f.Version)
	case loader.FaultSymbolMissing:
		return fmt.Sprintf("nothing that is loaded defines %s, which is needed at the start", f.Symbol)
	case loader.FaultSymbolLazy:
		return fmt.Sprintf("nothing that is loaded defines %s: the first call of it ends the program", f.Symbol)
	case loader.FaultCPU, loader.FaultGoLevel:
		return fmt.Sprintf("%s demands a CPU of level %s", path.Base(f.Object), f.Level)
	case loader.FaultInterpMissing:
		return fmt.Sprintf("its interpreter %s is not there", f.Library)
	case loader.FaultEnvName:
		return fmt.Sprintf("env finds no %s on PATH", f.Library)
	case loader.FaultDlopenMissing:
		return fmt.Sprintf("%s may be opened at run time, and is not there", f.Library)
	}
	return ""
}

// tried lists the places looked at, each once, with the answer where it was
// more than "no such file".
func tried(attempts []loader.Attempt) []string {
	var list []string
	for _, a := range attempts {
		line := a.Path
		if a.Result != "" && a.Result != string(root.ENOENT) {
			line += " (" + a.Result + ")"
		}
		if !slices.Contains(list, line) {
			list = append(list, line)
		}
	}
	return list
}

// Reasons says why a Trace settles nothing: what the simulation could not
// follow. Empty when it followed everything.
func Reasons(t *loader.Trace) []string { return t.Limits }

func has(list []string, word string) bool { return slices.Contains(list, word) }

func isGlibcNode(version string) bool { return strings.HasPrefix(version, "GLIBC_") }
