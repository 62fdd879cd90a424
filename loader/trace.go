// Package loader does, without running anything, what the kernel and the
// dynamic loader of a tree would do to start a program there, and returns a
// Trace: the objects loaded, from where and why, every place looked at, the
// bindings, and what went wrong in the loader's own words. It has no
// opinions: package explain turns a Trace into findings.
//
//	t := loader.Load(tree, subject, loader.Options{})
//	t.Objects[1].Path // "/lib/x86_64-linux-gnu/libc.so.6"
//
// glibc 2.17 to 2.43 and musl 1.1.24 to 1.2.6 are simulated, each by the
// version of the loader's own file in the tree.
package loader

import (
	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// Subject is the program to be started.
type Subject struct {
	Facts *binary.Facts
	Place string    // absolute path in the tree; argv[0] of the exec
	Info  root.Info // mode, owner and ID at that place; Path: the place with its links resolved
	// The file must be visible in the tree at Place: a caller whose file lies
	// elsewhere lays it over the tree first (root.WithFile).
}

// Options are the circumstances of a start. The zero value of each field is
// the default of the design.
type Options struct {
	Env      []string  // K=V, in order; the whole environment
	Cwd      string    // default "/"
	User     root.Cred // default 0:0
	Kernel   [3]uint32 // {0,0,0}: any, newest behaviour
	CPU      CPU
	PageSize uint64 // kernel page size, 0: the machine's usual (4096, or unknown on aarch64, ppc64le)
	// Machine of the kernel: "x86-64", "i386", "aarch64", …; it decides which
	// programs get ENOEXEC. An x86-64 kernel runs i386 programs as well, an
	// aarch64 one arm programs (most builds do).
	Machine string
	Noexec  func(path string) bool // mount options, for host alone; nil: none
	NoSuid  func(path string) bool
	// Absent says why it is not known whether something that the tree lacks is
	// there all the same: a tree that was described from metadata does not have
	// everything. "" means that it is not there. nil: the tree has everything.
	Absent func(What, string) (why string)
	// Bindings asks for the object that each symbol reference is bound to.
	Bindings bool
	// Memo is what other starts of the same run have found out; nil: nothing.
	Memo *Memo
	// AsDlopen judges a shared library as a dlopen by a plain program of the
	// same libc.
	AsDlopen bool
}

// What is asked for.
type What int

const (
	AnInterpreter What = iota // of an ELF program, by its path
	ALibrary                  // by its soname, or by a path where it has a slash
	AFile                     // by its path: a script's interpreter, a preload, data
	ACommand                  // by its name on PATH
	ADlopen                   // a library that is opened at run time
)

// CPU that the program is to run on.
type CPU struct {
	Level    string   // "x86-64" (v1), "x86-64-v2", "x86-64-v3", "x86-64-v4"; "armv8.0", …; "" the highest known level of the machine
	Platform string   // AT_PLATFORM: "x86_64", "haswell", "xeon_phi", "aarch64", "i686", …; "" by Level
	HWCaps   []string // legacy hwcaps subdirectory names that hold on this CPU; nil: by Level
}

// Trace is what would happen.
type Trace struct {
	Exec       []ExecStep   // what the kernel looked at: scripts, then the program
	Program    *root.Object // what the loader is asked to start: the subject, or the last interpreter of a script chain
	Libc       *root.Libc   // the loader; nil for a static program and where exec failed
	Static     bool
	Objects    []*Object // program first, then in the order of the loader's link map (breadth first); the loader itself at its place
	Faults     []Fault   // in the order in which they would be met. Loading stops for good at the first with Stage below AfterStart and Fatal; later ones are what would come next, were it mended, as far as that is sound
	Output     []string  // standard error of the start, line by line, up to the first fatal fault, warnings included
	ExitStatus int       // 127, 1, …; 0 when main is reached; -1 when exec itself failed (Errno) or a signal ended it (Signal)
	Errno      root.Errno
	Signal     string    // "SIGSEGV", "SIGABRT", …
	Bindings   []Binding // where Options.Bindings asks for them
	CPUMatters bool      // another CPU level could give another Trace
	Limits     []string  // what the simulation could not follow, a sentence each: the verdict is unknown then, unless it fails anyway
	Secure     bool      // AT_SECURE: set-user-id and the like
}

// Started says that main is reached.
func (t *Trace) Started() bool { return t.Errno == "" && t.Signal == "" && t.ExitStatus == 0 }

// ExecStep is one file that the kernel's execve looks at.
type ExecStep struct {
	Path   string // as given to the kernel
	Facts  *binary.Facts
	Interp string // interpreter named by it
	Arg    string // the one argument of a #! line
}

// Object is one entry of the link map.
type Object struct {
	Name    string // as it was asked for ("libc.so.6"); "" for the program
	Path    string // spelt as the loader spells it
	Real    string // with links resolved
	FoundBy FoundBy
	Parent  *Object   // who asked first; nil for the program and preloads
	Needs   []*Object // resolved NEEDED, in order; nil entries for missing ones
	Facts   *binary.Facts
	Tried   []Attempt // places tried before it was found
	Missing bool      // not found: Path is ""
}

// FoundBy says which rule found an object: the words of the JSON contract.
type FoundBy string

const (
	ByCache    FoundBy = "cache"
	ByDefault  FoundBy = "default"
	ByRunpath  FoundBy = "runpath"
	ByRpath    FoundBy = "rpath"
	ByEnv      FoundBy = "ld-library-path"
	ByPreload  FoundBy = "preload"
	ByAbsolute FoundBy = "absolute" // named by a path (NEEDED with a slash, the interpreter)
	ByNobody   FoundBy = ""         // not found
)

// Attempt is one place that was tried.
type Attempt struct {
	Path   string
	By     FoundBy
	Of     string // whose run path it was, where it was one
	Result string // "ENOENT", "wrong machine", "wrong ELF class", "ABI tag above the kernel", "found", …
}

// Stage of a start.
type Stage int

const (
	StageExec     Stage = iota // the kernel
	StageLibc                  // the loader's own start: CPU check, kernel too old, preload
	StageMap                   // finding and mapping objects
	StageVersion               // version needs
	StageISA                   // ISA level of objects, executable stack
	StageRelocate              // symbols
	StageTLS
	StageInit  // constructors, Go's runtime start
	AfterStart // main was reached
)

// FaultKind says what is wrong; explain maps it to a cause.
type FaultKind int

const (
	_ FaultKind = iota
	// the kernel
	FaultNoFile         // the file itself is not there, or its path loops or leads through a file
	FaultNotExecutable  // mode, noexec
	FaultNotAProgram    // ENOEXEC: unknown, empty, truncated, text
	FaultWrongMachine   // ENOEXEC: ELF of another machine
	FaultWrongSystem    // ENOEXEC: PE, Mach-O
	FaultInterpMissing  // ENOENT on PT_INTERP or #!
	FaultEnvName        // env NAME: not on PATH
	FaultInterpUnusable // EACCES, ELIBBAD, EIO, … on the interpreter
	FaultBadProgram     // ELF that the kernel refuses or kills: bad headers, segments that can't be mapped
	FaultPageSize       // segments aligned for smaller pages
	// the loader
	FaultLibraryMissing
	FaultLibraryUnusable // fatal error on a file found
	FaultVersionMissing
	FaultVersionWarning // no version information, weak version not found
	FaultSymbolMissing  // undefined symbol when relocating
	FaultSymbolLazy     // undefined symbol, looked up at its first call
	FaultKernelTooOld
	FaultCPU            // ISA level of the libc, the program or a library; see Level
	FaultGoLevel        // GOAMD64 and its kin, said by Go's runtime
	FaultPreloadIgnored // a warning
	FaultRefused        // anything else that the loader refuses
	FaultCrash          // an assertion, a signal
	FaultTLS            // static TLS exhausted
	FaultExecStack
	FaultLibcMixed     // parts of two libcs: GLIBC_PRIVATE missing, the program's libc is of another loader
	FaultDlopenMissing // dlopen notes, constant dlopen names
	FaultGoKernel      // kernel below the Go version's stated minimum
	FaultNSS           // static glibc that loads NSS modules at run time
	FaultData          // data files that the program reads are absent
)

// LastFault is the last kind, for tests that walk all of them.
const LastFault = FaultData

// Fault is one thing that goes wrong.
type Fault struct {
	Kind     FaultKind
	Stage    Stage
	Fatal    bool   // the start ends here
	Object   string // path of the file at fault, spelt as the loader does
	NeededBy string // path or name of who asked
	Library  string // soname asked for
	Version  string
	Symbol   string
	Level    string // CPU level demanded
	Errno    root.Errno
	Message  string   // the very line on standard error (or of execve: "execve: ENOENT: No such file or directory")
	Detail   string   // a sentence with the numbers that disagree
	Chain    []string // names from the program to who asked
	Tried    []Attempt
	Priority string // dlopen notes: required, recommended, suggested
	Weak     bool
}

// Binding is one symbol reference bound to an object.
type Binding struct {
	From   *Object
	To     *Object
	Import int // index into From.Facts.ELF.Imports
}
