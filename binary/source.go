package binary

import (
	"errors"
	"io"
	"sync"
)

// source is a file of which every read is checked against its size. The first
// error of the reader (not of a range that is outside) is kept.
//
// What a loader asks of a file lies close together, most of it at the
// beginning: reads are answered from windows, so that a program takes two or
// three system calls. Bytes that a source gave are valid until its release,
// and nobody may write to them: Facts keep copies.
type source struct {
	r       io.ReaderAt
	size    int64
	err     error
	windows []window
	held    uint64 // bytes of all windows
}

// window is a part of the file in memory.
type window struct {
	off   uint64
	buf   []byte
	class int // which pool buf is of
}

const (
	windowSize  = 64 << 10 // of the smallest; each class has twice the size
	windowAlign = 4 << 10  // what stands a little before is often asked for, too
	classes     = 9
	maxHeld     = 64 << 20
)

// windowPools keep buffers from one file to the next.
var windowPools [classes]sync.Pool

func windowClass(n uint64) int {
	class := 0
	for size := uint64(windowSize); size < n; size *= 2 {
		class++
	}
	return class
}

// release gives the windows back.
func (s *source) release() {
	for i := range s.windows {
		buf := s.windows[i].buf[:0]
		windowPools[s.windows[i].class].Put(&buf)
	}
	s.windows = nil
}

// ReadAt makes a source an io.ReaderAt for readers of other packages.
func (s *source) ReadAt(b []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) && s.err == nil {
		s.err = err
	}
	return n, err
}

// bytes reads n bytes at off; ok is false where they are not all there.
func (s *source) bytes(off, n uint64) (b []byte, ok bool) {
	size := uint64(s.size)
	if off > size || n > size-off {
		return nil, false
	}
	for _, w := range s.windows {
		if off >= w.off && n <= uint64(len(w.buf)) && off-w.off <= uint64(len(w.buf))-n {
			at := off - w.off
			return w.buf[at : at+n : at+n], true
		}
	}
	start := off &^ (windowAlign - 1)
	if size > windowSize && off >= size-windowSize {
		start = size - windowSize // the last one whole
	}
	class := windowClass(off - start + n)
	if class >= classes || s.held+windowSize<<class > maxHeld {
		b = make([]byte, n)
		read, _ := s.ReadAt(b, int64(off))
		return b[:read], uint64(read) == n
	}
	w := s.window(start, max(windowSize, off-start+n), class)
	at := min(off-w.off, uint64(len(w.buf)))
	end := min(at+n, uint64(len(w.buf)))
	return w.buf[at:end:end], end-at == n
}

// window reads n bytes, or what there is of them, into a buffer of a class.
func (s *source) window(off, n uint64, class int) window {
	w := window{off: off, class: class}
	if p, ok := windowPools[class].Get().(*[]byte); ok {
		w.buf = *p
	} else {
		w.buf = make([]byte, 0, windowSize<<class)
	}
	read, _ := s.ReadAt(w.buf[:min(n, uint64(s.size)-off)], int64(off))
	w.buf = w.buf[:read]
	s.windows = append(s.windows, w)
	s.held += windowSize << class
	return w
}

func (s *source) head(n int64) ([]byte, error) {
	b, _ := s.bytes(0, uint64(min(n, s.size)))
	return b, s.err
}
