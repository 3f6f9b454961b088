package slurmstat

import (
	"math"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/slurm"
)

// WritePage writes a snapshot in Prometheus' text format. What a command that failed would
// have told is absent, and its success is 0.
func WritePage(p *page.Page, s *slurm.Snapshot, a *slurm.Allocations) {
	parts := commandParts(s)
	p.Sample(snapshotTime, float64(s.Time.UnixMilli())/1000)
	for _, c := range parts {
		if c.part == (slurm.Part{}) {
			continue // it does not belong to this snapshot
		}
		success := 1.0
		if c.part.Err != nil {
			success = 0
		}
		p.Sample(commandSuccess, success, c.command)
	}
	for _, c := range parts {
		if c.part != (slurm.Part{}) {
			p.Sample(commandSeconds, c.part.Took.Seconds(), c.command)
		}
	}
	if s.NodesRead() {
		writeNodes(p, s.Nodes)
	}
	if s.JobsRead() {
		writeJobs(p, s, countGPUs(a))
	}
	if s.SchedulerPart.Err == nil {
		writeScheduler(p, &s.Scheduler)
	}
	for _, share := range s.Shares {
		if share.User != "" && share.HasFairShare {
			p.Sample(userFairShare, share.FairShare, share.Account, share.User)
		}
	}
	writeReservations(p, s.Reservations)
	writeLicenses(p, s.Licenses)
}

// commandPart is a command of a snapshot, as metrics name it.
type commandPart struct {
	command string
	part    slurm.Part
}

// commandParts are all commands, also those that do not belong to the snapshot.
func commandParts(s *slurm.Snapshot) []commandPart {
	return []commandPart{
		{"scontrol", s.NodesPart}, {"squeue", s.JobsPart}, {"sdiag", s.SchedulerPart}, {"scontrol_reservation", s.ReservationsPart},
		{"scontrol_licenses", s.LicensesPart}, {"sshare", s.SharesPart}, {"sacct", s.EndedPart},
	}
}

// countTRES are the GPUs of a job in its allocated TRES.
func countTRES(j *slurm.Job) (n float64) {
	for _, g := range j.GRES {
		if g.Name == "gpu" {
			n += float64(g.Count)
		}
	}
	return n
}

// microseconds are what sdiag prints times in, as whole numbers.
const microseconds = 1e6

func writeScheduler(p *page.Page, s *slurm.Scheduler) {
	for _, f := range schedulerFamilies {
		if v, ok := s.Values[f.value]; ok {
			if v *= f.scale; f.scale == microseconds {
				v = math.Round(v)
			}
			p.Sample(f.family, v)
		}
	}
	if !s.Since.IsZero() {
		p.Sample(statisticsSince, float64(s.Since.Unix()))
	}
	for _, r := range s.RPCs {
		p.Sample(rpcCount, r.Count, r.Message)
	}
	for _, r := range s.RPCs {
		p.Sample(rpcTime, math.Round(r.Seconds*microseconds), r.Message)
	}
	for _, r := range s.RPCs {
		if r.Count > 0 {
			p.Sample(rpcMean, math.Round(r.Seconds*microseconds)/r.Count, r.Message)
		}
	}
}
