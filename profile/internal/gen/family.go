package main

import (
	"strconv"
	"strings"
)

// class names the releases that are built from the same packages: rebuilds of
// one RHEL, Leap and SLE of one service pack. minor is -1 before .0.
func class(system string) (name string, minor int) {
	id, version, _ := strings.Cut(system, ":")
	major, rest, _ := strings.Cut(version, ".")
	switch id {
	case "centos-stream":
		// Measured in February 2022, before 9.0 was out.
		return "el" + major, -1
	case "centos", "rhel", "almalinux", "rocky", "ol":
		minor, _ = strconv.Atoi(rest)
		return "el" + major, minor
	case "sles", "opensuse-leap":
		return "suse" + version, 0
	}
	return system, 0
}

// family names the line of releases in which libraries only grow.
func family(id string) string {
	switch id {
	case "centos-stream", "centos", "rhel", "almalinux", "rocky", "ol":
		return "el"
	case "sles", "opensuse-leap":
		return "suse"
	}
	return id
}

// core are glibc's libraries that every measured system has in its glibc
// package; and that pep600_compliance looks at.
var core = map[string]bool{"libc.so.6": true, "libm.so.6": true, "libpthread.so.0": true, "libdl.so.2": true, "librt.so.1": true,
	"libutil.so.1": true, "libresolv.so.2": true, "libanl.so.1": false, "libBrokenLocale.so.1": false, "libthread_db.so.1": false,
	"libnss_files.so.2": false, "libnss_dns.so.2": false, "libnss_compat.so.2": false}

// scanned says that a pool tells of all nodes of the library.
func scanned(library string) bool { return core[library] }

// loaders are the interpreters of glibc, by machine.
var loaders = map[string]string{
	"x86-64": "/lib64/ld-linux-x86-64.so.2", "i386": "/lib/ld-linux.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1",
	"arm": "/lib/ld-linux-armhf.so.3", "ppc64le": "/lib64/ld64.so.2", "s390x": "/lib/ld64.so.1",
	"riscv64": "/lib/ld-linux-riscv64-lp64d.so.1", "loongarch64": "/lib64/ld-linux-loongarch-lp64d.so.1",
}

func isLoader(library string) bool { return strings.HasPrefix(library, "ld") }

// glibcLibrary says whether a library is part of glibc itself.
func glibcLibrary(library string) bool {
	_, ok := core[library]
	return ok || isLoader(library) || library == "libmvec.so.1" || library == "libnsl.so.1" || library == "libc_malloc_debug.so.0" ||
		strings.HasPrefix(library, "libnss_")
}

// prefixes are the nodes of a library that a pool tells all of.
var prefixes = map[string][]string{
	"libstdc++.so.6": {"GLIBCXX", "CXXABI"}, "libgcc_s.so.1": {"GCC"}, "libz.so.1": {"ZLIB"}, "libatomic.so.1": {"LIBATOMIC"},
}
