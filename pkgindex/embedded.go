package pkgindex

import (
	"embed"
	"slices"
	"sync"
)

//go:embed data/*.idx
var embeddedFiles embed.FS

// EmbeddedIndex is an index that the program carries. data/README.md tells
// where each is from; internal/gen makes them.
type EmbeddedIndex struct {
	File     string   // below data, without its ending
	Machine  string   // of its programs
	Releases []string // names of releases that it stands for, its own first
}

// embedded: what stands for which release. A release without a minor number
// means what its oldest known minor has.
var embedded = []EmbeddedIndex{
	{"centos-5.11-x86_64", "x86-64", []string{"centos:5.11", "centos:5"}},
	{"centos-6.10-x86_64", "x86-64", []string{"centos:6.10", "centos:6"}},
	{"centos-7.9-x86_64", "x86-64", []string{"centos:7.9", "centos:7"}},
	{"centos-8.2-x86_64", "x86-64", []string{"centos:8.2", "centos:8"}},
	{"centos-stream-9-x86_64", "x86-64", []string{"centos-stream:9"}},
	{"ubi-8.6-x86_64", "x86-64", []string{"rhel:8.6", "rhel:8"}},
	{"ubi-8.6-s390x", "s390x", []string{"rhel:8.6", "rhel:8"}},
	{"rockylinux-9.2-x86_64", "x86-64", []string{"rocky:9.2", "rocky:9"}},
	{"rockylinux-9.3-aarch64", "aarch64", []string{"rocky:9.3", "rocky:9"}},
	{"fedora-35-x86_64", "x86-64", []string{"fedora:35"}},
	{"cbl-mariner-2.0-x86_64", "x86-64", []string{"mariner:2.0"}},
	{"sles-15.3-bci-x86_64", "x86-64", []string{"sles:15.3"}},
	{"sles-15.4-x86_64", "x86-64", []string{"sles:15.4"}},
	{"opensuse-leap-15.5-x86_64", "x86-64", []string{"opensuse-leap:15.5"}},
	{"debian-11-amd64", "x86-64", []string{"debian:11"}},
	{"debian-12-amd64", "x86-64", []string{"debian:12"}},
	{"debian-13-amd64", "x86-64", []string{"debian:13"}},
}

// EmbeddedIndexes lists what the program carries, without opening it.
func EmbeddedIndexes() []EmbeddedIndex { return slices.Clone(embedded) }

// EmbeddedNames are the release names for which there is an index, sorted.
func EmbeddedNames() []string {
	seen := map[string]bool{}
	for _, e := range embedded {
		for _, r := range e.Releases {
			seen[r] = true
		}
	}
	return sortedKeys(seen)
}

// opened are embedded indexes that were asked for; each is decoded once.
var opened sync.Map // file → func() (*Index, error)

// Embedded is the index that stands for a release, for a machine ("": the
// first). It is shared: it must not be changed. ok is false where the program
// carries none.
func Embedded(release, machine string) (x *Index, ok bool) {
	for _, e := range embedded {
		if !slices.Contains(e.Releases, release) || machine != "" && !runsWith(e.Machine, machine) {
			continue
		}
		f, _ := opened.LoadOrStore(e.File, sync.OnceValues(func() (*Index, error) {
			b, err := embeddedFiles.ReadFile("data/" + e.File + ".idx")
			if err != nil {
				return nil, err
			}
			return Decode(b)
		}))
		x, err := f.(func() (*Index, error))()
		return x, err == nil
	}
	return nil, false
}
