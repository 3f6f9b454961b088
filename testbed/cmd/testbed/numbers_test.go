//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// day is a day of a cluster in minutes.
func day(t *testing.T, b *testBed) {
	b = b.in(t)
	begun := b.page()
	finished, requeued := begun.of("slurm_jobs_finished_total", "state"), begun.of("slurm_jobs_requeued_total", "partition")
	b.agree(b.nodes())
	good := b.submit("-p", "queue1", "--wrap", "sleep 2")
	bad := b.submit("-p", "queue1", "--wrap", "exit 3")
	array := b.submit("-p", "queue1", "--array", "1-40%2", "--wrap", "sleep 600")
	held := b.submit("-p", "queue1", "--hold", "--wrap", "true")
	after := b.submit("-p", "queue1", "--dependency", "afterok:"+array, "--wrap", "true")
	b.ended("COMPLETED", good)
	b.ended("FAILED", bad)
	b.agree(b.jobs(), b.nodes())
	n := b.page()
	for reason, want := range map[string]float64{"held": 1, "dependency": 1} {
		if got := n.of("slurm_queue_pending_reason", "reason")[reason]; got != want {
			t.Errorf("%v jobs wait for the reason %s, want %v", got, reason, want)
		}
	}
	b.cancelArray(array)
	b.on("head", "scancel", held, after)
	long := b.submit("-p", "queue1", "--wrap", "sleep 600")
	b.ended("RUNNING", long)
	b.on("head", "scontrol", "requeue", long)
	b.on("head", "scontrol", "hold", long)
	b.agree(b.jobs())
	if got := b.page().of("slurm_jobs_requeued_total", "partition")["queue1"]; got != requeued["queue1"]+1 {
		t.Errorf("%v jobs were requeued, want one more than %v", got, requeued["queue1"])
	}
	b.on("head", "scancel", long)
	b.agree(b.finished())
	if now := b.page().of("slurm_jobs_finished_total", "state"); now["failed"] != finished["failed"]+1 ||
		now["completed"] != finished["completed"]+1 {
		t.Errorf("finished: %v, before the day: %v", now, finished)
	}
}

// fail ends the machine under a job that does not want to be requeued.
func fail(t *testing.T, b *testBed) {
	b = b.in(t)
	before := b.page().of("slurm_jobs_finished_total", "state")["node_fail"]
	job := b.submit("-p", "queue1", "--no-requeue", "--exclusive", "--wrap", "sleep 3000") // no other job fails with its node
	b.ended("RUNNING", job)
	b.shutDown(b.on("head", "squeue", "-h", "-j", job, "-o", "%N"))
	b.ended("NODE_FAIL", job)
	b.agree(b.nodes(), b.jobs(), b.finished())
	if now := b.page().of("slurm_jobs_finished_total", "state")["node_fail"]; now != before+1 {
		t.Errorf("%v jobs ended with their node, want one more than %v", now, before)
	}
}

// limited waits for the job that ran into its time limit.
func limited(t *testing.T, b *testBed, job string) {
	b = b.in(t)
	// slurmctld forgets jobs after five minutes.
	b.eventually(2*time.Minute, "TIMEOUT", func() string { return b.asked("head", "sacct", "-c", "-n", "-P", "-o", "state", "-j", job) })
	b.agree(b.jobs(), b.finished())
	if n := b.page().of("slurm_jobs_finished_total", "state")["timeout"]; n != 1 {
		t.Errorf("%v jobs ran into their time limit, want 1", n)
	}
}

// drain takes a node out and gives it back.
func drain(t *testing.T, b *testBed) {
	b = b.in(t)
	const reason = `fan 3 "dead", say | we`
	job := b.submit("-p", "queue1", "--wrap", "sleep 600")
	b.ended("RUNNING", job)
	node := b.on("head", "squeue", "-h", "-j", job, "-o", "%N")
	b.on("head", "scontrol", "update", "nodename="+node, "state=drain", "reason="+reason)
	b.agree(b.nodes())
	n := b.page()
	labels := fmt.Sprintf(`{node=%q,reason=%q,user="root"}`, node, b.on("head", "sinfo", "-h", "-R", "-o", "%E"))
	if n["slurm_node_drain_reason_info"+labels] != 1 || !strings.Contains(labels, `fan 3 \"dead\", say | we`) {
		t.Errorf("there is no slurm_node_drain_reason_info%s in %v", labels, slices.Sorted(maps.Keys(n)))
	}
	since, err := time.ParseInLocation("2006-01-02T15:04:05", b.on("head", "sh", "-c", "TZ=UTC sinfo -h -R -o %H"), time.UTC)
	if got := n[fmt.Sprintf("slurm_node_drain_since_timestamp_seconds{node=%q}", node)]; err != nil || got != float64(since.Unix()) {
		t.Errorf("drained since %v, want %v (%v)", got, since.Unix(), err)
	}
	b.on("head", "scontrol", "update", "nodename="+node, "state=resume")
	b.on("head", "scancel", job)
	b.agree(b.nodes())
}

// capacity is a node that EC2 refuses.
func capacity(t *testing.T, b *testBed) {
	b = b.in(t)
	refuse := func(count string) {
		if out, err := b.program("testbed", "refuse", "gpu", "--count", count).CombinedOutput(); err != nil {
			t.Fatalf("refuse: %v\n%s", err, out)
		}
	}
	events := func() numbers {
		return readNumbers(b.asked("head", "curl", "-s", "http://127.0.0.1:9090/parallelcluster/metrics"))
	}
	events() // the head counts from the first time on that it is asked
	refuse("-1")
	defer refuse("0")
	job := b.submit("-p", "gpu", "--gres", "gpu:1", "--wrap", "true")
	// A page may be four minutes away: a slurmctld that is slow is asked less often.
	b.eventually(2*time.Minute, "1 job waits for capacity", func() string {
		return fmt.Sprintf("%v job waits for capacity", b.page()[`slurm_queue_pending_reason{partition="gpu",reason="capacity"}`])
	})
	if down := b.on("head", "sinfo", "-h", "-R", "-o", "%E"); !strings.Contains(down, "(Code:InsufficientInstanceCapacity)") {
		t.Errorf("sinfo's reasons:\n%s", down)
	}
	b.eventually(15*time.Second, "counted", func() string {
		for name, v := range events() {
			if strings.Contains(name, "InsufficientInstanceCapacity") && v >= 1 {
				return "counted"
			}
		}
		return fmt.Sprint(events())
	})
	b.on("head", "scancel", job)
}

// gpus are two jobs on one node: each has the devices that Slurm gave it.
func gpus(t *testing.T, b *testBed) {
	b = b.in(t)
	two := b.submit("-p", "gpu", "--gres", "gpu:2", "--wrap", "echo $CUDA_VISIBLE_DEVICES; sleep 600")
	one := b.submit("-p", "gpu", "--gres", "gpu:1", "--wrap", "echo $CUDA_VISIBLE_DEVICES; sleep 600")
	b.ended("RUNNING", two, one)
	want := map[string]float64{}
	for _, id := range []string{two, one} {
		b.eventually(10*time.Second, "it wrote its devices", func() string {
			if b.asked("head", "sh", "-c", "cat /home/job-"+id) != "" {
				return "it wrote its devices"
			}
			return ""
		})
		for d := range strings.SplitSeq(b.on("head", "cat", "/home/job-"+id), ",") {
			want["nvidia"+d+" of "+id]++
		}
	}
	b.agree(comparison{"who has which GPU", func() map[string]float64 { return maps.Clone(want) }, func(n numbers) map[string]float64 {
		all := map[string]float64{}
		for name, v := range n {
			if strings.HasPrefix(name, "slurm_gpu_job{") {
				all[label(name, "device")+" of "+label(name, "job_id")] += v
			}
		}
		return all
	}})
	b.on("head", "scancel", two, one)
}

// away is slurmctld stopped for a while: nothing old is shown, the list of targets stays and its
// age grows, and counters go on where they were.
func away(t *testing.T, b *testBed) {
	b = b.in(t)
	length := 20 * time.Second
	if text := os.Getenv("TESTBED_AWAY"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	job := b.submit("-p", "queue1", "--wrap", "sleep 3000")
	b.ended("RUNNING", job)
	b.on("head", "rm", "-f", "/home/brief")
	brief := b.submit("-p", "queue1", "--wrap", "until [ -e /home/brief ]; do sleep 1; done")
	b.ended("RUNNING", brief)
	before := b.page()
	targets := b.on("head", "curl", "-s", "http://127.0.0.1:9090/slurm/targets")
	if !strings.Contains(targets, "queue1-dy-cr1-") {
		t.Errorf("targets: %s", targets)
	}
	began := time.Now()
	b.on("head", "systemctl", "stop", "slurmctld")
	t.Cleanup(func() { b.asked("head", "systemctl", "start", "slurmctld") })
	b.on("head", "touch", "/home/brief") // that job ends while slurmctld is away
	away := time.NewTimer(length)
	<-away.C
	n := b.page()
	for name := range n {
		if strings.HasPrefix(name, "slurm_nodes_") || strings.HasPrefix(name, "slurm_queue_") || strings.HasPrefix(name, "slurm_node_status") {
			t.Errorf("%s is shown while slurmctld is away", name)
		}
	}
	if n[`slurm_command_success{command="scontrol"}`] != 0 || n["slurm_targets_age_seconds"] < length.Seconds()-5 ||
		n["slurm_targets_age_seconds"] > time.Since(began).Seconds()+70 {
		t.Errorf("success %v, age of the targets %v after %s", n[`slurm_command_success{command="scontrol"}`], n["slurm_targets_age_seconds"],
			time.Since(began))
	}
	if now := b.on("head", "curl", "-s", "http://127.0.0.1:9090/slurm/targets"); now != targets {
		t.Errorf("targets now %s, before %s", now, targets)
	}
	b.on("head", "systemctl", "start", "slurmctld")
	b.eventually(30*time.Second, "RUNNING", func() string { return b.asked("head", "squeue", "-h", "-j", job, "-o", "%T") })
	b.ended("COMPLETED", brief)
	after := b.page()
	if was, is := before.of("slurm_jobs_started_total", "partition"), after.of("slurm_jobs_started_total", "partition"); !maps.Equal(was, is) {
		t.Errorf("started %v, before slurmctld went %v", is, was)
	}
	was, is := before.of("slurm_jobs_finished_total", "state"), after.of("slurm_jobs_finished_total", "state")
	if was["completed"]++; !maps.Equal(was, is) {
		t.Errorf("finished %v, want %v", is, was)
	}
	if now := b.on("head", "curl", "-s", "http://127.0.0.1:9090/slurm/targets"); now != targets {
		t.Errorf("targets after slurmctld came back %s, before %s", now, targets)
	}
	b.on("head", "scancel", job)
	b.agree(b.nodes(), b.finished())
}

// private sets PrivateData. Without "cloud" Slurm hides nodes that are powered down, with "jobs" the jobs
// of others. The head runs as root, and once more as somebody else: each shows what its user may see.
func private(t *testing.T, b *testBed) {
	b = b.in(t)
	unit := strings.NewReplacer("/var/lib/prometheus", "/tmp/other --web.listen-address=127.0.0.1:9191",
		"[Service]", "[Service]\nUser=games")
	b.write("head", "/etc/systemd/system/other.service", unit.Replace(headUnit), "644")
	b.on("head", "sh", "-c", "systemctl daemon-reload && systemctl start other")
	other := b.in(t)
	other.watcher = watcher{user: "games", address: "127.0.0.1:9191"}
	job := b.submit("-p", "queue1", "--hold", "--wrap", "true")
	for _, data := range []string{"cloud", "cloud,jobs", "none"} {
		line := "PrivateData=" + data
		if data == "none" {
			line = "# " + line
		}
		b.on("head", "sh", "-c", "sed -i 's/^PrivateData=.*/"+line+"/' /opt/slurm/etc/slurm.conf && scontrol reconfigure")
		b.agree(b.nodes(), b.jobs())
		other.agree(other.nodes(), other.jobs())
		nodes := other.slurm("sh", "-c", "sinfo -h -N -o %T | grep -c '~' || true")
		jobs := other.slurm("sh", "-c", "squeue -h -t all | wc -l")
		if (nodes == "0") != (data == "none") || (jobs == "0") != strings.Contains(data, "jobs") {
			t.Errorf("with PrivateData=%s somebody else sees %s powered-down nodes and %s jobs", data, nodes, jobs)
		}
	}
	b.on("head", "sh", "-c", "sed -i 's/^# PrivateData=.*/PrivateData=cloud/' /opt/slurm/etc/slurm.conf && scontrol reconfigure")
	b.on("head", "systemctl", "stop", "other")
	b.on("head", "scancel", job)
}
