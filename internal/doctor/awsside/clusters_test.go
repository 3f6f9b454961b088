package awsside

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/golang/snappy"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// page is what a cluster sends: lines in Prometheus' text format, without cluster. NOW is
// the time in seconds.
type page string

// without takes out the lines that begin so, with puts lines in.
func (p page) without(begin ...string) page {
	kept := slices.DeleteFunc(strings.Split(string(p), "\n"), func(line string) bool {
		return slices.ContainsFunc(begin, func(b string) bool { return strings.HasPrefix(line, b) })
	})
	return page(strings.Join(kept, "\n"))
}

func (p page) with(lines ...string) page { return p + "\n" + page(strings.Join(lines, "\n")) }

// set gives the lines that begin so another value.
func (p page) set(begin, value string) page {
	lines := strings.Split(string(p), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, begin) {
			lines[i] = line[:strings.LastIndexByte(line, ' ')] + " " + value
		}
	}
	return page(strings.Join(lines, "\n"))
}

// head is the page of a head node that is well, compute of a node with 8 GPUs.
const head page = `up{job="head",instance="h",node="h",node_type="head"} 1
up{job="slurm",instance="h",node="h",node_type="head"} 1
up{job="pcluster",instance="h",node="h",node_type="head"} 1
up{job="node",instance="h",node="h",node_type="head"} 1
node_time_seconds{job="node",instance="h",node="h"} NOW
scrape_samples_post_metric_relabeling{job="node",instance="h",node="h"} 180
scrape_samples_post_metric_relabeling{job="slurm",instance="h",node="h"} 9000
parascope_build_info{job="head",instance="h",node="h",version="1.2.3"} 1
parascope_build_info{job="node",instance="h",node="h",version="1.2.3"} 1
parascope_install_info{job="node",instance="h",node="h",version="1.2.3",wanted="1.2.3"} 1
parascope_delivery_samples_taken_total{job="head",remote_name="amp"} 1000
parascope_delivery_samples_dropped_total{job="head",remote_name="amp",reason="too_old"} 0
parascope_delivery_samples_uncertain_total{job="head",remote_name="amp",reason="refused"} 0
parascope_delivery_failing_since_timestamp_seconds{job="head",remote_name="amp"} 0
parascope_delivery_oldest_sample_timestamp_seconds{job="head",remote_name="amp"} NOW-2
parascope_delivery_age_limit_seconds{job="head",remote_name="amp"} 3540
parascope_delivery_queue_bytes{job="head",remote_name="amp"} 1e6
parascope_delivery_queue_max_bytes{job="head",remote_name="amp"} 1e9
parascope_delivery_disk_failing{job="head",remote_name="amp"} 0
parascope_delivery_set_aside_files{job="head",remote_name="amp"} 0
parascope_delivery_refused_series{job="head",remote_name="amp"} 0
slurm_controller_up{job="slurm"} 1
slurm_snapshot_age_seconds{job="slurm"} 20
slurm_node_status{job="slurm",node="off",status="powered_down"} 1
slurm_node_status{job="slurm",node="boots",status="powering_up"} 1
up{job="node",instance="boots",node="boots",node_type="compute"} 0
parallelcluster_clustermgtd_heartbeat_timestamp_seconds{job="pcluster"} NOW-30`

const compute page = `up{job="node",instance="NODE",node="NODE",node_type="compute"} 1
up{job="dcgm",instance="NODE",node="NODE",node_type="compute"} 1
scrape_samples_post_metric_relabeling{job="node",instance="NODE",node="NODE"} 190
scrape_samples_post_metric_relabeling{job="dcgm",instance="NODE",node="NODE"} 200
node_time_seconds{job="node",instance="NODE",node="NODE"} NOW+3
parascope_build_info{job="node",instance="NODE",node="NODE",version="1.2.3"} 1
parascope_install_info{job="node",instance="NODE",node="NODE",version="1.2.3",wanted="1.2.3"} 1
slurm_node_status{job="slurm",node="NODE",status="alloc"} 1
slurm_node_gres_total{job="slurm",node="NODE",gres="gpu",type="h100"} 8
parascope_gpu_driver_state_age_seconds{job="dcgm",instance="NODE",node="NODE",state="ok"} 900
parascope_gpu_devices{job="dcgm",instance="NODE",node="NODE"} 8
parascope_gpu_devices_expected{job="dcgm",instance="NODE",node="NODE"} 8
DCGM_FI_DEV_GPU_UTIL{job="dcgm",instance="NODE",node="NODE",gpu="0"} 98
DCGM_FI_DEV_GPU_UTIL{job="dcgm",instance="NODE",node="NODE",gpu="1"} 0
DCGM_FI_PROF_SM_ACTIVE{job="dcgm",instance="NODE",node="NODE",gpu="0"} 0.7
DCGM_FI_PROF_SM_ACTIVE{job="dcgm",instance="NODE",node="NODE",gpu="1"} 0`

// healthy is a cluster with so many nodes, n1 and on.
func healthy(nodes int) page {
	p := head
	for i := range nodes {
		p += page("\n" + strings.ReplaceAll(string(compute), "NODE", fmt.Sprintf("n%d", i+1)))
	}
	return p
}

var line = regexp.MustCompile(`^(\w+)(?:\{(.*)\})? (\S+)$`)

// series reads a page as of a time.
func (p page) series(t *testing.T, cluster string, at time.Time) (all []prompb.TimeSeries) {
	t.Helper()
	for text := range strings.SplitSeq(string(p), "\n") {
		m := line.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("%q is no sample", text)
		}
		labels := []prompb.Label{{Name: "__name__", Value: m[1]}, {Name: "cluster", Value: cluster}}
		for _, pair := range regexp.MustCompile(`(\w+)="([^"]*)"`).FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, prompb.Label{Name: pair[1], Value: pair[2]})
		}
		slices.SortFunc(labels, func(a, b prompb.Label) int { return cmp.Compare(a.Name, b.Name) })
		value, begin := m[3], 0.0
		if rest, relative := strings.CutPrefix(value, "NOW"); relative {
			begin, value = float64(at.UnixMilli())/1000, cmp.Or(rest, "0")
		}
		v, err := strconv.ParseFloat(value, 64)
		check.OK(t, err)
		all = append(all, prompb.TimeSeries{Labels: labels, Samples: []prompb.Sample{{Value: begin + v, Timestamp: at.UnixMilli()}}})
	}
	return all
}

// site is a cloud with a workspace.
type site struct {
	cloud *localtest.Cloud
	cfg   aws.Config
	env   *Env
}

func newSite(t *testing.T) *site {
	s := &site{cloud: localtest.Start(t, localaws.Options{})}
	s.cfg = s.cloud.Operator()
	out, err := amp.NewFromConfig(s.cfg).CreateWorkspace(t.Context(), &amp.CreateWorkspaceInput{})
	check.OK(t, err)
	s.env = Begin(Env{Config: s.cfg, Target: deploy.Target{StackName: "s"}, Now: time.Now})
	s.env.endpoint = s.cloud.URL() + "/workspaces/" + *out.WorkspaceId
	return s
}

// send writes series as a head does.
func (s *site) send(t *testing.T, all []prompb.TimeSeries) {
	t.Helper()
	raw, err := (&prompb.WriteRequest{Timeseries: all}).Marshal()
	check.OK(t, err)
	body := snappy.Encode(nil, raw)
	resp := s.signed(t, http.MethodPost, strings.TrimSuffix(s.env.endpoint, "/")+"/api/v1/remote_write", "aps", "application/x-protobuf", body)
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("remote write: %s: %s", resp.Status, text)
	}
}

// signed makes a request with a signature by the SDK's signer; the body is closed at the
// test's end.
func (s *site) signed(t *testing.T, method, url, service, contentType string, body []byte) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	check.OK(t, err)
	req.Header.Set("Content-Type", contentType)
	if contentType == "application/x-protobuf" {
		req.Header.Set("Content-Encoding", "snappy")
		req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	}
	keys, err := s.cfg.Credentials.Retrieve(t.Context())
	check.OK(t, err)
	sum := sha256.Sum256(body)
	check.OK(t, v4.NewSigner().SignHTTP(t.Context(), keys, req, hex.EncodeToString(sum[:]), service, s.cfg.Region, time.Now()))
	resp, err := http.DefaultClient.Do(req)
	check.OK(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// findClusters runs the checks that those of clusters need.
func (s *site) findClusters(t *testing.T) {
	t.Helper()
	all, err := doctor.Run(t.Context(), s.env, slices.DeleteFunc(Checks(), func(c Check) bool {
		return c.ID != "query" && c.ID != "clusters"
	}),
		doctor.Options{}, func(doctor.Result) error { return nil })
	check.OK(t, err)
	for _, r := range all {
		if r.Status != doctor.OK {
			t.Fatalf("%+v", r)
		}
	}
}

// bad runs the checks of a cluster and returns those that failed, and all results.
func (s *site) bad(t *testing.T, cluster string) (failed []string, all []doctor.Result) {
	t.Helper()
	all, err := doctor.Run(t.Context(), s.env.Of(cluster), ClusterChecks(), doctor.Options{AtOnce: 8, Bound: time.Minute},
		func(doctor.Result) error { return nil })
	check.OK(t, err)
	for _, r := range all {
		if r.Status == doctor.Failed {
			failed = append(failed, r.ID)
		}
	}
	return failed, all
}

// clusterFaults are clusters in which one thing is wrong, by the check that has to find it;
// the text is in its detail.
var clusterFaults = []struct {
	id, name, says string
	now            page // beside a minute ago, when all was well
}{
	{"heads", "two-heads", "2 heads", healthy(2).with(`up{job="head",instance="h2",node="h2",node_type="head"} 1`)},
	{"delivery", "delivery", "amp have failed for 10m", healthy(2).set("parascope_delivery_failing", "NOW-600")},
	{"queue-age", "queue-age", "amp is 33m20s old", healthy(2).set("parascope_delivery_oldest", "NOW-2000")},
	{"queue-size", "queue-size", "90 % full", healthy(2).set("parascope_delivery_queue_bytes", "9e8")},
	{"queue-disk", "disk-fails", "queue of remote write amp cannot be written", healthy(2).set("parascope_delivery_disk_failing", "1")},
	{"queue-disk", "set-aside", "1 files", healthy(2).set("parascope_delivery_set_aside_files", "1")},
	{"samples-dropped", "dropped", "too_old", healthy(2).set("parascope_delivery_samples_dropped_total", "12")},
	{"samples-dropped", "uncertain", "refused", healthy(2).set("parascope_delivery_samples_uncertain_total", "12")},
	{"series-refused", "refused", "refuses 3 series", healthy(2).set("parascope_delivery_refused_series", "3")},
	{"targets", "node-down", "job node of n1 does not answer", healthy(2).set(`up{job="node",instance="n1"`, "0")},
	{"targets", "gpu-port-down", "job dcgm of n1 does not answer", healthy(2).without("DCGM_FI_DEV_GPU_UTIL{job=\"dcgm\",instance=\"n1\"").
		set(`up{job="dcgm",instance="n1"`, "0")},
	{"nodes-unscraped", "unscraped", "n3 is idle in Slurm", healthy(2).with(`slurm_node_status{job="slurm",node="n3",status="idle"} 1`)},
	{"nodes-unknown", "unknown", "n3 is scraped", healthy(2).with(`up{job="node",instance="n3",node="n3",node_type="compute"} 1`)},
	{"install", "install-fails", "download", healthy(2).with(`parascope_install_failure{job="node",node="n1",reason="download"} 1`)},
	{"install", "not-finished", "n1: the installation is not finished",
		healthy(2).with(`parascope_install_info{job="node",node="n1",wanted="1.2.3"} 1`)},
	{"versions", "versions", "1 programs have version 1.0.0",
		healthy(2).without(`parascope_build_info{job="node",instance="n1"`).with(`parascope_build_info{job="node",node="n1",version="1.0.0"} 1`)},
	{"node-clocks", "clock", "the clock of n1 differs from the head node's by 90 s", healthy(2).set(`node_time_seconds{job="node",instance="n1"`, "NOW+90")},
	{"node-clocks", "clock-behind", "the clock of n2 differs from the head node's by -90 s", healthy(2).set(`node_time_seconds{job="node",instance="n2"`, "NOW-90")},
	{"gpu-metrics", "no-gpu-page", "n3: port 9400 is not scraped", healthy(2).with(
		`slurm_node_gres_total{job="slurm",node="n3",gres="gpu",type="h100"} 8`, `slurm_node_status{job="slurm",node="n3",status="idle"} 1`,
		`up{job="node",instance="n3",node="n3",node_type="compute"} 1`)},
	{"gpu-metrics", "no-library", "n3: the GPU driver's state is no_library", healthy(2).with(
		`slurm_node_gres_total{job="slurm",node="n3",gres="gpu",type="h100"} 8`, `slurm_node_status{job="slurm",node="n3",status="idle"} 1`,
		`up{job="node",instance="n3",node="n3",node_type="compute"} 1`, `up{job="dcgm",instance="n3",node="n3",node_type="compute"} 1`,
		`parascope_gpu_driver_state_age_seconds{job="dcgm",node="n3",state="no_library"} 900`)},
	{"gpu-count", "gpu-missing", "n1: 1 GPUs are missing", healthy(2).set(`parascope_gpu_devices{job="dcgm",instance="n1"`, "7")},
	{"gpu-driver", "mismatch", "n3: the driver's library", healthy(2).with(
		`slurm_node_gres_total{job="slurm",node="n3",gres="gpu",type="h100"} 8`, `slurm_node_status{job="slurm",node="n3",status="idle"} 1`,
		`up{job="node",instance="n3",node="n3",node_type="compute"} 1`, `up{job="dcgm",instance="n3",node="n3",node_type="compute"} 1`,
		`parascope_gpu_driver_state_age_seconds{job="dcgm",node="n3",state="mismatch"} 900`)},
	{"gpu-profiling", "profiling", "n1 GPU 2: GPU_UTIL is 98 and SM_ACTIVE is 0", healthy(2).with(
		`DCGM_FI_DEV_GPU_UTIL{job="dcgm",instance="n1",node="n1",gpu="2"} 98`,
		`DCGM_FI_PROF_SM_ACTIVE{job="dcgm",instance="n1",node="n1",gpu="2"} 0`)},
	{"slurm-controller", "slurmctld", "does not answer", healthy(2).set("slurm_controller_up", "0")},
	{"slurm-age", "slurm-old", "the snapshot is 15m0s old", healthy(2).set("slurm_snapshot_age", "900")},
	{"heartbeat", "heartbeat", "5m0s ago", healthy(2).set("parallelcluster_clustermgtd", "NOW-300")},
	{"series-budget", "left-out", "n1: 40 series of node_filesystem are left out",
		healthy(2).with(`parascope_node_series_left_out{job="node",node="n1",family="node_filesystem"} 40`)},
	{"series-budget", "many", "job other of n1 has 7300 series; queue_depth has grown most: by 3 series within a day",
		healthy(2).with(`scrape_samples_post_metric_relabeling{job="other",instance="n1",node="n1"} 7300`,
			`queue_depth{job="other",instance="n1",queue="a"} 1`, `queue_depth{job="other",instance="n1",queue="b"} 1`,
			`queue_depth{job="other",instance="n1",queue="c"} 1`, `queue_length{job="other",instance="n1",queue="a"} 1`)},
}

// nodeFaults are faults of node n1.
var nodeFaults = []struct {
	id, name, says string
	now            page
}{
	{"node-answers", "node-down", "job node does not answer", ""}, // of clusterFaults
	{"node-gpus", "gpu-missing", "1 GPUs are missing", ""},
	{"node-xid", "xid", "GPU 0 had XID 79 10m0s ago",
		healthy(1).with(`parascope_gpu_xid_last_timestamp_seconds{job="dcgm",node="n1",gpu="0",xid="79"} NOW-600`)},
	{"node-xid", "recovery", "recovery action 2", healthy(1).with(`DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION{job="dcgm",node="n1",gpu="0"} 2`)},
	{"node-gpu-memory", "dbe", "had 1 uncorrectable", healthy(1).with(`DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{job="dcgm",node="n1",gpu="0"} 1`)},
	{"node-gpu-throttled", "hot", "GPU 0 is slowed down",
		healthy(1).with(`DCGM_FI_DEV_CLOCKS_EVENT_REASONS{job="dcgm",node="n1",gpu="0"} 68`)}, // hardware thermal, and the power cap
	{"node-efa-devices", "efa-missing", "1 EFA devices are missing", healthy(1).with(`node_amazonefa_devices{job="node",node="n1"} 31`,
		`node_amazonefa_devices_expected{job="node",node="n1"} 32`)},
	{"node-efa-errors", "efa-peers", "EFA timeouts of remote peers", efa(9)},
}

// efa is a node with EFA, and a number of events.
func efa(events int) page {
	return healthy(1).with(`node_amazonefa_devices{job="node",node="n1"} 32`, `node_amazonefa_devices_expected{job="node",node="n1"} 32`,
		fmt.Sprintf(`node_amazonefa_unresponsive_remote_events{job="node",node="n1",device="all"} %d`, events),
		`DCGM_FI_DEV_CLOCKS_EVENT_REASONS{job="dcgm",node="n1",gpu="0"} 4`, `DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{job="dcgm",node="n1",gpu="0"} 0`)
}

// checkNodes runs the checks of node n1, where it is well and where it is not.
func (s *site) checkNodes(t *testing.T) {
	t.Helper()
	failed := func(cluster string) (all []string, details string) {
		got, err := doctor.Run(t.Context(), s.env.Of(cluster), NodeChecks("n1", false), doctor.Options{AtOnce: 8, Bound: time.Minute},
			func(doctor.Result) error { return nil })
		check.OK(t, err)
		for _, r := range got {
			if r.Status == doctor.Failed {
				all, details = append(all, r.ID), details+r.Detail
			}
		}
		return all, details
	}
	for _, name := range []string{"well", "efa-well"} {
		if all, details := failed(name); len(all) > 0 {
			t.Errorf("%s: %v %s", name, all, details)
		}
	}
	for name, want := range map[string]doctor.Status{"well": doctor.Skipped, "drained": doctor.Unknown} {
		f := nodeDiag("n1", true)(t.Context(), s.env.Of(name))
		if f.Status != want || want == doctor.Unknown && !strings.Contains(f.Next, "ssh n1") {
			t.Errorf("the active test of %s: %+v", name, f)
		}
	}
	for _, f := range nodeFaults {
		all, details := failed(f.name)
		if diff := gocmp.Diff([]string{f.id}, all); diff != "" || !strings.Contains(details, f.says) {
			t.Errorf("%s: %s %s", f.name, diff, details)
		}
	}
}

// TestCheckAndFault: in each cluster exactly the right check fails, and in those that are
// well none.
func TestCheckAndFault(t *testing.T) {
	s := newSite(t)
	now := time.Now()
	begin := healthy(2)
	for name, p := range map[string]page{"empty": head, "well": healthy(2), "forty": healthy(40)} {
		s.send(t, p.series(t, name, now.Add(-time.Minute)))
		s.send(t, p.series(t, name, now))
	}
	for _, f := range clusterFaults {
		s.send(t, begin.series(t, f.name, now.Add(-time.Minute)))
		s.send(t, f.now.series(t, f.name, now))
	}
	for _, f := range nodeFaults {
		if f.now != "" {
			s.send(t, efa(0).series(t, f.name, now.Add(-time.Minute)))
			s.send(t, f.now.series(t, f.name, now))
		}
	}
	s.send(t, efa(3).series(t, "efa-well", now.Add(-time.Minute)))
	s.send(t, efa(3).series(t, "efa-well", now))
	drained := healthy(1).without(`slurm_node_status{job="slurm",node="n1"`).with(`slurm_node_status{job="slurm",node="n1",status="drain"} 1`,
		`slurm_node_cpu_alloc{job="slurm",node="n1"} 0`)
	s.send(t, drained.series(t, "drained", now))
	s.send(t, begin.series(t, "silent", now.Add(-20*time.Minute)))
	s.env.Now = func() time.Time { return now }
	s.findClusters(t)
	for _, name := range []string{"empty", "well", "forty"} {
		started := time.Now()
		if failed, all := s.bad(t, name); len(failed) > 0 {
			t.Errorf("%s: %v %+v", name, failed, all)
		}
		t.Logf("the checks of cluster %s took %s", name, time.Since(started).Round(time.Millisecond))
	}
	covered := map[string]bool{}
	for _, f := range clusterFaults {
		failed, all := s.bad(t, f.name)
		if diff := gocmp.Diff([]string{f.id}, failed); diff != "" {
			t.Errorf("%s: %s", f.name, diff)
		}
		for _, r := range all {
			if r.ID == f.id && (!strings.Contains(r.Detail, f.says) || r.Next == "") {
				t.Errorf("%s: %q, try %q", f.name, r.Detail, r.Next)
			}
		}
		covered[f.id] = true
	}
	s.checkNodes(t)
	failed, all := s.bad(t, "silent")
	if diff := gocmp.Diff([]string{"samples"}, failed); diff != "" {
		t.Error(diff)
	}
	for _, r := range all {
		if r.Status == doctor.OK || slices.Contains([]string{"targets", "heartbeat"}, r.ID) && r.Because != "samples" {
			t.Errorf("of a cluster that is silent %s is %s because of %q", r.ID, r.Status, r.Because)
		}
	}
	for _, c := range ClusterChecks() {
		if !covered[c.ID] && !slices.Contains([]string{"head-instance", "head-permissions", "samples", "scrape-ports"}, c.ID) {
			t.Errorf("no fault makes check %s fail", c.ID)
		}
	}
}
