package slurmstat

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/slurm"
)

// maxOwners is how many users and accounts have series of their own; the others are
// "other" together.
const maxOwners = 50

// owner is what an account or a user has.
type owner struct{ pending, running, cpus, gpus float64 }

// waiting is what is pending in a partition.
type waiting struct {
	reasons map[string]float64
	ages    []age // of the jobs that could run
}

type age struct {
	seconds float64
	tasks   int
}

// jobCounts are the sums of a snapshot's jobs.
type jobCounts struct {
	states     map[string]float64
	partitions map[string]map[string]float64
	waiting    map[string]*waiting
	accounts   map[string]*owner
	users      map[string]*owner
}

// writeJobs writes what a snapshot's jobs are and wait for. The nodes say where capacity
// is lacking. gpusOf returns the GPUs of a running job.
func writeJobs(p *page.Page, s *slurm.Snapshot, gpusOf func(*slurm.Job) float64) {
	c := countJobs(s, gpusOf)
	for i, state := range JobStates {
		p.Sample(jobFamilies[i], c.states[state])
	}
	names := slices.Sorted(maps.Keys(c.partitions))
	for _, name := range names {
		for _, state := range JobStates {
			if n := c.partitions[name][state]; n > 0 || state == "pending" || state == "running" {
				p.Sample(partitionJobs, n, name, state)
			}
		}
	}
	writeWaiting(p, c.waiting)
	writeOwners(p, c.accounts, accountPending, accountRunning, accountCPUs, accountGPUs)
	writeOwners(p, c.users, userPending, userRunning, userCPUs, userGPUs)
}

func countJobs(s *slurm.Snapshot, gpusOf func(*slurm.Job) float64) jobCounts {
	c := jobCounts{
		states: map[string]float64{}, partitions: map[string]map[string]float64{}, waiting: map[string]*waiting{},
		accounts: map[string]*owner{}, users: map[string]*owner{},
	}
	lacking := lackingPartitions(s.Nodes)
	for i := range s.Nodes { // partitions without jobs have zeros
		for _, name := range s.Nodes[i].Partitions {
			c.partition(name)
		}
	}
	for i := range s.Jobs {
		j := &s.Jobs[i]
		state := j.State
		if !slices.Contains(JobStates, state) {
			state = "other"
		}
		tasks := float64(j.Tasks)
		c.states[state] += tasks
		for _, name := range j.Partitions {
			c.partition(name)[state] += tasks
		}
		switch state {
		case "pending":
			c.wait(j, s.Time, lacking)
			get(c.accounts, j.Account).pending += tasks
			get(c.users, j.User).pending += tasks
		case "running", "completing":
			gpus := gpusOf(j)
			for _, o := range []*owner{get(c.accounts, j.Account), get(c.users, j.User)} {
				o.running += tasks
				o.cpus += float64(j.CPUs)
				o.gpus += gpus
			}
		}
	}
	return c
}

func (c *jobCounts) partition(name string) map[string]float64 {
	if c.partitions[name] == nil {
		c.partitions[name] = map[string]float64{}
	}
	return c.partitions[name]
}

// wait counts a pending job in each of its partitions: by class of reason and, where it
// could run, by the time since it could.
func (c *jobCounts) wait(j *slurm.Job, now time.Time, lacking map[string]bool) {
	for _, name := range j.Partitions {
		w := c.waiting[name]
		if w == nil {
			w = &waiting{reasons: map[string]float64{}}
			c.waiting[name] = w
		}
		class := ClassifyReason(j.Reason, j.Restarts > 0, lacking[name])
		w.reasons[class] += float64(j.Tasks)
		switch class {
		case ReasonHeld, ReasonDependency, ReasonTime:
			continue
		}
		if since := cmp.Or(j.Eligible.Unix(), j.Submit.Unix()); !j.Eligible.IsZero() && since <= now.Unix() {
			w.ages = append(w.ages, age{float64(now.Unix() - since), j.Tasks})
		}
	}
}

// lackingPartitions are the partitions that have a node without an instance for want of capacity.
func lackingPartitions(nodes []slurm.Node) map[string]bool {
	lacking := map[string]bool{}
	for i := range nodes {
		if LacksCapacity(&nodes[i]) {
			for _, name := range nodes[i].Partitions {
				lacking[name] = true
			}
		}
	}
	return lacking
}

func writeWaiting(p *page.Page, all map[string]*waiting) {
	names := slices.Sorted(maps.Keys(all))
	for _, name := range names {
		for _, class := range PendingReasons {
			if n := all[name].reasons[class]; n > 0 {
				p.Sample(pendingReason, n, name, class)
			}
		}
	}
	for _, name := range names {
		w := all[name]
		slices.SortFunc(w.ages, func(a, b age) int { return cmp.Compare(a.seconds, b.seconds) })
		if len(w.ages) > 0 {
			p.Sample(pendingOldest, w.ages[len(w.ages)-1].seconds, name)
		}
	}
	for _, name := range names {
		if ages := all[name].ages; len(ages) > 0 {
			p.Sample(pendingMedian, medianAge(ages), name)
		}
	}
}

// medianAge is the age of the task in the middle; the ages are sorted and not empty.
func medianAge(ages []age) float64 {
	total := 0
	for _, a := range ages {
		total += a.tasks
	}
	middle := (total - 1) / 2
	for _, a := range ages {
		if middle -= a.tasks; middle < 0 {
			return a.seconds
		}
	}
	return ages[len(ages)-1].seconds
}

func get(owners map[string]*owner, name string) *owner {
	if owners[name] == nil {
		owners[name] = &owner{}
	}
	return owners[name]
}

// writeOwners writes the owners with most running CPUs, then most pending jobs; the others
// are one.
func writeOwners(p *page.Page, all map[string]*owner, pending, running, cpus, gpus *page.Family) {
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(all[b].cpus, all[a].cpus), cmp.Compare(all[b].pending, all[a].pending), cmp.Compare(a, b))
	})
	shown := map[string]owner{}
	for i, name := range names {
		label := name
		if i >= maxOwners {
			label = "other"
		}
		o, more := shown[label], all[name]
		shown[label] = owner{o.pending + more.pending, o.running + more.running, o.cpus + more.cpus, o.gpus + more.gpus}
	}
	labels := slices.Sorted(maps.Keys(shown))
	for _, f := range []struct {
		family *page.Family
		value  func(owner) float64
	}{
		{pending, func(o owner) float64 { return o.pending }}, {running, func(o owner) float64 { return o.running }},
		{cpus, func(o owner) float64 { return o.cpus }}, {gpus, func(o owner) float64 { return o.gpus }},
	} {
		for _, label := range labels {
			p.Sample(f.family, f.value(shown[label]), label)
		}
	}
}
