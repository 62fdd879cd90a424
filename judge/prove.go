package judge

import (
	"context"
	"path/filepath"
	"time"

	"github.com/willrun/willrun/prove"
	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
)

// Prove asks reality what a subject does on a target: its start on this
// machine, in namespaces of its own. It is judged once more for that, under
// this machine's CPU and kernel. start goes on to the program's entry point.
func (b *Bench) Prove(ctx context.Context, s Subject, t *target.Target, c Circumstances, start bool, limit time.Duration) (prove.Proof, error) {
	dir, ok := t.Root.HostDir()
	switch {
	case t.Host != nil:
		dir = "/"
	case !ok:
		return prove.Cannot("the target is no directory of this machine, so that nothing can be started in it"), nil
	}
	host, err := b.Target(ctx, "host")
	if err != nil {
		return prove.Proof{}, err
	}
	if c.CPU != "" && c.CPU != host.Host.CPU {
		return prove.Cannot("the verdict is for a CPU of level " + c.CPU + ", and this machine has another"), nil
	}
	here := c
	here.CPU, here.Kernel = host.Host.CPU, &host.Host.Kernel
	r, tr, err := b.try(ctx, s, t, here, AsItIs)
	if err != nil {
		return prove.Proof{}, err
	}
	q := prove.Question{Root: dir, Place: tr.place, Env: tr.options.Env, Cwd: tr.options.Cwd, UID: tr.options.User.UID, GID: tr.options.User.GID,
		Groups: tr.options.User.Groups, Machine: tr.options.Machine, Start: start, Limit: limit}
	if c.Kernel != nil {
		q.Kernel = *c.Kernel
	}
	if why := tr.question(&q, c); why != "" {
		return prove.Cannot(why), nil
	}
	if r.Trace != nil {
		q.Then = prove.Then(r.Trace)
		if tr.options.AsDlopen && r.Trace.Libc != nil {
			q.Loader = r.Trace.Libc.Interp
		}
	}
	answer, err := prove.Ask(ctx, q)
	if err != nil {
		return prove.Proof{}, err
	}
	return prove.Compare(prove.Foretold{Verdict: r.Verdict, Trace: r.Trace}, answer), nil
}

// question says where the subject's file comes from; why tells that it can't
// be laid there.
func (tr *trial) question(q *prove.Question, c Circumstances) (why string) {
	for _, l := range c.With {
		q.Layers = append(q.Layers, prove.Layer{Dir: l.Dir, Place: l.Place})
	}
	s := tr.subject
	switch {
	case s.loop, s.gone != "":
		return "there is no program to start"
	case s.payload != nil:
		return "a package's programs lie in no directory of this machine; unpack it, and check it with --with"
	case tr.inPlace:
		return ""
	case s.tree == nil:
		q.Program = s.host
		return ""
	}
	dir, ok := s.tree.HostDir()
	info, err := s.tree.Stat(s.place, root.Superuser)
	if !ok || err != nil {
		return "the program lies in no directory of this machine"
	}
	q.Program = filepath.Join(dir, info.Path)
	return ""
}
