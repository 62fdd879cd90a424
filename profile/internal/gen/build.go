package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// release is a row of releases.csv.
type release struct {
	id, version, name, libc, libcVersion, gcc, libgo, kernel, level string
	released, eol, extended, source                                 string
}

func (r release) key() string { return r.id + ":" + r.version }

// evidence is all that was measured.
type evidence struct {
	releases []release
	rows     []row
	pools    []pool
	libz     map[string][]string              // system/machine → symbols
	musl     map[string]map[string]muslSymbol // "version\tmachine"

	universes map[string][]string // of a library, once computed
	lates     map[string]bool     // "library node"
}

func build(dir string) error {
	e, err := readEvidence(dir)
	if err != nil {
		return err
	}
	w := newWriter()
	for _, r := range e.releases {
		w.release(e, r)
	}
	if err := w.write(filepath.Join(dir, "profiles.gz")); err != nil {
		return err
	}
	return writeMuslData(filepath.Join(dir, "musl.gz"), e.musl)
}

func readEvidence(dir string) (*evidence, error) {
	e := &evidence{libz: map[string][]string{}, musl: map[string]map[string]muslSymbol{}, universes: map[string][]string{}, lates: map[string]bool{}}
	f, err := os.Open(filepath.Join(dir, "releases.csv"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	for _, c := range records[1:] {
		e.releases = append(e.releases, release{c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], c[11], c[12]})
	}
	for name, line := range map[string]func(f []string){
		"measured.tsv": func(f []string) {
			e.rows = append(e.rows, row{system: f[0], machine: f[1], glibc: f[2], pkg: f[3], library: f[4], path: strings.TrimPrefix(f[5], "-"), nodes: unsqueeze(f[6])})
		},
		"pools.tsv": func(f []string) {
			e.pools = append(e.pools, pool{system: f[0], machine: f[1], glibc: f[2], nodes: unsqueeze(f[3])})
		},
		"libz.tsv": func(f []string) {
			for _, key := range strings.Fields(f[0]) {
				e.libz[key] = strings.Split(f[1], " ")
			}
		},
		"musl.tsv": e.muslLine,
	} {
		if err := eachLine(filepath.Join(dir, name), line); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *evidence) muslLine(f []string) {
	size, _ := strconv.ParseUint(f[2], 10, 64)
	for _, version := range strings.Fields(f[3]) {
		for _, machine := range strings.Fields(f[4]) {
			key := version + "\t" + machine
			if e.musl[key] == nil {
				e.musl[key] = map[string]muslSymbol{}
			}
			e.musl[key][f[0]] = muslSymbol{f[1][0], size}
		}
	}
}

func eachLine(file string, do func(f []string)) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, line := range strings.Split(string(data), "\n") {
		if line != "" && line[0] != '#' {
			do(strings.Split(line, "\t"))
		}
	}
	return nil
}
