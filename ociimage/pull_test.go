package ociimage_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/ociimage"
	"github.com/willrun/willrun/ociimage/ocitest"
	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target/targettest"
)

// sample is the suite's system in layers: with something to hide below it, and
// the links apart from what they lead to.
func sample(t testing.TB, dir string, squeeze func([]byte) []byte) [][]byte {
	t.Helper()
	usr := func(name string) bool { return strings.HasPrefix(name, "usr") }
	return [][]byte{
		squeeze(tarOf(t, file{name: "bin/gone"}, file{name: "usr/bin/stale"}, file{name: "var/empty/full"}, file{name: "etc/os-release"})),
		squeeze(tarOf(t, file{name: ".wh.bin"}, file{name: "usr/bin/.wh.stale"}, file{name: "var/empty/.wh..wh..opq"})),
		squeeze(targettest.Tar(t, dir, usr)),
		squeeze(targettest.Tar(t, dir, func(name string) bool { return !usr(name) })),
	}
}

// TestKinds: an image looks the same from a registry, from the cache, from a
// layout and from archives, however its layers are compressed.
func TestKinds(t *testing.T) {
	home(t)
	dir := filepath.Join(t.TempDir(), "sample")
	targettest.Sample(t, dir)
	for name, squeeze := range compressions(t) {
		t.Run(name, func(t *testing.T) {
			p := ocitest.New()
			layers := sample(t, dir, squeeze)
			m := p.Image(ocitest.Config{}, layers...)
			host := ocitest.Serve(t, p, map[string]ocitest.Blob{"a/b/sample:1": m}, nil)
			layout := ocitest.Layout(t, p, m)
			trees := map[string]*root.Root{
				"registry": pull(t, host+"/a/b/sample:1", ociimage.Options{}),
				"cache":    pull(t, host+"/a/b/sample:1", ociimage.Options{}),
				"uncached": pull(t, host+"/a/b/sample:1", ociimage.Options{CacheDir: "off"}),
				"layout":   must[*root.Root](t)(ociimage.Layout(ctx, layout, ociimage.Options{CacheDir: "off"})),
				"archive":  must[*root.Root](t)(root.Archive(ctx, targettest.File(t, "oci.tar", targettest.Tar(t, layout, targettest.All)))),
			}
			for kind, r := range trees {
				t.Run(kind, func(t *testing.T) { targettest.Tree(t, dir, r) })
				if r.Image.Digest != m.Digest {
					t.Errorf("%s: %s, want %s", kind, r.Image.Digest, m.Digest)
				}
			}
			if r := trees["registry"]; r.Name != "image:"+host+"/a/b/sample:1" {
				t.Error(r.Name)
			}
		})
	}
}

// TestCircumstances: what the configuration says is the image's.
func TestCircumstances(t *testing.T) {
	home(t)
	p := ocitest.New()
	m := p.Image(ocitest.Config{Env: []string{"PATH=/x", "A=b"}, User: "7:8", Dir: "/w", Entrypoint: []string{"e"}, Cmd: []string{"c"}}, gz(tarOf(t, file{name: "x/e", body: "\x7fELF"})))
	host := ocitest.Serve(t, p, map[string]ocitest.Blob{"app:1": m}, nil)
	r := pull(t, host+"/app:1", ociimage.Options{})
	i := r.Image
	if i.User != "7:8" || i.Dir != "/w" || !slices.Equal(i.Env, []string{"PATH=/x", "A=b"}) || i.Platform().String() != "linux/amd64" || i.Platforms != nil || !strings.HasPrefix(i.ID, "sha256:") {
		t.Errorf("%+v", i)
	}
	if steps, unknown := ociimage.EntryPoint(r); len(steps) != 1 || steps[0].Path != "/x/e" || unknown != "" {
		t.Errorf("%+v %s", steps, unknown)
	}
}

// TestPlatforms: an index gives the image that is wanted, and says which
// others there are.
func TestPlatforms(t *testing.T) {
	home(t)
	p := ocitest.New()
	var images []ocitest.Blob
	for _, platform := range []string{"linux/arm64/v8", "windows/amd64", "linux/amd64"} {
		images = append(images, p.Image(ocitest.Config{Platform: platform}, gz(tarOf(t, file{name: "p", body: platform}))))
	}
	host := ocitest.Serve(t, p, map[string]ocitest.Blob{"app:latest": p.Index(images...)}, nil)
	for wish, want := range map[string]int{"": 2, "linux/arm64": 0} {
		r := pull(t, host+"/app", ociimage.Options{Platform: wish})
		if got := read(r, "/p"); got != r.Image.Platform().String() || r.Image.Digest != images[want].Digest || len(r.Image.Platforms) != 3 {
			t.Errorf("%q: %s %+v", wish, got, r.Image)
		}
	}
	var lacks *root.PlatformError
	if _, err := ociimage.Pull(ctx, host+"/app", ociimage.Options{Platform: "linux/s390x"}); !errors.As(err, &lacks) || len(lacks.Have) != 3 {
		t.Error(err)
	}
	if _, err := ociimage.Pull(ctx, host+"/app@"+images[1].Digest, ociimage.Options{}); err == nil || !strings.Contains(err.Error(), "no image for linux; it has windows/amd64") {
		t.Error(err)
	}
}

// guard lets nobody in without the password, by basic authentication or by a
// token.
func guard(token bool) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, password, _ := r.BasicAuth()
			right := user == "me" && password == "secret"
			switch {
			case r.URL.Path == "/token" && right:
				fmt.Fprint(w, `{"token":"let-me-in"}`)
			case token && r.Header.Get("Authorization") == "Bearer let-me-in", !token && right:
				h.ServeHTTP(w, r)
			default:
				scheme := `Basic realm="r"`
				if token {
					scheme = `Bearer realm="http://` + r.Host + `/token",service="s"`
				}
				w.Header().Set("WWW-Authenticate", scheme)
				http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}`, http.StatusUnauthorized)
			}
		})
	}
}

// TestCredentials: those of Docker's configuration, its helpers and Podman's.
func TestCredentials(t *testing.T) {
	p := ocitest.New()
	m := p.Image(ocitest.Config{}, gz(tarOf(t, file{name: "f", body: "x"})))
	for _, token := range []bool{false, true} {
		host := ocitest.Serve(t, p, map[string]ocitest.Blob{"private:1": m}, guard(token))
		auth := func(password string) string {
			return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte("me:"+password)))
		}
		for name, c := range map[string]struct {
			prepare func(home string)
			want    string
		}{
			"none":  {func(string) {}, "docker login " + host},
			"wrong": {func(home string) { write(t, home, ".docker/config.json", auth("guess")) }, "docker login " + host},
			"auth":  {func(home string) { write(t, home, ".docker/config.json", auth("secret")) }, ""},
			"folder": {func(home string) {
				write(t, home, "elsewhere/config.json", auth("secret"))
				t.Setenv("DOCKER_CONFIG", filepath.Join(home, "elsewhere"))
			}, ""},
			"podman": {func(home string) {
				write(t, home, "run/containers/auth.json", auth("secret"))
				t.Setenv("XDG_RUNTIME_DIR", filepath.Join(home, "run"))
			}, ""},
			"helper": {func(home string) {
				helper(t, home, `echo "{\"Username\":\"me\",\"Secret\":\"secret\"}"`, "credHelpers", host)
			}, ""},
			"store": {func(home string) {
				helper(t, home, `echo "{\"Username\":\"me\",\"Secret\":\"secret\"}"`, "credsStore", host)
			}, ""},
			"helper fails": {func(home string) { helper(t, home, `echo broken; exit 1`, "credHelpers", host) }, "credentials of " + host},
			"helper absent": {func(home string) {
				write(t, home, ".docker/config.json", fmt.Sprintf(`{"credHelpers":{%q:"nobody-has-this"}}`, host))
			}, "docker-credential-nobody-has-this"},
			"no JSON": {func(home string) { write(t, home, ".docker/config.json", "{") }, "credentials of " + host},
		} {
			t.Run(fmt.Sprint(name, " token ", token), func(t *testing.T) {
				c.prepare(home(t))
				r, err := ociimage.Pull(ctx, host+"/private:1", ociimage.Options{})
				if c.want != "" {
					if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
						t.Error(err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if got := read(r, "/f"); got != "x" {
					t.Error(got)
				}
			})
		}
	}
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

func helper(t testing.TB, home, script, key, host string) {
	write(t, home, "bin/docker-credential-test", "#!/bin/sh\nread server\n"+script+"\n")
	t.Setenv("PATH", filepath.Join(home, "bin")+":"+os.Getenv("PATH"))
	value := fmt.Sprintf(`{%q:"test"}`, host)
	if key == "credsStore" {
		value = `"test"`
	}
	write(t, home, ".docker/config.json", fmt.Sprintf(`{%q:%s}`, key, value))
}

// TestNotThere: what a registry does not have is told in words.
func TestNotThere(t *testing.T) {
	home(t)
	p := ocitest.New()
	host := ocitest.Serve(t, p, map[string]ocitest.Blob{"app:1": p.Image(ocitest.Config{})}, nil)
	for ref, want := range map[string]string{
		host + "/app:2":   host + " has no " + host + "/app:2",
		host + "/other:1": "has no " + host + "/other:1",
		host + "/app@sha256:" + strings.Repeat("0", 64): "has no ",
		host + "/app@sha256:" + strings.Repeat("0", 63): "no reference of an image",
		"UPPER":           "no reference of an image",
		"":                "no reference of an image",
		"127.0.0.1:1/app": "connection refused",
	} {
		if _, err := ociimage.Pull(ctx, ref, ociimage.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
