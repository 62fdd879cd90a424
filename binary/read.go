package binary

import (
	"bytes"
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
	return read(r, size, everything)
}

// ReadProgram is Read for a start that is simulated at once: of a program's
// own symbols those are decoded that a Lookup asks for. Such Facts do not
// serialise.
func ReadProgram(r io.ReaderAt, size int64) (*Facts, error) {
	return read(r, size, forJudge)
}

// ReadObject reads only what a loader needs: for libraries, of which a run
// reads many.
func ReadObject(r io.ReaderAt, size int64) (*Facts, error) {
	return read(r, size, forLoader)
}

// ReadLinked is ReadObject without Exports: symbols are decoded when a Lookup
// asks for them, for programs use few of those that their libraries have. Such
// Facts do not serialise.
func ReadLinked(r io.ReaderAt, size int64) (*Facts, error) {
	return read(r, size, forLookups)
}

// ReadKind reads only what tells the file's format and kind: for many files
// of which few are wanted.
func ReadKind(r io.ReaderAt, size int64) (*Facts, error) {
	return read(r, size, kindOnly)
}

// depth is how much is read.
type depth int

const (
	kindOnly depth = iota
	forLookups
	forLoader
	forJudge // everything, but of a program Exports as with forLookups
	everything
)

// headSize is what the kernel reads of a file before it decides
// (BINPRM_BUF_SIZE since Linux 5.1).
const headSize = 256

func read(r io.ReaderAt, size int64, d depth) (*Facts, error) {
	whole := d >= forJudge
	src := &source{r: r, size: max(size, 0)}
	defer src.release()
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
		e := readELF(src, f, d)
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
