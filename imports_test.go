package willrun_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is who may import whom of our own packages: arrows point down
// only. Facts, then simulation, then judgement, then words.
var mayImport = map[string]string{
	"diagnosis":             "",
	"binary":                "",
	"root":                  "binary",
	"loader":                "binary root",
	"target":                "ociimage pkgindex profile root",
	"target/targettest":     "root target",
	"explain":               "binary diagnosis loader root",
	"judge":                 "binary diagnosis explain loader pkgindex prove root services target",
	"report":                "binary diagnosis floor judge loader prove report/layered",
	"report/layered":        "",
	"docs/causes":           "",
	"docs/man":              "",
	"docs/man/gen":          "docs/man internal/cli",
	"deploy/ci":             "", // tests alone
	"floor":                 "binary diagnosis",
	"services":              "binary root",
	"project":               "diagnosis judge",
	"prove":                 "binary diagnosis loader root",
	"pkgindex":              "binary root",
	"ociimage":              "root",
	"ociimage/ocitest":      "",
	"profile":               "binary root",
	"pkgindex/mirror":       "pkgindex",
	"pkgindex/internal/gen": "pkgindex root",
	"profile/internal/gen":  "binary",
	"internal/fixture":      "binary root",
	"internal/lab":          "binary diagnosis judge root target",
	"internal/cli":          "binary diagnosis docs/causes explain floor judge pkgindex pkgindex/mirror project prove report target",
	"cmd/willrun":           "internal/cli prove",
	"":                      "",
}

// mayUse is which package may use which foreign module: heavy ones live each
// in one leaf.
var mayUse = map[string]string{
	"internal/cli":      "github.com/spf13/cobra golang.org/x/term",
	"root":              "github.com/klauspost/compress/gzip github.com/klauspost/compress/zstd github.com/ulikunitz/xz github.com/ulikunitz/xz/lzma golang.org/x/sys/unix",
	"target/targettest": "github.com/klauspost/compress/zstd github.com/ulikunitz/xz",
	"target":            "golang.org/x/sys/unix",
	"pkgindex":          "github.com/klauspost/compress/zstd github.com/ulikunitz/xz github.com/ulikunitz/xz/lzma",
	"prove":             "golang.org/x/sys/unix",
	"docs/man":          "github.com/spf13/cobra github.com/spf13/pflag",
	"project":           "go.yaml.in/yaml/v3",
	"ociimage": "github.com/google/go-containerregistry/pkg/authn github.com/google/go-containerregistry/pkg/name github.com/google/go-containerregistry/pkg/v1/remote " +
		"github.com/google/go-containerregistry/pkg/v1/remote/transport mvdan.cc/sh/v3/syntax",
	"ociimage/ocitest": "github.com/google/go-containerregistry/pkg/registry github.com/klauspost/compress/zstd",
}

const module = "github.com/willrun/willrun"

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("%q has no row in the table", name)
		}
		for _, imp := range p.Imports {
			own, ours := strings.CutPrefix(imp, module+"/")
			switch {
			case ours && !slices.Contains(strings.Fields(allowed), own):
				t.Errorf("%s may not import %s", name, own)
			case !ours && strings.Contains(imp, ".") && !slices.Contains(strings.Fields(mayUse[name]), imp):
				t.Errorf("%s may not use %s", name, imp)
			}
		}
	}
}
