package pcluster_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/pcluster"
)

// event is a line as ParallelCluster writes it.
func event(kind, detail string) string {
	return fmt.Sprintf(`{"datetime": "2026-11-29T09:00:00.000+00:00", "version": 0, "scheduler": "slurm", "cluster-name": "c", `+
		`"node-role": "HeadNode", "component": "clustermgtd", "level": "WARNING", "instance-id": "i-0", "event-type": %q, `+
		`"message": "m", "compute": {"name": "gpu-dy-p5-7"}, "detail": %s}`+"\n", kind, detail)
}

const iceDetail = `{"failure-type": "ice-failures", "count": 4, "error-details": {"InsufficientInstanceCapacity": ` +
	`{"count": 3, "nodes": [{"name": "gpu-large-dy-p5-1"}, {"name": "gpu-large-dy-p5-2"}, {"name": "odd"}]}, ` +
	`"Unsupported": {"count": 1, "nodes": [{"name": "q-st-c5-1"}]}}}`

type tree struct {
	t    *testing.T
	root string
}

func newTree(t *testing.T) tree {
	t.Helper()
	return tree{t, t.TempDir()}
}

func (tr tree) path(name string) string { return filepath.Join(tr.root, name) }

func (tr tree) write(name, text string, flag int) {
	tr.t.Helper()
	if err := os.MkdirAll(filepath.Dir(tr.path(name)), 0o700); err != nil {
		tr.t.Fatal(err)
	}
	f, err := os.OpenFile(tr.path(name), os.O_CREATE|os.O_WRONLY|flag, 0o600)
	if err != nil {
		tr.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr tree) append(name, text string) { tr.t.Helper(); tr.write(name, text, os.O_APPEND) }

func (tr tree) collector() *pcluster.Collector {
	tr.t.Helper()
	o := pcluster.DefaultOptions()
	o.Root, o.StateFile = tr.root, tr.path("state.json")
	o.Now = func() time.Time { return time.Unix(0, 0) } // a reading takes no time
	c, err := pcluster.New(o)
	if err != nil {
		tr.t.Fatal(err)
	}
	return c
}

// read returns the samples of a reading, without comments.
func read(t testing.TB, c *pcluster.Collector) string {
	t.Helper()
	var p page.Page
	c.Read(&p)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(bytes.NewReader(p.Bytes())); err != nil {
		t.Fatalf("%v in:\n%s", err, p.Bytes())
	}
	var kept []string
	for line := range strings.Lines(string(p.Bytes())) {
		if !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func has(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w+"\n") {
			t.Errorf("%s is missing in:\n%s", w, text)
		}
	}
}

const (
	eventsFile = "var/log/parallelcluster/clustermgtd.events"
	ice        = `parallelcluster_node_launch_failures_total{queue="gpu-large",compute_resource="p5",` +
		`failure_type="ice-failures",error_code="InsufficientInstanceCapacity"} `
)

func TestEvents(t *testing.T) {
	tr := newTree(t)
	tr.append(eventsFile, event("node-launch-failure-count", iceDetail)) // before the first reading: history
	c := tr.collector()
	if text := read(t, c); strings.Contains(text, "launch_failures") {
		t.Errorf("history is counted:\n%s", text)
	}
	tr.append(eventsFile, event("node-launch-failure-count", iceDetail)+"not json\n"+
		event("protected-mode-error-count", `{"failure-type": "static-replacement-timeout-error", "count": 1, "nodes": [{"name": "q-st-c5-2"}]}`)+
		event("nodes-failing-health-check-count", `{"health-check-type": "ec2_health_check", "count": 2, "nodes": []}`)+
		event("invalid-backing-instance-count", `{"count": 1, "nodes": [{"name": "q-dy-c5-2"}]}`)+
		event("node-not-responding-down-count", `{"count": 1, "nodes": [{"name": "q-dy-c5-2"}]}`)+
		event("compute-node-health-check", `{"health-check-name": "Gpu", "health-check-result": 23}`)+
		event("custom-action-error", `{"action": "OnNodeConfigured", "step": 1, "stage": "downloading"}`)+
		strings.Replace(event("custom-action-error", `{"action": "OnNodeStart", "stage": "executing"}`), `"name": "gpu-dy-p5-7"`,
			`"name": "odd", "queue-name": "odd-queue", "compute-resource": "r"`, 1)+
		event("cluster-instance-count", `{"count": 2}`)+
		event("node-launch-failure-count", `{"failure-type": "x", "count": -5}`)+event("node-launch-failure-count", `{"count": 1e300}`))
	has(t, read(t, c), ice+"2",
		`parallelcluster_node_launch_failures_total{queue="",compute_resource="",failure_type="ice-failures",`+
			`error_code="InsufficientInstanceCapacity"} 1`,
		`parallelcluster_node_launch_failures_total{queue="q",compute_resource="c5",failure_type="ice-failures",error_code="Unsupported"} 1`,
		`parallelcluster_node_bootstrap_failures_total{queue="q",compute_resource="c5",failure_type="static-replacement-timeout-error"} 1`,
		`parallelcluster_node_health_check_failures_total{queue="",compute_resource="",check="ec2_health_check"} 2`,
		`parallelcluster_node_instances_lost_total{queue="q",compute_resource="c5"} 1`,
		`parallelcluster_nodes_not_responding_total{queue="q",compute_resource="c5"} 1`,
		`parallelcluster_compute_health_checks_total{queue="gpu",compute_resource="p5",check="Gpu",result="failed"} 1`,
		`parallelcluster_custom_action_failures_total{queue="gpu",compute_resource="p5",action="OnNodeConfigured",stage="downloading"} 1`,
		`parallelcluster_custom_action_failures_total{queue="odd-queue",compute_resource="r",action="OnNodeStart",stage="executing"} 1`,
		`parallelcluster_events_unread_total 1`)
}

// TestBootstrapErrors reads lines in the shape of ParallelCluster's bootstrap_error_msg: a script
// that was not downloaded, and a recipe that failed.
func TestBootstrapErrors(t *testing.T) {
	const file = "var/log/parallelcluster/bootstrap_error_msg"
	tr := newTree(t)
	tr.append(file, "")
	c := tr.collector()
	read(t, c)
	tr.append(file, event("custom-action-error", `{"action": "OnNodeConfigured", "step": 1, "stage": "downloading"}`)+
		event("chef-recipe-exception", `{"failures": [{"cookbook-name": "aws-parallelcluster-environment", "recipe-name": "mount_home"}, `+
			`{"recipe-name": "x"}`+strings.Repeat(`, {"recipe-name": "y"}`, 100)+"]}")+event("chef-recipe-exception", "{}"))
	has(t, read(t, c),
		`parallelcluster_custom_action_failures_total{queue="gpu",compute_resource="p5",action="OnNodeConfigured",stage="downloading"} 1`,
		`parallelcluster_bootstrap_recipe_failures_total{queue="gpu",compute_resource="p5",cookbook="aws-parallelcluster-environment",`+
			`recipe="mount_home"} 1`,
		`parallelcluster_bootstrap_recipe_failures_total{queue="gpu",compute_resource="p5",cookbook="",recipe="y"} 18`)
}

func TestFollowing(t *testing.T) {
	tr := newTree(t)
	c := tr.collector()
	read(t, c)
	line := event("node-launch-failure-count", iceDetail)
	tr.append(eventsFile, line+line[:40]) // a file that is new is read from its beginning; half a line waits
	has(t, read(t, c), ice+"2")
	tr.append(eventsFile, line[40:])
	has(t, read(t, c), ice+"4")
	c = tr.collector() // a restart, and a line while the program was away
	tr.append(eventsFile, line)
	has(t, read(t, c), ice+"6")
	tr.append(eventsFile, line) // not read yet when the file is renamed
	if err := os.Rename(tr.path(eventsFile), tr.path(eventsFile+".1")); err != nil {
		t.Fatal(err)
	}
	tr.append(eventsFile, line)
	has(t, read(t, c), ice+"10")
	tr.write(eventsFile, line[:10], os.O_TRUNC)
	has(t, read(t, c), ice+"10")
	tr.append(eventsFile, line[10:])
	has(t, read(t, c), ice+"12", `parallelcluster_events_unread_total 0`)
	tr.append(eventsFile, strings.Repeat("x", 3<<20)+"\n"+line) // a line of 3 MB
	has(t, read(t, c), ice+"14", `parallelcluster_events_unread_total 1`)
}

// TestBacklog: a reading takes a bounded part of a backlog, by bytes and by time, says what is left, and the next one continues,
// also where the file is renamed.
func TestBacklog(t *testing.T) {
	tr := newTree(t)
	clock := time.Unix(0, 0)
	step := time.Duration(0) // for each look at the clock
	const most = 2 << 20
	start := func() *pcluster.Collector {
		o := pcluster.DefaultOptions()
		o.Root, o.StateFile, o.MaxRead = tr.root, tr.path("state.json"), most
		o.Now = func() time.Time { clock = clock.Add(step); return clock }
		c, err := pcluster.New(o)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	left := func(text string) (bytes, nodes int) {
		for line := range strings.Lines(text) {
			if v, found := strings.CutPrefix(line, `parallelcluster_file_unread_bytes{file="clustermgtd.events"} `); found {
				f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
				if err != nil {
					t.Fatal(err)
				}
				bytes = int(f)
			}
			if v, found := strings.CutPrefix(line, ice); found {
				nodes, _ = strconv.Atoi(strings.TrimSpace(v))
			}
		}
		return bytes, nodes
	}
	c := start()
	read(t, c)
	line := event("node-launch-failure-count", iceDetail)
	const lines = 8_000 // 4.6 MB, each counts two nodes
	tr.append(eventsFile, strings.Repeat(line, lines))
	tr.append("var/log/parallelcluster/slurm_resume.events", line)
	bytes, nodes := left(read(t, c))
	if whole := lines * len(line); bytes < whole-most || bytes > whole-most+2*len(line) || nodes != 2*(lines-bytes/len(line)+1) {
		t.Fatalf("%d of %d bytes are left, %d nodes counted", bytes, whole, nodes)
	}
	if err := os.Rename(tr.path(eventsFile), tr.path(eventsFile+".1")); err != nil {
		t.Fatal(err)
	}
	tr.append(eventsFile, line)
	c, step = start(), time.Second // a restart; from now on there is no time for a second part of a file
	again, _ := left(read(t, c))
	if took := bytes + len(line) - again; took < 1<<20-len(line) || took > 1<<20 {
		t.Errorf("%d bytes were taken in one part", took)
	}
	step = 0
	if bytes, nodes = left(read(t, c)); bytes != 0 || nodes != 2*(lines+2) {
		t.Errorf("%d bytes are left, %d nodes counted, want %d", bytes, nodes, 2*(lines+2))
	}
}

// TestLogs: the logs have what the events do not: which instance type EC2 had no capacity for, where, and which queues
// protected mode disabled. The lines have the shapes that ParallelCluster 3.1 to 3.13 print.
func TestLogs(t *testing.T) {
	const resume, clustermgtd = "var/log/parallelcluster/slurm_resume.log", "var/log/parallelcluster/clustermgtd"
	const sorry = "We currently do not have sufficient p5.48xlarge capacity in the Availability Zone you requested (us-east-1d)."
	tr := newTree(t)
	tr.append(resume, "")
	tr.append(clustermgtd, "")
	c := tr.collector()
	read(t, c)
	tr.append(resume, "2024-10-20 10:00:00,001 - 48010 - [slurm_plugin.fleet_manager:_launch_instances] - ERROR - Error in CreateFleet "+
		"request "+
		"(9b17efda): InsufficientInstanceCapacity - "+sorry+"\n"+
		"2024-10-20 10:00:00,102 - 48010 - [slurm_plugin.instance_manager:_launch_instances] - ERROR - Encountered exception when launching "+
		"instances for nodes (x1) ['gpu-dy-p5-1']: "+sorry+"\n"+ // the same request
		"2022-03-23 21:04:23,600 - [slurm_plugin.instance_manager:add_instances_for_nodes] - ERROR - Encountered exception when launching "+
		"instances for nodes (x2) ['q-dy-r-4', 'q-dy-r-5']: An error occurred (InsufficientInstanceCapacity) when calling the RunInstances "+
		"operation (reached max retries: 1): We currently do not have sufficient c5n.18xlarge capacity in the Availability Zone you "+
		"requested (us-east-1a). Our system will be working on provisioning additional capacity.\n"+
		"x - ERROR - Error in CreateFleet request (1): InsufficientInstanceCapacity - We currently do not have sufficient p5.48xlarge capacity "+
		"in zones with support for 'gp3' volumes.\n"+
		"x - ERROR - Error in CreateFleet request (1): UnfulfillableCapacity - Unable to fulfill capacity.\n"+
		strings.Repeat("x", 300<<10)+"\n")
	tr.append(clustermgtd, "2024-10-20 10:00:00,001 - [slurm_plugin.clustermgtd:_enter_protected_mode] - INFO - Placing bootstrap failure "+
		"partitions to INACTIVE: ['gpu', 'cpu-2']\n"+
		"2026-03-13 04:55:09,415 - [slurm_plugin.clustermgtd:_handle_protected_mode_process] - INFO - Partitions bootstrap failure count: "+
		"{'gpu': {'ml': 6}}, cluster will be set into protected mode if protected failure count reaches threshold 10\n")
	text := read(t, c)
	has(t, text, `parallelcluster_insufficient_capacity_total{instance_type="p5.48xlarge",availability_zone="us-east-1d"} 1`,
		`parallelcluster_insufficient_capacity_total{instance_type="p5.48xlarge",availability_zone=""} 1`,
		`parallelcluster_insufficient_capacity_total{instance_type="c5n.18xlarge",availability_zone="us-east-1a"} 1`,
		`parallelcluster_queues_disabled_total{queue="gpu"} 1`, `parallelcluster_queues_disabled_total{queue="cpu-2"} 1`,
		`parallelcluster_events_unread_total 0`) // a long line of a log is no event
	if n := strings.Count(text, "capacity_total{"); n != 3 {
		t.Errorf("%d series of capacity, want 3", n)
	}
}

func TestFilesThatAreNoFiles(t *testing.T) {
	tr := newTree(t)
	tr.append("opt/slurm/etc/pcluster/.slurm_plugin/clustermgtd_heartbeat", "2026-11-29 12:00:00.250000+0000\n")
	tr.append("opt/parallelcluster/shared/computefleet-status.json", `{"status": "PROTECTED", "lastStatusUpdatedTime": "x"}`)
	if err := os.MkdirAll(tr.path(eventsFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(tr.path("var/log/parallelcluster/slurm_resume.events"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := tr.collector()
	has(t, read(t, c), `parallelcluster_clustermgtd_heartbeat_timestamp_seconds 1.79595360025e+09`,
		`parallelcluster_compute_fleet_status{status="PROTECTED"} 1`,
		`parallelcluster_file_success{file="clustermgtd.events"} 0`, `parallelcluster_file_success{file="slurm_resume.events"} 0`,
		`parallelcluster_file_success{file="clustermgtd_heartbeat"} 1`)
	tr.write("opt/slurm/etc/pcluster/.slurm_plugin/clustermgtd_heartbeat", "half", os.O_TRUNC)
	if text := read(t, c); strings.Contains(text, "heartbeat_timestamp") ||
		!strings.Contains(text, `parallelcluster_file_success{file="clustermgtd_heartbeat"} 0`) {
		t.Errorf("a heartbeat that cannot be read:\n%s", text)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	tr := newTree(t)
	c := tr.collector()
	read(t, c)
	var lines strings.Builder
	for i := range 2000 {
		lines.WriteString(event("node-launch-failure-count", fmt.Sprintf(`{"failure-type": "f%d", "count": 1}`, i)))
	}
	tr.append(eventsFile, lines.String())
	text := read(t, c)
	if n := strings.Count(text, "launch_failures_total{"); n != 501 {
		t.Errorf("%d series, want 500 and one for the others", n)
	}
	has(t, text, `parallelcluster_node_launch_failures_total{queue="other",compute_resource="other",failure_type="other",error_code="other"} 1500`)
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte(event("node-launch-failure-count", iceDetail)))
	f.Add([]byte(event("compute-node-health-check", `{"health-check-result": null}`)))
	f.Add([]byte("{}\n\xff\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tr := newTree(t)
		c := tr.collector()
		read(t, c)
		tr.append(eventsFile, string(text))
		read(t, c)
	})
}
