package binary

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// seeds are small files of every format; ELF ones are made on the spot for
// both classes and byte orders.
func seeds(f *testing.F) [][]byte {
	list := [][]byte{
		nil, []byte("#!/bin/sh\necho\n"), []byte("#! /usr/bin/env  -S python3 -u"), []byte("#!"), []byte("#!\t \n"),
		[]byte("MZ"), []byte("plain text\n"), {0x1f, 0x8b, 8}, []byte("\x7fELF"), []byte("\x7fELF\x02\x01\x01"),
	}
	for _, o := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, class := range []int{32, 64} {
			list = append(list, tinyELF(class, o))
		}
	}
	list = append(list, tinyPE(), tinyMachO(), fat(tinyMachO()))
	corpus, _ := filepath.Glob("testdata/seeds/*")
	for _, name := range corpus {
		if b, err := os.ReadFile(name); err == nil {
			list = append(list, b)
		}
	}
	return list
}

// FuzzRead: whatever the bytes, reading them ends, does not panic, and gives
// Facts that survive JSON.
func FuzzRead(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		facts, err := Read(bytes.NewReader(data), int64(len(data)))
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatalf("an error without a failing reader: %v", err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20+200*uint64(len(data)) {
			t.Fatalf("%d bytes allocated for %d", used, len(data))
		}
		b, err := json.Marshal(facts)
		if err != nil {
			t.Fatal(err)
		}
		var again Facts
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		if e := facts.ELF; e != nil {
			for i := range e.Exports {
				e.Lookup(e.Exports[i].Name, GNUHash(e.Exports[i].Name), func(Symbol) bool { return true })
			}
		}
	})
}

// FuzzELF gives the ELF readers a valid identification, so that the fuzzer
// gets past it.
func FuzzELF(f *testing.F) {
	for _, s := range seeds(f) {
		if len(s) > 16 && string(s[:4]) == "\x7fELF" {
			f.Add(s[4], s[5], s[16:])
		}
	}
	f.Fuzz(func(t *testing.T, class, order byte, rest []byte) {
		data := append([]byte{0x7f, 'E', 'L', 'F', class&1 + 1, order&1 + 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, rest...)
		facts, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		linked, err := ReadLinked(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if kind, err := ReadKind(bytes.NewReader(data), int64(len(data))); err != nil || kind.ELF.Kind != facts.ELF.Kind {
			t.Fatal(err, kind.ELF.Kind, facts.ELF.Kind)
		}
		for i := range facts.ELF.Exports {
			name := facts.ELF.Exports[i].Name
			linked.ELF.Lookup(name, GNUHash(name), func(x Symbol) bool {
				if x.Name != name {
					t.Fatalf("asked for %q, found %q", name, x.Name)
				}
				return true
			})
		}
	})
}

// FuzzScript: an interpreter that is found stands in the line, and none is
// found where there is no #!.
func FuzzScript(f *testing.F) {
	for _, s := range []string{"#!/bin/sh", "#! /bin/sh -e \n", "#!/bin/sh\r\n", "#!\x00", "#!" + string(make([]byte, 300))} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, rest []byte) {
		data := append([]byte("#!"), rest...)
		facts, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil || facts.Script == nil {
			t.Fatal(err, facts.Format)
		}
		for _, buf := range []int{128, 256} {
			interp, arg, hasArg, ok := facts.Script.Interpreter(buf)
			if ok && (interp == "" && buf < 256 || len(interp) >= buf || !bytes.Contains(data, []byte(interp))) {
				t.Fatalf("interpreter %q of %q", interp, data)
			}
			if hasArg {
				EnvCommand(arg)
			}
		}
	})
}

// FuzzPE and FuzzMachO begin behind what tells the formats.
func FuzzPE(f *testing.F) {
	for _, s := range seeds(f) {
		if bytes.HasPrefix(s, []byte("MZ")) && len(s) > 88 {
			f.Add(s[68:])
		}
	}
	start := append(bytes.Clone(tinyPE()[:64]), "PE\x00\x00"...)
	f.Fuzz(func(t *testing.T, rest []byte) {
		data := append(bytes.Clone(start), rest...)
		facts, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if p := facts.PE; p != nil && len(p.Imports)+len(p.DelayImports) > 2*maxImports {
			t.Fatalf("%d imports", len(p.Imports))
		}
	})
}

func FuzzMachO(f *testing.F) {
	for _, s := range [][]byte{tinyMachO(), fat(tinyMachO()), fat64(tinyMachO())} {
		f.Add(byte(0), s[4:])
		f.Add(byte(5), s[4:])
	}
	magics := []string{"\xcf\xfa\xed\xfe", "\xce\xfa\xed\xfe", "\xfe\xed\xfa\xcf", "\xfe\xed\xfa\xce", "\xca\xfe\xba\xbe", "\xca\xfe\xba\xbf"}
	f.Fuzz(func(t *testing.T, magic byte, rest []byte) {
		data := append([]byte(magics[int(magic)%len(magics)]), rest...)
		facts, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil || len(facts.MachO) > maxSlices {
			t.Fatal(err, len(facts.MachO))
		}
	})
}

// FuzzGo: build info, in both of its forms, and the function table are found
// by their magics anywhere in a segment.
func FuzzGo(f *testing.F) {
	inline := append([]byte("\x08\x02"), make([]byte, 16)...)
	f.Add(append(inline, "\x08go1.22.6\x30"+modStart+"path\tmain\nmod\tm\tv1\n"+modEnd...), []byte{1, 8, 3, 0, 0, 0, 0, 0, 0, 0}, true)
	f.Add([]byte{8, 0, 0, 16, 0, 0, 0, 0, 0, 0, 32, 16}, []byte("\x01\x04\x03\x00\x00\x00"), false)
	f.Add([]byte("go1.22\x00"), goTable("runtime.main\x00net._Cfunc_x\x00_cgoexp_1_A\x00a%2eb.A\x00"), true)
	f.Fuzz(func(t *testing.T, info, table []byte, wide bool) {
		data := append([]byte(infoMagic), info...)
		data = append(data, make([]byte, -len(data)&15)...)
		data = append(append(data, 0xf1, 0xff, 0xff, 0xff, 0, 0), table...)
		src := &source{r: bytes.NewReader(data), size: int64(len(data))}
		v := &view{src: src, order: binary.LittleEndian, wide: wide, spans: []span{
			{vaddr: 0x1000, filesz: uint64(len(data))}, {vaddr: 0x9000, off: 16, filesz: uint64(len(data)), flags: spanWrite}}}
		facts := &Facts{}
		readGo(facts, v)
		if g := facts.Go; g != nil && len(g.Packages) > len(data) {
			t.Fatalf("%d packages in %d bytes", len(g.Packages), len(data))
		}
	})
}

// goTable is a function table behind its magic: a header and names.
func goTable(names string) []byte {
	b := []byte{1, 8}
	for _, w := range []uint64{1, 0, 0, 72, 72 + uint64(len(names)), 0, 0, 0} {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return append(b, names...)
}

// FuzzLinked: tables of any content answer lookups, and only with the name that
// was asked for.
func FuzzLinked(f *testing.F) {
	all := bytes.Repeat([]byte{0xff}, 8)
	f.Add(all, []byte{1, 0, 0, 0}, []byte{0, 0, 0, 0, 1, 0, 0, 0}, make([]byte, 72), "\x00name\x00", "name", uint8(1))
	f.Add(all, []byte{0, 0, 0, 0}, []byte{}, make([]byte, 24), "", "", uint8(0))
	f.Fuzz(func(t *testing.T, bloom, buckets, chain, raw []byte, strtab, name string, symoffset uint8) {
		e := &elfReader{ELF: &ELF{}, order: binary.LittleEndian, usual: true, strtab: strtab, view: &view{wide: true, order: binary.LittleEndian}}
		e.syms = symTable{entry: 24, raw: raw, count: uint64(len(raw)) / 24}
		gnu := gnuTable{symoffset: uint64(symoffset), shift: uint32(symoffset), bloom: bloom[:len(bloom)&^7], buckets: buckets[:len(buckets)&^3], chain: chain}
		if !e.lazily(gnu) {
			return
		}
		e.Lookup(name, GNUHash(name), func(x Symbol) bool {
			if x.Name != name {
				t.Fatalf("asked for %q, found %q", name, x.Name)
			}
			return true
		})
	})
}
