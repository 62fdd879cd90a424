package root

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
)

// image looks whether what was read is an image's archive, and if so gives
// the tree that its layers make; else the tree as it is.
func (b *builder) image() (store, error) {
	layers, err := b.layers()
	if err == errNoImage {
		return b.store, nil
	}
	if err != nil {
		return nil, err
	}
	made := &builder{ctx: b.ctx, store: newMemStore(b.store.spool), layered: true, entries: b.entries, total: b.total}
	made.store.end = b.store.end
	for i, name := range layers {
		real, ok := b.store.real(cleanName(name))
		if !ok {
			return nil, fmt.Errorf("the manifest names the layer %s, which is not there", name)
		}
		n := b.store.nodes[real]
		made.layer = i + 1
		if err := made.read(io.NewSectionReader(b.store.spool, n.off, n.info.Size)); err != nil {
			return nil, fmt.Errorf("layer %s: %w", name, err)
		}
	}
	return made.store, nil
}

func (b *builder) json(name string, v any) (bool, error) {
	n := b.store.nodes[name]
	if n == nil || !n.info.Regular() {
		return false, nil
	}
	if n.info.Size > maxManifest {
		return true, &LimitError{"bytes in " + name, maxManifest}
	}
	data := make([]byte, n.info.Size)
	if _, err := io.ReadFull(io.NewSectionReader(b.store.spool, n.off, n.info.Size), data); err != nil {
		return true, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return true, fmt.Errorf("%s: %w", name, err)
	}
	return true, nil
}

// layers lists the layers of the image, lowest first: by docker save's
// manifest.json, or by an OCI layout's index.
func (b *builder) layers() ([]string, error) {
	var manifest []struct {
		RepoTags []string
		Layers   []string
	}
	if found, err := b.json("/manifest.json", &manifest); found && (err == nil && len(manifest) > 0 && manifest[0].Layers != nil) {
		if len(manifest) > 1 {
			var tags []string
			for _, m := range manifest {
				tags = append(tags, m.RepoTags...)
			}
			return nil, fmt.Errorf("it holds %d images (%s): save one alone", len(manifest), strings.Join(tags, ", "))
		}
		return manifest[0].Layers, nil
	}
	return b.ociLayers()
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
}

func (b *builder) ociLayers() ([]string, error) {
	var index struct {
		Manifests []descriptor `json:"manifests"`
	}
	if b.store.nodes["/oci-layout"] == nil {
		return nil, errNoImage
	}
	if found, err := b.json("/index.json", &index); !found || err != nil || len(index.Manifests) == 0 {
		return nil, errNoImage
	}
	if len(index.Manifests) > 1 {
		return nil, fmt.Errorf("it holds %d images: save one alone", len(index.Manifests))
	}
	var manifest struct {
		Layers    []descriptor `json:"layers"`
		Manifests []descriptor `json:"manifests"`
	}
	at := index.Manifests[0]
	for range 4 { // an index may name an index
		name, err := blob(at.Digest)
		if err != nil {
			return nil, err
		}
		if found, err := b.json(name, &manifest); !found || err != nil {
			return nil, fmt.Errorf("the manifest %s can't be read", at.Digest)
		}
		if len(manifest.Layers) > 0 || len(manifest.Manifests) == 0 {
			break
		}
		at = manifest.Manifests[0]
		manifest.Manifests = nil
	}
	var names []string
	for _, l := range manifest.Layers {
		name, err := blob(l.Digest)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, errNoImage
	}
	return names, nil
}

func blob(digest string) (string, error) {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok || strings.ContainsAny(digest, "/.") {
		return "", fmt.Errorf("%q is no digest", digest)
	}
	return "/blobs/" + algorithm + "/" + hex, nil
}

// whiteout removes what a layer hides of those below it
// (OCI image specification, layer.md).
func (b *builder) whiteout(name string) bool {
	base, ok := strings.CutPrefix(path.Base(name), ".wh.")
	if !ok {
		return false
	}
	dir, there := b.store.real(path.Dir(name))
	if !there {
		return true
	}
	if base == ".wh..opq" {
		for child := range b.store.children[dir] {
			b.store.remove(path.Join(dir, child), b.layer)
		}
		return true
	}
	if base != "" && !strings.HasPrefix(base, ".wh.") {
		b.store.remove(path.Join(dir, base), b.layer)
	}
	return true
}
