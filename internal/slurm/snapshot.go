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

	Nodes        []Node
	Jobs         []Job
	Scheduler    Scheduler
	Reservations []Reservation
	Licenses     []License
	Shares       []Share
	Ended        []Job // those that ended in a time nobody looked; see Tools.TakeEnded

	NodesPart, JobsPart, SchedulerPart, ReservationsPart, LicensesPart, SharesPart, EndedPart Part
}

// NodesRead and JobsRead report whether the command was read, but for single lines.
func (s *Snapshot) NodesRead() bool { return s.NodesPart.Err == nil || len(s.Nodes) > 0 }
func (s *Snapshot) JobsRead() bool  { return s.JobsPart.Err == nil || len(s.Jobs) > 0 }

// Answered reports whether slurmctld answered a command, also one of whose output single lines could not be read.
func (s *Snapshot) Answered() bool {
	return s.NodesRead() || s.JobsRead() || s.SchedulerPart.Err == nil || s.ReservationsPart.Err == nil || s.LicensesPart.Err == nil
}

// Took is the time that all commands took together.
func (s Snapshot) Took() time.Duration {
	return s.NodesPart.Took + s.JobsPart.Took + s.SchedulerPart.Took + s.ReservationsPart.Took + s.LicensesPart.Took + s.SharesPart.Took
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
		for _, p := range []*Part{&s.NodesPart, &s.JobsPart, &s.SchedulerPart, &s.ReservationsPart, &s.LicensesPart} {
			p.Err = err
		}
		if o.Shares {
			s.SharesPart.Err = err
		}
		return s
	}
	read := func(p *Part, parse func(out []byte) error, name string, args ...string) {
		began := o.Now()
		out, err := t.run(ctx, name, args...)
		if err == nil {
			err = parse(out)
		}
		p.Err, p.Took = err, o.Now().Sub(began)
	}
	read(&s.NodesPart, func(out []byte) (err error) {
		s.Nodes, err = ParseNodes(out, time.UTC)
		return err
	}, "scontrol", NodesArgs...)
	read(&s.JobsPart, func(out []byte) (err error) {
		s.Jobs, err = ParseJobs(out, time.UTC)
		return err
	}, "squeue", JobsArgs()...)
	read(&s.SchedulerPart, func(out []byte) (err error) {
		s.Scheduler, err = ParseScheduler(out)
		return err
	}, "sdiag")
	read(&s.ReservationsPart, func(out []byte) (err error) {
		s.Reservations, err = ParseReservations(out, time.UTC)
		return err
	}, "scontrol", ReservationsArgs...)
	read(&s.LicensesPart, func(out []byte) (err error) {
		s.Licenses, err = ParseLicenses(out)
		return err
	}, "scontrol", LicensesArgs...)
	if o.Shares {
		read(&s.SharesPart, func(out []byte) (err error) {
			s.Shares, err = ParseShares(out)
			return err
		}, "sshare", SharesArgs...)
	}
	return s
}

// TakeEnded adds to a snapshot the jobs that ended since a time, which it asks slurmdbd for. What was known of jobs then
// says which of their runs these are.
func (t Tools) TakeEnded(ctx context.Context, s *Snapshot, since time.Time, before []Job, now func() time.Time) {
	began := now()
	out, err := t.run(ctx, "sacct", EndedArgs(since, s.Time)...)
	if err == nil {
		s.Ended, err = ParseEnded(out, since, s.Time, time.UTC, before, s.Jobs)
	}
	s.EndedPart = Part{Took: now().Sub(began), Err: err}
}

// ReadController asks for slurmctld's configuration.
func (t Tools) ReadController(ctx context.Context) (Controller, error) {
	out, err := t.run(ctx, "scontrol", ControllerArgs...)
	if err != nil {
		return Controller{}, err
	}
	return ParseController(out)
}
