package pkgindex

import (
	"context"
	"os"

	"github.com/willrun/willrun/binary"
)

// What tests of the room see of its inside.
var (
	CompareRPM = compareRPM
	CompareDeb = compareDeb
	SlimFacts  = slimFacts
	ParseName  = parseSoname

	OpaqueFacts = opaqueFacts
)

func ReadDatabase(ctx context.Context, file string) ([]Package, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return readRPMDB(ctx, f, info.Size())
}

// WithFacts is a file that was read.
func WithFacts(f File, facts *binary.Facts) File {
	f.facts = readFacts(facts)
	return f
}
