package root

import (
	"errors"
	"io"
)

// window reads a file with jumps, in few and larger reads: the headers of a
// tar are small, and many lie close together.
type window struct {
	file *io.SectionReader
	at   int64 // where the next byte comes from
	buf  []byte
	from int64 // of buf in the file
}

const windowSize = 64 << 10

func (w *window) Read(p []byte) (int, error) {
	if w.at < w.from || w.at >= w.from+int64(len(w.buf)) {
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.buf[w.at-w.from:])
	w.at += int64(n)
	return n, nil
}

func (w *window) fill() error {
	if w.buf == nil {
		w.buf = make([]byte, 0, windowSize)
	}
	n, err := w.file.ReadAt(w.buf[:windowSize], w.at)
	w.buf, w.from = w.buf[:n], w.at
	switch {
	case n > 0:
		return nil // an error comes again
	case err == nil:
		return io.ErrNoProgress
	}
	return err
}

func (w *window) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += w.at
	case io.SeekEnd:
		offset += w.file.Size()
	}
	if offset < 0 {
		return 0, errors.New("a position before the beginning")
	}
	w.at = offset
	return offset, nil
}
