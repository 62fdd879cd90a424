package root

import (
	"regexp"
	"strings"
)

// Distribution reads the tree's os-release, or what older systems had.
func (r *Root) Distribution() Distribution {
	for _, file := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if b, err := r.ReadFile(file, Superuser, 1<<16); err == nil {
			return parseOSRelease(string(b))
		}
	}
	for _, old := range []struct{ file, id string }{
		{"/etc/centos-release", "centos"}, {"/etc/oracle-release", "ol"}, {"/etc/fedora-release", "fedora"}, {"/etc/redhat-release", "rhel"},
		{"/etc/alpine-release", "alpine"}, {"/etc/debian_version", "debian"},
	} {
		b, err := r.ReadFile(old.file, Superuser, 4096)
		if err != nil {
			continue
		}
		text := strings.TrimSpace(string(b))
		return Distribution{ID: old.id, VersionID: number.FindString(text), PrettyName: text}
	}
	return Distribution{}
}

var number = regexp.MustCompile(`[0-9]+(\.[0-9]+)*`)

// parseOSRelease reads assignments with the shell's quoting
// (os-release(5)); anything else is passed over.
func parseOSRelease(text string) Distribution {
	var d Distribution
	for _, line := range strings.Split(text, "\n") {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		value = unquote(value)
		switch key {
		case "ID":
			d.ID = value
		case "VERSION_ID":
			d.VersionID = value
		case "PRETTY_NAME":
			d.PrettyName = value
		case "ID_LIKE":
			d.IDLike = value
		case "VERSION_CODENAME":
			d.Codename = value
		}
	}
	return d
}

func unquote(v string) string {
	v = strings.TrimSpace(v)
	if len(v) < 2 || v[0] != v[len(v)-1] || v[0] != '"' && v[0] != '\'' {
		return v
	}
	inner := v[1 : len(v)-1]
	if v[0] == '\'' {
		return inner
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) && strings.IndexByte("\\\"$`", inner[i+1]) >= 0 {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}
