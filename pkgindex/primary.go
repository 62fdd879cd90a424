package pkgindex

import (
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/root"
)

// Limits of a repository's metadata: the largest repositories of Fedora have
// some 70,000 packages and 500 MB of filelists.
const (
	maxRepoPackages  = 1 << 18
	maxRepoRelations = 1 << 25
	maxXMLToken      = 1 << 20
)

// readPrimary reads primary.xml of an RPM repository, package by package: only
// what is kept stays in memory. Of each package the newest version is kept,
// for a repository may list every one that it ever had.
// Format: createrepo_c's xml_dump_primary.c.
func readPrimary(ctx context.Context, r io.Reader) ([]Package, error) {
	p := &primaryReader{xmlReader: newXMLReader(ctx, r), best: map[string]int{}}
	for {
		start, err := p.element("package")
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(p.list) >= maxRepoPackages {
			return nil, fmt.Errorf("more than %d packages: it is not read on", maxRepoPackages)
		}
		if attr(start, "type") != "rpm" {
			continue
		}
		if err := p.packageOf(); err != nil {
			return nil, err
		}
	}
	if !p.is("metadata") {
		return nil, errors.New("no primary.xml: it has no element <metadata>")
	}
	return p.list, nil
}

// xmlReader reads elements of a flat document without building it.
type xmlReader struct {
	ctx   context.Context
	d     *xml.Decoder
	seen  map[string]bool
	count int
}

func newXMLReader(ctx context.Context, r io.Reader) *xmlReader {
	d := xml.NewDecoder(&tokenLimit{r: bufio.NewReaderSize(r, 1<<16)})
	d.Strict = true
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("character set %q, and only UTF-8 is known", charset)
	}
	return &xmlReader{ctx: ctx, d: d, seen: map[string]bool{}}
}

// tokenLimit stops a document that has no mark-up for too long: the decoder
// would keep all of it.
type tokenLimit struct {
	r     *bufio.Reader
	since int
}

func (t *tokenLimit) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	for _, c := range b[:n] {
		t.mark(c)
	}
	return n, t.over(err)
}

func (t *tokenLimit) ReadByte() (byte, error) {
	c, err := t.r.ReadByte()
	t.mark(c)
	return c, t.over(err)
}

func (t *tokenLimit) mark(c byte) {
	if t.since++; c == '<' || c == '>' {
		t.since = 0
	}
}

func (t *tokenLimit) over(err error) error {
	if t.since > maxXMLToken {
		return fmt.Errorf("more than %d bytes without a tag: it is not read on", maxXMLToken)
	}
	return err
}

func (x *xmlReader) is(top string) bool { return x.seen[top] }

// token is the next one; the two that open a document are noted.
func (x *xmlReader) token() (xml.Token, error) {
	if x.count++; x.count&0xfff == 0 {
		if err := x.ctx.Err(); err != nil {
			return nil, err
		}
	}
	t, err := x.d.RawToken()
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("damaged XML: %w", err)
	}
	return t, err
}

// element goes to the next start of an element of that name.
func (x *xmlReader) element(name string) (xml.StartElement, error) {
	for {
		t, err := x.token()
		if err != nil {
			return xml.StartElement{}, err
		}
		if s, ok := t.(xml.StartElement); ok {
			if len(x.seen) < 4 {
				x.seen[s.Name.Local] = true
			}
			if s.Name.Local == name {
				return s, nil
			}
		}
	}
}

// text is what stands up to the next tag.
func (x *xmlReader) text() (string, error) {
	var text strings.Builder
	for {
		t, err := x.token()
		if err != nil {
			return "", unexpected(err)
		}
		switch t := t.(type) {
		case xml.CharData:
			if text.Len()+len(t) > maxXMLToken {
				return "", fmt.Errorf("a text of more than %d bytes: it is not read on", maxXMLToken)
			}
			text.Write(t)
		case xml.EndElement:
			return text.String(), nil
		case xml.StartElement:
			return "", fmt.Errorf("damaged XML: <%s> inside a text", t.Name.Local)
		}
	}
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func attr(s xml.StartElement, name string) string {
	for _, a := range s.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

type primaryReader struct {
	*xmlReader
	list      []Package
	best      map[string]int // name and architecture → place in list
	relations int
}

// packageOf reads up to </package>.
func (p *primaryReader) packageOf() error {
	var pkg Package
	var into *[]Relation
	var commands []string
	for {
		t, err := p.token()
		if err != nil {
			return unexpected(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "name":
				pkg.Name, err = p.text()
			case "arch":
				pkg.Arch, err = p.text()
			case "version":
				pkg.Version = evrOf(t)
			case "provides":
				into = &pkg.Provides
			case "requires":
				into = &pkg.Requires
			case "conflicts", "obsoletes", "recommends", "suggests", "supplements", "enhances":
				into = nil
			case "entry":
				if into != nil {
					*into = append(*into, relationOf(t))
					p.relations++
				}
			case "file":
				var name string
				if name, err = p.text(); isCommand(name) && attr(t, "type") == "" || slices.Contains(dataFiles, name) {
					commands = append(commands, name)
				}
			}
			if err != nil {
				return err
			}
		case xml.EndElement:
			if t.Name.Local == "package" {
				p.keep(pkg, commands)
				return nil
			}
		}
		if p.relations > maxRepoRelations {
			return fmt.Errorf("more than %d dependencies: it is not read on", maxRepoRelations)
		}
	}
}

var senseNames = map[string]string{"EQ": "=", "LT": "<", "GT": ">", "LE": "<=", "GE": ">="}

func relationOf(t xml.StartElement) Relation {
	r := Relation{Name: attr(t, "name"), Op: senseNames[attr(t, "flags")]}
	if r.Op != "" {
		r.Version = evrOf(t)
	}
	return r
}

func evrOf(t xml.StartElement) string {
	v := attr(t, "ver")
	if rel := attr(t, "rel"); rel != "" {
		v += "-" + rel
	}
	if e := attr(t, "epoch"); e != "" && e != "0" {
		v = e + ":" + v
	}
	return v
}

// keep takes a package in, instead of its older version.
func (p *primaryReader) keep(pkg Package, commands []string) {
	if pkg.Arch == "src" || pkg.Arch == "nosrc" || pkg.Name == "" {
		return
	}
	key := pkg.Name + "\x00" + pkg.Arch
	old, ok := p.best[key]
	if ok && !better("dnf", &pkg, &p.list[old]) && !slices.Contains(parallel, pkg.Name) {
		return
	}
	pkg.Files = primaryFiles(&pkg, commands)
	if ok {
		p.list[old] = pkg
		return
	}
	p.best[key] = len(p.list)
	p.list = append(p.list, pkg)
}

// primaryFiles makes files of what primary.xml tells: the libraries' names
// without their places, and files in the directories of commands and in /etc.
func primaryFiles(p *Package, commands []string) []File {
	m, ok := machineOf(p.Arch)
	var files []File
	if ok {
		files = providedLibraries(p, m)
	}
	for _, c := range commands {
		f := File{Path: path.Clean(c), Mode: root.ModeReg | 0o755, Size: 4096}
		if ok && knownPrograms[strings.TrimRight(path.Base(c), "0123456789.")] {
			f.Program = &Library{Kind: binary.KindPIE, Machine: m.name, Class: m.class}
			f.Program.needs(names(p.Requires))
		}
		if !isCommand(c) {
			f.Mode = root.ModeReg | 0o644
		}
		files = append(files, f)
	}
	return files
}

// knownPrograms are the interpreters that #! lines name, which are ELF files
// on every RPM distribution. A package's needs are those of all of its
// programs together, and hold for each.
var knownPrograms = map[string]bool{"sh": true, "bash": true, "dash": true, "zsh": true, "ksh": true, "env": true, "perl": true, "python": true,
	"platform-python": true, "awk": true, "gawk": true, "sed": true, "ruby": true, "node": true, "php": true, "lua": true, "tclsh": true}

func names(list []Relation) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	return names
}

// providedLibraries: one library for each soname that is provided, at the
// place that the distribution's rules give it.
func providedLibraries(p *Package, m machine) []File {
	var files []File
	at := map[string]int{}
	for _, r := range p.Provides {
		d, ok := parseSoname(r.Name)
		if !ok || d.class != m.class {
			continue
		}
		i, ok := at[d.soname]
		if !ok {
			i = len(files)
			at[d.soname] = i
			f := File{Path: "/usr/" + m.lib + "/" + d.soname, Mode: root.ModeReg | 0o755, Size: 4096, Assumed: true,
				Library: &Library{Soname: d.soname, Kind: binary.KindShared, Machine: m.name, Class: m.class}}
			if d.soname == path.Base(m.loader) {
				f.Path = m.loader
			}
			f.Elsewhere = private(p.Name, d.soname)
			files = append(files, f)
		}
		if l := files[i].Library; d.node != "" {
			l.Nodes = append(l.Nodes, d.node)
		}
	}
	for i := range files {
		l := files[i].Library
		slices.Sort(l.Nodes)
		l.Nodes = slices.Compact(l.Nodes)
	}
	return files
}
