package judge

import (
	"context"
	"fmt"

	"github.com/willrun/willrun/services"
)

// ServiceSubjects gives the programs that the systemd units of a target start
// (all: also those of units that nothing starts). What could not be read is
// given with its error.
func (b *Bench) ServiceSubjects(ctx context.Context, name string, all bool, give func(Subject, error) error) error {
	t, err := b.Target(ctx, name)
	if err != nil {
		return give(Subject{File: name}, err)
	}
	found, problems := services.Find(ctx, t.Root)
	for _, p := range problems {
		// What systemd itself refuses or passes over starts nothing.
		if p.Kind != services.Unread {
			continue
		}
		if err := give(Subject{File: p.File}, fmt.Errorf("%s: %s", p.File, p.Text)); err != nil {
			return err
		}
	}
	for i := range found {
		service := &found[i]
		if !service.Enabled && !all {
			continue
		}
		s := Subject{File: name + "#" + service.Root + service.Program, tree: t.Root, home: t, place: service.Root + service.Program,
			own: &Own{Env: service.Env, User: service.Cred, Cwd: service.Cwd, Unknown: service.Unknown, Denied: service.Denied, Hidden: service.Hidden, Unit: service.Unit}}
		if service.IgnoreFailure {
			s.own.Optional = "its line begins with a dash: that it does not start is no failure of " + service.Unit
		}
		if service.Program == "" && len(service.Unknown) > 0 {
			s.own.Unknown = service.Unknown
		}
		if service.Program == "" {
			s.File, s.gone = name+"#"+service.File, "it starts "+service.Line+", of which no program can be told"
		}
		if service.Root != "" {
			s.own.Unknown = append(s.own.Unknown, fmt.Sprintf("%s starts in a root of its own, %s; willrun check --on dir:%s judges it there", service.Unit, service.Root, service.Root))
		}
		if err := give(s, nil); err != nil {
			return err
		}
	}
	return ctx.Err()
}
