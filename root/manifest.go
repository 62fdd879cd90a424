package root

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Blobs is where an image's parts come from: an archive, a layout, a registry.
// What it gives is not trusted: sizes and digests are verified here.
type Blobs interface {
	// Manifest gives a manifest or an index.
	Manifest(ctx context.Context, d Descriptor) ([]byte, error)
	// Blob opens a configuration or a layer.
	Blob(ctx context.Context, d Descriptor) (io.ReadCloser, error)
	// Holds says whether a manifest is there: archives and layouts often name
	// images of platforms that were not copied.
	Holds(d Descriptor) bool
}

// Limits of what an index may name.
const (
	maxNested = 4
	maxImages = 1000
	maxAsked  = 64 // images whose platform only their configuration tells
)

// candidate is one image that could be meant.
type candidate struct {
	Descriptor
	ref string // name in a layout
}

// chooser finds the one image that is meant.
type chooser struct {
	ctx  context.Context
	src  Blobs
	wish Platform
	tag  string

	found []candidate
	named int
	other []string // names of a layout that are not the one wanted
}

// manifest is an index or an image's manifest (image-index.md, manifest.md).
type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	ArtifactType  string       `json:"artifactType"`
	Config        Descriptor   `json:"config"`
	Layers        []Descriptor `json:"layers"`
	Manifests     []Descriptor `json:"manifests"`
}

func (m *manifest) index() bool { return m.Manifests != nil }

// parseManifest refuses what could be read as two things: an index for some,
// an image for others (CVE-2021-41190).
func parseManifest(data []byte) (*manifest, error) {
	m := &manifest{}
	if len(data) > maxManifest {
		return nil, &LimitError{"bytes in a manifest", maxManifest}
	}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("it is no manifest: %w", err)
	}
	switch {
	case m.SchemaVersion == 1:
		return nil, errors.New("its manifest is of Docker's schema 1, of before 2017: push or save it again")
	case m.Manifests != nil && (m.Layers != nil || m.Config.Digest != ""):
		return nil, errors.New("its manifest is an index and an image at once")
	case m.Manifests == nil && m.Config.Digest == "":
		return nil, errors.New("its manifest names neither images nor a configuration")
	}
	return m, nil
}

// read gives a manifest that is what d says.
func (c *chooser) read(d Descriptor) (*manifest, error) {
	if d.Size > maxManifest {
		return nil, &LimitError{"bytes in a manifest", maxManifest}
	}
	data, err := c.src.Manifest(c.ctx, d)
	if err == nil {
		err = CheckBlob(d, data)
	}
	if err != nil {
		return nil, fmt.Errorf("manifest %.19s: %w", d.Digest, err)
	}
	return parseManifest(data)
}

// choose finds the image that is meant below top, and its manifest.
func (c *chooser) choose(top []byte, d Descriptor) (*candidate, *manifest, error) {
	m, err := parseManifest(top)
	if err != nil {
		return nil, nil, err
	}
	if !m.index() {
		return &candidate{Descriptor: d}, m, nil
	}
	if err := c.gather(m, "", 0); err != nil {
		return nil, nil, err
	}
	one, err := c.single()
	if err != nil {
		return nil, nil, err
	}
	m, err = c.read(one.Descriptor)
	return one, m, err
}

// gather collects the images that an index names, and those of the indexes
// that it names.
func (c *chooser) gather(index *manifest, ref string, depth int) error {
	if depth > maxNested {
		return errors.New("its index names indexes without end")
	}
	for _, d := range index.Manifests {
		if c.named++; c.named > maxImages {
			return &LimitError{"images in an index", maxImages}
		}
		if _, err := hasher(d.Digest); err != nil {
			return err
		}
		name := ref
		if depth == 0 {
			short, full := d.names()
			name = cmp.Or(full, short)
			if c.tag != "" && c.tag != short && c.tag != full {
				c.other = append(c.other, name)
				continue
			}
		}
		if d.attestation() || !c.src.Holds(d) {
			continue
		}
		if err := c.add(d, name, depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *chooser) add(d Descriptor, name string, depth int) error {
	// Only what says clearly that it is an image is not looked into.
	if !strings.Contains(d.MediaType, ".manifest.v") {
		m, err := c.read(d)
		if err != nil {
			return err
		}
		if m.index() {
			return c.gather(m, name, depth+1)
		}
	}
	for _, f := range c.found {
		if f.Digest == d.Digest {
			return nil // one image with two names
		}
	}
	c.found = append(c.found, candidate{d, name})
	return nil
}

// single is the one that is meant: by platform, where the images differ in
// nothing else.
func (c *chooser) single() (*candidate, error) {
	switch {
	case len(c.found) == 0 && len(c.other) > 0:
		return nil, fmt.Errorf("it holds no image named %s; it has %s", c.tag, strings.Join(c.other, ", "))
	case len(c.found) == 0:
		return nil, errors.New("its index names no image that it holds")
	case len(c.found) == 1:
		return &c.found[0], nil
	}
	if err := c.askPlatforms(); err != nil {
		return nil, err
	}
	platforms := c.platforms()
	if refs := c.refs(); len(refs) > 1 || len(platformNames(platforms)) < len(platforms) {
		return nil, &ManyError{Names: refs, Platforms: platformNames(platforms), N: len(c.found)}
	}
	i, err := bestPlatform(platforms, c.wish)
	return &c.found[max(i, 0)], err
}

// ManyError is a source that holds several images where one is meant.
type ManyError struct {
	N                int
	Names, Platforms []string
}

func (e *ManyError) Error() string {
	names := e.Names
	if len(names) == 0 {
		names = e.Platforms
	}
	return fmt.Sprintf("it holds %d images (%s): name one, or save one alone", e.N, strings.Join(names, ", "))
}

func (c *chooser) platforms() []Platform {
	var all []Platform
	for _, f := range c.found {
		all = append(all, f.Platform)
	}
	return all
}

func (c *chooser) refs() []string {
	var refs []string
	for _, f := range c.found {
		if f.ref != "" && !slices.Contains(refs, f.ref) {
			refs = append(refs, f.ref)
		}
	}
	return refs
}

// askPlatforms reads the configurations of images whose descriptors have no
// platform.
func (c *chooser) askPlatforms() error {
	asked := 0
	for i := range c.found {
		f := &c.found[i]
		if f.Platform.Architecture != "" {
			continue
		}
		if asked++; asked > maxAsked {
			return &LimitError{"images of an index without a platform", maxAsked}
		}
		m, err := c.read(f.Descriptor)
		if err != nil {
			return err
		}
		image, _, err := readConfig(c.ctx, c.src, m)
		if err != nil {
			return err
		}
		f.Platform = image.Platform()
	}
	return nil
}
