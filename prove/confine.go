package prove

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

func capabilities() (caps [2]unix.CapUserData, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	err = unix.Capget(&header, &caps[0])
	return caps, err
}

// kept are root's powers over files of others, on which it depends what a
// loader may open. Whatever is started has no other one.
var kept = []uintptr{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH}

// confine limits what this thread starts from now on. setid says that it has
// set-user-id or set-group-id bits, which shall have their effect.
func confine(setid bool) error {
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	for c := uintptr(0); c <= unix.CAP_LAST_CAP+8; c++ {
		if c == kept[0] || c == kept[1] {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && err != unix.EINVAL { // EINVAL: no such capability
			return fmt.Errorf("capabilities can't be dropped: %w", err)
		}
	}
	caps, err := capabilities()
	if err != nil {
		return err
	}
	caps[0].Inheritable, caps[1].Inheritable = 0, 0
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capset(&header, &caps[0]); err != nil {
		return fmt.Errorf("capabilities can't be dropped: %w", err)
	}
	if !setid {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("prctl: %w", err)
		}
	}
	return silence()
}

// callNumbers of one machine that reach out of namespaces (asm/unistd.h).
type callNumbers struct {
	arch    uint32 // linux/audit.h
	socket  uint32
	refused []uint32 // io_uring_setup; add_key, request_key, keyctl; socketcall
}

// calls of each machine whose programs a kernel of ours runs.
var calls = map[string][]callNumbers{
	"amd64": {
		{unix.AUDIT_ARCH_X86_64, 41, []uint32{425, 248, 249, 250}},
		{unix.AUDIT_ARCH_I386, 359, []uint32{425, 286, 287, 288, 102}},
	},
	"arm64": {
		{unix.AUDIT_ARCH_AARCH64, 198, []uint32{425, 217, 218, 219}},
		{unix.AUDIT_ARCH_ARM, 281, []uint32{425, 309, 310, 311, 102}},
	},
}

// families of sockets that a network namespace confines. A local socket is
// found by its file, and one of a virtual machine (AF_VSOCK) by nothing at all.
var families = []uint32{unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}

// silence installs a seccomp filter: what asks for a socket that could reach
// someone gets EACCES.
func silence() error {
	filter := filterFor(calls[runtime.GOARCH])
	if filter == nil {
		return nil // this machine's numbers are not known: namespaces alone
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	return nil
}

// filterFor writes the filter (seccomp(2)): struct seccomp_data is nr, arch,
// instruction_pointer, args[6].
func filterFor(machines []callNumbers) []unix.SockFilter {
	if len(machines) == 0 {
		return nil
	}
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	equal := func(k uint32, then, otherwise int) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: uint8(then), Jf: uint8(otherwise)}
	}
	end := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	refuse := end(unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES))
	allow := end(unix.SECCOMP_RET_ALLOW)
	const x32 = 0x40000000 // x32's numbers have this bit
	var f []unix.SockFilter
	for _, m := range machines {
		body := []unix.SockFilter{load(0), {Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: ^uint32(x32)}}
		for _, nr := range m.refused {
			body = append(body, equal(nr, 0, 1), refuse)
		}
		body = append(body, equal(m.socket, 1, 0), allow, load(16))
		for _, family := range families {
			body = append(body, equal(family, 0, 1), allow)
		}
		body = append(body, refuse)
		f = append(f, load(4), equal(m.arch, 0, len(body)))
		f = append(f, body...)
	}
	return append(f, allow)
}

// limits of this process, and of what it starts. A time limit ends what they
// don't.
func limits(seconds uint64) error {
	for resource, most := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_CPU: seconds, unix.RLIMIT_FSIZE: room} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("setrlimit: %w", err)
		}
	}
	return nil
}

// fewProcesses limits what was started, while it is stopped: the helper's own
// threads count among a user's processes. It is not always permitted, and ends
// a flood of processes sooner than the time limit, no more.
func fewProcesses(pid int) {
	_ = unix.Prlimit(pid, unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 256, Max: 256}, nil)
}
