package root

import (
	"fmt"
	"slices"
	"strings"
)

// Platform is what an image is for, by Go's names: linux, arm, v7.
type Platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant"`
}

func (p Platform) String() string {
	return strings.TrimSuffix(p.OS+"/"+p.Architecture+"/"+p.Variant, "/")
}

// PlatformError is an image that there is not for the platform that is wanted.
type PlatformError struct {
	Want string
	Have []string
}

func (e *PlatformError) Error() string {
	if len(e.Have) == 0 {
		return "it has no image for " + e.Want
	}
	return fmt.Sprintf("it has no image for %s; it has %s", e.Want, strings.Join(e.Have, ", "))
}

// aliases are other names for architectures, which people and kernels use.
var aliases = map[string]string{"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386", "armhf": "arm", "armv7l": "arm"}

// ParsePlatform reads OS/ARCH[/VARIANT]; "" is no wish.
func ParsePlatform(text string) (Platform, error) {
	if text == "" {
		return Platform{}, nil
	}
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return Platform{}, fmt.Errorf("%q: a platform is OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64", text)
	}
	p := Platform{OS: strings.ToLower(parts[0]), Architecture: strings.ToLower(parts[1])}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	if goName, ok := aliases[p.Architecture]; ok {
		p.Architecture = goName
	}
	return p, nil
}

// usual is the variant that a platform without one means, and the one that
// need not be told (containerd, platforms/database.go).
func (p Platform) usual() string {
	switch {
	case p.Variant != "":
		return p.Variant
	case p.Architecture == "arm":
		return "v7"
	case p.Architecture == "arm64":
		return "v8"
	case p.Architecture == "amd64":
		return "v1"
	}
	return ""
}

// suits says how well an image for p serves a wish: 0 not at all, more is
// better. A machine runs what was built for lesser ones; a wish without a
// variant takes any, the usual one first.
func (p Platform) suits(wish Platform) int {
	if p.OS != wish.OS || p.Architecture != wish.Architecture {
		return 0
	}
	have, want := p.usual(), wish.usual()
	switch {
	case have == want:
		return 1000
	case have < want && len(have) == len(want):
		return 500 + int(have[len(have)-1])
	case wish.Variant == "":
		return 300 - int(have[len(have)-1])
	}
	return 0
}

// bestPlatform gives the index of the image that is meant: what was wished
// for, else linux/amd64 whatever machine asks, else the first for linux.
func bestPlatform(have []Platform, wish Platform) (int, error) {
	best, score := -1, 0
	for _, w := range []Platform{wish, {OS: "linux", Architecture: "amd64"}} {
		for i, p := range have {
			if s := p.suits(w); s > score {
				best, score = i, s
			}
		}
		if best >= 0 {
			return best, nil
		}
		if wish.OS != "" {
			return 0, &PlatformError{wish.String(), platformNames(have)}
		}
	}
	for i, p := range have {
		if p.OS == "linux" {
			return i, nil
		}
	}
	return 0, &PlatformError{"linux", platformNames(have)}
}

func platformNames(have []Platform) []string {
	var names []string
	for _, p := range have {
		if n := p.String(); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}
