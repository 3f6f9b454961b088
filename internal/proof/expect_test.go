package proof

import (
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/parascope/parascope/internal/madeup"
)

// wanted is what an expression must answer: a value for each combination of labels.
type wanted struct {
	by     []string
	values map[string]float64
	within float64 // that a value may differ by, beside a millionth of it
	part   float64 // of a value that it may differ by, where PromQL extrapolates
	alike  bool    // of those that are alike any may come: values are compared without labels
}

// moment is a cluster at an hour. What it computes comes from the levels that the pages
// are printed from, and knows nothing of PromQL.
type moment struct {
	*madeup.Cluster
	hour float64
}

// value of one, without labels.
func single(v float64) wanted { return wanted{values: map[string]float64{"": v}} }

// about allows for the age of the last scrape, and for what else is between.
func (w wanted) about(seconds float64) wanted { w.within = seconds; return w }

// extrapolated allows for what increase makes of the ends of hours of the day, or of a
// series that began within them.
func (w wanted) extrapolated() wanted { w.part = 0.045; return w }

// ofAnHour allows for what increase makes of the ends of an hour.
func (w wanted) ofAnHour() wanted { w.part = 0.08; return w }

// anyOfThem is for values of which several are the same.
func (w wanted) anyOfThem() wanted { w.alike = true; return w }

// some are series with values, before they are added up.
type some []point

// visit calls f with each series that is on a page at the hour and its labels, the target's
// among them. Those of a page that did not answer are not there.
func (m moment) visit(name string, f func(e *madeup.Exporter, s *madeup.Series, labels map[string]string)) {
	for _, machine := range m.Machines {
		for job, e := range machine.Pages {
			for _, s := range e.Series {
				if s.Meaning() != name {
					continue
				}
				labels := machine.TargetLabels(job)
				labels["job"], labels["cluster"] = job, m.Name
				for i, l := range s.Labels {
					if _, taken := labels[l]; taken && job != "slurm" && job != "pcluster" {
						continue // renamed exported_…
					}
					labels[l] = s.Values[i]
				}
				f(e, s, labels)
			}
		}
	}
}

// matching reports whether labels are as conditions say: "k=v", "k!=v" or "k~a|b".
func matching(labels map[string]string, conditions []string) bool {
	for _, c := range conditions {
		at := strings.IndexAny(c, "!=~")
		name, rest := c[:at], c[at:]
		switch {
		case strings.HasPrefix(rest, "!="):
			if labels[name] == rest[2:] {
				return false
			}
		case rest[0] == '=':
			if labels[name] != rest[1:] {
				return false
			}
		default:
			if !slices.Contains(strings.Split(rest[1:], "|"), labels[name]) {
				return false
			}
		}
	}
	return true
}

// read is what series say at the hour: a gauge's value, or by how much a counter grows in
// a second.
func (m moment) read(name string, conditions ...string) (all some) {
	m.visit(name, func(e *madeup.Exporter, s *madeup.Series, labels map[string]string) {
		there := e.Machine.There(m.hour) && e.Machine.Answers(m.hour) && (s.Of == nil || s.Of(m.hour))
		if !there || !matching(labels, conditions) {
			return
		}
		v := s.Value(m.hour)
		if s.Counter && s.Clock == nil {
			v = s.Level.At(m.hour)
		}
		if s.Scale != 0 {
			v *= s.Scale
		}
		all = append(all, point{labels, v})
	})
	return all
}

// total is what counters stand at.
func (m moment) total(name string, conditions ...string) (all some) {
	m.visit(name, func(e *madeup.Exporter, s *madeup.Series, labels map[string]string) {
		if e.Machine.There(m.hour) && e.Machine.Answers(m.hour) && (s.Of == nil || s.Of(m.hour)) && matching(labels, conditions) {
			all = append(all, point{labels, s.Value(m.hour)})
		}
	})
	return all
}

// grew is by how much counters grew in the last hours, from nothing where they begin.
// Machines that went away within them are left out: PromQL counts what they had.
func (m moment) grew(span float64, name string, conditions ...string) (all some) {
	m.visit(name, func(e *madeup.Exporter, s *madeup.Series, labels map[string]string) {
		if !e.Machine.There(m.hour) || !e.Machine.Answers(m.hour) || s.Of != nil && !s.Of(m.hour) || !matching(labels, conditions) {
			return
		}
		v := s.Value(m.hour)
		if s.Of == nil || s.Of(m.hour-span) {
			v -= s.Value(m.hour - span)
		}
		all = append(all, point{labels, v})
	})
	return all
}

// group puts values together by labels.
func (s some) group(by []string, f func([]float64) float64) wanted {
	lists := map[string][]float64{}
	for _, p := range s {
		key := keyOf(p.labels, by)
		lists[key] = append(lists[key], p.value)
	}
	w := wanted{by: by, values: map[string]float64{}}
	for key, list := range lists {
		w.values[key] = f(list)
	}
	return w
}

func add(list []float64) (sum float64) {
	for _, v := range list {
		sum += v
	}
	return sum
}

func mean(list []float64) float64 { return add(list) / float64(len(list)) }

// middle is the median, as quantile 0.5 is defined: between the two in the middle.
func middle(list []float64) float64 {
	l := slices.Sorted(slices.Values(list))
	n := len(l)
	return (l[(n-1)/2] + l[n/2]) / 2
}

func (s some) sum(by ...string) wanted  { return s.group(by, add) }
func (s some) mean(by ...string) wanted { return s.group(by, mean) }
func (s some) max(by ...string) wanted  { return s.group(by, slices.Max[[]float64]) }
func (s some) min(by ...string) wanted  { return s.group(by, slices.Min[[]float64]) }
func (s some) count(by ...string) wanted {
	return s.group(by, func(l []float64) float64 { return float64(len(l)) })
}

// where keeps the series whose value a function accepts.
func (s some) where(f func(float64) bool) (kept some) {
	for _, p := range s {
		if f(p.value) {
			kept = append(kept, p)
		}
	}
	return kept
}

// each changes values.
func (s some) each(f func(float64) float64) (changed some) {
	for _, p := range s {
		changed = append(changed, point{p.labels, f(p.value)})
	}
	return changed
}

// with computes from two lists whose series are told apart by labels.
func (s some) with(other some, by []string, f func(a, b float64) float64) (all some) {
	values := map[string]float64{}
	for _, p := range other {
		values[keyOf(p.labels, by)] = p.value
	}
	for _, p := range s {
		if v, ok := values[keyOf(p.labels, by)]; ok {
			all = append(all, point{p.labels, f(p.value, v)})
		}
	}
	return all
}

func over(a, b float64) float64 { return a / b }

// orZero is 0 where nothing is there.
func (w wanted) orZero() wanted {
	if len(w.values) == 0 {
		return single(0)
	}
	return w
}

// times multiplies all values.
func (w wanted) times(f float64) wanted {
	for k := range w.values {
		w.values[k] *= f
	}
	return w
}

// most keeps the n largest values, least the n smallest.
func (w wanted) most(n int) wanted  { return w.first(n, func(a, b float64) bool { return a > b }) }
func (w wanted) least(n int) wanted { return w.first(n, func(a, b float64) bool { return a < b }) }

func (w wanted) first(n int, before func(a, b float64) bool) wanted {
	var keys []string
	for k := range w.values {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return before(w.values[keys[i]], w.values[keys[j]]) })
	for _, k := range keys[min(n, len(keys)):] {
		delete(w.values, k)
	}
	return w
}

// nodeStates is what Slurm says of each node.
func (m moment) nodeStates() (all some) {
	for _, n := range m.ComputeNodes() {
		all = append(all, point{map[string]string{"node": n.Name, "status": m.State(n, m.hour)}, 1})
	}
	return all
}

func positive(v float64) bool { return v > 0 }

func is(want float64) func(float64) bool {
	return func(v float64) bool { return math.Abs(v-want) < 1e-9 }
}
