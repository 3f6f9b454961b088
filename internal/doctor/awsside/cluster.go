package awsside

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/cluster/words"
	"github.com/parascope/parascope/internal/doctor"
)

// ClusterEnv is what the checks of one cluster are about.
type ClusterEnv struct {
	*Env
	Name string // label "cluster" of its series; "": they have none
}

// ClusterCheck is a check of a cluster.
type ClusterCheck = doctor.Check[*ClusterEnv]

// Of is the environment of a cluster's checks.
func (e *Env) Of(name string) *ClusterEnv { return &ClusterEnv{Env: e, Name: name} }

// ClusterChecks are those of a cluster that sends, or should: from the head node's
// Prometheus back to the nodes that it scrapes.
func ClusterChecks() []ClusterCheck {
	measured := func(id, title string, q question) ClusterCheck {
		return doctor.NewCheck(id, title, []string{"query", "samples"}, q.run)
	}
	return []ClusterCheck{
		doctor.NewCheck("head-instance", "the head node is running", []string{"caller"}, checkHeadInstance),
		doctor.NewCheck("head-permissions", "the head node's role has permission to send metrics", []string{"stack"}, checkHeadPermissions),
		doctor.NewCheck("samples", "samples of the cluster arrive", []string{"query", "head-instance", "head-permissions"}, checkSamples),
		measured("heads", "only one head sends samples for the cluster", heads),
		measured("delivery", "requests to AMP succeed", delivery),
		measured("queue-age", "waiting samples are within AMP's age limit", queueAge),
		measured("queue-size", "the queue has free space", queueSize),
		measured("queue-disk", "the queue's disk can be read and written", queueDisk),
		measured("samples-dropped", "no sample was dropped", samplesDropped),
		measured("series-refused", "AMP accepts every series", seriesRefused),
		doctor.NewCheck("scrape-ports", "security groups allow scrapes from the head node", []string{"head-instance"}, checkScrapePorts),
		doctor.NewCheck("targets", "every target answers scrapes", []string{"query", "samples", "scrape-ports"}, targets.run),
		measured("nodes-unscraped", "every node in Slurm is scraped", nodesUnscraped),
		measured("nodes-unknown", "every scraped node is in Slurm", nodesUnknown),
		measured("install", "the installation on the nodes succeeded", install),
		measured("versions", "head and nodes have the same parascope version", versions),
		measured("node-clocks", "the nodes' clocks agree with the head node's", nodeClocks),
		measured("gpu-metrics", "nodes with GPUs send GPU metrics", gpuMetrics),
		measured("gpu-count", "metrics of every GPU of a node are collected", gpuCount),
		measured("gpu-driver", "GPU driver and library have the same version", gpuDriver),
		measured("gpu-profiling", "GPU profiling metrics agree with GPU utilization", gpuProfiling),
		measured("slurm-controller", "slurmctld answers", slurmController),
		measured("slurm-age", "the data from Slurm is recent", slurmAge),
		measured("heartbeat", "clustermgtd's heartbeat is recent", heartbeat),
		doctor.NewCheck("series-budget", "every node stays within its series limit", []string{"query", "samples"}, checkSeriesBudget),
	}
}

// question is a check that is one query: series that answer it are what is wrong.
type question struct {
	wrong   string // PromQL; $c stands for the cluster's matcher
	say     func(m model.Metric, v float64) string
	next    string
	applies string // PromQL; where nothing answers, the check does not apply, or
	absent  string // why it does not
	missing string // is not known: why, where what applies should be there
}

const mostNamed = 5 // of what is wrong

// run asks.
func (q question) run(ctx context.Context, e *ClusterEnv) Finding {
	if e.queries == nil {
		return doctor.Follows("query")
	}
	if q.applies != "" {
		basis, err := e.ask(ctx, q.applies)
		switch {
		case err != nil:
			return doctor.Unasked(err)
		case len(basis) == 0 && q.missing != "":
			return doctor.Unsure(q.missing, q.next)
		case len(basis) == 0:
			return doctor.Skip(q.absent)
		}
	}
	wrong, err := e.ask(ctx, q.wrong)
	if err != nil {
		return doctor.Unasked(err)
	}
	if len(wrong) == 0 {
		return doctor.Good("")
	}
	var all []string
	for _, s := range wrong {
		all = append(all, q.say(s.Metric, float64(s.Value)))
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if n := len(all) - mostNamed; n > 0 {
		all = append(all[:mostNamed:mostNamed], fmt.Sprintf("%d more", n))
	}
	return doctor.Fault(strings.Join(all, "; "), strings.ReplaceAll(q.next, "CLUSTER", cmp.Or(words.Word(e.Name), "CLUSTER")))
}

// ask is an instant query about the cluster.
func (e *ClusterEnv) ask(ctx context.Context, expr string) (model.Vector, error) {
	return vector(ctx, e.queries, strings.ReplaceAll(expr, "$c", fmt.Sprintf("cluster=%q", e.Name)), e.Now())
}

// label is a label's value for a message.
func label(m model.Metric, name model.LabelName) string { return words.Printable(string(m[name])) }

// nodeOf names what a series is of: a node, or its target.
func nodeOf(m model.Metric) string {
	return cmp.Or(label(m, "node"), label(m, "instance"), "a node without a name")
}

func seconds(v float64) string {
	return (time.Duration(v) * time.Second).String()
}

func integer(v float64) string { return fmt.Sprintf("%.0f", v) }
