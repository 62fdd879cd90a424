package loader

import (
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// Load simulates the start of a program. The subject's file must be visible
// in the tree at its place (root.WithFile lays it there).
func Load(tree *root.Root, sub Subject, opt Options) *Trace {
	if opt.Cwd == "" {
		opt.Cwd = "/"
	}
	s := &start{tree: tree, opt: opt, trace: &Trace{}, argv0: sub.Place, subject: sub, level: opt.CPU.Level}
	if opt.AsDlopen {
		s.dlopen()
		return s.trace
	}
	s.exec(sub.Place, 0)
	return s.trace
}

// env is the value that getenv gives: the first setting counts.
func (s *start) env(name string) (string, bool) {
	for _, kv := range s.opt.Env {
		if len(kv) > len(name) && kv[len(name)] == '=' && kv[:len(name)] == name {
			return kv[len(name)+1:], true
		}
	}
	return "", false
}

// limit notes what the simulation can't follow.
func (s *start) limit(sentence string) {
	if !slices.Contains(s.trace.Limits, sentence) {
		s.trace.Limits = append(s.trace.Limits, sentence)
	}
}

// perhaps says that what was not found may be there all the same, and notes
// why that is not known.
func (s *start) perhaps(what What, name string) bool {
	if s.opt.Absent == nil {
		return false
	}
	why := s.opt.Absent(what, name)
	if why != "" {
		s.limit(why)
	}
	return why != ""
}

// perhapsData is perhaps for what matters after main alone.
func (s *start) perhapsData(what What, name string) bool {
	return s.opt.Absent != nil && s.opt.Absent(what, name) != ""
}

// unknownSymbol: whether an opaque library defines what an object needs.
// One sentence a library is enough.
func (s *start) unknownSymbol(library, object string, imp *binary.Import) {
	if s.opaque[library] {
		return
	}
	if s.opaque == nil {
		s.opaque = map[string]bool{}
	}
	s.opaque[library] = true
	s.limit(fmt.Sprintf("whether %s defines %s, which %s needs, is not known: of its symbols the target's evidence tells nothing", library, imp.Name, object))
}

// print is one line on standard error.
func (s *start) print(line string) { s.trace.Output = append(s.trace.Output, line) }

// end is a fault that ends the start with an exit status.
func (s *start) end(f Fault, status int) {
	f.Fatal = true
	if !s.ended() {
		s.trace.ExitStatus = status
		if f.Message != "" {
			s.print(f.Message)
		}
	}
	s.fault(f)
}

// crash is a fault that ends the start with a signal.
func (s *start) crash(f Fault, signal string) {
	f.Fatal = true
	if !s.ended() {
		s.trace.ExitStatus, s.trace.Signal = -1, signal
	}
	s.fault(f)
}

func (s *start) ended() bool { return !s.trace.Started() }

// tables are the parts of a file that a loader follows by itself: damage in
// one of them is a crash, or is never noticed, and the file does not say which.
var tables = map[string]bool{"dynamic strings": true, "dynamic symbols": true, "GNU hash table": true, "hash table": true,
	"relocations": true, "version needs": true, "version definitions": true}

// damaged limits a verdict on objects whose tables could not be read whole.
func (s *start) damaged() {
	for _, o := range s.trace.Objects {
		if o.Facts == nil {
			continue
		}
		for _, p := range o.Facts.Problems {
			if tables[p.Part] {
				s.limit(fmt.Sprintf("%s is damaged (%s: %s): what a loader makes of it is not known", o.Path, p.Part, p.Text))
			}
		}
	}
}

// abs is a path seen from the working directory.
func (s *start) abs(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return strings.TrimSuffix(s.opt.Cwd, "/") + "/" + path
}

// factsOf reads a file of the tree, the subject's own from what is known.
func (s *start) factsOf(info root.Info) (*binary.Facts, error) {
	if s.subject.Facts != nil && info.ID == s.subject.Info.ID {
		return s.subject.Facts, nil
	}
	o, err := s.tree.Linked(info)
	if err != nil {
		return nil, err
	}
	return o.Facts, nil
}

// newRoot of options: the credentials with which files are read. A
// set-user-id program reads with its owner's rights.
func (s *start) cred() root.Cred {
	c := s.opt.User
	if s.euid != nil {
		c.UID = *s.euid
	}
	if s.egid != nil {
		c.GID = *s.egid
	}
	return c
}
