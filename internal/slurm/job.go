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
var jobFields = [...]string{
	"JobArrayID", "JobID", "Partition", "UserName", "Account", "State", "Reason", "NumNodes", "NumCPUs", "tres-alloc",
	"NodeList", "SubmitTime", "EligibleTime", "StartTime", "EndTime", "RestartCnt",
}

// JobsArgs are the arguments of squeue for ParseJobs: all partitions, and jobs in every
// state, finished ones until slurmctld forgets them (MinJobAge).
func JobsArgs() []string {
	return []string{"-h", "-a", "--states=all", "-O", strings.Join(jobFields[:], ":"+separator+",") + ":" + separator}
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
// in an error, beside the jobs that could be read. A last line without all fields means that
// the output is cut off, which is an error without jobs.
func ParseJobs(out []byte, zone *time.Location) ([]Job, error) {
	lines := min(bytes.Count(out, []byte("\n")), len(out)/100) // a job's line has more than 100 bytes
	jobs := make([]Job, 0, lines)
	var bad int
	var cut bool
	seen := make(map[string]bool, lines)
	p := jobParser{zone: zone, states: map[string]string{}, partitions: map[string][]string{}}
	for line := range strings.Lines(string(out)) { // all fields are parts of one string
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		cut = strings.Count(line, separator) < len(jobFields)
		j, ok := p.parse(line)
		if !ok || seen[j.ID] {
			bad++
			continue
		}
		seen[j.ID] = true
		jobs = append(jobs, j)
	}
	switch {
	case cut:
		return nil, cutOff("squeue")
	case bad > 0:
		return jobs, fmt.Errorf("squeue: %d lines do not have %d fields, are duplicates, or have a list of tasks that is cut",
			bad, len(jobFields))
	}
	return jobs, nil
}

// jobParser remembers what many lines have in common.
type jobParser struct {
	zone       *time.Location
	fields     [len(jobFields) + 1]string // and what is behind the last one
	states     map[string]string
	partitions map[string][]string
}

// parse reads a line; false if it is no job.
func (p *jobParser) parse(line string) (Job, bool) {
	f := &p.fields
	if len(line) > maxLine || strings.Count(line, separator) != len(f)-1 {
		return Job{}, false
	}
	for i := range f {
		f[i], line, _ = strings.Cut(line, separator)
	}
	if f[0] == "" || f[5] == "" {
		return Job{}, false
	}
	for i := range f {
		f[i] = known(strings.TrimSpace(f[i]))
	}
	tasks, ok := countTasks(f[0])
	if !ok {
		return Job{}, false
	}
	j := Job{
		ID: f[0], RawID: f[1], Tasks: tasks, Partitions: p.list(f[2]), User: f[3], Account: f[4],
		State: p.state(f[5]), Reason: f[6], Nodes: number(f[7]), CPUs: number(f[8]), GRES: gresOfTRES(f[9]), NodeList: f[10],
		Submit: moment(f[11], p.zone), Start: moment(f[13], p.zone), End: moment(f[14], p.zone), Restarts: number(f[15]),
	}
	j.Eligible = j.Submit // as nearly all jobs are
	if f[12] != f[11] {
		j.Eligible = moment(f[12], p.zone)
	}
	return j, true
}

func (p *jobParser) state(text string) string {
	lower, found := p.states[text]
	if !found {
		lower = strings.ToLower(text)
		p.states[text] = lower
	}
	return lower
}

// list returns the same list for the same text: nobody changes it.
func (p *jobParser) list(text string) []string {
	all, found := p.partitions[text]
	if !found {
		all = list(text)
		p.partitions[text] = all
	}
	return all
}

// maxTask bounds the numbers of an array's tasks: Slurm's MaxArraySize is 4,000,001 at most.
const maxTask = 1 << 24

// countTasks is how many tasks of an array an identifier stands for: "7_[1-100000%4]"
// is 100,000, "7_[1,3-5]" is 4, and anything else 1. False where the list is not whole, as when Slurm
// cuts it: "7_[1,3,...]".
func countTasks(id string) (n int, ok bool) {
	_, tasks, found := strings.Cut(id, "_[")
	if !found {
		return 1, true
	}
	tasks, found = strings.CutSuffix(tasks, "]")
	tasks, _, _ = strings.Cut(tasks, "%")
	for part := range strings.SplitSeq(tasks, ",") {
		span, step, stepped := strings.Cut(part, ":")
		low, high, isRange := strings.Cut(span, "-")
		if !isRange {
			high = low
		}
		if !stepped {
			step = "1"
		}
		from, err1 := strconv.ParseUint(low, 10, 64)
		to, err2 := strconv.ParseUint(high, 10, 64)
		by, err3 := strconv.ParseUint(step, 10, 64)
		if !found || err1 != nil || err2 != nil || err3 != nil || to < from || to > maxTask || by == 0 || n > maxTask {
			return 0, false
		}
		n += int((to-from)/by) + 1
	}
	return n, true
}
