package census

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/hint"
)

const whole = `Region: us-west-2
Image: {Os: ubuntu2204}
HeadNode: {InstanceType: m7i.xlarge}
LoginNodes:
  Pools:
    - {Name: login, InstanceType: c7i.large, Count: 2}
Scheduling:
  Scheduler: slurm
  SlurmQueues:
    - Name: gpu
      ComputeResources:
        - {Name: h100, InstanceType: p5.48xlarge, MinCount: 2, MaxCount: 8, Efa: {Enabled: true}}
    - Name: cpu
      ComputeResources:
        - {Name: any, Instances: [{InstanceType: c7i.2xlarge}, {InstanceType: c6i.2xlarge}]}
SharedStorage:
  - {Name: fsx, StorageType: FsxLustre, MountDir: /fsx}
  - {Name: home, StorageType: Efs, MountDir: /home}
`

func TestRead(t *testing.T) {
	want := Census{Region: "us-west-2", Queues: 2, LustreMounts: 1, Groups: []Group{
		{Kind: Head, Name: "head node", InstanceType: "m7i.xlarge", Min: 1, Max: 1},
		{Kind: Login, Name: "login", InstanceType: "c7i.large", Min: 2, Max: 2},
		{Kind: Compute, Name: "gpu/h100", InstanceType: "p5.48xlarge", Min: 2, Max: 8, EFA: true},
		{Kind: Compute, Name: "cpu/any", InstanceType: "c7i.2xlarge", Max: 10},
	}}
	template := "Resources:\n  Cluster:\n    Type: Custom::PclusterCluster\n    Properties:\n      ClusterConfiguration:\n        " +
		strings.ReplaceAll(strings.TrimSpace(whole), "\n", "\n        ") + "\n"
	for what, text := range map[string]string{"configuration": whole, "template": template} {
		got, err := Read("c.yaml", strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

func TestBadConfigurations(t *testing.T) {
	for text, says := range map[string]string{
		"":                              "has no HeadNode",
		"a: [":                          "cannot be read",
		"HeadNode: 5":                   "line 1",
		"\x00":                          "cannot be read",
		"Resources: {A: {}}":            "has no HeadNode",
		strings.Repeat("#", maxBytes+1): "more than",
		strings.Replace(whole, "p5.48xlarge", "!Ref Type", 1):     "gpu/h100 has no readable instance type",
		strings.Replace(whole, "MinCount: 2", "MinCount: -2", 1):  "line 12: MinCount of gpu/h100",
		strings.Replace(whole, "MaxCount: 8", "MaxCount: 1e9", 1): "line 12: MaxCount",
		"a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n" +
			"HeadNode: &h {InstanceType: m5.large}\nScheduling: {SlurmQueues: [{Name: *c}]}": "cannot be read",
	} {
		_, err := Read("c.yaml", strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), says) || hint.CodeOf(err) != hint.BadInput && !strings.Contains(err.Error(), "\n") ||
			hint.Next(err) == "" && !strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

// FuzzRead: whatever a file holds, reading it ends without a panic, and what is counted is within
// bounds and can be shown on a terminal.
func FuzzRead(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("HeadNode: {InstanceType: \x1b[31m}\n"))
	seeds, _ := filepath.Glob("../../cluster/testdata/attach/*.yaml") // none is fine
	for _, s := range seeds {
		if text, err := os.ReadFile(s); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Read("c.yaml", strings.NewReader(string(text)))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\x1b\x00") {
				t.Errorf("%q", err)
			}
			return
		}
		for _, g := range c.Groups {
			if g.Min < 0 || g.Max < g.Min || g.Max > maxNodes || !IsInstanceType(g.InstanceType) || strings.ContainsAny(g.Name, "\x1b\n") {
				t.Errorf("%+v", g)
			}
		}
	})
}
