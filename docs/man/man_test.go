package man_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/willrun/willrun/docs/man"
	"github.com/willrun/willrun/internal/cli"
)

// The pages are those of the commands as they are.
func TestPagesAreUpToDate(t *testing.T) {
	pages := man.Pages(cli.Command())
	for name, page := range pages {
		if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, page) {
			t.Errorf("%s: go generate ./docs/man makes it (%v)", name, err)
		}
	}
	files, err := filepath.Glob("*.1")
	if err != nil || !slices.Equal(files, slices.Sorted(maps.Keys(pages))) {
		t.Errorf("%q are the files, %v", files, err)
	}
	if len(pages) < 8 {
		t.Errorf("only %d pages", len(pages))
	}
}

func missing(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	} else if os.Getenv("WILLRUN_REQUIRE_ALL") != "" {
		t.Fatal(err)
	}
	t.Skip(program + " is not here")
}

// mandoc, the strictest reader, has nothing to say.
func TestMandoc(t *testing.T) {
	missing(t, "mandoc")
	for name, page := range man.Pages(cli.Command()) {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, page, 0o644); err != nil {
			t.Fatal(err)
		}
		// Tables and examples may be wide: they are shown as they are.
		out, _ := exec.Command("mandoc", "-Tlint", "-Wstyle", file).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if !strings.Contains(line, "input text line longer than 80 bytes") && !strings.Contains(line, "referenced manual not found") {
				t.Error(line)
			}
		}
	}
}

// groff, which man uses on Linux, warns of nothing, and shows what help shows.
func TestGroff(t *testing.T) {
	missing(t, "groff")
	c := exec.Command("groff", "-man", "-Tutf8", "-ww", "-P-cbou", "willrun-check.1")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil || errs.Len() > 0 {
		t.Errorf("%v\n%s", err, errs.String())
	}
	for _, want := range []string{"willrun-check - will it start there?", "almalinux:9      a release by name", "--on TARGETS", "       1   something fails", "willrun check 'dir:/roots/el8#/opt/app/bin/app'", "until: 2026-12-31"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q", want)
		}
	}
}

// Text that looks like a request of roff is shown as it stands.
func TestHostileText(t *testing.T) {
	c := &cobra.Command{Use: "x ARG", Short: "Does it", Long: ".SH is no heading. 'it' is `quoted` with \\fBno\\fR bold.\n\n  .nf\n  'x ^ ~\n", Example: "  x -a --b", Run: func(*cobra.Command, []string) {}}
	page := string(man.Pages(c)["x.1"])
	for _, want := range []string{`\&.SH is no heading.`, `\(aqit\(aq is \(gaquoted\(ga with \efBno\efR bold.`, "\n\\&.nf\n\\(aqx \\(ha \\(ti\n", `x \-a \-\-b`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}
