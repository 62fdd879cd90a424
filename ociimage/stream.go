package ociimage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Of a body that is read.
const (
	stallTime = 60 * time.Second // without a byte
	resumes   = 3
)

// stream reads a blob that may break off: it is opened again, what was read is
// passed over, and reading goes on. What comes out is verified by its digest,
// so that another blob's bytes do no harm.
type stream struct {
	ctx   context.Context
	size  int64
	open  func(context.Context) (io.ReadCloser, error)
	stall time.Duration // stallTime; shorter in tests

	body   io.ReadCloser
	cancel context.CancelFunc
	watch  *time.Timer
	n      int64
	broken int
}

var errStalled = errors.New("nothing came for a minute")

func (s *stream) reopen() error {
	s.Close()
	ctx, cancel := context.WithCancelCause(s.ctx)
	if s.stall == 0 {
		s.stall = stallTime
	}
	watch := time.AfterFunc(s.stall, func() { cancel(errStalled) })
	body, err := s.open(ctx)
	if err != nil {
		watch.Stop()
		err = causeOf(ctx, err)
		cancel(nil)
		return err
	}
	s.body, s.watch, s.cancel = &causedBody{ctx, body}, watch, func() { cancel(nil) }
	for left := s.n; left > 0; {
		n, err := io.CopyN(io.Discard, s.body, min(left, 1<<20))
		if left -= n; err != nil {
			return err
		}
		s.watch.Reset(s.stall)
	}
	return nil
}

// causedBody gives the reason of a body that we gave up ourselves.
type causedBody struct {
	ctx context.Context
	io.ReadCloser
}

func (c *causedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = causeOf(c.ctx, err)
	}
	return n, err
}

func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (s *stream) Read(p []byte) (int, error) {
	for {
		n, err := s.body.Read(p)
		s.n += int64(n)
		if n > 0 {
			s.watch.Reset(s.stall)
			if err == io.EOF {
				return n, err
			}
			return n, nil // an error comes again
		}
		if err == nil {
			return 0, nil
		}
		if s.n >= s.size { // whatever the library thinks of it: it is verified where it is read
			return 0, io.EOF
		}
		if err = s.resume(err); err != nil {
			return 0, err
		}
	}
}

// resume opens a broken body again, a few times.
func (s *stream) resume(err error) error {
	for {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if s.broken++; s.broken > resumes || permanent(err) {
			return fmt.Errorf("after %d of %d bytes: %w", s.n, s.size, err)
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(time.Duration(s.broken) * 300 * time.Millisecond):
		}
		if err = s.reopen(); err == nil {
			return nil
		}
	}
}

// permanent errors stay: the registry has answered.
func permanent(err error) bool {
	var t *transport.Error
	return errors.As(err, &t) && t.StatusCode/100 == 4 && t.StatusCode != http.StatusTooManyRequests && t.StatusCode != http.StatusRequestTimeout
}

func (s *stream) Close() error {
	if s.body == nil {
		return nil
	}
	s.watch.Stop()
	s.cancel()
	err := s.body.Close()
	s.body = nil
	return err
}
