package pkgindex

import (
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// privateFamilies are packages whose libraries lie in directories of their
// own, though their metadata provides the sonames. They matter where a
// repository's primary.xml is all there is: it has no file lists of library
// directories. Each was seen in real file lists.
var privateFamilies = []struct{ packages, sonames, why string }{
	{"java-*", "*", "JDKs lie below /usr/lib/jvm; java finds libjvm.so by itself"},
	{"libreoffice*", "*", "/usr/lib64/libreoffice/program; the launcher's run path leads there"},
	{"firefox*", "*", "/usr/lib64/firefox"},
	{"thunderbird*", "*", "/usr/lib64/thunderbird"},
	{"gcc-toolset-*", "*", "/opt/rh, found after scl enable"},
	{"devtoolset-*", "*", "/opt/rh, found after scl enable"},
	{"rh-*", "*", "/opt/rh, found after scl enable"},
	{"openmpi*", "*", "/usr/lib64/openmpi/lib, found after module load"},
	{"mpich*", "*", "/usr/lib64/mpich/lib, found after module load"},
	{"mvapich2*", "*", "/usr/lib64/mvapich2/lib, found after module load"},
	{"*-openmpi", "*", "/usr/lib64/openmpi/lib, found after module load"},
	{"*-mpich", "*", "/usr/lib64/mpich/lib, found after module load"},
	{"mutter*", "libmutter-c*", "/usr/lib64/mutter-N: clutter, cogl; libmutter itself is public"},
	{"gnome-shell*", "*", "/usr/lib64/gnome-shell"},
	{"evolution", "*", "/usr/lib64/evolution"},
	{"evolution-data-server*", "libcamel*[a-z].so", "/usr/lib64/evolution-data-server/camel-providers"},
	{"samba*", "lib*-samba4.so", "/usr/lib64/samba: the libraries that Samba keeps to itself"},
	{"libsmbclient*", "lib*-samba4.so", "/usr/lib64/samba"},
	{"libwbclient*", "lib*-samba4.so", "/usr/lib64/samba"},
	{"sssd*", "libsss_*.so", "/usr/lib64/sssd: plugins"},
	{"sssd*", "libldap_child*", "/usr/libexec/sssd"},
	{"systemd*", "libsystemd-*.so", "/usr/lib/systemd: libsystemd-shared-N.so, libsystemd-core-N.so"},
	{"pulseaudio*", "libpulsecommon-*", "/usr/lib64/pulseaudio"},
	{"pulseaudio*", "libpulsecore-*", "/usr/lib64/pulseaudio"},
	{"NetworkManager*", "libnm-*.so", "/usr/lib64/NetworkManager: plugins"},
	{"ModemManager*", "libmm-*.so", "/usr/lib64/ModemManager: plugins"},
	{"dovecot*", "*", "/usr/lib64/dovecot"},
	{"389-ds-base*", "*", "/usr/lib64/dirsrv"},
	{"freeradius*", "*", "/usr/lib64/freeradius"},
	{"postgresql-*", "*", "/usr/lib64/pgsql: server modules; libpq is a package of its own"},
	{"mysql-server*", "*", "/usr/lib64/mysql/plugin"},
	{"mariadb-server*", "*", "/usr/lib64/mariadb/plugin"},
	{"httpd*", "*", "/usr/lib64/httpd/modules"},
	{"mod_*", "*", "/usr/lib64/httpd/modules"},
	{"php*", "*", "/usr/lib64/php/modules, httpd modules"},
	{"perl-*", "*", "/usr/lib64/perl5"},
	{"perl", "*", "/usr/lib64/perl5"},
	{"python3*", "*.cpython-*", "/usr/lib64/python3*"},
	{"ruby*", "*[!0-9].so", "/usr/lib64/ruby; libruby.so.N is public"},
	{"R-*", "lib*.so", "/usr/lib64/R/lib, which R's launcher adds"},
	{"qt5-*", "libq*.so", "/usr/lib64/qt5/plugins; public ones have a version"},
	{"qt6-*", "libq*.so", "/usr/lib64/qt6/plugins"},
	{"gstreamer1*", "libgst*.so", "/usr/lib64/gstreamer-1.0: plugins; public ones have a version"},
	{"pipewire*", "libpipewire-module-*", "/usr/lib64/pipewire-0.3"},
	{"pipewire*", "libspa-*", "/usr/lib64/spa-0.2"},
	{"rpm-plugin-*", "*", "/usr/lib64/rpm-plugins"},
	{"libvirt-daemon*", "*", "/usr/lib64/libvirt"},
	{"grilo-plugins*", "*", "/usr/lib64/grilo-0.3"},
	{"cups-filters*", "*.so", "/usr/lib/cups"},
	{"wireshark*", "*[a-z].so", "/usr/lib64/wireshark/plugins"},
	{"ibus*", "libim*.so", "/usr/lib64/gtk-*: input modules"},
	{"gtk*", "libim-*.so", "/usr/lib64/gtk-*: input modules"},
	{"gtk*", "libprintbackend-*.so", "/usr/lib64/gtk-*"},
	{"gvfs*", "libgvfs*.so", "/usr/lib64/gvfs"},
	{"gdk-pixbuf2*", "libpixbufloader-*.so", "/usr/lib64/gdk-pixbuf-2.0"},
	{"geoclue2*", "*.so", "plugins"},
	{"bpftrace*", "*.so", "plugins"},
	{"xorg-x11-drv-*", "*", "/usr/lib64/xorg/modules"},
	{"xorg-x11-server-*", "*", "/usr/lib64/xorg/modules"},
	{"mesa-dri-drivers*", "*", "/usr/lib64/dri"},
	{"alsa-plugins-*", "*", "/usr/lib64/alsa-lib"},
	{"kernel*", "*", "no libraries of programs"},
	{"flatpak-*", "*.so", "modules"},
}

// publicUnversioned are packages whose libraries without a version in their
// sonames lie in the library directory and are linked with.
var publicUnversioned = []string{"glibc", "nspr", "nss", "nss-util", "nss-softokn", "nss-softokn-freebl", "tcl", "tk", "expect", "lua", "lua-libs", "binutils",
	"libdb", "libdb4", "gettext-libs", "bind-libs", "bind-libs-lite", "bind9.*-libs", "libomp", "spirv-tools-libs", "python3-libs", "python3.*-libs",
	"speech-tools-libs", "libijs", "softhsm", "bacula-libs", "bacula-libs-sql", "libkeepalive", "libcapstone*", "ncurses-libs"}

// private says whether a soname that a package provides lies where loaders do
// not look: a known family, or a name without a version, which is how plugins
// are called and hardly ever a library (in CentOS Stream 9, 1,521 of 1,581).
func private(pkg, soname string) bool {
	if isLoader(soname) {
		return false
	}
	for _, f := range privateFamilies {
		if glob(f.packages, pkg) && glob(f.sonames, soname) {
			return true
		}
	}
	if !strings.HasPrefix(soname, "lib") {
		return true
	}
	return strings.HasSuffix(soname, ".so") && !slices.ContainsFunc(publicUnversioned, func(p string) bool { return glob(p, pkg) })
}

func glob(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// glibcNodes adds what parts of glibc have and rpm's metadata leaves out on
// most distributions: the node of what they share among themselves.
func glibcNodes(l *Library, version string) {
	parts := glibcParts
	if root.CompareVersions(version, "2.34") < 0 {
		parts = glibcPartsOld
	}
	i, there := slices.BinarySearch(l.Nodes, glibcPrivate)
	if there || len(l.Nodes) == 0 || !slices.Contains(parts, l.Soname) && !strings.HasPrefix(l.Soname, "ld-linux") && !strings.HasPrefix(l.Soname, "ld64.so.") {
		return
	}
	if slices.ContainsFunc(l.Nodes, func(n string) bool { return strings.HasPrefix(n, "GLIBC_2.") }) {
		l.Nodes = slices.Insert(l.Nodes, i, glibcPrivate)
	}
}

// Parts of glibc that define GLIBC_PRIVATE (the Versions files in the
// directories of its source). With 2.34 most moved into libc.so.6.
var (
	glibcParts    = []string{"libc.so.6", "libresolv.so.2"}
	glibcPartsOld = []string{"libc.so.6", "libresolv.so.2", "libpthread.so.0", "libdl.so.2"}
)

// ownNeeds drops what a part of glibc needs of the other parts of the same
// build, which fit one another.
func (f *File) ownNeeds() {
	for _, l := range []*Library{f.Library, f.Program} {
		if l == nil {
			continue
		}
		for i := range l.Needs {
			n := &l.Needs[i]
			n.Versions = slices.DeleteFunc(n.Versions, func(v binary.NeededVersion) bool { return v.Name == glibcPrivate })
		}
		l.Needs = slices.DeleteFunc(l.Needs, func(n binary.VersionNeed) bool { return len(n.Versions) == 0 })
	}
}
