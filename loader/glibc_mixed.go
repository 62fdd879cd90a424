package loader

import (
	"fmt"

	"github.com/willrun/willrun/root"
)

// mixed looks whether loader and libc are of one build. Where they are not,
// what follows depends on structures that they share: since 2.32 ld.so calls
// libc's __libc_early_init and asserts that there is one; anything else is not
// known before it happens.
func (g *glibc) mixed() {
	libc := g.byName("libc.so.6")
	if libc == nil || g.ended() || libc.elf.Opaque && g.libc.Facts.ELF.Opaque { // whoever described them took both from one system
		return
	}
	other := g.tree.LibcVersion(libc.info, libc.elf)
	if g.atLeast("2.32") && g.lacksEarlyInit(libc, other) {
		g.end(Fault{Kind: FaultCrash, Stage: StageRelocate, Object: g.file(libc), NeededBy: g.libc.Interp, Library: "libc.so.6",
			Symbol:  "__libc_early_init",
			Message: "Inconsistency detected by ld.so: dl-call-libc-early-init.c: 37: _dl_call_libc_early_init: Assertion `sym != NULL' failed!",
			Detail:  fmt.Sprintf("the loader %s is glibc %s, and %s is of an older one", g.libc.Interp, g.version, g.file(libc))}, 127)
		return
	}
	switch {
	case other == "":
		g.limit(fmt.Sprintf("%s does not tell its version: whether it fits the loader, glibc %s, is not known", g.file(libc), g.version))
	case !sameRelease(other, g.version):
		g.fault(Fault{Kind: FaultLibcMixed, Stage: AfterStart, Object: g.file(libc), NeededBy: g.libc.Interp, Library: "libc.so.6",
			Detail: fmt.Sprintf("the loader %s is glibc %s, and %s is glibc %s: they share structures that differ", g.libc.Interp, g.version, g.file(libc), other)})
		g.limit(fmt.Sprintf("a loader of glibc %s with a libc of glibc %s may crash at any place; start it there to know", g.version, other))
	}
}

// lacksEarlyInit: libc.so.6 has it from 2.32 on; of an opaque one the version
// tells.
func (g *glibc) lacksEarlyInit(libc *linkMap, version string) bool {
	if libc.elf.Opaque {
		return version != "" && root.CompareVersions(version, "2.32") < 0
	}
	return !exports(libc.elf, "__libc_early_init")
}

// sameRelease compares 2.36 and 2.36, whatever follows.
func sameRelease(a, b string) bool { return root.CompareVersions(a, b) == 0 }
