package main

import (
	"archive/zip"
	"encoding/json"
	"io"
	"slices"
	"strings"
)

// pool is what pep600_compliance saw in one image: the version nodes by
// prefix, of all libraries of one list together.
type pool struct {
	system, machine, glibc string
	nodes                  []string // with their prefix
}

// poolSystems are the systems by the names of that project's images.
var poolSystems = map[string]string{
	"centos-stream9": "centos-stream:9", "centos-stream10": "centos-stream:10",
	"rhubi-7": "rhel:7", "rhubi-8": "rhel:8", "rhubi-9": "rhel:9", "rhubi-10": "rhel:10",
	"almalinux-8": "almalinux:8", "almalinux-9": "almalinux:9", "almalinux-10": "almalinux:10",
	"rockylinux-8": "rocky:8", "rockylinux-9": "rocky:9", "rockylinux-10": "rocky:10",
	"oraclelinux-6": "ol:6", "oraclelinux-7": "ol:7", "oraclelinux-8": "ol:8", "oraclelinux-9": "ol:9", "oraclelinux-10": "ol:10",
	"amazonlinux-2": "amzn:2", "amazonlinux-2023": "amzn:2023",
	"fedora-39": "fedora:39", "fedora-40": "fedora:40", "fedora-41": "fedora:41", "fedora-42": "fedora:42", "fedora-43": "fedora:43", "fedora-44": "fedora:44",
	"debian-8": "debian:8", "debian-9": "debian:9", "debian-10": "debian:10", "debian-11": "debian:11", "debian-12": "debian:12", "debian-13": "debian:13", "debian-unstable": "debian:sid",
	"ubuntu-18.04": "ubuntu:18.04", "ubuntu-20.04": "ubuntu:20.04", "ubuntu-22.04": "ubuntu:22.04", "ubuntu-23.10": "ubuntu:23.10", "ubuntu-24.04": "ubuntu:24.04",
	"ubuntu-24.10": "ubuntu:24.10", "ubuntu-25.04": "ubuntu:25.04", "ubuntu-25.10": "ubuntu:25.10", "ubuntu-26.04": "ubuntu:26.04",
	"opensuse-15.5": "opensuse-leap:15.5", "opensuse-15.6": "opensuse-leap:15.6", "opensuse-16.0": "opensuse-leap:16.0",
	"photon-4.0": "photon:4.0", "photon-5.0": "photon:5.0", "anolisos-8": "anolis:8", "anolisos-23": "anolis:23",
	"openeuler-24.03": "openEuler:24.03", "opencloudos-8": "opencloudos:8", "opencloudos-9": "opencloudos:9", "opensuse-tumbleweed": "opensuse-tumbleweed:rolling", "archlinux-latest": "arch:rolling",
}

var poolMachine = map[string]string{
	"x86_64": "x86-64", "i686": "i386", "aarch64": "aarch64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64", "loongarch64": "loongarch64",
}

// readPools reads cache/ARCH/IMAGE.json of the archive.
func readPools(file string) (pools []pool, libz map[string][]string, err error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, nil, err
	}
	defer z.Close()
	libz = map[string][]string{}
	for _, f := range z.File {
		part := strings.Split(strings.TrimSuffix(f.Name, ".json"), "/")
		if len(part) != 3 || poolSystems[part[2]] == "" || poolMachine[part[1]] == "" {
			continue
		}
		p := pool{system: poolSystems[part[2]], machine: poolMachine[part[1]]}
		symbols, err := readPool(f, &p)
		if err != nil {
			return nil, nil, err
		}
		pools = append(pools, p)
		if symbols != nil {
			libz[p.system+"\t"+p.machine] = symbols
		}
	}
	return pools, libz, nil
}

func readPool(f *zip.File, p *pool) (libz []string, err error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Glibc   string              `json:"glibc_version"`
		Symbols map[string][]string `json:"symbols"`
		Libz    []string            `json:"libz.so.1"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	p.glibc = doc.Glibc
	for prefix, list := range doc.Symbols {
		for _, v := range list {
			p.nodes = append(p.nodes, prefix+"_"+v)
		}
	}
	for _, s := range doc.Libz {
		libz = append(libz, strings.ReplaceAll(s, "@@", "@"))
	}
	slices.Sort(libz)
	return slices.Compact(libz), nil
}
