package services

import (
	"context"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/willrun/willrun/root"
)

// FuzzFind: whatever a unit, a drop-in and a file of variables say, finding
// ends, and what is found has its form.
func FuzzFind(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/units.txtar")
	if err != nil {
		f.Fatal(err)
	}
	variables := ""
	for _, file := range archive.Files {
		if strings.HasPrefix(file.Name, "etc/env") {
			variables = string(file.Data)
		}
		if strings.HasSuffix(file.Name, ".service") || strings.HasSuffix(file.Name, ".socket") {
			f.Add(string(file.Data), "[Service]\nEnvironment=A=%n\n", variables)
		}
	}
	f.Fuzz(func(t *testing.T, unit, dropin, variables string) {
		dir := "/etc/systemd/system/"
		var list []root.Entry
		for name, text := range map[string]string{
			dir + "a-b@.service": unit, dir + "a-b@x.service": unit, dir + "c.socket": unit, dir + "a-.service.d/1.conf": dropin,
			dir + "multi-user.target": dropin, "/etc/environment": variables, "/etc/passwd": "root:x:0:0:r:/root:/bin/sh\n" + variables,
			dir + "default.target.wants/a-b@y.service": "x", "/usr/share/dbus-1/system-services/a.service": dropin, "/etc/systemd/system.conf": dropin,
		} {
			list = append(list, root.Entry{Path: name, Mode: root.ModeReg | 0o755, Data: []byte(text)})
		}
		list = append(list, root.Entry{Path: dir + "default.target", Mode: root.ModeLink | 0o777, Link: "multi-user.target"})
		slices.SortFunc(list, func(a, b root.Entry) int { return strings.Compare(a.Path, b.Path) })
		r, err := root.Described("fuzz", list)
		if err != nil {
			t.Fatal(err)
		}
		found, problems := Find(context.Background(), r)
		for _, s := range found {
			checkForm(t, s)
		}
		for _, p := range problems {
			if p.Text != printable(p.Text) || p.Kind == "" {
				t.Fatalf("%+v", p)
			}
		}
	})
}

func checkForm(t *testing.T, s Service) {
	t.Helper()
	switch {
	case s.Program != "" && !path.IsAbs(s.Program), s.Root != "" && !path.IsAbs(s.Root), !path.IsAbs(s.Cwd):
		t.Fatalf("not absolute: %+v", s)
	case s.Program == "" && len(s.Unknown) == 0:
		t.Fatalf("no program, and no reason: %+v", s)
	case s.Argv0 == "" && len(s.Args) > 0 && !strings.Contains(s.Line, "$"):
		t.Fatalf("no name: %+v", s)
	case !slices.IsSorted(s.Env) || s.Enabled != (s.By != ""):
		t.Fatalf("%+v", s)
	}
	for _, kv := range s.Env {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || !validEnvName(name) || !utf8.ValidString(value) {
			t.Fatalf("%q", kv)
		}
	}
	for _, a := range s.Args {
		if strings.ContainsRune(a, 0) {
			t.Fatalf("a NUL in %q", a)
		}
	}
}

// FuzzWords: what is split is a part of the line, and splitting ends.
func FuzzWords(f *testing.F) {
	for _, line := range []string{`a "b c" 'd\'' \x41\101\u00e9\U0001F600 \s`, `/bin/a ; -/bin/b \; c`, `"`, `\`, `a\`, `'\'`, "\t\r\n ", `a"b`, `\xzz \400 \000`} {
		f.Add(line, true, true, true)
		f.Add(line, false, false, false)
	}
	f.Fuzz(func(t *testing.T, line string, cEscapes, keepWrong, lenient bool) {
		r := wordRule{quotes: true, cEscapes: cEscapes, keepWrong: keepWrong, lenient: lenient}
		rest := line
		for rest != "" {
			word, next, ok, err := r.word(rest)
			if err != nil || !ok {
				break
			}
			if len(next) >= len(rest) || !strings.HasSuffix(rest, next) || len(word) > len(rest)-len(next) {
				t.Fatalf("%q of %q, then %q", word, rest, next)
			}
			rest = next
		}
		words, err := r.words(line)
		if err == nil && lenient && keepWrong {
			return
		}
		if err == nil && len(words) > len(line) {
			t.Fatal(words)
		}
	})
}

// FuzzEnvFile: names and values come from the file, and nothing is invented.
func FuzzEnvFile(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/units.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archive.Files {
		if strings.HasPrefix(file.Name, "etc/env") {
			f.Add(file.Data)
		}
	}
	f.Add([]byte("A=\"x\\\n\\"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := parseEnvFile(data)
		total := 0
		for _, kv := range all {
			total += len(kv)
			if !strings.Contains(kv, "=") || !utf8.ValidString(kv) {
				t.Fatalf("%q", kv)
			}
		}
		if err == nil && total > len(data) {
			t.Fatalf("%d bytes out of %d", total, len(data))
		}
	})
}
