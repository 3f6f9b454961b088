// Package jobs accounts for the Slurm jobs that run on a node, from the control groups
// that slurmd makes for them.
package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
	"github.com/parascope/parascope/internal/collect/total"
)

// maxJobs bounds the jobs of a page, maxGroups the control groups that are looked at.
const (
	maxJobs   = 512
	maxGroups = 4096
)

func jobFamily(name, help string, kind page.Type, unit, source, where string) *page.Family {
	if where != "" {
		where = "; " + where
	}
	return &page.Family{
		Name: "parascope_job_" + name, Help: help, Type: kind, Unit: unit, Labels: []string{"job_id"}, Source: source,
		Where: "nodes with a running job, with --collector.jobs" + where, Needs: page.NeedsFlag,
	}
}

var (
	cpuSeconds = jobFamily("cpu_seconds_total", "CPU time that the job has used on this node.", page.Counter, "seconds",
		"cpu.stat (v2), cpuacct.usage (v1)", "")
	memory = jobFamily("memory_bytes", "Memory that the job uses on this node, including its page cache.", page.Gauge, "bytes",
		"memory.current (v2), memory.usage_in_bytes (v1)", "")
	memoryPeak = jobFamily("memory_peak_bytes", "Maximum memory that the job has used on this node.", page.Gauge, "bytes",
		"memory.peak (v2), memory.max_usage_in_bytes (v1)", "v2: from Linux 5.19 on")
	oomKills = jobFamily("oom_kills_total", "Processes of the job that the kernel has killed on this node because memory was exhausted.",
		page.Counter,
		"1",
		"memory.events (v2), memory.oom_control (v1)", "v1: from Linux 4.13 on")
	families = []*page.Family{cpuSeconds, memory, memoryPeak, oomKills}
)

// Collector reads a few files for each running job. job_id is Slurm's number of the
// job, of an array's task as well.
var Collector = page.Collector{
	Name:     "jobs",
	Families: families,
	Sources:  []string{"/sys/fs/cgroup/system.slice/*slurmstepd.scope/job_*", "/sys/fs/cgroup/{cpuacct,memory}/slurm*/uid_*/job_*"},
	Open: func(e page.Env) (page.Reader, error) {
		if !e.Jobs {
			return nil, fmt.Errorf("not enabled: %w", page.ErrAbsent)
		}
		root := e.Sys("fs/cgroup")
		if _, err := os.Stat(root); err != nil {
			return nil, err
		}
		return &reader{root: root, kills: map[string]*total.Sum{}}, nil
	},
}

type reader struct {
	root  string
	buf   []byte
	jobs  map[string]*job
	kills map[string]*total.Sum // by job: of groups that end before the job does
}

// job is what one job has; what could not be read is not there.
type job struct {
	id     string
	values [4]float64
	known  [4]bool
}

func (*reader) Close() error { return nil }

func (r *reader) Read(p *page.Page) error {
	r.jobs = map[string]*job{}
	r.readV2()
	if len(r.jobs) == 0 {
		r.readV1()
	}
	ids := make([]string, 0, len(r.jobs))
	for id := range r.jobs {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	for i, f := range families {
		for _, id := range ids {
			if j := r.jobs[id]; j.known[i] {
				p.Sample(f, j.values[i], id)
			}
		}
	}
	for id := range r.kills {
		if r.jobs[id] == nil {
			delete(r.kills, id)
		}
	}
	return nil
}

// find lists the jobs' directories that match the pattern, by job.
func (r *reader) find(pattern string) map[string]string {
	dirs, err := filepath.Glob(filepath.Join(r.root, pattern))
	if err != nil {
		return nil
	}
	found := map[string]string{}
	for _, dir := range dirs {
		id := strings.TrimPrefix(filepath.Base(dir), "job_")
		if read.Digits(id) && len(id) <= 20 && len(found) < maxJobs {
			found[id] = dir
		}
	}
	return found
}

func (r *reader) job(id string) *job {
	j := r.jobs[id]
	if j == nil {
		j = &job{id: id}
		r.jobs[id] = j
	}
	return j
}

func (j *job) set(f *page.Family, v float64, ok bool) {
	if i := slices.Index(families, f); ok {
		j.values[i], j.known[i] = v, true
	}
}

// readV2 reads the unified hierarchy, where a job's group counts for those below it.
func (r *reader) readV2() {
	for id, dir := range r.find("system.slice/*slurmstepd.scope/job_*") {
		micros, ok := r.key(dir+"/cpu.stat", "usage_usec")
		if !ok {
			continue // it ended
		}
		j := r.job(id)
		j.set(cpuSeconds, float64(micros)/1e6, true)
		now, ok := r.number(dir + "/memory.current")
		j.set(memory, float64(now), ok)
		peak, ok := r.number(dir + "/memory.peak")
		j.set(memoryPeak, float64(peak), ok)
		kills, ok := r.key(dir+"/memory.events", "oom_kill")
		j.set(oomKills, float64(kills), ok)
	}
}

// readV1 reads the hierarchies of the controllers.
func (r *reader) readV1() {
	cpus := r.find("cpuacct/slurm*/uid_*/job_*")
	if len(cpus) == 0 {
		cpus = r.find("cpu,cpuacct/slurm*/uid_*/job_*")
	}
	for id, dir := range cpus {
		nanos, ok := r.number(dir + "/cpuacct.usage")
		if ok {
			r.job(id).set(cpuSeconds, float64(nanos)/1e9, true)
		}
	}
	for id, dir := range r.find("memory/slurm*/uid_*/job_*") {
		now, ok := r.number(dir + "/memory.usage_in_bytes")
		if !ok {
			continue
		}
		j := r.job(id)
		j.set(memory, float64(now), true)
		peak, ok := r.number(dir + "/memory.max_usage_in_bytes")
		j.set(memoryPeak, float64(peak), ok)
		r.killsV1(j, dir)
	}
}

// killsV1 adds up the kills of the job's group and of those of its steps and tasks,
// which count for themselves alone.
func (r *reader) killsV1(j *job, dir string) {
	sum := r.kills[j.id]
	if sum == nil {
		sum = &total.Sum{}
		r.kills[j.id] = sum
	}
	sum.Begin(1)
	groups := []string{dir}
	for _, pattern := range []string{"/step_*", "/step_*/task_*"} {
		below, err := filepath.Glob(dir + pattern)
		if err == nil {
			groups = append(groups, below[:min(len(below), maxGroups)]...)
		}
	}
	for _, group := range groups {
		if kills, ok := r.key(group+"/memory.oom_control", "oom_kill"); ok {
			sum.Add([]byte(group), []uint64{kills})
		}
	}
	totals, n := sum.End()
	j.set(oomKills, totals[0], n > 0)
}

// number reads a file of one number.
func (r *reader) number(path string) (uint64, bool) {
	text, err := read.All(path, &r.buf)
	if err != nil {
		return 0, false
	}
	return read.Uint(read.Trim(text))
}

// key reads the number after a name in a file of such lines.
func (r *reader) key(path, name string) (uint64, bool) {
	text, err := read.All(path, &r.buf)
	if err != nil {
		return 0, false
	}
	for {
		line, ok := read.Line(&text)
		if !ok {
			return 0, false
		}
		if word, _ := read.Field(&line); string(word) == name {
			return read.UintField(&line)
		}
	}
}
