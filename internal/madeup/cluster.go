package madeup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/collect/page"
)

// Cluster is one made-up cluster: what a machine's exporters print, hour by hour.
type Cluster struct {
	Name     string
	midnight float64 // when its day begins, Unix seconds
	Faulty   bool
	Machines []*Machine
	Jobs     []Job
}

// Job is a Slurm job of the day; gpus are its devices on each of its nodes.
type Job struct {
	ID, User, Account, partition string
	Nodes                        []string
	GPUs                         []int
	From, To                     float64 // hours
}

func (j *Job) Runs(hour float64) bool { return hour >= j.From && hour < j.To }
func (j *Job) On(node string) bool    { return slices.Contains(j.Nodes, node) }

// Machine is a machine and its pages by scrape job.
type Machine struct {
	Name, Kind, Queue, Resource, instanceType string
	CPUs, GPUs                                int
	Memory                                    float64 // bytes
	until                                     float64 // hour in which it is powered down; 0: never
	silent                                    float64 // hour from which its exporters do not answer; 0: never
	Pages                                     map[string]*Exporter
	Ports                                     map[string]string // of jobs, in label instance, as Prometheus leaves it; nil: none
}

// Exporter is one page.
type Exporter struct {
	Machine *Machine
	job     string
	Series  []*Series
}

// Series is one series of a page.
type Series struct {
	Name, kind string // kind is the family's type
	Labels     []string
	Values     []string
	Level      Level
	Counter    bool
	Base       float64            // of a counter, at midnight
	Of         func(float64) bool // hours in which it is on the page; nil: always
	Clock      func(float64) float64
	Canon      string  // our name of what it says, where it is another exporter's
	Scale      float64 // of its value to ours; 0: the same
	Hidden     bool    // known of the machine, and not on its page
	wave       wave    // around its level
}

// Meaning is our name of what the series says.
func (s *Series) Meaning() string { return cmp.Or(s.Canon, s.Name) }

// Value is what the page says at an hour.
func (s *Series) Value(hour float64) float64 {
	switch {
	case s.Clock != nil:
		return s.Clock(hour)
	case s.Counter:
		return s.Base + s.Level.grown(hour, s.wave)
	}
	return s.Level.At(hour) * s.wave.at(hour)
}

// Add puts a series on the page; labels are name, value, name, value.
func (e *Exporter) Add(f Family, l Level, labels ...string) *Series {
	s := &Series{Name: f.Name, kind: string(f.Type), Level: l, Counter: f.counts()}
	if len(labels) != 2*len(f.Labels) {
		panic(fmt.Sprintf("%s has labels %v, not %v", f.Name, f.Labels, labels))
	}
	for i := 0; i < len(labels); i += 2 {
		if f.Labels[i/2] != labels[i] {
			panic(fmt.Sprintf("%s has label %s, not %s", f.Name, f.Labels[i/2], labels[i]))
		}
		s.Labels, s.Values = append(s.Labels, labels[i]), append(s.Values, labels[i+1])
	}
	if s.Counter {
		s.Base = 1e6
	}
	e.Series = append(e.Series, s)
	return s
}

// Text is the page at an hour, in the order in which families were added.
func (e *Exporter) Text(hour float64) []byte {
	byFamily := map[string][]*Series{}
	var order []string
	for _, s := range e.Series {
		if s.Hidden || s.Of != nil && !s.Of(hour) {
			continue
		}
		if byFamily[s.Name] == nil {
			order = append(order, s.Name)
		}
		byFamily[s.Name] = append(byFamily[s.Name], s)
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
			for i, l := range s.Labels {
				b = append(b, "{,"[min(i, 1)])
				b = append(append(b, l...), `="`...)
				b = append(page.AppendLabelValue(b, s.Values[i]), '"')
			}
			if len(s.Labels) > 0 {
				b = append(b, '}')
			}
			b = append(page.AppendValue(append(b, ' '), s.Value(hour)), '\n')
		}
	}
	return b
}

// TargetLabels are those that discovery gives the machine's target of a job.
func (m *Machine) TargetLabels(job string) map[string]string {
	l := map[string]string{"instance": m.Name + m.Ports[job], "node": m.Name, "node_type": m.Kind}
	if m.Kind == "compute" {
		l["queue"], l["compute_resource"] = m.Queue, m.Resource
	}
	return l
}

// shows reports whether the machine's pages have the series at an hour.
func (m *Machine) shows(s *Series, hour float64) bool {
	return m.There(hour) && m.Answers(hour) && !s.Hidden && (s.Of == nil || s.Of(hour))
}

func (m *Machine) Answers(hour float64) bool { return m.silent == 0 || hour < m.silent }
func (m *Machine) There(hour float64) bool   { return m.until == 0 || hour < m.until }

func (m *Machine) Page(job string) *Exporter {
	if m.Pages == nil {
		m.Pages = map[string]*Exporter{}
	}
	if m.Pages[job] == nil {
		m.Pages[job] = &Exporter{Machine: m, job: job}
	}
	return m.Pages[job]
}
