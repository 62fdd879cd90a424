package binary

// maxVersions bounds the walk of version tables, which a hostile file can
// link into a circle.
const maxVersions = 1 << 14

// versions reads DT_VERNEED and DT_VERDEF. Loaders walk them by their links
// and do not ask for the counts.
func (e *elfReader) versions() {
	e.neededVersions, e.definedVersions = map[uint16]neededVersion{}, map[uint16]string{}
	if addr, ok := e.Tag(dtVerneed); ok {
		e.verneed(addr)
	}
	if addr, ok := e.Tag(dtVerdef); ok {
		e.verdef(addr)
	}
}

func (e *elfReader) verneed(addr uint64) {
	t, o, steps := table{view: e.view, addr: addr}, e.order, 0
	for off := uint64(0); ; {
		b, ok := t.get(off, 16)
		if !ok {
			e.problem("version needs", addr+off, 16, uint64(len(t.buf)), "an entry lies outside the file")
			return
		}
		lib, _ := e.str(uint64(o.Uint32(b[4:])))
		need := VersionNeed{Library: lib, Revision: o.Uint16(b)}
		aux := off + uint64(o.Uint32(b[8:]))
		for {
			a, ok := t.get(aux, 16)
			if steps++; steps > maxVersions || !ok {
				e.problem("version needs", addr+aux, 16, uint64(len(t.buf)), "the list does not end in the file")
				break
			}
			name, _ := e.str(uint64(o.Uint32(a[8:])))
			v := NeededVersion{Name: name, Hash: o.Uint32(a), Weak: o.Uint16(a[4:])&2 != 0, Index: o.Uint16(a[6:])}
			need.Versions = append(need.Versions, v)
			e.neededVersions[v.Index&0x7fff] = neededVersion{name, lib}
			next := uint64(o.Uint32(a[12:]))
			if next == 0 {
				break
			}
			aux += next
		}
		e.VersionNeeds = append(e.VersionNeeds, need)
		next := uint64(o.Uint32(b[12:]))
		if next == 0 || steps > maxVersions {
			return
		}
		off += next
	}
}

func (e *elfReader) verdef(addr uint64) {
	t, o := table{view: e.view, addr: addr}, e.order
	off := uint64(0)
	for range maxVersions {
		b, ok := t.get(off, 20)
		if !ok {
			e.problem("version definitions", addr+off, 20, uint64(len(t.buf)), "an entry lies outside the file")
			return
		}
		flags, index := o.Uint16(b[2:]), o.Uint16(b[4:])
		d := VersionDef{Revision: o.Uint16(b), Base: flags&1 != 0, Weak: flags&2 != 0, Index: index, Hash: o.Uint32(b[8:])}
		next := uint64(o.Uint32(b[16:]))
		if a, ok := t.get(off+uint64(o.Uint32(b[12:])), 8); ok {
			d.Name, _ = e.str(uint64(o.Uint32(a)))
		}
		e.VersionDefs = append(e.VersionDefs, d)
		e.definedVersions[index&0x7fff] = d.Name
		if next == 0 {
			return
		}
		off += next
	}
	e.problem("version definitions", addr, 0, maxVersions, "the list does not end")
}
