package root

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// User turns what an image or a user says ("app", "1000", "app:staff",
// "1000:1000", "" for the superuser) into numbers, by the tree's own
// /etc/passwd and /etc/group. As container runtimes do: a number needs no
// entry, but has its entry's group; a group that is given replaces that, and
// then no other groups count.
func (r *Root) User(spec string) (Cred, error) {
	name, group, grouped := strings.Cut(spec, ":")
	if name == "" {
		name = "0"
	}
	var c Cred
	entry, known := r.entry("/etc/passwd", name, 4)
	if known {
		name = entry[0]
	}
	uid, err := strconv.ParseUint(first(known, entry, 2, name), 10, 32)
	if err != nil {
		return c, fmt.Errorf("user %s: not in /etc/passwd", name)
	}
	c.UID = uint32(uid)
	if grouped && group != "" {
		entry, known := r.entry("/etc/group", group, 3)
		gid, err := strconv.ParseUint(first(known, entry, 2, group), 10, 32)
		if err != nil {
			return c, fmt.Errorf("group %s: not in /etc/group", group)
		}
		c.GID = uint32(gid)
		return c, nil
	}
	if known {
		gid, err := strconv.ParseUint(entry[3], 10, 32)
		if err != nil {
			return c, fmt.Errorf("user %s: its group %q is no number", name, entry[3])
		}
		c.GID = uint32(gid)
		c.Groups = r.groupsOf(name)
	}
	return c, nil
}

func first(known bool, entry []string, i int, other string) string {
	if known {
		return entry[i]
	}
	return other
}

const maxPasswd = 4 << 20

// entry is the first line of a file like passwd(5) whose name or number is
// key, with at least fields fields.
func (r *Root) entry(file, key string, fields int) ([]string, bool) {
	data, err := r.ReadFile(file, Superuser, maxPasswd)
	if err != nil {
		return nil, false
	}
	_, err = strconv.ParseUint(key, 10, 32)
	numeric := err == nil
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) >= fields && (f[0] == key || numeric && f[2] == key) {
			return f, true
		}
	}
	return nil, false
}

func (r *Root) groupsOf(user string) []uint32 {
	data, err := r.ReadFile("/etc/group", Superuser, maxPasswd)
	if err != nil {
		return nil
	}
	var ids []uint32
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || !slices.Contains(strings.Split(f[3], ","), user) {
			continue
		}
		if id, err := strconv.ParseUint(f[2], 10, 32); err == nil {
			ids = append(ids, uint32(id))
		}
	}
	return ids
}
