package slurm

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/testbed/config"
)

const shown = `NodeName=queue1-dy-cr1-1 CPUTot=2 NodeAddr=10.0.0.3 State=MIXED+CLOUD+POWERING_UP Partitions=queue1
NodeName=a-b-st-c-d-12 NodeAddr=a-b-st-c-d-12 State=DOWN*+CLOUD+POWERED_DOWN Partitions=a-b,all Reason=Node failed [root@2026]
`

func TestNodes(t *testing.T) {
	want := []Node{
		{Name: "queue1-dy-cr1-1", Address: "10.0.0.3", States: []string{"MIXED", "CLOUD", "POWERING_UP"}, Partitions: []string{"queue1"}},
		{Name: "a-b-st-c-d-12", Address: "a-b-st-c-d-12", States: []string{"NOT_RESPONDING", "DOWN", "CLOUD", "POWERED_DOWN"},
			Partitions: []string{"a-b", "all"}, Reason: "Node failed [root@2026]"},
	}
	got := parseNodes(shown)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("read\n%+v\nwant\n%+v", got, want)
	}
	if n := got[1]; n.Queue() != "a-b" || !n.Static() || n.ComputeResource() != "c-d" || n.HasAddress() || !got[0].HasAddress() {
		t.Errorf("%s: queue %s, static %t, compute resource %s", n.Name, n.Queue(), n.Static(), n.ComputeResource())
	}
}

func FuzzParseNodes(f *testing.F) {
	f.Add(shown)
	f.Add("NodeName= Reason=\n")
	f.Fuzz(func(t *testing.T, out string) {
		for _, n := range parseNodes(out) {
			if n.Name == "" || n.Address == "" {
				t.Errorf("a node without a name or an address: %+v", n)
			}
		}
	})
}

// TestWrite writes the files of a cluster with static, dynamic and GPU nodes.
func TestWrite(t *testing.T) {
	c, err := config.Parse([]byte(`
HeadNode: {InstanceType: t3.medium}
Scheduling:
  Scheduler: slurm
  SlurmSettings: {ScaledownIdletime: 5, Database: {Uri: "db:3306"}, CustomSlurmSettings: [{DefMemPerCPU: 100}]}
  SlurmQueues:
    - Name: gpu
      ComputeResources:
        - {Name: p5, InstanceType: p5.48xlarge, MinCount: 1, MaxCount: 3, Efa: {Enabled: true}}
`))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := Write(dir, "hpc", c, Head{"ip-10-0-0-2", "10.0.0.2"}, Real()); err != nil {
		t.Fatal(err)
	}
	for file, lines := range map[string][]string{
		"slurm.conf": {"ClusterName=hpc", "PrivateData=cloud", "SuspendTimeout=120", "include slurm_parallelcluster.conf"},
		"slurm_parallelcluster.conf": {"SlurmctldHost=ip-10-0-0-2(10.0.0.2)", "SuspendTime=300", "ResumeTimeout=1800",
			"SuspendExcNodes=gpu-st-p5-1", "AccountingStorageType=accounting_storage/slurmdbd", "AccountingStorageHost=ip-10-0-0-2"},
		"pcluster/slurm_parallelcluster_gpu_partition.conf": {
			"NodeName=gpu-st-p5-[1-1] CPUs=192 RealMemory=1992294 State=CLOUD Feature=static,p5.48xlarge,p5,efa,gpu Weight=1 Gres=gpu:h100:8",
			"NodeName=gpu-dy-p5-[1-2] CPUs=192 RealMemory=1992294 State=CLOUD Feature=dynamic,p5.48xlarge,p5,efa,gpu Weight=1000 Gres=gpu:h100:8",
			"NodeSet=gpu_nodes Nodes=gpu-st-p5-[1-1],gpu-dy-p5-[1-2]",
			"PartitionName=gpu Nodes=gpu_nodes MaxTime=INFINITE State=UP Default=YES",
		},
		"pcluster/slurm_parallelcluster_gpu_gres.conf":           {"NodeName=gpu-dy-p5-[1-2] Name=gpu Type=h100 File=/dev/nvidia[0-7]"},
		"pcluster/custom_slurm_settings_include_file_slurm.conf": {"DefMemPerCPU=100"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if !strings.Contains("\n"+string(text), "\n"+line+"\n") {
				t.Errorf("%s has no line %q:\n%s", file, line, text)
			}
		}
	}
	if p := Real(); p.ManagementInterval != time.Minute {
		t.Errorf("clustermgtd looks every %s", p.ManagementInterval)
	}
}
