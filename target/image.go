package target

import (
	"github.com/willrun/willrun/ociimage"
)

// Start is one program that an image is seen to start.
type Start = ociimage.Start

// EntryPoint is what the target's image starts, and what that is seen to start
// in turn. unknown says where that can't be seen.
func (t *Target) EntryPoint() (starts []Start, unknown string) { return ociimage.EntryPoint(t.Root) }
