package ociimage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/willrun/willrun/root"
)

// Times after which a registry is given up.
const (
	dialTime   = 15 * time.Second
	headerTime = 60 * time.Second
	helperTime = 60 * time.Second // a helper may ask the user to unlock a keyring
)

// registry is one repository of a registry.
type registry struct {
	ref    name.Reference
	puller *remote.Puller
	cache  *cache
}

func newRegistry(ref string) (*registry, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, fmt.Errorf("%s: it is no reference of an image: %w", ref, err)
	}
	p, err := remote.NewPuller(remote.WithTransport(newTransport()), remote.WithAuthFromKeychain(keychain{authn.DefaultKeychain}), remote.WithUserAgent("willrun"),
		remote.WithRetryBackoff(remote.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 3}))
	if err != nil {
		return nil, err
	}
	return &registry{ref: r, puller: p}, nil
}

// newTransport gives up on what does not answer; how long a body may take is
// watched where it is read.
func newTransport() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTime}).DialContext,
		TLSHandshakeTimeout:   dialTime,
		ResponseHeaderTimeout: headerTime,
		IdleConnTimeout:       dialTime,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // blobs are what they are
	}
}

// keychain asks the user's configuration, which may start a helper program:
// one that hangs is not waited for.
type keychain struct{ inner authn.Keychain }

func (k keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), r)
}

func (k keychain) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, helperTime, errors.New("no answer"))
	defer cancel()
	type answer struct {
		auth authn.Authenticator
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		auth, err := k.inner.Resolve(r)
		got <- answer{auth, err}
	}()
	select {
	case a := <-got:
		if a.err != nil {
			return nil, fmt.Errorf("credentials of %s: %w", r.RegistryStr(), a.err)
		}
		return a.auth, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("credentials of %s: %w", r.RegistryStr(), context.Cause(ctx))
	}
}

// top is the manifest or index of the reference, and what is known of it.
func (r *registry) top(ctx context.Context) ([]byte, root.Descriptor, error) {
	if d, ok := r.ref.(name.Digest); ok {
		want := root.Descriptor{Digest: d.DigestStr(), Size: root.AnySize}
		data, err := r.Manifest(ctx, want)
		if err == nil {
			err = root.CheckBlob(want, data)
		}
		return data, want, err
	}
	got, err := r.puller.Get(ctx, r.ref)
	if err != nil {
		return nil, root.Descriptor{}, err
	}
	d := root.Descriptor{Digest: got.Digest.String(), Size: got.Size, MediaType: string(got.MediaType)}
	r.cache.keepSmall(d, got.Manifest)
	return got.Manifest, d, nil
}

func (r *registry) Holds(root.Descriptor) bool { return true }

func (r *registry) Manifest(ctx context.Context, d root.Descriptor) ([]byte, error) {
	if data := r.cache.small(d); data != nil {
		return data, nil
	}
	got, err := r.puller.Get(ctx, r.ref.Context().Digest(d.Digest))
	if err != nil {
		return nil, err
	}
	r.cache.keepSmall(d, got.Manifest)
	return got.Manifest, nil
}

// Blob opens a configuration, which is cached as it is, or a layer.
func (r *registry) Blob(ctx context.Context, d root.Descriptor) (io.ReadCloser, error) {
	if data := r.cache.small(d); data != nil {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	s := &stream{ctx: ctx, size: d.Size, open: func(ctx context.Context) (io.ReadCloser, error) {
		l, err := r.puller.Layer(ctx, r.ref.Context().Digest(d.Digest))
		if err != nil {
			return nil, err
		}
		return l.Compressed()
	}}
	if isConfig(d.MediaType) && r.cache != nil && d.Size <= maxIndex {
		return r.keepConfig(s, d)
	}
	return s, s.reopen()
}

func (r *registry) keepConfig(s *stream, d root.Descriptor) (io.ReadCloser, error) {
	if err := s.reopen(); err != nil {
		return nil, err
	}
	defer s.Close()
	data, err := io.ReadAll(io.LimitReader(s, d.Size+1))
	if err != nil {
		return nil, err
	}
	r.cache.keepSmall(d, data)
	return io.NopCloser(bytes.NewReader(data)), nil
}

// explain says in the user's words why an image can't be had.
func explain(ctx context.Context, ref name.Reference, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var t *transport.Error
	if errors.As(err, &t) {
		host := ref.Context().RegistryStr()
		switch t.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("%s refuses %s: it is private or does not exist; docker login %s (or podman login) stores credentials that are used: %w", host, ref, host, err)
		case http.StatusNotFound:
			return fmt.Errorf("%s has no %s: %w", host, ref, err)
		case http.StatusTooManyRequests:
			return fmt.Errorf("%s has had too many requests; with docker login %s it may allow more: %w", host, host, err)
		}
	}
	return fmt.Errorf("%s: %w", ref, err)
}
