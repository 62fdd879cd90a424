package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// builder makes the programs of which reports tell.
type builder struct {
	t    *testing.T
	lab  *Lab
	dir  string
	done map[string]string // stub libraries and Go programs, by what they are made of
}

func (b *builder) gcc(args ...string) {
	b.t.Helper()
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		b.t.Fatalf("gcc %v: %v\n%s", args, err, out)
	}
}

func (b *builder) write(file, text string) string {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if target, ok := strings.CutPrefix(text, "→"); ok {
		if err := os.Symlink(target, file); err != nil {
			b.t.Fatal(err)
		}
		return file
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		b.t.Fatal(err)
	}
	return file
}

// stub is a library that defines what is asked of a soname: "NODE", then a
// name is made up, "NODE:symbol" or ":symbol".
func (b *builder) stub(need string, flags []string) (file string, calls []string) {
	words := strings.Fields(need)
	wide := "64"
	if slices.Contains(flags, "-m32") {
		wide = "32"
	}
	var source, script strings.Builder
	for _, w := range words[1:] {
		node, symbol, named := strings.Cut(w, ":")
		if !named {
			symbol = "of_" + strings.NewReplacer(".", "_").Replace(node)
		}
		name := fmt.Sprintf("f%d", len(calls))
		fmt.Fprintf(&source, "void %s(void) __asm__(%q); void %s(void) {}\n", name, symbol, name)
		if node != "" {
			fmt.Fprintf(&script, "%s { %q; };\n", node, symbol)
		}
		calls = append(calls, symbol)
	}
	key := wide + need
	if b.done[key] != "" {
		return b.done[key], calls
	}
	dir := filepath.Join(b.dir, fmt.Sprint("stub", len(b.done)))
	c := b.write(filepath.Join(dir, "stub.c"), source.String())
	file = filepath.Join(dir, words[0])
	args := []string{"-shared", "-nostdlib", "-fPIC", "-m" + wide, "-fno-builtin", "-w", "-Wl,-soname," + words[0], "-o", file, c}
	if script.Len() > 0 {
		args = append(args, "-Wl,--version-script="+b.write(filepath.Join(dir, "script"), grouped(script.String())))
	}
	b.gcc(args...)
	b.done[key] = file
	return file, calls
}

// grouped joins the symbols of one node: a script names each once.
func grouped(script string) string {
	nodes := map[string]string{}
	var order []string
	for line := range strings.Lines(script) {
		node, rest, _ := strings.Cut(line, " { ")
		if nodes[node] == "" {
			order = append(order, node)
		}
		nodes[node] += strings.TrimSuffix(strings.TrimSpace(rest), "};")
	}
	var out strings.Builder
	for _, n := range order {
		fmt.Fprintf(&out, "%s { %s };\n", n, nodes[n])
	}
	return out.String()
}

// link makes a program or a library that asks for needs.
func (b *builder) link(file string, needs, flags []string, more ...string) {
	var source strings.Builder
	var libs []string
	n := 0
	body := ""
	for _, need := range needs {
		lib, calls := b.stub(need, flags)
		libs = append(libs, lib)
		for _, symbol := range calls {
			fmt.Fprintf(&source, "void f%d(void) __asm__(%q);\n", n, symbol)
			body += fmt.Sprintf("f%d(); ", n)
			n++
		}
	}
	fmt.Fprintf(&source, "#ifdef TLS\nstatic __thread char t[TLS] __attribute__((tls_model(\"initial-exec\")));\nchar *tls(int i) { return &t[i]; }\n#endif\n")
	fmt.Fprintf(&source, "void %s(void) { %s}\n", map[bool]string{true: "_start", false: "entry"}[!slices.Contains(more, "-shared")], body)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	c := b.write(filepath.Join(b.dir, fmt.Sprintf("source%d.c", len(b.done)+n)), source.String())
	b.gcc(slices.Concat([]string{"-nostdlib", "-fno-builtin", "-w", "-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined", "-o", file, c}, flags, more, libs)...)
}

// make builds the subject below app, and gives its path there.
func (b *builder) make(f *failure, name, app string) string {
	file := filepath.Join(app, name)
	switch {
	case f.text != "":
		return b.write(file, f.text)
	case f.gosrc != "":
		return b.golang(f.gosrc, file)
	case f.static != "":
		c := b.write(filepath.Join(b.dir, "static.c"), "int main(void) { return 0; }\n")
		b.write(file, "")
		libs := filepath.Join(b.lab.Dir, "dev", f.static, "usr/lib/x86_64-linux-gnu")
		own, _ := filepath.Glob(filepath.Join(b.lab.Dir, "dev", f.static, "usr/lib/gcc/x86_64-linux-gnu/*/libgcc_eh.a"))
		if len(own) == 0 {
			b.t.Fatalf("%s has no libgcc_eh.a", f.static)
		}
		b.gcc("-static", "-nostartfiles", "-nodefaultlibs", "-o", file, libs+"/crt1.o", libs+"/crti.o", c,
			"-Wl,--start-group", libs+"/libc.a", "-lgcc", own[0], "-Wl,--end-group", libs+"/crtn.o")
		return file
	}
	interp := f.interp
	if interp == "" {
		interp = "/lib64/ld-linux-x86-64.so.2"
		if slices.Contains(f.flags, "-m32") {
			interp = "/lib/ld-linux.so.2"
		}
	}
	program := []string{"-fPIE", "-pie", "-Wl,--dynamic-linker=" + interp}
	if f.lib == "" {
		b.link(file, f.needs, f.flags, program...)
		b.change(f, file)
		return file
	}
	lib := filepath.Join(app, f.lib)
	libFlags := slices.DeleteFunc(slices.Clone(f.flags), func(s string) bool { return s == "-m32" && f.wide })
	b.link(lib, f.needs, libFlags, "-shared", "-fPIC", "-Wl,-soname,"+path.Base(f.lib))
	if f.alone {
		b.change(f, lib)
		return lib
	}
	like := b.write(filepath.Join(b.dir, f.id, "like.c"), "void entry(void) {}\n")
	stub := filepath.Join(b.dir, f.id, path.Base(f.lib))
	wide := slices.DeleteFunc(slices.Clone(f.flags), func(s string) bool { return s != "-m32" })
	b.gcc(slices.Concat(wide, []string{"-shared", "-nostdlib", "-fPIC", "-Wl,-soname," + path.Base(f.lib), "-o", stub, like})...)
	b.link(file, nil, f.flags, append(program, "-Wl,-rpath,$ORIGIN/"+path.Dir(f.lib), stub)...)
	b.change(f, lib)
	return file
}

// change does to a file what no linker does.
func (b *builder) change(f *failure, file string) {
	data, err := os.ReadFile(file)
	if err == nil && f.edit != nil {
		data, err = f.edit(data)
	}
	if err == nil {
		err = os.WriteFile(file, data, 0o755)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *builder) golang(source, file string) string {
	if b.done[source] == "" {
		dir := filepath.Join(b.dir, "gosrc")
		b.write(filepath.Join(dir, "main.go"), source)
		b.write(filepath.Join(dir, "go.mod"), "module fetcher\n")
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "prog"), ".")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.t.Fatalf("%v\n%s", err, out)
		}
		b.done[source] = filepath.Join(dir, "prog")
	}
	data, err := os.ReadFile(b.done[source])
	if err != nil {
		b.t.Fatal(err)
	}
	return b.write(file, string(data))
}

// copied is a program of the lab with what lies beside it, one file changed.
func (b *builder) copied(f *failure, app string) string {
	if err := os.CopyFS(app, os.DirFS(filepath.Join(b.lab.Dir, "bin", f.lab))); err != nil {
		b.t.Fatal(err)
	}
	b.change(f, filepath.Join(app, f.lib))
	return filepath.Join(app, "prog")
}
