// Package pkgindex is what is known of a system from package metadata,
// without its bytes: which libraries and programs it has, which versions they
// define and need, and which package brings them.
//
//	x, err := pkgindex.Open(ctx, "/var/lib/rpm/rpmdb.sqlite")
//	tree, err := root.Described(x.Name, x.Entries("x86-64"))
//	x.Providers("libcrypto.so.1.1", nil, "x86-64") // compat-openssl11: dnf install compat-openssl11
//
// An index is made from an RPM database, a repository's primary.xml, a folder
// of .rpm or .deb files, an apk index or database, or a captured tree; all of
// them become the same Index. Where metadata does not tell a file's symbols,
// its facts say so (binary.ELF.Opaque).
//
// It promises nothing of what metadata leaves out: files that scripts of
// packages make, and what an administrator adds.
package pkgindex

import (
	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// Format is the kind of metadata that an index was made from.
type Format string

const (
	FormatRPMDB    Format = "rpmdb"   // database of installed RPM packages
	FormatPrimary  Format = "primary" // primary.xml of an RPM repository
	FormatRPM      Format = "rpm"     // .rpm files
	FormatDeb      Format = "deb"     // .deb files
	FormatAPK      Format = "apk"     // .apk files
	FormatAPKIndex Format = "apkindex"
	FormatAPKDB    Format = "apkdb"   // /lib/apk/db/installed
	FormatCapture  Format = "capture" // a tree, read by Capture
)

// Index is a system known by its packages.
type Index struct {
	Name    string   // "centos:8", or the file that it was read from
	Sources []string // where the data is from, for people
	Formats []Format // more than one where indexes were joined
	Manager string   // the command that installs: "dnf", "yum", "tdnf", "zypper", "apt", "apk"; "" where none is known

	// Installed: every package listed is there. Otherwise the base packages
	// are, and the rest can be installed.
	Installed bool
	// Complete: it lists all that can be installed, so what it does not list
	// no package provides.
	Complete bool

	Releases     []string // release names that it stands for: "rhel:8", …
	Distribution root.Distribution
	Packages     []Package
}

// Package is one package, cut down to what programs and loaders ask for.
type Package struct {
	Name    string
	Version string // epoch:version-release, as the package manager writes it
	Arch    string // as the package manager writes it
	Repo    string
	Base    bool // of the base set: there even where the index is only installable
	Files   []File

	// What it says of itself, as far as it was kept.
	Provides, Requires []Relation

	pinned bool // installed, so no newer version of a repository is there instead
}

// Relation is a Provides, Requires or Depends.
type Relation struct {
	Name    string
	Op      string // "", "<", "<=", "=", ">=", ">"
	Version string
	Or      []Relation // alternatives to it
}

// File is one file of a package. What is nil or empty is not known.
type File struct {
	Path     string // absolute, clean, and as the package spells it
	Mode     uint32 // st_mode with type bits
	UID, GID uint32
	Size     int64
	Link     string // text of a symbolic link
	Data     []byte // contents of a small file that loaders or our rules read

	// Assumed: the metadata names the library and not its place. The path is
	// the one that the distribution's rules give it.
	Assumed bool
	// Elsewhere: the library lies where only its own package finds it. Its
	// place is not known, it is no part of a tree and provides nothing.
	Elsewhere bool

	Library     *Library   // of a library that can be asked for by its soname
	Script      string     // what follows #! in the first line of a script
	Program     *Library   // of a program that is known by its needs alone
	Loader      *root.Libc // of a dynamic loader that was read
	LibcVersion string     // of a libc.so.6 that was read

	facts *lazyFacts // of a file that was read
}

// Library is what metadata tells of an ELF file.
type Library struct {
	Soname  string
	Kind    binary.Kind
	Machine string               // as in binary.ELF
	Class   int                  // 32 or 64
	Nodes   []string             // version nodes that it defines, sorted, without that of the file itself
	Needed  []string             // sonames, where they are known
	Needs   []binary.VersionNeed // names only, where they are known
	Kernel  [3]uint32            // of its ABI note, where that is known
}

// Machines are the machines of its libraries, sorted.
func (x *Index) Machines() []string {
	seen := map[string]bool{}
	for i := range x.Packages {
		for j := range x.Packages[i].Files {
			if l := x.Packages[i].Files[j].Library; l != nil {
				seen[l.Machine] = true
			}
		}
	}
	return sortedKeys(seen)
}

// there says whether a package's files are in the tree.
func (x *Index) there(p *Package) bool { return x.Installed || p.Base }
