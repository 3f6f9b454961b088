package lint

import (
	"slices"
	"strings"

	"github.com/parascope/parascope/docs"
)

// Metric is what is known of a metric.
type Metric struct {
	Type   string // counter, gauge, histogram or untyped, as on the page
	Labels []string
}

// Catalog is what metrics there are, by name.
type Catalog map[string]Metric

// Documented are the metrics that parascope's programs serve, as docs/metrics*.md list them,
// and those of dcgm-exporter's newer names that mean the same.
func Documented() Catalog {
	c := Catalog{}
	for _, document := range []string{docs.Metrics, docs.SlurmMetrics, docs.HeadMetrics} {
		c.read(document)
	}
	for newer, older := range renamed {
		if m, ok := c[older]; ok {
			c[newer] = Metric{m.Type, append(slices.Clone(m.Labels), "hostname")}
		}
	}
	return c
}

// renamed are names of DCGM 4.6 and of before 3.3 with ours for the same.
var renamed = map[string]string{
	"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS":           "DCGM_FI_DEV_CLOCKS_EVENT_REASONS",
	"DCGM_FI_DEV_GPU_UTIL_RATIO":                   "DCGM_FI_DEV_GPU_UTIL",
	"DCGM_FI_PROF_SM_UTIL_RATIO":                   "DCGM_FI_PROF_SM_ACTIVE",
	"DCGM_FI_PROF_TENSOR_UTIL_RATIO":               "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
	"DCGM_FI_PROF_DRAM_UTIL_RATIO":                 "DCGM_FI_PROF_DRAM_ACTIVE",
	"DCGM_FI_DEV_BOARD_POWER_WATTS":                "DCGM_FI_DEV_POWER_USAGE",
	"DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS": "DCGM_FI_DEV_ENFORCED_POWER_LIMIT",
	"DCGM_FI_DEV_GPU_TEMP_CELSIUS":                 "DCGM_FI_DEV_GPU_TEMP",
	"DCGM_FI_DEV_GPU_TEMP_MARGIN_CELSIUS":          "DCGM_FI_DEV_GPU_TEMP_LIMIT",
	"DCGM_FI_DEV_ROW_REMAP_FAILED":                 "DCGM_FI_DEV_ROW_REMAP_FAILURE",
}

// read takes the rows of a document's tables: the columns metric, type and labels.
func (c Catalog) read(document string) {
	labels := -1
	for line := range strings.Lines(document) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if strings.HasPrefix(line, "|---") {
			continue
		}
		if len(cells) < 4 {
			labels = -1
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[0] == "metric" && cells[1] == "type" {
			labels = slices.Index(cells, "labels")
			continue
		}
		name := strings.Trim(cells[0], "`")
		if labels < 0 || labels >= len(cells) || name == cells[0] {
			continue
		}
		m := Metric{Type: cells[1]}
		for l := range strings.SplitSeq(cells[labels], ", ") {
			if l != "" {
				m.Labels = append(m.Labels, l)
			}
		}
		c[name] = m
	}
}

// find is a metric by the name in a query; a histogram has three.
func (c Catalog) find(name string) (Metric, bool) {
	if m, ok := c[name]; ok {
		return m, true
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, cut := strings.CutSuffix(name, suffix); cut && c[base].Type == "histogram" {
			return Metric{"counter", append(slices.Clone(c[base].Labels), "le")}, true
		}
	}
	return Metric{}, false
}

// nearest is the known name that begins most like name, if any is near.
func (c Catalog) nearest(name string) string {
	best, length := "", len(name)/2
	for known := range c {
		n := 0
		for n < min(len(known), len(name)) && known[n] == name[n] {
			n++
		}
		if n > length || n == length && best != "" && known < best {
			best, length = known, n
		}
	}
	return best
}

// targetLabels are those that every series has from its target.
var targetLabels = []string{"cluster", "instance", "job", "node", "node_type", "queue", "compute_resource"}
