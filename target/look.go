package target

import (
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// dirs in which loaders lie.
var loaderDirs = []string{"/lib64", "/lib", "/libx32", "/usr/lib64", "/usr/lib"}

// look reads off the tree what it is: its loaders, its machine, the CPU level
// that its own C library demands.
func (t *Target) look() {
	var isa uint32
	loaders := map[string]int{}
	for _, dir := range loaderDirs {
		names, err := t.Root.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, n := range names {
			if !strings.HasPrefix(n, "ld-") && !strings.HasPrefix(n, "ld.so") && !strings.HasPrefix(n, "ld64.so") || !strings.Contains(n, ".so") {
				continue
			}
			l := t.loader(path.Join(dir, n))
			if l == nil || l.Kind == "other" {
				continue
			}
			if !slices.Contains(t.Libcs, l.Kind) {
				t.Libcs = append(t.Libcs, l.Kind)
			}
			if name := strings.TrimSpace(l.Kind + " " + l.Version); !slices.Contains(t.libcs, name) {
				t.libcs = append(t.libcs, name)
			}
			loaders[l.Facts.ELF.Machine]++
			if l.Facts.ELF.Machine == "x86-64" {
				isa |= l.ISA
			}
		}
	}
	t.Machine = t.machine(loaders)
	if image := t.Root.Image; t.Machine == "" && image != nil {
		t.Machine, _ = MachineOf(image.Architecture)
	}
	if t.Machine == "x86-64" {
		t.Baseline = baseline(t.Distribution, isa)
	}
	if t.Machine == "aarch64" && bigPages(t.Distribution) {
		t.PageSize = 65536
	}
}

func (t *Target) loader(file string) *root.Libc {
	info, err := t.Root.Stat(file, root.Superuser)
	if err != nil || !info.Regular() {
		return nil
	}
	l, err := t.Root.Libc(file, info)
	if err != nil {
		return nil
	}
	return l
}

// machine is that of the tree's shell or init; where there is none, that of
// its loaders, the 64-bit one first.
func (t *Target) machine(loaders map[string]int) string {
	for _, file := range []string{"/bin/sh", "/sbin/init", "/bin/busybox", "/usr/bin/env"} {
		info, err := t.Root.Stat(file, root.Superuser)
		if err != nil || !info.Regular() {
			continue
		}
		if o, err := t.Root.Object(info); err == nil && o.Facts.ELF != nil {
			return o.Facts.ELF.Machine
		}
	}
	best := ""
	for m := range loaders {
		if best == "" || len(m) > len(best) || m > best && len(m) == len(best) {
			best = m
		}
	}
	if loaders["x86-64"] > 0 {
		return "x86-64"
	}
	if loaders["aarch64"] > 0 {
		return "aarch64"
	}
	return best
}

// baseline is the lowest level that the release supports: what its vendor
// says, and never below what its own C library was built for.
//
// EL 9 v2: https://developers.redhat.com/blog/2021/01/05/building-red-hat-enterprise-linux-for-the-x86-64-microarchitecture-levels
// EL 10 v3, SLES and Leap 16 v2: their release notes.
// Amazon Linux 2023 v2: https://docs.aws.amazon.com/linux/al2023/ug/system-requirements.html
func baseline(d root.Distribution, isa uint32) string {
	level := 1
	major, _, _ := strings.Cut(d.VersionID, ".")
	switch {
	case slices.Contains([]string{"rhel", "centos", "almalinux", "rocky", "ol"}, d.ID):
		switch major {
		case "9":
			level = 2
		case "10":
			// AlmaLinux has builds for v2 too: its C library's note tells.
			if level = 3; d.ID == "almalinux" {
				level = 2
			}
		}
	case d.ID == "amzn" && major == "2023":
		level = 2
	case slices.Contains([]string{"sles", "sles_sap", "opensuse-leap"}, d.ID) && major == "16":
		level = 2
	}
	for l := 4; l > level; l-- {
		if isa&(1<<(l-1)) != 0 {
			level = l
		}
	}
	return "x86-64-v" + string(rune('0'+level))
}

// bigPages: the kernels of EL 7 and 8 for 64-bit ARM have pages of 64 KiB.
func bigPages(d root.Distribution) bool {
	major, _, _ := strings.Cut(d.VersionID, ".")
	return slices.Contains([]string{"rhel", "centos", "almalinux", "rocky", "ol"}, d.ID) && (major == "7" || major == "8")
}
