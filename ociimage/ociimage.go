// Package ociimage opens container images as trees: from a registry, or from
// an OCI layout in a directory. It answers what files an image has and what it
// starts, without running or unpacking it.
//
//	r, err := ociimage.Pull(ctx, "debian:12", ociimage.Options{})
//	r.Image.Digest // "sha256:…" of the manifest that was chosen
//
// Every blob is verified while it streams by; of layers only what a verdict
// can need is kept, and stays in a cache between runs. How an image's layers
// become a tree is package root's.
package ociimage

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/willrun/willrun/root"
)

// Options of both kinds of source.
type Options struct {
	// Platform that is wanted, "linux/arm64"; "" is linux/amd64 on every
	// machine, or the first for linux where that is not there.
	Platform string
	// CacheDir holds layers between runs; "" is $XDG_CACHE_HOME/willrun, or
	// ~/.cache/willrun, and "off" is none.
	CacheDir string
	// Progress is told how many bytes of layers have been read, of how many.
	Progress func(done, total int64)
	// Env is where XDG_CACHE_HOME, HOME and WILLRUN_CACHE_SIZE are looked up;
	// nil is this process's own. Credentials are always this process's.
	Env []string
}

func (o Options) env(key string) string {
	if o.Env == nil {
		return os.Getenv(key)
	}
	value := ""
	for _, kv := range o.Env { // as with execve, the last one counts
		if k, v, ok := strings.Cut(kv, "="); ok && k == key {
			value = v
		}
	}
	return value
}

func (o Options) image(c *cache) root.ImageOptions {
	opt := root.ImageOptions{Platform: o.Platform, Progress: o.Progress}
	if c != nil { // a nil cache in an interface would be none
		opt.Cache = c
	}
	return opt
}

// Pull opens an image of a registry, with the credentials and helpers of
// Docker's or Podman's configuration. A tag is always resolved anew; for a
// digest whose layers are cached no network is needed.
func Pull(ctx context.Context, ref string, opt Options) (*root.Root, error) {
	src, err := newRegistry(ref)
	if err != nil {
		return nil, err
	}
	src.cache = openCache(opt)
	defer src.cache.trim()
	top, d, err := src.top(ctx)
	if err != nil {
		return nil, explain(ctx, src.ref, err)
	}
	r, err := root.OpenImage(ctx, src, top, d, opt.image(src.cache))
	if err != nil {
		return nil, explain(ctx, src.ref, err)
	}
	r.Name = "image:" + ref
	return r, nil
}

// Layout opens the image in an OCI layout: DIR, or DIR:TAG for one of several,
// as skopeo writes it.
func Layout(ctx context.Context, dir string, opt Options) (*root.Root, error) {
	path, tag := splitTag(dir)
	src, err := newLayout(path)
	if err != nil {
		return nil, err
	}
	defer src.close()
	c := openCache(opt)
	defer c.trim()
	top, err := src.index()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	o := opt.image(c)
	o.Tag, o.Local = tag, true
	r, err := root.OpenImage(ctx, src, top, root.Descriptor{}, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.Name = "oci:" + dir
	return r, nil
}
