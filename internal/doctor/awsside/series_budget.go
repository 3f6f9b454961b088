package awsside

import (
	"github.com/prometheus/common/model"
)

// seriesBudget: a node that has more series than its --max-series leaves families out, and
// says which; a page of another exporter is not bounded.
var seriesBudget = question{
	applies: `scrape_samples_post_metric_relabeling{$c}`,
	absent:  "nothing is scraped",
	wrong: `parascope_node_series_left_out{$c} > 0
  or scrape_samples_post_metric_relabeling{$c,job!~"slurm|pcluster"} > 5000`,
	say: func(m model.Metric, v float64) string {
		if family := label(m, "family"); family != "" {
			return nodeOf(m) + ": " + integer(v) + " series of " + family + " are left out"
		}
		return "job " + label(m, "job") + " of " + nodeOf(m) + " has " + integer(v) + " series"
	},
	next: "'parascope query' with topk(5, count by (__name__) ({instance=\"NODE\"})) names the families; switch off the collector, " +
		"or raise --max-series; 'parascope cost' says what they cost",
}
