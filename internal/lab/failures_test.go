package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/willrun/willrun/diagnosis"
	"github.com/willrun/willrun/internal/fixture"
	"github.com/willrun/willrun/judge"
	"github.com/willrun/willrun/target"
)

// reported is a failure that somebody met: testdata/README.md.
type reported struct {
	ID, Message, Context, Source string
	RootCause                    string `json:"root_cause"`
}

// causesOf what the reports call it.
var causesOf = map[string][]diagnosis.Cause{
	"glibc_too_old": {diagnosis.VersionMissing}, "libstdcxx_too_old": {diagnosis.VersionMissing},
	"mixed_glibc":   {diagnosis.LibcMixed, diagnosis.VersionMissing, diagnosis.SymbolMissing, diagnosis.LoaderRefused},
	"libgo_missing": {diagnosis.LibraryMissing}, "missing_library": {diagnosis.LibraryMissing},
	"missing_interpreter":     {diagnosis.InterpreterMissing},
	"musl_incompatible":       {diagnosis.SymbolMissing, diagnosis.LibraryMissing, diagnosis.LibcMixed},
	"wrong_architecture":      {diagnosis.WrongMachine},
	"not_a_program":           {diagnosis.NotAProgram},
	"cpu_level":               {diagnosis.CPUTooOld},
	"kernel_too_old":          {diagnosis.KernelTooOld},
	"malformed_elf":           {diagnosis.LibraryUnusable, diagnosis.LoaderRefused, diagnosis.NotAProgram},
	"wrong_elf_class":         {diagnosis.LibraryUnusable},
	"page_size":               {diagnosis.PageSize},
	"tls_model":               {diagnosis.TLSExhausted},
	"exec_stack":              {diagnosis.LibraryUnusable, diagnosis.LoaderRefused},
	"go_plugin_mismatch":      {diagnosis.PluginMismatch},
	"static_glibc_nss":        {diagnosis.NSSMismatch},
	"missing_ca_certificates": {diagnosis.DataMissing}, "missing_tzdata": {diagnosis.DataMissing},
}

// failure is how a report is put to the test: the system that it names, and a
// program that asks for what its message tells.
type failure struct {
	id, on string
	lab    string   // a kind of program of the lab; "" one that is built
	needs  []string // of the program, or of lib: "libc.so.6 GLIBC_2.34 GLIBC_PRIVATE:_dl_x :unversioned"
	lib    string   // a library beside the program, by its place; the program needs it and libc
	alone  bool     // lib itself is judged, as what is opened at run time
	wide   bool     // lib is of 64 bits, the program is not
	interp string
	flags  []string                          // of gcc, for the program or lib
	edit   func(data []byte) ([]byte, error) // of the program or lib
	layer  map[string]string                 // place → text, "→target" for a link: what else is on that system
	text   string                            // the program is this text
	static string                            // the program is linked with the C library of this build root
	open   bool                              // a release of which only published facts are known leaves it unknown, and says why
	gosrc  string                            // the program is built of this Go
	env    []string

	cpu, machine string
	kernel       *[3]uint32

	wants string // "fails" if empty; "later", "risk": it starts, with such a finding
	first bool   // only the first line of the message is of this program's way
	quiet string // why no line or errno is compared
}

// history is every report that willrun check can be asked about.
var history = []failure{
	{id: "glibc-01", on: "centos:7", needs: []string{"libc.so.6 GLIBC_2.34 GLIBC_2.32"}},
	{id: "glibc-02", on: "rhel:8", needs: []string{"libc.so.6 GLIBC_2.34 GLIBC_2.32"}},
	{id: "glibc-04", on: "centos:6", needs: []string{"libc.so.6 GLIBC_2.14:memcpy"}},
	{id: "glibc-05", on: "ubuntu:18.04", needs: []string{"libc.so.6 GLIBC_2.28:fcntl64"}},
	{id: "glibc-06", on: "ubuntu:20.04", needs: []string{"libc.so.6 GLIBC_2.34 GLIBC_2.32"}},
	{id: "glibc-07", on: "centos:7", needs: []string{"libc.so.6 GLIBC_2.32"}},
	{id: "glibc-09", on: "ubuntu:22.04", needs: []string{"libc.so.6 GLIBC_2.38:__isoc23_strtol"}},
	{id: "glibc-10", on: "ubuntu:22.04", needs: []string{"libc.so.6 GLIBC_2.39:pidfd_spawnp"}},
	{id: "glibc-11", on: "ubuntu:22.04", lib: "_internal/libz.so.1", needs: []string{"libc.so.6 GLIBC_ABI_DT_RELR"}},
	{id: "glibc-12", on: "ubuntu:20.04", needs: []string{"libc.so.6 GLIBC_2.32 GLIBC_2.33"}},
	{id: "glibc-13", on: "debian:11", needs: []string{"libc.so.6 GLIBC_2.34 GLIBC_2.32"}},
	{id: "glibc-15", on: "ubuntu:20.04", needs: []string{"libc.so.6 GLIBC_2.32"}},
	{id: "libstdcxx-01", on: "centos:7", needs: []string{"libc.so.6 GLIBC_2.2.5:exit", "libstdc++.so.6 CXXABI_1.3.9"}},

	// Ubuntu 22.10 is none of the releases; 22.04's libc has no DT_RELR either.
	{id: "mixed-01", on: "ubuntu:22.04", lib: "../lib/x86_64-linux-gnu/libdl.so.2", first: true, needs: []string{"libc.so.6 GLIBC_ABI_DT_RELR"}},
	{id: "mixed-03", on: "dir:bookworm", lib: "wrappers/glxtrace.so", needs: []string{"libc.so.6 GLIBC_PRIVATE:__libc_dlopen_mode"}, flags: []string{"-Wl,-z,now"}},
	{id: "mixed-04", on: "dir:bookworm", lab: "d-mixed-ld-old"},
	{id: "mixed-05", on: "debian:11", lib: "lib/librt.so.1", needs: []string{"libc.so.6 GLIBC_2.32"}},
	{id: "mixed-06", on: "dir:trixie", lib: "olmod.so", alone: true, needs: []string{"libc.so.6 :_dl_sym"}},
	{id: "mixed-07", on: "dir:bookworm", lab: "c-ver-lost-now"},

	{id: "libgo-01", on: "debian:12", needs: []string{"libgo.so.21 :runtime.main"}},
	{id: "libgo-02", on: "fedora:42", needs: []string{"libgo.so.23 :runtime.main"}},
	{id: "libgo-04", on: "ubuntu:18.04", needs: []string{"libgo.so.7 :runtime.main"}},
	{id: "lib-01", on: "fedora:35", needs: []string{"libpcap.so.0.8 :pcap_open_live"}, open: true}, // Fedora 27 is none of the releases
	{id: "lib-02", on: "debian:12", needs: []string{"libpcap.so.1 :pcap_open_live"}, open: true},   // nor is Kali, a Debian
	{id: "lib-04", on: "ubuntu:22.04", needs: []string{"libcrypto.so.1.1 OPENSSL_1_1_0"}, open: true},
	{id: "lib-05", on: "ubuntu:18.04", needs: []string{"libcrypto.so.10 libcrypto.so.10:EVP_sha256"}, open: true},
	{id: "lib-06", on: "fedora:40", needs: []string{"libcrypt.so.1 GLIBC_2.2.5:crypt"}, open: true},
	{id: "lib-07", on: "dir:bullseye", needs: []string{"libpam.so.0 LIBPAM_1.0:pam_start"}}, // a small system without it
	{id: "lib-08", on: "fedora:42", needs: []string{"libpcap.so.0.8 :pcap_open_live"}, open: true},
	{id: "lib-09", on: "fedora:43", needs: []string{"libcrypt.so.1 GLIBC_2.2.5:crypt"}, open: true},

	{id: "interp-01", on: "alpine:3.20", lab: "go-net-cgo.bookworm"},
	{id: "interp-02", on: "alpine:3.14", lab: "go-net-cgo.bullseye"},
	{id: "interp-03", on: "alpine:3.20", lab: "go-pie-cgo"},
	{id: "interp-04", on: "alpine:3.14", interp: "/lib64/ldlinux-x86-64.so.2", needs: []string{"libc.so.6 GLIBC_2.2.5:exit"}},
	{id: "interp-06", on: "centos:7", flags: []string{"-m32"}, interp: "/lib/ld-linux.so.2", needs: []string{"libc.so.6 GLIBC_2.0:exit"}},
	{id: "interp-07", on: "debian:12", machine: "x86-64", flags: []string{"-m32"}, interp: "/lib/ld-linux.so.2", needs: []string{"libc.so.6 GLIBC_2.0:exit"}},
	{id: "interp-08", on: "centos:6", interp: "/system/bin/linker64", needs: []string{"libc.so :exit"}},
	{id: "interp-09", on: "alpine:3.14", lab: "go-cgo.trixie"},

	{id: "musl-01", on: "alpine:3.14", layer: libc6compat, needs: []string{"libc.so.6 GLIBC_2.3.4:__vfprintf_chk GLIBC_2.3.4:__fprintf_chk"}},
	{id: "musl-02", on: "alpine:3.18", layer: libc6compat, needs: []string{"libc.so.6 GLIBC_2.3.4:__vfprintf_chk GLIBC_2.3.4:__memcpy_chk GLIBC_2.2.5:__res_search GLIBC_2.3.4:__memset_chk GLIBC_2.3.4:__fprintf_chk"}},
	{id: "musl-03", on: "alpine:3.16", layer: libc6compat, needs: []string{"libc.so.6 GLIBC_2.4:__wcsncpy_chk"}},
	{id: "musl-04", on: "alpine:3.14", layer: libc6compat, needs: []string{"libc.so.6 GLIBC_2.28:fcntl64"}},
	{id: "musl-06", on: "alpine:3.14", layer: libc6compat, needs: []string{"libc.so.6 GLIBC_2.3.4:__vfprintf_chk GLIBC_2.3.4:__fprintf_chk"}},
	{id: "musl-08", on: "alpine:3.20", layer: libc6compat, lib: "libkclvm_cli_cdylib.so", alone: true, needs: []string{"libc.so.6 GLIBC_2.2.5:__res_init"}},
	{id: "musl-09", on: "alpine:3.20", layer: libc6compat, lib: "libhttpcloak-linux-amd64.so", alone: true, needs: []string{"libc.so.6 GLIBC_2.3.4:__vfprintf_chk"}},

	{id: "tls-01", on: "alpine:3.15", lib: "foobar.so", alone: true, needs: []string{"libc.musl-x86_64.so.1 :exit"}, flags: []string{"-DTLS=8"}},
	{id: "tls-02", on: "debian:12", lib: "libjemalloc.so", alone: true, needs: []string{"libc.so.6 GLIBC_2.2.5:exit"}, flags: []string{"-DTLS=8192"}},

	{id: "arch-01", on: "debian:12", machine: "aarch64", lab: "go-pure"},
	{id: "arch-02", on: "ubuntu:20.04", machine: "aarch64", lab: "go-pure"},
	{id: "arch-04", on: "debian:11", machine: "aarch64", lab: "go-pure"},
	{id: "arch-05", on: "debian:8", machine: "arm", lab: "go-pure"},
	{id: "arch-06", on: "ubuntu:22.04", machine: "aarch64", lab: "go-pure"},
	{id: "arch-07", on: "ubuntu:20.04", machine: "x86-64", lab: "go-arm"},
	{id: "script-01", on: "ubuntu:18.04", text: "echo hello\n"},
	{id: "script-03", on: "alpine:3.15", text: "set -e\nexec \"$@\"\n"},

	// Chainguard's and another image with a C library for v2, as EL 9's is.
	{id: "cpu-01", on: "almalinux:9", cpu: "x86-64-v1", needs: []string{"libc.so.6 GLIBC_2.2.5:exit"}},
	{id: "cpu-02", on: "rocky:9", cpu: "x86-64-v1", needs: []string{"libc.so.6 GLIBC_2.2.5:exit"}},
	{id: "cpu-04", on: "debian:12", cpu: "x86-64-v3", needs: []string{"libc.so.6 GLIBC_2.2.5:exit"}, flags: []string{"-Wl,-z,x86-64-v4"}},
	{id: "cpu-05", on: "debian:12", cpu: "x86-64-v2", lab: "go-v3"},
	{id: "cpu-07", on: "debian:12", cpu: "x86-64-v3", lab: "go-v4"},

	{id: "kernel-01", on: "centos:6", kernel: &[3]uint32{2, 6, 32}, static: "bullseye"},
	{id: "kernel-03", on: "centos:5", lab: "go122-pure", wants: "risk", quiet: "Go refuses nothing at start"},
	{id: "kernel-04", on: "scratch", kernel: &[3]uint32{2, 6, 26}, lab: "go-386", wants: "risk", quiet: "the same"},

	{id: "static-01", on: "debian:11", lab: "go-static-glibc", wants: "risk", quiet: "a crash has no line"},
	{id: "static-03", on: "arch:rolling", lab: "go-static-glibc", wants: "risk", quiet: "a crash has no line"},
	{id: "execstack-01", on: "debian:13", lib: "libmelonds.so", alone: true, needs: []string{"libc.so.6 GLIBC_2.2.5:exit"}, flags: []string{"-Wl,-z,execstack"}},
	{id: "elf-01", on: "debian:12", lib: "libapp.so", needs: []string{"libc.so.6 GLIBC_2.2.5:exit"}, edit: phentsize},
	{id: "elf-02", on: "debian:12", lib: "ls.so", alone: true, needs: []string{"libc.so.6 GLIBC_2.2.5:exit"}, edit: phentsize},
	{id: "elf-04", on: "debian:8", lib: "_MEI/libz.so.1", needs: []string{"libc.so.6 GLIBC_2.2.5:exit"}, edit: emptied},
	{id: "elf-05", on: "ubuntu:18.04", needs: []string{"libc.so :exit"}, layer: map[string]string{"/lib/x86_64-linux-gnu/libc.so": "/* GNU ld script\n   Use the shared library, but some functions are only in\n   the static library, so try that secondarily.  */\n"}},
	{id: "class-02", on: "dir:i386", machine: "i386", wide: true, lib: "../../usr/lib/i386-linux-gnu/libz.so.1", needs: []string{"libc.so.6 GLIBC_2.0:exit"}, flags: []string{"-m32"}},
	{id: "page-01", on: "rhel:8", machine: "aarch64", lab: "a-runpath", lib: "lib/libf.so", edit: smallPages},

	{id: "ca-01", on: "dir:musl", gosrc: fetcher, wants: "risk"},
	{id: "ca-02", on: "scratch", gosrc: fetcher, wants: "risk"},
	{id: "ca-03", on: "scratch", gosrc: fetcher, wants: "risk"},
	{id: "tz-01", on: "scratch", gosrc: fetcher, wants: "risk", first: true},
	{id: "tz-02", on: "dir:musl", gosrc: fetcher, wants: "risk"},
}

// libc6compat is what Alpine's package of that name lays beside musl.
var libc6compat = map[string]string{"/lib64/ld-linux-x86-64.so.2": "→/lib/ld-musl-x86_64.so.1"}

// notOfCheck are reports of which no question to willrun check can be made.
var notOfCheck = map[string]string{
	"cpu-08":     "levels of 32-bit ARM are not known of a release",
	"cpu-09":     "levels of 32-bit ARM are not known of a release",
	"kfeat-01":   "a kernel without vsyscall: it shows while it runs",
	"kfeat-03":   "an emulated kernel: it shows while it runs",
	"seccomp-01": "a container's filter of system calls: it shows while it runs",
	"seccomp-03": "a program's own filter of system calls",
	"threads-01": "a limit on processes: it shows while it runs",
	"threads-02": "a limit on processes: it shows while it runs",
	"elf-06":     "patchelf's own assertion, about a file that never came to be",
	"page-02":    "a Go of 2017, which is no more to be had: it crashes on larger pages",
	"perm-01":    "mount options count for host alone, and a release has none",
	"perm-02":    "SELinux: its labels are not looked at",
	"perm-04":    "mount options count for host alone, and a release has none",
	"plugin-01":  "whether plugin and host are of one build shows at plugin.Open",
	"plugin-02":  "whether plugin and host are of one build shows at plugin.Open",
	"fips-01":    "OpenSSL's mode and providers: it shows while it runs",
	"fips-02":    "OpenSSL's mode and providers: it shows while it runs",
	"fips-03":    "OpenSSL's mode and providers: it shows while it runs",
	"os-01":      "macOS: its loader is not simulated",
	"os-03":      "Windows: its loader is not simulated",
	"os-04":      "Windows: its loader is not simulated",
	"os-05":      "Windows: its loader is not simulated",
	"sign-01":    "macOS: signatures are not looked at",
	"sign-02":    "macOS: signatures are not looked at",
	"win-01":     "Windows: its loader is not simulated",
	"dll-01":     "Windows: its loader is not simulated",
}

// fetcher asks for certificates and a time zone.
const fetcher = `package main

import ("fmt"; "net/http"; "time")

func main() {
	_, err := time.LoadLocation("Asia/Singapore")
	_, err2 := http.Get("https://example.org")
	fmt.Println(err, err2)
}
`

// phentsize gives program headers another size.
func phentsize(data []byte) ([]byte, error) {
	data[54] = 64
	return data, nil
}

// emptied is what a full file system leaves of a file.
func emptied([]byte) ([]byte, error) { return nil, nil }

// smallPages aligns the first segment for pages of 4 KiB.
func smallPages(data []byte) ([]byte, error) {
	return data, fixture.SetProgramHeader(data, 1, 0, "align", 4096)
}

func readReports(t testing.TB) map[string]reported {
	f, err := os.Open("testdata/failures.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string]reported{}
	for s := bufio.NewScanner(f); s.Scan(); {
		var r reported
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all[r.ID] = r
	}
	return all
}

// Failures that people reported come out as they were: each program of which a
// report tells, on the release that it names, fails with that cause and the
// very line that was quoted. What can't be asked of willrun check is listed
// with its reason.
func TestHistory(t *testing.T) {
	l := Open(t)
	if _, err := exec.LookPath("gcc"); err != nil {
		Missing(t, "gcc builds the programs")
	}
	reports := readReports(t)
	b := &builder{t: t, lab: l, dir: t.TempDir(), done: map[string]string{}}
	seen := map[string]bool{}
	count := map[string]int{}
	for i := range history {
		f := &history[i]
		r, ok := reports[f.id]
		if !ok || seen[f.id] || notOfCheck[f.id] != "" {
			t.Errorf("%s: no such report, or twice", f.id)
			continue
		}
		seen[f.id] = true
		line, why := b.judge(f, r)
		if why != "" {
			t.Errorf("%s on %s (%s): %s", f.id, f.on, r.Source, why)
			continue
		}
		count[line]++
	}
	for id := range notOfCheck {
		if _, ok := reports[id]; !ok {
			t.Errorf("%s: no such report", id)
		}
		seen[id] = true
	}
	for id := range reports {
		if !seen[id] {
			t.Errorf("%s is in neither list", id)
		}
	}
	t.Logf("%d reports: %d put to the test (%v), %d not of this command", len(reports), len(history), count, len(notOfCheck))
}

// judge asks about one report; what says which of its words were compared.
func (b *builder) judge(f *failure, r reported) (what, why string) {
	ctx := context.Background()
	name := nameIn(r.Message)
	base := filepath.Join(b.dir, "on-"+f.id)
	app := filepath.Join(base, "opt/sub")
	c := judge.Circumstances{CPU: f.cpu, Machine: f.machine, Kernel: f.kernel, Env: f.env}
	var subject string
	if f.lab != "" && f.edit != nil {
		subject = b.copied(f, app)
		c.With = append(c.With, judge.Layer{Dir: base, Place: "/"})
	} else if f.lab != "" {
		subject = b.lab.Root("bookworm") + Place(f.lab) + "/prog"
		c.With = append(c.With, judge.Layer{Dir: b.lab.Root("bookworm") + "/opt/lab", Place: "/opt/lab"})
	} else {
		subject = b.make(f, name, app)
		for place, text := range f.layer {
			b.write(filepath.Join(base, place), text)
		}
		c.With = append(c.With, judge.Layer{Dir: base, Place: "/"})
	}
	on := f.on
	if root, ok := strings.CutPrefix(on, "dir:"); ok {
		on = "dir:" + b.lab.Root(root)
	}
	bench := judge.NewBench(target.Options{})
	defer bench.Close()
	tgt, err := bench.Target(ctx, on)
	if err != nil {
		return "", err.Error()
	}
	var res judge.Result
	err = bench.Subjects(ctx, subject, func(s judge.Subject, err error) error {
		if err == nil {
			err = s.Read()
		}
		if err == nil {
			res, err = bench.Check(ctx, s, tgt, c)
		}
		return err
	})
	if err != nil {
		return "", err.Error()
	}
	return compareReport(f, r, res)
}

// nameIn is the name of the program that a message is about.
func nameIn(message string) string {
	for _, p := range []string{`^(\S+): \S+: version ` + "`", `required by (\S+)\)`, `(\S+): error while loading`, `(\S+): symbol lookup error`, `Error relocating (\S+):`, `sh: (\S+): `} {
		if m := regexp.MustCompile(p).FindStringSubmatch(message); m != nil && !strings.Contains(path.Base(m[1]), ".so") {
			return path.Base(m[1])
		}
	}
	return "app"
}

// compareReport holds a result against what was reported.
func compareReport(f *failure, r reported, res judge.Result) (what, why string) {
	if f.open && res.Evidence == target.Profile {
		if res.Verdict == diagnosis.Unknown && strings.Contains(strings.Join(res.Unknown, " "), strings.Fields(f.needs[0])[0]) {
			return "open", ""
		}
	}
	verdict := map[string]diagnosis.Verdict{"": diagnosis.Fails, "later": diagnosis.Runs, "risk": diagnosis.Runs}[f.wants]
	if res.Verdict != verdict {
		return "", "another verdict: " + describe(res)
	}
	var lines []string
	found := false
	for _, x := range res.Findings {
		if slices.Contains(causesOf[r.RootCause], x.Cause) && (f.wants != "" || x.Severity == diagnosis.Blocks) {
			found = true
		}
		lines = append(lines, strings.Split(x.Message, "\n")...)
	}
	if !found {
		return "", "another cause: " + describe(res)
	}
	switch errno := errnoOf(r.Message); {
	case f.quiet != "":
		return "cause", ""
	case errno != "":
		if !slices.ContainsFunc(lines, func(s string) bool { return strings.HasPrefix(s, "execve: "+errno+":") }) {
			return "", "another errno: " + describe(res)
		}
		return "errno", ""
	}
	for _, quoted := range loaderLines(r.Message) {
		if !slices.ContainsFunc(lines, func(s string) bool { return same(quoted, normal(s)) }) {
			return "", fmt.Sprintf("another line: %q\n %s", quoted, describe(res))
		}
		if what = "line"; f.first {
			break
		}
	}
	if what == "" {
		return "", "nothing to compare in " + r.Message
	}
	return what, ""
}

// errnoOf what shells and container runtimes say when execve fails.
func errnoOf(message string) string {
	switch {
	case regexp.MustCompile(`(?i)exec format error`).MatchString(message):
		return "ENOEXEC"
	case strings.Contains(message, "error while loading"):
		return ""
	case regexp.MustCompile(`(?i)sh: \S+( /\S+)? ?(: )?not found|exec user process caused: no such file|required file not found|^-?(ba)?sh: .*No such file or directory`).MatchString(message):
		return "ENOENT"
	}
	return ""
}

// loaderLines are the lines of a message that a loader said, each in one,
// paths by their last part alone.
func loaderLines(message string) []string {
	message = regexp.MustCompile(`\s*\n\s+`).ReplaceAllString(message, " ")
	var lines []string
	for line := range strings.SplitSeq(message, "\n") {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, normal(line))
		}
	}
	return lines
}

// same: a report may quote less than the line, or have words before it.
func same(quoted, ours string) bool {
	return ours != "" && (strings.Contains(quoted, ours) || strings.Contains(ours, quoted))
}

// normal leaves of paths the last part, and of blanks one.
func normal(s string) string {
	s = regexp.MustCompile(`[^\s:()'"`+"`"+`]*/`).ReplaceAllString(s, "")
	s = regexp.MustCompile(`dl-lookup.c: \d+`).ReplaceAllString(s, "dl-lookup.c: N") // a line of the source, by version
	return strings.Join(strings.Fields(s), " ")
}
