package slurm

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// separator ends each field of squeue's lines. Slurm prints a field's whole width with
// it. It is a control character that Slurm refuses in the names of users, accounts
// and partitions; free text (a job's name and comment) is not asked for.
const separator = "\x1f"

// jobFields are squeue's fields in the order of Job's parser.
var jobFields = []string{
	"JobArrayID", "JobID", "Partition", "UserName", "Account", "State", "Reason", "NumNodes", "NumCPUs", "tres-alloc",
	"NodeList", "SubmitTime", "EligibleTime", "StartTime", "EndTime", "RestartCnt",
}

// JobsArgs are the arguments of squeue for ParseJobs: all partitions, and jobs in every
// state, finished ones until slurmctld forgets them (MinJobAge).
func JobsArgs() []string {
	return []string{"-h", "-a", "--states=all", "-O", strings.Join(jobFields, ":"+separator+",") + ":" + separator}
}

// Job is a job, or tasks of a job array that are pending together.
type Job struct {
	ID         string // as Slurm prints it: 7, 7_2, 7_[3-9%2], 12+1
	RawID      string // the number of this job or task
	Tasks      int    // 1, or how many tasks of an array stand in this line
	Partitions []string
	User       string
	Account    string
	State      string // in lower case: pending, running, completed, out_of_memory, ...
	Reason     string // why it is pending, or failed
	Nodes      int
	CPUs       int
	GRES       []GRES // allocated; empty where AccountingStorageTRES does not have gres/gpu
	NodeList   string // "gpu-[1-2]"; see ExpandHosts
	Submit     time.Time
	Eligible   time.Time
	Start      time.Time // for a pending job the expected one, if any
	End        time.Time
	Restarts   int
}

// ParseJobs reads the output of squeue with JobsArgs. Lines that are no job are counted
// in an error, beside the jobs that could be read.
func ParseJobs(out []byte, zone *time.Location) ([]Job, error) {
	lines := min(bytes.Count(out, []byte("\n")), len(out)/100) // a job's line has more than 100 bytes
	jobs := make([]Job, 0, lines)
	var bad int
	seen := make(map[string]bool, lines)
	for line := range bytes.Lines(out) {
		line = bytes.TrimRight(line, "\r\n")
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		f := strings.Split(string(line), separator)
		if len(line) > maxLine || len(f) != len(jobFields)+1 || f[0] == "" || f[5] == "" || seen[f[0]] {
			bad++
			continue
		}
		seen[f[0]] = true
		for i := range f {
			f[i] = known(strings.TrimSpace(f[i]))
		}
		jobs = append(jobs, Job{
			ID: f[0], RawID: f[1], Tasks: countTasks(f[0]), Partitions: list(f[2]), User: f[3], Account: f[4],
			State: strings.ToLower(f[5]), Reason: f[6], Nodes: number(f[7]), CPUs: number(f[8]), GRES: gresOfTRES(f[9]), NodeList: f[10],
			Submit: moment(f[11], zone), Eligible: moment(f[12], zone), Start: moment(f[13], zone), End: moment(f[14], zone),
			Restarts: number(f[15]),
		})
	}
	if bad > 0 {
		return jobs, fmt.Errorf("squeue: %d lines do not have %d fields, or are duplicates", bad, len(jobFields))
	}
	return jobs, nil
}

// countTasks is how many tasks of an array an identifier stands for: "7_[1-100000%4]"
// is 100,000, "7_[1,3-5]" is 4, and anything else 1.
func countTasks(id string) int {
	_, tasks, found := strings.Cut(id, "_[")
	if !found {
		return 1
	}
	tasks, _, _ = strings.Cut(strings.TrimSuffix(tasks, "]"), "%")
	n := 0
	for part := range strings.SplitSeq(tasks, ",") {
		span, step, stepped := strings.Cut(part, ":")
		low, high, isRange := strings.Cut(span, "-")
		from, err := strconv.Atoi(low)
		if err != nil {
			continue // "..." where Slurm cut a long list
		}
		to := from
		if isRange {
			if to, err = strconv.Atoi(high); err != nil || to < from {
				continue
			}
		}
		by := 1
		if stepped {
			if by, err = strconv.Atoi(step); err != nil || by < 1 {
				by = 1
			}
		}
		n += (to-from)/by + 1
	}
	return max(n, 1)
}
