//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What follows holds the numbers that the head serves against what Slurm's own commands print.
// It asks with other commands and formats than the head's, and reads them by other means.

// numbers is a head's page: values by name and labels as they stand there.
type numbers map[string]float64

// page is the head's page of Slurm's metrics, of a snapshot that began after now.
func (b *testBed) page() numbers {
	b.t.Helper()
	asked := float64(time.Now().UnixMilli()) / 1000
	n := numbers{}
	b.eventually(15*time.Second, "fresh", func() string {
		// ParallelCluster's programs write there when nodes come and go; the head looks then.
		b.on("head", "sh", "-c", "echo >>/var/log/parallelcluster/slurm_suspend.log")
		n = readNumbers(b.asked("head", "curl", "-s", "http://127.0.0.1:9090/slurm/metrics"))
		if n["slurm_snapshot_timestamp_seconds"] >= asked {
			return "fresh"
		}
		return fmt.Sprint("of ", n["slurm_snapshot_timestamp_seconds"])
	})
	return n
}

func readNumbers(text string) numbers {
	n := numbers{}
	for line := range strings.Lines(text) {
		i := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if i < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if v, err := strconv.ParseFloat(strings.TrimSpace(line)[i+1:], 64); err == nil {
			n[line[:i]] = v
		}
	}
	return n
}

// of are the samples with a name, by the value of one of their labels, added up.
func (n numbers) of(name, label string) map[string]float64 {
	sums := map[string]float64{}
	for key, v := range n {
		labels, is := strings.CutPrefix(key, name+"{")
		if !is {
			continue
		}
		_, value, _ := strings.Cut("{"+strings.ReplaceAll(labels, ",", ",{"), "{"+label+`="`)
		value, _, _ = strings.Cut(value, `"`)
		sums[value] += v
	}
	return sums
}

// counted counts lines by a field, and puts names in place of others.
func counted(text string, field int, names map[string]string) map[string]float64 {
	sums := map[string]float64{}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		if len(fields) <= field {
			continue
		}
		name := strings.ToLower(fields[field])
		if other, ok := names[name]; ok {
			name = other
		}
		sums[name]++
	}
	return sums
}

// sinfoStates are the head's names of states that sinfo writes with a sign.
var sinfoStates = map[string]string{
	"idle~": "powered_down", "idle#": "powering_up", "mixed#": "powering_up", "allocated#": "powering_up", "idle%": "powering_down",
	"allocated": "alloc", "mixed": "mix", "drained": "drain", "draining": "drain", "completing": "comp", "down~": "down", "down*": "down",
	"down%": "powering_down", "idle*": "noresp", "mixed*": "noresp", "allocated*": "noresp",
}

// agree takes a page and asks Slurm, until nothing changed in between and both say the same. A
// cluster lives: one comparison may be of two moments, but not ten.
func (b *testBed) agree(what string, ask func() map[string]float64, shows func(numbers) map[string]float64) {
	b.t.Helper()
	var want, got map[string]float64
	for range 10 {
		before := ask()
		n := b.page()
		if want = ask(); !maps.Equal(before, want) {
			continue
		}
		got = shows(n)
		maps.DeleteFunc(got, func(_ string, v float64) bool { return v == 0 })
		if maps.Equal(got, want) {
			return
		}
	}
	b.t.Errorf("%s: the head shows %v, Slurm says %v", what, got, want)
}

// nodesAgree compares nodes by state and CPUs with sinfo's.
func (b *testBed) nodesAgree() {
	b.t.Helper()
	b.agree("nodes by state", func() map[string]float64 {
		return counted(b.on("head", "sinfo", "-h", "-N", "-o", "%N|%T"), 1, sinfoStates)
	}, func(n numbers) map[string]float64 {
		states := map[string]float64{}
		for name, v := range n {
			if state, is := strings.CutPrefix(name, "slurm_nodes_"); is {
				states[state] = v
			}
		}
		return states
	})
	b.agree("CPUs", func() map[string]float64 {
		parts := strings.Split(b.on("head", "sinfo", "-h", "-o", "%C"), "/") // allocated/idle/other/total
		all := map[string]float64{}
		for i, name := range []string{"alloc", "", "", "total"} {
			if v, err := strconv.ParseFloat(parts[min(i, len(parts)-1)], 64); err == nil && name != "" && v > 0 {
				all[name] = v
			}
		}
		return all
	}, func(n numbers) map[string]float64 {
		return map[string]float64{"alloc": n["slurm_cpus_alloc"], "total": n["slurm_cpus_total"]}
	})
}

// jobsAgree compares jobs by state with squeue's, each task of an array a job.
func (b *testBed) jobsAgree() {
	b.t.Helper()
	b.agree("jobs by state", func() map[string]float64 {
		return counted(b.on("head", "squeue", "-h", "-r", "-t", "all", "-o", "%i|%T"), 1, nil)
	}, func(n numbers) map[string]float64 {
		states := map[string]float64{}
		for name, v := range n {
			if state, is := strings.CutPrefix(name, "slurm_queue_"); is && !strings.Contains(state, "{") {
				states[state] = v
			}
		}
		return states
	})
}

// finishedAgree compares finished jobs with what Slurm wrote down about each at its end.
func (b *testBed) finishedAgree() {
	b.t.Helper()
	b.agree("finished jobs", func() map[string]float64 {
		last := map[string]string{} // a job that was requeued has a record of each of its lives
		for line := range strings.Lines(b.on("head", "sacct", "-c", "-n", "-P", "-o", "jobid,state")) {
			if id, state, ok := strings.Cut(strings.TrimSpace(line), "|"); ok {
				last[id] = id + "|" + state
			}
		}
		all := counted(strings.Join(slices.Collect(maps.Values(last)), "\n"), 1, nil)
		delete(all, "pending") // it waits for its next life
		return all
	}, func(n numbers) map[string]float64 { return n.of("slurm_jobs_finished_total", "state") })
}

// submit submits a job and returns its id.
func (b *testBed) submit(args ...string) string {
	b.t.Helper()
	return b.on("head", append([]string{"sbatch", "--parsable", "--chdir", "/home", "-o", "/home/job-%j"}, args...)...)
}

// ended waits until jobs are in a state.
func (b *testBed) ended(state string, ids ...string) {
	b.t.Helper()
	b.eventually(time.Minute, strings.Repeat(state+" ", len(ids)), func() (all string) {
		for _, id := range ids {
			_, s, _ := strings.Cut(b.asked("head", "scontrol", "show", "job", id), "JobState=")
			s, _, _ = strings.Cut(s, " ")
			all += s + " "
		}
		return all
	})
}

// day is a day of a cluster in minutes.
func day(t *testing.T, b *testBed) {
	b = &testBed{t: t, exe: b.exe, dir: b.dir}
	begun := b.page()
	finished, requeued := begun.of("slurm_jobs_finished_total", "state"), begun.of("slurm_jobs_requeued_total", "partition")
	b.nodesAgree()
	good := b.submit("-p", "queue1", "--wrap", "sleep 2")
	bad := b.submit("-p", "queue1", "--wrap", "exit 3")
	array := b.submit("-p", "queue1", "--array", "1-40%2", "--wrap", "sleep 600")
	held := b.submit("-p", "queue1", "--hold", "--wrap", "true")
	after := b.submit("-p", "queue1", "--dependency", "afterok:"+array, "--wrap", "true")
	b.ended("COMPLETED", good)
	b.ended("FAILED", bad)
	b.jobsAgree()
	b.nodesAgree()
	n := b.page()
	for reason, want := range map[string]float64{"held": 1, "dependency": 1} {
		if got := n.of("slurm_queue_pending_reason", "reason")[reason]; got != want {
			t.Errorf("%v jobs wait for the reason %s, want %v", got, reason, want)
		}
	}
	b.on("head", "scancel", array, held, after)
	long := b.submit("-p", "queue1", "--wrap", "sleep 600")
	b.ended("RUNNING", long)
	b.on("head", "scontrol", "requeue", long)
	b.on("head", "scontrol", "hold", long)
	b.jobsAgree()
	if got := b.page().of("slurm_jobs_requeued_total", "partition")["queue1"]; got != requeued["queue1"]+1 {
		t.Errorf("%v jobs were requeued, want one more than %v", got, requeued["queue1"])
	}
	b.on("head", "scancel", long)
	b.finishedAgree()
	if now := b.page().of("slurm_jobs_finished_total", "state"); now["failed"] != finished["failed"]+1 ||
		now["completed"] != finished["completed"]+1 {
		t.Errorf("finished: %v, before the day: %v", now, finished)
	}
}

// drain takes a node out and gives it back.
func drain(t *testing.T, b *testBed) {
	b = &testBed{t: t, exe: b.exe, dir: b.dir}
	const reason = `fan 3 "dead", say | we`
	job := b.submit("-p", "queue1", "--wrap", "sleep 600")
	b.ended("RUNNING", job)
	node := b.on("head", "squeue", "-h", "-j", job, "-o", "%N")
	b.on("head", "scontrol", "update", "nodename="+node, "state=drain", "reason="+reason)
	b.nodesAgree()
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
	b.nodesAgree()
}

// capacity is a node that EC2 refuses.
func capacity(t *testing.T, b *testBed) {
	b = &testBed{t: t, exe: b.exe, dir: b.dir}
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
	b.eventually(30*time.Second, "1 job waits for capacity", func() string {
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
	b = &testBed{t: t, exe: b.exe, dir: b.dir}
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
	b.agree("who has which GPU", func() map[string]float64 { return want }, func(n numbers) map[string]float64 {
		all := map[string]float64{}
		for name, v := range n {
			if strings.HasPrefix(name, "slurm_gpu_job{") {
				all[label(name, "device")+" of "+label(name, "job_id")] += v
			}
		}
		return all
	})
	b.agree("allocated GPUs", func() map[string]float64 {
		sum := 0.0 // of squeue's "gres:gpu:2"
		for line := range strings.Lines(b.on("head", "squeue", "-h", "-t", "R", "-o", "%b")) {
			fields := strings.Split(strings.TrimSpace(line), ":")
			if v, err := strconv.ParseFloat(fields[len(fields)-1], 64); err == nil {
				sum += v
			}
		}
		return map[string]float64{"alloc": sum}
	}, func(n numbers) map[string]float64 { return map[string]float64{"alloc": n["slurm_gpus_alloc"]} })
	b.on("head", "scancel", two, one)
}

// label is the value of a label in a sample's name, where it has no escapes.
func label(name, label string) string {
	for _, before := range []string{"{", ","} {
		if _, value, ok := strings.Cut(name, before+label+`="`); ok {
			value, _, _ = strings.Cut(value, `"`)
			return value
		}
	}
	return ""
}

// away is slurmctld stopped for a while: nothing old is shown, the list of targets stays and its
// age grows, and counters go on where they were.
func away(t *testing.T, b *testBed) {
	b = &testBed{t: t, exe: b.exe, dir: b.dir}
	job := b.submit("-p", "queue1", "--wrap", "sleep 600")
	b.ended("RUNNING", job)
	before := b.page()
	targets := b.on("head", "curl", "-s", "http://127.0.0.1:9090/slurm/targets")
	if !strings.Contains(targets, "queue1-dy-cr1-") {
		t.Errorf("targets: %s", targets)
	}
	began := time.Now()
	b.on("head", "systemctl", "stop", "slurmctld")
	away := time.NewTimer(20 * time.Second)
	<-away.C
	n := b.page()
	for name := range n {
		if strings.HasPrefix(name, "slurm_nodes_") || strings.HasPrefix(name, "slurm_queue_") || strings.HasPrefix(name, "slurm_node_status") {
			t.Errorf("%s is shown while slurmctld is away", name)
		}
	}
	if n[`slurm_command_success{command="scontrol"}`] != 0 || n["slurm_targets_age_seconds"] < 15 ||
		n["slurm_targets_age_seconds"] > time.Since(began).Seconds()+70 {
		t.Errorf("success %v, age of the targets %v after %s", n[`slurm_command_success{command="scontrol"}`], n["slurm_targets_age_seconds"],
			time.Since(began))
	}
	if now := b.on("head", "curl", "-s", "http://127.0.0.1:9090/slurm/targets"); now != targets {
		t.Errorf("targets now %s, before %s", now, targets)
	}
	b.on("head", "systemctl", "start", "slurmctld")
	b.eventually(30*time.Second, "RUNNING", func() string { return b.asked("head", "squeue", "-h", "-j", job, "-o", "%T") })
	for _, label := range []string{"started", "finished"} {
		name := "slurm_jobs_" + label + "_total"
		if was, is := before.of(name, "partition"), b.page().of(name, "partition"); !maps.Equal(was, is) {
			t.Errorf("%s is %v, before slurmctld went %v", name, is, was)
		}
	}
	if now := b.on("head", "curl", "-s", "http://127.0.0.1:9090/slurm/targets"); now != targets {
		t.Errorf("targets after slurmctld came back %s, before %s", now, targets)
	}
	b.on("head", "scancel", job)
	b.nodesAgree()
	b.finishedAgree()
}

// private sets PrivateData. The head runs as root, which sees everything; as somebody else it
// would see no powered-down node with "cloud", and no job of others with "jobs".
func private(t *testing.T, b *testBed) {
	b = &testBed{t: t, exe: b.exe, dir: b.dir}
	job := b.submit("-p", "queue1", "--hold", "--wrap", "true")
	for _, data := range []string{"cloud", "cloud,jobs"} {
		b.on("head", "sh", "-c", "sed -i 's/^PrivateData=.*/PrivateData="+data+"/' /opt/slurm/etc/slurm.conf && scontrol reconfigure")
		b.nodesAgree()
		b.jobsAgree()
		nodes := b.on("head", "setpriv", "--reuid", "65534", "--clear-groups", "sh", "-c",
			"sinfo -h -N -o %T | grep -c '~' || true")
		jobs := b.on("head", "setpriv", "--reuid", "65534", "--clear-groups", "sh", "-c", "squeue -h -t all | wc -l")
		if nodes != "0" || (jobs == "0") != strings.Contains(data, "jobs") {
			t.Errorf("with PrivateData=%s somebody else sees %s powered-down nodes and %s jobs", data, nodes, jobs)
		}
	}
	b.on("head", "scancel", job)
}
