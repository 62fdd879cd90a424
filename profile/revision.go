package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// Revision names the embedded profiles: a part of the digest of their data.
var Revision = sync.OnceValue(func() string {
	sum := sha256.Sum256(profiles)
	return "profiles " + hex.EncodeToString(sum[:6])
})
