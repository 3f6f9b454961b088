package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// separator ends squeue's fields, as the head asks for them.
const separator = "\x1f"

// cluster is the size of a made-up cluster. Of ten nodes seven run a job on all of their
// eight GPUs, two are idle and one is powered down.
type cluster struct{ nodes, jobs int }

// running is how many nodes run a job; jobs on whole nodes have numbers from 1 on.
func (c cluster) running() int { return c.nodes * 7 / 10 }

func nodeName(i int) string { return fmt.Sprintf("gpu-dy-p5-%d", i+1) }

// writeTools writes scripts in place of Slurm's commands, which print the cluster.
func (c cluster) writeTools(dir string) error {
	files := map[string]string{
		"nodes.txt": c.nodesText(), "jobs.txt": c.jobsText(), "job.txt": jobText, "sdiag.txt": sdiagText,
		"config.txt": "SLURM_VERSION = 24.11.6\nClusterName = bench\nMinJobAge = 300 sec\nAccountingStorageType = (null)\n",
		"scontrol": `#!/bin/sh
cd "$(dirname "$0")"
case "$*" in
*"show nodes"*) exec cat nodes.txt ;;
*"show config"*) exec cat config.txt ;;
*"show reservation"*) echo "No reservations in the system" ;;
*"show licenses"*) echo "No licenses configured in Slurm." ;;
*"show job"*) for id; do :; done; exec sed "s/@ID@/$id/g" job.txt ;;
esac
`,
		"squeue": "#!/bin/sh\nexec cat \"$(dirname \"$0\")/jobs.txt\"\n",
		"sdiag":  "#!/bin/sh\nexec cat \"$(dirname \"$0\")/sdiag.txt\"\n",
	}
	var all error
	for name, text := range files {
		all = errors.Join(all, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700))
	}
	return all
}

func (c cluster) nodesText() string {
	var b strings.Builder
	for i := range c.nodes {
		alloc, used, state := 0, "gpu:h100:0(IDX:N/A)", "IDLE+CLOUD"
		switch {
		case i < c.running():
			alloc, used, state = 192, "gpu:h100:8(IDX:0-7)", "ALLOCATED+CLOUD"
		case i >= c.nodes*9/10:
			state = "IDLE+CLOUD+POWERED_DOWN"
		}
		fmt.Fprintf(&b, "NodeName=%[1]s Arch=x86_64 CoresPerSocket=48  CPUAlloc=%[2]d CPUEfctv=192 CPUTot=192 CPULoad=%[2]d.00 "+
			"AvailableFeatures=dynamic,p5.48xlarge,p5,efa,gpu ActiveFeatures=dynamic,p5.48xlarge,p5,efa,gpu Gres=gpu:h100:8 GresUsed=%[3]s "+
			"NodeAddr=10.%[4]d.%[5]d.%[6]d NodeHostName=%[1]s Version=24.11.6 OS=Linux 6.8.0-1021-aws #23-Ubuntu SMP "+
			"RealMemory=1992294 AllocMem=0 FreeMem=1900000 Sockets=2 Boards=1 State=%[7]s ThreadsPerCore=2 TmpDisk=0 Weight=1000 Owner=N/A "+
			"MCS_label=N/A Partitions=gpu,all  BootTime=2026-11-28T14:33:22 SlurmdStartTime=2026-11-28T14:34:22 "+
			"LastBusyTime=2026-11-29T09:00:00 ResumeAfterTime=None CfgTRES=cpu=192,mem=1992294M,billing=192,gres/gpu=8 "+
			"AllocTRES=cpu=%[2]d CurrentWatts=0 AveWatts=0\n",
			nodeName(i), alloc, used, i>>16, i>>8&255, i&255, state)
	}
	return b.String()
}

// jobsText has one job on each running node, and the others pending, a tenth of them arrays.
func (c cluster) jobsText() string {
	var b strings.Builder
	line := func(fields ...string) { b.WriteString(strings.Join(fields, separator) + separator + "\n") }
	for i := range c.jobs {
		id, user, account := fmt.Sprint(i+1), fmt.Sprintf("user%d", i%200), fmt.Sprintf("account%d", i%40)
		if i < c.running() {
			line(id, id, "gpu", user, account, "RUNNING", "None", "1", "192", "cpu=192,node=1,billing=192", nodeName(i), "2026-11-29T08:00:00",
				"2026-11-29T08:00:00", "2026-11-29T09:00:00", "2026-11-30T09:00:00", "0")
			continue
		}
		shown := id
		if i%10 == 0 {
			shown += "_[1-1000%8]"
		}
		line(shown, id, "gpu", user, account, "PENDING", "Priority", "4", "768", "N/A", "", "2026-11-29T08:00:00", "2026-11-29T08:00:00", "N/A",
			"N/A", "0")
	}
	return b.String()
}

const jobText = `JobId=@ID@ JobName=train UserId=ubuntu(2000) GroupId=ubuntu(2000) MCS_label=N/A JobState=RUNNING Reason=None ` +
	`Restarts=0 NodeList=gpu-dy-p5-@ID@ NumNodes=1 NumCPUs=192 AllocTRES=cpu=192,node=1 JOB_GRES=gpu:h100:8 ` +
	`  Nodes=gpu-dy-p5-@ID@ CPU_IDs=0-191 Mem=0 GRES=gpu:h100:8(IDX:0-7) MinCPUsNode=1
`

const sdiagText = `*******************************************************
sdiag output at Sun Nov 29 12:00:00 2026 (1795953600)
Data since      Sun Nov 29 00:00:00 2026 (1795910400)
*******************************************************
Server thread count:  3
Agent queue size:     0
DBD Agent queue size: 0

Jobs submitted: 20000
Jobs started:   700
Jobs completed: 0
Jobs canceled:  0
Jobs failed:    0

Main schedule statistics (microseconds):
	Last cycle:   1200
	Max cycle:    9000
	Total cycles: 700
	Mean cycle:   1500
	Cycles per minute: 1
	Last queue length: 19300

Pending RPC statistics
	No pending RPCs
`
