package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
)

// writer makes profiles.gz: the length of a gzipped index, that index, then
// gzipped chunks, one for the releases of one class of packages, so that a
// look-up unpacks two small texts.
//
// Lines of the index: fields of releases.csv, then MACHINE=B or
// MACHINE@MINOR=B, offset and length of the chunk. Lines of a chunk, each
// numbered from 0 within its kind and written once:
//
//	B  the L lines of one system on one machine
//	L  soname, path, presence, package, nodes, unsure nodes, Z or -, W
//	W  why
//	Z  symbols of a libz
type writer struct {
	index  []string
	class  []string // of each line of index
	chunks map[string]*chunk
}

type chunk struct {
	lines map[string][]string
	seen  map[string]int
}

func newWriter() *writer { return &writer{chunks: map[string]*chunk{}} }

func (c *chunk) add(kind, text string) int {
	key := kind + "\t" + text
	if i, ok := c.seen[key]; ok {
		return i
	}
	i := len(c.lines[kind])
	c.seen[key], c.lines[kind] = i, append(c.lines[kind], key)
	return i
}

func (w *writer) release(e *evidence, r release) {
	name, _ := class(r.key())
	c := w.chunks[name]
	if c == nil {
		c = &chunk{lines: map[string][]string{}, seen: map[string]int{}}
		w.chunks[name] = c
	}
	var blocks []string
	if r.libc == "glibc" {
		blocks = c.machines(e, r)
	}
	w.class = append(w.class, name)
	w.index = append(w.index, strings.Join([]string{r.id, r.version, r.name, r.libc, r.libcVersion, r.gcc, r.libgo, r.kernel, r.level, r.released, r.eol, r.extended,
		r.source, strings.Join(blocks, " ")}, "\t"))
}

func (c *chunk) machines(e *evidence, r release) []string {
	var blocks []string
	for _, machine := range e.machines(r) {
		last := -1
		for _, minor := range e.minors(r, machine) {
			b := c.block(e.ask(r, machine, minor).libraries())
			if b == last {
				continue
			}
			last = b
			at := machine
			if minor > 0 {
				at = fmt.Sprintf("%s@%d", machine, minor)
			}
			blocks = append(blocks, fmt.Sprintf("%s=%d", at, b))
		}
	}
	return blocks
}

// machines of which something was measured, or that the family's other
// releases have.
func (e *evidence) machines(r release) []string {
	own, _ := class(r.key())
	found := map[string]bool{}
	look := func(same func(system string) bool) {
		for _, x := range e.rows {
			if same(x.system) && x.library == "libc.so.6" {
				found[x.machine] = true
			}
		}
		for _, p := range e.pools {
			if same(p.system) {
				found[p.machine] = true
			}
		}
	}
	look(func(system string) bool { c, _ := class(system); return c == own })
	if len(found) == 0 {
		look(func(system string) bool { id, _, _ := strings.Cut(system, ":"); return family(id) == family(r.id) })
		for m := range found {
			found[m] = m == "x86-64" || m == "aarch64"
		}
	}
	return slices.DeleteFunc(sortedKeys(found), func(m string) bool { return !found[m] })
}

// minors at which something may change, from 0.
func (e *evidence) minors(r release, machine string) []int {
	own, _ := class(r.key())
	list := []int{0}
	if own == "el9" {
		list = append(list, 1)
	}
	for _, x := range e.rows {
		if c, minor := class(x.system); c == own && x.machine == machine && minor > 0 {
			list = append(list, minor)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (c *chunk) block(list []library) int {
	var ids []string
	for _, l := range list {
		z := "-"
		if l.symbols != nil {
			z = fmt.Sprint(c.add("Z", strings.Join(l.symbols, " ")))
		}
		id := c.add("L", strings.Join([]string{l.soname, l.path, string(l.presence), cmp.Or(l.pkg, "-"), squeeze(l.nodes), squeeze(l.unsure), z,
			fmt.Sprint(c.add("W", l.why))}, "\t"))
		ids = append(ids, fmt.Sprint(id))
	}
	return c.add("B", strings.Join(ids, " "))
}

func (c *chunk) text() string {
	var b strings.Builder
	for _, kind := range []string{"B", "L", "W", "Z"} {
		for _, line := range c.lines[kind] {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func (w *writer) write(file string) error {
	var body bytes.Buffer
	place := map[string]string{}
	for _, name := range sortedKeys(w.chunks) {
		z, err := pack(w.chunks[name].text())
		if err != nil {
			return err
		}
		place[name] = fmt.Sprintf("%d\t%d", body.Len(), len(z))
		body.Write(z)
	}
	for i := range w.index {
		w.index[i] += "\t" + place[w.class[i]]
	}
	index, err := pack(strings.Join(w.index, "\n"))
	if err != nil {
		return err
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(len(index)))
	return os.WriteFile(file, slices.Concat(out, index, body.Bytes()), 0o644)
}

// pack gives the same bytes for the same text, whenever it runs.
func pack(text string) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write([]byte(text)); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
