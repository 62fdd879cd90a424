package root

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"syscall"
)

// LayerCache keeps layers between runs, by their digests, in files. It need
// not look into them: what is damaged is noticed when it is read.
type LayerCache interface {
	// Get opens the file of a layer; nil where there is none.
	Get(digest string) *os.File
	// New makes a file that nobody else sees.
	New() (*os.File, error)
	// Keep makes a file from New that of a layer. The file stays open.
	Keep(f *os.File, digest string) error
	// Drop removes a file from New.
	Drop(f *os.File)
	// Forget removes the file of a layer.
	Forget(digest string)
}

// layer is one layer of an image.
type layer struct {
	Descriptor                   // without a digest in what docker save wrote
	name       string            // of its file; its digest
	diffID     string            // digest of the tar inside; "" where it is not known
	stored     *io.SectionReader // its blob, where that can be read in place
	open       func(ctx context.Context) (io.ReadCloser, error)
}

// A reduced layer is a tar again, with all its names in their order and only
// the contents that are needed. So it is read by the code that reads any
// other, where it lies: nothing is unpacked a second time. A description
// follows it, the SHA-256 of all that, and how long the description is.
//
// The layer's own blob would be verified by its digest, and would be unpacked
// in every run, which takes seven times as long.
type reducedNote struct {
	Digest string `json:"digest"`
	DiffID string `json:"diff_id"`
	Size   int64  `json:"size"` // of the blob
	Tar    int64  `json:"tar"`  // of the tar before this note
}

const (
	reducedMagic = "willrun-layer-1\n"
	reducedTail  = sha256.Size + 4 + len(reducedMagic)
	maxNote      = 4096
	// keptSize is a PAX record for a file that is not kept whole: its size.
	keptSize = "WILLRUN.size"
)

// reducer writes a reduced layer.
type reducer struct {
	*allowance
	ctx context.Context
	out *os.File
	n   int64
	sum hash.Hash
}

func newReducer(ctx context.Context, a *allowance, out *os.File) *reducer {
	return &reducer{allowance: a, ctx: ctx, out: out, sum: sha256.New()}
}

// Write leaves holes for zeros, so that they take no room.
func (w *reducer) Write(p []byte) (int, error) {
	w.sum.Write(p)
	for done := 0; done < len(p); {
		b := p[done:min(len(p), done+len(zeros))]
		if !allZero(b) {
			if _, err := w.out.WriteAt(b, w.n); err != nil {
				return done, full(err)
			}
		}
		w.n += int64(len(b))
		done += len(b)
	}
	return len(p), nil
}

// reduce reads a layer's blob, verifies all of it, and writes what is kept.
func (w *reducer) reduce(l *layer, blob io.Reader) (*io.SectionReader, error) {
	in, err := l.checked(ctxReader{w.ctx, blob})
	if err != nil {
		return nil, err
	}
	diff, err := newDiff(l)
	if err != nil {
		return nil, err
	}
	if err := w.content(in, diff); err != nil {
		// A blob that is another than was stated is the better reason.
		var lie *BlobError
		var limit *LimitError
		if !errors.As(err, &limit) && w.ctx.Err() == nil && in.err == nil && errors.As(in.rest(), &lie) {
			return nil, lie
		}
		if in.err != nil && in.err != io.EOF {
			return nil, in.err
		}
		return nil, err
	}
	if err := in.rest(); err != nil {
		return nil, err
	}
	have := digestOf(diff)
	if l.diffID != "" && have != l.diffID {
		return nil, &BlobError{Blob: l.name, What: "unpacked content", Want: l.diffID, Have: have}
	}
	return w.finish(reducedNote{Digest: l.Digest, DiffID: have, Size: l.Size, Tar: w.n})
}

// checked verifies the blob; what docker save wrote has only a size.
func (l *layer) checked(r io.Reader) (*checked, error) {
	if l.Digest == "" {
		return &checked{r: r, d: l.Descriptor, hash: sha256.New()}, nil
	}
	return newChecked(r, l.Descriptor)
}

func newDiff(l *layer) (hash.Hash, error) {
	if l.diffID == "" {
		return sha256.New(), nil
	}
	return hasher(l.diffID)
}

// content copies the tar inside the blob, and hashes it to its very end.
func (w *reducer) content(in *checked, diff hash.Hash) error {
	plain, done, err := w.unpack(in, in.d.Size)
	if err != nil {
		return err
	}
	defer done()
	tee := io.TeeReader(plain, diff)
	from, to := tar.NewReader(tee), tar.NewWriter(w)
	for first := true; ; first = false {
		h, err := nextEntry(from, first)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.copy(to, from, h)
		}
		if err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, tee); err != nil {
		return err
	}
	return to.Close()
}

// nextEntry is the next header of a tar; the first one decides whether it is
// one at all.
func nextEntry(t *tar.Reader, first bool) (*tar.Header, error) {
	h, err := t.Next()
	switch {
	case errors.Is(err, tar.ErrInsecurePath): // there is no name that leads out
		return h, nil
	case err != nil && err != io.EOF && first && errors.Is(err, tar.ErrHeader):
		return nil, fmt.Errorf("it is no tar archive: %w", err)
	}
	return h, err
}

func (w *reducer) copy(to *tar.Writer, from *tar.Reader, h *tar.Header) error {
	if _, known := modeOf[h.Typeflag]; !known && h.Typeflag != tar.TypeLink {
		return nil
	}
	if len(h.Name) > maxPath+1 || len(h.Linkname) > maxPath {
		return nil // no kernel could hold it
	}
	if err := w.entry(h.Name, h.Linkname); err != nil {
		return err
	}
	out := &tar.Header{Typeflag: h.Typeflag, Name: h.Name, Linkname: h.Linkname, Mode: h.Mode & 0o7777, Uid: int(uint32(h.Uid)), Gid: int(uint32(h.Gid)), Format: tar.FormatPAX}
	if modeOf[h.Typeflag] != ModeReg {
		return to.WriteHeader(out)
	}
	out.Typeflag = tar.TypeReg
	head, kept, err := w.decide(from, h)
	if err != nil {
		return err
	}
	if out.Size = kept; kept < h.Size {
		out.PAXRecords = map[string]string{keptSize: strconv.FormatInt(h.Size, 10)}
	}
	if err := to.WriteHeader(out); err != nil {
		return err
	}
	if _, err := to.Write(head[:min(kept, int64(len(head)))]); err != nil {
		return err
	}
	_, err = io.CopyN(to, from, max(0, kept-int64(len(head))))
	return err
}

// decide reads the first bytes of a file and says how many are kept.
func (w *reducer) decide(from *tar.Reader, h *tar.Header) (head []byte, kept int64, err error) {
	if isSparse(h) && !w.hole(h.Size) {
		return nil, 0, nil
	}
	head = make([]byte, min(h.Size, 16))
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, 0, err
	}
	return head, keeps(cleanName(h.Name), h.Size, head), nil
}

// finish writes the note and the sum behind the tar.
func (w *reducer) finish(note reducedNote) (*io.SectionReader, error) {
	text, err := json.Marshal(note)
	if err != nil {
		return nil, err
	}
	w.Write(text)
	tail := binary.LittleEndian.AppendUint32(w.sum.Sum(nil), uint32(len(text)))
	_, err = w.out.WriteAt(append(tail, reducedMagic...), w.n)
	return io.NewSectionReader(w.out, 0, note.Tar), full(err)
}

// errDamaged is a reduced layer that is not what was written.
var errDamaged = errors.New("the kept layer is damaged")

// openReduced verifies the whole file of a reduced layer, and gives its tar.
func openReduced(ctx context.Context, f io.ReaderAt, size int64, l *layer) (*io.SectionReader, error) {
	tail := make([]byte, reducedTail)
	if size < int64(len(tail)) {
		return nil, errDamaged
	}
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(tail[sha256.Size:]))
	end := size - int64(len(tail))
	if string(tail[sha256.Size+4:]) != reducedMagic || length > maxNote || length > end {
		return nil, errDamaged
	}
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, onlyReader{ctxReader{ctx, io.NewSectionReader(f, 0, end)}}, make([]byte, 256<<10)); err != nil {
		return nil, err
	}
	text := make([]byte, length)
	if _, err := f.ReadAt(text, end-length); err != nil {
		return nil, err
	}
	var note reducedNote
	if err := json.Unmarshal(text, &note); err != nil || string(sum.Sum(nil)) != string(tail[:sha256.Size]) {
		return nil, errDamaged
	}
	if note.Digest != l.Digest || note.Size != l.Size || l.diffID != "" && note.DiffID != l.diffID || note.Tar != end-length {
		return nil, errDamaged
	}
	return io.NewSectionReader(f, 0, note.Tar), nil
}

// onlyReader hides what would make io.Copy choose a way of its own.
type onlyReader struct{ io.Reader }

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
