package root

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// parallel is how many layers are read at a time, as Docker does.
const parallel = 3

// puller brings the layers of one image, and makes their tree.
type puller struct {
	*allowance
	ctx context.Context
	opt ImageOptions

	mu          sync.Mutex
	closers     []io.Closer
	done, total int64
}

// part is a layer as it can be read in place.
type part struct {
	tar     *io.SectionReader
	reduced bool
	err     error
}

// tree reads the layers, each digest once, and lays them over each other.
func (p *puller) tree(layers []*layer) (_ *memStore, err error) {
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	parts, err := p.bring(layers)
	if err != nil {
		return nil, err
	}
	b := &builder{archive: &archive{ctx: p.ctx, allowance: p.allowance}, store: newMemStore(), layered: true}
	for i, l := range layers {
		at := parts[l.name]
		b.layer, b.reduced = i+1, at.reduced
		if err := b.entries(at.tar, at.tar); err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.name, err)
		}
	}
	if err := b.spool.finish(); err != nil {
		return nil, err
	}
	b.store.closers = append(p.closers, b.closers...)
	return b.store, nil
}

func (p *puller) close() {
	for _, c := range p.closers {
		c.Close()
	}
}

// bring has every layer where it can be read in place: first those that are
// cached, then the others, several at a time.
func (p *puller) bring(layers []*layer) (map[string]*part, error) {
	parts := map[string]*part{}
	var todo []*layer
	for _, l := range layers {
		if parts[l.name] != nil {
			continue
		}
		parts[l.name] = &part{}
		todo = append(todo, l)
	}
	ctx, cancel := context.WithCancelCause(p.ctx)
	defer cancel(nil)
	each(todo, func(l *layer) {
		at := parts[l.name]
		if at.tar = p.cached(ctx, l); at.tar != nil {
			at.reduced = true
		}
	})
	for _, l := range todo {
		if parts[l.name].tar == nil {
			p.total += l.Size
		}
	}
	each(todo, func(l *layer) {
		at := parts[l.name]
		if at.tar != nil || ctx.Err() != nil {
			return
		}
		if *at = p.fetch(ctx, l); at.err != nil {
			cancel(fmt.Errorf("layer %s: %w", l.name, at.err))
		}
	})
	if err := p.ctx.Err(); err != nil {
		return nil, err
	}
	return parts, context.Cause(ctx)
}

// each runs f for all layers, a few at a time.
func each(layers []*layer, f func(*layer)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for _, l := range layers {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f(l)
		})
	}
	wg.Wait()
}

// cached gives a layer of an earlier run that is still what it was. What is
// damaged is thrown away, and read anew.
func (p *puller) cached(ctx context.Context, l *layer) *io.SectionReader {
	if p.opt.Cache == nil {
		return nil
	}
	f := p.opt.Cache.Get(l.Digest)
	if f == nil {
		return nil
	}
	info, err := f.Stat()
	if err == nil {
		var tar *io.SectionReader
		if tar, err = openReduced(ctx, f, info.Size(), l); err == nil && p.opt.Local {
			err = p.verify(ctx, l)
		}
		if err == nil {
			p.owns(f)
			return tar
		}
	}
	f.Close()
	if errors.Is(err, errDamaged) {
		p.opt.Cache.Forget(l.Digest)
	}
	return nil
}

func (p *puller) owns(c io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closers = append(p.closers, c)
}

// verify reads a blob only to see that it is what it should be.
func (p *puller) verify(ctx context.Context, l *layer) error {
	blob, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer blob.Close()
	in, err := newChecked(ctxReader{ctx, blob}, l.Descriptor)
	if err != nil {
		return err
	}
	return in.rest()
}

// fetch reads a layer. A cache that can't take it (its disk is full) is done
// without.
func (p *puller) fetch(ctx context.Context, l *layer) part {
	if l.stored != nil {
		if at, ok := p.inPlace(ctx, l); ok {
			return at
		}
	}
	if p.opt.Cache != nil {
		if f, err := p.opt.Cache.New(); err == nil {
			tar, err := p.stream(ctx, l, f)
			if err == nil && p.opt.Cache.Keep(f, l.Digest) != nil {
				p.opt.Cache.Drop(f) // its file is still open, and ours
			}
			if err == nil {
				p.owns(f)
				return part{tar: tar, reduced: true}
			}
			p.opt.Cache.Drop(f)
			f.Close()
			if !isFull(err) {
				return part{err: err}
			}
		}
	}
	f, err := nameless()
	if err != nil {
		return part{err: err}
	}
	p.owns(f)
	tar, err := p.stream(ctx, l, f)
	return part{tar: tar, reduced: true, err: err}
}

// inPlace: a tar that is not compressed, in an archive that is not, is read
// where it lies.
func (p *puller) inPlace(ctx context.Context, l *layer) (part, bool) {
	var head [32]byte
	n, err := l.stored.ReadAt(head[:], 0)
	if err != nil && err != io.EOF || compression(head[:n]) != "" || l.Digest != "" && l.Digest != l.diffID {
		return part{}, false
	}
	if l.diffID == "" {
		return part{tar: l.stored}, true
	}
	d := Descriptor{Digest: l.diffID, Size: l.Size}
	return part{tar: l.stored, err: p.verify(ctx, &layer{Descriptor: d, open: l.open})}, true
}

func (p *puller) stream(ctx context.Context, l *layer, f *os.File) (*io.SectionReader, error) {
	blob, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	w := newReducer(ctx, p.allowance, f)
	return w.reduce(l, &counted{p: p, r: blob})
}

// counted tells of what was read.
type counted struct {
	p *puller
	r io.Reader
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if c.p.opt.Progress != nil && n > 0 {
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		c.p.done += int64(n)
		c.p.opt.Progress(min(c.p.done, c.p.total), c.p.total)
	}
	return n, err
}
