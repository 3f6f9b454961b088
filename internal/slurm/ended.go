package slurm

import (
	"bytes"
	"fmt"
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
// order of a job's runs and from now, the jobs that slurmctld knows. Lines that are no job
// are counted in an error; a last line without all fields means that the output is cut off,
// which is an error without jobs.
func ParseEnded(out []byte, since, until time.Time, zone *time.Location, now []Job) ([]Job, error) {
	var jobs []Job
	var bad int
	var cut bool
	runs, last := map[string]int{}, map[string]Job{} // by raw id
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
			Start: moment(f[12], zone), End: moment(f[13], zone), Restarts: runs[f[1]],
		}
		if j.NodeList == "None assigned" {
			j.NodeList = ""
		}
		runs[j.RawID]++
		last[j.RawID] = j
		if j.End.After(since) && !j.End.After(until) {
			jobs = append(jobs, j)
		}
	}
	if cut {
		return nil, cutOff("sacct")
	}
	restarts := map[string]int{} // of each job's last run
	for i := range now {
		j := &now[i]
		run, found := last[j.RawID]
		switch {
		case !found:
		case run.End.IsZero() || run.Start.Equal(j.Start): // the run that slurmctld has
			restarts[j.RawID] = j.Restarts
		default: // slurmctld has the next one
			restarts[j.RawID] = j.Restarts - 1
		}
	}
	for i := range jobs {
		j := &jobs[i]
		j.Restarts += max(0, restarts[j.RawID]-(runs[j.RawID]-1))
	}
	if bad > 0 {
		return jobs, fmt.Errorf("sacct: %d lines do not have %d fields, or have a list of tasks that is cut", bad, len(endedFields))
	}
	return jobs, nil
}
