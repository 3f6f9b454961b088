package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got, err := Parse(strings.Split(`driver "580.126.20" "13.580"
count 8
gpu 3 "GPU-1" "00000000:86:00.0" 4 "NVIDIA \"H100\"" 1 0
mig 1 9 0 "1g.10gb" "MIG-1"
v f.82 0 41.5
v temp 15 0
xid "00000000:86:00.0" 79
first
end 0`, "\n"))
	want := Answer{
		Driver: "580.126.20", NVML: "13.580", Count: 8, First: true,
		GPU: GPU{Index: 3, UUID: "GPU-1", BusID: "00000000:86:00.0", Minor: 4, Name: `NVIDIA "H100"`, MIG: true,
			Instances: []Instance{{Index: 1, GI: 9, Profile: "1g.10gb", UUID: "MIG-1"}}},
		Values: []Value{{"f.82", 0, 41.5}, {"temp", 15, 0}}, XIDs: []XID{{"00000000:86:00.0", 79}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"", "v temp 0 1", "end 0\nend 0", "end", "end x", "v temp 0\nend 0", "who 1\nend 0",
		`gpu "` + "\nend 0", "count 1e9\nend 0"} {
		if _, err := Parse(strings.Split(bad, "\n")); err == nil {
			t.Errorf("%q is taken for an answer", bad)
		}
	}
}

// FuzzAnswer: whatever a helper writes, an answer has no more values than lines.
func FuzzAnswer(f *testing.F) {
	f.Add("driver \"580\" \"13\"\ncount 8\nend 0")
	f.Add("gpu 0 \"a\" \"b\" 0 \"c\" 0 1\nmig 0 1 2 \"d\" \"e\"\nend 0")
	f.Add("v f.82 0 NaN\nxid \"0:0:0\" 79\nfirst\nerror \"x\"\nend -2")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		a, err := Parse(lines)
		if err == nil && len(a.Values)+len(a.XIDs)+len(a.GPU.Instances) >= len(lines) {
			t.Errorf("%q: %+v", text, a)
		}
	})
}
