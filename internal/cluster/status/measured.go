package status

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/amp"
)

// measured is what the cluster's series say.
type measured struct {
	last      time.Time // of the newest sample within the last hour
	up        map[string]target
	gpus      map[string]bool
	state     map[string]string // Slurm's, by node
	states    map[string]int
	instances map[string]string // by node
	installed map[string]string // by node: the version, what fails, and whose ports are others'
	age       time.Duration     // of Slurm's list of nodes; negative: unknown
}

// target is a node that the head scrapes.
type target struct {
	value       float64 // of up
	kind, queue string
	job         string // that does not answer
	since       time.Time
	longer      bool
}

// names are the nodes that anything is known of.
func (m measured) names() []string {
	all := map[string]bool{}
	for n := range m.up {
		all[n] = true
	}
	for n := range m.state {
		all[n] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// nodeOf is the node of an instance that does not tell its own: the host's name, "" where the
// cluster's series know none.
func (m measured) nodeOf(i instance) string {
	if _, ok := m.up[i.host]; ok && i.host != "" {
		return i.host
	}
	return ""
}

// slurm says why the states of nodes may be old or missing.
func (m measured) slurm() string {
	switch {
	case m.last.IsZero():
		return ""
	case m.age < 0:
		return "the head has sent no Slurm metrics in the last 5 minutes"
	case m.age > 5*time.Minute:
		return "slurmctld has not answered for " + short(m.age)
	}
	return ""
}

// askMeasured asks the workspace. Names of nodes and states are text from elsewhere.
func askMeasured(ctx context.Context, client *amp.QueryClient, name string, now time.Time) (m measured, err error) {
	m = measured{up: map[string]target{}, gpus: map[string]bool{}, state: map[string]string{}, states: map[string]int{},
		instances: map[string]string{}, installed: map[string]string{}, age: -1}
	of := fmt.Sprintf("cluster=%q", name)
	for _, q := range []struct {
		expr string
		each func(model.Metric, float64)
	}{
		{fmt.Sprintf(`max(timestamp(up{%[1]s})) or max(max_over_time(timestamp(up{%[1]s})[1h:1m]))`, of), func(_ model.Metric, v float64) {
			m.last = time.UnixMilli(int64(v * 1000)).UTC()
		}},
		{fmt.Sprintf(`up{%s,node!=""}`, of), m.addTarget},
		{fmt.Sprintf(`slurm_node_status{%s} == 1`, of), func(l model.Metric, _ float64) { m.state[string(l["node"])] = string(l["status"]) }},
		{fmt.Sprintf(`{__name__=~"slurm_nodes_[a-z_]+",%s} > 0`, of), func(l model.Metric, v float64) {
			m.states[strings.TrimPrefix(string(l[model.MetricNameLabel]), "slurm_nodes_")] = int(v)
		}},
		{fmt.Sprintf(`parascope_node_info{%s,instance_id!=""}`, of), func(l model.Metric, _ float64) {
			m.instances[string(l["node"])] = string(l["instance_id"])
		}},
		{fmt.Sprintf(`parascope_install_info{%s}`, of), func(l model.Metric, _ float64) {
			m.installed[string(l["node"])] = string(l["version"])
		}},
		{fmt.Sprintf(`parascope_install_failure{%s}`, of), func(l model.Metric, _ float64) {
			m.installed[string(l["node"])] += ", fails: " + string(l["reason"])
		}},
		{fmt.Sprintf(`parascope_install_other_exporter{%s}`, of), func(l model.Metric, _ float64) {
			m.installed[string(l["node"])] += fmt.Sprintf(", port %s is %s's", l["port"], l["process"])
		}},
		{fmt.Sprintf(`slurm_targets_age_seconds{%s}`, of), func(_ model.Metric, v float64) { m.age = time.Duration(v * float64(time.Second)) }},
	} {
		r, err := client.Query(ctx, q.expr, now)
		if err != nil {
			return m, err
		}
		vector, ok := r.Value.(model.Vector)
		if !ok {
			return m, fmt.Errorf("the response to query %s is not a vector", q.expr)
		}
		for _, s := range vector {
			q.each(s.Metric, float64(s.Value))
		}
	}
	return m, m.askSince(ctx, client, of, now)
}

// addTarget adds a sample of up: a node answers where its job node does, or the only one that it has.
func (m measured) addTarget(l model.Metric, v float64) {
	name, job := string(l["node"]), string(l["job"])
	if job == "dcgm" {
		m.gpus[name] = v == 1
	}
	t, seen := m.up[name]
	if job != "node" && (seen || job == "dcgm") {
		return
	}
	t.value, t.kind, t.queue, t.job = v, string(l["node_type"]), string(l["queue"]), ""
	if v == 0 {
		t.job = job
	}
	m.up[name] = t
}

// askSince asks since when each node answers without a gap.
func (m measured) askSince(ctx context.Context, client *amp.QueryClient, of string, now time.Time) error {
	if len(m.up) == 0 {
		return nil
	}
	start := now.Add(-Window)
	r, err := client.QueryRange(ctx, fmt.Sprintf(`max by (node) (up{%s,node!="",job!="dcgm"}) == 1`, of), start, now, Step)
	if err != nil {
		return err
	}
	matrix, ok := r.Value.(model.Matrix)
	if !ok {
		return fmt.Errorf("the result of the range query is not a matrix")
	}
	for _, series := range matrix {
		name := string(series.Metric["node"])
		t, ok := m.up[name]
		if !ok {
			continue
		}
		for i, p := range series.Values {
			if i == 0 || p.Timestamp.Sub(series.Values[i-1].Timestamp) > Step {
				t.since = p.Timestamp.Time().UTC()
			}
		}
		t.longer = !t.since.IsZero() && t.since.Sub(start) < Step
		m.up[name] = t
	}
	return nil
}
