package loader

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// maxDepth: a script's interpreter may be a script, five deep
// (fs/exec.c, exec_binprm).
const maxDepth = 5

// refuse ends the start in execve: nothing is printed, the caller gets errno.
func (s *start) refuse(kind FaultKind, errno root.Errno, f Fault) {
	f.Kind, f.Stage, f.Errno, f.Fatal = kind, StageExec, errno, true
	f.Message = "execve: " + errno.Error()
	if !s.ended() {
		s.trace.ExitStatus, s.trace.Errno = -1, errno
	}
	s.fault(f)
}

// exec is execve(2) of a path. It goes on until a program starts, or ends the
// Trace.
func (s *start) exec(file string, depth int) {
	if depth == 0 {
		s.execfn = file
	}
	info, err := s.lookup(file)
	if err != nil {
		s.noFile(file, err, depth)
		return
	}
	facts, err := s.factsOf(info)
	if err != nil {
		s.limit(err.Error())
		return
	}
	step := ExecStep{Path: file, Facts: facts}
	switch facts.Format {
	case binary.FormatScript:
		s.script(step, depth)
	case binary.FormatELF:
		s.elf(step, info)
	case binary.FormatPE, binary.FormatMachO:
		s.trace.Exec = append(s.trace.Exec, step)
		s.refuse(FaultWrongSystem, root.ENOEXEC, Fault{Object: file, Detail: "it is a program for another system: " + facts.Describe})
	default:
		s.trace.Exec = append(s.trace.Exec, step)
		s.refuse(FaultNotAProgram, root.ENOEXEC, Fault{Object: file, Detail: "the kernel starts no such file: " + facts.Describe})
	}
}

// lookup is do_open_execat of fs/exec.c: the path, a regular file, execute
// permission, no noexec mount.
func (s *start) lookup(file string) (root.Info, error) {
	info, err := s.tree.Stat(s.abs(file), s.opt.User)
	if err != nil {
		return info, err
	}
	noexec := s.opt.Noexec != nil && s.opt.Noexec(info.Path)
	if !info.Regular() || noexec || !info.Executable(s.opt.User) {
		return info, root.EACCES
	}
	return info, nil
}

func (s *start) noFile(file string, err error, depth int) {
	var errno root.Errno
	if !errors.As(err, &errno) {
		s.limit(err.Error())
		return
	}
	if depth > 0 {
		f := Fault{Library: file, NeededBy: s.trace.Exec[len(s.trace.Exec)-1].Path, Object: file}
		if errno == root.ENOENT || errno == root.ENOTDIR {
			if s.perhaps(AFile, file) {
				return
			}
			f.Detail = fmt.Sprintf("its #! line names %s, which is not there", printable(file))
			s.refuse(FaultInterpMissing, errno, f)
			return
		}
		f.Detail = fmt.Sprintf("its #! line names %s, which can't be used: %s", printable(file), errno.Strerror())
		s.refuse(FaultInterpUnusable, errno, f)
		return
	}
	if errno == root.EACCES {
		s.refuse(FaultNotExecutable, errno, Fault{Object: file, Detail: s.whyDenied(file)})
		return
	}
	s.refuse(FaultNoFile, errno, Fault{Object: file})
}

// printable shows the carriage return that editors hide.
func printable(name string) string {
	return strings.ReplaceAll(name, "\r", `\r`)
}

func (s *start) whyDenied(file string) string {
	info, err := s.tree.Stat(s.abs(file), s.opt.User)
	switch {
	case err != nil:
		return "a directory on its path may not be searched"
	case info.IsDir():
		return "it is a directory"
	case !info.Regular():
		return "it is no regular file"
	case s.opt.Noexec != nil && s.opt.Noexec(info.Path):
		return "its file system is mounted noexec"
	}
	return fmt.Sprintf("its mode is %04o, owner %d:%d: no execute permission for user %d", info.Mode&0o7777, info.UID, info.GID, s.opt.User.UID)
}

// lineBuffer is how much of a file the kernel reads: 256 bytes from Linux
// 5.1, 128 before (BINPRM_BUF_SIZE).
func (s *start) lineBuffer() int {
	k := s.opt.Kernel
	if k[0] != 0 && (k[0] < 5 || k[0] == 5 && k[1] < 1) {
		return 128
	}
	return 256
}

func (s *start) script(step ExecStep, depth int) {
	interp, arg, hasArg, ok := step.Facts.Script.Interpreter(s.lineBuffer())
	step.Interp, step.Arg = interp, arg
	s.trace.Exec = append(s.trace.Exec, step)
	switch {
	case !ok:
		s.refuse(FaultNotAProgram, root.ENOEXEC, Fault{Object: step.Path, Detail: "its #! line names no interpreter that the kernel can read"})
		return
	case depth >= maxDepth:
		// The kernel opens it before it counts.
		if _, err := s.lookup(interp); err != nil {
			s.noFile(interp, err, depth+1)
			return
		}
		s.refuse(FaultInterpUnusable, root.ELOOP, Fault{Object: interp, NeededBy: step.Path, Library: interp, Detail: "scripts name one another as interpreters, more than five deep"})
		return
	}
	s.argv0 = interp
	before := len(s.trace.Exec)
	s.exec(interp, depth+1)
	if depth == 0 && !s.ended() {
		s.readable(step)
	}
	if s.ended() || path.Base(interp) != "env" || before == len(s.trace.Exec) {
		return
	}
	if !hasArg {
		s.endless(step)
		return
	}
	s.envName(step, arg)
}

// readable: the kernel only reads a script's first line, whoever asks; its
// interpreter reads the file with the user's own rights.
func (s *start) readable(step ExecStep) {
	info, err := s.tree.Stat(s.abs(step.Path), s.opt.User)
	if err != nil || info.Readable(s.opt.User) {
		return
	}
	s.end(Fault{Kind: FaultNotExecutable, Stage: StageInit, Object: step.Path, Errno: root.EACCES,
		Detail: fmt.Sprintf("its interpreter starts, and may not read it: mode %04o, owner %d:%d, user %d", info.Mode&0o7777, info.UID, info.GID, s.opt.User.UID)}, 2)
}

// envName goes on where /usr/bin/env has started: it looks NAME up on PATH as
// execvp does, and starts it.
func (s *start) envName(step ExecStep, arg string) {
	env := s.trace.Exec[len(s.trace.Exec)-1].Path
	if binary.UsesEnvSplit(arg) && !s.envSplits(step, env, arg) {
		return
	}
	if strings.Contains(arg, "=") && !strings.HasPrefix(arg, "-") {
		s.endless(step)
		return
	}
	name, ok := binary.EnvCommand(arg)
	if !ok {
		s.limit(fmt.Sprintf("%s runs env with %q: what it starts is not known", step.Path, arg))
		return
	}
	search, has := s.env("PATH")
	if !has {
		search = "/bin:/usr/bin" // execvp's default
	}
	var tried []Attempt
	last := root.ENOENT
	for _, dir := range strings.Split(search, ":") {
		file := name
		if strings.Contains(name, "/") {
			dir = ""
		} else if dir != "" {
			file = strings.TrimSuffix(dir, "/") + "/" + name
		}
		info, err := s.lookup(file)
		if err == nil {
			s.execFound(file, info)
			return
		}
		if ours(err) {
			s.limit(err.Error())
			return
		}
		tried = append(tried, Attempt{Path: file, Result: errnoName(err)})
		if errors.Is(err, root.EACCES) {
			last = root.EACCES // execvp remembers it and looks on
		}
		if strings.Contains(name, "/") {
			break
		}
	}
	if last == root.ENOENT && s.perhaps(ACommand, name) {
		return
	}
	s.end(Fault{Kind: FaultEnvName, Stage: StageExec, Object: step.Path, Library: name, NeededBy: step.Path, Tried: tried, Errno: last,
		Message: s.envMessage(env, name, last), Detail: fmt.Sprintf("env finds no %s that it may start on PATH=%s", printable(name), search)},
		map[root.Errno]int{root.ENOENT: 127, root.EACCES: 126}[last])
}

// endless: env without a NAME takes the script's own path for it, and starts
// it again.
func (s *start) endless(step ExecStep) {
	s.end(Fault{Kind: FaultInterpUnusable, Stage: StageExec, Object: step.Path, Library: step.Interp, NeededBy: step.Path,
		Detail: "its #! line gives env no program: env starts the script again, without end"}, -1)
}

// envSplits says whether this env knows -S, by the option's long name in its
// file; where it does not, the start ends.
func (s *start) envSplits(step ExecStep, env, arg string) bool {
	data, err := s.tree.ReadFile(s.abs(env), root.Superuser, 16<<20)
	if err != nil {
		s.limit(err.Error())
		return false
	}
	if bytes.Contains(data, []byte("split-string")) {
		return true
	}
	s.end(Fault{Kind: FaultEnvName, Stage: StageExec, Object: step.Path, Library: arg, NeededBy: step.Path, Message: env + ": " + unknownOption(arg),
		Detail: "the target's env has no option -S: it came with coreutils 8.30, and busybox has none"}, s.envUsage(env))
	return false
}

// unknownOption is getopt's complaint of the first option that an old env
// does not know.
func unknownOption(arg string) string {
	if strings.HasPrefix(arg, "--") {
		return fmt.Sprintf("unrecognized option '%s'", arg)
	}
	return fmt.Sprintf("invalid option -- '%s'", strings.TrimLeft(arg[1:], "i0")[:1])
}

// envUsage is env's exit status for an option that it does not know.
func (s *start) envUsage(env string) int {
	if info, err := s.tree.Stat(s.abs(env), s.opt.User); err == nil && strings.Contains(path.Base(info.Path), "busybox") {
		return 1
	}
	return 125
}

// envMessage is what env says: coreutils, or busybox.
func (s *start) envMessage(env, name string, errno root.Errno) string {
	if info, err := s.tree.Stat(s.abs(env), s.opt.User); err == nil && strings.Contains(path.Base(info.Path), "busybox") {
		return fmt.Sprintf("env: can't execute '%s': %s", name, errno.Strerror())
	}
	return fmt.Sprintf("%s: '%s': %s", env, printable(name), errno.Strerror())
}

// execFound starts what env found. A text without #! goes to the shell, as
// execvp does.
func (s *start) execFound(file string, info root.Info) {
	exec := s.trace.Exec
	s.trace = &Trace{Exec: exec, Limits: s.trace.Limits, CPUMatters: s.trace.CPUMatters}
	s.argv0, s.program, s.libc = file, nil, nil
	if facts, err := s.factsOf(info); err == nil && facts.Format == binary.FormatOther {
		file = "/bin/sh"
		s.argv0 = file
	}
	if len(exec) > 16 {
		s.refuse(FaultInterpUnusable, root.ELOOP, Fault{Object: file, Detail: "env starts scripts that start env, without end"})
		return
	}
	s.exec(file, 0)
}

// errnoOf is the error that the tree's own kernel gives; "" is any other.
func errnoOf(err error) root.Errno {
	var errno root.Errno
	errors.As(err, &errno)
	return errno
}

// ours says that something failed on this machine, and that the tree's own
// kernel might have given anything.
func ours(err error) bool { return err != nil && errnoOf(err) == "" }

func errnoName(err error) string {
	if ours(err) {
		return err.Error()
	}
	return string(errnoOf(err))
}

// elf is load_elf_binary (fs/binfmt_elf.c) up to the interpreter's start.
func (s *start) elf(step ExecStep, info root.Info) {
	e := step.Facts.ELF
	step.Interp = e.Interp
	s.trace.Exec = append(s.trace.Exec, step)
	s.program = &root.Object{Info: info, Facts: step.Facts}
	s.trace.Program = s.program
	if !s.elfHeader(step.Path, e) {
		return
	}
	s.setID(info)
	if e.HasInterp {
		if !s.interpreter(step.Path, e) {
			return
		}
	}
	if !s.segments(step.Path, e) {
		return
	}
	if system := otherSystem(step.Facts); system != "" {
		s.crash(Fault{Kind: FaultWrongSystem, Stage: StageInit, Object: step.Path,
			Detail: fmt.Sprintf("it is a program for %s: Linux starts it, and its first system call is another one here", system)}, "SIGSEGV")
		return
	}
	if system := abiOf(e); system != "" {
		s.limit(fmt.Sprintf("the header of %s names the ABI of %s: whether its system calls are Linux's is not known", step.Path, system))
	}
	if !e.HasInterp {
		s.static()
		return
	}
	s.dynamic()
}

func (s *start) elfHeader(file string, e *binary.ELF) bool {
	bad := func(detail string) bool {
		s.refuse(FaultNotAProgram, root.ENOEXEC, Fault{Object: file, Detail: detail})
		return false
	}
	want := uint16(56)
	if e.Class == 32 || e.Machine == "i386" || e.Machine == "arm" {
		want = 32 // the kernel goes by the machine
	}
	switch {
	case e.Class == 0 || e.Machine == "":
		return bad("its ELF header is damaged or cut short")
	case e.Header.Type != 2 && e.Header.Type != 3:
		return bad("it is an ELF file, but no program: " + s.program.Facts.Describe)
	case !kernelRuns(s.opt.Machine, e.Machine):
		s.refuse(FaultWrongMachine, root.ENOEXEC, Fault{Object: file,
			Detail: fmt.Sprintf("it is for %s, the system is %s", e.Machine, s.opt.Machine)})
		return false
	case e.Header.Phentsize != want || e.Header.Phnum == 0 || int(e.Header.Phnum)*int(want) > 65536 || len(e.Segments) == 0:
		return bad("its program headers are damaged or cut off")
	}
	return true
}

// otherSystem is what a Go program was built for, where that is not Linux; the
// kernel does not see it.
func otherSystem(f *binary.Facts) string {
	if f.Go != nil {
		for _, setting := range f.Go.Settings {
			if setting.Key == "GOOS" && setting.Value != "linux" && setting.Value != "android" {
				return setting.Value
			}
		}
	}
	return ""
}

// abiOf is the system whose OS ABI a static program's header names (gABI,
// e_ident). The kernel does not look at it, so it is a hint and no more.
func abiOf(e *binary.ELF) string {
	if id := e.Header.Ident; len(id) > 7 && !e.HasInterp {
		return map[byte]string{1: "HP-UX", 2: "NetBSD", 6: "Solaris", 7: "AIX", 8: "IRIX", 9: "FreeBSD", 10: "Tru64", 12: "OpenBSD", 13: "OpenVMS"}[id[7]]
	}
	return ""
}

// kernelRuns says whether a kernel of one machine starts programs of another.
func kernelRuns(kernel, program string) bool {
	if kernel == program || kernel == "" {
		return true
	}
	compat := map[string]string{"x86-64": "i386", "aarch64": "arm", "s390x": "s390", "ppc64": "ppc", "mips64": "mips", "mips64le": "mipsle", "sparc64": "sparc"}
	return compat[kernel] == program
}

// setID: a set-user-id program starts with its owner's rights and AT_SECURE,
// unless the mount forbids it (fs/exec.c, bprm_fill_uid).
func (s *start) setID(info root.Info) {
	if s.opt.NoSuid != nil && s.opt.NoSuid(info.Path) {
		return
	}
	if info.Mode&root.ModeSetuid != 0 && info.UID != s.opt.User.UID {
		s.euid, s.secure = &info.UID, true
	}
	if info.Mode&root.ModeSetgid != 0 && info.Mode&0o010 != 0 && info.GID != s.opt.User.GID {
		s.egid, s.secure = &info.GID, true
	}
	s.trace.Secure = s.secure
}

// interpreter opens PT_INTERP's file as the kernel does.
func (s *start) interpreter(file string, e *binary.ELF) bool {
	size := uint64(0)
	for _, g := range e.Segments {
		if g.Type == binary.PTInterp {
			size = g.Filesz
			if file64 := uint64(s.program.Facts.Size); size >= 2 && size <= 4096 && (g.Off > file64 || size > file64-g.Off) {
				s.refuse(FaultInterpUnusable, root.EIO, Fault{Object: file, NeededBy: file, Detail: "its PT_INTERP lies outside the file"})
				return false
			}
			break
		}
	}
	if size < 2 || size > 4096 || uint64(len(e.Interp)) >= size {
		s.refuse(FaultNotAProgram, root.ENOEXEC, Fault{Object: file, Detail: "its PT_INTERP is damaged"})
		return false
	}
	f := Fault{Object: e.Interp, Library: e.Interp, NeededBy: file}
	info, err := s.lookup(e.Interp)
	if err != nil {
		var errno root.Errno
		if !errors.As(err, &errno) {
			s.limit(err.Error())
			return false
		}
		kind := FaultInterpUnusable
		f.Detail = fmt.Sprintf("its interpreter %s can't be used: %s", e.Interp, errno.Strerror())
		if errno == root.ENOENT || errno == root.ENOTDIR {
			if s.perhaps(AnInterpreter, e.Interp) {
				return false
			}
			kind = FaultInterpMissing
			f.Detail = fmt.Sprintf("its interpreter %s is not there", e.Interp)
		}
		s.refuse(kind, errno, f)
		return false
	}
	return s.checkInterpreter(info, e, f)
}

func (s *start) checkInterpreter(info root.Info, e *binary.ELF, f Fault) bool {
	facts, err := s.factsOf(info)
	if err != nil {
		s.limit(err.Error())
		return false
	}
	header := int64(64)
	if e.Class == 32 {
		header = 52
	}
	bad := func(errno root.Errno, detail string) bool {
		f.Detail = fmt.Sprintf("its interpreter %s %s", e.Interp, detail)
		s.refuse(FaultInterpUnusable, errno, f)
		return false
	}
	i := facts.ELF
	switch {
	case facts.Size < header:
		return bad(root.EIO, "is too short for an ELF header")
	case i == nil:
		return bad(root.ELIBBAD, "is no ELF file: "+facts.Describe)
	case i.Class != e.Class || i.Machine != e.Machine:
		return bad(root.ELIBBAD, fmt.Sprintf("is for %s, the program for %s", i.Machine, e.Machine))
	case len(i.Segments) == 0:
		return bad(root.ELIBBAD, "has no program headers that can be read")
	case i.Header.Type != 2 && i.Header.Type != 3:
		// load_elf_interp, past the point of no return.
		s.crash(Fault{Kind: FaultInterpUnusable, Stage: StageExec, Object: f.Object, NeededBy: f.NeededBy, Library: f.Library,
			Detail: "its interpreter " + e.Interp + " is no program: the kernel ends the start with SIGSEGV"}, "SIGSEGV")
		return false
	}
	s.interp = info
	s.libc, err = s.tree.Libc(e.Interp, info)
	if err != nil {
		s.limit(err.Error())
		return false
	}
	s.trace.Libc = s.libc
	return true
}

// segments maps the program. Past this point a refusal is a SIGSEGV, since
// the old program is gone (fs/exec.c, bprm_execve).
func (s *start) segments(file string, e *binary.ELF) bool {
	page := s.pageSize(e)
	loads := 0
	for _, g := range e.Segments {
		if g.Type != binary.PTLoad {
			continue
		}
		loads++
		detail := ""
		switch {
		case g.Memsz >= 1<<40:
			detail = fmt.Sprintf("a segment asks for %d bytes of memory", g.Memsz)
		case g.Filesz > g.Memsz:
			detail = "a segment has more bytes in the file than in memory"
		case (g.Vaddr-g.Off)%page != 0 && g.Filesz > 0:
			if (g.Vaddr-g.Off)%4096 == 0 {
				s.crash(Fault{Kind: FaultPageSize, Stage: StageExec, Object: file,
					Detail: fmt.Sprintf("its segments are aligned for smaller pages than the kernel's %d bytes", page)}, "SIGSEGV")
				return false
			}
			detail = "a segment's address and file offset don't agree on the page"
		case e.Header.Type == 2 && loads == 1 && g.Vaddr < 4096:
			detail = "it is to be mapped at address 0"
		case beyond(g, s.program.Facts.Size, page):
			detail = fmt.Sprintf("a segment of %d bytes at offset %d reaches beyond the end of the file (%d bytes)", g.Filesz, g.Off, s.program.Facts.Size)
		}
		if detail != "" {
			s.crash(Fault{Kind: FaultBadProgram, Stage: StageExec, Object: file, Detail: "the kernel can't map it: " + detail}, "SIGSEGV")
			return false
		}
	}
	if loads == 0 {
		s.crash(Fault{Kind: FaultBadProgram, Stage: StageExec, Object: file, Detail: "it has no segment to load"}, "SIGSEGV")
		return false
	}
	s.morePages(file, e, page)
	return true
}

// beyond: whole pages of the segment lie behind the end of the file; touching
// them is a SIGBUS.
func beyond(g binary.Segment, size int64, page uint64) bool {
	if g.Filesz == 0 {
		return false
	}
	end := (uint64(size) + page - 1) &^ (page - 1)
	return g.Off+g.Filesz > end || g.Off > uint64(size)
}

// pageSize of the kernel; where it is not known, the smallest of the machine.
func (s *start) pageSize(e *binary.ELF) uint64 {
	if s.opt.PageSize != 0 {
		return s.opt.PageSize
	}
	return 4096
}

// morePages tells of larger pages on machines that have kernels with them
// (aarch64: 4, 16 and 64 KiB; ppc64: 4 and 64 KiB).
func (s *start) morePages(file string, e *binary.ELF, page uint64) {
	sizes := map[string][]uint64{"aarch64": {16384, 65536}, "ppc64le": {65536}, "ppc64": {65536}}[e.Machine]
	if s.opt.PageSize != 0 {
		return
	}
	for _, g := range e.Segments {
		for _, size := range sizes {
			if g.Type == binary.PTLoad && g.Filesz > 0 && (g.Vaddr-g.Off)%size != 0 {
				s.fault(Fault{Kind: FaultPageSize, Stage: AfterStart, Object: file,
					Detail: fmt.Sprintf("its segments are aligned for pages of %d bytes: it does not start under a kernel with pages of %d bytes", page, size)})
				return
			}
		}
	}
}
