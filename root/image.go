package root

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Image is what an image's configuration says of the start of its program
// (OCI image specification, config.md).
type Image struct {
	OS           string   // "linux"
	Architecture string   // by Go's name: "amd64"
	Variant      string   // "v8"
	Env          []string // K=V
	User         string   // "user", "uid", "user:group", "uid:gid" or ""; see Root.User
	Dir          string   // working directory
	Entrypoint   []string
	Cmd          []string
}

// pick is one image of an archive: names of its files in it.
type pick struct {
	config string
	layers []string // lowest first
}

// image looks whether what was read is an image's archive, and if so gives
// the tree that its layers make; else the tree as it is.
func (b *builder) image() (*memStore, *Image, error) {
	p, err := b.pick()
	if err != nil {
		return nil, nil, err
	}
	if p == nil {
		return b.store, nil, nil
	}
	if len(p.layers) > maxLayers {
		return nil, nil, &LimitError{"layers", maxLayers}
	}
	made := &builder{archive: b.archive, store: newMemStore(), layered: true}
	for i, name := range p.layers {
		n, err := b.file(name)
		if err != nil {
			return nil, nil, fmt.Errorf("layer %s: %w", name, err)
		}
		made.layer = i + 1
		if err := made.read(n.reader().SectionReader); err != nil {
			return nil, nil, fmt.Errorf("layer %s: %w", name, err)
		}
	}
	image, err := b.config(p.config)
	return made.store, image, err
}

// file is a regular file of the archive itself. Older docker save writes a
// layer that two images share as a link.
func (b *builder) file(name string) (*memNode, error) {
	info, err := newRoot("", b.store).Stat(cleanName(name), Superuser)
	if err != nil {
		return nil, err
	}
	if !info.Regular() {
		return nil, errors.New("no regular file")
	}
	return b.store.node(info.Path)
}

func (b *builder) json(name string, v any) error {
	n, err := b.file(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if n.info.Size > maxManifest {
		return &LimitError{"bytes in " + name, maxManifest}
	}
	data, err := io.ReadAll(n.reader())
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// pick finds the one image: by docker save's manifest.json, or by an OCI
// layout's index.json. nil is no image.
func (b *builder) pick() (*pick, error) {
	_, noDocker := b.file("/manifest.json")
	_, noOCI := b.file("/oci-layout")
	switch {
	case noDocker == nil && (noOCI == nil || !b.system()):
		return b.dockerPick()
	case noOCI == nil:
		return b.ociPick()
	}
	return nil, nil
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

func (b *builder) dockerPick() (*pick, error) {
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := b.json("/manifest.json", &manifest); err != nil {
		return nil, err
	}
	switch len(manifest) {
	case 0:
		return nil, errors.New("its manifest.json names no image")
	case 1:
		return &pick{manifest[0].Config, manifest[0].Layers}, nil
	}
	var tags []string
	for _, m := range manifest {
		tags = append(tags, m.RepoTags...)
	}
	return nil, fmt.Errorf("it holds %d images (%s): save one alone", len(manifest), strings.Join(tags, ", "))
}

// descriptor is one of the OCI image specification (descriptor.md).
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Annotations map[string]string `json:"annotations"`
	Platform    struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
	} `json:"platform"`
}

func (d descriptor) platform() string {
	return strings.TrimSuffix(d.Platform.OS+"/"+d.Platform.Architecture+"/"+d.Platform.Variant, "/")
}

// attestation is a document about an image that BuildKit stores beside it.
func (d descriptor) attestation() bool {
	return d.Annotations["vnd.docker.reference.type"] != "" || d.Platform.Architecture == "unknown"
}

func (b *builder) ociPick() (*pick, error) {
	name := "/index.json"
	for range 4 { // an index may name an index
		var m struct {
			Config    descriptor   `json:"config"`
			Layers    []descriptor `json:"layers"`
			Manifests []descriptor `json:"manifests"`
		}
		if err := b.json(name, &m); err != nil {
			return nil, err
		}
		if len(m.Manifests) == 0 {
			return blobs(m.Config, m.Layers)
		}
		at, err := b.single(m.Manifests)
		if err != nil {
			return nil, err
		}
		if name, err = blob(at.Digest); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("its index names indexes without end")
}

// single is the one image of an index. Images of other platforms are often
// named there, and not in the archive.
func (b *builder) single(manifests []descriptor) (descriptor, error) {
	var images []descriptor
	var platforms []string
	for _, d := range manifests {
		name, err := blob(d.Digest)
		if err != nil {
			return d, err
		}
		if _, err := b.file(name); err == nil && !d.attestation() {
			images = append(images, d)
			platforms = append(platforms, d.platform())
		}
	}
	switch len(images) {
	case 0:
		return descriptor{}, errors.New("its index names no image that it holds")
	case 1:
		return images[0], nil
	}
	return descriptor{}, fmt.Errorf("it holds %d images (%s): save one alone", len(images), strings.Join(platforms, ", "))
}

func blobs(config descriptor, layers []descriptor) (*pick, error) {
	c, err := blob(config.Digest)
	if err != nil {
		return nil, err
	}
	p := &pick{config: c}
	for _, l := range layers {
		name, err := blob(l.Digest)
		if err != nil {
			return nil, err
		}
		p.layers = append(p.layers, name)
	}
	return p, nil
}

func blob(digest string) (string, error) {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok || strings.ContainsAny(digest, "/.") {
		return "", fmt.Errorf("%q is no digest", digest)
	}
	return "/blobs/" + algorithm + "/" + hex, nil
}

func (b *builder) config(name string) (*Image, error) {
	var c struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
		Config       struct {
			Env, Entrypoint, Cmd []string
			User, WorkingDir     string
		} `json:"config"`
	}
	if name == "" {
		return &Image{}, nil
	}
	if err := b.json(name, &c); err != nil {
		return nil, fmt.Errorf("the image's configuration: %w", err)
	}
	return &Image{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant, Env: c.Config.Env, User: c.Config.User,
		Dir: c.Config.WorkingDir, Entrypoint: c.Config.Entrypoint, Cmd: c.Config.Cmd}, nil
}
