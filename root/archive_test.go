package root

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

func openBytes(t testing.TB, data []byte) (*Root, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.tar")
	must(t, os.WriteFile(name, data, 0o600))
	r, err := Archive(context.Background(), name)
	if err == nil {
		t.Cleanup(func() { r.Close() })
	}
	return r, err
}

func mustOpen(t testing.TB, data []byte) *Root {
	t.Helper()
	r, err := openBytes(t, data)
	must(t, err)
	return r
}

// list is the whole tree as text, one name a line.
func list(r *Root, dir string) string {
	var b strings.Builder
	names, _ := r.ReadDir(dir)
	for _, n := range names {
		p := strings.TrimSuffix(dir, "/") + "/" + n
		info, _ := r.Lstat(p, Superuser)
		switch {
		case info.IsDir():
			b.WriteString(p + "/\n" + list(r, p))
		case info.Mode&ModeFmt == ModeLink:
			to, _ := r.store.readlink(p)
			b.WriteString(p + " -> " + to + "\n")
		case info.Regular():
			data, err := r.ReadFile(p, Superuser, 1<<20)
			if err != nil {
				data = []byte(err.Error())
			}
			b.WriteString(p + " = " + string(data) + "\n")
		default:
			fmt.Fprintf(&b, "%s %o\n", p, info.Mode&ModeFmt)
		}
	}
	return b.String()
}

func wantTree(t *testing.T, r *Root, want ...string) {
	t.Helper()
	if got := list(r, "/"); got != strings.Join(want, "\n")+"\n" {
		t.Errorf("the tree is\n%swant\n%s", got, strings.Join(want, "\n"))
	}
}

// TestArchiveNames: names in all their spellings, the last of several wins,
// and none leads out.
func TestArchiveNames(t *testing.T) {
	deep := strings.Repeat("d/", 120) + "name-beyond-the-hundred-bytes-of-the-old-format"
	r := mustOpen(t, tarOf([]entry{
		{name: "./", typ: tar.TypeDir}, {name: "./a/x", body: "1"}, {name: "/a/y", body: "2"}, {name: "../../a/z", body: "3"},
		{name: "a/x", body: "last"}, {name: deep, body: "long"},
		{name: "f", body: "file"}, {name: "f/below", body: "dropped"},
		{name: "dir/x", body: "x"}, {name: "dir", body: "now a file"},
		{name: "lib", typ: tar.TypeSymlink, link: "usr/lib"}, {name: "usr/lib/", typ: tar.TypeDir}, {name: "lib/l.so", body: "through"},
		{name: "s", typ: tar.TypeSymlink, link: "a"}, {name: "s/", typ: tar.TypeDir}, {name: "s/own", body: "o"},
		{name: "dev/null", typ: tar.TypeChar}, {name: "dev/sda", typ: tar.TypeBlock}, {name: "p", typ: tar.TypeFifo},
		{name: strings.Repeat("n", 256), body: "too long"},
		{name: "h", typ: tar.TypeLink, link: "./a/x"}, {name: "h2", typ: tar.TypeLink, link: "lib"}, {name: "h3", typ: tar.TypeLink, link: "nothing"},
		{name: "out", typ: tar.TypeSymlink, link: "../../../../etc/passwd"},
	}))
	text := list(r, "/")
	if !strings.Contains(text, "/"+deep+" = long\n") {
		t.Errorf("the long name is missing in\n%s", text)
	}
	r.store.(*memStore).drop(r.store.(*memStore).top, "d", 1)
	wantTree(t, r, "/a/", "/a/x = last", "/a/y = 2", "/a/z = 3", "/dev/", "/dev/null 20000", "/dev/sda 60000", "/dir = now a file",
		"/f = file", "/h = last", "/h2 -> usr/lib", "/lib -> usr/lib", "/out -> ../../../../etc/passwd", "/p 10000", "/s/", "/s/own = o",
		"/usr/", "/usr/lib/", "/usr/lib/l.so = through")
	x, _ := r.Stat("/a/x", Superuser)
	h, _ := r.Stat("/h", Superuser)
	y, _ := r.Stat("/a/y", Superuser)
	if x.ID != h.ID || x.ID == y.ID {
		t.Error("hard links are one file, others are not")
	}
	if _, err := r.Stat("/out", Superuser); err != ENOENT {
		t.Errorf("a link out of the tree: %v", err)
	}
}

// docker is what docker save writes: a manifest, a configuration, layers.
func docker(manifest string, layers ...[]byte) []byte {
	files := []entry{{name: "manifest.json", body: manifest}, {name: "c.json", body: `{"os":"linux","architecture":"amd64","config":{"Env":["A=b"],"User":"app","WorkingDir":"/w","Entrypoint":["/e"],"Cmd":["c"]}}`}}
	for i, l := range layers {
		files = append(files, entry{name: fmt.Sprintf("%d/layer.tar", i), body: string(l)})
	}
	return tarOf(files)
}

func manifestOf(n int) string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf(`"%d/layer.tar"`, i))
	}
	return `[{"Config":"c.json","RepoTags":["a:1"],"Layers":[` + strings.Join(names, ",") + `]}]`
}

// TestLayers: whiteouts hide what is below them and never what their own layer
// brings, in whatever order it stands (OCI image specification, layer.md).
func TestLayers(t *testing.T) {
	base := tarOf([]entry{{name: "own/f", body: "1"}, {name: "own/d/x", body: "1"}, {name: "etc/keep", body: "1"}, {name: "etc/gone", body: "1"}, {name: "opt/old/x", body: "1"}, {name: "opt/old/sub/y", body: "1"},
		{name: "bin", typ: tar.TypeSymlink, link: "usr/bin"}, {name: "usr/bin/sh", body: "sh"}, {name: "var/f", body: "1"}, {name: "d/f", body: "1"}, {name: "l", typ: tar.TypeSymlink, link: "etc"}})
	second := gz(tarOf([]entry{{name: "etc/.wh.gone"}, {name: "opt/old/new", body: "2"}, {name: "opt/old/.wh..wh..opq"}, {name: "bin/ls", body: "ls"},
		{name: "var", body: "a file now"}, {name: "d/.wh.f"}, {name: "d/f/", typ: tar.TypeDir}, {name: "d/f/in", body: "2"}, {name: ".wh..wh.plnk"}, {name: ".wh.absent"}, {name: "l/", typ: tar.TypeDir}}))
	// What its own layer brings stays, though the whiteout comes after it.
	own := tarOf([]entry{{name: "own/f", body: "4"}, {name: "own/.wh.f"}, {name: "own/d/h", typ: tar.TypeLink, link: "etc/keep"}, {name: "own/d/.wh..wh..opq"}})
	third := tarOf([]entry{{name: "usr/bin/hard", typ: tar.TypeLink, link: "usr/bin/sh"}, {name: "usr/bin/.wh.ls"}, {name: "etc/keep", body: "3"}})
	r := mustOpen(t, docker(manifestOf(4), base, second, third, own))
	wantTree(t, r, "/bin -> usr/bin", "/d/", "/d/f/", "/d/f/in = 2", "/etc/", "/etc/keep = 3", "/l/", "/opt/", "/opt/old/", "/opt/old/new = 2",
		"/own/", "/own/d/", "/own/d/h = 3", "/own/f = 4", "/usr/", "/usr/bin/", "/usr/bin/hard = sh", "/usr/bin/sh = sh", "/var = a file now")
	if i := r.Image; i == nil || i.Architecture != "amd64" || i.User != "app" || i.Env[0] != "A=b" || i.Dir != "/w" || i.Entrypoint[0] != "/e" {
		t.Errorf("%+v", i)
	}
}

// TestBadArchives: what can't be a tree is refused with the file and the
// reason, never taken for an empty system.
func TestBadArchives(t *testing.T) {
	whole := tarOf([]entry{{name: "a", body: strings.Repeat("x", 4000)}, {name: "b", body: "y"}})
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":         {nil, "it holds no files"},
		"only zeros":      {make([]byte, 10240), "it holds no files"},
		"text":            {[]byte(strings.Repeat("no tar at all. ", 100)), "it is no tar archive"},
		"cut":             {whole[:2000], "unexpected EOF"},
		"cut gzip":        {gz(whole)[:40], "unexpected EOF"},
		"gzip of text":    {gz([]byte(strings.Repeat("no tar ", 200))), "it is no tar archive"},
		"no layer":        {docker(`[{"Layers":["x/layer.tar"]}]`), "layer x/layer.tar: ENOENT"},
		"layer of text":   {docker(`[{"Layers":["c.json"]}]`), "layer c.json"},
		"two images":      {docker(`[{"RepoTags":["a:1"]},{"RepoTags":["b:2"]}]`), "it holds 2 images (a:1, b:2): name one, or save one alone"},
		"broken manifest": {docker(`[{"Layers":`), "manifest.json"},
		"no image":        {docker(`[]`), "names no image"},
		"many layers":     {docker(`[{"Layers":[` + strings.Repeat(`"0/layer.tar",`, maxLayers) + `"0/layer.tar"]}]`), "more than 1024 layers"},
		"bad layer":       {docker(manifestOf(1), whole[:1000]), "layer 0/layer.tar"},
	} {
		_, err := openBytes(t, c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "a.tar") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Archive(context.Background(), t.TempDir()); err == nil {
		t.Error("a directory was read as an archive")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	file := filepath.Join(t.TempDir(), "a.tar")
	must(t, os.WriteFile(file, whole, 0o600))
	if _, err := Archive(ctx, file); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestBombs: archives that unpack to far more than they are, in bytes, in
// names, in work, end with a limit.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks 256 MiB")
	}
	var limit *LimitError
	zeros := tarOf([]entry{{name: "zeros", body: string(make([]byte, 8<<20))}})
	bomb := zeros[:len(zeros)-1024]
	var many []byte
	for range 40 {
		many = append(many, bomb...)
	}
	if _, err := openBytes(t, gz(many)); !errors.As(err, &limit) {
		t.Errorf("zeros: %v", err)
	}
	var b bytes.Buffer
	z, _ := zstd.NewWriter(&b)
	z.Write(many)
	z.Close()
	if _, err := openBytes(t, b.Bytes()); !errors.As(err, &limit) {
		t.Errorf("zeros with zstd: %v", err)
	}
	// A chain of links that each name takes again.
	chain := []entry{{name: "l0", typ: tar.TypeSymlink, link: strings.Repeat("./", 2000)}}
	for i := 1; i < 39; i++ {
		chain = append(chain, entry{name: fmt.Sprintf("l%d", i), typ: tar.TypeSymlink, link: strings.Repeat("./", 2000) + fmt.Sprintf("l%d", i-1)})
	}
	for i := range 4000 {
		chain = append(chain, entry{name: fmt.Sprintf("l38/f%d", i)})
	}
	if _, err := openBytes(t, tarOf(chain)); !errors.As(err, &limit) || !strings.Contains(limit.What, "steps") {
		t.Errorf("chains: %v", err)
	}
}

// TestSparse: a sparse file reads with its holes; one that claims to be
// larger than anything is there, and its contents are not known.
func TestSparse(t *testing.T) {
	r := mustOpen(t, sparseFile(1<<20))
	info, err := r.Stat("/s", Superuser)
	must(t, err)
	data, err := r.ReadFile("/s", Superuser, 2<<20)
	if err != nil || info.Size != 1<<20 || !bytes.HasSuffix(data, []byte("\x00end\n")) || len(data) != 1<<20 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	r = mustOpen(t, sparseFile(1<<40))
	info, err = r.Stat("/s", Superuser)
	must(t, err)
	var ours *HostError
	if _, err := r.ReadFile("/s", Superuser, 4); !errors.As(err, &ours) || info.Size != 1<<40 {
		t.Errorf("a sparse terabyte: %d bytes, %v", info.Size, err)
	}
}

// sparseFile is one of four bytes behind a hole, in PAX format 1.0.
func sparseFile(size int64) []byte {
	body := make([]byte, 512)
	copy(body, fmt.Sprintf("1\n%d\n4\n", size-4))
	body = append(body, "end\n"...)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	h := &tar.Header{Name: "GNUSparseFile.0/s", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(body)), Format: tar.FormatPAX,
		PAXRecords: map[string]string{"WILLRUN.sparse.major": "1", "WILLRUN.sparse.minor": "0", "WILLRUN.sparse.name": "s", "WILLRUN.sparse.realsize": fmt.Sprint(size)}}
	if err := w.WriteHeader(h); err != nil {
		panic(err)
	}
	w.Write(body)
	w.Close()
	// The writer refuses the names that it should have.
	return renamePAX(b.Bytes())
}

// renamePAX turns WILLRUN.sparse into GNU.sparse inside PAX records, whose
// lengths count their bytes.
func renamePAX(data []byte) []byte {
	out := bytes.Clone(data)
	var records bytes.Buffer
	old := string(data[512:1024])
	for line := range strings.Lines(strings.TrimRight(old, "\x00")) {
		_, kv, _ := strings.Cut(strings.TrimSpace(line), " ")
		kv = strings.Replace(kv, "WILLRUN.", "GNU.", 1) + "\n"
		n := len(kv) + 3
		records.WriteString(fmt.Sprintf("%d %s", n, kv))
	}
	clear(out[512:1024])
	copy(out[512:], records.Bytes())
	copy(out[124:], fmt.Sprintf("%011o\x00", records.Len()))
	copy(out[148:], "        ")
	sum := 0
	for _, c := range out[:512] {
		sum += int(c)
	}
	copy(out[148:], fmt.Sprintf("%06o\x00 ", sum))
	return out
}

// TestXZWindow: a header that asks for gigabytes gets none.
func TestXZWindow(t *testing.T) {
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&b)
	must(t, err)
	w.Write(tarOf([]entry{{name: "f", body: "x"}}))
	w.Close()
	wantTree(t, mustOpen(t, b.Bytes()), "/f = x")
	head := bytes.Clone(b.Bytes())
	head[12+4] = 40 // 4 GiB
	var limit *LimitError
	if _, err := openBytes(t, head); !errors.As(err, &limit) {
		t.Error(err)
	}
}

// TestSpoolIsGone: the temporary file has no name while the tree is open.
func TestSpoolIsGone(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	file := filepath.Join(t.TempDir(), "a.tgz")
	must(t, os.WriteFile(file, gz(tarOf([]entry{{name: "f", body: "x"}})), 0o600))
	r, err := Archive(context.Background(), file)
	must(t, err)
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v lies there", left)
	}
	if b, err := r.ReadFile("/f", Superuser, 9); string(b) != "x" || err != nil {
		t.Error(string(b), err)
	}
	must(t, r.Close())
}
