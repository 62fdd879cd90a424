// Package binary says what a program file is and needs, read from its bytes
// alone: ELF, PE, Mach-O, a script, or something else named for what it is.
//
//	f, err := binary.ReadFile("/usr/bin/app")
//	f.ELF.Needed // ["libc.so.6", ...]
//
// The same bytes give the same Facts on every machine. An error means only
// that the bytes could not be read; a broken file has Facts that say so.
// Facts serialise to JSON and hold all that package loader needs: a stored
// program can be judged later, without its file.
package binary

// Format is the family that the kernel would put a file into.
type Format string

const (
	FormatELF    Format = "elf"
	FormatPE     Format = "pe"
	FormatMachO  Format = "macho"
	FormatScript Format = "script" // begins with #!
	FormatEmpty  Format = "empty"  // no bytes at all
	FormatOther  Format = "other"  // see Facts.Describe
)

// Facts of one file.
type Facts struct {
	Format   Format    `json:"format"`
	Size     int64     `json:"size"`     // bytes
	Describe string    `json:"describe"` // a few words for people: "ELF 64-bit x86-64 PIE", "gzip archive", "text without #!"
	ELF      *ELF      `json:"elf,omitempty"`
	PE       *PE       `json:"pe,omitempty"`
	MachO    []MachO   `json:"macho,omitempty"` // one per slice of a fat file
	Script   *Script   `json:"script,omitempty"`
	Go       *Go       `json:"go,omitempty"`       // nil: no Go in it, as far as can be seen
	Problems []Problem `json:"problems,omitempty"` // what is broken or lies in it
}

// Problem is a place where the file is broken: what cannot be read, what
// points outside, what disagrees.
type Problem struct {
	Part string `json:"part"` // "program headers", "dynamic section", "pclntab", …
	Off  uint64 `json:"off"`  // file offset, where there is one
	Want uint64 `json:"want"`
	Have uint64 `json:"have"`
	Text string `json:"text"` // one sentence
}

// Script is a file that begins with #!.
type Script struct {
	Line   string `json:"line"`   // the first line without #!, at most 255 bytes, as it stands (CR kept)
	Length int    `json:"length"` // bytes of the whole first line with #! and without its newline; longer than Line+2 when cut
	NoEOL  bool   `json:"no_eol"` // the file ended before a newline came
	Head   []byte `json:"head"`   // the first 256 bytes of the file as the kernel reads them (fewer when shorter)
}

// ELF facts, as the loader and the kernel read them: through program headers
// and PT_DYNAMIC, never through section headers, except where a field says so.
type ELF struct {
	Header    Header    `json:"header"`
	Class     int       `json:"class"`   // 32 or 64; 0 when the ident byte is neither
	Order     string    `json:"order"`   // "little" or "big"
	Machine   string    `json:"machine"` // "x86-64", "i386", "aarch64", "arm", "riscv64", "s390x", "ppc64", "ppc64le", …, or "machine 4711"
	Kind      Kind      `json:"kind"`
	Interp    string    `json:"interp"` // PT_INTERP without its NUL
	HasInterp bool      `json:"has_interp"`
	Segments  []Segment `json:"segments"`

	Dynamic   bool     `json:"dynamic"`        // has a PT_DYNAMIC that can be read
	Tags      []DynTag `json:"tags,omitempty"` // every entry of PT_DYNAMIC in order, up to DT_NULL
	Needed    []string `json:"needed,omitempty"`
	Soname    string   `json:"soname,omitempty"`
	Rpath     *string  `json:"rpath,omitempty"`
	Runpath   *string  `json:"runpath,omitempty"`
	Filter    []string `json:"filter,omitempty"`    // DT_FILTER
	Auxiliary []string `json:"auxiliary,omitempty"` // DT_AUXILIARY
	Audit     []string `json:"audit,omitempty"`     // DT_AUDIT, DT_DEPAUDIT
	Flags     uint64   `json:"flags,omitempty"`     // DT_FLAGS
	Flags1    uint64   `json:"flags1,omitempty"`    // DT_FLAGS_1
	BindNow   bool     `json:"bind_now,omitempty"`  // DT_BIND_NOW, DF_BIND_NOW or DF_1_NOW
	Textrel   bool     `json:"textrel,omitempty"`
	Relr      bool     `json:"relr,omitempty"` // DT_RELR present

	VersionNeeds []VersionNeed `json:"version_needs,omitempty"`
	VersionDefs  []VersionDef  `json:"version_defs,omitempty"`

	// Hash says through which table symbols are found: "gnu", "sysv", "both"
	// or "none" (then no loader finds any export).
	Hash    string   `json:"hash,omitempty"`
	Exports []Symbol `json:"exports,omitempty"` // defined dynamic symbols in symbol table order
	Imports []Import `json:"imports,omitempty"` // symbols that relocations name, in the order in which the loader first meets them

	RelocTypes []RelocCount `json:"reloc_types,omitempty"` // every relocation type that occurs, once each

	TLS *TLS `json:"tls,omitempty"`

	GNUStack string `json:"gnu_stack"` // "rw", "rwx", … flags of PT_GNU_STACK, or "" when there is none

	BuildID       string       `json:"build_id,omitempty"` // lower-case hex
	ABITag        *ABITag      `json:"abi_tag,omitempty"`
	KernelCheck   bool         `json:"kernel_check,omitempty"`   // a static program of glibc up to 2.35: it compares the ABI tag with the kernel
	X86ISA        uint32       `json:"x86_isa_needed,omitempty"` // GNU_PROPERTY_X86_ISA_1_NEEDED: bit 0 baseline … bit 3 v4
	X86ISAUsed    uint32       `json:"x86_isa_used,omitempty"`
	X86Feature    uint32       `json:"x86_feature,omitempty"`     // GNU_PROPERTY_X86_FEATURE_1_AND: 1 IBT, 2 SHSTK
	A64Feature    uint32       `json:"aarch64_feature,omitempty"` // 1 BTI, 2 PAC, 4 GCS
	DlopenNotes   []DlopenNote `json:"dlopen_notes,omitempty"`    // .note.dlopen
	DlopenStrings []string     `json:"dlopen_strings,omitempty"`  // names that code passes to dlopen as constants; each may or may not be reached
	DebugLink     string       `json:"debug_link,omitempty"`      // from the section header table, where there is one
	Comment       []string     `json:"comment,omitempty"`         // .comment: compilers, where there are section headers
	Sections      int          `json:"sections"`                  // number of section headers that can be read; the loader needs none

	Hardening Hardening `json:"hardening"`

	// Opaque: the file was described by someone else (package metadata, a
	// release's published facts), who tells its soname, version nodes and
	// needs, and not its symbols.
	Opaque bool `json:"opaque,omitempty"`

	symtab   bool         // has a .symtab section
	goExport bool         // has a .go_export section
	index    symbolIndex  // built on first use; see Lookup
	table    *symbolTable // in place of Exports and index; see ReadLinked
}

// Header is the ELF header as it stands, for the checks that loaders make.
type Header struct {
	Ident     []byte `json:"ident"` // 16 bytes, fewer when the file is shorter
	Type      uint16 `json:"type"`
	Machine   uint16 `json:"machine"`
	Version   uint32 `json:"version"`
	Entry     uint64 `json:"entry"`
	Phoff     uint64 `json:"phoff"`
	Flags     uint32 `json:"flags"`
	Ehsize    uint16 `json:"ehsize"`
	Phentsize uint16 `json:"phentsize"`
	Phnum     uint16 `json:"phnum"`
	Shnum     uint16 `json:"shnum"`
	Shoff     uint64 `json:"shoff"`
	Shentsize uint16 `json:"shentsize"`
	Shstrndx  uint16 `json:"shstrndx"`
}

// Kind is what an ELF file is for.
type Kind string

const (
	KindExec      Kind = "exec"       // ET_EXEC with an interpreter
	KindPIE       Kind = "pie"        // ET_DYN program with an interpreter
	KindStatic    Kind = "static"     // ET_EXEC without one
	KindStaticPIE Kind = "static-pie" // ET_DYN program without one (DF_1_PIE, or an entry point and no soname)
	KindShared    Kind = "shared"
	KindObject    Kind = "relocatable"
	KindCore      Kind = "core"
	KindOther     Kind = "other"
)

// Segment is one program header.
type Segment struct {
	Type   uint32 `json:"type"`
	Flags  uint32 `json:"flags"` // 1 execute, 2 write, 4 read
	Off    uint64 `json:"off"`
	Vaddr  uint64 `json:"vaddr"`
	Filesz uint64 `json:"filesz"`
	Memsz  uint64 `json:"memsz"`
	Align  uint64 `json:"align"`
}

// DynTag is one entry of PT_DYNAMIC.
type DynTag struct {
	Tag int64  `json:"t"`
	Val uint64 `json:"v"`
}

// VersionNeed is one Verneed entry: what must be exported by one library.
type VersionNeed struct {
	Library  string          `json:"library"`
	Revision uint16          `json:"revision"` // vn_version; loaders accept 1
	Versions []NeededVersion `json:"versions"`
}

// NeededVersion is one Vernaux entry.
type NeededVersion struct {
	Name  string `json:"name"`
	Hash  uint32 `json:"hash"`           // as the file says it, which loaders trust
	Weak  bool   `json:"weak,omitempty"` // VER_FLG_WEAK
	Index uint16 `json:"index"`          // vna_other, with the hidden bit
}

// VersionDef is one Verdef entry.
type VersionDef struct {
	Name     string `json:"name"`
	Hash     uint32 `json:"hash"`
	Revision uint16 `json:"revision"`
	Base     bool   `json:"base,omitempty"` // VER_FLG_BASE: the file itself, no node
	Weak     bool   `json:"weak,omitempty"`
	Index    uint16 `json:"index"`
	Unsure   bool   `json:"unsure,omitempty"` // of an opaque file: it may define this one
}

// Symbol is a defined dynamic symbol.
type Symbol struct {
	Name     string `json:"n"`
	Version  string `json:"v,omitempty"` // "" when it has none (index 0 or 1, or no version table)
	VerIdx   uint16 `json:"i,omitempty"` // the raw versym entry, hidden bit (0x8000) included
	Type     uint8  `json:"t"`           // STT_*
	Bind     uint8  `json:"b"`           // STB_*
	Vis      uint8  `json:"s,omitempty"` // STV_*
	Shndx    uint16 `json:"x,omitempty"` // only SHN_ABS (0xfff1) and SHN_COMMON are kept; else 0
	Value    uint64 `json:"a,omitempty"`
	Size     uint64 `json:"z,omitempty"`
	Unhashed bool   `json:"u,omitempty"` // not reachable through the hash table: no loader finds it
}

// Use says how relocations use a symbol; bits of Import.Uses.
type Use uint16

const (
	UseCall  Use = 1 << iota // DT_JMPREL slot: may be bound lazily
	UseData                  // any other address or value, needed before main
	UseCopy                  // copy relocation
	UseTLS                   // dynamic TLS model (DTPMOD, DTPOFF)
	UseTLSIE                 // initial-exec TLS (TPOFF)
	UseTLSDesc
	UseSize // R_*_SIZE
)

// Import is a symbol that relocations name. A name without relocations is
// looked up by no loader and is not here.
type Import struct {
	Name    string   `json:"n"`
	Version string   `json:"v,omitempty"`
	Library string   `json:"l,omitempty"` // the Verneed file that the version belongs to
	VerIdx  uint16   `json:"i,omitempty"` // raw versym
	Bind    uint8    `json:"b"`           // STB_*; weak ones may stay undefined
	Type    uint8    `json:"t,omitempty"`
	Vis     uint8    `json:"s,omitempty"`
	Size    uint64   `json:"z,omitempty"`
	Defined bool     `json:"d,omitempty"` // the file defines it itself, and it may be interposed
	Value   uint64   `json:"a,omitempty"` // of the symbol table entry
	Uses    Use      `json:"u"`
	Types   []uint32 `json:"r,omitempty"` // the relocation types, in the order met
}

// RelocCount is a relocation type and how often it occurs.
type RelocCount struct {
	Type  uint32 `json:"type"`
	Count int    `json:"count"`
	PLT   bool   `json:"plt,omitempty"` // counted in DT_JMPREL
}

// TLS is PT_TLS.
type TLS struct {
	Size     uint64 `json:"size"` // bytes in memory
	FileSize uint64 `json:"file_size"`
	Align    uint64 `json:"align"`
	Static   bool   `json:"static"`        // DF_STATIC_TLS, or an initial-exec relocation
	Own      bool   `json:"own,omitempty"` // an initial-exec relocation is for its own storage, by no name that is looked up
}

// ABITag is NT_GNU_ABI_TAG.
type ABITag struct {
	OS     uint32    `json:"os"` // 0 Linux
	Kernel [3]uint32 `json:"kernel"`
}

// DlopenNote is one entry of a .note.dlopen note
// (https://uapi-group.org/specifications/specs/elf_dlopen_metadata/).
type DlopenNote struct {
	Soname      []string `json:"soname"` // in the order of preference: one is enough
	Feature     string   `json:"feature,omitempty"`
	Description string   `json:"description,omitempty"`
	Priority    string   `json:"priority"` // "required", "recommended" (default) or "suggested"
}

// Hardening is what protects a program once it runs.
type Hardening struct {
	PIE     bool   `json:"pie"`
	RELRO   string `json:"relro"` // "none", "partial", "full"
	NX      bool   `json:"nx"`
	Fortify bool   `json:"fortify"` // some __*_chk import
	Canary  string `json:"canary"`  // "yes", "no", or "n/a" (pure Go: it means nothing there)
	Profile string `json:"profile"` // "c", "go", "go+cgo"
}

// PE facts of a Windows program.
type PE struct {
	Machine          string   `json:"machine"` // "x86-64", "i386", "aarch64", …
	Plus             bool     `json:"plus"`    // PE32+
	DLL              bool     `json:"dll"`
	Subsystem        string   `json:"subsystem"`  // "console", "windows", "efi", …
	OSVersion        string   `json:"os_version"` // "6.1"
	SubsystemVersion string   `json:"subsystem_version"`
	Imports          []string `json:"imports"` // DLLs, in order
	DelayImports     []string `json:"delay_imports,omitempty"`
	Signed           bool     `json:"signed"` // a certificate table is there; not whether it is valid
	DotNet           bool     `json:"dotnet,omitempty"`

	linker  [2]byte // version of the linker
	symbols uint32  // in the COFF symbol table
}

// MachO facts of one slice.
type MachO struct {
	Machine    string   `json:"machine"`
	Class      int      `json:"class"`
	Type       string   `json:"type"`     // "execute", "dylib", "bundle", …
	Platform   string   `json:"platform"` // "macos", "ios", …
	MinOS      string   `json:"min_os"`
	SDK        string   `json:"sdk,omitempty"`
	Dylibs     []Dylib  `json:"dylibs,omitempty"`
	Rpaths     []string `json:"rpaths,omitempty"`
	Interp     string   `json:"interp,omitempty"` // LC_LOAD_DYLINKER
	Signed     bool     `json:"signed"`
	SignFlags  uint32   `json:"sign_flags,omitempty"` // CodeDirectory flags: 0x2 ad hoc, 0x10000 hardened runtime, 0x20000 linker-signed
	Identifier string   `json:"identifier,omitempty"`
	TeamID     string   `json:"team_id,omitempty"` // of the developer who signed; none where it is signed ad hoc
	UUID       string   `json:"uuid,omitempty"`

	apple   bool // has load commands that Apple's linker and LLVM's write, and Go's does not
	symbols bool // the symbol table has more than what is imported and exported
}

// Dylib is one library that a Mach-O loads.
type Dylib struct {
	Name string `json:"name"`
	Weak bool   `json:"weak,omitempty"`
}

// Go facts of a program or library with Go in it.
type Go struct {
	Compiler    string       `json:"compiler"`        // "gc" or "gccgo"
	Version     string       `json:"version"`         // "go1.22.6"; "" when not told
	Libgo       string       `json:"libgo,omitempty"` // gccgo: libgo's soname
	GCC         string       `json:"gcc,omitempty"`   // gccgo: GCC's comment
	Path        string       `json:"path,omitempty"`  // package path of main
	Main        *Module      `json:"main,omitempty"`
	Deps        []Module     `json:"deps,omitempty"`
	Settings    []Setting    `json:"settings,omitempty"` // all build settings, in order
	Link        string       `json:"link"`               // "internal", "external"
	BuildMode   string       `json:"buildmode"`          // "exe", "pie", "c-shared", "plugin", …
	Level       string       `json:"level,omitempty"`    // GOAMD64=v3, GOARM64=v8.0,lse, GO386=sse2, …: what the runtime refuses to go below
	FIPS        string       `json:"fips,omitempty"`
	Stripped    bool         `json:"stripped"`               // no symbol table
	Cgo         bool         `json:"cgo"`                    // runtime/cgo is linked in
	CgoPackages []CgoPackage `json:"cgo_packages,omitempty"` // why cgo
	Packages    []string     `json:"packages,omitempty"`     // packages with code in it, from the function table; nil when the table can't be read
	Needs       GoNeeds      `json:"needs"`
	MinKernel   string       `json:"min_kernel,omitempty"` // Linux, by the Go version ("3.2")
	MinOS       string       `json:"min_os,omitempty"`     // Windows or macOS, by the Go version
}

// Module is a module of the build.
type Module struct {
	Path    string  `json:"path"`
	Version string  `json:"version"`
	Sum     string  `json:"sum,omitempty"`
	Replace *Module `json:"replace,omitempty"`
}

// Setting is one key and value of the build info.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// CgoPackage is a Go package that calls C.
type CgoPackage struct {
	Path    string   `json:"path"`
	Twin    bool     `json:"twin"`              // has a pure-Go twin (net, os/user): CGO_ENABLED=0 is enough
	Calls   []string `json:"calls,omitempty"`   // C functions called
	Exports []string `json:"exports,omitempty"` // Go functions that C may call
}

// GoNeeds is data of the system that the program's own code reads when the
// functions that are linked in are called.
type GoNeeds struct {
	Certificates bool `json:"certificates,omitempty"` // crypto/x509 system roots, no embedded fallback
	TimeZones    bool `json:"time_zones,omitempty"`   // time.LoadLocation, no time/tzdata
	Passwd       bool `json:"passwd,omitempty"`       // os/user lookups
	Resolver     bool `json:"resolver,omitempty"`     // net host lookups
	Plugins      bool `json:"plugins,omitempty"`      // plugin.Open
}
