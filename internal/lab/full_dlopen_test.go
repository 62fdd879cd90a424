package lab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/judge"
)

// Every library of the large roots is really opened by a plain program there,
// everything bound at once: the verdict and dlerror's words are as foretold.
func TestFullDlopen(t *testing.T) {
	l, suites := OpenFull(t)
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) { openFull(t, l.Root(suite)) })
	}
}

// opener is where the program lies that opens them.
const opener = "/usr/local/bin/program"

func openFull(t *testing.T, dir string) {
	view, _ := crossView(t, t.TempDir(), dir, nil)
	buildOpener(t, view+opener)
	var files []fullFile
	var specs []Spec
	for _, f := range fullFiles(t, dir) {
		if !f.Program && !strings.HasPrefix(filepath.Base(f.Place), "libc.so") {
			files = append(files, f)
			specs = append(specs, Spec{Root: view, Argv: []string{opener, f.Place}, Env: append([]string{"LD_DEBUG=files"}, DefaultEnv...)})
		}
	}
	real := Run(t, specs)
	j := newFullJudge(t)
	defer j.bench.Close()
	ours := make([]judge.Result, len(files))
	inParallel(len(files), func(i int) {
		ours[i] = j.asIs(t, dir, files[i].Place)
	})
	loaded, refused, unknown, differ := 0, 0, 0, 0
	for i, f := range files {
		opened := real[i].Started || initialised(real[i])
		if opened {
			loaded++
		} else {
			refused++
		}
		why := ""
		first, blocked := (&pair{ours: ours[i]}).blocking()
		switch {
		case ours[i].Verdict == diagnosis.Unknown:
			unknown++
			t.Logf("%s: %s", f.Place, describe(ours[i]))
		case opened != (ours[i].Verdict == diagnosis.Runs):
			why = "it was foretold as " + ours[i].Verdict.String()
		case blocked && !strings.Contains(real[i].Stderr, first.Message+"\n"):
			why = "the words differ: " + first.Message
		}
		if why != "" {
			differ++
			t.Errorf("%s: %s\n  real: opened %v, exit %d %s %q", f.Place, why, opened, real[i].Exit, real[i].Signal, lastLine(real[i].Stderr))
		}
	}
	t.Logf("%d libraries opened: %d load, %d are refused, %d unknown, %d differ", len(files), loaded, refused, unknown, differ)
}

// initialised: the library was loaded and bound, and a constructor ended the
// program before dlopen returned.
func initialised(r Result) bool {
	_, after, started := strings.Cut(r.Stderr, "START\n")
	return started && strings.Contains(after, "calling init:")
}

func lastLine(text string) string {
	list := lines(text)
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// buildOpener links the program against libraries without versions, so that it
// starts under every glibc.
func buildOpener(t *testing.T, to string) {
	if _, err := exec.LookPath("gcc"); err != nil {
		Missing(t, "gcc, to make the program that opens libraries")
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	stub := filepath.Join(dir, "stub.c")
	if err := os.WriteFile(stub, []byte("void *dlopen(void){return 0;} void *dlerror(void){return 0;}"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-shared", "-nostdlib", "-fPIC", "-Wl,-soname,libc.so.6", "-o", filepath.Join(dir, "libc.so"), stub},
		{"-shared", "-nostdlib", "-fPIC", "-Wl,-soname,libdl.so.2", "-o", filepath.Join(dir, "libdl.so"), stub},
		{"-nostdlib", "-fno-stack-protector", "-fno-builtin", "-O1", "-o", to, filepath.Join(source(), "_src", "fulldl.c"), "-Wl,--no-as-needed", filepath.Join(dir, "libc.so"), filepath.Join(dir, "libdl.so")},
	} {
		if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
			t.Fatalf("gcc %v: %v\n%s", args, err, out)
		}
	}
}

// asIs judges a library as a user would have it judged: as a dlopen.
func (j *fullJudge) asIs(t *testing.T, dir, place string) (r judge.Result) {
	ctx := context.Background()
	tgt, err := j.bench.Target(ctx, "dir:"+dir)
	if err == nil {
		err = j.bench.Subjects(ctx, "dir:"+dir+"#"+place, func(s judge.Subject, err error) error {
			if err == nil {
				err = s.Read()
			}
			if err == nil {
				r, err = j.bench.Check(ctx, s, tgt, j.circumstances(false))
			}
			return err
		})
	}
	if err != nil {
		t.Errorf("%s: %v", place, err)
	}
	return r
}
