package proof

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/collect/page"
)

// cluster is one made-up cluster: what a machine's exporters print, hour by hour.
type cluster struct {
	name     string
	midnight float64 // when its day begins, Unix seconds
	faulty   bool
	machines []*machine
	jobs     []job
}

// job is a Slurm job of the day; gpus are its devices on each of its nodes.
type job struct {
	id, user, account, partition string
	nodes                        []string
	gpus                         []int
	from, to                     float64 // hours
}

func (j *job) runs(hour float64) bool { return hour >= j.from && hour < j.to }
func (j *job) on(node string) bool    { return slices.Contains(j.nodes, node) }

// machine is a machine and its pages by scrape job.
type machine struct {
	name, kind, queue, resource, instanceType string
	cpus, gpus                                int
	memory                                    float64 // bytes
	until                                     float64 // hour in which it is powered down; 0: never
	silent                                    float64 // hour from which its exporters do not answer; 0: never
	pages                                     map[string]*exporter
	ports                                     map[string]string // of jobs, in label instance, as Prometheus leaves it; nil: none
}

// exporter is one page.
type exporter struct {
	machine *machine
	job     string
	series  []*series
}

// series is one series of a page.
type series struct {
	name, kind string // kind is the family's type
	labels     []string
	values     []string
	level      level
	counter    bool
	base       float64            // of a counter, at midnight
	of         func(float64) bool // hours in which it is on the page; nil: always
	clock      func(float64) float64
	canon      string  // our name of what it says, where it is another exporter's
	scale      float64 // of its value to ours; 0: the same
	hidden     bool    // known of the machine, and not on its page
	wave       wave    // around its level
}

// meaning is our name of what the series says.
func (s *series) meaning() string { return cmp.Or(s.canon, s.name) }

// value is what the page says at an hour.
func (s *series) value(hour float64) float64 {
	switch {
	case s.clock != nil:
		return s.clock(hour)
	case s.counter:
		return s.base + s.level.grown(hour, s.wave)
	}
	return s.level.at(hour) * s.wave.at(hour)
}

// add puts a series on the page; labels are name, value, name, value.
func (e *exporter) add(f family, l level, labels ...string) *series {
	s := &series{name: f.Name, kind: string(f.Type), level: l, counter: f.counts()}
	if len(labels) != 2*len(f.Labels) {
		panic(fmt.Sprintf("%s has labels %v, not %v", f.Name, f.Labels, labels))
	}
	for i := 0; i < len(labels); i += 2 {
		if f.Labels[i/2] != labels[i] {
			panic(fmt.Sprintf("%s has label %s, not %s", f.Name, f.Labels[i/2], labels[i]))
		}
		s.labels, s.values = append(s.labels, labels[i]), append(s.values, labels[i+1])
	}
	if s.counter {
		s.base = 1e6
	}
	e.series = append(e.series, s)
	return s
}

// text is the page at an hour, in the order in which families were added.
func (e *exporter) text(hour float64) []byte {
	byFamily := map[string][]*series{}
	var order []string
	for _, s := range e.series {
		if s.hidden || s.of != nil && !s.of(hour) {
			continue
		}
		if byFamily[s.name] == nil {
			order = append(order, s.name)
		}
		byFamily[s.name] = append(byFamily[s.name], s)
	}
	var b []byte
	for _, name := range order {
		base := name
		if kind := byFamily[name][0].kind; kind == "histogram" {
			base = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		}
		if base == name || strings.HasSuffix(name, "_bucket") {
			b = fmt.Appendf(b, "# HELP %s .\n# TYPE %s %s\n", base, base, byFamily[name][0].kind)
		}
		for _, s := range byFamily[name] {
			b = append(b, name...)
			for i, l := range s.labels {
				b = append(b, "{,"[min(i, 1)])
				b = append(append(b, l...), `="`...)
				b = append(page.AppendLabelValue(b, s.values[i]), '"')
			}
			if len(s.labels) > 0 {
				b = append(b, '}')
			}
			b = append(page.AppendValue(append(b, ' '), s.value(hour)), '\n')
		}
	}
	return b
}

// targetLabels are those that discovery gives the machine's target of a job.
func (m *machine) targetLabels(job string) map[string]string {
	l := map[string]string{"instance": m.name + m.ports[job], "node": m.name, "node_type": m.kind}
	if m.kind == "compute" {
		l["queue"], l["compute_resource"] = m.queue, m.resource
	}
	return l
}

// shows reports whether the machine's pages have the series at an hour.
func (m *machine) shows(s *series, hour float64) bool {
	return m.there(hour) && m.answers(hour) && !s.hidden && (s.of == nil || s.of(hour))
}

func (m *machine) answers(hour float64) bool { return m.silent == 0 || hour < m.silent }
func (m *machine) there(hour float64) bool   { return m.until == 0 || hour < m.until }

func (m *machine) page(job string) *exporter {
	if m.pages == nil {
		m.pages = map[string]*exporter{}
	}
	if m.pages[job] == nil {
		m.pages[job] = &exporter{machine: m, job: job}
	}
	return m.pages[job]
}
