package services

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/willrun/willrun/root"
)

// described is a tree of files and links, as they stand in an archive.
func described(t testing.TB, files ...string) *root.Root {
	t.Helper()
	return entries(t, txtar.Parse([]byte(strings.Join(files, "\n"))))
}

func entries(t testing.TB, a *txtar.Archive) *root.Root {
	t.Helper()
	list := []root.Entry{{Path: "/dev/null", Mode: 0o020666}}
	for _, f := range a.Files {
		if f.Name != "links" {
			list = append(list, root.Entry{Path: "/" + f.Name, Mode: root.ModeReg | 0o755, Data: f.Data, Size: int64(len(f.Data))})
			continue
		}
		for line := range strings.Lines(string(f.Data)) {
			at, to, _ := strings.Cut(strings.TrimSpace(line), " -> ")
			list = append(list, root.Entry{Path: at, Mode: root.ModeLink | 0o777, Link: to})
		}
	}
	r, err := root.Described("test", list)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lines tell of services in short.
func lines(found []Service) (all []string) {
	for _, s := range found {
		line := fmt.Sprintf("%s %s %s", s.Unit, s.Directive, s.Program)
		if len(s.Args) > 0 {
			line += fmt.Sprintf(" %q", s.Args)
		}
		if s.Enabled {
			line += " by " + s.By
		}
		for _, l := range [][]string{s.Unknown, s.Denied} {
			if len(l) > 0 {
				line += fmt.Sprintf(" %q", l)
			}
		}
		all = append(all, line)
	}
	return all
}

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		files string
		want  []string
	}{
		"what is started": {`-- links --
/etc/systemd/system/default.target -> /usr/lib/systemd/system/multi-user.target
/etc/systemd/system/multi-user.target.wants/a.service -> /usr/lib/systemd/system/a.service
/etc/systemd/system/timers.target.wants/t.timer -> /usr/lib/systemd/system/t.timer
/etc/systemd/system/web.service -> /usr/lib/systemd/system/nginx.service
/etc/systemd/system/gone.service -> /dev/null
/usr/lib/systemd/system/unused.target.wants/unused.service -> ../unused.service
/usr/lib/systemd/system/basic.target.wants/w@1.service -> ../w@.service
-- usr/lib/systemd/system/multi-user.target --
[Unit]
-- usr/lib/systemd/system/basic.target --
[Unit]
-- usr/lib/systemd/system/a.service --
[Unit]
Wants=b.service "c@x y.service" missing.service gone.service
[Service]
ExecStart=/bin/a
-- usr/lib/systemd/system/b.service --
[Unit]
OnFailure=mail@%n.service
[Service]
ExecStart=/bin/b
-- usr/lib/systemd/system/mail@.service --
[Service]
ExecStart=/bin/mail %i
-- usr/lib/systemd/system/t.timer --
[Timer]
-- usr/lib/systemd/system/t.service --
[Service]
ExecStart=/bin/t
-- usr/lib/systemd/system/nginx.service --
[Service]
ExecStart=/bin/nginx
-- usr/lib/systemd/system/gone.service --
[Service]
ExecStart=/bin/gone
-- usr/lib/systemd/system/unused.service --
[Service]
ExecStart=/bin/unused
-- usr/lib/systemd/system/w@.service --
[Service]
ExecStart=/bin/w %i
-- usr/lib/systemd/system/never@.service --
[Service]
ExecStart=/bin/%i
-- usr/lib/systemd/system/bus.service --
[Service]
BusName=x
ExecStart=/bin/bus
-- usr/share/dbus-1/system-services/x.service --
[D-BUS Service]
Name=x
SystemdService=bus.service
`, []string{
			"a.service ExecStart /bin/a by multi-user.target",
			"b.service ExecStart /bin/b by a.service",
			"bus.service ExecStart /bin/bus by D-Bus",
			`mail@b.service.service ExecStart /bin/mail ["b.service"] by b.service`,
			`never@.service ExecStart  ["%i in /bin/%i, the instance"]`,
			"nginx.service ExecStart /bin/nginx by its alias web.service",
			"t.service ExecStart /bin/t by t.timer",
			"unused.service ExecStart /bin/unused",
			`w@1.service ExecStart /bin/w ["1"] by basic.target`,
		}},
		"sockets": {`-- links --
/etc/systemd/system/sockets.target.wants/s.socket -> /usr/lib/systemd/system/s.socket
/etc/systemd/system/sockets.target.wants/c.socket -> /usr/lib/systemd/system/c.socket
-- usr/lib/systemd/system/s.socket --
[Socket]
ExecStartPre=/bin/pre
Service=other.service
-- usr/lib/systemd/system/other.service --
[Service]
ExecStart=/bin/other
-- usr/lib/systemd/system/c.socket --
[Socket]
Accept=yes
-- usr/lib/systemd/system/c@.service --
[Service]
ExecStart=/bin/c
`, []string{
			"c@.service ExecStart /bin/c by c.socket",
			"other.service ExecStart /bin/other by s.socket",
			"s.socket ExecStartPre /bin/pre by sockets.target",
		}},
		"scripts of SysV": {`-- links --
/etc/rc3.d/S20old -> ../init.d/old
-- etc/init.d/old --
#!/bin/sh
-- etc/init.d/native --
#!/bin/sh
-- etc/init.d/functions --
# sourced
-- etc/init.d/off.sh --
#!/bin/sh
-- usr/lib/systemd/system/native.service --
[Service]
ExecStart=/bin/native
`, []string{
			"native.service ExecStart /bin/native",
			`off.service ExecStart /etc/init.d/off.sh ["start"]`,
			`old.service ExecStart /etc/init.d/old ["start"] by runlevel 3`,
		}},
		"what can't be told": {`-- usr/lib/systemd/system/u.service --
[Service]
User=ghost
Environment=LD_LIBRARY_PATH=/opt/%H MOTD=%H
PassEnvironment=LD_PRELOAD HARMLESS
RootImage=/srv/x.raw
ExecStart=/bin/u
-- usr/lib/systemd/system/bind.service --
[Service]
BindReadOnlyPaths=/srv/new:/usr/lib/app
ExecStart=/bin/u
-- usr/lib/systemd/system/by-name.service --
[Service]
ExecStart=nothere
`, []string{
			`bind.service ExecStart /bin/u ["BindReadOnlyPaths=/srv/new:/usr/lib/app: what is at /usr/lib/app comes from elsewhere"]`,
			`by-name.service ExecStart  ["nothere is in none of /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin of the tree"]`,
			`u.service ExecStart /bin/u ["User=ghost is not in the tree's /etc/passwd; systemd does not start the unit unless another source has it" ` +
				`"PassEnvironment=LD_PRELOAD has the value that the manager itself was started with" "Environment=: %H in LD_LIBRARY_PATH=/opt/%H, the host's name" ` +
				`"RootImage=/srv/x.raw: the service's files are in an image"]`,
		}},
		"what the unit hides": {`-- usr/lib/systemd/system/h.service --
[Service]
Type=oneshot
ProtectHome=yes
InaccessiblePaths=/srv
NoExecPaths=/opt
ExecPaths=/opt/ok
ExecStart=/home/x/h
ExecStart=+/home/x/h
ExecStart=/opt/no/h
ExecStart=/opt/ok/h
ExecStart=/bin/link
-- links --
/bin/link -> /srv/h
-- srv/h --
x
`, []string{
			`h.service ExecStart /home/x/h ["the unit hides /home, and has paths that may bring back what is below" "NoExecPaths=: whether its libraries may be mapped"]`,
			`h.service ExecStart /home/x/h`,
			`h.service ExecStart /opt/no/h ["NoExecPaths=: whether its libraries may be mapped"] ["NoExecPaths= of the unit mounts the program's place noexec"]`,
			`h.service ExecStart /opt/ok/h ["NoExecPaths=: whether its libraries may be mapped"]`,
			`h.service ExecStart /bin/link ["the unit hides /srv, and has paths that may bring back what is below" "NoExecPaths=: whether its libraries may be mapped"]`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			found, problems := Find(context.Background(), described(t, c.files))
			if got := lines(found); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if len(problems) > 0 {
				t.Errorf("%+v", problems)
			}
			again, _ := Find(context.Background(), described(t, c.files))
			if fmt.Sprint(again) != fmt.Sprint(found) {
				t.Error("a second run finds something else")
			}
		})
	}
}

func TestProblems(t *testing.T) {
	found, problems := Find(context.Background(), described(t, `-- usr/lib/systemd/system/two.service --
[Service]
ExecStart=/bin/a
ExecStart=/bin/b
-- usr/lib/systemd/system/open.service --
[Service
-- usr/lib/systemd/system/slot.service --
[Service]
ExecStart=/bin/a %Z
-- usr/lib/systemd/system-generators/mine --
x
`))
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%s:%d %s", p.File, p.Line, p.Text))
	}
	want := []string{
		"/usr/lib/systemd/system/open.service:0 systemd refuses the unit: line 1: a section header without its end",
		"/usr/lib/systemd/system/slot.service:2 systemd refuses the unit: %Z: no specifier",
		"/usr/lib/systemd/system/two.service:3 systemd refuses the unit: several ExecStart=, and not Type=oneshot",
		"/usr/lib/systemd/system-generators/mine:0 a generator: it may make more units when the system starts",
	}
	if !slices.Equal(got, want) || len(found) > 0 {
		t.Errorf("got %q and %v", got, found)
	}
}

// TestHostile: a tree made to cost much ends soon, and says where it was cut.
func TestHostile(t *testing.T) {
	unit := "[Service]\nType=oneshot\n"
	many := strings.Repeat("ExecStart=/bin/a $A $A $A\n", 300)
	for name, files := range map[string][]root.Entry{
		"one line of a megabyte": {file("a.service", unit+"ExecStart=/bin/a "+strings.Repeat("%n ", maxUnitFile/3-100))},
		"variables in variables": {file("a.service", unit+"Environment=A="+strings.Repeat("x\\t", 100_000)+"\nExecStart=/bin/a"+strings.Repeat(" ${A}$A", 50_000))},
		"arguments without end":  {file("a.service", unit+"Environment=A="+strings.Repeat("x", 100_000)+"\n"+strings.Repeat("ExecStart=/bin/a"+strings.Repeat(" ${A}", 19)+"\n", 250))},
		"environments":           flood("u%d.service", unit+"EnvironmentFile=/etc/systemd/system/big\n"+strings.Repeat("ExecStart=/bin/%d\n", 100), 100),
		"many commands":          {file("a.service", unit+many)},
		"too large":              {file("a.service", unit+strings.Repeat("#", maxUnitFile)+"\nExecStart=/bin/a")},
		"aliases in a ring": {
			link("a.service", "b.service"), link("b.service", "c.service"), link("c.service", "a.service"),
			file("d.service", unit+"ExecStart=/bin/d"),
		},
		"drop-ins without end": append(flood("a.service.d/%d.conf", "[Service]\nEnvironment=A%d=1\n", 3000), file("a.service", unit+"ExecStart=/bin/a")),
		"units without end":    flood("u%d.service", unit+"ExecStart=/bin/%d\nExecStart=/bin/x\n", maxUnits+10),
		"a unit that breeds":   {file("a@.service", "[Unit]\nWants=a@%ix.service b@%i%i.service\n"+unit+"ExecStart=/bin/a\n"), file("b@.service", "[Unit]\nWants=a@%i%i.service\n"+unit+"ExecStart=/bin/b\n"), file("default.target.wants/a@1.service", "")},
		"dashes":               {file(strings.Repeat("a-", 120)+"@b.service", unit+"ExecStart=/bin/a"), file("a-.service.d/x.conf", "[Service]\nEnvironment=A=1\n")},
	} {
		if name == "environments" {
			var b strings.Builder
			for i := range 60_000 {
				fmt.Fprintf(&b, "A%d=1\n", i)
			}
			files = append(files, file("big", b.String()))
		}
		t.Run(name, func(t *testing.T) {
			r, err := root.Described("test", files)
			if err != nil {
				t.Fatal(err)
			}
			start := cpuTime(t)
			found, problems := Find(context.Background(), r)
			took := cpuTime(t) - start // the machine may be busy with other tests
			if took > 20*time.Second {
				t.Errorf("%v", took)
			}
			said := len(problems)
			for _, s := range found {
				said += len(s.Unknown)
			}
			if cut := name == "aliases in a ring" || name == "dashes"; said == 0 && !cut {
				t.Errorf("%d found, and nothing said of what was cut", len(found))
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			if m.HeapAlloc > 400<<20 {
				t.Errorf("%d MB are kept", m.HeapAlloc>>20)
			}
			t.Logf("%d found, %d said, %v, %d MB", len(found), said, took, m.HeapAlloc>>20)
			runtime.KeepAlive(found)
		})
	}
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func file(name, text string) root.Entry {
	return root.Entry{Path: "/etc/systemd/system/" + name, Mode: root.ModeReg | 0o644, Data: []byte(text)}
}

func link(name, to string) root.Entry {
	return root.Entry{Path: "/etc/systemd/system/" + name, Mode: root.ModeLink | 0o777, Link: to}
}

func flood(name, text string, n int) (all []root.Entry) {
	for i := range n {
		all = append(all, file(fmt.Sprintf(name, i), strings.ReplaceAll(text, "%d", fmt.Sprint(i))))
	}
	return all
}

// TestCancelled: a context that has ended ends the search.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if found, _ := Find(ctx, described(t, "-- etc/systemd/system/a.service --\n[Service]\nExecStart=/bin/a")); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

func TestNames(t *testing.T) {
	for s, want := range map[string]string{
		"a.service": "a||service", "a@.service": "a||service", "a@b.service": "a|b|service", "a@b@c.socket": "a|b@c|socket", "a.b.timer": "a.b||timer",
		"@a.service": "", "a": "", ".service": "", "a.nothing": "", "a b.service": "", "a/b.service": "", strings.Repeat("a", 250) + ".service": "",
	} {
		n, ok := parseName(s)
		got := n.prefix + "|" + n.instance + "|" + n.kind
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
		if ok && n.String() != s {
			t.Errorf("%s becomes %s", s, n)
		}
	}
	n, _ := parseName("a-b-c@i.service")
	if got := strings.Join(variants(n), " "); got != "a-b-c@i.service a-b-c@.service a-b-.service a-.service a-b-@i.service a-b-@.service a-@i.service a-@.service" {
		t.Error(got)
	}
}
