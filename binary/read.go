package binary

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// ReadFile reads everything about the file at path.
func ReadFile(path string) (*Facts, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return Read(f, info.Size())
}

// Read reads everything about a file of size bytes. It reads what it needs
// and never the whole of a large file. An error is one of reading, never of
// what was read.
func Read(r io.ReaderAt, size int64) (*Facts, error) {
	return read(r, size, true)
}

// ReadObject reads only what a loader needs: for libraries, of which a run
// reads many.
func ReadObject(r io.ReaderAt, size int64) (*Facts, error) {
	return read(r, size, false)
}

// headSize is what the kernel reads of a file before it decides
// (BINPRM_BUF_SIZE since Linux 5.1).
const headSize = 256

func read(r io.ReaderAt, size int64, whole bool) (*Facts, error) {
	src := &source{r: r, size: max(size, 0)}
	head, err := src.head(headSize)
	if err != nil {
		return nil, err
	}
	f := &Facts{Size: src.size}
	switch {
	case len(head) == 0:
		f.Format, f.Describe = FormatEmpty, "empty file"
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		f.Format = FormatELF
		e := readELF(src, f)
		if whole {
			e.readRest(src, f)
		}
		f.ELF = e.ELF
		f.Describe = e.describe()
		if whole {
			readGo(f, e.view)
			e.hardening(f)
		}
	case bytes.HasPrefix(head, []byte("#!")):
		f.Format = FormatScript
		readScript(head, src.size, f)
	case bytes.HasPrefix(head, []byte("MZ")):
		v := readPE(src, f)
		if f.PE == nil {
			f.Format, f.Describe = FormatOther, "DOS program"
		} else if whole {
			readGo(f, v)
		}
	case isMachO(head):
		v := readMachO(src, f)
		if f.MachO == nil {
			f.Format, f.Describe = FormatOther, "damaged macOS program"
		} else if whole {
			readGo(f, v)
		}
	default:
		f.Format, f.Describe = FormatOther, describe(head, src.size)
	}
	return f, src.err
}

// source is a file of which every read is checked against its size. The first
// error of the reader (not of a range that is outside) is kept.
type source struct {
	r    io.ReaderAt
	size int64
	err  error
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
	b = make([]byte, n)
	read, _ := s.ReadAt(b, int64(off))
	return b[:read], uint64(read) == n
}

func (s *source) head(n int64) ([]byte, error) {
	b, _ := s.bytes(0, uint64(min(n, s.size)))
	return b, s.err
}
