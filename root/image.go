package root

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Image is what an image's configuration says of the start of its program
// (OCI image specification, config.md), and which image it is.
type Image struct {
	OS           string   // "linux"
	Architecture string   // by Go's name: "amd64"
	Variant      string   // "v8"
	Env          []string // K=V
	User         string   // "user", "uid", "user:group", "uid:gid" or ""; see Root.User
	Dir          string   // working directory
	Entrypoint   []string
	Cmd          []string

	// Digest of its manifest, "sha256:…"; "" where an archive has none.
	Digest string
	// ID is the digest of its configuration, which Docker calls image ID.
	ID string
	// Platforms are those for which there is an image under the same name,
	// where there are several; this one is for Platform.
	Platforms []string
}

// Platform is what the image is for.
func (i *Image) Platform() Platform { return Platform{i.OS, i.Architecture, i.Variant} }

// ImageOptions say which image is meant, and how it is read.
type ImageOptions struct {
	Platform string                  // "linux/arm64"; "" is linux/amd64, else the first for linux
	Tag      string                  // name of the image in a layout; "" the only one
	Cache    LayerCache              // nil: layers are kept only while the tree is open
	Local    bool                    // blobs are at hand: they are verified though their content is cached
	Progress func(done, total int64) // bytes of layers, of all that must be read; may be nil
}

// OpenImage makes the tree of an image. top is a manifest or an index, whose
// content the caller vouches for; d describes it, as far as that is known.
func OpenImage(ctx context.Context, src Blobs, top []byte, d Descriptor, opt ImageOptions) (*Root, error) {
	wish, err := ParsePlatform(opt.Platform)
	if err != nil {
		return nil, err
	}
	c := &chooser{ctx: ctx, src: src, wish: wish, tag: opt.Tag}
	image, layers, err := c.image(top, d)
	if err != nil {
		return nil, err
	}
	store, err := (&puller{ctx: ctx, opt: opt, allowance: &allowance{}}).tree(layers)
	if err != nil {
		return nil, err
	}
	r := newRoot("", store)
	r.Image = image
	return r, nil
}

// image is the chosen one, with its layers, lowest first.
func (c *chooser) image(top []byte, d Descriptor) (*Image, []*layer, error) {
	one, m, err := c.choose(top, d)
	if err != nil {
		return nil, nil, err
	}
	image, diffs, err := readConfig(c.ctx, c.src, m)
	if err != nil {
		return nil, nil, err
	}
	if image.Architecture == "" {
		image.OS, image.Architecture, image.Variant = one.Platform.OS, one.Platform.Architecture, one.Platform.Variant
	}
	image.Digest = one.Digest
	if names := platformNames(c.platforms()); len(names) > 1 {
		image.Platforms = names
	}
	// Of several the descriptor's platform decides, which is not always what
	// the builder wrote into the configuration.
	if len(c.found) < 2 {
		if err := image.suits(c.wish); err != nil {
			return nil, nil, err
		}
	}
	layers, err := layersOf(c.src, m, diffs)
	return image, layers, err
}

// suits refuses what no kernel that we know runs, and what is not for the
// platform that is wanted. Old images don't say what they are for.
func (i *Image) suits(wish Platform) error {
	have := i.Platform()
	switch {
	case have.OS != "" && have.OS != "linux":
		return &PlatformError{"linux", []string{have.String()}}
	case wish.OS != "" && have.Architecture != "" && have.suits(wish) == 0:
		return &PlatformError{wish.String(), []string{have.String()}}
	}
	return nil
}

// layersOf are the layers of a manifest: tars, and nothing else.
func layersOf(src Blobs, m *manifest, diffs []string) ([]*layer, error) {
	if len(m.Layers) > maxLayers {
		return nil, &LimitError{"layers", maxLayers}
	}
	if len(diffs) != len(m.Layers) {
		return nil, fmt.Errorf("its configuration names %d layers, its manifest %d", len(diffs), len(m.Layers))
	}
	var layers []*layer
	for i, d := range m.Layers {
		switch {
		case strings.Contains(d.MediaType, "encrypted"):
			return nil, fmt.Errorf("layer %.19s is encrypted", d.Digest)
		case d.MediaType != "" && !strings.Contains(d.MediaType, "tar"):
			return nil, fmt.Errorf("layer %.19s is %s: no layer of files", d.Digest, d.MediaType)
		case d.Size < 0:
			return nil, fmt.Errorf("layer %.19s has no size", d.Digest)
		}
		for _, digest := range []string{d.Digest, diffs[i]} {
			if _, err := hasher(digest); err != nil {
				return nil, err
			}
		}
		l := &layer{Descriptor: d, name: d.Digest, diffID: diffs[i], open: func(ctx context.Context) (io.ReadCloser, error) { return src.Blob(ctx, d) }}
		if s, ok := src.(interface {
			section(Descriptor) *io.SectionReader
		}); ok {
			l.stored = s.section(d)
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// readConfig reads the configuration that a manifest names.
func readConfig(ctx context.Context, src Blobs, m *manifest) (*Image, []string, error) {
	image, diffs, err := func() (*Image, []string, error) {
		if t := m.Config.MediaType; t != "" && !slices.Contains(configTypes, t) {
			if m.ArtifactType != "" {
				t = m.ArtifactType
			}
			return nil, nil, fmt.Errorf("it is no image of files, but %s", t)
		}
		if m.Config.Size > maxManifest {
			return nil, nil, &LimitError{"bytes in a configuration", maxManifest}
		}
		blob, err := src.Blob(ctx, m.Config)
		if err != nil {
			return nil, nil, err
		}
		defer blob.Close()
		in, err := newChecked(ctxReader{ctx, blob}, m.Config)
		if err != nil {
			return nil, nil, err
		}
		data, err := io.ReadAll(in)
		if err != nil {
			return nil, nil, err
		}
		return parseConfig(data)
	}()
	if err != nil {
		return nil, nil, fmt.Errorf("the image's configuration: %w", err)
	}
	image.ID = m.Config.Digest
	return image, diffs, nil
}

var configTypes = []string{"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}

func parseConfig(data []byte) (*Image, []string, error) {
	var c struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
		Config       struct {
			Env, Entrypoint, Cmd []string
			User, WorkingDir     string
		} `json:"config"`
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&c); err != nil {
		return nil, nil, err
	}
	return &Image{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant, Env: c.Config.Env, User: c.Config.User,
		Dir: c.Config.WorkingDir, Entrypoint: c.Config.Entrypoint, Cmd: c.Config.Cmd}, c.RootFS.DiffIDs, nil
}
