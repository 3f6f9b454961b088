package madeup

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/golang/snappy"

	"github.com/parascope/parascope/internal/amp"
)

// staleNaN is the value that Prometheus gives a series that is not there any more
// (prometheus/prometheus model/value).
const staleNaN = 0x7ff0000000000002

// perRequest is how many samples a request has, about.
const perRequest = 4000

// History makes what scrapes of all pages at a step would have been, from a time to another,
// and calls send with bodies of remote write 1.0 until it returns an error. The samples of a
// series are in order.
func (l *Live) History(from, to time.Time, step time.Duration, send func(body []byte) error) error {
	for from.Before(to) {
		c, _, ends := l.at(from)
		until := to
		if ends.Before(to) {
			until = from.Add((ends.Sub(from) + step - 1) / step * step)
		}
		if err := c.History(from, until, step, send); err != nil {
			return err
		}
		from = until
	}
	return nil
}

// History is that of one day.
func (c *Cluster) History(from, to time.Time, step time.Duration, send func(body []byte) error) error {
	h := history{cluster: c, send: send}
	for ; from.Before(to); from = from.Add(step) {
		h.millis = append(h.millis, from.UnixMilli())
		h.hours = append(h.hours, (float64(from.UnixMilli())/1000-c.midnight)/3600)
	}
	for _, m := range c.Machines {
		for _, job := range slices.Sorted(maps.Keys(m.Pages)) {
			if err := h.addPage(m, job); err != nil {
				return err
			}
		}
	}
	return h.flush()
}

// history is a day's part that is being sent.
type history struct {
	cluster *Cluster
	hours   []float64
	millis  []int64
	send    func(body []byte) error
	body    []byte
	samples int
}

func (h *history) addPage(m *Machine, job string) error {
	target := m.labelsOf(h.cluster, job)
	own := func(name string, value func(hour float64) float64) error {
		return h.add(labelled(name, target, nil, nil, false), m.There, value)
	}
	all := m.Pages[job].Series
	scraped := func(hour float64) (n float64) {
		for _, s := range all {
			if m.shows(s, hour) {
				n++
			}
		}
		return n
	}
	for name, value := range map[string]func(float64) float64{
		"up": func(hour float64) float64 {
			if m.Answers(hour) {
				return 1
			}
			return 0
		},
		"scrape_duration_seconds": func(float64) float64 { return 0.004 },
		"scrape_samples_scraped":  scraped, "scrape_samples_post_metric_relabeling": scraped,
	} {
		if err := own(name, value); err != nil {
			return err
		}
	}
	for _, s := range all {
		there := func(hour float64) bool { return m.shows(s, hour) }
		if err := h.add(labelled(s.Name, target, s.Labels, s.Values, HonorsLabels(job)), there, s.Value); err != nil {
			return err
		}
	}
	return nil
}

// labelled are a series' labels after the scrape: those of the target and of the page, and
// where both have one the target's, and the page's as exported_NAME, or the page's alone.
func labelled(name string, target map[string]string, names, values []string, honor bool) map[string]string {
	labels := maps.Clone(target)
	labels["__name__"] = name
	for i, n := range names {
		switch _, both := labels[n]; {
		case values[i] == "":
		case both && !honor:
			labels["exported_"+n] = values[i]
		default:
			labels[n] = values[i]
		}
	}
	return labels
}

// add writes a series as a message TimeSeries of remote write: what it said while it was
// there, and that it went.
func (h *history) add(labels map[string]string, there func(float64) bool, value func(float64) float64) error {
	var samples []amp.Sample
	was := false
	for i, hour := range h.hours {
		is := there(hour)
		v := math.Float64frombits(staleNaN)
		if is {
			v = value(hour)
		}
		if is || was {
			samples = append(samples, amp.Sample{Millis: h.millis[i], Value: v})
		}
		was = is
	}
	if len(samples) == 0 {
		return nil
	}
	h.body = amp.AppendSeries(h.body, labels, samples...)
	if h.samples += len(samples); h.samples >= perRequest {
		return h.flush()
	}
	return nil
}

func (h *history) flush() error {
	if h.samples == 0 {
		return nil
	}
	body := snappy.Encode(nil, h.body)
	h.body, h.samples = h.body[:0], 0
	return h.send(body)
}
