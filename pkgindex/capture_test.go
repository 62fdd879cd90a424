package pkgindex_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/root"
)

// smallTree is a tree of this machine's programs with all that they load.
func smallTree(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	run := func(script string) {
		t.Helper()
		cmd := exec.Command("bash", "-e", "-c", script)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			lab.Missing(t, "programs of this machine and ldd: "+string(out))
		}
	}
	run(`mkdir -p usr/bin usr/lib usr/lib64 usr/sbin etc/ld.so.conf.d opt/app/bin opt/app/lib tmp etc/ssl/certs usr/share/zoneinfo
for d in bin sbin lib lib64; do ln -s usr/$d $d; done
for p in /bin/bash /usr/bin/env /bin/ls /usr/bin/sort /usr/bin/perl; do
  cp -L $p usr/bin/
  for l in $(ldd $p | grep -o '/[^ ]*'); do mkdir -p .$(dirname $l); cp -nL $l .$l; done
done
ln -s bash usr/bin/sh
cp usr/bin/ls opt/app/bin/app
ln usr/bin/sort usr/bin/sort2
printf '#!/usr/bin/env perl\n' > usr/bin/script; chmod 755 usr/bin/script
printf '#!/bin/none\n' > usr/bin/broken; chmod 755 usr/bin/broken
echo text > usr/bin/text; chmod 644 usr/bin/text; : > usr/bin/nothing; chmod 755 usr/bin/nothing
ln -s /nowhere usr/bin/dangling; ln -s loop usr/bin/loop; mkfifo usr/bin/fifo
chmod 700 opt/app/lib; printf 'root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/:/bin/sh\n' > etc/passwd
printf 'ID=debian\nVERSION_ID="12"\n' > etc/os-release; echo x > etc/ssl/certs/a.pem; echo x > usr/share/zoneinfo/UTC
cp /etc/ld.so.cache etc/`)
	return dir
}

// A judgement on a capture, written and read again, equals one on the tree:
// every program, as two users, with everything that a trace tells.
func TestCapture(t *testing.T) {
	tree, err := root.Dir(smallTree(t))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	x, err := pkgindex.Capture(context.Background(), tree)
	if err != nil {
		t.Fatal(err)
	}
	y := roundTrip(t, x)
	if !y.Installed || y.Manager != "apt" || y.Distribution.VersionID != "12" {
		t.Errorf("%v %s %+v", y.Installed, y.Manager, y.Distribution)
	}
	described, err := root.Described(y.Name, y.Entries(""))
	if err != nil {
		t.Fatal(err)
	}
	compareTrees(t, tree, described, []string{"/usr/bin", "/opt/app/bin"})
	if p := y.Providers("libc.so.6", []string{"GLIBC_2.17"}, "x86-64"); len(p) != 1 || !p[0].Installed {
		t.Errorf("libc.so.6: %+v", p)
	}
}

func compareTrees(t *testing.T, a, b *root.Root, dirs []string) {
	t.Helper()
	n := 0
	for _, dir := range dirs {
		names, err := a.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			for _, user := range []root.Cred{root.Superuser, {UID: 1000, GID: 1000}} {
				place := filepath.Join(dir, name)
				x, y := traceOf(t, a, place, user), traceOf(t, b, place, user)
				n++
				if x != y {
					t.Errorf("%s as %d", place, user.UID)
					differ(t, x, y)
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d programs", n)
	}
}

// traceOf is a trace as text, without facts and identities.
func traceOf(t *testing.T, tree *root.Root, place string, user root.Cred) string {
	info, err := tree.Stat(place, root.Superuser)
	if err != nil {
		return err.Error()
	}
	if info.Mode&root.ModeFmt == 0o010000 {
		return "fifo"
	}
	o, err := tree.Object(info)
	if err != nil {
		return err.Error()
	}
	trace := loader.Load(tree, loader.Subject{Place: place, Info: info, Facts: o.Facts}, loader.Options{User: user, Env: []string{"PATH=/usr/bin:/bin"}})
	var lines []string
	for _, x := range trace.Objects {
		lines = append(lines, text(t, []any{x.Name, x.Path, x.Real, x.FoundBy}))
	}
	for _, f := range trace.Faults {
		lines = append(lines, text(t, f))
	}
	lines = append(lines, text(t, []any{trace.Output, trace.ExitStatus, trace.Signal, trace.Limits, trace.CPUMatters}))
	return strings.Join(lines, "\n")
}

// A captured tree of the lab judges as the tree does.
func TestCaptureOfRoot(t *testing.T) {
	dir := os.Getenv("WILLRUN_CAPTURE_ROOT")
	if dir == "" {
		t.Skip("WILLRUN_CAPTURE_ROOT names no tree")
	}
	tree, err := root.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	x, err := pkgindex.Capture(context.Background(), tree)
	if err != nil {
		t.Fatal(err)
	}
	described, err := root.Described("", roundTrip(t, x).Entries(""))
	if err != nil {
		t.Fatal(err)
	}
	compareTrees(t, tree, described, []string{"/usr/bin", "/usr/sbin"})
}
