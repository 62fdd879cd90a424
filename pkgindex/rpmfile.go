package pkgindex

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"

	"github.com/willrun/willrun/root"
)

// rpm reads an .rpm file: a lead of 96 bytes, a header of signatures padded to
// eight bytes, the header, and a compressed cpio archive
// (https://rpm-software-management.github.io/rpm/manual/format_v4.html).
func (b *builder) rpm(r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<16)
	lead := make([]byte, 96)
	if _, err := io.ReadFull(in, lead); err != nil {
		return unexpected(err)
	}
	signature, err := streamHeader(in)
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	if pad := -len(signature) & 7; pad > 0 {
		if _, err := in.Discard(pad); err != nil {
			return unexpected(err)
		}
	}
	raw, err := streamHeader(in)
	if err != nil {
		return err
	}
	h, err := parseHeader(raw)
	if err != nil {
		return err
	}
	if err := b.rpmHeader(h); err != nil {
		return err
	}
	payload, done, err := unpack(b.ctx, in)
	if err != nil {
		return fmt.Errorf("payload (%s): %w", h.text(tagPayloadComp), err)
	}
	defer done()
	if _, err := payload.Peek(1); err == io.EOF {
		return nil // a package without files
	}
	if err := b.cpio(payload); err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	return nil
}

// streamHeader reads a header with its magic number and gives it without.
func streamHeader(r io.Reader) ([]byte, error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, unexpected(err)
	}
	if string(head[:4]) != "\x8e\xad\xe8\x01" {
		return nil, errors.New("no RPM header where one is due")
	}
	il, dl := binary.BigEndian.Uint32(head[8:]), binary.BigEndian.Uint32(head[12:])
	if il > maxHeaderTags || dl > maxHeaderData {
		return nil, &headerError{"its sizes are beyond reason", maxHeaderTags, uint64(il)}
	}
	size := int64(il)*16 + int64(dl)
	body, err := io.ReadAll(io.LimitReader(r, size))
	if err == nil && int64(len(body)) < size {
		err = io.ErrUnexpectedEOF
	}
	return append(head[8:16:16], body...), err
}

// rpmHeader takes the package and its files from the header: modes, owners
// and links are those that rpm installs, whatever the archive says.
func (b *builder) rpmHeader(h *rpmHeader) error {
	p := Package{Name: h.text(tagName), Arch: h.text(tagArch), Version: evr(h)}
	if p.Name == "" {
		return &headerError{"package name", 1, 0}
	}
	p.Provides = h.relations(tagProvideName, tagProvideFlags, tagProvideVersion)
	p.Requires = h.relations(tagRequireName, tagRequireFlags, tagRequireVersion)
	if _, source := h.number(tagSourcePackage); source {
		return errors.New("a source package: it is built, not installed")
	}
	files, err := h.files(nil, nil)
	if err != nil {
		return err
	}
	b.pkg = p
	for _, f := range files {
		if f.ghost {
			continue // not in the package
		}
		file := File{Path: f.path, Mode: f.mode, Size: f.size, UID: ownerID(f.owner), GID: ownerID(f.group)}
		if f.mode&root.ModeFmt == root.ModeLink {
			file.Link = f.link
		}
		if err := b.add(file, nil); err != nil {
			return err
		}
	}
	return nil
}

// Parts of a cpio archive in the "new ASCII" form: 110 hexadecimal digits, the
// name, the content, each padded to four bytes (cpio(5)). rpm writes a shorter
// form, whose only field is the file's number in the header, where a file has
// 4 GB or more.
const (
	cpioHead    = 110
	cpioTrailer = "TRAILER!!!"
	maxCpioName = 4096
)

// cpio reads contents. Of hard links only the last one has it.
func (b *builder) cpio(r *bufio.Reader) error {
	linked := map[string][]string{} // inode and device → names without content yet
	for at := int64(0); ; {
		head := make([]byte, cpioHead)
		if _, err := io.ReadFull(r, head[:6]); err != nil {
			return unexpected(err)
		}
		if string(head[:6]) == "07070X" {
			return errors.New("files of 4 GB and more: it is not read")
		}
		if string(head[:6]) != "070701" && string(head[:6]) != "070702" {
			return fmt.Errorf("no cpio header at byte %d", at)
		}
		if _, err := io.ReadFull(r, head[6:]); err != nil {
			return unexpected(err)
		}
		var v [13]int64
		for i := range v {
			n, err := strconv.ParseUint(string(head[6+8*i:14+8*i]), 16, 32)
			if err != nil {
				return fmt.Errorf("damaged cpio header at byte %d", at)
			}
			v[i] = int64(n)
		}
		size, nameSize := v[6], v[11]
		if nameSize == 0 || nameSize > maxCpioName {
			return fmt.Errorf("a name of %d bytes at byte %d", nameSize, at)
		}
		name := make([]byte, (cpioHead+nameSize+3)&^3-cpioHead)
		if _, err := io.ReadFull(r, name); err != nil {
			return unexpected(err)
		}
		plain := string(name[:nameSize-1])
		if plain == cpioTrailer {
			return nil
		}
		body := &io.LimitedReader{R: r, N: size}
		id := fmt.Sprint(v[0], v[7], v[8])
		if err := b.cpioFile(plain, id, v[4] > 1, size, body, linked); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, body.N+(-size&3)); err != nil {
			return unexpected(err)
		}
		at += int64(cpioHead+len(name)) + size
	}
}

// cpioFile gives the content to the header's file of that name.
func (b *builder) cpioFile(name, id string, many bool, size int64, body io.Reader, linked map[string][]string) error {
	name = path.Clean("/" + name)
	i, ok := b.at[name]
	if !ok || b.pkg.Files[i].Mode&root.ModeFmt != root.ModeReg {
		return nil
	}
	if many && size == 0 {
		linked[id] = append(linked[id], name)
		return nil
	}
	f := b.pkg.Files[i]
	f.Size = size
	if size == 0 {
		facts, err := b.read(noBytes{}, 0)
		f.facts = readFacts(facts)
		b.put(f)
		return err
	}
	if err := b.content(&f, body); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.put(f)
	for _, other := range linked[id] {
		if j, ok := b.at[other]; ok {
			b.pkg.Files[j].Size = size
			b.pkg.Files[j].facts, b.pkg.Files[j].Library, b.pkg.Files[j].Data = f.facts, f.Library, f.Data
		}
	}
	delete(linked, id)
	return nil
}

// noBytes is an empty file.
type noBytes struct{}

func (noBytes) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }
