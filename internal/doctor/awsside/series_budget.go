package awsside

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/doctor"
)

// aboveBudget is the page of an exporter with more series than are expected of any.
const aboveBudget = `scrape_samples_post_metric_relabeling{$c,job!~"slurm|pcluster"} > 5000`

// seriesBudget: a node that has more series than its --max-series leaves families out, and
// says which; a page of another exporter is not bounded.
var seriesBudget = question{
	applies: `scrape_samples_post_metric_relabeling{$c}`,
	absent:  "nothing is scraped",
	wrong: `parascope_node_series_left_out{$c} > 0
  or ` + aboveBudget,
	say: func(m model.Metric, v float64) string {
		if family := label(m, "family"); family != "" {
			return nodeOf(m) + ": " + integer(v) + " series of " + family + " are left out"
		}
		return "job " + label(m, "job") + " of " + nodeOf(m) + " has " + integer(v) + " series"
	},
	next: "'parascope query' with topk(5, count by (__name__) ({instance=\"NODE\"})) shows the largest metric families; exclude " +
		"the collector, or raise --max-series; 'parascope cost' shows the cost",
}

// checkSeriesBudget also names the family that has grown most, of the page with the most series.
func checkSeriesBudget(ctx context.Context, e *ClusterEnv) Finding {
	f := seriesBudget.run(ctx, e)
	if f.Status != doctor.Failed {
		return f
	}
	largest, err := e.ask(ctx, "topk(1, "+aboveBudget+")")
	if err != nil || len(largest) == 0 {
		return f
	}
	of := fmt.Sprintf(`{$c,job=%q,instance=%q}`, string(largest[0].Metric["job"]), string(largest[0].Metric["instance"]))
	families := func(selector string) string {
		return `count by (family) (label_replace(` + selector + `, "family", "$1", "__name__", "(.+)"))`
	}
	now := families(of)
	grown, err := e.ask(ctx, "topk(1, "+now+" - ("+families(of+" offset 1d")+" or "+now+" * 0))")
	if err != nil || len(grown) == 0 || grown[0].Value <= 0 {
		return f
	}
	f.Detail += fmt.Sprintf("; %s has grown most: by %s series within a day", label(grown[0].Metric, "family"),
		integer(float64(grown[0].Value)))
	f.Next = strings.ReplaceAll(f.Next, "NODE", label(largest[0].Metric, "instance"))
	return f
}
