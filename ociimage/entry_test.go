package ociimage

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/root"
)

// systemFiles is a tree with the programs that images start things with.
var systemFiles = map[string]string{
	"bin/sh": "\x7fELF sh", "bin/bash": "\x7fELF bash", "usr/bin/env": "\x7fELF env", "sbin/tini": "\x7fELF tini", "usr/local/bin/dumb-init": "\x7fELF", "usr/bin/python3": "\x7fELF",
	"usr/local/bin/app": "\x7fELF app", "usr/bin/app": "\x7fELF another", "app/run": "\x7fELF run", "usr/sbin/gosu": "\x7fELF", "bin/busybox": "\x7fELF", "usr/bin/supervisord": "\x7fELF", "bin/mkdir": "\x7fELF",
	"usr/bin/tee": "\x7fELF", "usr/bin/timeout": "\x7fELF", "opt/bin/tool": "\x7fELF",
	"simple.sh":     "#!/bin/sh\nset -e\n# a comment\nexport MODE=prod\nexec \"$@\"\n",
	"deciding.sh":   "#!/bin/sh\nset -eo pipefail\nif [ \"$1\" = x ]; then\n  chown -R app /data\nfi\nexec \"$@\"\n",
	"prog.py":       "#!/usr/bin/env python3\nimport os\n",
	"env.sh":        "#!/usr/bin/env bash\nexec app \"$0\" \"$1\"\n",
	"shut/app":      "\x7fELF",
	"work/relative": "\x7fELF",
}

func systemTree(t testing.TB) *root.Root {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range systemFiles {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
	}
	for name, to := range map[string]string{"usr/bin/sh": "/bin/sh"} {
		w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777})
	}
	w.WriteHeader(&tar.Header{Name: "usr/local/sbin/app", Typeflag: tar.TypeReg, Mode: 0o644}) // not executable
	w.Close()
	file := filepath.Join(t.TempDir(), "root.tar")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := root.Archive(context.Background(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestEntryPoint: what is seen is what happens; what can't be seen is said.
func TestEntryPoint(t *testing.T) {
	tree := systemTree(t)
	sh := func(script string, more ...string) []string {
		return append([]string{"/bin/sh", "-c", script}, more...)
	}
	for _, c := range []struct {
		entry, cmd []string
		env        string
		dir        string
		want       string // path and arguments of every step
		unknown    string
	}{
		{entry: []string{"app"}, cmd: []string{"--x"}, want: "/usr/local/bin/app[app --x]"},
		{cmd: []string{"app"}, want: "/usr/local/bin/app[app]"},
		{entry: []string{"app"}, env: "PATH=/opt/bin:/usr/bin", want: "/usr/bin/app[app]"},
		{entry: []string{"app"}, env: "PATH=", want: "[app]"},
		{entry: []string{"nothing"}, want: "[nothing]"},
		{entry: []string{"/nothing"}, want: "/nothing[/nothing]"},
		{entry: []string{"./run"}, dir: "/app", want: "/app/run[./run]"},
		{entry: []string{"app/run"}, want: "/app/run[app/run]"},
		{entry: []string{"../app/run"}, dir: "/srv", want: "/srv/../app/run[../app/run]"},
		{entry: []string{"relative"}, env: "PATH=.:/bin", dir: "/work", unknown: "a relative entry of PATH"},
		{unknown: "names no program"},
		// Wrappers.
		{entry: []string{"/sbin/tini", "--", "app"}, cmd: []string{"-v"}, want: "/sbin/tini[/sbin/tini -- app -v] /usr/local/bin/app[app -v]"},
		{entry: []string{"tini", "-g", "-p", "SIGTERM", "-vvv", "-eX", "app"}, want: "/sbin/tini[tini -g -p SIGTERM -vvv -eX app] /usr/local/bin/app[app]"},
		{entry: []string{"tini", "-g"}, want: "/sbin/tini[tini -g]", unknown: "tini: its arguments name no program"},
		{entry: []string{"tini", "--version", "app"}, want: "/sbin/tini[tini --version app]", unknown: "tini: its option --version"},
		{entry: []string{"dumb-init", "--rewrite", "15:3", "-c", "--", "app"}, want: "/usr/local/bin/dumb-init[dumb-init --rewrite 15:3 -c -- app] /usr/local/bin/app[app]"},
		{entry: []string{"tini", "--", "gosu", "www", "app"}, want: "/sbin/tini[tini -- gosu www app] /usr/sbin/gosu[gosu www app] /usr/local/bin/app[app]"},
		{entry: []string{"env", "-i", "A=b", "PATH=/opt/bin", "tool", "x=y"}, want: "/usr/bin/env[env -i A=b PATH=/opt/bin tool x=y] /opt/bin/tool[tool x=y]"},
		{entry: []string{"env", "-i", "app"}, want: "/usr/bin/env[env -i app]", unknown: "app is looked for without a PATH"},
		{entry: []string{"env", "-S", "app x"}, want: "/usr/bin/env[env -S app x]", unknown: "env: its option -S"},
		{entry: []string{"env", "-uA"}, want: "/usr/bin/env[env -uA]", unknown: "env: its option -uA"},
		{entry: []string{"timeout", "-k", "5", "10", "app"}, want: "/usr/bin/timeout[timeout -k 5 10 app] /usr/local/bin/app[app]"},
		{entry: []string{"supervisord", "-n"}, want: "/usr/bin/supervisord[supervisord -n]", unknown: "supervisord starts what its own"},
		{entry: []string{"busybox", "sh", "-c", "app"}, want: "/bin/busybox[busybox sh -c app] /usr/local/bin/app[app]"},
		{entry: []string{"/prog.py", "a"}, want: "/prog.py[/prog.py a]"},
		// Shell forms.
		{entry: sh("exec app --x"), want: "/bin/sh[/bin/sh -c exec app --x] /usr/local/bin/app[app --x]"},
		{entry: sh("app"), want: "/bin/sh[/bin/sh -c app] /usr/local/bin/app[app]"},
		{entry: sh(`exec "$@"`, "--", "app", "a b"), want: `/bin/sh[/bin/sh -c exec "$@" -- app a b] /usr/local/bin/app[app a b]`},
		{entry: sh(`exec "$0" "$1"`, "app", "a b"), want: `/bin/sh[/bin/sh -c exec "$0" "$1" app a b] /usr/local/bin/app[app a b]`},
		{entry: sh("cd /app && exec ./run 'a b' \"c d\" e\\ f"), want: "/bin/sh[…] /app/run[./run a b c d e f]"},
		{entry: sh("cd /nowhere && ./run"), want: "/bin/sh[…]", unknown: "sh -c: cd to /nowhere: it is no directory"},
		{entry: sh("A=1 PATH=/opt/bin exec tool"), want: "/bin/sh[…] /opt/bin/tool[tool]"},
		{entry: sh("export PATH=\"/opt/bin:$PATH\"; tool; app"), want: "/bin/sh[…] /opt/bin/tool[tool] /usr/local/bin/app[app]"},
		{entry: sh("export PATH=$(x):/bin; app"), want: "/bin/sh[…]", unknown: "the value of PATH is only known"},
		{entry: sh("A=$(date) exec app"), want: "/bin/sh[…] /usr/local/bin/app[app]"},
		{entry: sh("LD_PRELOAD=$(cat x) exec app"), want: "/bin/sh[…]", unknown: "the value of LD_PRELOAD is only known"},
		{entry: sh("app --port $PORT"), want: "/bin/sh[…] /usr/local/bin/app[app --port $PORT]"},
		{entry: sh("$APP"), want: "/bin/sh[…]", unknown: "which command $APP is"},
		{entry: sh("exec $APP_HOME/run"), env: "APP_HOME=/app", want: "/bin/sh[…] /app/run[/app/run]"},
		{entry: sh("$CMD"), env: "CMD=app --x", want: "/bin/sh[…]", unknown: "which command $CMD is"},
		{entry: sh("${CMD:-app}"), want: "/bin/sh[…]", unknown: "which command ${CMD:-app} is"},
		{entry: sh("D=/app; $D/run"), want: "/bin/sh[…] /app/run[/app/run]"},
		{entry: sh("/app/r*"), want: "/bin/sh[…]", unknown: "which command /app/r*"},
		{entry: sh("`which app`"), want: "/bin/sh[…]", unknown: "which command"},
		{entry: sh("mkdir -p /data && exec app"), want: "/bin/sh[…] /bin/mkdir[mkdir -p /data] /usr/local/bin/app[app]"},
		{entry: sh("[ -f /x ] && exec app"), want: "/bin/sh[…]", unknown: "a condition decides"},
		{entry: sh("test -f /x || exec app"), want: "/bin/sh[…]", unknown: "a condition decides"},
		{entry: sh("mkdir /x || true; app"), want: "/bin/sh[…] /bin/mkdir[mkdir /x] /usr/local/bin/app[app]"},
		{entry: sh("if true; then app; fi"), want: "/bin/sh[…]", unknown: "decided while it runs"},
		{entry: sh("while :; do app; done"), want: "/bin/sh[…]", unknown: "decided while it runs"},
		{entry: sh("app() { :; }; app"), want: "/bin/sh[…]", unknown: "decided while it runs"},
		{entry: sh("alias app=x; app"), want: "/bin/sh[…]", unknown: "alias is not followed"},
		{entry: sh(". /etc/profile; app"), want: "/bin/sh[…]", unknown: ". is not followed"},
		{entry: sh("app > /var/log/x"), want: "/bin/sh[…]", unknown: "a redirection decides"},
		{entry: sh("app 2>&1 | tee log"), want: "/bin/sh[…] /usr/local/bin/app[app] /usr/bin/tee[tee log]"},
		{entry: sh("(cd /app; exec ./run) & app; wait"), want: "/bin/sh[…] /app/run[./run] /usr/local/bin/app[app]"},
		{entry: sh("exec app; exec run"), want: "/bin/sh[…] /usr/local/bin/app[app]"},
		{entry: sh("exec -a x app"), want: "/bin/sh[…]", unknown: "exec -a is not followed"},
		{entry: sh("eval app"), want: "/bin/sh[…]", unknown: "eval is not followed"},
		{entry: sh("exec tini -- app"), want: "/bin/sh[…] /sbin/tini[tini -- app] /usr/local/bin/app[app]"},
		{entry: sh("tini -- $X"), want: "/bin/sh[…] /sbin/tini[tini -- $X]", unknown: "tini: $X is only known"},
		{entry: sh("exec sh -c 'exec app'"), want: "/bin/sh[…] /bin/sh[sh -c exec app] /usr/local/bin/app[app]", env: "PATH=/bin:/usr/local/bin"},
		{entry: sh("if ("), want: "/bin/sh[…]", unknown: "can't be read as a script"},
		{entry: []string{"bash", "-lc", "app"}, want: "/bin/bash[bash -lc app]", unknown: "a login or interactive shell"},
		{entry: []string{"bash", "-euo", "pipefail", "-c", "app"}, want: "/bin/bash[bash -euo pipefail -c app] /usr/local/bin/app[app]"},
		{entry: []string{"bash", "-c", "[[ -f /x ]] && app"}, want: "/bin/bash[bash -c [[ -f /x ]] && app]", unknown: "a condition decides"},
		{entry: []string{"bash", "-c", "export A=b X=$Y; app"}, want: "/bin/bash[bash -c export A=b X=$Y; app] /usr/local/bin/app[app]"},
		{entry: []string{"sh"}, want: "/bin/sh[sh]", env: "PATH=/bin", unknown: "sh reads commands from its input"},
		// Scripts in the image.
		{entry: []string{"/simple.sh"}, cmd: []string{"app", "-x"}, want: "/simple.sh[/simple.sh app -x] /usr/local/bin/app[app -x]"},
		{entry: []string{"sh", "/simple.sh", "app"}, env: "PATH=/bin:/usr/bin", want: "/bin/sh[sh /simple.sh app] /usr/bin/app[app]"},
		{entry: []string{"/env.sh", "z"}, want: "/env.sh[/env.sh z] /usr/local/bin/app[app /env.sh z]"},
		{entry: []string{"/deciding.sh"}, cmd: []string{"app", "-x"}, want: "/deciding.sh[/deciding.sh app -x]",
			unknown: `/deciding.sh, line 3: what it starts is decided while it runs; its last line is exec "$@", which would start app -x`},
		{entry: []string{"sh", "/absent.sh"}, env: "PATH=/bin", want: "/bin/sh[sh /absent.sh]", unknown: "can't read its script /absent.sh: ENOENT"},
	} {
		tree.Image = &root.Image{Entrypoint: c.entry, Cmd: c.cmd, Dir: c.dir}
		if c.env != "" {
			tree.Image.Env = []string{c.env}
		}
		steps, unknown := EntryPoint(tree)
		var got []string
		for i, s := range steps {
			text := fmt.Sprintf("%s[%s]", s.Path, strings.Join(s.Argv, " "))
			if i == 0 && strings.Contains(c.want, "[…]") {
				text = s.Path + "[…]"
			}
			got = append(got, text)
		}
		if g := strings.Join(got, " "); g != c.want || !strings.Contains(unknown, c.unknown) || (c.unknown == "") != (unknown == "") {
			t.Errorf("%q %q %s %s:\n got %s; %q\nwant %s; %q", c.entry, c.cmd, c.env, c.dir, g, unknown, c.want, c.unknown)
		}
	}
}

// TestCircumstances: what goes before changes what a program inherits.
func TestCircumstances(t *testing.T) {
	tree := systemTree(t)
	tree.Image = &root.Image{Env: []string{"A=1", "A=2", "PATH=/usr/sbin:/usr/bin:/bin"}, User: "7", Dir: "/work", Entrypoint: []string{"sh", "-c", "cd ../app && export B=3 LD_LIBRARY_PATH=/app && exec gosu 9:9 env -u A C=4 app"}}
	steps, unknown := EntryPoint(tree)
	if len(steps) != 4 || unknown != "" {
		t.Fatalf("%+v %s", steps, unknown)
	}
	s := steps[3]
	if !slices.Equal(s.Env, []string{"PATH=/usr/sbin:/usr/bin:/bin", "B=3", "LD_LIBRARY_PATH=/app", "C=4"}) || s.Dir != "/app" || s.User != "9:9" {
		t.Errorf("%+v", s)
	}
	if s := steps[0]; s.User != "7" || s.Dir != "/work" || s.Why != "the image's Entrypoint" {
		t.Errorf("%+v", s)
	}
	tree.Image = nil
	if _, unknown := EntryPoint(tree); unknown != "it is no image" {
		t.Error(unknown)
	}
}

// TestDeepScripts: scripts that nest without end are refused before they
// exhaust the stack of the parser, which recurses.
func TestDeepScripts(t *testing.T) {
	tree := systemTree(t)
	for _, open := range []string{"$((", "(", "{ ", "$(", "\"$(", "${a:-", "if ", "case x in x) ", "[[ ! ", "${a[", "while ", "a && ", "a | ", "x() ", "`\\`"} {
		for _, before := range []string{"", "$((", "[[ "} {
			for _, n := range []int{maxOpeners / 4, maxScript / 8, maxScript} {
				tree.Image = &root.Image{Entrypoint: []string{"/bin/bash", "-c", before + strings.Repeat(open, n)}}
				if steps, unknown := EntryPoint(tree); len(steps) == 0 || unknown == "" || len(unknown) > 1000 {
					t.Errorf("%d times %q behind %q: %d steps, %.200s", n, open, before, len(steps), unknown)
				}
			}
		}
	}
}

// FuzzEntryPoint: whatever an image says, following it ends.
func FuzzEntryPoint(f *testing.F) {
	tree := systemTree(f)
	f.Add("exec app --x", "app", "A=b")
	f.Add("cd /app && ./run | tee x & (a; b) || true", "x", "PATH=:/bin")
	f.Add(`set -- "$@" x; shift; exec "$@"; export A=$B"c"$D`, "sh -c", "BASH_ENV=x")
	f.Add("sh -c 'sh -c \"exec sh -c app\"'", "env -u A B=c sh", "PATH=/bin")
	f.Fuzz(func(t *testing.T, script, arg, env string) {
		for _, shell := range []string{"/bin/sh", "/bin/bash"} {
			tree.Image = &root.Image{Entrypoint: []string{shell, "-c", script}, Cmd: strings.Fields(arg), Env: []string{env, "PATH=/bin:/usr/bin"}}
			steps, _ := EntryPoint(tree)
			if len(steps) == 0 || len(steps) > maxStarts {
				t.Fatalf("%d steps", len(steps))
			}
		}
		tree.Image = &root.Image{Entrypoint: strings.Fields(arg), Cmd: strings.Fields(script), Env: []string{env}}
		EntryPoint(tree)
	})
}
