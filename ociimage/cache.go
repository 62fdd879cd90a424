package ociimage

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/willrun/willrun/root"
)

const (
	defaultSize = 2 << 30
	// layersDir has the number of the rule by which layers are reduced: what
	// an older willrun kept is not what this one needs.
	layersDir = "layers"
	suffix    = ".v1"
	tempAge   = 24 * time.Hour
	maxSmall  = 4 << 20 // bytes of a manifest or configuration that is kept
)

// cache is a folder with reduced layers, and with manifests and configurations
// as they came. A file appears whole under its name or not at all; every one
// is verified when it is read. nil is no cache.
//
// Several processes share it without a lock: files are only renamed into it
// and removed, and one that is open stays readable.
type cache struct {
	dir string
	max int64
}

// openCache gives nil where nothing can be kept, or where others could change
// what is: that is never an error.
func openCache(opt Options) *cache {
	dir := opt.CacheDir
	if dir == "" {
		dir = filepath.Join(cacheHome(opt), "willrun")
	}
	size := parseSize(opt.env("WILLRUN_CACHE_SIZE"))
	if opt.CacheDir == "off" || !filepath.IsAbs(dir) && opt.CacheDir == "" || size <= 0 {
		return nil
	}
	dir = filepath.Join(dir, layersDir)
	if os.MkdirAll(dir, 0o700) != nil {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) != os.Geteuid() || info.Mode()&0o022 != 0 {
		return nil
	}
	return &cache{dir: dir, max: size}
}

func cacheHome(opt Options) string {
	if dir := opt.env("XDG_CACHE_HOME"); filepath.IsAbs(dir) { // a relative one is to be ignored, says the specification
		return dir
	}
	if home := opt.env("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".cache")
	}
	return ""
}

// parseSize reads bytes, or a number with K, M, G or T; 0 switches the cache
// off, what can't be read is the default.
func parseSize(text string) int64 {
	text = strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(text)), "B")
	shift := 0
	if i := strings.IndexByte("KMGT", last(text)); i >= 0 {
		shift, text = 10*(i+1), text[:len(text)-1]
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<62>>shift {
		return defaultSize
	}
	return n << shift
}

func last(text string) byte {
	if text == "" {
		return 0
	}
	return text[len(text)-1]
}

// file is where the content of a digest is kept.
func (c *cache) file(digest, kind string) string {
	return filepath.Join(c.dir, strings.Replace(digest, ":", "-", 1)+kind)
}

const (
	layerKind = ".layer" + suffix
	smallKind = ".json"
)

// Get opens the file of a layer. It is marked as used: the oldest go first.
func (c *cache) Get(digest string) *os.File { return c.get(c.file(digest, layerKind)) }

func (c *cache) get(name string) *os.File {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil
	}
	now := time.Now()
	os.Chtimes(name, now, now) // where that is denied, it only goes earlier
	return f
}

// New makes a file that trim removes when it is left behind.
func (c *cache) New() (*os.File, error) { return os.CreateTemp(c.dir, "part-") }

// Keep gives a finished file its name. A layer larger than the whole cache
// stays nameless.
func (c *cache) Keep(f *os.File, digest string) error { return c.keep(f, c.file(digest, layerKind)) }

var errTooLarge = errors.New("larger than the cache")

func (c *cache) keep(f *os.File, name string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if room(info) > c.max {
		return errTooLarge
	}
	return os.Rename(f.Name(), name)
}

// Drop removes an unfinished file.
func (c *cache) Drop(f *os.File) { os.Remove(f.Name()) }

// Forget removes the file of a layer.
func (c *cache) Forget(digest string) { os.Remove(c.file(digest, layerKind)) }

// small is a manifest or configuration that was kept, if it still is what d
// says.
func (c *cache) small(d root.Descriptor) []byte {
	if c == nil {
		return nil
	}
	name := c.file(d.Digest, smallKind)
	f := c.get(name)
	if f == nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err != nil {
		return nil
	}
	if root.CheckBlob(root.Descriptor{Digest: d.Digest, Size: root.AnySize}, data) != nil {
		os.Remove(name)
		return nil
	}
	return data
}

// keepSmall keeps a manifest or configuration that is what d says.
func (c *cache) keepSmall(d root.Descriptor, data []byte) {
	if c == nil || len(data) > maxSmall || root.CheckBlob(d, data) != nil {
		return
	}
	f, err := c.New()
	if err != nil {
		return
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil || c.keep(f, c.file(d.Digest, smallKind)) != nil {
		c.Drop(f)
	}
}

// entry is one file of the cache.
type entry struct {
	name string
	size int64
	used time.Time
}

// trim removes what was used longest ago until the rest fits, and what a
// killed process left behind.
func (c *cache) trim() {
	if c == nil {
		return
	}
	entries, total := c.entries()
	slices.SortFunc(entries, func(a, b entry) int { return a.used.Compare(b.used) })
	for _, e := range entries {
		if total <= c.max {
			return
		}
		if err := os.Remove(e.name); err == nil || errors.Is(err, fs.ErrNotExist) {
			total -= e.size
		}
	}
}

func (c *cache) entries() (entries []entry, total int64) {
	files, _ := os.ReadDir(c.dir)
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		name := filepath.Join(c.dir, f.Name())
		if strings.HasPrefix(f.Name(), "part-") {
			if time.Since(info.ModTime()) > tempAge {
				os.Remove(name)
			}
			continue
		}
		entries = append(entries, entry{name, room(info), info.ModTime()})
		total += room(info)
	}
	return entries, total
}

// room is what a file takes on the disk: layers may have holes.
func room(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return info.Size()
}

// isConfig: such blobs are small, and kept as they are.
func isConfig(mediaType string) bool {
	return strings.Contains(mediaType, "image.config.") || strings.Contains(mediaType, "container.image.v1+json")
}
