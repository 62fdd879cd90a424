package root

import (
	"io"
	"sync"

	"github.com/willrun/willrun/binary"
)

// objectCache keeps what was read, by the file's identity: libraries and
// loaders are read once a run, whatever number of programs need them.
type objectCache struct {
	facts    once[*binary.Facts]
	linked   once[*binary.Facts] // without exports; see Linked
	libcs    once[Libc]          // what a loader's own bytes tell
	versions once[string]        // of a libc.so.6, by its banner
}

// once computes a value a file; simultaneous askers wait for the first.
type once[T any] struct{ m sync.Map } // FileID → func() (T, error)

func (o *once[T]) get(id FileID, compute func() (T, error)) (T, error) {
	f, _ := o.m.LoadOrStore(id, sync.OnceValues(compute))
	return f.(func() (T, error))()
}

// have gives a value that was asked for, or put.
func (o *once[T]) have(id FileID) (value T, ok bool, err error) {
	f, ok := o.m.Load(id)
	if ok {
		value, err = f.(func() (T, error))()
	}
	return value, ok, err
}

// put keeps a value that nobody needs to compute.
func (o *once[T]) put(id FileID, value T) {
	o.m.Store(id, func() (T, error) { return value, nil })
}

// Object reads the facts that a loader needs of a file that Stat gave.
func (r *Root) Object(info Info) (*Object, error) {
	if f := r.described(info); f != nil {
		return &Object{Info: info, Facts: f}, nil
	}
	facts, err := r.objects.facts.get(info.ID, func() (*binary.Facts, error) { return r.read(info, binary.ReadObject) })
	return &Object{Info: info, Facts: facts}, err
}

// Linked is Object for lookups of symbols alone: it reads less, and the facts
// list no exports (binary.ReadLinked).
func (r *Root) Linked(info Info) (*Object, error) {
	if f := r.described(info); f != nil {
		return &Object{Info: info, Facts: f}, nil
	}
	facts, ok, err := r.objects.facts.have(info.ID)
	if !ok {
		facts, err = r.objects.linked.get(info.ID, func() (*binary.Facts, error) { return r.read(info, binary.ReadLinked) })
	}
	return &Object{Info: info, Facts: facts}, err
}

// described gives the facts of a file that was told of, and has no bytes here.
func (r *Root) described(info Info) *binary.Facts {
	if o, ok := r.store.(interface{ facts(string) *binary.Facts }); ok {
		return o.facts(info.Path)
	}
	return nil
}

// Program reads everything about a file that Stat gave. Of a file without
// bytes it is what is known.
func (r *Root) Program(info Info) (*Object, error) {
	if f := r.described(info); f != nil {
		return &Object{Info: info, Facts: f}, nil
	}
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
