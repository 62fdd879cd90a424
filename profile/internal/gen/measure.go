package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
)

// row is what one library of one system was seen to export.
type row struct {
	system  string // "debian:12", "rocky:9.2"
	machine string
	pkg     string // package with its version
	glibc   string // of the system
	library string // soname
	path    string // "" where the evidence does not tell
	nodes   []string
}

// measure reads the evidence and writes it down as tables.
func measure(from, to string) error {
	rows, musl, libz, err := readLibs(filepath.Join(from, "libs"))
	if err != nil {
		return err
	}
	rpm, err := readProvides(filepath.Join(from, "provides"))
	if err != nil {
		return err
	}
	pools, poolz, err := readPools(filepath.Join(from, "pep600-symbols.zip"))
	if err != nil {
		return err
	}
	rows = append(rows, rpm...)
	maps.Copy(libz, poolz)
	if err := writeRows(filepath.Join(to, "measured.tsv"), rows); err != nil {
		return err
	}
	if err := writePools(filepath.Join(to, "pools.tsv"), pools); err != nil {
		return err
	}
	if err := writeLists(filepath.Join(to, "libz.tsv"), libz); err != nil {
		return err
	}
	return writeMusl(filepath.Join(to, "musl.tsv"), musl)
}

// suites are the systems by the names of their package archives.
var suites = map[string]string{
	"bullseye": "debian:11", "bookworm": "debian:12", "trixie": "debian:13", "sid": "debian:sid",
	"xenial": "ubuntu:16.04", "bionic": "ubuntu:18.04", "focal": "ubuntu:20.04", "jammy": "ubuntu:22.04", "noble": "ubuntu:24.04",
	"oracular": "ubuntu:24.10", "plucky": "ubuntu:25.04", "questing": "ubuntu:25.10", "resolute": "ubuntu:26.04",
}

// debMachine is a machine by Debian's name of the architecture.
var debMachine = map[string]string{
	"amd64": "x86-64", "arm64": "aarch64", "armhf": "arm", "i386": "i386", "ppc64el": "ppc64le", "riscv64": "riscv64", "s390x": "s390x", "loong64": "loongarch64",
}

// owner of a library, by its soname, in Debian's packages.
func owner(soname string) []string {
	switch {
	case soname == "libstdc++.so.6":
		return []string{"libstdc++6"}
	case soname == "libgcc_s.so.1":
		return []string{"libgcc-s1", "libgcc1"}
	case soname == "libz.so.1":
		return []string{"zlib1g"}
	case soname == "libatomic.so.1":
		return []string{"libatomic1"}
	case soname == "libcrypt.so.1":
		return []string{"libcrypt1", "libc6"}
	}
	return []string{"libc6"}
}

// readLibs reads the libraries of unpacked packages: FOLDER/SUITE-ARCH, with
// the names and versions of the packages in the file packages.
func readLibs(dir string) (rows []row, musl map[string]map[string]muslSymbol, libz map[string][]string, err error) {
	musl, libz = map[string]map[string]muslSymbol{}, map[string][]string{}
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, d := range folders {
		suite, arch, _ := strings.Cut(d.Name(), "-")
		s := system{dir: filepath.Join(dir, d.Name()), name: suites[suite], machine: debMachine[arch]}
		if s.name == "" || s.machine == "" {
			continue
		}
		if s.packages, err = readPackages(filepath.Join(s.dir, "packages")); err != nil {
			return nil, nil, nil, err
		}
		if err := s.read(musl, libz); err != nil {
			return nil, nil, nil, err
		}
		rows = append(rows, s.rows...)
	}
	return rows, musl, libz, nil
}

// system is a tree of unpacked packages.
type system struct {
	dir, name, machine string
	packages           map[string]string // name → version
	rows               []row
}

func readPackages(file string) (map[string]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	for _, line := range strings.Fields(string(data)) { // NAME_VERSION_ARCH.deb
		f := strings.Split(line, "_")
		m[f[0]] = strings.ReplaceAll(f[1], "%3a", ":")
	}
	return m, nil
}

var upstream = regexp.MustCompile(`^(?:\d+:)?(\d+\.\d+(?:\.\d+)?)`)

func upstreamVersion(v string) string {
	if m := upstream.FindStringSubmatch(v); m != nil {
		return m[1]
	}
	return ""
}

var soname = regexp.MustCompile(`^(ld[0-9a-z-]*|lib[A-Za-z_+]+)\.so\.\d+$`)

func (s *system) read(musl map[string]map[string]muslSymbol, libz map[string][]string) error {
	for _, pattern := range []string{"lib/*", "usr/lib/*", "lib/*/*", "usr/lib/*/*", "lib64/*", "usr/lib64/*"} {
		files, _ := filepath.Glob(filepath.Join(s.dir, pattern))
		for _, file := range files {
			if err := s.file(file, musl, libz); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *system) file(file string, musl map[string]map[string]muslSymbol, libz map[string][]string) error {
	base := filepath.Base(file)
	isMusl := strings.Contains(filepath.Dir(file), "-linux-musl") && base == "libc.so"
	if !soname.MatchString(base) && !isMusl || strings.HasPrefix(base, "ld-musl") {
		return nil
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return nil // a link to what another package has
	}
	f, err := binary.ReadFile(real)
	if err != nil || f.ELF == nil || f.ELF.Machine != s.machine {
		return err
	}
	if isMusl {
		return muslOf(musl, s, f.ELF)
	}
	if f.ELF.Soname != base || slices.ContainsFunc(s.rows, func(r row) bool { return r.library == base }) {
		return nil
	}
	r := row{system: s.name, machine: s.machine, glibc: upstreamVersion(s.packages["libc6"]), library: base, path: file[len(s.dir):]}
	for _, name := range owner(base) {
		if v, ok := s.packages[name]; ok && r.pkg == "" {
			r.pkg = name + "-" + v
		}
	}
	for _, d := range f.ELF.VersionDefs {
		if !d.Base {
			r.nodes = append(r.nodes, d.Name)
		}
	}
	if r.glibc == "" {
		r.glibc = "-" // that package could not be had
	}
	if r.pkg == "" {
		return fmt.Errorf("%s: no package of that folder has it", file)
	}
	s.rows = append(s.rows, r)
	if base == "libz.so.1" {
		libz[s.name+"\t"+s.machine] = exported(f.ELF)
	}
	return nil
}

// exported are the exports as NAME or NAME@VERSION.
func exported(e *binary.ELF) []string {
	var list []string
	for _, x := range e.Exports {
		name := x.Name
		if x.Version == name || x.Name == "_init" || x.Name == "_fini" {
			continue // the node's own symbol
		}
		if x.Version != "" {
			name += "@" + x.Version
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// provide is an automatic Provides of rpm: libc.so.6(GLIBC_2.28)(64bit).
var provide = regexp.MustCompile(`^((?:ld[0-9a-z-]*|lib[A-Za-z_+]+)\.so\.\d+)(?:\(([^()]*)\))?(?:\(64bit\))?$`)

var rpmMachine = map[string]string{"x86_64": "x86-64", "i686": "i386", "aarch64": "aarch64", "s390x": "s390x"}

// readProvides reads FOLDER/ID:VERSION.txt, lines of PACKAGE-VERSION.ARCH,
// tab, Provides.
func readProvides(dir string) ([]row, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, file := range files {
		name, ok := strings.CutSuffix(file.Name(), ".txt")
		if !ok {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			return nil, err
		}
		rows = append(rows, provided(name, string(data))...)
	}
	return rows, nil
}

func provided(system, text string) []row {
	found, glibc := map[string]*row{}, ""
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		pkg, what, _ := strings.Cut(s.Text(), "\t")
		m := provide.FindStringSubmatch(what)
		if v, ok := strings.CutPrefix(pkg, "glibc-"); ok && v[0] >= '0' && v[0] <= '9' {
			glibc = upstreamVersion(v)
		}
		machine := rpmMachine[pkg[strings.LastIndexByte(pkg, '.')+1:]]
		if m == nil || machine == "" {
			continue
		}
		key := m[1] + "\t" + machine
		r := found[key]
		if r == nil {
			r = &row{system: system, machine: machine, pkg: pkg, library: m[1]}
			found[key] = r
		}
		if m[2] != "" {
			r.nodes = append(r.nodes, m[2])
		}
	}
	var rows []row
	for _, r := range found {
		r.glibc = glibc
		rows = append(rows, *r)
	}
	return rows
}
