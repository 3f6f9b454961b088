package series

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/collect/device"
)

// pageOf counts the samples of a recorded page by family; a histogram is one.
func pageOf(t *testing.T, file string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if name, _, _ := strings.Cut(lines.Text(), " "); name != "" && name != "#" {
			name, _, _ = strings.Cut(name, "{")
			counts[name]++
		}
	}
	return counts
}

func countsOf(families []Family) map[string]int {
	counts := map[string]int{}
	for _, f := range families {
		counts[f.Name] += f.Series
	}
	return counts
}

// TestPagesOfInstances holds the expected series of AWS' own devices against the pages that the
// collectors make of imitated instances, family by family.
func TestPagesOfInstances(t *testing.T) {
	for name, m := range map[string]Machine{
		"p5.48xlarge":     {EFA: true, Nitro4: true, InstanceStore: true, Volumes: 1, NFSMounts: 2, NFSServers: 2, LustreMounts: 1},
		"p4d.24xlarge":    {EFA: true, InstanceStore: true, Volumes: 1, NFSMounts: 2, NFSServers: 2},
		"hpc7a.96xlarge":  {EFA: true, Nitro4: true, Volumes: 1, LustreMounts: 1},
		"c5.2xlarge-head": {Volumes: 2},
	} {
		page := pageOf(t, filepath.Join("../../collect/device/testdata", name+".golden"))
		var of []Family
		for _, c := range device.Collectors() {
			for _, f := range c.Families {
				if n := copies(c.Name, f, m, Expected); n > 0 {
					of = append(of, Family{NodePage, f.Name, n})
				}
			}
		}
		here := countsOf(of)
		for family, n := range page {
			if here[family] != n {
				t.Errorf("%s: %s has %d series here, %d on the page", name, family, here[family], n)
			}
		}
		for family, n := range here {
			if page[family] == 0 {
				t.Errorf("%s: %s has %d series here and none on the page", name, family, n)
			}
		}
	}
}

// TestMachineOf: what the instance type alone says is what the imitated instances have.
func TestMachineOf(t *testing.T) {
	for name, want := range map[string]Machine{
		"p5.48xlarge":    {GPUs: 8, Profiles: true, NVLink: true, Nitro4: true, InstanceStore: true},
		"p5.4xlarge":     {GPUs: 1, Profiles: true, Nitro4: true, InstanceStore: true},
		"p4d.24xlarge":   {GPUs: 8, NVLink: true, InstanceStore: true},
		"g5.xlarge":      {GPUs: 1, InstanceStore: true},
		"hpc7a.96xlarge": {Nitro4: true},
		"c5.2xlarge":     {},
		"c5d.2xlarge":    {InstanceStore: true},
		"i4i.metal":      {InstanceStore: true, Metal: true},
		"m7i-flex.large": {Nitro4: true},
	} {
		got := MachineOf(name, want.GPUs, false)
		want.Volumes, want.NFSMounts, want.NFSServers = 1, 3, 1
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// TestPagesOfSlurm holds a cluster's series against the pages of recorded clusters: no family may
// have more series than the high estimate, or fewer than the low one, and none may be missing.
func TestPagesOfSlurm(t *testing.T) {
	for _, version := range []string{"22.05.8", "23.11.10", "24.05.8", "24.11.6", "25.11.7"} {
		page := pageOf(t, filepath.Join("../../collect/slurmstat/testdata", version, "page.metrics"))
		c := Cluster{Nodes: page["slurm_node_status"], GPUNodes: page["slurm_node_gres_total"],
			Partitions: page["slurm_partition_cpus"] / resourceStates, Users: page["slurm_user_jobs_running"],
			GPUPartitions: page["slurm_partition_gres"] / resourceStates, Accounts: page["slurm_account_jobs_running"]}
		low, high := countsOf(OfCluster(c, Low)), countsOf(OfCluster(c, High))
		for family, n := range page {
			switch {
			case strings.Contains(family, "_drain_"), family == "slurm_partition_nodes", family == "slurm_queue_pending_reason":
				continue // the recorded clusters have a node in each state there is
			case n < low[family]*7/10 || n > high[family]:
				t.Errorf("%s: %s has %d series on the page, from %d to %d here", version, family, n, low[family], high[family])
			}
		}
	}
}

// TestEachGPU: docs/gpu.md promises 24 series for a GPU at most.
func TestEachGPU(t *testing.T) {
	for _, l := range Levels() {
		one, two := MachineOf("p5.48xlarge", 1, false), MachineOf("p5.48xlarge", 2, false)
		one.NVLink = true
		if n := Sum(OfNode(two, l)) - Sum(OfNode(one, l)); n < 15 || n > 24 {
			t.Errorf("%s: %d series for one more GPU", l, n)
		}
	}
}

// TestLevelsAscend: the low estimate of anything is not above the expected one, nor that above the
// high one.
func TestLevelsAscend(t *testing.T) {
	for _, name := range []string{"p5.48xlarge", "p4d.24xlarge", "g5.xlarge", "c7i.large", "hpc7a.96xlarge"} {
		gpus := map[string]int{"p5.48xlarge": 8, "p4d.24xlarge": 8, "g5.xlarge": 1}[name]
		m := MachineOf(name, gpus, gpus > 1)
		low, expected, high := Sum(OfNode(m, Low)), Sum(OfNode(m, Expected)), Sum(OfNode(m, High))
		if low > expected || expected > high || low < 50 {
			t.Errorf("%s: %d, %d, %d", name, low, expected, high)
		}
	}
	c := Cluster{Nodes: 10, GPUNodes: 5, GPUs: 40, Partitions: 2, GPUPartitions: 1, Users: 3, Accounts: 2, Jobs: 10}
	if low, expected, high := Sum(OfCluster(c, Low)), Sum(OfCluster(c, Expected)), Sum(OfCluster(c, High)); low > expected || expected > high {
		t.Errorf("%d, %d, %d", low, expected, high)
	}
}
