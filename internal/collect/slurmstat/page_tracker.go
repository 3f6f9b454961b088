package slurmstat

import (
	"maps"
	"slices"
	"strconv"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/slurm"
)

// WritePage writes the tracker's counters. The snapshot says which nodes have series.
func (t *Tracker) WritePage(p *page.Page, s *slurm.Snapshot) {
	st := &t.state
	for _, part := range slices.Sorted(maps.Keys(st.Started)) {
		p.Sample(jobsStarted, float64(st.Started[part]), part)
	}
	for _, part := range slices.Sorted(maps.Keys(st.Finished)) {
		for _, state := range slices.Sorted(maps.Keys(st.Finished[part])) {
			p.Sample(jobsFinished, float64(st.Finished[part][state]), part, state)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(st.Requeued)) {
		p.Sample(jobsRequeued, float64(st.Requeued[part]), part)
	}
	p.Sample(jobsMissed, float64(st.Missed))
	writeHistograms(p, waitSeconds, st.Wait)
	writeHistograms(p, runSeconds, st.Run)
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if n.Has("powered_down") {
			continue
		}
		for _, class := range slices.Sorted(maps.Keys(st.Nodes[n.Name])) {
			p.Sample(nodeSeconds, st.Nodes[n.Name][class], n.Name, class)
		}
	}
}

// writeHistograms appends a whole histogram family.
func writeHistograms(p *page.Page, f *page.Family, all map[string]*Histogram) {
	if len(all) == 0 {
		return
	}
	b := []byte("# HELP " + f.Name + " " + f.Help + "\n# TYPE " + f.Name + " histogram\n")
	series := 0
	line := func(suffix, part, le string, value float64) {
		b = append(b, f.Name+suffix+`{partition="`...)
		b = page.AppendLabelValue(b, part)
		if le != "" {
			b = append(b, `",le="`+le...)
		}
		b = append(b, `"} `...)
		b = append(page.AppendValue(b, value), '\n')
		series++
	}
	for _, part := range slices.Sorted(maps.Keys(all)) {
		h := all[part]
		var sum uint64
		for i, n := range h.Counts {
			sum += n
			le := "+Inf"
			if i < len(timeBuckets) {
				le = strconv.FormatFloat(timeBuckets[i], 'g', -1, 64)
			}
			line("_bucket", part, le, float64(sum))
		}
		line("_sum", part, "", h.Sum)
		line("_count", part, "", float64(sum))
	}
	p.Raw(f.Name, b, series)
}
