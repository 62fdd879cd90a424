package root

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// Descriptor names a blob of an image by what it must be (OCI image
// specification, descriptor.md). The zero value is for an index that nothing
// names: that of a layout.
type Descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`
	Platform    Platform          `json:"platform"`
}

// attestation is a document about an image that BuildKit stores beside it.
func (d Descriptor) attestation() bool {
	return d.Annotations["vnd.docker.reference.type"] != "" || d.Platform.Architecture == "unknown"
}

// names that a layout gives an image: the specification's, which many fill
// with a tag alone, and containerd's, which is whole.
func (d Descriptor) names() (ref, full string) {
	return d.Annotations["org.opencontainers.image.ref.name"], d.Annotations["io.containerd.image.name"]
}

// AnySize is the size of a descriptor that states none.
const AnySize = -1

// BlobError is a blob that is not what its descriptor, or the image's
// configuration, says.
type BlobError struct {
	Blob       string // digest or name
	What       string // "size", "digest"
	Want, Have string
}

func (e *BlobError) Error() string {
	return fmt.Sprintf("%s: its %s is %s, and %s is stated", e.Blob, e.What, e.Have, e.Want)
}

// isDigest knows the algorithms that the specification registers. A digest
// becomes a file's name, so nothing else is one.
func isDigest(text string) bool {
	algorithm, value, _ := strings.Cut(text, ":")
	size := map[string]int{"sha256": sha256.Size, "sha512": sha512.Size}[algorithm]
	return size > 0 && len(value) == 2*size && strings.Trim(value, "0123456789abcdef") == ""
}

// hasher gives the hash of a digest's algorithm.
func hasher(digest string) (hash.Hash, error) {
	switch {
	case !isDigest(digest):
		return nil, fmt.Errorf("%.100q is no digest", digest)
	case strings.HasPrefix(digest, "sha512:"):
		return sha512.New(), nil
	}
	return sha256.New(), nil
}

func digestOf(h hash.Hash) string {
	name := "sha256:"
	if h.Size() == sha512.Size {
		name = "sha512:"
	}
	return name + hex.EncodeToString(h.Sum(nil))
}

// CheckBlob says whether data is what d describes.
func CheckBlob(d Descriptor, data []byte) error {
	c, err := newChecked(strings.NewReader(string(data)), d)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, c)
	return err
}

// checked reads a blob, and ends well only if it was what its descriptor
// says. Not a byte beyond the stated size comes out.
type checked struct {
	r    io.Reader
	d    Descriptor
	hash hash.Hash
	n    int64
	err  error // what ended it, io.EOF for a good end
}

func newChecked(r io.Reader, d Descriptor) (*checked, error) {
	h, err := hasher(d.Digest)
	return &checked{r: r, d: d, hash: h}, err
}

func (c *checked) Read(p []byte) (int, error) {
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	if c.d.Size >= 0 {
		// One byte more than is left, to notice what goes on.
		p = p[:min(int64(len(p)), c.d.Size-c.n+1)]
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.d.Size >= 0 && c.n > c.d.Size {
		n -= int(c.n - c.d.Size)
		err = c.lie("size", fmt.Sprint(c.d.Size), "more")
	}
	c.hash.Write(p[:n])
	if errors.Is(err, io.EOF) {
		err = c.end()
	}
	c.err = err
	return n, err
}

func (c *checked) end() error {
	if c.d.Size >= 0 && c.n < c.d.Size {
		return c.lie("size", fmt.Sprint(c.d.Size), fmt.Sprint(c.n))
	}
	if have := digestOf(c.hash); c.d.Digest != "" && have != c.d.Digest {
		return c.lie("digest", c.d.Digest, have)
	}
	return io.EOF
}

func (c *checked) lie(what, want, have string) error {
	return &BlobError{Blob: c.d.Digest, What: what, Want: want, Have: have}
}

// rest reads to the end, and says what was wrong with the whole.
func (c *checked) rest() error {
	_, err := io.Copy(io.Discard, c)
	return err
}
