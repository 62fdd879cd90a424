package pkgindex

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"path"
)

// readFilelists takes the places of libraries from filelists.xml, so that
// nothing is assumed of them. Packages are those of the same repository.
func readFilelists(ctx context.Context, r io.Reader, packages []Package) error {
	x := newXMLReader(ctx, r)
	byID := map[string]*Package{}
	for i := range packages {
		byID[packages[i].Name+"\x00"+packages[i].Arch+"\x00"+packages[i].Version] = &packages[i]
	}
	for {
		start, err := x.element("package")
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := x.placeLibraries(byID, attr(start, "name"), attr(start, "arch")); err != nil {
			return err
		}
	}
	if !x.is("filelists") {
		return errors.New("no filelists.xml: it has no element <filelists>")
	}
	return nil
}

// placeLibraries reads up to </package>.
func (x *xmlReader) placeLibraries(byID map[string]*Package, name, arch string) error {
	var p *Package
	places := map[string]string{}
	for {
		t, err := x.token()
		if err != nil {
			return unexpected(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "version":
				p = byID[name+"\x00"+arch+"\x00"+evrOf(t)]
			case "file":
				file, err := x.text()
				if err != nil {
					return err
				}
				base := path.Base(file)
				if old := places[base]; p != nil && hasSo(base) && (old == "" || isLibDir(path.Dir(file)) && !isLibDir(path.Dir(old))) {
					places[base] = path.Clean("/" + file)
				}
			}
		case xml.EndElement:
			if t.Name.Local == "package" {
				if p != nil {
					p.placed(places)
				}
				return nil
			}
		}
	}
}

// placed puts each library where a file of its soname is. One that has no such
// file is found by no loader.
func (p *Package) placed(places map[string]string) {
	for i := range p.Files {
		f := &p.Files[i]
		if f.Library == nil || !f.Assumed {
			continue
		}
		file, ok := places[f.Library.Soname]
		f.Elsewhere = !ok
		if ok {
			f.Path, f.Assumed = file, false
		}
	}
}
