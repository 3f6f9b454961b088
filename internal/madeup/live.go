package madeup

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"sync"
	"time"
)

// LiveCluster is the name of the cluster that Live makes up.
const LiveCluster = "demo-made-up"

// LiveHeadInstance is the instance of its head node.
const LiveHeadInstance = "i-00000000000000000"

// Hours of the made-up day that a live cluster goes through again and again. It begins
// where all jobs run and many faults have come; others come within the next hour.
const liveFrom, liveTo, liveBegins = 9.0, 22.0, 13.4

// livePast is how long, in hours, the cluster has been there when it begins.
const livePast = 1

// Live is a made-up cluster with faults whose day goes by with the clock.
type Live struct {
	began time.Time // when it was liveBegins for the first time
	more  int       // nodes with GPUs beside those of the made-up day, without a job

	mu    sync.Mutex
	round int
	day   *Cluster // of the round
}

// NewLive makes a cluster that began at a time. One that began at the same time continues
// where another one stopped. More is how many nodes with GPUs it has beyond the four of the
// day; no job runs on them.
func NewLive(began time.Time, more int) *Live { return &Live{began: began, more: more} }

// at is the cluster and the hour of its day at a time, and when that day ends.
func (l *Live) at(t time.Time) (c *Cluster, hour float64, ends time.Time) {
	passed := t.Sub(l.began).Hours() + liveBegins - liveFrom
	round := math.Floor(passed / (liveTo - liveFrom))
	passed -= round * (liveTo - liveFrom)
	hour = liveFrom + passed
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.day == nil || l.round != int(round) {
		l.round, l.day = int(round), liveDay(l.midnight(round), round <= 0, l.more)
	}
	return l.day, hour, t.Add(time.Duration((liveTo - hour) * float64(time.Hour)))
}

// midnight is when the day of a round begins, in Unix seconds.
func (l *Live) midnight(round float64) float64 {
	return float64(l.began.UnixMilli())/1000 + 3600*(round*(liveTo-liveFrom)-liveBegins)
}

// liveDay is a day on which jobs begin shortly before liveBegins, and values move. The
// first one's machines were started when the cluster was, those of others in the morning.
func liveDay(midnight float64, first bool, more int) *Cluster {
	some, many, from := Tunes, Solve, liveFrom
	some.From, many.From = 12.75, 13
	if first {
		from = liveBegins - livePast
	}
	c := NewCluster(LiveCluster, midnight, true, 4+more, Trains, some, many)
	for operation, micros := range map[string]float64{"REQUEST_PARTITION_INFO": 4.1e9, "REQUEST_NODE_INFO": 3.2e9,
		"REQUEST_JOB_INFO": 2.4e9, "MESSAGE_NODE_REGISTRATION_STATUS": 9e8, "REQUEST_SUBMIT_BATCH_JOB": 2e8} {
		c.Machines[0].Page("slurm").Add(OurFamilies().Of("slurm_rpc_stats_total_time"), Flat(micros), "operation", operation)
	}
	for _, m := range c.Machines {
		for _, e := range m.Pages {
			for _, s := range e.Series {
				if share, ok := moving[s.Name]; ok {
					s.wave = wave{share, phase(m.Name, s)}
				}
				if s.Counter && (s.Of == nil || s.Of(from)) {
					s.Base = -s.Level.grown(from, s.wave)
				}
			}
		}
	}
	return c
}

// phase differs between machines and GPUs, and is the same every day. What a CPU does not do
// is the other way round to what it does.
func phase(machine string, s *Series) float64 {
	h := fnv.New32a()
	fmt.Fprint(h, machine, s.Name)
	for i, name := range s.Labels {
		if name == "gpu" {
			fmt.Fprint(h, s.Values[i])
		}
	}
	p := float64(h.Sum32()%628) / 100
	if s.Name == "node_cpu_seconds_total" && slices.Contains(s.Values, "idle") {
		p += math.Pi
	}
	return p
}

// moving are by how much of their level values move.
var moving = map[string]float64{
	"DCGM_FI_DEV_GPU_UTIL": 0.01, "DCGM_FI_PROF_SM_ACTIVE": 0.02, "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": 0.06,
	"DCGM_FI_PROF_DRAM_ACTIVE": 0.05, "DCGM_FI_DEV_POWER_USAGE": 0.03, "DCGM_FI_DEV_GPU_TEMP": 0.02,
	"DCGM_FI_DEV_NVLINK_COUNT_TX_BYTES": 0.1, "DCGM_FI_DEV_NVLINK_COUNT_RX_BYTES": 0.1,
	"node_cpu_seconds_total": 0.04, "node_load1": 0.04, "node_memory_MemAvailable_bytes": 0.04,
	"node_pressure_cpu_waiting_seconds_total": 0.2, "node_pressure_io_waiting_seconds_total": 0.2,
	"node_network_receive_bytes_total": 0.2, "node_network_transmit_bytes_total": 0.2,
	"node_disk_read_bytes_total": 0.3, "node_disk_written_bytes_total": 0.3, "node_disk_io_time_seconds_total": 0.2,
	"node_amazonefa_tx_bytes": 0.1, "node_amazonefa_rx_bytes": 0.1, "node_amazonefa_rdma_read_bytes": 0.1,
	"node_amazonefa_rdma_write_bytes": 0.1, "node_lustre_read_bytes_total": 0.25, "node_lustre_write_bytes_total": 0.25,
	"node_lustre_operations_total": 0.2, "node_nfs_rpcs_total": 0.2,
	"slurm_scheduler_last_cycle": 0.2, "slurm_scheduler_backfill_last_cycle": 0.2,
}

// LiveJobs are the scrape jobs of the live cluster.
func LiveJobs() []string { return []string{"node", "dcgm", "slurm", "pcluster", "head"} }

// HonorsLabels reports whether a job's pages keep their own labels: they are about other
// nodes than the one that serves them.
func HonorsLabels(job string) bool { return job == "slurm" || job == "pcluster" }

// Targets are the machines that have a page of a job at a time, and each one's labels.
func (l *Live) Targets(t time.Time, job string) map[string]map[string]string {
	c, hour, _ := l.at(t)
	all := map[string]map[string]string{}
	for _, m := range c.Machines {
		if m.Pages[job] != nil && m.There(hour) {
			all[m.Name] = m.labelsOf(c, job)
		}
	}
	return all
}

// labelsOf are the labels of a machine's target.
func (m *Machine) labelsOf(c *Cluster, job string) map[string]string {
	labels := m.TargetLabels(job)
	labels["cluster"], labels["job"] = c.Name, job
	return labels
}

// Page is what a machine's exporter prints at a time, in Prometheus' text format; nil where
// it does not answer.
func (l *Live) Page(t time.Time, machine, job string) []byte {
	c, hour, _ := l.at(t)
	for _, m := range c.Machines {
		if m.Name == machine && m.Pages[job] != nil && m.There(hour) && m.Answers(hour) {
			return m.Pages[job].Text(hour)
		}
	}
	return nil
}
