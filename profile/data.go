package profile

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

//go:generate go run ./internal/gen build

// profiles is written by internal/gen, which says how it is laid out.
//
//go:embed data/profiles.gz
var profiles []byte

// record is a line of the index.
type record struct {
	id, version, name, kind, libc, gcc, libgo, kernel, level, released, eol, extended, source, blocks string
	off, length                                                                                       int
}

func (r *record) key() string { return r.id + ":" + r.version }

// index is unpacked on the first question.
var index = sync.OnceValues(readIndex)

func readIndex() ([]record, error) {
	n := binary.BigEndian.Uint32(profiles)
	text, err := unpack(profiles[4 : 4+n])
	if err != nil {
		return nil, fmt.Errorf("the embedded profiles: %w", err)
	}
	var list []record
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 16 {
			return nil, fmt.Errorf("the embedded profiles: a line of %d fields", len(f))
		}
		r := record{f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10], f[11], f[12], f[13], 0, 0}
		r.off, _ = strconv.Atoi(f[14])
		r.length, _ = strconv.Atoi(f[15])
		r.off += 4 + int(n)
		list = append(list, r)
	}
	return list, nil
}

func unpack(data []byte) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	_, err = io.Copy(&b, z)
	return b.String(), err
}

// chunk is what is stored of releases that are built from the same packages.
// It is unpacked when a library is asked for.
type chunk struct {
	record *record
	once   sync.Once
	lines  map[string][]string // by kind, without it
	blocks sync.Map            // B line → []stored, once taken apart
}

// chunks by their place, so that rebuilds share one.
var chunks sync.Map // int → *chunk

func chunkOf(r *record) *chunk {
	c, _ := chunks.LoadOrStore(r.off, &chunk{record: r})
	return c.(*chunk)
}

// get gives line i of a kind. The data is our own, and a test reads all of it.
func (c *chunk) get(kind string, i int) string {
	c.once.Do(func() {
		text, err := unpack(profiles[c.record.off : c.record.off+c.record.length])
		if err != nil {
			panic(fmt.Sprintf("profile: the embedded data of %s: %v", c.record.key(), err))
		}
		c.lines = map[string][]string{}
		for line := range strings.Lines(text) {
			k, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			c.lines[k] = append(c.lines[k], rest)
		}
	})
	return c.lines[kind][i]
}

// block is the B line that holds from a minor release on.
type block struct{ minor, line int }

// parseBlocks reads "x86-64=0 x86-64@2=1 aarch64=2".
func parseBlocks(text string) (machines []string, blocks map[string][]block) {
	blocks = map[string][]block{}
	for _, word := range strings.Fields(text) {
		left, right, _ := strings.Cut(word, "=")
		machine, minor, _ := strings.Cut(left, "@")
		b := block{}
		b.minor, _ = strconv.Atoi(minor)
		b.line, _ = strconv.Atoi(right)
		if blocks[machine] == nil {
			machines = append(machines, machine)
		}
		blocks[machine] = append(blocks[machine], b)
	}
	return machines, blocks
}

// stored is an L line.
type stored struct {
	soname, path, presence, pkg string
	nodes, unsure               []string
	zlib, why                   string
}

// stored libraries of a machine, at the profile's minor release.
func (p *Profile) stored(machine string) []stored {
	line := -1
	for _, b := range p.blocks[machine] {
		if b.minor <= p.minor {
			line = b.line
		}
	}
	if line < 0 {
		return nil
	}
	return p.chunk.block(line)
}

func (c *chunk) block(line int) []stored {
	if list, ok := c.blocks.Load(line); ok {
		return list.([]stored)
	}
	var list []stored
	for _, id := range strings.Fields(c.get("B", line)) {
		i, _ := strconv.Atoi(id)
		f := strings.Split(c.get("L", i), "\t")
		s := stored{soname: f[0], path: f[1], presence: f[2], pkg: strings.TrimPrefix(f[3], "-"), nodes: spell(f[4]), unsure: spell(f[5])}
		w, _ := strconv.Atoi(f[7])
		s.why = c.get("W", w)
		if f[6] != "-" {
			z, _ := strconv.Atoi(f[6])
			s.zlib = c.get("Z", z)
		}
		list = append(list, s)
	}
	c.blocks.Store(line, list)
	return list
}

// library finds one stored library.
func (p *Profile) library(machine, soname string) *stored {
	list := p.stored(machine)
	for i := range list {
		if list[i].soname == soname {
			return &list[i]
		}
	}
	return nil
}

func (s *stored) library() Library {
	l := Library{Soname: s.soname, Path: s.path, Package: s.pkg, Nodes: s.nodes, Unsure: s.unsure, Opaque: s.zlib == "", Why: s.why, Needed: needed(s.soname)}
	switch s.presence {
	case "p":
		l.Presence = Present
	case "i":
		l.Presence = Installable
	}
	for _, word := range strings.Fields(s.zlib) {
		name, version, _ := strings.Cut(word, "@")
		l.Symbols = append(l.Symbols, Symbol{Name: name, Version: version, Type: sttFunc})
	}
	return l
}

// spell writes nodes in full: "GLIBC_2.2.5 2.3" is GLIBC_2.2.5 and GLIBC_2.3.
func spell(text string) []string {
	if text == "-" {
		return nil
	}
	words, prefix := strings.Split(text, " "), ""
	nodes := make([]string, 0, len(words))
	for _, w := range words {
		if w[0] >= '0' && w[0] <= '9' {
			w = prefix + w
		} else if i := strings.LastIndexByte(w, '_'); i >= 0 && w[len(w)-1] >= '0' && w[len(w)-1] <= '9' {
			prefix = w[:i+1]
		}
		nodes = append(nodes, w)
	}
	return nodes
}
