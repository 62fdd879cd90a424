package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/root"
)

// Own are circumstances that a subject brings with it, as an image's entry
// point or a service does. What the user says goes before them.
type Own struct {
	Env     []string // K=V; the whole environment
	User    root.Cred
	Cwd     string
	Unknown []string // what can't be told of how it is started
	Unit    string   // the service's name; "" for any other
	Denied  []string // what keeps it from starting though the program would
	Hidden  []string // directories whose content it can't see
	// Optional says why it is no failure that the program does not start; ""
	// is none.
	Optional string
}

// hides says that a library lies where the subject can't see it.
func (own *Own) hides(libraries []Library) []string {
	if own == nil {
		return nil
	}
	var list []string
	for _, l := range libraries {
		for _, dir := range own.Hidden {
			if strings.HasPrefix(l.Path, strings.TrimSuffix(dir, "/")+"/") {
				list = append(list, fmt.Sprintf("%s loads %s, and the unit hides %s from it: only a start tells what it finds then", own.Unit, l.Path, dir))
			}
		}
	}
	return list
}

// apply puts what the subject brings with it in the place of the target's
// defaults.
func (own *Own) apply(tr *trial, c Circumstances) {
	if own == nil {
		return
	}
	tr.unknown = append(tr.unknown, own.Unknown...)
	if c.Cwd == "" && own.Cwd != "" {
		tr.options.Cwd = own.Cwd
	}
	if c.User == nil {
		tr.options.User = own.User
	}
}

// excuse: what stops an optional program is told, and is no failure, for
// systemd goes on without it.
func (own *Own) excuse(r *Result) {
	if own == nil || own.Optional == "" {
		return
	}
	for i := range r.Findings {
		r.Findings[i].Suppressed = &diagnosis.Suppression{Reason: own.Optional}
	}
}

// gone is a subject whose program is nowhere: its trace says so.
func (tr *trial) gone() *loader.Trace {
	return &loader.Trace{ExitStatus: -1, Errno: root.ENOENT, Faults: []loader.Fault{{
		Kind: loader.FaultNoFile, Stage: loader.StageExec, Fatal: true, Object: tr.place, Errno: root.ENOENT,
		Message: "execve: " + root.ENOENT.Error(), Detail: tr.subject.gone}}}
}

// denied are findings of what the unit itself forbids.
func (own *Own) denied(place string) []loader.Fault {
	if own == nil {
		return nil
	}
	var list []loader.Fault
	for _, why := range own.Denied {
		list = append(list, loader.Fault{Kind: loader.FaultNotExecutable, Stage: loader.StageExec, Fatal: true, Object: place, Errno: root.EACCES,
			Message: "execve: " + root.EACCES.Error(), Detail: why})
	}
	return list
}

// withEnv is an environment with K=V set, each name once.
func withEnv(env, set []string) []string {
	env = slices.Clone(env)
	for _, kv := range set {
		key, _, _ := strings.Cut(kv, "=")
		env = slices.DeleteFunc(env, func(old string) bool { return strings.HasPrefix(old, key+"=") })
		env = append(env, kv)
	}
	return env
}

func userText(c root.Cred) string { return fmt.Sprintf("%d:%d", c.UID, c.GID) }
