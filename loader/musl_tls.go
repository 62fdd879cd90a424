package loader

import (
	"fmt"
	"slices"

	"github.com/willrun/willrun/binary"
)

// initialExec: what is opened at run time has no static thread-local storage
// under musl, and nothing may reach it by the initial-exec model (do_relocs,
// static_tls_cnt).
func (m *musl) initialExec(d *dso, opened []*dso) {
	if d.elf.TLS != nil && d.elf.TLS.Own {
		m.dynamicTLS(d, "", d)
		return
	}
	for i := range d.elf.Imports {
		imp := &d.elf.Imports[i]
		if imp.Uses&binary.UseTLSIE == 0 {
			continue
		}
		if to, _ := m.definer(imp); to != nil && slices.Contains(opened, to) {
			m.dynamicTLS(d, imp.Name, to)
			return
		}
	}
}

func (m *musl) dynamicTLS(d *dso, symbol string, to *dso) {
	f := Fault{Kind: FaultTLS, Stage: StageTLS, Object: d.name, Symbol: symbol, Chain: muslChain(d), Fatal: true,
		Detail: fmt.Sprintf("it reaches thread-local storage of %s as if that were there from the start, and what is opened later has none there", to.name)}
	if symbol == "" {
		symbol = "(null)" // it has no name where the symbol is local
	}
	f.Message = fmt.Sprintf("Error relocating %s: %s: initial-exec TLS resolves to dynamic definition in %s", d.name, symbol, to.name)
	m.print(f.Message)
	m.failed = true
	m.fault(f)
}
