// Package mirror fetches the metadata of package repositories from the URLs of
// a user's mirrors, and makes indexes of it.
//
//	x, err := mirror.Fetch(ctx, "https://mirror.example/almalinux/9/BaseOS/x86_64/os/", mirror.Options{})
//
// It reads RPM repositories (repodata/repomd.xml, whose digests are verified)
// and Alpine's (APKINDEX.tar.gz, which carries none that is read). Nothing is
// kept but what it gives.
package mirror

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/willrun/willrun/pkgindex"
)

// Options of a fetch.
type Options struct {
	Client   *http.Client                   // nil: one with sane time limits
	Progress func(what string, bytes int64) // may be nil
}

// Limits of what a mirror may send.
const (
	maxRepomd = 4 << 20
	maxData   = 1 << 30 // Fedora's largest filelists.xml is some 60 MB
)

// idle is how long a mirror may say nothing.
const idle = 60 * time.Second

// Fetch makes an index of a repository: the URL of its folder, or of its
// repomd.xml or APKINDEX.tar.gz.
func Fetch(ctx context.Context, from string, o Options) (*pkgindex.Index, error) {
	x, err := fetch(ctx, from, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", withoutUser(from), err)
	}
	x.Sources = []string{withoutUser(from)}
	return x, nil
}

// withoutUser drops credentials: an index may be passed on.
func withoutUser(from string) string {
	u, err := url.Parse(from)
	if err != nil {
		return from
	}
	u.User = nil
	return u.String()
}

func fetch(ctx context.Context, from string, o Options) (*pkgindex.Index, error) {
	u, err := url.Parse(from)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("a URL with http or https is wanted; a file is read with willrun target import")
	}
	dir, err := os.MkdirTemp("", "willrun-mirror-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	m := &mirror{ctx: ctx, dir: dir, options: o, client: o.Client}
	if m.client == nil {
		m.client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: idle, TLSHandshakeTimeout: idle}}
	}
	if path.Base(u.Path) == "APKINDEX.tar.gz" {
		return m.apk(u)
	}
	u.Path = strings.TrimSuffix(u.Path, "repodata/repomd.xml")
	x, err := m.rpm(u)
	var missing *statusError
	if errors.As(err, &missing) && missing.code == http.StatusNotFound {
		if x, apkErr := m.apk(u.JoinPath("APKINDEX.tar.gz")); apkErr == nil {
			return x, nil
		}
	}
	return x, err
}

type mirror struct {
	ctx     context.Context
	dir     string
	options Options
	client  *http.Client
}

func (m *mirror) apk(u *url.URL) (*pkgindex.Index, error) {
	file := filepath.Join(m.dir, "APKINDEX.tar.gz")
	if err := m.get(u, file, maxData, nil); err != nil {
		return nil, err
	}
	return pkgindex.Open(m.ctx, file)
}

// repomd is what repomd.xml says of the other files.
type repomd struct {
	XMLName xml.Name `xml:"repomd"`
	Data    []data   `xml:"data"`
}

type data struct {
	Type     string `xml:"type,attr"`
	Checksum struct {
		Type string `xml:"type,attr"`
		Hex  string `xml:",chardata"`
	} `xml:"checksum"`
	Location struct {
		Href string `xml:"href,attr"`
	} `xml:"location"`
	Size int64 `xml:"size"`
}

// rpm fetches primary.xml, and filelists.xml where there is one: it tells
// where libraries lie.
func (m *mirror) rpm(base *url.URL) (*pkgindex.Index, error) {
	folder := filepath.Join(m.dir, "repodata")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	top := filepath.Join(folder, "repomd.xml")
	if err := m.get(base.JoinPath("repodata/repomd.xml"), top, maxRepomd, nil); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(top)
	if err != nil {
		return nil, err
	}
	var r repomd
	if err := xml.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("repodata/repomd.xml: %w", err)
	}
	found := false
	for _, d := range r.Data {
		if d.Type != "primary" && d.Type != "filelists" {
			continue
		}
		if err := m.data(base, folder, d); err != nil {
			return nil, err
		}
		found = found || d.Type == "primary"
	}
	if !found {
		return nil, errors.New("repodata/repomd.xml names no primary.xml")
	}
	return pkgindex.Open(m.ctx, m.dir)
}

func (m *mirror) data(base *url.URL, folder string, d data) error {
	name := path.Base(path.Clean("/" + d.Location.Href))
	if name == "/" || name == "." || name == "repomd.xml" {
		return fmt.Errorf("repodata/repomd.xml: %q is no place of %s", d.Location.Href, d.Type)
	}
	sum, err := newSum(d)
	if err != nil {
		return err
	}
	limit := int64(maxData)
	if d.Size > 0 && d.Size < limit {
		limit = d.Size
	}
	return m.get(base.JoinPath(d.Location.Href), filepath.Join(folder, name), limit, sum)
}

// sum verifies one file.
type sum struct {
	hash.Hash
	want string
}

func newSum(d data) (*sum, error) {
	hashes := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New, "sha384": sha512.New384, "sha224": sha256.New224, "sha1": sha1.New, "sha": sha1.New}
	made := hashes[d.Checksum.Type]
	if made == nil {
		return nil, fmt.Errorf("repodata/repomd.xml: %s has a checksum of type %q, which is not known", d.Type, d.Checksum.Type)
	}
	return &sum{made(), strings.ToLower(strings.TrimSpace(d.Checksum.Hex))}, nil
}

type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return e.text }

// get writes what a URL gives into a file; more than limit is refused.
func (m *mirror) get(u *url.URL, file string, limit int64, verify *sum) error {
	ctx, cancel := context.WithCancel(m.ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	// The files are compressed; a mirror that unpacks them breaks their digests.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "willrun")
	resp, err := m.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &statusError{resp.StatusCode, fmt.Sprintf("%s: the mirror says %s", u.Redacted(), resp.Status)}
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	quiet := time.AfterFunc(idle, cancel)
	defer quiet.Stop()
	body := &counted{r: resp.Body, tick: func(n int64) {
		quiet.Reset(idle)
		if m.options.Progress != nil {
			m.options.Progress(path.Base(u.Path), n)
		}
	}}
	out := io.Writer(f)
	if verify != nil {
		out = io.MultiWriter(f, verify)
	}
	n, err := io.Copy(out, io.LimitReader(body, limit+1))
	switch {
	case err != nil && m.ctx.Err() == nil && ctx.Err() != nil:
		return fmt.Errorf("%s: nothing came for %s", u.Redacted(), idle)
	case err != nil:
		return err
	case n > limit:
		return fmt.Errorf("%s: it is longer than the %d bytes that it is to have", u.Redacted(), limit)
	}
	if verify != nil {
		if have := hex.EncodeToString(verify.Sum(nil)); have != verify.want {
			return fmt.Errorf("%s: its digest is %s, and repomd.xml says %s", u.Redacted(), have, verify.want)
		}
	}
	return f.Close()
}

type counted struct {
	r    io.Reader
	n    int64
	tick func(int64)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if c.n += int64(n); n > 0 {
		c.tick(c.n)
	}
	return n, err
}
