package cli

import (
	"context"
	"runtime"
	"sync"
)

// ordered is a running pipeline: out gives what the jobs return, in the order
// in which they were produced.
type ordered struct {
	out  chan outcome
	done chan error
}

// err is the producer's error, once out is closed.
func (o *ordered) err() error { return <-o.done }

// pipeline runs the jobs that produce yields on all cores. At most a few per
// core are under way or waiting to be taken, so that a walk over a large tree
// stays small in memory. yield is false once ctx is done.
func pipeline(ctx context.Context, produce func(yield func(func() outcome) bool) error) *ordered {
	workers := runtime.GOMAXPROCS(0)
	o := &ordered{out: make(chan outcome), done: make(chan error, 1)}
	type job struct {
		run    func() outcome
		result chan outcome
	}
	jobs := make(chan job)
	queue := make(chan chan outcome, 8*workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for j := range jobs {
				j.result <- j.run()
			}
		})
	}
	go func() {
		err := produce(func(run func() outcome) bool {
			j := job{run, make(chan outcome, 1)}
			select {
			case queue <- j.result:
			case <-ctx.Done():
				return false
			}
			select {
			case jobs <- j:
				return true
			case <-ctx.Done():
				close(j.result)
				return false
			}
		})
		close(jobs)
		close(queue)
		if err == nil {
			err = ctx.Err()
		}
		o.done <- err
	}()
	go func() {
		defer close(o.out)
		for result := range queue {
			r, ok := <-result
			if !ok {
				continue
			}
			select {
			case o.out <- r:
			case <-ctx.Done():
				return
			}
		}
	}()
	return o
}
