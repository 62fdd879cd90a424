package pkgindex

import (
	"strings"

	"github.com/willrun/willrun/root"
)

// releasePackages name a distribution, for its os-release is no metadata.
var releasePackages = []struct{ name, id, pretty, like string }{
	{"centos-stream-release", "centos", "CentOS Stream", "rhel fedora"},
	{"centos-linux-release", "centos", "CentOS Linux", "rhel fedora"},
	{"centos-release", "centos", "CentOS Linux", "rhel fedora"},
	{"rocky-release", "rocky", "Rocky Linux", "rhel centos fedora"},
	{"almalinux-release", "almalinux", "AlmaLinux", "rhel centos fedora"},
	{"oraclelinux-release", "ol", "Oracle Linux Server", "fedora"},
	{"redhat-release", "rhel", "Red Hat Enterprise Linux", "fedora"},
	{"redhat-release-server", "rhel", "Red Hat Enterprise Linux Server", "fedora"},
	{"fedora-release-common", "fedora", "Fedora Linux", ""},
	{"fedora-release", "fedora", "Fedora Linux", ""},
	{"system-release", "amzn", "Amazon Linux", "centos rhel fedora"},
	{"mariner-release", "mariner", "CBL-Mariner/Linux", ""},
	{"azurelinux-release", "azurelinux", "Microsoft Azure Linux", ""},
	{"photon-release", "photon", "VMware Photon OS", ""},
	{"sles-release", "sles", "SUSE Linux Enterprise Server", "suse"},
	{"openSUSE-release", "opensuse-leap", "openSUSE Leap", "suse opensuse"},
	{"Leap-release", "opensuse-leap", "openSUSE Leap", "suse opensuse"},
	{"openEuler-release", "openEuler", "openEuler", ""},
	{"anolis-release", "anolis", "Anolis OS", "rhel fedora centos"},
	{"opencloudos-release", "opencloudos", "OpenCloudOS", ""},
}

// distributionOf names the distribution by the package that makes it one.
func distributionOf(packages []Package) root.Distribution {
	best := len(releasePackages)
	var d root.Distribution
	for i := range packages {
		p := &packages[i]
		for j, r := range releasePackages[:best] {
			if p.Name == r.name {
				best = j
				v := releaseVersion(p)
				if r.name == "centos-stream-release" {
					v, _, _ = strings.Cut(v, ".") // as its os-release has it
				}
				d = root.Distribution{ID: r.id, VersionID: v, PrettyName: r.pretty + " " + v, IDLike: r.like}
			}
		}
	}
	return d
}

// releaseVersion: EL 5 to 7 keep the minor version in the package's release
// ("7-9.2009.1.el7.centos", "6-10.el6.centos.12.3").
func releaseVersion(p *Package) string {
	_, version, release := splitEVR(p.Version)
	if !strings.Contains(version, ".") && strings.Contains(release, ".el") && strings.HasPrefix(p.Name, "centos-release") {
		if minor, _, ok := strings.Cut(release, "."); ok && len(minor) <= 2 {
			return version + "." + minor
		}
	}
	return version
}

// managerOf is the command that installs packages of an RPM distribution.
func managerOf(d root.Distribution) string {
	major := d.VersionID
	major, _, _ = strings.Cut(major, ".")
	switch {
	case strings.Contains(d.IDLike, "suse"):
		return "zypper"
	case d.ID == "mariner", d.ID == "azurelinux", d.ID == "photon":
		return "tdnf"
	case old(d) || d.ID == "amzn" && major == "2":
		return "yum"
	}
	return "dnf"
}

// old: Enterprise Linux up to 7, which has yum alone.
func old(d root.Distribution) bool {
	major, _, _ := strings.Cut(d.VersionID, ".")
	return enterprise(d) && len(major) == 1 && major < "8"
}

func enterprise(d root.Distribution) bool {
	switch d.ID {
	case "rhel", "centos", "rocky", "almalinux", "ol":
		return true
	}
	return false
}

// merged: systems whose /bin, /lib, /sbin and /lib64 are links into /usr: EL
// from 7 on, Fedora from 17, Debian from 12, Ubuntu from 20.04, SUSE from 16.
// Debian 10 and 11 may be either (https://wiki.debian.org/UsrMerge: their
// installer merges, upgrades and containers need not): what runs on the other
// kind, which has fewer names, runs on both.
func merged(d root.Distribution) bool {
	v := d.VersionID
	switch {
	case enterprise(d):
		return root.CompareVersions(v, "7") >= 0
	case d.ID == "fedora":
		return root.CompareVersions(v, "17") >= 0
	case d.ID == "debian":
		return root.CompareVersions(v, "12") >= 0
	case d.ID == "ubuntu":
		return root.CompareVersions(v, "20.04") >= 0
	case d.ID == "sles", d.ID == "opensuse-leap":
		return root.CompareVersions(v, "16") >= 0
	case d.ID == "amzn":
		return true
	}
	return false
}

// isaOf is the CPU level that a release's loader demands, as bits of
// GNU_PROPERTY_X86_ISA_1. EL 9 is built for x86-64-v2 and EL 10 for v3
// (https://developers.redhat.com/blog/2021/01/05/building-red-hat-enterprise-linux-for-the-x86-64-microarchitecture-levels);
// Leap and SLES 16 for v2.
func isaOf(d root.Distribution) uint32 {
	major, _, _ := strings.Cut(d.VersionID, ".")
	switch {
	case enterprise(d) && major == "9", d.ID == "amzn" && major == "2023", strings.Contains(d.IDLike, "suse") && major == "16":
		return 1 | 2
	case enterprise(d) && major == "10" && d.ID != "almalinux":
		return 1 | 2 | 4
	}
	return 0
}
