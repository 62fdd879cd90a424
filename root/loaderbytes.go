package root

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// muslVersion finds __libc_version (src/internal/version.c): an array of its
// own, so that any byte may stand before it.
func muslVersion(data []byte) string {
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '.')
		if i < 0 {
			return ""
		}
		at += i + 1
		from := at - 2
		if from < 1 || data[from] != '0' && data[from] != '1' || bytes.IndexByte(digits, data[from-1]) >= 0 {
			continue
		}
		end := bytes.IndexByte(data[from:min(len(data), from+64)], 0)
		if end < 0 {
			continue
		}
		version, _, _ := strings.Cut(string(data[from:from+end]), "-git-")
		if number.FindString(version) == version && strings.Count(version, ".") == 2 && len(version) <= len("1.99.999") {
			return version
		}
	}
}

var digits = []byte("0123456789.")

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

// bannerVersion is the release in "… stable release version 2.36.", with
// which ld.so (from 2.33 on) and libc.so.6 say what they are.
func bannerVersion(data []byte) string {
	for _, words := range []string{"release version ", "snapshot version "} {
		for rest := data; ; {
			_, after, ok := bytes.Cut(rest, []byte(words))
			if !ok {
				break
			}
			if v := number.Find(after[:min(len(after), 16)]); len(v) > 2 && bytes.HasPrefix(after, v) {
				return string(v)
			}
			rest = after
		}
	}
	return ""
}

// cachePath is the only string in the loader that names a cache's file: the
// magic numbers of the cache are longer.
func cachePath(data []byte) string {
	const name = "ld.so.cache\x00"
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte(name))
		if i < 0 {
			return ""
		}
		at += i + len(name)
		from := at - len(name)
		for from > 0 && at-from < maxPath && data[from-1] > ' ' && data[from-1] <= '~' {
			from--
		}
		if data[from] == '/' {
			return string(data[from : at-1])
		}
	}
}

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
