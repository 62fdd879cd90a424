package pkgindex

import (
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/root"
)

// dataFiles are read, or asked for, by loaders and our rules, beside libraries
// and programs.
var dataFiles = []string{
	"/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/os-release", "/usr/lib/os-release", "/etc/ld.so.conf", "/etc/ld.so.preload",
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem", "/var/lib/ca-certificates/ca-bundle.pem",
	"/usr/share/zoneinfo/UTC", "/usr/share/lib/zoneinfo/UTC", "/usr/libexec/platform-python",
}

// interpreters outside the usual PATH that #! lines name.
const platformPython = "/usr/libexec/platform-python"

// kept says whether a file is one that a loader, a kernel or one of our rules
// asks for.
func kept(f *File) bool {
	dir, base := path.Split(f.Path)
	dir = path.Clean(dir)
	switch {
	case slices.Contains(dataFiles, f.Path), strings.HasPrefix(f.Path, platformPython), dir == "/etc/ld.so.conf.d":
		return true
	case f.Library != nil || f.facts != nil || f.Loader != nil:
		return true
	case isCommand(f.Path):
		return f.Mode&root.ModeFmt != root.ModeDir
	case f.Mode&root.ModeFmt == root.ModeLink:
		return dir == "/" || dir == "/usr" || dir == "/etc/alternatives" || dir == "/etc/ssl" || dir == "/etc/pki/tls" || isLibDir(dir) && hasSo(base)
	case f.Program != nil:
		return isLibDir(dir) && hasSo(base)
	case f.Mode&root.ModeFmt == root.ModeDir:
		return f.Path == "/etc/ssl/certs" || f.Path == "/usr/share/zoneinfo" || f.Mode&0o5 != 0o5 && len(f.Path) < 32 && !strings.HasPrefix(f.Path, "/var/")
	}
	return false
}

// isLibDir: a directory that any loader looks into, hardware's below it too.
func isLibDir(dir string) bool {
	if i := strings.Index(dir, "/glibc-hwcaps/"); i >= 0 {
		dir = dir[:i]
	}
	switch dir = strings.TrimPrefix(dir, "/usr"); dir {
	case "/lib", "/lib64", "/local/lib", "/local/lib64", "/lib/tls", "/lib64/tls":
		return true
	}
	rest, ok := strings.CutPrefix(dir, "/lib/")
	return ok && !strings.Contains(rest, "/") && (strings.Contains(rest, "-linux-gnu") || strings.Contains(rest, "-linux-musl"))
}

// trim drops what nothing asks for.
func (p *Package) trim() {
	beside := map[string]bool{} // directories of libraries, private ones too
	for i := range p.Files {
		if p.Files[i].Library != nil {
			beside[path.Dir(p.Files[i].Path)] = true
		}
	}
	p.Files = slices.DeleteFunc(p.Files, func(f File) bool {
		return !kept(&f) && !(f.Mode&root.ModeFmt == root.ModeLink && hasSo(path.Base(f.Path)) && beside[path.Dir(f.Path)])
	})
	for i := range p.Files {
		f := &p.Files[i]
		// A library without a soname in a place where loaders look is found
		// by its file's name.
		if base := path.Base(f.Path); f.Library == nil && f.Program != nil && isLibDir(path.Dir(f.Path)) && hasSo(base) {
			f.Library, f.Program = f.Program, nil
			f.Library.Soname = base
		}
	}
	p.Files = slices.Clip(p.Files)
}
