package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/cluster/lookup"
)

// TestFill puts instances and series together: each node is one line, with the reason why it is
// not scraped.
func TestFill(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	m := measured{last: now.Add(-10 * time.Second), age: 20 * time.Second, up: map[string]target{}, gpus: map[string]bool{},
		state: map[string]string{"gpu-dy-p5-1": "alloc", "gpu-dy-p5-2": "idle", "gpu-dy-p5-3": "powering_up", "gpu-dy-p5-4": "idle",
			"gpu-dy-p5-5": "powering_down"},
		states:    map[string]int{"alloc": 1},
		instances: map[string]string{"gpu-dy-p5-1": "i-1", "gpu-dy-p5-2": "i-2"}, installed: map[string]string{}}
	sample := func(v float64, node, kind, job string) {
		m.addTarget(model.Metric{"node": model.LabelValue(node), "node_type": model.LabelValue(kind), "job": model.LabelValue(job),
			"queue": "gpu"}, v)
	}
	sample(1, "gpu-dy-p5-1", "compute", "node")
	sample(1, "gpu-dy-p5-1", "compute", "dcgm")
	sample(1, "gpu-dy-p5-2", "compute", "dcgm")
	sample(0, "gpu-dy-p5-2", "compute", "node")
	sample(1, "ip-10-0-0-9", "head", "slurm")
	sample(1, "ip-10-0-0-9", "head", "node")
	sample(0, "a-target-that-is-no-node", "", "site")
	s := Status{Cluster: lookup.Cluster{Name: "hpc", Status: "CREATE_COMPLETE"}, Unknown: map[string]string{}}
	compute := func(id string, age time.Duration) instance {
		return instance{id: id, kind: "compute", queue: "gpu", launched: now.Add(-age)}
	}
	s.fill([]instance{
		{id: "i-head", kind: "head", state: "running", host: "ip-10-0-0-9"}, compute("i-1", time.Hour), compute("i-2", time.Hour),
		compute("i-boots", 3*time.Minute), compute("i-lost", 2*time.Hour),
		{id: "i-login", kind: "login", state: "running", host: "ip-10-0-0-10"},
	}, m, now)
	var got []string
	for _, n := range s.Nodes {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s gpus=%t scraped=%t %s", n.Name, n.Type, n.State, n.Instance, n.GPUs,
			n.Scraped, n.Why)))
	}
	want := []string{
		"login running i-login gpus=false scraped=false the head does not scrape the node; " +
			"if the login node started after a cluster update, its OnNodeUpdated script did not run",
		"compute  i-boots gpus=false scraped=false the node is booting: launched 3 min ago, not yet registered with Slurm",
		"compute  i-lost gpus=false scraped=false the node is not registered with Slurm, and ParallelCluster will terminate it; " +
			"see the console output of its instance",
		"gpu-dy-p5-2 compute idle i-2 gpus=true scraped=false the node does not answer (job node); on the node, run 'systemctl status " +
			"parascope-node'",
		"gpu-dy-p5-3 compute powering_up  gpus=false scraped=false the node is powering up",
		"gpu-dy-p5-4 compute idle  gpus=false scraped=false the node is registered with Slurm; the head scrapes the node within 15 s",
		"gpu-dy-p5-5 compute powering_down  gpus=false scraped=false the node is powering down",
		"ip-10-0-0-9 head running i-head gpus=false scraped=true",
		"gpu-dy-p5-1 compute alloc i-1 gpus=true scraped=true",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("nodes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestNext: the last lines are what a person types next.
func TestNext(t *testing.T) {
	arrived := time.Now()
	ready := lookup.Cluster{Name: "hpc", Exists: true, Status: "UPDATE_COMPLETE"}
	scraped := []Node{{Type: "compute", Scraped: true}}
	for _, c := range []struct {
		s    Status
		want string
	}{
		{Status{Cluster: lookup.Cluster{Name: "hpc", Status: "CREATE_IN_PROGRESS"}}, "pcluster describe-cluster --cluster-name hpc --region r"},
		{Status{Cluster: ready}, "pcluster ssh --cluster-name hpc --region r"},
		{Status{Cluster: ready, LastSample: &arrived}, "pcluster ssh --cluster-name hpc --region r"},
		{Status{Cluster: ready, LastSample: &arrived, Nodes: []Node{{Type: "compute", State: "powering_up"}}}, "parascope cluster status hpc"},
		{Status{Cluster: ready, LastSample: &arrived, Nodes: scraped}, `parascope query 'up{cluster="hpc"}'`},
		{Status{Cluster: ready, Unknown: map[string]string{"metrics": "denied"}}, "aws sts get-caller-identity"},
	} {
		if got := next(&c.s, "r"); got[0] != c.want {
			t.Errorf("next: %q, want %q first", got, c.want)
		}
	}
}
