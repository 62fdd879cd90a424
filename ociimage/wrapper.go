package ociimage

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// wrapper says how a program that starts another reads its arguments.
type wrapper struct {
	flags, values         string   // short options, without and with a value
	longFlags, longValues []string // long ones
	operands              int      // of its own, before the program
	user                  bool     // the operand is the user that it becomes
}

// wrappers: options by their manuals. What only prints something is not among
// them, for then nothing is started.
var wrappers = map[string]*wrapper{
	"tini": tini, "tini-static": tini, "docker-init": tini,
	"dumb-init": {flags: "cv", values: "r", longFlags: []string{"single-child", "verbose"}, longValues: []string{"rewrite"}},
	"catatonit": {flags: "g"},
	"gosu":      {operands: 1, user: true}, "su-exec": {operands: 1, user: true},
	"nohup":   {},
	"nice":    {values: "n", longValues: []string{"adjustment"}},
	"setsid":  {flags: "cfw", longFlags: []string{"ctty", "fork", "wait"}},
	"timeout": {flags: "fpv", values: "ks", longFlags: []string{"foreground", "preserve-status", "verbose"}, longValues: []string{"kill-after", "signal"}, operands: 1},
}

var tini = &wrapper{flags: "vwgs", values: "pe"}

// supervisors and launchers start programs that their arguments do not tell,
// or tell in ways of their own.
var supervisors = []string{"supervisord", "systemd", "init", "runit", "runsvdir", "runit-init", "s6-svscan", "s6-overlay-init", "s6-linux-init", "my_init", "pm2", "pm2-runtime", "circusd",
	"foreman", "overmind", "hivemind", "monit", "god", "openrc", "openrc-init", "dinit", "crond", "cron", "inetd", "xinetd", "procd", "horust", "multirun"}

var launchers = []string{"setpriv", "chroot", "su", "runuser", "sudo", "doas", "stdbuf", "strace", "ltrace", "gdb", "gdbserver", "valgrind", "perf", "numactl", "taskset", "ionice", "chrt", "chpst",
	"softlimit", "s6-setuidgid", "setuidgid", "envdir", "start-stop-daemon", "unshare", "nsenter", "setarch", "linux32", "linux64", "script", "unbuffer", "xargs", "parallel", "flock", "watch", "time", "xvfb-run",
	"dbus-run-session", "dbus-launch", "fakeroot", "proot", "torsocks", "proxychains4", "dockerize", "wait-for-it.sh", "wait-for", "chamber", "envconsul", "doppler", "aws-vault", "sops", "execlineb", "with-contenv",
	"fish", "zsh", "csh", "tcsh", "pwsh", "xonsh"}

func (f *follower) wrapped(w *wrapper, argv []word, c around) {
	name := path.Base(argv[0].text)
	rest, err := w.parse(argv[1:])
	if err != nil {
		f.stop("%s: %v", name, err)
		return
	}
	if w.user {
		c.user = rest[0].text
	}
	f.found(rest[w.operands:], c, name+" starts it")
}

// parse gives the operands: the options end at the first of them.
func (w *wrapper) parse(args []word) ([]word, error) {
	for len(args) > 0 {
		a := args[0]
		switch {
		case !a.known:
			return nil, fmt.Errorf("its argument %s is only known while it runs", a.text)
		case a.text == "--":
			return w.enough(args[1:])
		case len(a.text) < 2 || a.text[0] != '-':
			return w.enough(args)
		}
		used := w.option(a.text)
		if used == 0 || used > len(args) {
			return nil, fmt.Errorf("its option %s is not known here", a.text)
		}
		args = args[used:]
	}
	return w.enough(args)
}

func (w *wrapper) enough(args []word) ([]word, error) {
	for i := range w.operands + 1 {
		if i >= len(args) {
			return nil, errors.New("its arguments name no program")
		}
		if !args[i].known {
			return nil, fmt.Errorf("%s is only known while it runs", args[i].text)
		}
	}
	return args, nil
}

// option is the number of arguments that an option takes, itself included;
// 0 where it is not known.
func (w *wrapper) option(text string) int {
	if long, ok := strings.CutPrefix(text, "--"); ok {
		name, _, joined := strings.Cut(long, "=")
		switch {
		case slices.Contains(w.longFlags, name) && !joined, slices.Contains(w.longValues, name) && joined:
			return 1
		case slices.Contains(w.longValues, name):
			return 2
		}
		return 0
	}
	for i, letter := range text[1:] {
		switch {
		case strings.ContainsRune(w.values, letter) && i+2 == len(text):
			return 2
		case strings.ContainsRune(w.values, letter):
			return 1
		case !strings.ContainsRune(w.flags, letter):
			return 0
		}
	}
	return 1
}

// env follows env(1), which changes what the program inherits.
func (f *follower) env(argv []word, c around) {
	args := argv[1:]
	for len(args) > 0 {
		a := args[0]
		name, value, assigns := strings.Cut(a.text, "=")
		switch {
		case !a.known && assigns && !matters(name): // its value plays no part
		case !a.known:
			f.stop("env: %s is only known while it runs", a.text)
			return
		case a.text == "--":
		case a.text == "-i" || a.text == "-" || a.text == "--ignore-environment":
			c.env = nil
		case a.text == "-u" && len(args) > 1 && args[1].known:
			c.unset(args[1].text)
			args = args[1:]
		case name == "--unset" && assigns:
			c.unset(value)
		case strings.HasPrefix(a.text, "-"):
			f.stop("env: its option %s is not followed", a.text)
			return
		case assigns:
			c.set(name, value)
		default:
			f.found(args, c, "env starts it")
			return
		}
		args = args[1:]
	}
}
