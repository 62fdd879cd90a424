package root

import (
	"slices"
	"testing"
)

// TestDistribution: os-release(5) with the shell's quoting, at either place,
// and the files of systems that are older than it.
func TestDistribution(t *testing.T) {
	for name, c := range map[string]struct {
		files []entry
		want  Distribution
	}{
		"quotes": {[]entry{{name: "etc/os-release", body: "# a comment\nID=\"rocky\"\nVERSION_ID='9.4'\nPRETTY_NAME=\"a \\\"b\\\" \\$c\"\nID_LIKE=\"rhel centos\"\r\nnoise\n =x\nVERSION_CODENAME=\n"}},
			Distribution{ID: "rocky", VersionID: "9.4", PrettyName: `a "b" $c`, IDLike: "rhel centos"}},
		"a link as most have it": {[]entry{{name: "usr/lib/os-release", body: "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm"}, {name: "etc/os-release", typ: '2', link: "../usr/lib/os-release"}},
			Distribution{ID: "debian", VersionID: "12", Codename: "bookworm"}},
		"a dangling link": {[]entry{{name: "usr/lib/os-release", body: "ID=x"}, {name: "etc/os-release", typ: '2', link: "nowhere"}}, Distribution{ID: "x"}},
		"CentOS 6":        {[]entry{{name: "etc/centos-release", body: "CentOS release 6.10 (Final)\n"}, {name: "etc/redhat-release", typ: '2', link: "centos-release"}}, Distribution{ID: "centos", VersionID: "6.10", PrettyName: "CentOS release 6.10 (Final)"}},
		"RHEL 6":          {[]entry{{name: "etc/redhat-release", body: "Red Hat Enterprise Linux Server release 6.9 (Santiago)\n"}}, Distribution{ID: "rhel", VersionID: "6.9", PrettyName: "Red Hat Enterprise Linux Server release 6.9 (Santiago)"}},
		"Debian unstable": {[]entry{{name: "etc/debian_version", body: "forky/sid\n"}}, Distribution{ID: "debian", PrettyName: "forky/sid"}},
		"nothing":         {[]entry{{name: "bin/sh"}}, Distribution{}},
	} {
		if got := mustOpen(t, tarOf(c.files)).Distribution(); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestUser: names and numbers by the tree's own files, as container runtimes
// read an image's user.
func TestUser(t *testing.T) {
	r := mustOpen(t, tarOf([]entry{
		{name: "etc/passwd", body: "root:x:0:0::/:/bin/sh\nbroken\napp:x:1000:1001::/:/bin/sh\nodd:x:7:none::/:\n"},
		{name: "etc/group", body: "root:x:0:\nstaff:x:50:app,other\ndisk:x:6:other,app\nnone:x:y:app\n"}}))
	for spec, want := range map[string]Cred{
		"":           {},
		"root":       {},
		"app":        {UID: 1000, GID: 1001, Groups: []uint32{50, 6}},
		"1000":       {UID: 1000, GID: 1001, Groups: []uint32{50, 6}},
		"app:staff":  {UID: 1000, GID: 50},
		"app:7":      {UID: 1000, GID: 7},
		"65532":      {UID: 65532},
		"65532:9":    {UID: 65532, GID: 9},
		"4294967295": {UID: 4294967295},
	} {
		got, err := r.User(spec)
		if err != nil || got.UID != want.UID || got.GID != want.GID || !slices.Equal(got.Groups, want.Groups) {
			t.Errorf("%q: %+v %v", spec, got, err)
		}
	}
	for _, spec := range []string{"nobody", "app:nogroup", "odd", "-1", "4294967296"} {
		if c, err := r.User(spec); err == nil {
			t.Errorf("%q: %+v", spec, c)
		}
	}
}
