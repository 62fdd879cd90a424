package root

import (
	"io"
	"sync"

	"github.com/willrun/willrun/binary"
)

// objectCache keeps what was parsed, by the file's identity: libraries are
// read once a run, whatever number of programs need them.
type objectCache struct{ m sync.Map } // FileID → *parsed

type parsed struct {
	once  sync.Once
	facts *binary.Facts
	err   error
}

// Object reads the facts that a loader needs of a file that Stat gave.
func (r *Root) Object(info Info) (*Object, error) {
	if o, ok := r.store.(interface{ facts(string) *binary.Facts }); ok {
		if f := o.facts(info.Path); f != nil {
			return &Object{Info: info, Facts: f}, nil
		}
	}
	entry, _ := r.objects.m.LoadOrStore(info.ID, &parsed{})
	p := entry.(*parsed)
	p.once.Do(func() { p.facts, p.err = r.read(info, binary.ReadObject) })
	return &Object{Info: info, Facts: p.facts}, p.err
}

// Program reads everything about a file that Stat gave.
func (r *Root) Program(info Info) (*Object, error) {
	facts, err := r.read(info, binary.Read)
	return &Object{Info: info, Facts: facts}, err
}

func (r *Root) read(info Info, how func(r io.ReaderAt, size int64) (*binary.Facts, error)) (*binary.Facts, error) {
	f, err := r.Open(info)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	facts, err := how(f, f.Size())
	if err != nil {
		return nil, &HostError{Path: info.Path, Err: err}
	}
	return facts, nil
}
