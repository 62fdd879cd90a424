package root

import (
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLoaderBytes: what loaders of many makers hold, as strings between
// others that look alike.
func TestLoaderBytes(t *testing.T) {
	for name, c := range map[string]struct {
		data               string
		dirs               []string
		lib, cache, banner string
	}{
		"Debian": {"glibc-ld.so.cache1.1\x00ld.so-1.7.0\x00/etc/ld.so.cache\x00lib/x86_64-linux-gnu\x00ld.so (Debian GLIBC 2.36-9) stable release version 2.36.\n\x00" +
			"\x00/lib/x86_64-linux-gnu/\x00/usr/lib/x86_64-linux-gnu/\x00/lib/\x00/usr/lib/\x00glibc-hwcaps/\x00",
			[]string{"/lib/x86_64-linux-gnu/", "/usr/lib/x86_64-linux-gnu/", "/lib/", "/usr/lib/"}, "lib/x86_64-linux-gnu", "/etc/ld.so.cache", "2.36"},
		"EL": {"x\x00lib64\x00/etc/ld.so.cache\x00\x40/lib64/\x00/usr/lib64/\x00\x00", []string{"/lib64/", "/usr/lib64/"}, "lib64", "/etc/ld.so.cache", ""},
		"Arch, in development": {"\x00lib\x00\x00/usr/lib/\x00\x00/proc/self/\x00ld.so (GNU libc) development release version 2.41.9000.\n\x00/etc/ld.so.cache\x00",
			[]string{"/usr/lib/"}, "lib", "/etc/ld.so.cache", "2.41.9000"},
		"Nix": {"\x00lib\x00\x00/nix/store/abc-glibc-2.38-44/lib/\x00\x00/nix/store/abc-glibc-2.38-44/etc/ld.so.cache\x00%s/lib/\x00",
			[]string{"/nix/store/abc-glibc-2.38-44/lib/"}, "lib", "/nix/store/abc-glibc-2.38-44/etc/ld.so.cache", ""},
		"none of it": {"\x00/\x00//\x00/x\x00ld.so.cache\x00release version x", nil, "", "", ""},
	} {
		data := []byte(c.data)
		dirs := builtinDirs(data)
		if !slices.Equal(dirs, c.dirs) || libDST(data, dirs) != c.lib || cachePath(data) != c.cache || bannerVersion(data) != c.banner {
			t.Errorf("%s: %q, $LIB %q, cache %q, version %q", name, dirs, libDST(data, dirs), cachePath(data), bannerVersion(data))
		}
	}
}

func TestMuslBytes(t *testing.T) {
	data := []byte("\x00/usr/local/bin:/bin:/usr/bin\x00/bin:/usr/bin\x0010.1.2.3\x00\x80=1.2.3\x00\x00/lib:/usr/local/lib:/usr/lib\x00")
	if v, p := muslVersion(data), muslPath(data); v != "1.2.3" || !slices.Equal(p, []string{"/lib", "/usr/local/lib", "/usr/lib"}) {
		t.Errorf("%q %q", v, p)
	}
	if v := muslVersion([]byte("\x001.2.5-git-12-g0123abc\x00")); v != "1.2.5" {
		t.Errorf("a development version: %q", v)
	}
	if v, p := muslVersion([]byte("1.2.3\x00 1.2\x00 1.2.")), muslPath([]byte("/lib:/usr/lib\x00")); v != "" || p != nil {
		t.Errorf("%q %q", v, p) // cut at either end
	}
}

// TestLoaderOfThisMachine asks this machine's own loader what it is.
func TestLoaderOfThisMachine(t *testing.T) {
	r, err := Host()
	must(t, err)
	defer r.Close()
	asked := 0
	for _, interp := range []string{"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-linux.so.2"} {
		info, err := r.Stat(interp, Superuser)
		if err != nil {
			continue
		}
		out, err := exec.Command(interp, "--help").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "system search path") {
			continue // another machine's, or older than 2.33
		}
		l, err := r.Libc(interp, info)
		must(t, err)
		var dirs []string
		for _, m := range regexp.MustCompile(`(?m)^  (/\S+) \(system search path\)`).FindAllStringSubmatch(string(out), -1) {
			dirs = append(dirs, strings.TrimSuffix(m[1], "/")+"/")
		}
		version, _ := exec.Command(interp, "--version").Output()
		if l.Kind != "glibc" || !slices.Equal(l.Dirs, dirs) || !strings.Contains(string(version), "version "+l.Version+".\n") {
			t.Errorf("%s: %s %s %q; it says %q and %s", interp, l.Kind, l.Version, l.Dirs, dirs, version)
		}
		if _, err := r.Stat(path.Join("/usr", l.LibDST), Superuser); err != nil {
			t.Errorf("$LIB %s: %v", l.LibDST, err)
		}
		asked++
	}
	if asked == 0 {
		t.Skip("no glibc loader here that tells")
	}
}

// TestLibcIsOther: a script or a damaged file as an interpreter is none that
// is known, and no error.
func TestLibcIsOther(t *testing.T) {
	r := mustOpen(t, tarOf([]entry{{name: "sh", body: "#!/bin/x\n"}, {name: "cut", body: "\x7fELF"}, {name: "empty"}}))
	for _, name := range []string{"/sh", "/cut", "/empty"} {
		info, err := r.Stat(name, Superuser)
		must(t, err)
		if l, err := r.Libc(name, info); err != nil || l.Kind != "other" || l.Path != name {
			t.Errorf("%s: %+v %v", name, l, err)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	ordered := []string{"", "2", "2.2.5", "2.3", "2.17", "2.31", "2.31.9000", "2.100", "10"}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := CompareVersions(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%q and %q: %d", a, b, got)
			}
		}
	}
	if CompareVersions("2.34", "2.34.0") != 0 {
		t.Error("a zero at the end is nothing")
	}
}
