package prove

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// mounted is one mount below a tree.
type mounted struct {
	at string // below the tree: "/usr"
	fd int
}

// otherKinds of file systems have no programs and libraries, and are not
// carried over: the kernel's own, and what mounts when it is looked at.
var otherKinds = strings.Fields("proc sysfs devpts devtmpfs mqueue cgroup cgroup2 debugfs tracefs securityfs binfmt_misc autofs nsfs pstore bpf configfs fusectl hugetlbfs efivarfs rpc_pipefs")

// mountPoints reads /proc/self/mountinfo (proc_pid_mountinfo(5)): the mount
// points below dir with their kind, parents first, each once.
func mountPoints(dir string) (points []string, kinds map[string]string, err error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, nil, err
	}
	kinds = map[string]string{}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if dash < 6 || dash+1 >= len(fields) {
			continue
		}
		at := unescape(fields[4])
		rest, below := strings.CutPrefix(at, strings.TrimSuffix(dir, "/")+"/")
		if !below || rest == "" {
			continue
		}
		rest = "/" + rest
		if kinds[rest] == "" {
			points = append(points, rest)
		}
		kinds[rest] = fields[dash+1] // the last mounted is on top
	}
	slices.Sort(points)
	return points, kinds, nil
}

// unescape undoes the octal escapes of blanks and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// maxMounts bounds what is carried over: a server of containers has some
// hundreds.
const maxMounts = 4096

// mountsBelow opens the mounts below a tree that can matter to a start, and
// those alone that this user can look into.
func mountsBelow(tree int) ([]mounted, error) {
	dir, err := os.Readlink(magic(tree))
	if err != nil {
		return nil, err
	}
	points, kinds, err := mountPoints(dir)
	if err != nil {
		return nil, err
	}
	if len(points) > maxMounts {
		return nil, fmt.Errorf("%d mounts below %s are too many", len(points), dir)
	}
	var list []mounted
	left := []string{"/dev", "/proc"} // which are made anew
	for _, p := range points {
		if slices.Contains(otherKinds, kinds[p]) {
			left = append(left, p)
		}
		if slices.ContainsFunc(left, func(dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }) {
			continue
		}
		fd, err := unix.Open(path.Join(dir, p), unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			continue // a program could not look into it either
		}
		list = append(list, mounted{p, fd})
	}
	return list, nil
}

// magic is the path of what a descriptor of ours stands for. Mounts take it,
// and it says the same when other mounts cover the place.
func magic(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }
