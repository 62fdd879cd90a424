package loader

import "github.com/willrun/willrun/root"

// start is one simulated start on its way from execve to main. Load fills it
// with the kernel's part (exec.go) and hands it to the loader that the
// program names: runGlibc (glibc.go) or runMusl (musl.go), which continue the
// Trace.
type start struct {
	tree    *root.Root
	opt     Options
	trace   *Trace
	execfn  string       // AT_EXECFN: what execve was given, a script's own path too
	argv0   string       // what the loader prints before its messages: the path given to execve
	program *root.Object // the ELF program that the loader is to start
	libc    *root.Libc   // the loader's own description
	interp  root.Info    // the loader's file
	level   string       // the CPU level that this run assumes; "" = highest
	secure  bool         // AT_SECURE
	subject Subject
	euid    *uint32 // by a set-user-id bit
	egid    *uint32
	blind   bool            // a file could not be read here: what depends on it is not known
	opaque  map[string]bool // libraries whose unknown symbols were told of
	open    opener          // answers for dlopen, once the loader has run
}

// bound notes a binding, where they are asked for.
func (s *start) bound(from, to *Object, imp int) {
	if s.opt.Bindings {
		s.trace.Bindings = append(s.trace.Bindings, Binding{From: from, To: to, Import: imp})
	}
}

// fault appends to the Trace, and says whether the start ends here.
func (s *start) fault(f Fault) bool {
	s.trace.Faults = append(s.trace.Faults, f)
	return f.Fatal
}
