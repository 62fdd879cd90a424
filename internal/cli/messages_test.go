package cli_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/willrun/willrun/internal/cli"
	"github.com/willrun/willrun/internal/fixture"
	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/target"
)

// What loaders and the kernel say when they refuse: each script provokes a
// message and reads it twice, from the real loader and from willrun.
func TestMessages(t *testing.T) {
	l := lab.Open(t)
	if _, err := exec.LookPath("gcc"); err != nil {
		lab.Missing(t, "gcc builds the programs")
	}
	c := &conditions{t: t, lab: l}
	m := &messages{conditions: c, last: map[*testscript.TestScript]start{}}
	testscript.Run(t, testscript.Params{Dir: "testdata/messages", RequireExplicitExec: true, Setup: c.setup, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"root": c.root, "prog": c.prog, "lib": c.lib, "elf": m.elf, "cache": m.cache, "start": m.start, "says": m.says, "fails": m.fails,
	}})
}

type messages struct {
	*conditions
	last map[*testscript.TestScript]start
}

// start is a real run beside the answer to it.
type start struct {
	real    lab.Result
	verdict string
	blocks  []string // messages of what stops the start
	all     string   // every message
	json    string
}

// start [uid=N] PROG [K=V…]: starts root/app/PROG for real and asks willrun.
// Both must agree whether it starts; where it does not, on the line or errno.
func (m *messages) start(ts *testscript.TestScript, neg bool, args []string) {
	uid := "0"
	if n, ok := strings.CutPrefix(args[0], "uid="); ok {
		uid, args = n, args[1:]
	}
	number, err := strconv.ParseUint(uid, 10, 32)
	ts.Check(err)
	s := lab.Spec{Root: ts.MkAbs("root"), Argv: []string{"/app/" + args[0]}, Env: append([]string{"PATH=/usr/bin:/bin", "HOME=/"}, args[1:]...), Cwd: "/app", UID: uint32(number)}
	got := m.ask(ts, s, uid)
	got.real = lab.Run(m.t, []lab.Spec{s})[0]
	m.last[ts] = got
	if got.real.Started == neg || neg && got.verdict != "fails" || !neg && got.verdict != "runs" {
		m.differ(ts, "another verdict")
	}
	if !neg {
		return
	}
	ours := strings.Join(got.blocks, "\n")
	switch {
	case got.real.Errno != "":
		if !strings.HasPrefix(ours, "execve: "+got.real.Errno+":") {
			m.differ(ts, "another errno")
		}
	case got.real.Signal == "":
		for line := range strings.SplitSeq(ours, "\n") {
			if line == "" || !strings.Contains(got.real.Stderr, line+"\n") {
				m.differ(ts, "another line")
			}
		}
	}
}

func (m *messages) ask(ts *testscript.TestScript, s lab.Spec, uid string) (got start) {
	dir := "dir:" + s.Root
	args := []string{"check", dir + "#" + s.Argv[0], "--on", dir, "--format", "json", "--cwd", s.Cwd, "--user", uid}
	for _, kv := range s.Env {
		args = append(args, "--env", kv)
	}
	if host, err := target.Open(context.Background(), "host", target.Options{}); err == nil {
		args = append(args, "--cpu", host.Host.CPU, "--kernel", host.Host.Release)
	}
	var out, errs bytes.Buffer
	cli.Run(context.Background(), cli.World{Args: args, Stdout: &out, Stderr: &errs})
	var doc struct {
		Results []struct {
			Verdict  string
			Findings []finding
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil || len(doc.Results) != 1 {
		ts.Fatalf("willrun %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	got.verdict, got.json = doc.Results[0].Verdict, out.String()
	for _, f := range doc.Results[0].Findings {
		got.all += f.Message + "\n"
		if f.Severity == "blocks" {
			got.blocks = append(got.blocks, f.Message)
		}
	}
	return got
}

func (m *messages) differ(ts *testscript.TestScript, why string) {
	got := m.last[ts]
	ts.Fatalf("%s\nreal: started %v, exit %d %s %s\n%s\nours: %s\n%s", why, got.real.Started, got.real.Exit, got.real.Signal, got.real.Errno, got.real.Stderr, got.verdict, got.json)
}

// says TEXT: the last start said so, and willrun foretold it.
func (m *messages) says(ts *testscript.TestScript, neg bool, args []string) {
	got := m.last[ts]
	if strings.Contains(got.real.Stderr, args[0]) == neg {
		m.differ(ts, "the real loader and "+strconv.Quote(args[0]))
	}
	if strings.Contains(got.all, args[0]) == neg {
		m.differ(ts, "willrun and "+strconv.Quote(args[0]))
	}
}

// fails EXIT|SIGNAL|ERRNO: how the last start ended.
func (m *messages) fails(ts *testscript.TestScript, neg bool, args []string) {
	r := m.last[ts].real
	if r.Errno != args[0] && r.Signal != args[0] && strconv.Itoa(r.Exit) != args[0] {
		m.differ(ts, "it was to end with "+args[0])
	}
}

// elf FILE byte OFFSET HEX | phdr TYPE N FIELD VALUE | value TAG VALUE | tag FROM TO | at TAG OFFSET HEX
// | truncate SIZE: changes root/app/FILE.
func (m *messages) elf(ts *testscript.TestScript, neg bool, args []string) {
	name := ts.MkAbs("root/app/" + args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	number := func(i int) int64 {
		n, err := strconv.ParseInt(args[i], 0, 64)
		ts.Check(err)
		return n
	}
	raw := func(i int) []byte {
		b, err := hex.DecodeString(args[i])
		ts.Check(err)
		return b
	}
	switch args[1] {
	case "byte":
		copy(data[number(2):], raw(3))
	case "phdr":
		ts.Check(fixture.SetProgramHeader(data, uint32(number(2)), int(number(3)), args[4], uint64(number(5))))
	case "value":
		ts.Check(fixture.SetValue(data, number(2), uint64(number(3))))
	case "tag":
		ts.Check(fixture.SetTag(data, number(2), number(3)))
	case "at":
		ts.Check(fixture.Poke(data, number(2), int(number(3)), raw(4)))
	case "truncate":
		data = data[:number(2)]
	default:
		ts.Fatalf("no such edit: %s", args[1])
	}
	ts.Check(os.WriteFile(name, data, 0o755))
}

// cache [-c FORMAT]: lets the real ldconfig write root/etc/ld.so.cache.
func (m *messages) cache(ts *testscript.TestScript, neg bool, args []string) {
	ldconfig := "/sbin/ldconfig"
	if _, err := os.Stat(ldconfig); err != nil {
		lab.Missing(m.t, "ldconfig writes the cache")
	}
	for _, f := range []string{"etc/ld.so.conf", "var/cache/ldconfig/x"} {
		ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs("root/"+f)), 0o755))
	}
	if out, err := exec.Command(ldconfig, append(args, "-X", "-r", ts.MkAbs("root"))...).CombinedOutput(); err != nil {
		ts.Fatalf("ldconfig: %v\n%s", err, out)
	}
}
