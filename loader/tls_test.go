package loader_test

import (
	"testing"

	"github.com/willrun/willrun/binary"
	"github.com/willrun/willrun/loader"
	"github.com/willrun/willrun/root"
)

// What is opened at run time finds 1664 bytes of static thread-local storage.
func TestStaticTLSOfADlopen(t *testing.T) {
	for _, c := range []struct {
		size  uint64
		own   bool
		env   string
		start bool
		known bool
	}{
		{1664, true, "", true, true}, {1665, true, "", true, false}, {1728, true, "", false, true}, {1 << 20, false, "", true, true},
		{4096, true, "GLIBC_TUNABLES=glibc.rtld.optional_static_tls=9000", true, false},
	} {
		lib := object(binary.KindShared, func(e *binary.ELF) {
			e.Soname, e.Needed, e.TLS = "libt.so", []string{"libc.so.6"}, &binary.TLS{Size: c.size, Align: 8, Static: true, Own: c.own}
		})
		tree, err := root.Described("test", glibcTree("2.36"))
		if err != nil {
			t.Fatal(err)
		}
		over, info, err := tree.WithFile("/opt/libt.so", lib, 0o755)
		if err != nil {
			t.Fatal(err)
		}
		trace := loader.Load(over, loader.Subject{Facts: lib, Place: "/opt/libt.so", Info: info}, loader.Options{AsDlopen: true, Machine: "x86-64", Env: []string{c.env}})
		if trace.Started() != c.start || (len(trace.Limits) == 0) != c.known {
			t.Errorf("%+v: faults %+v, limits %q", c, trace.Faults, trace.Limits)
		}
	}
}
