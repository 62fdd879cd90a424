package mirror_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/willrun/willrun/pkgindex/mirror"
)

const primary = `<?xml version="1.0"?><metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
<package type="rpm"><name>libfoo</name><arch>x86_64</arch><version epoch="0" ver="1.2" rel="3.el9"/><format>
<rpm:provides><rpm:entry name="libfoo.so.1()(64bit)"/><rpm:entry name="libfoo.so.1(FOO_1.2)(64bit)"/></rpm:provides></format></package></metadata>`

func packed(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.Bytes()
}

// repository serves one whose repomd.xml is changed by a test.
func repository(t *testing.T, change func(repomd string) string) string {
	t.Helper()
	body := packed(primary)
	sum := sha256.Sum256(body)
	repomd := fmt.Sprintf(`<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary"><checksum type="sha256">%s</checksum>`+
		`<location href="repodata/abc-primary.xml.gz"/><size>%d</size></data></repomd>`, hex.EncodeToString(sum[:]), len(body))
	mux := http.NewServeMux()
	mux.HandleFunc("/os/repodata/repomd.xml", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(change(repomd))) })
	mux.HandleFunc("/os/repodata/abc-primary.xml.gz", func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
	mux.HandleFunc("/os/endless.xml.gz", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL + "/os/"
}

func same(s string) string { return s }

func TestFetch(t *testing.T) {
	base := repository(t, same)
	for _, from := range []string{base, strings.TrimSuffix(base, "/"), base + "repodata/repomd.xml"} {
		x, err := mirror.Fetch(t.Context(), from, mirror.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := x.Providers("libfoo.so.1", []string{"FOO_1.2"}, "x86-64"); len(got) != 1 || got[0].Package != "libfoo" {
			t.Errorf("%+v", got)
		}
		if len(x.Sources) != 1 || x.Sources[0] != from {
			t.Errorf("sources %q", x.Sources)
		}
	}
	x, err := mirror.Fetch(t.Context(), strings.Replace(base, "//", "//me:secret@", 1), mirror.Options{})
	if err != nil || strings.Contains(x.Sources[0], "secret") {
		t.Errorf("%v %v", x, err)
	}
}

func TestFetchOfLiars(t *testing.T) {
	replace := func(old, with string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, with, 1) }
	}
	for name, c := range map[string]struct {
		change func(string) string
		want   string
	}{
		"another digest":   {replace(`sha256">`, `sha256">0`), "its digest is"},
		"unknown digest":   {replace(`type="sha256"`, `type="md5"`), "which is not known"},
		"longer than said": {replace("</size>", "</size><size>10</size>"), "longer than the"},
		"endless":          {replace("repodata/abc-primary.xml.gz", "endless.xml.gz"), "longer than the"},
		"no primary":       {replace(`"primary"`, `"other"`), "names no primary.xml"},
		"no xml":           {func(string) string { return "<" }, "repomd.xml"},
		"a place above":    {replace("repodata/abc-primary.xml.gz", "../../.."), ""},
		"not there":        {replace("abc-primary", "nothing"), "404"},
	} {
		_, err := mirror.Fetch(t.Context(), repository(t, c.change), mirror.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, from := range []string{"file:///etc/passwd", "relative", "ftp://x/y", "http://\x7f"} {
		if _, err := mirror.Fetch(t.Context(), from, mirror.Options{}); err == nil {
			t.Errorf("%s was taken", from)
		}
	}
}

// Nothing stays behind, whatever happens.
func TestFetchCleansUp(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := mirror.Fetch(ctx, repository(t, func(s string) string { cancel(); return s }), mirror.Options{})
	if err == nil {
		t.Error("it went on after the end")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
}
