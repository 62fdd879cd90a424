package services

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/willrun/willrun/root"
)

// dumped is a unit as a real systemd's test mode prints it.
type dumped struct {
	commands map[string][]string // by directive, quoted
	values   map[string][]string
}

// dump has systemd load units of this system, and gives what it made of them.
// Its test mode is not for root.
func dump(t *testing.T, units []string) map[string]dumped {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, 0o755))
	target := "[Unit]\nDefaultDependencies=no\nWants=" + strings.Join(units, "\nWants=") + "\n"
	must(t, os.WriteFile(filepath.Join(dir, "all.target"), []byte(target), 0o644))
	cmd := exec.Command(systemd, "--test", "--system", "--unit=all.target")
	cmd.Env = []string{"PATH=" + defaultPath, "SYSTEMD_UNIT_PATH=" + dir + ":", "SYSTEMD_LOG_TARGET=console"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	if err != nil {
		missing(t, "systemd --test: "+err.Error())
	}
	all := map[string]dumped{}
	var unit dumped
	directive := ""
	for line := range strings.Lines(string(out)) {
		text := strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(text, "-> Unit "); ok {
			unit = dumped{commands: map[string][]string{}, values: map[string][]string{}}
			all[strings.TrimSuffix(name, ":")] = unit
			continue
		}
		if d, ok := strings.CutPrefix(text, "-> "); ok {
			directive = strings.TrimSuffix(d, ":")
			continue
		}
		key, value, ok := strings.Cut(text, ": ")
		switch {
		case !ok || unit.values == nil:
		case key == "Command Line":
			unit.commands[directive] = append(unit.commands[directive], value)
		default:
			unit.values[key] = append(unit.values[key], value)
		}
	}
	return all
}

// TestDump holds every unit of this system against what a real systemd reads.
func TestDump(t *testing.T) {
	if _, err := os.Stat(systemd); err != nil || os.Getuid() != 0 {
		missing(t, "systemd, and root to run its test mode as another user")
	}
	tree, err := root.Host()
	must(t, err)
	t.Cleanup(func() { tree.Close() })
	l := newLoader(context.Background(), tree)
	names := l.programUnits(l.started())
	for i, name := range names {
		if n, _ := parseName(name); n.isTemplate() {
			n.instance = `a-b\x2dc`
			names[i] = n.String()
		}
	}
	all := dump(t, names)
	units, commands := 0, 0
	for _, name := range names {
		u := l.load(name)
		d, ok := all[name]
		if u == nil || u.name != name {
			continue
		}
		refused := ok && !slices.Contains(d.values["Unit Load State"], "loaded")
		if !ok || refused != (u.refused != nil) {
			t.Errorf("%s: dumped %v, refused %v, by us %v", name, ok, refused, u.refused)
			continue
		}
		units++
		commands += compareDump(t, u, d)
	}
	t.Logf("%d units, %d commands compared", units, commands)
	if units < 50 {
		t.Errorf("only %d units", units)
	}
}

func compareDump(t *testing.T, u *unit, d dumped) (n int) {
	t.Helper()
	for _, directive := range execDirectives[u.section()] {
		if got, want := len(u.commands[directive]), len(d.commands[directive]); got != want {
			t.Errorf("%s: %d commands of %s, systemd has %d", u.name, got, directive, want)
			continue
		}
		for i, c := range u.commands[directive] {
			// systemd quotes as a shell does.
			want, err := wordRule{quotes: true}.words(d.commands[directive][i])
			if len(c.notes) == 0 && (err != nil || !slices.Equal(c.argv, want)) {
				t.Errorf("%s: %s is %q, systemd has %q", u.name, directive, c.argv, want)
			}
			n++
		}
	}
	keys := []string{"RootDirectory", "WorkingDirectory"}
	if !u.flag(u.section(), "DynamicUser") { // it makes names up
		keys = append(keys, "User", "Group")
	}
	for _, key := range keys {
		s := &Service{}
		got := strings.TrimPrefix(u.expandedLast(u.section(), key, s.unknown), "-")
		want := d.values[key]
		if len(want) == 1 && (want[0] == "/" || want[0] == "n/a") && got == "" || len(s.Unknown) > 0 {
			continue
		}
		if got == "~" || len(want) == 0 && got == "" {
			continue
		}
		if len(want) != 1 || strings.TrimPrefix(want[0], "!") != got {
			t.Errorf("%s: %s=%s, systemd has %q", u.name, key, got, want)
		}
	}
	s, e := &Service{}, newEnv()
	u.assignments(e, s)
	want := slices.Clone(d.values["Environment"])
	slices.Sort(want)
	if got := e.list(); len(s.Notes) == 0 && !slices.Equal(got, want) {
		t.Errorf("%s: environment %q, systemd has %q", u.name, got, want)
	}
	return n
}
