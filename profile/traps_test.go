package profile

import (
	"slices"
	"testing"
)

// TestNodes: what the release's number would not tell, and what published
// lists pool.
func TestNodes(t *testing.T) {
	const x, a = "x86-64", "aarch64"
	for _, c := range []struct {
		name, machine, soname, node string
		want                        Answer
	}{
		// SUSE's 2.31: libc.so.6 ends at 2.30, as it does upstream.
		{"sles:15.3", x, "libc.so.6", "GLIBC_2.30", Has}, {"sles:15.3", x, "libc.so.6", "GLIBC_2.31", Lacks}, {"sles:15.3", x, "libm.so.6", "GLIBC_2.31", Has},
		{"sles:15.4", x, "libpthread.so.0", "GLIBC_2.31", Has}, {"opensuse-leap:15.5", x, "libc.so.6", "GLIBC_2.31", Lacks},
		{"debian:11", x, "libc.so.6", "GLIBC_2.31", Lacks}, {"debian:11", x, "libm.so.6", "GLIBC_2.31", Has}, {"ubuntu:20.04", a, "libc.so.6", "GLIBC_2.31", Lacks},
		// ld.so of EL 9 got 2.34 and 2.35 with 9.1.
		{"rocky:9.2", x, "ld-linux-x86-64.so.2", "GLIBC_2.35", Has}, {"almalinux:9.4", x, "ld-linux-x86-64.so.2", "GLIBC_2.35", Has},
		{"almalinux:9", x, "ld-linux-x86-64.so.2", "GLIBC_2.35", NotKnown}, {"rhel:9.0", x, "ld-linux-x86-64.so.2", "GLIBC_2.34", NotKnown},
		{"rhel:9.3", a, "ld-linux-aarch64.so.1", "GLIBC_2.35", Has}, {"rhel:9", a, "ld-linux-aarch64.so.1", "GLIBC_2.35", NotKnown}, {"rhel:9.1", "s390x", "ld64.so.1", "GLIBC_2.35", Has},
		{"almalinux:9", x, "libc.so.6", "GLIBC_2.34", Has}, {"almalinux:9.4", x, "libc.so.6", "GLIBC_2.35", Lacks}, {"fedora:35", x, "ld-linux-x86-64.so.2", "GLIBC_2.35", Lacks},
		// Versions that are no numbers.
		{"ubuntu:22.04", x, "libc.so.6", "GLIBC_ABI_DT_RELR", Lacks}, {"almalinux:9", x, "libc.so.6", "GLIBC_ABI_DT_RELR", Lacks},
		{"opensuse-leap:15.5", x, "libc.so.6", "GLIBC_ABI_DT_RELR", Lacks}, {"amzn:2023", x, "libc.so.6", "GLIBC_ABI_DT_RELR", Lacks},
		{"debian:12", x, "libc.so.6", "GLIBC_ABI_DT_RELR", Has}, {"almalinux:10", a, "libc.so.6", "GLIBC_ABI_DT_RELR", Has}, {"fedora:36", x, "libc.so.6", "GLIBC_ABI_DT_RELR", NotKnown},
		{"ol:10", x, "libc.so.6", "GLIBC_ABI_GNU2_TLS", Has}, {"ol:10", x, "libc.so.6", "GLIBC_ABI_DT_X86_64_PLT", Has}, {"rhel:10", x, "libc.so.6", "GLIBC_ABI_GNU2_TLS", Lacks},
		{"debian:13", x, "libc.so.6", "GLIBC_ABI_GNU2_TLS", NotKnown}, // came with a point release
		{"fedora:43", x, "libc.so.6", "GLIBC_ABI_GNU2_TLS", Has},
		// A node of another glibc's number, in a list that pools all libraries.
		{"ol:7", a, "libc.so.6", "GLIBC_2.18", NotKnown}, {"ol:7", x, "libc.so.6", "GLIBC_2.18", Lacks}, {"ol:7", x, "libc.so.6", "GLIBC_2.17", Has},
		// libstdc++ is often newer than the compiler.
		{"amzn:2023", x, "libstdc++.so.6", "GLIBCXX_3.4.33", Has}, {"amzn:2023", x, "libstdc++.so.6", "GLIBCXX_3.4.34", Lacks}, {"almalinux:9", x, "libstdc++.so.6", "GLIBCXX_3.4.30", Lacks},
		{"opensuse-leap:15.5", x, "libstdc++.so.6", "GLIBCXX_3.4.30", Has}, {"opensuse-leap:15.5", x, "libstdc++.so.6", "GLIBCXX_3.4.32", NotKnown}, // by an update
		{"fedora:36", x, "libstdc++.so.6", "GLIBCXX_3.4.29", Has}, {"fedora:36", x, "libstdc++.so.6", "GLIBCXX_3.4.30", NotKnown}, {"fedora:36", x, "libstdc++.so.6", "GLIBCXX_3.4.33", Lacks},
		{"opensuse-leap:15.0", x, "libstdc++.so.6", "GLIBCXX_3.4.22", Has}, {"opensuse-leap:15.0", x, "libstdc++.so.6", "GLIBCXX_3.4.25", NotKnown},
		{"centos:7", x, "libstdc++.so.6", "GLIBCXX_3.4.19", Has}, {"centos:7", x, "libstdc++.so.6", "GLIBCXX_3.4.20", Lacks}, {"centos:7", x, "libstdc++.so.6", "CXXABI_1.3.7", Has},
		// 2.34 moved libpthread's symbols; the old nodes stay where they were.
		{"almalinux:8", x, "libpthread.so.0", "GLIBC_2.12", Has}, {"almalinux:9", x, "libpthread.so.0", "GLIBC_2.12", Has}, {"almalinux:9", x, "libc.so.6", "GLIBC_2.31", Has},
		{"photon:4.0", x, "libc.so.6", "GLIBC_2.32", Has}, {"photon:4.0", x, "libc.so.6", "GLIBC_2.31", NotKnown}, {"photon:4.0", x, "libc.so.6", "GLIBC_2.33", Lacks},
		{"arch:rolling", x, "libc.so.6", "GLIBC_2.43", Has}, {"arch:rolling", x, "libc.so.6", "GLIBC_2.44", NotKnown},
		// The first node of a machine is its own.
		{"almalinux:8", "ppc64le", "libc.so.6", "GLIBC_2.17", Has}, {"almalinux:8", "ppc64le", "libc.so.6", "GLIBC_2.28", Has}, {"ubuntu:20.04", "riscv64", "libc.so.6", "GLIBC_2.27", Has},
		{"debian:12", a, "libc.so.6", "GLIBC_2.2.5", Lacks}, {"debian:12", "i386", "libgcc_s.so.1", "GLIBC_2.0", Has},
		// Bound to one build of glibc; and what is outside the base.
		{"almalinux:9", x, "libc.so.6", "GLIBC_PRIVATE", NotKnown}, {"almalinux:9", x, "libssl.so.3", "OPENSSL_3.0.0", NotKnown}, {"almalinux:9", "mips", "libc.so.6", "GLIBC_2.0", NotKnown},
	} {
		if got := lookup(t, c.name).Node(c.machine, c.soname, c.node); got != c.want {
			t.Errorf("%s %s: %s of %s is %d, want %d", c.name, c.machine, c.node, c.soname, got, c.want)
		}
	}
}

// TestSonames: what is there, what comes when asked for, and what left.
func TestSonames(t *testing.T) {
	for _, c := range []struct {
		name, soname string
		want         Presence
	}{
		{"centos:7", "libcrypt.so.1", Present}, {"centos:7", "libnsl.so.1", Present}, {"centos:7", "libnss_nis.so.2", Present},
		{"almalinux:8", "libcrypt.so.1", Present}, {"almalinux:8", "libnsl.so.1", Unknown}, {"almalinux:8", "libnss_nis.so.2", Unknown},
		{"almalinux:9", "libcrypt.so.2", Present}, {"almalinux:9", "libcrypt.so.1", Unknown}, {"almalinux:9", "libnsl.so.1", Installable},
		{"almalinux:9", "libstdc++.so.6", Present}, {"almalinux:9", "libatomic.so.1", Installable}, {"debian:12", "libnsl.so.1", Present},
		{"alpine:3.20", "libstdc++.so.6", Installable}, {"alpine:3.20", "libz.so.1", Present}, {"photon:5.0", "libstdc++.so.6", Unknown}, {"debian:12", "libssl.so.3", Unknown},
	} {
		libs := lookup(t, c.name).Libraries("x86-64")
		got := Unknown
		if i := slices.IndexFunc(libs, func(l Library) bool { return l.Soname == c.soname }); i >= 0 {
			got = libs[i].Presence
		}
		if got != c.want {
			t.Errorf("%s: %s is %s, want %s", c.name, c.soname, got, c.want)
		}
	}
}

// TestSymbols: the lists that are whole.
func TestSymbols(t *testing.T) {
	symbol := func(name, soname, symbol string) bool {
		libs := lookup(t, name).Libraries("x86-64")
		i := slices.IndexFunc(libs, func(l Library) bool { return l.Soname == soname })
		if i < 0 || libs[i].Opaque {
			t.Fatalf("%s: nothing is known of %s", name, soname)
		}
		return slices.ContainsFunc(libs[i].Symbols, func(s Symbol) bool { return s.Name+"@"+s.Version == symbol || s.Version == "" && s.Name == symbol })
	}
	const musl = "libc.musl-x86_64.so.1"
	for _, c := range []struct {
		name, soname, symbol string
		want                 bool
	}{
		{"almalinux:9", "libz.so.1", "deflate", true}, {"almalinux:9", "libz.so.1", "crc32_z@ZLIB_1.2.9", true}, {"almalinux:9", "libz.so.1", "crc32_combine_gen@ZLIB_1.2.12", false},
		{"debian:12", "libz.so.1", "crc32_combine_gen@ZLIB_1.2.12", true},
		{"alpine:3.15", musl, "qsort_r", false}, {"alpine:3.16", musl, "qsort_r", true}, {"alpine:3.16", musl, "fopen64", true}, {"alpine:3.18", musl, "fopen64", false},
		{"alpine:3.16", musl, "crypt", true}, {"alpine:3.20", musl, "statx", true}, {"alpine:3.17", musl, "statx", false}, {"alpine:3.20", musl, "gnu_get_libc_version", false},
	} {
		if got := symbol(c.name, c.soname, c.symbol); got != c.want {
			t.Errorf("%s: %s of %s: %v", c.name, c.symbol, c.soname, got)
		}
	}
	if l := lookup(t, "alpine:3.24").Libraries("x86-64"); len(l) == 0 || !l[0].Opaque || l[0].Presence != Present {
		t.Errorf("a musl of unknown version: %+v", l)
	}
}
