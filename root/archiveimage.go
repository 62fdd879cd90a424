package root

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// image looks whether what was read is an image's archive, and if so gives
// the tree that its layers make; else the tree as it is.
func (b *builder) image(wish Platform) (*memStore, *Image, error) {
	_, noDocker := b.file("/manifest.json")
	_, noOCI := b.file("/oci-layout")
	c := &chooser{ctx: b.ctx, src: archiveBlobs{b}, wish: wish}
	var image *Image
	var layers []*layer
	var err error
	switch {
	// Docker since version 25 writes both: the layout has the digests.
	case noOCI == nil && (noDocker != nil || b.holdsImages(c)):
		image, layers, err = b.layoutImage(c)
	case noDocker == nil && (noOCI == nil || !b.system()):
		image, layers, err = b.dockerImage(c)
	default:
		return b.store, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	p := &puller{allowance: b.allowance, ctx: b.ctx}
	store, err := p.tree(layers)
	if err != nil {
		return nil, nil, err
	}
	b.closers = append(b.closers, store.closers...)
	return store, image, nil
}

// system tells a root file system that happens to hold a manifest.json.
func (b *builder) system() bool {
	for _, dir := range []string{"usr", "etc", "bin", "lib", "proc"} {
		if b.store.top.children[dir] != nil {
			return true
		}
	}
	return false
}

// file is a regular file of the archive itself. Older docker save writes a
// layer that two images share as a link.
func (b *builder) file(name string) (*io.SectionReader, error) {
	info, err := newRoot("", b.store).Stat(cleanName(name), Superuser)
	if err != nil {
		return nil, err
	}
	if !info.Regular() {
		return nil, errors.New("no regular file")
	}
	n, err := b.store.node(info.Path)
	if err != nil {
		return nil, err
	}
	return n.reader().SectionReader, nil
}

// bytes are those of a small file.
func (b *builder) bytes(name string) ([]byte, error) {
	f, err := b.file(name)
	if err != nil {
		return nil, err
	}
	if f.Size() > maxManifest {
		return nil, &LimitError{"bytes in " + name, maxManifest}
	}
	return io.ReadAll(f)
}

// archiveBlobs are those of an OCI layout inside an archive.
type archiveBlobs struct{ b *builder }

func (a archiveBlobs) Manifest(_ context.Context, d Descriptor) ([]byte, error) {
	return a.b.bytes(blobName(d))
}

func (a archiveBlobs) Blob(_ context.Context, d Descriptor) (io.ReadCloser, error) {
	f, err := a.b.file(blobName(d))
	return io.NopCloser(f), err
}

func (a archiveBlobs) Holds(d Descriptor) bool {
	_, err := a.b.file(blobName(d))
	return err == nil
}

func (a archiveBlobs) section(d Descriptor) *io.SectionReader {
	f, err := a.b.file(blobName(d))
	if err != nil {
		return nil
	}
	return f
}

// blobName is for digests whose form was looked at.
func blobName(d Descriptor) string { return "/blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

// layoutIndex is the index.json of a layout (image-layout.md).
func (b *builder) layoutIndex() ([]byte, error) {
	data, err := b.bytes("/index.json")
	if err != nil {
		err = fmt.Errorf("index.json: %w", err)
	}
	return data, err
}

func (b *builder) holdsImages(c *chooser) bool {
	data, err := b.layoutIndex()
	if err != nil {
		return false
	}
	m, err := parseManifest(data)
	if err != nil {
		return false
	}
	for _, d := range m.Manifests {
		if isDigest(d.Digest) && c.src.Holds(d) {
			return true
		}
	}
	return false
}

func (b *builder) layoutImage(c *chooser) (*Image, []*layer, error) {
	data, err := b.layoutIndex()
	if err != nil {
		return nil, nil, err
	}
	return c.image(data, Descriptor{})
}

// saved is one image of docker save's manifest.json: names of its files.
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string // lowest first
}

func (b *builder) dockerImage(c *chooser) (*Image, []*layer, error) {
	var all []saved
	data, err := b.bytes("/manifest.json")
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("manifest.json: %w", err)
	}
	s, err := b.savedOne(c, all)
	if err != nil {
		return nil, nil, err
	}
	image, diffs, err := b.savedConfig(s.Config)
	if err != nil {
		return nil, nil, err
	}
	if err := image.suits(c.wish); err != nil {
		return nil, nil, err
	}
	if names := platformNames(c.platforms()); len(names) > 1 {
		image.Platforms = names
	}
	layers, err := b.savedLayers(s, diffs)
	return image, layers, err
}

// savedOne is the one that is meant: the only one, or one of several platforms
// under one name.
func (b *builder) savedOne(c *chooser, all []saved) (*saved, error) {
	switch {
	case len(all) == 0:
		return nil, errors.New("its manifest.json names no image")
	case len(all) == 1:
		return &all[0], nil
	case len(all) > maxAsked:
		return nil, &LimitError{"images", maxAsked}
	}
	for _, s := range all {
		c.found = append(c.found, candidate{ref: strings.Join(s.RepoTags, ", ")})
	}
	if refs := c.refs(); len(refs) > 1 {
		return nil, &ManyError{N: len(all), Names: refs}
	}
	for i, s := range all {
		image, _, err := b.savedConfig(s.Config)
		if err != nil {
			return nil, err
		}
		c.found[i].Platform = image.Platform()
		c.found[i].Digest = s.Config
	}
	one, err := c.single()
	if err != nil {
		return nil, err
	}
	for i := range all {
		if one == &c.found[i] {
			return &all[i], nil
		}
	}
	return nil, fs.ErrNotExist
}

func (b *builder) savedConfig(name string) (*Image, []string, error) {
	if name == "" {
		return &Image{}, nil, nil
	}
	data, err := b.bytes(name)
	if err != nil {
		return nil, nil, fmt.Errorf("the image's configuration: %s: %w", name, err)
	}
	sum := sha256.New()
	sum.Write(data)
	id := digestOf(sum)
	// docker save names it by its digest.
	if stated := "sha256:" + strings.TrimSuffix(path.Base(name), ".json"); isDigest(stated) && id != stated {
		return nil, nil, &BlobError{Blob: name, What: "digest", Want: stated, Have: id}
	}
	image, diffs, err := parseConfig(data)
	if err != nil {
		return nil, nil, fmt.Errorf("the image's configuration: %s: %w", name, err)
	}
	image.ID = id
	return image, diffs, nil
}

func (b *builder) savedLayers(s *saved, diffs []string) ([]*layer, error) {
	if len(s.Layers) > maxLayers {
		return nil, &LimitError{"layers", maxLayers}
	}
	if len(diffs) != 0 && len(diffs) != len(s.Layers) {
		return nil, fmt.Errorf("its configuration names %d layers, its manifest.json %d", len(diffs), len(s.Layers))
	}
	var layers []*layer
	for i, name := range s.Layers {
		f, err := b.file(name)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", name, err)
		}
		l := &layer{name: name, stored: f, Descriptor: Descriptor{Size: f.Size()}}
		l.open = func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(f, 0, f.Size())), nil
		}
		if len(diffs) != 0 {
			if l.diffID = diffs[i]; !isDigest(l.diffID) {
				return nil, fmt.Errorf("%.100q is no digest", l.diffID)
			}
		}
		layers = append(layers, l)
	}
	return layers, nil
}
