package slurmstat

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/slurm"
)

// configAge is how old slurmctld's configuration can be before it is read again.
const configAge = 15 * time.Minute

// controllerState is what is known of slurmctld from one snapshot to the next.
type controllerState struct {
	slurm.Controller
	read     time.Time // when the configuration was read
	answered time.Time // when slurmctld answered last
}

// readController reads slurmctld's configuration when it answers and what is known is old.
// A failure is logged and leaves what is known; the next snapshot tries again.
func (s *Service) readController(ctx context.Context, snap *slurm.Snapshot) {
	if !snap.Answered() {
		return
	}
	s.state.answered = snap.Time
	if !s.state.read.IsZero() && snap.Time.Sub(s.state.read) < configAge {
		return
	}
	c, err := s.o.Tools.ReadController(ctx)
	if err != nil {
		s.o.Logger.Warn("could not read the configuration of slurmctld", "err", err)
		return
	}
	c.Metrics = c.Metrics && s.hasNativeMetrics(ctx, c.Port)
	s.state.Controller, s.state.read = c, snap.Time
	if c.MinJobAge > 0 {
		s.tracker.SetWindow(c.MinJobAge)
	}
}

// hasNativeMetrics asks slurmctld on this machine for the metrics of jobs, which its own
// endpoint refuses while PrivateData hides jobs; its index answers all the same.
func (s *Service) hasNativeMetrics(ctx context.Context, port int) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+strconv.Itoa(port)+"/metrics/jobs", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.o.Logger.Info("slurmctld does not serve metrics of its own, though MetricsType is set", "err", err)
		return false
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // so that the connection ends in order
	return answer.StatusCode == http.StatusOK
}

func (c *controllerState) writePage(p *page.Page, snap *slurm.Snapshot) {
	if snap.Answered() && !c.read.IsZero() {
		p.Sample(controllerInfo, 1, c.Version, c.Cluster, strconv.FormatBool(c.Accounting), strconv.FormatBool(c.Metrics))
	}
	up := 0.0
	if snap.Answered() {
		up = 1
	}
	p.Sample(controllerUp, up)
	if !c.answered.IsZero() {
		p.Sample(controllerTime, float64(c.answered.UnixMilli())/1000)
	}
}
