//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/parascope/parascope/internal/collect/gpu/fakenvml"
)

const (
	pageNode  = "queue1-dy-c5-large-1"
	pageGPUs  = "gpu-dy-p5-48xlarge-1"
	otherNode = "queue1-dy-c5-large-2"
	headOf    = "/opt/parascope/current/bin/parascope-head"
)

// pagesCluster makes the guide's cluster, with a database of Slurm's accounting, and a job of the site's own.
func pagesCluster(r *reader) {
	r.sh("parascope up --yes --parameter MonitoringType=amp-only")
	r.sh("parascope cluster stage")
	printed := r.sh("parascope cluster new hpc --queue queue1:c5.large:0-12 --queue gpu:p5.48xlarge:0-2")
	file := regexp.MustCompile(`--cluster-configuration (\S+)`).FindStringSubmatch(printed)
	if file == nil {
		r.t.Fatalf("cluster new printed\n%s", printed)
	}
	name := filepath.Join(r.work, file[1])
	text, err := os.ReadFile(name)
	if err != nil {
		r.t.Fatal(err)
	}
	const database = "    Database: {Uri: \"db.example.com:3306\", UserName: slurm, " +
		"PasswordSecretArn: \"arn:aws:secretsmanager:us-east-2:111122223333:secret:x\"}\n"
	with := strings.Replace(string(text), "  SlurmSettings:\n", "  SlurmSettings:\n"+database, 1)
	if with == string(text) {
		with = strings.Replace(with, "  SlurmQueues:\n", "  SlurmSettings:\n"+database+"  SlurmQueues:\n", 1)
	}
	if err := os.WriteFile(name, []byte(with), 0o600); err != nil {
		r.t.Fatal(err)
	}
	_, next, _ := strings.Cut(printed, "Next:\n")
	r.sh(next)
	r.awaitStatus("hpc", "CREATE_COMPLETE")
	r.eventually(time.Minute, "active", func() string { return r.asked("head", "systemctl", "is-active", "prometheus") })
	r.on("head", "sh", "-c", "mkdir -p /home/day && chmod 1777 /home/day")
}

// pagesJobs starts a job on a node, one with GPUs, and some that fail.
func pagesJobs(r *reader) {
	long := r.submit("-p", "queue1", "-w", pageNode, "--no-requeue", "--wrap", "sleep 3000")
	with := r.submit("-p", "gpu", "-w", pageGPUs, "--gres", "gpu:3", "--wrap", "sleep 3000")
	r.ended("RUNNING", long, with)
	var failing []string
	for range 3 {
		failing = append(failing, r.submit("-p", "queue1", "-w", pageNode, "--oversubscribe", "--wrap", "exit 3"))
	}
	r.words["JOB"], r.words["LONG"] = with, long
	r.ended("FAILED", failing...)
	for _, node := range []string{pageNode, pageGPUs} {
		r.eventually(2*time.Minute, "1", func() string { return r.query(`up{cluster="hpc",job="node",node="`+node+`"}`, "node")[node] })
	}
}

// pagesGPUs are XIDs in the kernel's log, and a driver whose table has a GPU that is hot, throttled and waits for a reset.
func pagesGPUs(r *reader) {
	built, err := fakenvml.Build(r.t.Context(), r.t.TempDir())
	if errors.Is(err, fakenvml.ErrNoCompiler) {
		r.t.Fatal("the test needs a C compiler for the library that stands in for NVIDIA's: ", err)
	} else if err != nil {
		r.t.Fatal(err)
	}
	table := fakenvml.H100(0)
	for gpu := range 8 {
		table[fmt.Sprintf("%d.gpm.seconds", gpu)] = "@1" // and no work: idle GPUs
	}
	table["2.margin"] = "2"
	r.installDriver(pageGPUs, built.Library, table)
	r.words["NODE"] = pageGPUs
	// The machines share one kernel, and each has a file for its log, which dmesg does not read.
	r.write(pageGPUs, "/usr/local/bin/dmesg", "#!/bin/sh\nsed 's/^[^;]*;//' /dev/kmsg\n", "755")
	bus := strings.ToLower(strings.TrimPrefix(strings.TrimSuffix(table["2.bus"], ".0"), "0000"))
	for _, xid := range []string{"48, pid=4711, name=python, DBE (Double Bit Error) ECC Error", "63, pid=4711, name=python, Row remapping"} {
		if out, err := r.program("testbed", "kernel", pageGPUs, "NVRM: Xid (PCI:"+bus+"): "+xid).CombinedOutput(); err != nil {
			r.t.Fatalf("testbed kernel: %v\n%s", err, out)
		}
	}
	r.eventually(2*time.Minute, "2", func() string {
		return fmt.Sprint(len(r.query(`parascope_gpu_xid_last_timestamp_seconds{node="`+pageGPUs+`"}`, "xid")))
	})
	r.eventually(2*time.Minute, "2", func() string {
		return r.query(`min by (node) (DCGM_FI_DEV_GPU_TEMP_LIMIT{node="`+pageGPUs+`"})`, "node")[pageGPUs]
	})
	for alert, xid := range map[string]string{"GPUXidPage": "48", "GPUXidWarning": "63"} {
		r.types(alert, 1, 0, `\b`+xid+`\b`)
		r.types(alert, 2, 0, `Xid \(PCI:.*\): `+xid)
		r.types(alert, 3, 0, `^$`)
		r.drained("GPU XID")
	}
	r.types("GPUUncorrectableMemoryErrors", 2, 0, `DBE \(Double Bit Error\)`)
	r.types("GPUNearThermalLimit", 2, 0, `\b2\b`)
	r.types("GPUNearThermalLimit", 3, 0, `\b61[0-9]\b`)
	r.types("GPUThrottled", 2, 0, `\b2\b`)
	r.types("GPUUnreadable", 2, 0, `NVRM: Xid`)
	for alert, c := range map[string]struct {
		number int
		reason string
	}{"GPUThrottled": {3, "GPU throttled"}, "GPURecoveryActionNeeded": {2, "GPU recovery"}, "GPURowRemapFailed": {2, "GPU memory"},
		"GPUUncorrectableMemoryErrors": {3, "GPU memory errors"}, "GPUsMissing": {3, "GPU missing"}} {
		r.types(alert, c.number, 0, `^$`)
		r.drained(c.reason)
	}
	r.types("JobGPUsIdle", 1, 0, `JobState=RUNNING(?s).*gpu`)
	r.eventually(2*time.Minute, "3 GPUs of the job", func() string {
		devices := r.query(`slurm_gpu_job{job_id="`+r.words["JOB"]+`"} and on (cluster, node, device) DCGM_FI_PROF_SM_ACTIVE`, "device")
		return fmt.Sprint(len(devices), " GPUs of the job")
	})
	r.types("JobGPUsIdle", 2, 0, `(?m)^ +0 .*job_id="`+r.words["JOB"]+`"`)
}

// drained holds that a command has drained the node, and takes that back.
func (r *reader) drained(reason string) {
	r.t.Helper()
	if text := r.on("head", "scontrol", "show", "node", r.words["NODE"]); !strings.Contains(text, "DRAIN") || !strings.Contains(text, reason) {
		r.t.Errorf("the node is not drained for %q:\n%s", reason, text)
	}
	r.on("head", "scontrol", "update", "nodename="+r.words["NODE"], "state=resume")
}

// pagesNode fills a file system, and stops the node's program.
func pagesNode(r *reader) {
	r.words["NODE"], r.words["MOUNTPOINT"] = pageNode, "/scratch"
	r.on(pageNode, "sh", "-c", "mkdir -p /scratch && mount -t tmpfs -o size=20m tmpfs /scratch && mkdir /scratch/data && "+
		"(exec 3>/scratch/gone; head -c 3m /dev/zero >&3; rm /scratch/gone; setsid sleep 3000 </dev/null >/dev/null 2>&1 &) && "+
		"head -c 19m /dev/zero >/scratch/data/big || true")
	for _, alert := range []string{"NodeFilesystemFull", "NodeFilesystemFillsUp"} {
		r.types(alert, 1, 0, `(9[7-9]|100)% /scratch`)
		r.types(alert, 2, 0, `1[0-9]M\s+/scratch/data`)
	}
	r.types("NodeFilesystemFull", 3, 0, `/scratch/gone`)
	r.types("NodeFilesystemFillsUp", 3, 0, `\b`+r.words["LONG"]+`\b`)

	r.on(pageNode, "systemctl", "stop", "parascope-node")
	r.on("head", "sh", "-c", `cat >/opt/prometheus/scrape.d/own.yml <<X
scrape_configs:
  - job_name: own
    static_configs: [{targets: ["$(getent hosts `+pageNode+` | cut -d' ' -f1 || echo 127.0.0.1):9999"]}]
X
systemctl restart prometheus`)
	r.words["PORT"] = "9999"
	r.eventually(2*time.Minute, "0", func() string { return r.query(`up{cluster="hpc",job="node",node="`+pageNode+`"}`, "node")[pageNode] })
	r.types("NodeDown", 1, 0, `State=(MIXED|ALLOCATED|IDLE)`)
	r.types("NodeDown", 2, 0, pageNode)
	r.types("NodeDown", 3, 3, `inactive`)
	r.types("TargetsDown", 1, 0, `"health":"down"`)
	r.types("TargetsDown", 2, 7, ``)
	r.types("TargetsDown", 3, 3, `inactive`)
	r.on(pageNode, "systemctl", "start", "parascope-node")
	r.on("head", "sh", "-c", "rm /opt/prometheus/scrape.d/own.yml && systemctl restart prometheus")
}

// pagesSlurmNode drains a node, and has it fail under its job while clustermgtd is away.
func pagesSlurmNode(r *reader) {
	r.words["NODE"] = pageNode
	r.on("head", "scontrol", "update", "nodename="+pageNode, "state=drain", "reason=bad fan")
	r.types("SlurmJobsFailMoreThanUsual", 1, 0, `FAILED|3:0`)
	r.types("SlurmJobsFailMoreThanUsual", 2, 0, `\d+ +`+pageNode)
	r.types("SlurmJobsFailMoreThanUsual", 3, 0, `bad fan`)
	r.types("SlurmNodeDrained", 1, 0, `bad fan +root .*`+pageNode)
	r.types("SlurmNodeDrained", 2, 0, `DRAIN(?s).*Reason=bad fan`)
	r.types("SlurmNodeDrained", 3, 0, `^$`)

	r.on("head", "systemctl", "stop", "clustermgtd")
	r.types("ParallelClusterHeartbeatStale", 2, 0, `clustermgtd`)
	r.on(pageNode, "systemctl", "stop", "slurmd")
	r.on("head", "scontrol", "update", "nodename="+pageNode, "state=down", "reason=not responding")
	r.ended("NODE_FAIL", r.words["LONG"])
	r.types("SlurmNodeDown", 1, 0, `State=DOWN`)
	r.types("SlurmNodeDown", 2, 3, `inactive`)
	r.awaitLost(r.words["LONG"])
	r.types("SlurmJobsLostTheirNode", 1, 0, r.words["LONG"]+` .*`+pageNode)
	r.types("SlurmJobsLostTheirNode", 2, 0, `not responding.*`+pageNode)
	r.on("head", "systemctl", "start", "clustermgtd")
	r.eventually(time.Minute, "unhealthy", func() string {
		return r.asked("head", "sh", "-c", "tail -n 50 /var/log/parallelcluster/clustermgtd | grep unhealthy | grep -q "+pageNode+
			" && echo unhealthy")
	})
	r.types("SlurmNodeDown", 3, 0, `unhealthy.*`+pageNode)
	r.types("SlurmJobsLostTheirNode", 3, 0, `unhealthy.*`+pageNode)
}

// awaitLost waits until slurmdbd has the end of a job whose node failed: slurmctld sends it a moment later.
func (r *reader) awaitLost(job string) {
	r.t.Helper()
	r.eventually(time.Minute, "recorded", func() string {
		text := r.asked("head", "sacct", "-a", "-X", "-n", "-S", "now-1hour", "-E", "now", "--state", "NODE_FAIL", "-o", "JobID")
		if slices.Contains(strings.Fields(text), job) {
			return "recorded"
		}
		return "not recorded"
	})
}

// pagesInstances ends an instance under its job, and has EC2 refuse others.
func pagesInstances(r *reader) {
	r.words["NODE"] = otherNode
	job := r.submit("-p", "queue1", "-w", otherNode, "--no-requeue", "--wrap", "sleep 3000")
	r.ended("RUNNING", job)
	instance := r.machines()[otherNode].ID
	r.shutDown(otherNode)
	r.ended("NODE_FAIL", job)
	r.types("ParallelClusterInstancesLost", 1, 0, otherNode)
	r.types("ParallelClusterInstancesLost", 2, 0, instance)
	r.awaitLost(job)
	r.types("ParallelClusterInstancesLost", 3, 0, job+` .*`+otherNode)

	if out, err := r.program("testbed", "refuse", "queue1", "--count", "-1").CombinedOutput(); err != nil {
		r.t.Fatalf("refuse: %v\n%s", err, out)
	}
	waits := r.submit("-p", "queue1", "-w", "queue1-dy-c5-large-3", "--wrap", "true")
	r.eventually(time.Minute, "refused", func() string {
		return r.asked("head", "sh", "-c", "sinfo -h -R -o %E | grep -q InsufficientInstanceCapacity && echo refused")
	})
	r.types("ParallelClusterCapacityRefused", 1, 0, `InsufficientInstanceCapacity`)
	r.types("ParallelClusterCapacityRefused", 2, 0, `InsufficientInstanceCapacity`)
	r.types("SlurmQueueStuck", 1, 0, waits+` queue1 `)
	r.types("SlurmQueueStuck", 2, 0, `idle`)
	r.types("SlurmQueueStuck", 3, 0, `Last cycle`)
	if out, err := r.program("testbed", "refuse", "queue1", "--count", "0").CombinedOutput(); err != nil {
		r.t.Fatalf("refuse: %v\n%s", err, out)
	}
	r.on("head", "scancel", waits)
}

// pagesMissing takes from the head what it reads.
func pagesMissing(r *reader) {
	const heartbeat = "/opt/slurm/etc/pcluster/.slurm_plugin/clustermgtd_heartbeat"
	r.on("head", "sh", "-c", "systemctl stop clustermgtd && mv "+heartbeat+" /root/heartbeat")
	r.types("ParallelClusterMetricsMissing", 1, 2, `No such file`)
	r.types("ParallelClusterMetricsMissing", 2, 0, `file_success.*heartbeat.* 0`)
	r.on("head", "sh", "-c", "mv /root/heartbeat "+heartbeat+" && systemctl start clustermgtd")

	r.on("head", "sh", "-c", "mv /opt/slurm/bin/scontrol /root/scontrol && systemctl restart prometheus")
	r.eventually(time.Minute, "active", func() string { return r.asked("head", "systemctl", "is-active", "prometheus") })
	r.eventually(time.Minute, "no Slurm", func() string {
		return r.asked("head", "sh", "-c", "journalctl -u prometheus | grep -q 'commands were not found' && echo no Slurm")
	})
	r.types("SlurmMetricsMissing", 1, 0, `not found|^$`)
	r.types("SlurmMetricsMissing", 2, 0, `Slurm's commands were not found`)
	r.types("SlurmMetricsMissing", 3, 2, `No such file`)
	r.types("DiscoveryFailing", 1, 1, `✗ discovery fails`)
	r.types("DiscoveryFailing", 2, 0, `404`)
	r.types("DiscoveryFailing", 3, 0, `Reservations`)
	r.on("head", "sh", "-c", "mv /root/scontrol /opt/slurm/bin/scontrol && systemctl restart prometheus")
	r.eventually(time.Minute, "active", func() string { return r.asked("head", "systemctl", "is-active", "prometheus") })
}

// pagesDelivery has AMP take nothing for a while.
func pagesDelivery(r *reader) {
	configuration := r.on("head", "cat", "/opt/prometheus/prometheus.yml")
	url := regexp.MustCompile(`(?m)^ *- url: (.*/api/v1/remote_write)$`).FindStringSubmatch(configuration)
	if url == nil {
		r.t.Fatalf("no remote write in\n%s", configuration)
	}
	r.words["REMOTE-WRITE-URL"] = url[1]
	r.cloud.fault(r.t, http.MethodPost)
	fails := regexp.MustCompile(`(?m)^✗ .*/api/v1/remote_write`)
	r.eventually(2*time.Minute, "it fails", func() string {
		text := r.asked("head", headOf, "status")
		if fails.MatchString(text) {
			return "it fails"
		}
		return text
	})
	for _, alert := range []string{"DeliveryDelayed", "SamplesAboutToBeLost"} {
		r.types(alert, 1, 1, `(?m)^✗ .*/api/v1/remote_write`)
	}
	r.types("DeliveryDelayed", 2, 0, `component=remote.*503`)
	r.types("DeliveryDelayed", 3, 0, `HTTP/1.1 (403|503)`)
	r.types("SamplesAboutToBeLost", 2, 0, `\d+% /`)
	r.types("SamplesAboutToBeLost", 3, 0, `component=remote.*503`)
	r.cloud.fault(r.t, http.MethodDelete)
	r.types("BillAboveExpectation", 2, 0, `node`)
	r.types("BillAboveExpectation", 3, 0, `slurm_|node_`)
}

// pagesDaemons stops slurmdbd, and slurmctld: first it hangs, then it is away.
func pagesDaemons(r *reader) {
	r.on("head", "systemctl", "stop", "slurmdbd")
	r.eventually(time.Minute, "it waits", func() string {
		// A node's states are messages of their own; jobs that begin wait for slurmdbd elsewhere.
		r.on("head", "scontrol", "update", "nodename=gpu-dy-p5-48xlarge-2", "state=drain", "reason=pages")
		r.on("head", "scontrol", "update", "nodename=gpu-dy-p5-48xlarge-2", "state=resume")
		return r.asked("head", "sh", "-c", `[ "$(sdiag | sed -n 's/^DBD Agent queue size: //p')" -gt 0 ] && echo it waits`)
	})
	r.types("SlurmAccountingBehind", 1, 0, `DBD Agent queue size: +[1-9]`)
	r.types("SlurmAccountingBehind", 2, 1, `(?i)slurmdbd|connection`)
	r.types("SlurmAccountingBehind", 3, 0, `(?i)terminat|shutdown`)
	r.on("head", "systemctl", "start", "slurmdbd")

	r.on("head", "sh", "-c", "kill -STOP $(pidof slurmctld)")
	r.types("SlurmDataOld", 1, 1, `(?i)unable to contact|timed out|real`)
	r.types("SlurmDataOld", 2, 255, `(?i)unable to contact|timed out|error`)
	r.types("SlurmDataOld", 3, 0, `slurm_snapshot_age_seconds [1-9]\d\d`) // each command before it took a minute
	r.on("head", "sh", "-c", "kill -CONT $(pidof slurmctld)")

	r.on("head", "systemctl", "stop", "slurmctld")
	r.types("SlurmControllerDown", 1, 3, `inactive`)
	r.types("SlurmControllerDown", 2, 1, `DOWN`)
	r.types("SlurmControllerDown", 3, 0, `(?i)terminate signal|shutting down|Saving all slurm state`)
	r.on("head", "systemctl", "start", "slurmctld")
	r.eventually(time.Minute, "UP", func() string {
		if strings.Contains(r.asked("head", "scontrol", "ping"), "UP") {
			return "UP"
		}
		return "DOWN"
	})
}

// pagesBootstrap takes the script from the bucket: nodes fail to start, and the queue is disabled.
func pagesBootstrap(r *reader) {
	key, bucketName := aws.String("parascope/pcluster-infra/v1/install.sh"), aws.String("parascope-111122223333-us-east-2")
	if _, err := r.cloud.s3.DeleteObject(r.t.Context(), &s3.DeleteObjectInput{Bucket: bucketName, Key: key}); err != nil {
		r.t.Fatal(err)
	}
	job := r.submit("-p", "queue1", "-N", "11", "--wrap", "true")
	r.eventually(time.Minute, "PROTECTED", func() string {
		answer, _ := r.pcluster("describe-cluster", "-n", "hpc")
		return fmt.Sprint(answer["computeFleetStatus"])
	})
	r.types("ParallelClusterBootstrapFailures", 1, 0, `bootstrap failure count`)
	r.types("ParallelClusterProtectedMode", 1, 0, `PROTECTED`)
	r.types("ParallelClusterProtectedMode", 2, 0, `protected mode`)
	r.on("head", "scancel", job)
	r.types("ParallelClusterProtectedMode", 3, 0, `START_REQUESTED`)
	r.eventually(2*time.Minute, "counted", func() string {
		counts := r.query(`sum by (queue) (parallelcluster_node_bootstrap_failures_total{cluster="hpc"}) > 0`, "queue")
		if counts["queue1"] != "" {
			return "counted"
		}
		return fmt.Sprint(counts)
	})
	r.types("ParallelClusterBootstrapFailures", 2, 0, `queue="queue1"`)
	r.eventually(time.Minute, "RUNNING", func() string {
		answer, _ := r.pcluster("describe-cluster", "-n", "hpc")
		return fmt.Sprint(answer["computeFleetStatus"])
	})
}

// aMinute is what the status says of the last sample when it is a minute old, or more.
var aMinute = regexp.MustCompile(`the last sample arrived [1-9]\d*(m| min)|no sample`)

// pagesSilence stops the head's program.
func pagesSilence(r *reader) {
	r.on("head", "systemctl", "stop", "prometheus")
	r.eventually(2*time.Minute, "a minute", func() string {
		if text := r.sh("parascope cluster status hpc"); !aMinute.MatchString(text) {
			return text
		}
		return "a minute"
	})
	r.types("HeadSilent", 1, 0, aMinute.String())
	r.types("HeadSilent", 2, 0, `running`)
	r.types("HeadSilent", 3, 3, `inactive`)
}

// TestPagesAreListed holds that every alert has three commands, and that the README lists commands that there are.
func TestPagesAreListed(t *testing.T) {
	pages := readPages(t)
	for alert, commands := range listed(t) {
		if len(pages[alert]) != 3 || commands == "" {
			t.Errorf("docs/alerts/README.md lists %s %s", alert, commands)
		}
	}
	if len(pages) < 50 {
		t.Errorf("%d pages", len(pages))
	}
}
