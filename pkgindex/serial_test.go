package pkgindex_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/pkgindex"
	"github.com/willrun/willrun/root"
)

// fill gives every exported field a value, so that a field that is new and not
// written is noticed.
func fill(v reflect.Value, r *rand.Rand, depth int) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), r, depth)
			}
		}
	case reflect.Pointer:
		if depth < 4 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), r, depth+1)
		}
	case reflect.Slice:
		if depth > 4 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1+r.IntN(3), 4))
		for i := range v.Len() {
			fill(v.Index(i), r, depth+1)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), r, depth)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d", r.IntN(50)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8: // types and bindings of symbols have four bits
		v.SetUint(uint64(1 + r.IntN(15)))
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(1 + r.IntN(1<<15)))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(1 + r.IntN(1<<20)))
	}
}

func roundTrip(t testing.TB, x *pkgindex.Index) *pkgindex.Index {
	t.Helper()
	var b, again bytes.Buffer
	if _, err := x.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	y, err := pkgindex.Decode(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := y.WriteTo(&again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Fatal("written again it has other bytes")
	}
	return y
}

func text(t testing.TB, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every field of an index and of facts comes back.
func TestSerial(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		x := &pkgindex.Index{}
		fill(reflect.ValueOf(x).Elem(), r, 0)
		var all []*binary.Facts
		for i := range x.Packages {
			for j := range x.Packages[i].Files {
				f := &x.Packages[i].Files[j]
				// One relation has alternatives, those have none.
				*f = pkgindex.WithFacts(*f, facts(r))
				known, _ := f.Facts()
				all = append(all, known)
			}
			for _, list := range [][]pkgindex.Relation{x.Packages[i].Provides, x.Packages[i].Requires} {
				for j := range list {
					for k := range list[j].Or {
						list[j].Or[k].Or = nil
					}
				}
			}
		}
		y := roundTrip(t, x)
		strip := func(x *pkgindex.Index) string { return withoutFacts(t, x) }
		if a, b := strip(x), strip(y); a != b {
			differ(t, a, b)
		}
		n := 0
		for i := range y.Packages {
			for j := range y.Packages[i].Files {
				got, err := y.Packages[i].Files[j].Facts()
				if err != nil {
					t.Fatal(err)
				}
				if a, b := text(t, all[n]), text(t, got); a != b {
					differ(t, a, b)
				}
				n++
			}
		}
	}
}

// differ shows where two texts part.
func differ(t testing.TB, a, b string) {
	t.Helper()
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	t.Fatalf("written …%s\nread …%s", a[max(i-40, 0):min(i+80, len(a))], b[max(i-40, 0):min(i+80, len(b))])
}

func withoutFacts(t testing.TB, x *pkgindex.Index) string {
	c := *x
	c.Packages = slices.Clone(x.Packages)
	for i := range c.Packages {
		c.Packages[i].Files = slices.Clone(c.Packages[i].Files)
		for j := range c.Packages[i].Files {
			f := &c.Packages[i].Files[j]
			if f.Loader != nil {
				l := *f.Loader
				l.Facts = nil
				f.Loader = &l
			}
		}
	}
	return text(t, c)
}

func facts(r *rand.Rand) *binary.Facts {
	f := &binary.Facts{}
	fill(reflect.ValueOf(f).Elem(), r, 0)
	slices.SortStableFunc(f.ELF.Exports, func(a, b binary.Symbol) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return f
}

// What is dropped for the embedded indexes is only what is named here.
func TestSlim(t *testing.T) {
	f := facts(rand.New(rand.NewPCG(5, 6)))
	got := pkgindex.SlimFacts(f)
	for _, e := range []*binary.ELF{f.ELF, got.ELF} {
		e.Header.Shoff, e.Header.Shnum, e.Header.Shstrndx = 0, 0, 0
		for i := range e.Tags {
			e.Tags[i].Val = min(e.Tags[i].Val, 1)
		}
		e.Exports = slices.DeleteFunc(e.Exports, func(s binary.Symbol) bool { return s.Unhashed })
		for i := range e.Imports {
			e.Imports[i].Size, e.Imports[i].Value, e.Imports[i].Types = 0, 0, nil
		}
		for i := range e.RelocTypes {
			e.RelocTypes[i].Count = 1
		}
		e.BuildID, e.DebugLink, e.Comment, e.Sections, e.Hardening = "", "", nil, 0, binary.Hardening{}
		e.X86ISAUsed, e.X86Feature, e.A64Feature, e.DlopenStrings = 0, 0, 0, nil
	}
	if a, b := text(t, f), text(t, got); a != b {
		differ(t, a, b)
	}
}

// Cut anywhere, or with a byte changed, it is an error or another index, never
// a crash.
func TestSerialDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x := &pkgindex.Index{Name: "x", Packages: []pkgindex.Package{{Name: "a", Files: []pkgindex.File{
		pkgindex.WithFacts(pkgindex.File{Path: "/usr/lib64/a.so", Mode: root.ModeReg | 0o755}, facts(r))}}}}
	var b bytes.Buffer
	if _, err := x.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	for i := range b.Len() {
		if _, err := pkgindex.Decode(b.Bytes()[:i]); err == nil {
			t.Fatalf("cut to %d bytes it is read", i)
		}
		damaged := slices.Clone(b.Bytes())
		damaged[i] ^= 0x55
		touch(damaged)
	}
}

// touch reads everything of an index.
func touch(data []byte) {
	x, err := pkgindex.Decode(data)
	if err != nil {
		return
	}
	for i := range x.Packages {
		for j := range x.Packages[i].Files {
			x.Packages[i].Files[j].Facts()
		}
	}
	if r, err := root.Described(x.Name, x.Entries("")); err == nil {
		r.Stat("/lib64/libc.so.6", root.Superuser)
	}
	x.Libraries("")
}
