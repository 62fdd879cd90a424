package pkgindex_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/root"
)

const apkIndex = `C:Q1AAAA=
P:musl
V:1.2.4-r2
A:x86_64
p:so:libc.musl-x86_64.so.1=1

C:Q1AAAA=
P:alpine-base
V:3.18.4-r0
A:x86_64
D:musl busybox

C:Q1AAAA=
P:busybox
V:1.36-r1
A:x86_64
D:so:libc.musl-x86_64.so.1
p:/bin/sh cmd:sh=1.36-r1

C:Q1AAAA=
P:zlib
V:1.2.13-r1
A:x86_64
D:so:libc.musl-x86_64.so.1
p:so:libz.so.1=1.2.13

`

const apkDatabase = `C:Q1AAAA=
P:musl
V:1.2.4-r2
A:x86_64
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1AAAA=
R:libc.musl-x86_64.so.1
a:0:0:777

P:alpine-release
V:3.18.4-r0
A:x86_64

P:zlib
V:1.2.13-r1
A:x86_64
p:so:libz.so.1=1.2.13
F:lib
R:libz.so.1
a:0:0:777
R:libz.so.1.2.13
a:0:0:755
F:usr/lib/private
R:libhidden.so.1
`

// An apk index offers its packages, a database has them; musl's loader starts
// a program on either as far as the libraries are there.
func TestAPK(t *testing.T) {
	tarred := pack(t, "gz", tarOf([]item{{name: "DESCRIPTION", body: "x"}, {name: "APKINDEX", body: apkIndex}}, true))
	for _, c := range []struct {
		name      string
		data      []byte
		installed bool
		started   bool
		command   string
	}{
		{"APKINDEX.tar.gz", tarred, false, false, "apk add zlib"},
		{"APKINDEX", []byte(apkIndex), false, false, "apk add zlib"},
		{"installed", []byte(apkDatabase), true, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, err := pkgindex.Open(context.Background(), save(t, c.name, c.data))
			if err != nil {
				t.Fatal(err)
			}
			if x.Installed != c.installed || x.Complete == c.installed || x.Manager != "apk" || x.Distribution.VersionID != "3.18.4" {
				t.Errorf("%v %v %s %+v", x.Installed, x.Complete, x.Manager, x.Distribution)
			}
			p := x.Providers("libz.so.1", nil, "x86-64")
			if len(p) != 1 || p[0].Command != c.command || p[0].Installed != c.installed {
				t.Errorf("%+v", p)
			}
			if p := x.Providers("libhidden.so.1", nil, ""); len(p) > 0 {
				t.Errorf("%+v", p)
			}
			tree, err := root.Described(x.Name, x.Entries("x86-64"))
			if err != nil {
				t.Fatal(err)
			}
			startMusl(t, tree, c.started)
		})
	}
}

func startMusl(t *testing.T, tree *root.Root, want bool) {
	t.Helper()
	lib, _ := tree.Stat("/lib/ld-musl-x86_64.so.1", root.Superuser)
	o, err := tree.Object(lib)
	if err != nil {
		t.Fatal(err)
	}
	if o.Facts.ELF.Soname != "libc.musl-x86_64.so.1" {
		t.Errorf("its loader is %q", o.Facts.ELF.Soname)
	}
	e := pkgindex.OpaqueFacts(&pkgindex.Library{Kind: binary.KindPIE, Machine: "x86-64", Class: 64, Needed: []string{"libz.so.1", "libc.musl-x86_64.so.1"}}, 9999, nil)
	over, info, err := tree.WithFile("/usr/bin/app", e, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	trace := loader.Load(over, loader.Subject{Place: "/usr/bin/app", Info: info, Facts: e}, loader.Options{})
	if trace.Started() != want {
		t.Errorf("started %v: %+v", trace.Started(), trace.Faults)
	}
	for _, f := range trace.Faults {
		if f.Library != "libz.so.1" {
			t.Errorf("%+v", f)
		}
	}
	if l, err := tree.Libc("/lib/ld-musl-x86_64.so.1", lib); err != nil || l.Kind != "musl" || l.Version != "1.2.4" {
		t.Errorf("%+v %v", l, err)
	}
}

func TestAPKRefused(t *testing.T) {
	for name, data := range map[string][]byte{
		"no apk index":             []byte("C:Q1x\nnonsense\n"),
		"without packages":         []byte("C:Q1x\n"),
		"a tar archive without":    pack(t, "gz", tarOf([]item{{name: "a", body: "b"}}, true)),
		"bytes in a line":          []byte("C:Q1x\nP:" + strings.Repeat("a", 2<<20)),
		"packages: it is not read": bytes.Repeat([]byte("P:a\n\n"), 1<<18+1),
	} {
		if _, err := pkgindex.Open(context.Background(), save(t, "x", data)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
