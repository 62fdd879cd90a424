package ociimage

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"": defaultSize, "0": 0, "100": 100, "1K": 1024, "3 m": defaultSize, "3m": 3 << 20, "2GB": 2 << 30, "1T": 1 << 40, "-1": defaultSize, "x": defaultSize,
		"99999999999T": defaultSize, "9223372036854775807": defaultSize, "1.5G": defaultSize, "B": defaultSize} {
		if got := parseSize(text); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

// silent is a body that gives one byte and then nothing until it is closed.
type silent struct {
	ctx  context.Context
	sent bool
}

func (s *silent) Read(p []byte) (int, error) {
	if !s.sent {
		s.sent = true
		return copy(p, "x"), nil
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (s *silent) Close() error { return nil }

// TestStall: a body from which nothing comes is given up, and so is one that
// does not even begin.
func TestStall(t *testing.T) {
	opened := 0
	s := &stream{ctx: context.Background(), size: 5, stall: 20 * time.Millisecond, open: func(ctx context.Context) (io.ReadCloser, error) {
		opened++
		return &silent{ctx: ctx}, nil
	}}
	if err := s.reopen(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err := io.ReadAll(s)
	if !errors.Is(err, errStalled) || !strings.Contains(err.Error(), "after 1 of 5 bytes") || opened != resumes+1 {
		t.Errorf("%v, opened %d times", err, opened)
	}
	never := &stream{ctx: context.Background(), size: 5, stall: 20 * time.Millisecond, open: func(ctx context.Context) (io.ReadCloser, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	if err := never.reopen(); !errors.Is(err, errStalled) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s = &stream{ctx: ctx, size: 5, open: func(ctx context.Context) (io.ReadCloser, error) { return nil, ctx.Err() }}
	if err := s.reopen(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestResume: what came before the break is not given twice.
func TestResume(t *testing.T) {
	const text = "0123456789"
	n := 0
	s := &stream{ctx: context.Background(), size: 10, open: func(context.Context) (io.ReadCloser, error) {
		n += 4
		return io.NopCloser(strings.NewReader(text[:min(n, 10)])), nil
	}}
	if err := s.reopen(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if b, err := io.ReadAll(s); string(b) != text || err != nil {
		t.Errorf("%q %v", b, err)
	}
}
