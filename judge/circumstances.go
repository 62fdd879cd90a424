package judge

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
)

// Circumstances of a start as the user gave them; zero values mean the
// defaults of the target.
type Circumstances struct {
	At      string     // place on the target; "" by the subject
	With    []Layer    // directories laid over the target first
	Machine string     // of the target's kernel: "x86-64", …; "" by the target, else by the file
	CPU     string     // a level; "" every one that the target supports
	Kernel  *[3]uint32 // nil: the target's, else any
	Env     []string   // K=V, added to the default environment
	Cwd     string
	User    *root.Cred

	Bindings bool      // ask which object each symbol is bound to
	AsOf     time.Time // the day on which it is asked whether a release gets fixes
}

// Layer is a directory of this machine laid over the target.
type Layer struct {
	Dir   string // absolute
	Place string // absolute, on the target
}

// ParseLayer reads DIR:/place.
func ParseLayer(text string) (Layer, error) {
	i := strings.LastIndex(text, ":/")
	if i <= 0 {
		return Layer{}, errors.New("DIR:/PATH is wanted")
	}
	dir, err := filepath.Abs(text[:i])
	if err != nil {
		return Layer{}, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return Layer{}, err
	}
	if !info.IsDir() {
		return Layer{}, fmt.Errorf("%s is not a directory", dir)
	}
	return Layer{Dir: dir, Place: path.Clean(text[i+1:])}, nil
}

// ParseKernel reads 4.18 or 4.18.0-553.el8; "" is nil.
func ParseKernel(text string) (*[3]uint32, error) {
	if text == "" {
		return nil, nil
	}
	numbers, _, _ := strings.Cut(text, "-")
	parts := strings.Split(numbers, ".")
	if len(parts) < 2 {
		return nil, errors.New("a version such as 4.18 is wanted")
	}
	var v [3]uint32
	for i, p := range parts[:min(3, len(parts))] {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return nil, errors.New("a version such as 4.18 is wanted")
		}
		v[i] = uint32(n)
	}
	return &v, nil
}

// ParseUser reads UID or UID:GID; "" is nil.
func ParseUser(text string) (*root.Cred, error) {
	if text == "" {
		return nil, nil
	}
	uid, gid, both := strings.Cut(text, ":")
	if !both {
		gid = uid
	}
	u, err := strconv.ParseUint(uid, 10, 32)
	g, err2 := strconv.ParseUint(gid, 10, 32)
	if err != nil || err2 != nil {
		return nil, errors.New("numbers are wanted, such as 1000:1000: names belong to a system, and the target may not be this one")
	}
	return &root.Cred{UID: uint32(u), GID: uint32(g)}, nil
}

// ParsePlatform reads linux/amd64 and its kind, and gives the machine; "" is "".
func ParsePlatform(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	system, arch, ok := strings.Cut(text, "/")
	if !ok {
		return "", errors.New("OS/ARCH is wanted, such as linux/arm64")
	}
	if system != "linux" {
		return "", fmt.Errorf("the loaders of %s are not simulated, only those of linux", system)
	}
	arch, _, _ = strings.Cut(arch, "/") // linux/arm/v7
	m, ok := target.MachineOf(arch)
	if !ok {
		return "", fmt.Errorf("no such architecture: %s", arch)
	}
	return m, nil
}
