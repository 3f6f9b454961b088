// Package slurm writes Slurm's configuration as ParallelCluster lays it out, and
// asks and tells slurmctld about nodes.
package slurm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parascope/parascope/testbed/config"
)

// Etc is where the configuration is, on all nodes.
const Etc = "/opt/slurm/etc"

// Pace is how fast a cluster lives. ParallelCluster's own is Real; tests hurry.
type Pace struct {
	ManagementInterval time.Duration // of clustermgtd
	ScaledownIdle      time.Duration // 0: what the configuration says
	SuspendTimeout     time.Duration
	ResumeTimeout      time.Duration // 0: what the configuration says
	PowerSaveInterval  time.Duration
}

// Real is the pace of ParallelCluster.
func Real() Pace {
	return Pace{ManagementInterval: time.Minute, SuspendTimeout: 2 * time.Minute, PowerSaveInterval: 30 * time.Second}
}

// Head is where slurmctld runs.
type Head struct{ Hostname, Address string }

// NodeNames are those of a compute resource that Slurm knows: static and dynamic ones.
func NodeNames(queue string, r config.ComputeResource) []string {
	var names []string
	for i := range r.Static() {
		names = append(names, fmt.Sprintf("%s-st-%s-%d", queue, r.Name, i+1))
	}
	for i := range r.Dynamic() {
		names = append(names, fmt.Sprintf("%s-dy-%s-%d", queue, r.Name, i+1))
	}
	return names
}

// StaticNodes are all that are always there.
func StaticNodes(c *config.Cluster) []string {
	var names []string
	for _, q := range c.Scheduling.SlurmQueues {
		for _, r := range q.ComputeResources {
			names = append(names, NodeNames(q.Name, r)[:r.Static()]...)
		}
	}
	return names
}

// Write writes all files below dir, which is Etc as the caller sees it.
func Write(dir, cluster string, c *config.Cluster, h Head, p Pace) error {
	files := map[string]string{
		"slurm.conf":                      main(cluster, p),
		"gres.conf":                       "include " + Etc + "/slurm_parallelcluster_gres.conf\n",
		"slurm_parallelcluster.conf":      managed(c, h, p),
		"slurm_parallelcluster_gres.conf": managedComment,
		"cgroup.conf":                     "# The test bed's Slurm uses no control groups.\nCgroupPlugin=cgroup/v1\n",
		"pcluster/custom_slurm_settings_include_file_slurm.conf": custom(c),
		// ParallelCluster has its health checks in these folders; Slurm wants that there is something.
		"scripts/prolog.d/90_testbed": "#!/bin/sh\nexit 0\n",
		"scripts/epilog.d/90_testbed": "#!/bin/sh\nexit 0\n",
	}
	for _, q := range c.Scheduling.SlurmQueues {
		files["pcluster/slurm_parallelcluster_"+q.Name+"_partition.conf"] = partition(q, q.Name == c.Scheduling.SlurmQueues[0].Name)
		files["pcluster/slurm_parallelcluster_"+q.Name+"_gres.conf"] = gres(q)
		files["slurm_parallelcluster_gres.conf"] += "include " + Etc + "/pcluster/slurm_parallelcluster_" + q.Name + "_gres.conf\n"
	}
	for name, text := range files {
		file, mode := filepath.Join(dir, name), os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("write Slurm's configuration: %w", err)
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			return fmt.Errorf("write Slurm's configuration: %w", err)
		}
	}
	return nil
}

// main is the file that ParallelCluster writes once. Lines that differ from its own
// say so: this Slurm is Debian's, and there are no control groups.
func main(cluster string, p Pace) string {
	return `ClusterName=` + cluster + `
SlurmUser=slurm
SlurmctldPort=6820-6829
SlurmdPort=6818
AuthType=auth/munge
StateSaveLocation=/var/spool/slurm.state
SlurmdSpoolDir=/var/spool/slurmd
SwitchType=switch/none
SlurmctldPidFile=/var/run/slurmctld/slurmctld.pid
SlurmdPidFile=/var/run/slurmd.pid
ReconfigFlags=KeepPartState
# power saving
SlurmctldParameters=idle_on_node_suspend,power_save_min_interval=` + seconds(p.PowerSaveInterval) + `
TreeWidth=65533
SuspendProgram=/opt/parallelcluster/scripts/slurm/slurm_suspend
ResumeProgram=/opt/parallelcluster/scripts/slurm/slurm_resume
ResumeFailProgram=/opt/parallelcluster/scripts/slurm/slurm_suspend
SuspendTimeout=` + seconds(p.SuspendTimeout) + `
PrivateData=cloud
ResumeRate=0
SuspendRate=0
Prolog=` + Etc + `/scripts/prolog.d/*
Epilog=` + Etc + `/scripts/epilog.d/*
SchedulerParameters=nohold_on_prolog_fail
BatchStartTimeout=180
SlurmctldTimeout=300
SlurmdTimeout=180
UnkillableStepTimeout=180
InactiveLimit=0
MinJobAge=300
KillWait=30
WaitTime=0
MessageTimeout=60
EnforcePartLimits=ALL
SchedulerType=sched/backfill
MpiDefault=none
ReturnToService=1
GresTypes=gpu
SelectType=select/cons_tres
SlurmctldDebug=verbose
SlurmctldLogFile=/var/log/slurmctld.log
SlurmdDebug=info
SlurmdLogFile=/var/log/slurmd.log
DebugFlags=Power
JobCompType=jobcomp/none
# the test bed's: no control groups, and machines have the processors and the memory that they are said to have
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
SlurmdParameters=config_overrides
include slurm_parallelcluster.conf
include pcluster/custom_slurm_settings_include_file_slurm.conf
`
}

const managedComment = `# This file is managed by the pcluster processes.
# Do not modify.

`

func managed(c *config.Cluster, h Head, p Pace) string {
	var b strings.Builder
	idle := 10 * time.Minute
	if m := c.Scheduling.SlurmSettings.ScaledownIdletime; m != nil {
		idle = time.Duration(*m) * time.Minute
	}
	if p.ScaledownIdle > 0 {
		idle = p.ScaledownIdle
	}
	resume := 30 * time.Minute
	if s := c.DevSettings.Timeouts.ComputeNodeBootstrapTimeout; s > 0 {
		resume = time.Duration(s) * time.Second
	}
	if p.ResumeTimeout > 0 {
		resume = p.ResumeTimeout
	}
	fmt.Fprintf(&b, "%sSlurmctldHost=%s(%s)\nSuspendTime=%s\nResumeTimeout=%s\nSelectTypeParameters=CR_CPU\n\n", managedComment, h.Hostname,
		h.Address, seconds(idle), seconds(resume))
	if c.Scheduling.SlurmSettings.Database != nil {
		fmt.Fprintf(&b, "AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=%s\nAccountingStoragePort=6819\n"+
			"AccountingStorageUser=slurm\n\n", h.Hostname)
	}
	for _, q := range c.Scheduling.SlurmQueues {
		fmt.Fprintf(&b, "include %s/pcluster/slurm_parallelcluster_%s_partition.conf\n", Etc, q.Name)
	}
	if static := StaticNodes(c); len(static) > 0 {
		fmt.Fprintf(&b, "\nSuspendExcNodes=%s\n", strings.Join(static, ","))
	}
	return b.String()
}

// nodeSets are a compute resource's two groups of nodes, as Slurm writes them.
func nodeSets(queue string, r config.ComputeResource) (names, features []string, weights []int) {
	for _, s := range []struct {
		short, long string
		count       int
		weight      int
	}{{"st", "static", r.Static(), 1}, {"dy", "dynamic", r.Dynamic(), 1000}} {
		if s.count > 0 {
			names = append(names, fmt.Sprintf("%s-%s-%s-[1-%d]", queue, s.short, r.Name, s.count))
			features = append(features, s.long)
			weights = append(weights, s.weight)
		}
	}
	return names, features, weights
}

func partition(q config.Queue, first bool) string {
	var b strings.Builder
	b.WriteString("# This file is automatically generated by pcluster\n\n")
	var all []string
	for _, r := range q.ComputeResources {
		t := TypeOf(r.Type())
		names, kinds, weights := nodeSets(q.Name, r)
		for i, name := range names {
			features := kinds[i] + "," + r.Type() + "," + r.Name
			if r.Efa.Enabled {
				features += ",efa"
			}
			line := fmt.Sprintf(
				"NodeName=%s CPUs=%d RealMemory=%d State=CLOUD Feature=%s Weight=%d",
				name,
				t.CPUs,
				t.MemoryMiB*95/100,
				features,
				weights[i],
			)
			if t.GPUs > 0 {
				line = strings.Replace(line, " Weight", ",gpu Weight", 1) + fmt.Sprintf(" Gres=gpu:%s:%d", t.GPU, t.GPUs)
			}
			b.WriteString(line + "\n")
			all = append(all, name)
		}
	}
	fmt.Fprintf(
		&b,
		"\nNodeSet=%s_nodes Nodes=%s\nPartitionName=%s Nodes=%s_nodes MaxTime=INFINITE State=UP",
		q.Name,
		strings.Join(all, ","),
		q.Name,
		q.Name,
	)
	if first {
		b.WriteString(" Default=YES")
	}
	return b.String() + "\n"
}

func gres(q config.Queue) string {
	text := "# This file is automatically generated by pcluster\n"
	for _, r := range q.ComputeResources {
		t := TypeOf(r.Type())
		names, _, _ := nodeSets(q.Name, r)
		for _, name := range names {
			if t.GPUs > 0 {
				text += fmt.Sprintf("NodeName=%s Name=gpu Type=%s File=/dev/nvidia[0-%d]\n", name, t.GPU, t.GPUs-1)
			}
		}
	}
	return strings.ReplaceAll(text, "[0-0]", "0")
}

func custom(c *config.Cluster) string {
	text := managedComment
	for _, section := range c.Scheduling.SlurmSettings.CustomSlurmSettings {
		for key, value := range section {
			text += fmt.Sprintf("%s=%v\n", key, value)
		}
	}
	return text
}

func seconds(d time.Duration) string { return fmt.Sprint(int(d.Round(time.Second).Seconds())) }
