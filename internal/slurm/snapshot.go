package slurm

import (
	"context"
	"time"
)

// Part is one command's share of a snapshot: what it took, or why there is nothing.
type Part struct {
	Took time.Duration
	Err  error // also beside results, where single lines could not be read
}

// Snapshot is the state of the cluster at about one time. A part that failed is empty.
type Snapshot struct {
	Time time.Time // when the first command began

	Nodes     []Node
	Jobs      []Job
	Scheduler Scheduler
	Shares    []Share

	NodesPart, JobsPart, SchedulerPart, SharesPart Part
}

// NodesRead and JobsRead report whether the command was read, but for single lines.
func (s *Snapshot) NodesRead() bool { return s.NodesPart.Err == nil || len(s.Nodes) > 0 }
func (s *Snapshot) JobsRead() bool  { return s.JobsPart.Err == nil || len(s.Jobs) > 0 }

// Took is the time that all commands took together.
func (s Snapshot) Took() time.Duration {
	return s.NodesPart.Took + s.JobsPart.Took + s.SchedulerPart.Took + s.SharesPart.Took
}

// TakeOptions say what belongs to a snapshot beyond nodes, jobs and the scheduler.
type TakeOptions struct {
	Shares bool // fair share, where there is accounting
	Now    func() time.Time
}

// Take asks slurmctld for a snapshot, one command after the other. Each is bounded by
// the tools' timeout; one that fails costs its own part only. Where slurmctld is down all
// parts fail at once: each command would try for a minute to reach it.
func Take(ctx context.Context, t Tools, o TakeOptions) Snapshot {
	s := Snapshot{Time: o.Now()}
	if err := t.checkController(ctx); err != nil {
		s.NodesPart.Err, s.JobsPart.Err, s.SchedulerPart.Err = err, err, err
		if o.Shares {
			s.SharesPart.Err = err
		}
		return s
	}
	measure := func(p *Part, f func() error) {
		began := o.Now()
		p.Err = f()
		p.Took = o.Now().Sub(began)
	}
	measure(&s.NodesPart, func() error {
		out, err := t.run(ctx, "scontrol", NodesArgs...)
		if err != nil {
			return err
		}
		s.Nodes, err = ParseNodes(out, time.UTC)
		return err
	})
	measure(&s.JobsPart, func() error {
		out, err := t.run(ctx, "squeue", JobsArgs()...)
		if err != nil {
			return err
		}
		s.Jobs, err = ParseJobs(out, time.UTC)
		return err
	})
	measure(&s.SchedulerPart, func() error {
		out, err := t.run(ctx, "sdiag")
		if err != nil {
			return err
		}
		s.Scheduler, err = ParseScheduler(out)
		return err
	})
	if o.Shares {
		measure(&s.SharesPart, func() error {
			out, err := t.run(ctx, "sshare", SharesArgs...)
			if err != nil {
				return err
			}
			s.Shares, err = ParseShares(out)
			return err
		})
	}
	return s
}
