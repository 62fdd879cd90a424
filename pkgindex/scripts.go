package pkgindex

import (
	"path"

	"github.com/willrun/willrun/root"
)

// madeByScripts are names that no package holds and that a package's script
// makes when it is installed, where loaders or our rules ask for them. They
// are there when the package is, unless a package does hold the name.
var madeByScripts = []struct {
	manager, pkg string
	file         root.Entry
	why          string
}{
	{"apt", "dash", link("/bin/sh", "dash"), "dash's postinst, up to Debian 12"},
	{"apt", "mawk", link("/usr/bin/awk", "mawk"), "update-alternatives"},
	{"apt", "base-passwd", known0("/etc/passwd"), "its postinst copies it"},
	{"apt", "base-passwd", known0("/etc/group"), "its postinst copies it"},
	{"apt", "libc-bin", known0("/etc/nsswitch.conf"), "its postinst copies it"},
	{"apt", "ca-certificates", known0("/etc/ssl/certs/ca-certificates.crt"), "update-ca-certificates"},
	{"dnf", "ca-certificates", known0("/etc/pki/tls/certs/ca-bundle.crt"), "primary.xml lists no such file; it is a link into /etc/pki/ca-trust"},
	{"dnf", "tzdata", known0("/usr/share/zoneinfo/UTC"), "primary.xml lists no such file"},
	{"dnf", "setup", known0("/etc/passwd"), "primary.xml lists it, and rpm's headers have it"},
}

func link(at, to string) root.Entry {
	return root.Entry{Path: at, Mode: root.ModeLink | 0o777, Link: to}
}

// known0 is a file that is there and whose contents are not known.
func known0(at string) root.Entry {
	return root.Entry{Path: at, Mode: root.ModeReg | 0o644, Size: 4096}
}

// scripts adds what packages' scripts make.
func (t *treeOf) scripts() {
	there := map[string]bool{}
	for i := range t.index.Packages {
		if p := &t.index.Packages[i]; t.index.there(p) {
			there[p.Name] = true
		}
	}
	held := map[string]bool{}
	for p := range t.byPath {
		held[t.view.real(p)] = true
	}
	for _, m := range madeByScripts {
		at := path.Join(t.view.real(path.Dir(m.file.Path)), path.Base(m.file.Path))
		if m.manager == t.index.Manager && there[m.pkg] && !held[at] {
			t.extra = append(t.extra, m.file)
		}
	}
}
