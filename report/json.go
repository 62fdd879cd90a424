package report

import (
	"encoding/json"
	"io"

	"github.com/willrun/willrun/judge"
)

// CheckSchema names the document of willrun check.
const CheckSchema = "willrun.check/v1"

// Trouble is an input that could not be judged at all.
type Trouble struct {
	File   string `json:"file"`
	Target string `json:"target,omitempty"`
	Error  string `json:"error"`
}

// CheckDocument is what willrun check --format json prints.
type CheckDocument struct {
	Schema  string         `json:"schema"`
	Results []judge.Result `json:"results"`
	Errors  []Trouble      `json:"errors"`
}

// JSON writes v as one indented document, with <, > and & as they are.
func JSON(w io.Writer, v any) error { return encode(w, v, "  ") }

// JSONLine writes v on one line.
func JSONLine(w io.Writer, v any) error { return encode(w, v, "") }

func encode(w io.Writer, v any, indent string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}
