package root

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
)

// Distribution reads the tree's os-release, or what older systems had.
func (r *Root) Distribution() Distribution {
	for _, file := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if b, err := r.ReadFile(file, Superuser, 1<<16); err == nil {
			return parseOSRelease(string(b))
		}
	}
	for _, old := range []struct{ file, id string }{
		{"/etc/centos-release", "centos"}, {"/etc/redhat-release", "rhel"},
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

// maxLoader bounds what is read of a loader's file: real ones are below 2 MB.
const maxLoader = 16 << 20

// Libc describes the loader at an interpreter's path, from its own bytes.
func (r *Root) Libc(interp string, info Info) (*Libc, error) {
	o, err := r.Object(info)
	if err != nil {
		return nil, err
	}
	own, err := r.objects.libcs.get(info.ID, func() (Libc, error) { return r.describe(info, o.Facts) })
	if err != nil {
		return nil, err
	}
	l := own
	l.Interp, l.Path, l.Facts = interp, info.Path, o.Facts
	if l.Kind == "glibc" {
		l.libcSo(r)
	}
	return &l, nil
}

// describe is what the loader's own bytes tell.
func (r *Root) describe(info Info, facts *binary.Facts) (Libc, error) {
	l := Libc{Kind: "other"}
	if facts.ELF == nil {
		return l, nil
	}
	data, err := r.contents(info, maxLoader)
	if err != nil {
		return l, err
	}
	l.ISA = facts.ELF.X86ISA
	switch {
	case bytes.Contains(data, []byte("musl libc (")):
		l.musl(data)
	case isGlibcLoader(facts.ELF, data):
		l.glibc(data)
	}
	return l, nil
}

// isGlibcLoader: glibc's ld.so carries its soname and the words of its cache,
// old or new.
func isGlibcLoader(e *binary.ELF, data []byte) bool {
	return strings.HasPrefix(e.Soname, "ld") && (bytes.Contains(data, []byte("glibc-ld.so.cache")) || bytes.Contains(data, []byte("ld.so-1.7.0")))
}

// muslVersion: __libc_version (src/internal/version.c) is an array of its own,
// and any byte may stand before it.
var muslVersion = regexp.MustCompile(`[^0-9.]([01]\.[0-9]{1,2}\.[0-9]{1,3})(?:-git-[0-9a-z-]{1,64})?\x00`)

func (l *Libc) musl(data []byte) {
	l.Kind = "musl"
	if m := muslVersion.FindSubmatch(data); m != nil {
		l.Version = string(m[1])
	}
	l.Dirs = []string{"/lib", "/usr/local/lib", "/usr/lib"}
	if dirs := muslPath(data); dirs != nil {
		l.Dirs = dirs
	}
}

// muslPath finds the default path, which builders may change (sys_path in
// ldso/dynlink.c). The paths of execvp and confstr, which look alike, name
// folders of programs.
func muslPath(data []byte) []string {
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte("\x00/"))
		if i < 0 {
			return nil
		}
		at += i + 1
		end := bytes.IndexByte(data[at:min(len(data), at+4096)], 0)
		if end < 0 {
			continue
		}
		dirs := strings.Split(string(data[at:at+end]), ":")
		if len(dirs) > 1 && !slices.ContainsFunc(dirs, notLib) {
			return dirs
		}
		at += end
	}
}

func notLib(dir string) bool {
	return !strings.HasPrefix(dir, "/") || !strings.Contains(path.Base(dir), "lib") || strings.ContainsAny(dir, "%\n ")
}

var glibcBanner = regexp.MustCompile(`(?:release|snapshot) version ([0-9]+\.[0-9]+(?:\.[0-9]+)?)`)

// glibc: the built-in directories are one string of names with NULs between
// (elf/dl-load.c, system_dirs), each with a slash at both ends.
func (l *Libc) glibc(data []byte) {
	l.Kind = "glibc"
	l.Dirs = builtinDirs(data)
	l.LibDST = libDST(data, l.Dirs)
	if m := cachePath.FindSubmatch(data); m != nil {
		l.Cache = string(m[1])
	}
	l.Version = bannerVersion(data)
}

// bannerVersion is the release in "… stable release version 2.36.", with
// which ld.so (from 2.33 on) and libc.so.6 say what they are.
func bannerVersion(data []byte) string {
	if m := glibcBanner.FindSubmatch(data); m != nil {
		return string(m[1])
	}
	return ""
}

var cachePath = regexp.MustCompile(`\x00(/[^\x00]*ld\.so\.cache)\x00`)

// libDST is what $LIB stands for: the last part of the first directory
// (DL_DST_LIB in elf/Makefile), with Debian's patches all that is behind the
// prefix. It is a string of its own in the loader.
func libDST(data []byte, dirs []string) string {
	if len(dirs) == 0 {
		return ""
	}
	long := strings.Trim(strings.TrimPrefix(dirs[0], "/usr/"), "/")
	short := path.Base(dirs[0])
	for _, name := range []string{long, short} {
		if bytes.Contains(data, []byte("\x00"+name+"\x00")) {
			return name
		}
	}
	if strings.HasPrefix(long, "lib") {
		return long
	}
	return short
}

// builtinDirs finds the longest run of library folders that begin and end
// with a slash. The array may follow any byte.
func builtinDirs(data []byte) []string {
	var best []string
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '/')
		if i < 0 {
			return best
		}
		at += i
		run := dirRun(data[at:])
		if len(run) > len(best) {
			best = run
		}
		for _, d := range run {
			at += len(d)
		}
		at++
	}
}

func dirRun(b []byte) []string {
	var run []string
	for len(b) > 0 && b[0] == '/' && len(run) < 64 {
		end := bytes.IndexByte(b[:min(len(b), 512)], 0)
		if end < 2 || b[end-1] != '/' || !libDir(b[:end]) {
			break
		}
		run = append(run, string(b[:end]))
		b = b[end+1:]
	}
	return run
}

// libDir: only plain characters, and a part that begins with lib.
func libDir(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c > '~' || c == '%' || c == ':' {
			return false
		}
	}
	return bytes.Contains(name, []byte("/lib"))
}

// libcSo looks at the libc.so.6 that belongs to the loader: its banner tells
// the version where an old ld.so (before 2.33) does not, and it may demand a
// CPU level.
func (l *Libc) libcSo(r *Root) {
	dirs := append([]string{path.Dir(l.Path) + "/"}, l.Dirs...)
	for _, d := range dirs {
		info, err := r.Stat(d+"libc.so.6", Superuser)
		if err != nil || !info.Regular() {
			continue
		}
		o, err := r.Object(info)
		if err != nil || o.Facts.ELF == nil || o.Facts.ELF.Machine != l.Facts.ELF.Machine {
			continue
		}
		l.ISA |= o.Facts.ELF.X86ISA
		if l.Version == "" {
			l.Version = r.libcVersion(info, o.Facts.ELF)
		}
		return
	}
}

// libcVersion: without a banner the highest node is the least that it can be.
func (r *Root) libcVersion(info Info, e *binary.ELF) string {
	v, err := r.objects.versions.get(info.ID, func() (string, error) {
		data, err := r.contents(info, maxLoader)
		return bannerVersion(data), err
	})
	if err == nil && v != "" {
		return v
	}
	best := ""
	for _, d := range e.VersionDefs {
		if v, ok := strings.CutPrefix(d.Name, "GLIBC_2."); ok && number.FindString(v) == v && CompareVersions("2."+v, best) > 0 {
			best = "2." + v
		}
	}
	return best
}

// CompareVersions compares dotted numbers: negative, 0 or positive. An empty
// version is lower than any other.
func CompareVersions(a, b string) int {
	x, y := versionParts(a), versionParts(b)
	for i := range max(len(x), len(y)) {
		p, q := -1, -1
		if i < len(x) {
			p = x[i]
		}
		if i < len(y) {
			q = y[i]
		}
		if p < 0 && q == 0 || q < 0 && p == 0 {
			continue
		}
		if p != q {
			return p - q
		}
	}
	return 0
}

func versionParts(v string) []int {
	var parts []int
	for _, p := range strings.Split(v, ".") {
		n, digits := 0, 0
		for digits < len(p) && digits < 8 && p[digits] >= '0' && p[digits] <= '9' {
			n = 10*n + int(p[digits]-'0')
			digits++
		}
		if digits == 0 {
			break
		}
		parts = append(parts, n)
	}
	return parts
}
