package ociimage_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"

	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/ociimage"
	"github.com/willrun/willrun/ociimage/ocitest"
	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target/targettest"
)

func tool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		lab.Missing(t, name+" is not installed")
	}
	if os.Geteuid() != 0 {
		lab.Missing(t, "only root can unpack files with their owners")
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// listTree is a tree as text: name, mode, owner, and what it is.
func listTree(t *testing.T, r *root.Root) string {
	t.Helper()
	var lines []string
	first := map[root.FileID]string{}
	var walk func(dir string)
	walk = func(dir string) {
		names, err := r.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			name := strings.TrimSuffix(dir, "/") + "/" + n
			info, err := r.Lstat(name, root.Superuser)
			if err != nil {
				t.Fatal(err)
			}
			what := ""
			switch {
			case info.IsDir():
				walk(name)
			case info.Mode&root.ModeFmt == root.ModeLink:
				info.Mode = root.ModeLink | 0o777
			case info.Regular():
				if first[info.ID] == "" {
					first[info.ID] = name
				}
				what = read(r, name) + " = " + first[info.ID]
			}
			lines = append(lines, fmt.Sprintf("%s %o %d:%d %s", name, info.Mode, info.UID, info.GID, what))
		}
	}
	walk("/")
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// TestSkopeo: what skopeo makes of an image, in every form, is the same image
// to us.
func TestSkopeo(t *testing.T) {
	tool(t, "skopeo")
	home(t)
	dir := filepath.Join(t.TempDir(), "sample")
	targettest.Sample(t, dir)
	p := ocitest.New()
	m := p.Image(ocitest.Config{Env: []string{"A=b"}, Entrypoint: []string{"tool"}, User: "7"}, sample(t, dir, gz)...)
	arm := p.Image(ocitest.Config{Platform: "linux/arm64"}, gz(tarOf(t, file{name: "arm"})))
	host := ocitest.Serve(t, p, map[string]ocitest.Blob{"app:1": m, "many:1": p.Index(m, arm)}, nil)
	from, out := "docker://"+host+"/app:1", t.TempDir()
	copies := map[string]string{
		"docker-archive:" + out + "/docker.tar:app:1": "archive:" + out + "/docker.tar",
		"oci-archive:" + out + "/oci.tar:1":           "archive:" + out + "/oci.tar",
		"oci:" + out + "/oci:v1":                      "oci:" + out + "/oci:v1",
	}
	for to := range copies {
		run(t, "skopeo", "copy", "-q", "--insecure-policy", "--src-tls-verify=false", from, to)
	}
	for _, how := range []string{"zstd", "zstd:chunked"} {
		to := "oci:" + out + "/" + strings.Replace(how, ":", "-", 1)
		run(t, "skopeo", "copy", "-q", "--insecure-policy", "--dest-compress-format", how, "oci:"+out+"/oci:v1", to)
		copies[to] = to
	}
	run(t, "skopeo", "copy", "-q", "--insecure-policy", "--all", "--src-tls-verify=false", "docker://"+host+"/many:1", "oci:"+out+"/many:1")
	copies["many"] = "oci:" + out + "/many"
	for _, name := range copies {
		kind, path, _ := strings.Cut(name, ":")
		r, err := root.Archive(ctx, path)
		if kind == "oci" {
			r, err = ociimage.Layout(ctx, path, ociimage.Options{})
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) { targettest.Tree(t, dir, r) })
		if i := r.Image; i.User != "7" || i.Entrypoint[0] != "tool" || i.Env[0] != "A=b" || i.ID == "" || i.Platform().String() != "linux/amd64" {
			t.Errorf("%s: %+v", name, i)
		}
		r.Close()
	}
}

// TestUmoci: layers of every kind of change, made by chance, unpack to what
// our tree says.
func TestUmoci(t *testing.T) {
	tool(t, "umoci")
	home(t)
	rounds := 40
	if testing.Short() {
		rounds = 4
	}
	for seed := range rounds {
		rnd := rand.New(rand.NewPCG(7, uint64(seed)))
		w := &world{rnd: rnd, names: map[string]byte{}}
		p := ocitest.New()
		var layers [][]byte
		for range 2 + rnd.IntN(4) {
			layers = append(layers, w.layer(t))
		}
		dir := ocitest.Layout(t, p, p.Image(ocitest.Config{}, layers...).Named("v"))
		r, err := ociimage.Layout(ctx, dir, ociimage.Options{CacheDir: "off"})
		if err != nil {
			t.Fatal(err)
		}
		bundle := filepath.Join(t.TempDir(), "rootfs")
		run(t, "umoci", "raw", "unpack", "--image", dir+":v", bundle)
		d, err := root.Dir(bundle)
		if err != nil {
			t.Fatal(err)
		}
		if ours, theirs := listTree(t, r), listTree(t, d); ours != theirs {
			t.Errorf("seed %d:\n%s", seed, differ(ours, theirs))
		}
		r.Close()
		d.Close()
		os.RemoveAll(filepath.Dir(bundle))
	}
}

func differ(ours, theirs string) string {
	var b strings.Builder
	for _, side := range []struct{ sign, have, lack string }{{"ours  ", ours, theirs}, {"umoci ", theirs, ours}} {
		other := map[string]bool{}
		for _, l := range strings.Split(side.lack, "\n") {
			other[l] = true
		}
		for _, l := range strings.Split(side.have, "\n") {
			if !other[l] {
				b.WriteString(side.sign + l + "\n")
			}
		}
	}
	return b.String()
}

// world remembers what lower layers made, so that a layer can change it.
type world struct {
	rnd   *rand.Rand
	names map[string]byte
	n     int
}

func (w *world) pick(kind byte) string {
	var have []string
	for n, k := range w.names {
		if kind == 0 || k == kind {
			have = append(have, n)
		}
	}
	if len(have) == 0 {
		return ""
	}
	sort.Strings(have)
	return have[w.rnd.IntN(len(have))]
}

// layer is one layer; a name comes once in it, and parents before children, as
// builders write them.
func (w *world) layer(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	used := map[string]bool{}
	free := func(name string) bool { // nothing of this layer lies at, above or below
		for u := range used {
			if u == name || strings.HasPrefix(u, name+"/") || strings.HasPrefix(name, u+"/") && w.names[u] != tar.TypeDir {
				return false
			}
		}
		return true
	}
	put := func(h *tar.Header, body string) {
		h.Mode, h.Uid, h.Gid, h.Size = int64(0o400+w.rnd.IntN(0o400)), w.rnd.IntN(3), w.rnd.IntN(3), int64(len(body))
		if h.Typeflag == tar.TypeDir {
			h.Mode |= 0o700
		}
		if err := out.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		out.Write([]byte(body))
	}
	forget := func(name string) {
		for n := range w.names {
			if n == name || strings.HasPrefix(n, name+"/") {
				delete(w.names, n)
			}
		}
	}
	for range 3 + w.rnd.IntN(25) {
		dir := w.pick(tar.TypeDir)
		w.n++
		fresh := filepath.Join(dir, fmt.Sprint("n", w.n))
		old := w.pick(0)
		switch w.rnd.IntN(8) {
		case 0, 1:
			put(&tar.Header{Name: fresh + "/", Typeflag: tar.TypeDir}, "")
			w.names[fresh], used[fresh] = tar.TypeDir, true
		case 2:
			put(&tar.Header{Name: fresh, Typeflag: tar.TypeReg}, fmt.Sprint("body ", w.n))
			w.names[fresh], used[fresh] = tar.TypeReg, true
		case 3:
			put(&tar.Header{Name: fresh, Typeflag: tar.TypeSymlink, Linkname: "nowhere"}, "")
			w.names[fresh], used[fresh] = tar.TypeSymlink, true
		case 4: // a hard link to what a lower layer or this one made
			if to := w.pick(tar.TypeReg); to != "" {
				if err := out.WriteHeader(&tar.Header{Name: fresh, Typeflag: tar.TypeLink, Linkname: to}); err != nil {
					t.Fatal(err)
				}
				w.names[fresh], used[fresh], used[to] = tar.TypeReg, true, true
			}
		case 5: // gone
			if old != "" && free(old) {
				put(&tar.Header{Name: filepath.Join(filepath.Dir(old), ".wh."+filepath.Base(old)), Typeflag: tar.TypeReg}, "")
				forget(old)
				used[old] = true
			}
		case 6: // opaque
			if dir != "" && free(dir) {
				put(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir}, "")
				put(&tar.Header{Name: dir + "/.wh..wh..opq", Typeflag: tar.TypeReg}, "")
				forget(dir)
				w.names[dir], used[dir] = tar.TypeDir, true
			}
		case 7: // another thing of the same name
			if old != "" && free(old) {
				kind := []byte{tar.TypeReg, tar.TypeDir, tar.TypeSymlink}[w.rnd.IntN(3)]
				h := &tar.Header{Name: old, Typeflag: kind}
				body := ""
				switch kind {
				case tar.TypeSymlink:
					h.Linkname = "elsewhere"
				case tar.TypeReg:
					body = fmt.Sprint("other ", w.n)
				}
				put(h, body)
				if kind != tar.TypeDir {
					forget(old)
				}
				w.names[old], used[old] = kind, true
			}
		}
	}
	out.Close()
	return gz(b.Bytes())
}

// TestRealSystem: a real root file system of the lab as an image keeps every
// program, and the tree is the directory's.
func TestRealSystem(t *testing.T) {
	l := lab.Open(t)
	home(t)
	dir := filepath.Join(l.Dir, "roots", "bookworm")
	p := ocitest.New()
	r, err := ociimage.Layout(ctx, ocitest.Layout(t, p, p.Image(ocitest.Config{}, targettest.Compress(t, "zst", realTar(t, dir)))), ociimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := 0
	if err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		inside := strings.TrimPrefix(name, dir)
		info, err := r.Lstat(inside, root.Superuser)
		fi, err2 := d.Info()
		if err != nil || err2 != nil || info.Size != fi.Size() || info.UID != fi.Sys().(*syscall.Stat_t).Uid {
			t.Errorf("%s: %+v %v %v", inside, info, err, err2)
			return nil
		}
		want, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(want, []byte("\x7fELF")) || bytes.HasPrefix(want, []byte("#!")) {
			n++
			got, err := r.ReadFile(inside, root.Superuser, info.Size)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes of %d, %v", inside, len(got), len(want), err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n < 100 {
		t.Errorf("only %d programs", n)
	}
	if d := r.Distribution(); d.ID != "debian" {
		t.Errorf("%+v", d)
	}
}

func realTar(t *testing.T, dir string) []byte {
	t.Helper()
	out, err := exec.Command("tar", "-C", dir, "-c", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
