package judge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
)

// imageSubjects gives what an image starts: its entry point, and what that is
// seen to start in turn.
func (b *Bench) imageSubjects(ctx context.Context, name string, give func(Subject, error) error) error {
	t, err := b.Target(ctx, name)
	if err != nil {
		return give(Subject{File: name}, err)
	}
	starts, unknown := t.EntryPoint()
	if len(starts) == 0 {
		return give(Subject{File: name}, fmt.Errorf("%s: %s; name a file of it: %s#/path", name, unknown, name))
	}
	for i, start := range starts {
		s := Subject{File: name, tree: t.Root, home: t, place: start.Path, own: ownOf(t.Root, start)}
		if i > 0 {
			s.File = name + "#" + start.Path
		}
		if start.Path == "" {
			s.place, s.gone = "/"+strings.TrimLeft(start.Argv[0], "/"), fmt.Sprintf("%s starts %q, and nothing of that name is on PATH or there", start.Why, start.Argv[0])
		}
		if i == len(starts)-1 && unknown != "" {
			s.own.Unknown = append(s.own.Unknown, unknown)
		}
		if err := give(s, nil); err != nil {
			return err
		}
	}
	return nil
}

func ownOf(tree *root.Root, start target.Start) *Own {
	own := &Own{Env: slices.Clone(start.Env), Cwd: start.Dir}
	cred, err := tree.User(start.User)
	if err != nil {
		own.Unknown = append(own.Unknown, fmt.Sprintf("the image's user %s is not known to it (%v); --user says whose rights count", start.User, err))
	}
	own.User = cred
	return own
}
