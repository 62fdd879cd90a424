package services

import (
	"path"
	"strconv"
	"strings"
)

// unitName is a unit's name taken apart: prefix@instance.kind.
type unitName struct {
	prefix, instance, kind string
	at                     bool // there is an @: a template, or an instance of one
}

const nameChars = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:-_.\\"

var kinds = map[string]bool{
	"service": true, "socket": true, "target": true, "timer": true, "path": true, "slice": true, "scope": true,
	"mount": true, "automount": true, "swap": true, "device": true,
}

// parseName takes a name apart (systemd.unit(5), unit_name_is_valid in
// src/basic/unit-name.c).
func parseName(s string) (unitName, bool) {
	dot := strings.LastIndexByte(s, '.')
	if len(s) >= 256 || dot <= 0 || !kinds[s[dot+1:]] {
		return unitName{}, false
	}
	n := unitName{kind: s[dot+1:]}
	n.prefix, n.instance, n.at = strings.Cut(s[:dot], "@")
	if n.prefix == "" || strings.Trim(n.prefix, nameChars) != "" || strings.Trim(n.instance, nameChars+"@") != "" {
		return unitName{}, false
	}
	return n, true
}

func (n unitName) String() string {
	if n.at {
		return n.prefix + "@" + n.instance + "." + n.kind
	}
	return n.prefix + "." + n.kind
}

func (n unitName) isTemplate() bool { return n.at && n.instance == "" }

// template is the name of the template of an instance.
func (n unitName) template() string { return n.prefix + "@." + n.kind }

// mayAlias says whether a link named n may stand for the unit to
// (unit_validate_alias_symlink_or_warn).
func (n unitName) mayAlias(to unitName) bool {
	switch n.kind {
	case "service", "socket", "target", "device", "timer", "path":
	default:
		return false
	}
	if n.kind != to.kind || n.at != to.at {
		return false
	}
	return n.instance == to.instance || n.instance != "" && to.isTemplate()
}

// chopped is the name with its prefix cut behind the last dash but one that
// ends it: "foo-bar.service" gives "foo-.service", which gives nothing.
func (n unitName) chopped() (unitName, bool) {
	p := strings.TrimSuffix(n.prefix, "-")
	dash := strings.LastIndexByte(p, '-')
	if dash <= 0 {
		return unitName{}, false
	}
	// A template that is cut is a plain name (unit_file_find_dirs).
	n.prefix, n.at = p[:dash+1], n.instance != ""
	return n, true
}

// unescape turns dashes into slashes and \xNN into bytes
// (unit_name_unescape); ok is false where it ends in the middle.
func unescape(s string) (text string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '-':
			b.WriteByte('/')
		case s[i] == '\\':
			if i+3 >= len(s) || s[i+1] != 'x' {
				return "", false
			}
			v, err := strconv.ParseUint(s[i+2:i+4], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(v))
			i += 3
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), true
}

// unescapePath is unescape for what stands for a path
// (unit_name_path_unescape): "-" alone is the root.
func unescapePath(s string) (string, bool) {
	switch {
	case s == "-":
		return "/", true
	case s == "" || s[0] == '-' || s[len(s)-1] == '-' || strings.Contains(s, "--"):
		return "", false
	}
	t, ok := unescape(s)
	if !ok || path.Clean("/"+t) != "/"+t {
		return "", false
	}
	return "/" + t, true
}
