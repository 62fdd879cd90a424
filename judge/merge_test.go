package judge

import (
	"reflect"
	"testing"

	"github.com/willrun/willrun/diagnosis"
)

// A finding that holds on all levels has none; any other names those on which
// it holds.
func TestMergeNamesLevels(t *testing.T) {
	all := diagnosis.Finding{Cause: diagnosis.DataMissing, Severity: diagnosis.Risk}
	some := diagnosis.Finding{Cause: diagnosis.CPUTooOld, Severity: diagnosis.Blocks}
	got := merge([]levelled{{"x86-64-v1", []diagnosis.Finding{some}}, {"x86-64-v2", []diagnosis.Finding{some, all}}, {"x86-64-v3", []diagnosis.Finding{all}}})
	if len(got) != 2 || !reflect.DeepEqual(got[0].Levels, []string{"x86-64-v1", "x86-64-v2"}) || !reflect.DeepEqual(got[1].Levels, []string{"x86-64-v2", "x86-64-v3"}) {
		t.Errorf("%+v", got)
	}
	one := merge([]levelled{{"x86-64-v1", []diagnosis.Finding{some}}, {"x86-64-v2", []diagnosis.Finding{some}}})
	if len(one) != 1 || one[0].Levels != nil {
		t.Errorf("%+v", one)
	}
}

func TestVerdictIsNeverGuessed(t *testing.T) {
	blocks := []diagnosis.Finding{{Severity: diagnosis.Blocks}}
	later := []diagnosis.Finding{{Severity: diagnosis.Later}}
	for _, c := range []struct {
		findings []diagnosis.Finding
		unknown  []string
		want     diagnosis.Verdict
	}{
		{nil, nil, diagnosis.Runs}, {later, nil, diagnosis.Runs}, {nil, []string{"x"}, diagnosis.Unknown},
		{later, []string{"x"}, diagnosis.Unknown}, {blocks, []string{"x"}, diagnosis.Fails}, {blocks, nil, diagnosis.Fails},
	} {
		if got := verdict(c.findings, c.unknown); got != c.want {
			t.Errorf("%v %v: %s, want %s", c.findings, c.unknown, got, c.want)
		}
	}
}

func TestCircumstancesAreParsed(t *testing.T) {
	if k, err := ParseKernel("4.18.0-553.el8_10.x86_64"); err != nil || *k != [3]uint32{4, 18, 0} {
		t.Errorf("%v %v", k, err)
	}
	for _, bad := range []string{"4", "x.y", "4.x"} {
		if _, err := ParseKernel(bad); err == nil {
			t.Errorf("kernel %q is taken", bad)
		}
	}
	if u, err := ParseUser("1000:100"); err != nil || u.UID != 1000 || u.GID != 100 {
		t.Errorf("%v %v", u, err)
	}
	if m, err := ParsePlatform("linux/arm/v7"); err != nil || m != "arm" {
		t.Errorf("%v %v", m, err)
	}
}
