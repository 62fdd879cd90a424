package pkgindex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// codec writes a value or reads it, through the same code, so that both sides
// agree. Numbers are varints, strings are places in a sorted table.
type codec struct {
	reading bool
	err     error

	// Writing: the first pass gathers strings, the second writes.
	out    []byte
	places map[string]int // nil in the first pass
	gather map[string]bool

	// Reading.
	in    []byte
	table []string
	spent *int // elements made so far, of all that an index may have
}

// maxElements bounds what a small file can make large in memory.
const maxElements = 1 << 24

var errCut = errors.New("damaged index: it ends too early")

func (c *codec) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("damaged index: "+format, args...)
	}
}

func (c *codec) uvarint() uint64 {
	v, n := binary.Uvarint(c.in)
	if n <= 0 {
		if c.err == nil {
			c.err = errCut
		}
		c.in = nil
		return 0
	}
	c.in = c.in[n:]
	return v
}

type number interface {
	~int | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// num is an unsigned number; a negative one takes ten bytes.
func num[T number](c *codec, v *T) {
	if !c.reading {
		c.out = binary.AppendUvarint(c.out, uint64(*v))
		return
	}
	x := c.uvarint()
	if *v = T(x); uint64(*v) != x {
		c.fail("a number that does not fit: %d", x)
	}
}

// signed is a number that may be negative.
func signed(c *codec, v *int64) {
	if !c.reading {
		c.out = binary.AppendVarint(c.out, *v)
		return
	}
	x := c.uvarint()
	*v = int64(x>>1) ^ -int64(x&1)
}

// flags are up to eight truth values.
func (c *codec) flags(list ...*bool) {
	var b byte
	for i, v := range list {
		if *v {
			b |= 1 << i
		}
	}
	num(c, &b)
	for i, v := range list {
		*v = b&(1<<i) != 0
	}
}

func str[T ~string](c *codec, v *T) {
	if c.reading {
		if i := c.uvarint(); i < uint64(len(c.table)) {
			*v = T(c.table[i])
		} else {
			c.fail("string %d of %d", i, len(c.table))
		}
		return
	}
	if c.places == nil {
		c.gather[string(*v)] = true
		return
	}
	c.out = binary.AppendUvarint(c.out, uint64(c.places[string(*v)]))
}

// bytes are kept as they are; nil stays nil.
func (c *codec) bytes(v *[]byte) {
	n := uint64(len(*v) + 1)
	if *v == nil {
		n = 0
	}
	num(c, &n)
	switch {
	case !c.reading:
		c.out = append(c.out, *v...)
	case n == 0:
		*v = nil
	case n-1 > uint64(len(c.in)):
		c.err, c.in = errCut, nil
	default:
		*v = slices.Clone(c.in[:n-1])
		if *v == nil {
			*v = []byte{}
		}
		c.in = c.in[n-1:]
	}
}

// list is a slice; an empty one comes back as nil. Every element takes a byte
// at least.
func list[T any](c *codec, v *[]T, each func(*T)) {
	n := uint64(len(*v))
	num(c, &n)
	if c.reading {
		if *v = nil; n == 0 || !c.spend(n) {
			return
		}
		*v = make([]T, n)
	}
	for i := range *v {
		each(&(*v)[i])
		if c.err != nil {
			return
		}
	}
}

// spend says whether n more elements may be made.
func (c *codec) spend(n uint64) bool {
	if n > uint64(len(c.in)) {
		c.err = errCut
	} else if *c.spent += int(n); *c.spent > maxElements {
		c.fail("more than %d elements", maxElements)
	}
	return c.err == nil
}

func (c *codec) strs(v *[]string) { list(c, v, func(s *string) { str(c, s) }) }

// ptr is a value that may be absent.
func ptr[T any](c *codec, v **T, each func(*T)) {
	there := *v != nil
	c.flags(&there)
	if !there {
		*v = nil
		return
	}
	if c.reading {
		*v = new(T)
	}
	each(*v)
}

// encode runs the same code twice: for the strings, then for the bytes. What
// comes out is the table and then the value.
func encode(body func(c *codec)) []byte {
	c := &codec{gather: map[string]bool{}}
	body(c)
	table := sortedKeys(c.gather)
	places := make(map[string]int, len(table))
	for i, s := range table {
		places[s] = i
	}
	c = &codec{places: places}
	c.writeTable(table)
	body(c)
	return c.out
}

// writeTable: each string is what it shares with the one before, and the rest.
func (c *codec) writeTable(table []string) {
	total := 0
	for _, s := range table {
		total += len(s)
	}
	c.out = binary.AppendUvarint(c.out, uint64(len(table)))
	c.out = binary.AppendUvarint(c.out, uint64(total))
	before := ""
	for _, s := range table {
		n := 0
		for n < len(s) && n < len(before) && s[n] == before[n] {
			n++
		}
		c.out = binary.AppendUvarint(c.out, uint64(n))
		c.out = binary.AppendUvarint(c.out, uint64(len(s)-n))
		c.out = append(c.out, s[n:]...)
		before = s
	}
}

// readTable makes all strings out of one piece of memory.
func (c *codec) readTable() {
	n, total := c.uvarint(), c.uvarint()
	if n > uint64(len(c.in)) || total > maxTable || !c.spend(n) {
		c.fail("a table of %d strings with %d bytes", n, total)
		return
	}
	var all strings.Builder
	all.Grow(int(total))
	ends := make([]int, n)
	at := 0
	for i := range ends {
		shared, rest := c.uvarint(), c.uvarint()
		if rest > uint64(len(c.in)) || shared > uint64(all.Len()-at) || uint64(all.Len())+shared+rest > total {
			c.fail("string %d of the table shares %d bytes and has %d more", i, shared, rest)
			return
		}
		text := all.String()
		all.WriteString(text[at : at+int(shared)])
		all.Write(c.in[:rest])
		c.in = c.in[rest:]
		at = len(text)
		ends[i] = all.Len()
	}
	text := all.String()
	c.table = make([]string, n)
	at = 0
	for i, end := range ends {
		c.table[i] = text[at:end]
		at = end
	}
}
