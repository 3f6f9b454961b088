package headnode

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/parascope/parascope/internal/hint"
)

func TestReadFacts(t *testing.T) {
	// As on the head node of a cluster of ParallelCluster 3.12.
	const cfnconfig = "stack_name=hpc-prod\ncfn_postinstall_args=()\ncfn_region=us-east-1\ncfn_node_type=HeadNode\n"
	for name, c := range map[string]struct {
		files map[string]string
		host  string
		want  Facts
		code  hint.Code
	}{
		"cfnconfig": {map[string]string{cfnconfigFile: cfnconfig, dnaFile: `{"cluster": {"cluster_name": "other", "region": "x"}}`},
			"ip-10-0-0-10.ec2.internal", Facts{Cluster: "hpc-prod", Region: "us-east-1", Host: "ip-10-0-0-10"}, 0},
		"dna.json": {map[string]string{dnaFile: `{"cluster": {"stack_name": "hpc", "region": "eu-west-1"}}`}, "head",
			Facts{Cluster: "hpc", Region: "eu-west-1", Host: "head"}, 0},
		"an environment file": {map[string]string{cfnconfigFile: cfnconfig, "env": "export CLUSTER_NAME='mine'\nexport AWS_REGION='us-west-2'\n"},
			"head", Facts{Cluster: "mine", Region: "us-west-2", Host: "head"}, 0},
		"GPUs": {map[string]string{cfnconfigFile: cfnconfig, "sys/bus/pci/devices/0000:00:1e.0/vendor": "0x10de\n"}, "head",
			Facts{Cluster: "hpc-prod", Region: "us-east-1", Host: "head", GPUs: true}, 0},
		"nothing":       {nil, "head", Facts{}, hint.NotFound},
		"no cluster":    {map[string]string{cfnconfigFile: "stack_name=a b\ncfn_region=us-east-1\n"}, "head", Facts{}, hint.BadInput},
		"no region":     {map[string]string{cfnconfigFile: "stack_name=a\ncfn_region={Ref}\n"}, "head", Facts{}, hint.BadInput},
		"no host":       {map[string]string{cfnconfigFile: cfnconfig}, "a b", Facts{}, hint.BadInput},
		"half of dna":   {map[string]string{dnaFile: `{"cluster": `}, "head", Facts{}, hint.BadInput},
		"no such file":  {map[string]string{"env": "echo hi\n"}, "head", Facts{}, hint.BadInput},
		"dna is absent": {map[string]string{cfnconfigFile: cfnconfig}, "head", Facts{Cluster: "hpc-prod", Region: "us-east-1", Host: "head"}, 0},
	} {
		root, environmentFile := t.TempDir(), ""
		for file, text := range c.files {
			path := filepath.Join(root, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if file == "env" {
				environmentFile = path
			}
		}
		got, err := ReadFacts(root, c.host, environmentFile)
		if hint.CodeOf(err) != c.code || err == nil && got != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
