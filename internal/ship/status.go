package ship

import (
	"fmt"

	"github.com/parascope/parascope/internal/delivery"
	"github.com/parascope/parascope/internal/refused"
)

// Status returns what became of all samples. The ledger of each remote is read
// at one instant.
func (s *Ship) Status() delivery.Status {
	remotes := []delivery.RemoteStatus{}
	known := map[string]int{}
	for _, r := range s.allRemotes() {
		rs := r.status()
		// URLs may differ in what is not shown; metrics need a name for each.
		if known[rs.Name]++; known[rs.Name] > 1 {
			rs.Name = fmt.Sprintf("%s (%d)", rs.Name, known[rs.Name])
		}
		remotes = append(remotes, rs)
	}
	return delivery.New(s.wall(), remotes)
}

func (r *remote) status() delivery.RemoteStatus {
	set := r.settings.Load()
	name, url := r.label()
	rs := delivery.RemoteStatus{
		Name: name, URL: url, QueueMaxBytes: r.ship.options.MaxBytes,
		AgeLimitSeconds: set.ageLimit.Seconds(), RateLimit: r.pace.Limit(),
	}
	if !r.configured.Load() {
		rs.Verdict = delivery.Removed
	}
	r.nameMu.Lock()
	aside, areas := r.aside, r.areas
	r.nameMu.Unlock()
	for _, q := range r.queues {
		s := q.Status()
		rs.Ledger.Add(s.Ledger)
		aside.Add(s.Aside)
		rs.QueueBytes += s.Bytes
		rs.TornTailBytes += s.TornTail
		if !s.Oldest.IsZero() && (rs.OldestSample.IsZero() || s.Oldest.Before(rs.OldestSample)) {
			rs.OldestSample = s.Oldest.UTC()
		}
		if s.Newest.After(rs.NewestSample) {
			rs.NewestSample = s.Newest.UTC()
		}
		if s.DiskErr != nil {
			rs.Disk = s.DiskErr.Error()
		}
	}
	rs.Aside, rs.AsideFiles = aside.Paths, aside.Total
	for _, a := range areas {
		rs.Refused.Add(a.Status(), refused.ShownSeries)
	}
	r.health.Fill(&rs)
	r.traffic.Fill(&rs)
	return rs
}
