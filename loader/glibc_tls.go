package loader

import (
	"fmt"
	"strings"

	"github.com/willrun/willrun/binary"
)

// What is left of the static TLS block once a program has started: 1664 bytes
// in every glibc, whatever it is put together of (TLS_STATIC_SURPLUS up to
// 2.31; elf/dl-tls.c, _dl_tls_static_surplus_init, with LEGACY_TLS, which 2.32
// had not at first), and what rounding the block adds.
const (
	surplusLeast = 1520
	surplus      = 1664
	surplusMost  = 1664 + 63
	surplusAlign = 64
)

// staticTLS: what is opened at run time and takes its thread-local storage by
// the initial-exec model must find room in the static block
// (elf/dl-reloc.c, _dl_allocate_static_tls). opened are the objects that came
// with it, in the order in which they are relocated.
func (g *glibc) staticTLS(sc *scope, opened []*linkMap) {
	tunables, _ := g.env("GLIBC_TUNABLES")
	moved := strings.Contains(tunables, "glibc.rtld.") && !g.secure // nns, optional_static_tls
	least := uint64(surplus)
	if g.version == "2.32" {
		least = surplusLeast
	}
	taken := map[*linkMap]bool{}
	used := uint64(0)
	for i := len(opened) - 1; i >= 0; i-- {
		m := opened[i]
		for _, to := range g.initialExec(sc, m) {
			t := to.elf.TLS
			if t == nil || taken[to] || !contains(opened, to) {
				continue
			}
			taken[to] = true
			align := max(t.Align, 1)
			used = (used + t.Size + align - 1) / align * align
			switch {
			case moved:
				g.limit(g.file(to) + " needs room in the static TLS block, whose size GLIBC_TUNABLES changes: only a start tells whether it is enough")
				return
			case used > surplusMost || t.Align > surplusAlign:
				g.end(Fault{Kind: FaultTLS, Stage: StageTLS, Object: g.file(m), Chain: chain(m),
					Message: g.frame(occasionLoad, g.file(m), "cannot allocate memory in static TLS block", ""),
					Detail:  fmt.Sprintf("%s keeps %d bytes of thread-local storage that must lie in the static block, where some %d are left for what is opened later", g.file(to), t.Size, surplus)}, 127)
				return
			case used > least:
				g.limit(fmt.Sprintf("%s takes %d bytes of the static TLS block, of which %d to %d are left: only a start tells whether they are enough", g.file(to), used, least, surplusMost))
			}
		}
	}
}

// initialExec are the objects whose storage m reaches by the initial-exec
// model.
func (g *glibc) initialExec(sc *scope, m *linkMap) []*linkMap {
	var list []*linkMap
	if m.elf.TLS != nil && m.elf.TLS.Own {
		list = append(list, m)
	}
	for i := range m.elf.Imports {
		if imp := &m.elf.Imports[i]; imp.Uses&binary.UseTLSIE != 0 {
			if to := sc.lookup(m, imp); to != nil {
				list = append(list, to)
			}
		}
	}
	return list
}

func contains(list []*linkMap, m *linkMap) bool {
	for _, x := range list {
		if x == m {
			return true
		}
	}
	return false
}
