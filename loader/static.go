package loader

import (
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// static goes on for a program without an interpreter: its own code starts.
func (s *start) static() {
	s.trace.Static = true
	s.trace.Objects = []*Object{{Path: s.argv0, Real: s.program.Info.Path, Facts: s.program.Facts}}
	e := s.program.Facts.ELF
	if !entryInCode(e) {
		s.crash(Fault{Kind: FaultBadProgram, Stage: StageInit, Object: s.argv0,
			Detail: fmt.Sprintf("its entry point %#x lies in no executable segment", e.Header.Entry)}, "SIGSEGV")
		return
	}
	if strings.HasPrefix(e.Soname, "ld-") || strings.HasPrefix(e.Soname, "ld64") || strings.HasPrefix(e.Soname, "ld.so") {
		s.limit("it is a loader itself: what it does depends on its arguments")
		return
	}
	if len(e.Needed) > 0 {
		s.crash(Fault{Kind: FaultBadProgram, Stage: StageInit, Object: s.argv0,
			Detail: fmt.Sprintf("it needs %s and names no interpreter: nothing loads that, and nothing relocates the program", strings.Join(e.Needed, ", "))}, "SIGSEGV")
		return
	}
	if e.Kind == binary.KindShared {
		s.crash(Fault{Kind: FaultBadProgram, Stage: StageInit, Object: s.argv0,
			Detail: "it is a shared library: nothing relocates it when it is started as a program"}, "SIGSEGV")
		return
	}
	s.staticKernel(e)
	s.goRuntime()
	s.afterMain()
}

func entryInCode(e *binary.ELF) bool {
	for _, g := range e.Segments {
		if g.Type == binary.PTLoad && g.Flags&1 != 0 && e.Header.Entry >= g.Vaddr && e.Header.Entry-g.Vaddr < g.Memsz {
			return true
		}
	}
	return false
}

// staticKernel: a static glibc program up to 2.35 compares its own ABI note
// with the kernel, and says so in its words (sysdeps/unix/sysv/linux/dl-osinfo.h,
// DL_SYSDEP_OSCHECK). Newer ones carry the note alone.
func (s *start) staticKernel(e *binary.ELF) {
	if !e.KernelCheck || e.ABITag == nil || e.ABITag.OS != 0 || s.opt.Kernel == [3]uint32{} || !kernelBelow(s.opt.Kernel, e.ABITag.Kernel) {
		return
	}
	k := e.ABITag.Kernel
	f := Fault{Kind: FaultKernelTooOld, Stage: StageInit, Object: s.argv0, Message: "FATAL: kernel too old",
		Detail: fmt.Sprintf("it was built for Linux %d.%d.%d or newer", k[0], k[1], k[2])}
	s.print(f.Message)
	s.crash(f, "SIGABRT")
}

func kernelBelow(have, want [3]uint32) bool { return slices.Compare(have[:], want[:]) < 0 }

// levelRank orders the levels of one machine; 0 is not known.
func levelRank(level string) int {
	switch level {
	case "x86-64", "x86-64-v1":
		return 1
	case "x86-64-v2":
		return 2
	case "x86-64-v3":
		return 3
	case "x86-64-v4":
		return 4
	}
	return 0
}

// goRuntime is the check of Go's runtime before main: the CPU level that the
// build asked for (runtime/asm_amd64.s).
func (s *start) goRuntime() {
	g := s.program.Facts.Go
	if g == nil {
		return
	}
	if v, ok := strings.CutPrefix(g.Level, "GOAMD64=v"); ok && v > "1" && len(v) == 1 {
		s.trace.CPUMatters = true
		if have := levelRank(s.level); have != 0 && have < int(v[0]-'0') {
			s.end(Fault{Kind: FaultGoLevel, Stage: StageInit, Object: s.argv0, Level: "x86-64-v" + v,
				Message: fmt.Sprintf("This program can only be run on AMD64 processors with v%s microarchitecture support.", v),
				Detail:  fmt.Sprintf("it was built with %s, and Go's runtime refuses to start on less", g.Level)}, 1)
			return
		}
	}
	if needsLSE(g.Level) {
		s.trace.CPUMatters = true
		if s.level == "armv8.0" {
			s.end(Fault{Kind: FaultGoLevel, Stage: StageInit, Object: s.argv0, Level: "armv8.1",
				Message: "This program can only run on ARM64 processors with LSE support.",
				Detail:  fmt.Sprintf("it was built with %s, and Go's runtime refuses to start without LSE", g.Level)}, 1)
			return
		}
	}
	if min, ok := parseKernel(g.MinKernel); ok && s.opt.Kernel != [3]uint32{} && kernelBelow(s.opt.Kernel, min) {
		s.fault(Fault{Kind: FaultGoKernel, Stage: AfterStart, Object: s.argv0,
			Detail: fmt.Sprintf("%s asks for Linux %s or newer; nothing refuses at the start", g.Version, g.MinKernel)})
	}
}

// needsLSE: GOARM64=v8.0,lse, and every level from v8.1 on (runtime/asm_arm64.s,
// internal/buildcfg).
func needsLSE(level string) bool {
	v, ok := strings.CutPrefix(level, "GOARM64=")
	return ok && (strings.Contains(v, ",lse") || !strings.HasPrefix(v, "v8.0"))
}

func parseKernel(text string) (v [3]uint32, ok bool) {
	n, _ := fmt.Sscanf(text, "%d.%d.%d", &v[0], &v[1], &v[2])
	return v, n >= 2
}

// afterMain is what is known of the time after main was reached.
func (s *start) afterMain() {
	if s.ended() {
		return
	}
	s.unheeded()
	s.dlopens()
	s.nss()
	s.data()
}

// unheeded: a mark of a CPU level that no loader looks at: in a static
// program, under musl, under glibc before 2.33. Code that makes use of the
// level ends with SIGILL.
func (s *start) unheeded() {
	if s.libc != nil && s.libc.Kind == "glibc" && root.CompareVersions(s.libc.Version, "2.33") >= 0 {
		return
	}
	have := levelRank(s.level)
	for _, o := range s.trace.Objects {
		if o.Facts == nil || o.Facts.ELF == nil || o.Facts.ELF.Machine != "x86-64" {
			continue
		}
		want := isaLevel(o.Facts.ELF.X86ISA)
		if want < 2 {
			continue
		}
		s.trace.CPUMatters = true
		if have != 0 && have < want {
			s.fault(Fault{Kind: FaultCPU, Stage: AfterStart, Object: o.Path, Level: levelName(want),
				Detail: fmt.Sprintf("it is marked as needing a CPU of level %s; nothing refuses at the start, and code that makes use of it ends with SIGILL", levelName(want))})
		}
	}
}

// nss: a static glibc program that looks up users or hosts loads the
// system's NSS modules at run time, which must be of its own glibc.
func (s *start) nss() {
	g, e := s.program.Facts.Go, s.program.Facts.ELF
	if !s.trace.Static || g == nil || g.Compiler != "gc" || g.Link != "external" || e.ABITag == nil {
		return
	}
	for _, p := range g.CgoPackages {
		if p.Twin && (p.Path == "net" || p.Path == "os/user") {
			s.fault(Fault{Kind: FaultNSS, Stage: AfterStart, Object: s.argv0,
				Detail: fmt.Sprintf("its glibc is linked in, and %s loads the system's NSS modules through it: they must be of the same glibc", p.Path)})
			return
		}
	}
}

// Where Go looks for data (crypto/x509/root_linux.go, time/zoneinfo_unix.go).
var (
	certFiles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"}
	certDirs = []string{"/etc/ssl/certs", "/etc/pki/tls/certs"}
	zoneDirs = []string{"/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/usr/lib/locale/TZ", "/etc/zoneinfo"}
)

// data tells of files that the program's linked-in code reads when it is
// used, and that the tree lacks.
func (s *start) data() {
	g := s.program.Facts.Go
	if g == nil {
		return
	}
	if _, set := s.env("SSL_CERT_FILE"); g.Needs.Certificates && !set && !s.anyFile(certFiles) && !s.anyEntries(certDirs) {
		s.missingData("CA certificates", certFiles, "x509: certificate signed by unknown authority")
	}
	if _, set := s.env("ZONEINFO"); g.Needs.TimeZones && !set && !s.anyEntries(zoneDirs) {
		s.missingData("time zones", zoneDirs, "unknown time zone")
	}
	// archive/tar links the lookups in and does without their answer.
	if g.Needs.Passwd && !slices.Contains(g.Packages, "archive/tar") && !s.anyFile([]string{"/etc/passwd"}) {
		s.missingData("users", []string{"/etc/passwd"}, "user: unknown userid")
	}
}

func (s *start) missingData(what string, places []string, message string) {
	f := Fault{Kind: FaultData, Stage: AfterStart, Object: s.argv0, Library: what, Message: message,
		Detail: "code that reads " + what + " is linked in, and the target has none"}
	if s.perhapsData(AFile, places[0]) {
		f.Weak, f.Detail = true, "code that reads "+what+" is linked in; whether the target has them, its evidence does not tell"
	}
	for _, p := range places {
		f.Tried = append(f.Tried, Attempt{Path: p, Result: string(root.ENOENT)})
	}
	s.fault(f)
}

func (s *start) anyFile(files []string) bool {
	for _, f := range files {
		if info, err := s.tree.Stat(f, s.cred()); err == nil && info.Regular() {
			return true
		}
	}
	return false
}

func (s *start) anyEntries(dirs []string) bool {
	for _, d := range dirs {
		if names, err := s.tree.ReadDir(d); err == nil && len(names) > 0 {
			return true
		}
	}
	return false
}
