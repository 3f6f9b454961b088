package slurmstat_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/slurmstat"
	"github.com/parascope/parascope/internal/slurm"
)

// FuzzPage holds that no output of a tool makes a page that Prometheus refuses.
func FuzzPage(f *testing.F) {
	for _, v := range versions {
		f.Add(recorded(f, v, "scontrol-show-nodes-o.txt"), []byte(strings.Repeat("1\x1f", 16)+"\n"), recorded(f, v, "sdiag.txt"),
			recorded(f, v, "sshare.txt"), recorded(f, v, "scontrol-show-reservation.txt"), []byte(nil), []byte(nil))
	}
	f.Add([]byte(nil), []byte(nil), []byte(nil), []byte(nil), recorded(f, "22.05.8", "scontrol-show-reservation-o.txt"),
		recorded(f, "22.05.8", "scontrol-show-licenses-o.txt"), recorded(f, "22.05.8", "sacct-ended.txt"))
	f.Add([]byte("NodeName=a State=IDLE AllocTRES=\nNodeName=a State=DOWN AllocTRES= Reason=\xff [x@2026-11-23T14:33:27]\n"),
		[]byte("7_[1-9\x1f"),
		[]byte("Remote Procedure Call statistics by message type\n\tA ( 1) count:1 ave_time:1 total_time:1\n\tA ( 1) count:1 ave_time:1 "+
			"total_time:1"),
		[]byte("a|u|1|1|1|1|1\na|u|1|1|1|1|1\n"), []byte("ReservationName=a\n EndTime=x State=\nReservationName=a State=\n"),
		[]byte("LicenseName=\"x\" Total=-1 Used=9K Reserved=\n"), []byte(strings.Repeat("1\x1f", 13)+"\n"))
	f.Fuzz(func(t *testing.T, nodes, jobs, scheduler, shares, reservations, licenses, ended []byte) {
		s := slurm.Snapshot{Time: noon}
		s.Nodes, s.NodesPart.Err = slurm.ParseNodes(nodes, time.UTC)
		s.Jobs, s.JobsPart.Err = slurm.ParseJobs(jobs, time.UTC)
		s.Scheduler, s.SchedulerPart.Err = slurm.ParseScheduler(scheduler)
		s.Shares, s.SharesPart.Err = slurm.ParseShares(shares)
		s.Reservations, s.ReservationsPart.Err = slurm.ParseReservations(reservations, time.UTC)
		s.Licenses, s.LicensesPart.Err = slurm.ParseLicenses(licenses)
		s.Ended, s.EndedPart.Err = slurm.ParseEnded(ended, time.Time{}, noon, time.UTC, []slurm.Job{{RawID: "1", Restarts: 3}}, s.Jobs)
		s.JobsPart.Err, s.SchedulerPart.Err = nil, nil // what could be read is written
		tr, a := slurmstat.NewTracker(), slurm.NewAllocations()
		tr.Observe(&s)
		var p page.Page
		slurmstat.WritePage(&p, &s, a)
		tr.WritePage(&p, &s)
		slurmstat.WriteHolders(&p, &s, a, 0, slurmstat.HolderLimits{Series: 1000})
		if err := p.Err(); err != nil {
			t.Fatal(err)
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(p.Bytes()))
		if err != nil {
			t.Fatalf("%v in:\n%s", err, p.Bytes())
		}
		for name, family := range families {
			seen := map[string]bool{}
			for _, m := range family.Metric {
				key := ""
				for _, l := range m.Label {
					key += l.GetName() + "\xff" + l.GetValue() + "\xff"
				}
				if seen[key] {
					t.Fatalf("two samples of %s with labels %q", name, key)
				}
				seen[key] = true
			}
		}
		var d slurm.Discovery
		d.Observe(&s)
	})
}
