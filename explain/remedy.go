package explain

import (
	"path"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/loader"
)

// remedies of one finding, the least intrusive first. What is said here is
// held against docs/advice.md: never a soft link between sonames, never a
// newer libc copied over the system's.
func remedies(d diagnosis.Finding, f loader.Fault, about About) []diagnosis.Remedy {
	list := byCause(d, f, about)
	if len(list) > 0 {
		list[0].Why = strings.TrimPrefix(list[0].Why, "or ")
	}
	return list
}

func byCause(d diagnosis.Finding, f loader.Fault, about About) []diagnosis.Remedy {
	switch d.Cause {
	case diagnosis.NotExecutable:
		return executable(f, about)
	case diagnosis.NotAProgram:
		return program(about)
	case diagnosis.WrongMachine, diagnosis.WrongSystem:
		return rebuildFor(about)
	case diagnosis.InterpreterMissing, diagnosis.InterpreterUnusable:
		return interpreter(f, about)
	case diagnosis.LibraryMissing, diagnosis.LibraryUnusable:
		return library(f, about)
	case diagnosis.VersionMissing:
		return version(f, about)
	case diagnosis.SymbolMissing, diagnosis.LibcMixed:
		return symbol(f, about)
	case diagnosis.CPUTooOld:
		return cpu(f, about)
	case diagnosis.KernelTooOld:
		return kernel(about)
	case diagnosis.DlopenMissing:
		return installs(f.Library, nil, about, "what the program opens at run time would be there")
	case diagnosis.PageSize:
		return []diagnosis.Remedy{{Why: "link it again with -Wl,-z,max-page-size=65536 (Go's own linker does so for arm64 already)"}}
	case diagnosis.NSSMismatch:
		return staticNSS(about)
	case diagnosis.DataMissing:
		return data(f, about)
	}
	return nil
}

func executable(f loader.Fault, about About) []diagnosis.Remedy {
	if strings.Contains(f.Detail, "noexec") {
		return []diagnosis.Remedy{{Why: "put the program on a file system that is not mounted noexec, such as /usr/local/bin"}}
	}
	file := f.Object
	if file == "" {
		file = about.Place
	}
	return []diagnosis.Remedy{{Command: "chmod +x " + quote(file), Why: "the kernel asks for an execute bit"}}
}

func program(about About) []diagnosis.Remedy {
	if about.Facts != nil && about.Facts.Format == binary.FormatOther && strings.HasPrefix(about.Facts.Describe, "text") {
		return []diagnosis.Remedy{{Command: "sed -i '1i #!/bin/sh' " + quote(about.Place),
			Why: "a script starts with #! and its interpreter's path; a shell may run it without, the kernel does not"}}
	}
	if about.Facts != nil && about.Facts.Describe == "nothing" {
		return []diagnosis.Remedy{{Why: "install the program there, or change what names it"}}
	}
	return []diagnosis.Remedy{{Why: "fetch or build the file again, and compare its checksum: this is not a whole program"}}
}

func rebuildFor(about About) []diagnosis.Remedy {
	machine := about.Machine
	if machine == "" {
		return []diagnosis.Remedy{{Why: "take the build for the target's system and machine"}}
	}
	if g := goOf(about); g != nil {
		return []diagnosis.Remedy{{
			Command: strings.TrimSpace("GOOS=linux GOARCH=" + goarch(machine) + " go build " + mainPath(g)),
			Why:     "builds it for the target's machine"}}
	}
	return []diagnosis.Remedy{{Why: "take or build the program for linux and " + machine}}
}

func interpreter(f loader.Fault, about About) []diagnosis.Remedy {
	facts := about.Facts
	if facts == nil || facts.Format != binary.FormatELF {
		return scriptInterpreter(f)
	}
	list := rebuildStatic(about)
	if f.Kind != loader.FaultInterpMissing {
		return list
	}
	musl := strings.Contains(facts.ELF.Interp, "ld-musl-")
	switch {
	case about.Empty:
		list = append(list, diagnosis.Remedy{Why: "or start it on a base image with its libc, for an empty one has no " + facts.ELF.Interp})
	case has(about.Libcs, "musl") && !musl:
		list = append(list, diagnosis.Remedy{Why: "or start it on a system with glibc: this one has musl"})
	case musl:
		list = append(list, diagnosis.Remedy{Why: "or link it against the target's libc: it was built for musl"})
	default:
		list = append(list, diagnosis.Remedy{Why: "or install the C library of the program's machine, which brings " + facts.ELF.Interp})
	}
	return list
}

func scriptInterpreter(f loader.Fault) []diagnosis.Remedy {
	if strings.HasSuffix(f.Library, "\r") {
		return []diagnosis.Remedy{{Command: `sed -i 's/\r$//' ` + quote(f.NeededBy),
			Why: "the lines end with CR LF, and the CR belongs to the interpreter's name"}}
	}
	if strings.TrimSpace(f.Library) == "" {
		return []diagnosis.Remedy{{Why: "name an interpreter behind #!"}}
	}
	return []diagnosis.Remedy{{Why: "install " + strings.TrimSpace(f.Library) + ", or name an interpreter in the #! line that the target has"}}
}

func library(f loader.Fault, about About) []diagnosis.Remedy {
	if f.Kind == loader.FaultLibraryUnusable {
		return []diagnosis.Remedy{{Why: "replace or remove " + f.Object + ": the loader takes the first file of that name and looks no further"}}
	}
	if strings.HasPrefix(f.Library, "libgo.so.") {
		return gccgo(f.Library, about)
	}
	if strings.Contains(f.Library, "/") {
		return []diagnosis.Remedy{{Why: "put the library at " + f.Library + ": a name with a slash is not searched for"}}
	}
	list := installs(f.Library, nil, about, "then the loader finds it in the system's directories")
	if isLibc(f.Library) {
		list = nil
	}
	if g := goOf(about); g != nil && onlyTwins(g) {
		list = append(list, rebuildStatic(about)...)
	}
	return append(list, diagnosis.Remedy{Why: "or put a fitting " + f.Library + " into a lib directory beside the program, and link it with -Wl,-rpath,'$ORIGIN/lib'"})
}

// gccgo: each libgo soname belongs to one major version of GCC, and no
// release ships an older one beside it (docs/advice.md, 3 and 4).
func gccgo(soname string, about About) []diagnosis.Remedy {
	list := []diagnosis.Remedy{}
	if g := goOf(about); g != nil {
		list = append(list, diagnosis.Remedy{Command: strings.TrimSpace("CGO_ENABLED=0 go build -compiler gc " + mainPath(g)),
			Why: "the gc compiler needs no libgo at all"})
	}
	return append(list,
		diagnosis.Remedy{Why: "or build it with gccgo -static-libgo, which links libgo into the program"},
		diagnosis.Remedy{Why: "or ship this very " + soname + " in a directory of the program's own; another libgo behind a link of this name has other symbols"})
}

func version(f loader.Fault, about About) []diagnosis.Remedy {
	list := rebuildStatic(about)
	switch {
	case isGlibcNode(f.Version):
		list = append(list, diagnosis.Remedy{Why: "or build it on the oldest system that it shall start on: these versions come from the glibc that it was linked with; never put a newer glibc over the system's own"})
	case strings.HasPrefix(f.Version, "GLIBCXX_"), strings.HasPrefix(f.Version, "CXXABI_"):
		list = append(list, diagnosis.Remedy{Why: "link it with -static-libstdc++ -static-libgcc, which takes the C++ library into the program, or build it with the target's own compiler"})
	default:
		list = append(list, newer(f, about)...)
	}
	return list
}

// newer is a package whose library has the version.
func newer(f loader.Fault, about About) []diagnosis.Remedy {
	if about.Providers != nil {
		if found, _ := about.Providers(f.Library, []string{f.Version}); len(found) > 0 {
			return installs(f.Library, []string{f.Version}, about, "its "+f.Library+" has "+f.Version)
		}
	}
	return []diagnosis.Remedy{{Why: "install a " + f.Library + " that has " + f.Version + ", or build against the one that is there"}}
}

func symbol(f loader.Fault, about About) []diagnosis.Remedy {
	if f.Version == "GLIBC_PRIVATE" {
		return []diagnosis.Remedy{{Why: "let the loader and all parts of libc come from one build: GLIBC_PRIVATE symbols fit only their own"}}
	}
	if has(about.Libcs, "musl") && !has(about.Libcs, "glibc") {
		return append(rebuildStatic(about), diagnosis.Remedy{Why: "or link it against musl: it was built for glibc"})
	}
	who := path.Base(f.Object)
	return []diagnosis.Remedy{{Why: who + " was linked against a library that had " + f.Symbol + ": install that version of it, or build again against the target's"}}
}

func cpu(f loader.Fault, about About) []diagnosis.Remedy {
	if f.Kind == loader.FaultGoLevel {
		if g := goOf(about); g != nil {
			name, _, _ := strings.Cut(g.Level, "=")
			return []diagnosis.Remedy{{Command: strings.TrimSpace(name + "=" + baseline(name) + " go build " + mainPath(g)),
				Why: "builds it for every CPU of its machine"}}
		}
	}
	return []diagnosis.Remedy{{Why: path.Base(f.Object) + " is marked as needing " + f.Level + ": take a build without -march of that level, or a target with newer CPUs (check it with --cpu " + f.Level + ")"}}
}

// baseline is the value of GOAMD64 and its kin that every CPU has.
func baseline(variable string) string {
	switch variable {
	case "GOARM64":
		return "v8.0"
	case "GOARM":
		return "5"
	case "GO386":
		return "softfloat"
	case "GOPPC64":
		return "power8"
	case "GORISCV64":
		return "rva20u64"
	}
	return "v1"
}

func kernel(about About) []diagnosis.Remedy {
	if g := goOf(about); g != nil && g.MinKernel != "" {
		return []diagnosis.Remedy{{Why: "build it with a Go version that supports the kernel: up to Go 1.23 Linux 2.6.32, from 1.24 Linux 3.2"}}
	}
	return []diagnosis.Remedy{{Why: "build it against an older C library, or start it under a newer kernel"}}
}

func staticNSS(about About) []diagnosis.Remedy {
	if g := goOf(about); g != nil {
		return []diagnosis.Remedy{{Command: strings.TrimSpace("go build -tags netgo,osusergo " + mainPath(g)),
			Why: "looks up hosts and users in Go, so that nothing loads the system's NSS modules"}}
	}
	return nil
}

// data names what brings the files that Go's own code looks for.
func data(f loader.Fault, about About) []diagnosis.Remedy {
	switch f.Library {
	case "CA certificates":
		return []diagnosis.Remedy{{Why: "put a bundle at " + f.Tried[0].Path + " (the package ca-certificates), or import golang.org/x/crypto/x509roots/fallback into the program"}}
	case "time zones":
		return []diagnosis.Remedy{{Command: strings.TrimSpace("go build -tags timetzdata " + mainPathOf(about)), Why: "takes the time zones into the program; or install tzdata"}}
	}
	return []diagnosis.Remedy{{Why: "put an /etc/passwd there"}}
}

func mainPathOf(about About) string {
	if g := goOf(about); g != nil {
		return mainPath(g)
	}
	return ""
}

// rebuildStatic: a Go program whose C calls all have a pure-Go twin needs no
// C library; one with C of its own needs another way.
func rebuildStatic(about About) []diagnosis.Remedy {
	g := goOf(about)
	switch {
	case g == nil:
		return nil
	case g.Compiler == "gccgo":
		return []diagnosis.Remedy{{Command: strings.TrimSpace("CGO_ENABLED=0 go build -compiler gc " + mainPath(g)), Why: "the gc compiler makes a static program"}}
	case onlyTwins(g) && g.BuildMode == "pie":
		return []diagnosis.Remedy{{Command: strings.TrimSpace("CGO_ENABLED=0 go build -buildmode=exe " + mainPath(g)),
			Why: "makes a static program; -buildmode=pie needs an interpreter even without cgo"}}
	case onlyTwins(g):
		return []diagnosis.Remedy{{Command: strings.TrimSpace("CGO_ENABLED=0 go build " + mainPath(g)), Why: whyTwins(g)}}
	}
	return []diagnosis.Remedy{{Command: strings.TrimSpace("CC=musl-gcc go build -tags netgo,osusergo -ldflags '-linkmode external -extldflags -static' " + mainPath(g)),
		Why: "makes a static program with its C code (" + strings.Join(cgoPaths(g), ", ") + ") in it"}}
}

func whyTwins(g *binary.Go) string {
	if len(g.CgoPackages) == 0 {
		return "makes a static program that needs no libc"
	}
	if len(g.CgoPackages) == 1 {
		return "makes a static program: it calls C only in " + g.CgoPackages[0].Path + ", which has a pure-Go twin"
	}
	return "makes a static program: it calls C only in " + strings.Join(cgoPaths(g), " and ") + ", which have pure-Go twins"
}

func cgoPaths(g *binary.Go) []string {
	var paths []string
	for _, p := range g.CgoPackages {
		paths = append(paths, p.Path)
	}
	return paths
}

// onlyTwins: nothing in the program needs C. Where the function table could
// not be read, a program that links runtime/cgo may have C of its own.
func onlyTwins(g *binary.Go) bool {
	if g.Compiler != "gc" || g.Packages == nil && g.Cgo {
		return false
	}
	for _, p := range g.CgoPackages {
		if !p.Twin {
			return false
		}
	}
	return true
}

func goOf(about About) *binary.Go {
	if about.Facts == nil {
		return nil
	}
	return about.Facts.Go
}

func mainPath(g *binary.Go) string {
	if g.Path == "command-line-arguments" {
		return ""
	}
	return g.Path
}

func isLibc(soname string) bool {
	return soname == "libc.so.6" || soname == "libc.so" || strings.HasPrefix(soname, "libc.musl-") || strings.HasPrefix(soname, "ld-linux")
}

// goarch names the target's machine as the go command does.
func goarch(machine string) string {
	switch machine {
	case "x86-64":
		return "amd64"
	case "i386":
		return "386"
	case "aarch64":
		return "arm64"
	}
	return machine
}

// maxInstalls: more packages than these are no help to choose from.
const maxInstalls = 3

// installs names the packages that bring a library, where the target's are
// known, else how its package manager finds them.
func installs(soname string, versions []string, about About, why string) []diagnosis.Remedy {
	if about.Providers == nil {
		return []diagnosis.Remedy{install(soname, about, why)}
	}
	found, complete := about.Providers(soname, versions)
	var list []diagnosis.Remedy
	for _, p := range found[:min(len(found), maxInstalls)] {
		list = append(list, diagnosis.Remedy{Command: p.Command, Why: p.Package + " brings it: " + why})
	}
	switch {
	case len(list) > 0:
		return list
	case complete:
		return []diagnosis.Remedy{{Why: "no package of the target brings " + soname + ": take it from elsewhere, or build without it"}}
	}
	return []diagnosis.Remedy{install(soname, about, why)}
}

// install is how the target's package manager finds what brings a library.
// dnf, zypper and apk take the library itself for a name; apt knows files
// only through apt-file.
func install(soname string, about About, why string) diagnosis.Remedy {
	family := about.Distribution.ID + " " + about.Distribution.IDLike
	mark := ""
	if f := about.Facts; f != nil && f.ELF != nil && f.ELF.Class == 64 {
		mark = "()(64bit)"
	}
	for _, m := range []struct{ words, command string }{
		{"rhel fedora centos almalinux rocky ol amzn mariner azurelinux", "dnf install " + quote(soname+mark)},
		{"suse opensuse sles sled opensuse-leap", "zypper install " + quote(soname+mark)},
		{"alpine wolfi chainguard", "apk add so:" + soname},
		{"debian ubuntu", "apt-file search /" + soname},
		{"arch", "pacman -F " + soname},
	} {
		for _, word := range strings.Fields(m.words) {
			if has(strings.Fields(family), word) {
				return diagnosis.Remedy{Command: m.command, Why: why}
			}
		}
	}
	return diagnosis.Remedy{Why: "install the package of the target that brings " + soname}
}

// quote makes a word safe to paste into a POSIX shell.
func quote(word string) string {
	safe := func(r rune) bool {
		return r == '/' || r == '.' || r == '-' || r == '_' || r == '+' || r == ':' || r == '@' || r == '=' ||
			r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !safe(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Lower is how a program comes to need less of the system: for Go the build
// that takes what pins it into the program, else words.
func Lower(facts *binary.Facts) []diagnosis.Remedy {
	if list := rebuildStatic(About{Facts: facts}); len(list) > 0 {
		return list
	}
	return []diagnosis.Remedy{{Why: "build it on the oldest system that it shall start on, or against the C library of one"}}
}
