package slurm

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// endedFields are sacct's fields in the order of ParseEnded.
var endedFields = []string{
	"JobID", "JobIDRaw", "Partition", "User", "Account", "State", "NNodes", "NCPUS", "AllocTRES", "NodeList", "Submit", "Eligible", "Start",
	"End",
}

// EndedArgs are the arguments of sacct for ParseEnded: the runs of all jobs that were known
// between two times, one line for each run, without steps.
func EndedArgs(since, until time.Time) []string {
	return []string{
		"-a", "-X", "-D", "-n", "-P", "--delimiter=" + separator, "-o", strings.Join(endedFields, ","),
		"-S", since.UTC().Format(timeLayout), "-E", until.UTC().Format(timeLayout),
	}
}

// ParseEnded reads the output of sacct with EndedArgs, and returns the runs that ended
// between the two times. sacct does not print the number of restarts: it follows from the
// order of a job's runs and from what is known of jobs: before, as it was remembered at since, and now,
// the jobs that slurmctld has. A run that another one followed has the state requeued, whatever ended it. Lines that
// are no job are counted in an error; a last line without all fields means that the output is cut off,
// which is an error without jobs.
func ParseEnded(out []byte, since, until time.Time, zone *time.Location, before, now []Job) ([]Job, error) {
	var all []Job
	var bad int
	var cut bool
	runs := map[string][]int{} // of each job, as indices of all
	for line := range bytes.Lines(out) {
		line = bytes.TrimRight(line, "\r\n")
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		f := strings.Split(string(line), separator)
		tasks, whole := countTasks(f[0])
		if cut = len(f) < len(endedFields); len(line) > maxLine || len(f) != len(endedFields) || f[1] == "" || !whole {
			bad++
			continue
		}
		for i := range f {
			f[i] = known(strings.TrimSpace(f[i]))
		}
		state, _, _ := strings.Cut(strings.ToLower(f[5]), " ") // "CANCELLED by 1000"
		j := Job{
			ID: f[0], RawID: f[1], Tasks: tasks, Partitions: list(f[2]), User: f[3], Account: f[4], State: state, Nodes: number(f[6]),
			CPUs: number(f[7]), GRES: gresOfTRES(f[8]), NodeList: f[9], Submit: moment(f[10], zone), Eligible: moment(f[11], zone),
			Start: moment(f[12], zone), End: moment(f[13], zone),
		}
		if j.NodeList == "None assigned" {
			j.NodeList = ""
		}
		runs[j.RawID] = append(runs[j.RawID], len(all))
		all = append(all, j)
	}
	if cut {
		return nil, cutOff("sacct")
	}
	numberRuns(all, runs, before, now)
	jobs := slices.DeleteFunc(all, func(j Job) bool { return !j.End.After(since) || j.End.After(until) })
	if bad > 0 {
		return jobs, fmt.Errorf("sacct: %d lines do not have %d fields, or have a list of tasks that is cut", bad, len(endedFields))
	}
	return jobs, nil
}

// numberRuns sets the restart counts of jobs' runs, which follow each other. The first one that sacct lists is a job's first
// unless what is known says otherwise.
func numberRuns(all []Job, runs map[string][]int, before, now []Job) {
	first := map[string]int{} // the restart count of each job's first run
	for i := range before {
		j := &before[i]
		for k, at := range runs[j.RawID] {
			if run := &all[at]; run.Start.Equal(j.Start) {
				first[j.RawID] = j.Restarts - k
				break
			} else if run.Start.After(j.Start) { // the next one
				first[j.RawID] = j.Restarts - k
				if !j.Start.IsZero() {
					first[j.RawID]++
				}
				break
			}
		}
	}
	later := map[string]int{} // the restart count in slurmctld
	for i := range now {
		j := &now[i]
		mine := runs[j.RawID]
		if len(mine) == 0 {
			continue
		}
		later[j.RawID] = j.Restarts
		last := &all[mine[len(mine)-1]]
		first[j.RawID] = j.Restarts - len(mine)
		if last.End.IsZero() || last.Start.Equal(j.Start) { // the run that slurmctld has, and not the one before it
			first[j.RawID]++
		}
	}
	for id, mine := range runs {
		for k, at := range mine {
			run := &all[at]
			run.Restarts = max(0, first[id]+k)
			if k < len(mine)-1 || run.Restarts < later[id] {
				run.State = "requeued"
			}
		}
	}
}
