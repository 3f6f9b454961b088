package slurmstat

import (
	"cmp"
	"slices"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/slurm"
)

// HolderLimits bound the series that say who has what.
type HolderLimits struct{ Series int }

// Families of what jobs have.
var (
	nodeJob = gauge("slurm_node_job", fromJobs, "Always 1; one series for each running job on the "+
		"node.", "node", "job_id", "user", "account", "partition")
	gpuJob = gauge("slurm_gpu_job", "scontrol -d show job",
		"Always 1; the labels give the job to which the GPU is allocated. The label device is the GPU's index in gres.conf, as in the "+
			"GPU metrics.",
		"node", "device", "job_id", "user", "account", "partition")
	jobInfo = gauge("slurm_job_info", fromJobs, "Always 1; one series for each running job.", "job_id", "user", "account", "partition")
	jobSize = gauge("slurm_job_nodes", fromJobs, "Number of nodes of a running job.", "job_id")
	jobTime = gauge("slurm_job_start_timestamp_seconds", fromJobs, "Start time of a running job, in Unix seconds.", "job_id")

	holdersLeftOut = gauge("slurm_job_series_left_out", "the head program",
		"Number of job series that are omitted because of --slurm.job-series-max.")
	gpuJobsUnknown = gauge("slurm_gpu_jobs_not_read", "the head program",
		"Number of running jobs on GPU nodes whose GPUs are not known yet; each snapshot reads the GPUs of at most 20 jobs.")
)

// WriteHolders writes who has which nodes and GPUs, for as many jobs as the limit allows,
// the longest-running first.
func WriteHolders(p *page.Page, s *slurm.Snapshot, a *slurm.Allocations, left int, limit HolderLimits) {
	var running []*slurm.Job
	for i := range s.Jobs {
		if j := &s.Jobs[i]; j.State == "running" || j.State == "completing" || j.State == "suspended" {
			running = append(running, j)
		}
	}
	slices.SortFunc(running, func(x, y *slurm.Job) int { return cmp.Or(x.Start.Compare(y.Start), cmp.Compare(x.ID, y.ID)) })
	var shown []holder
	room, out := limit.Series, 0
	for _, j := range running {
		h := holder{job: j}
		h.nodes, _ = slurm.ExpandHosts(j.NodeList, slurm.MaxJobNodes) // a list that cannot be read names no node
		slices.Sort(h.nodes)
		h.nodes = slices.Compact(h.nodes)
		h.gpus, _ = a.Of(j)
		if n := h.series(); n <= room {
			room -= n
			shown = append(shown, h)
		} else {
			out += n
		}
	}
	for _, h := range shown {
		for _, n := range h.nodes {
			p.Sample(nodeJob, 1, n, h.job.ID, h.job.User, h.job.Account, h.job.Partition())
		}
	}
	for _, h := range shown {
		h.eachGPU(func(node, device string) {
			p.Sample(gpuJob, 1, node, device, h.job.ID, h.job.User, h.job.Account, h.job.Partition())
		})
	}
	for _, h := range shown {
		p.Sample(jobInfo, 1, h.job.ID, h.job.User, h.job.Account, h.job.Partition())
	}
	for _, h := range shown {
		p.Sample(jobSize, float64(h.job.Nodes), h.job.ID)
	}
	for _, h := range shown {
		if !h.job.Start.IsZero() {
			p.Sample(jobTime, float64(h.job.Start.Unix()), h.job.ID)
		}
	}
	p.Sample(holdersLeftOut, float64(out))
	p.Sample(gpuJobsUnknown, float64(left))
}

// holder is a running job and what it has.
type holder struct {
	job   *slurm.Job
	nodes []string
	gpus  []slurm.Allocation
}

func (h *holder) series() int {
	n := len(h.nodes) + 3
	h.eachGPU(func(string, string) { n++ })
	return n
}

func (h *holder) eachGPU(f func(node, device string)) {
	for _, a := range h.gpus {
		seen := map[int]bool{}
		for _, g := range a.GRES {
			for _, i := range g.Indices {
				if g.Name == "gpu" && !seen[i] {
					seen[i] = true
					f(a.Node, slurm.DeviceName(i))
				}
			}
		}
	}
}

// countGPUs returns a function that counts a running job's GPUs: those that it is known to
// have, else those in its TRES.
func countGPUs(a *slurm.Allocations) func(*slurm.Job) float64 {
	return func(j *slurm.Job) (n float64) {
		all, known := a.Of(j)
		if !known || len(all) == 0 {
			return countTRES(j)
		}
		for _, one := range all {
			for _, g := range one.GRES {
				if g.Name == "gpu" {
					n += float64(g.Count)
				}
			}
		}
		return n
	}
}
