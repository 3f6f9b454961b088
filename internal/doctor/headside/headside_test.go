package headside

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/doctor"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// node is a head node in a directory, with a server that answers in the place of the head, AMP,
// S3 and the metadata service.
type node struct {
	t        *testing.T
	root     string
	server   *httptest.Server
	pages    map[string]string
	statuses map[string]int
	date     time.Time
	remote   map[string]any
	rest     map[string]any
	targets  []target
	programs map[string]string
	stopped  bool   // the head
	s3       string // its endpoint
}

func newNode(t *testing.T) *node {
	n := &node{t: t, root: t.TempDir(), statuses: map[string]int{}, programs: map[string]string{}, date: now}
	n.server = httptest.NewServer(http.HandlerFunc(n.serve))
	t.Cleanup(n.server.Close)
	n.remote = map[string]any{"name": "amp", "verdict": "delivering", "last_success": now.Add(-time.Second), "queue_bytes": 1000,
		"queue_max_bytes": 1000000, "age_limit_seconds": 3540, "oldest_sample": now.Add(-2 * time.Second), "ledger": map[string]any{}}
	n.rest = map[string]any{"time": now, "verdict": "delivering"}
	n.targets = []target{{Labels: map[string]string{"node": "n1"}, ScrapePool: "node", ScrapeURL: "http://10.0.0.1:9100/metrics",
		Health: "up"},
		{Labels: map[string]string{"node": "n2"}, ScrapePool: "node", ScrapeURL: "http://10.0.0.2:9100/metrics", Health: "unknown"}}
	n.pages = map[string]string{
		"/slurm/metrics":           "slurm_controller_up 1\nslurm_snapshot_age_seconds 12\n",
		"/parallelcluster/metrics": heartbeatAt(now.Add(-time.Minute)),
		"/slurm/targets": `[{"targets":["10.0.0.1:9100"],"labels":{"node":"n1"}},` +
			`{"targets":["10.0.0.2:9100"],"labels":{"node":"n2"}}]`,
		"/latest/api/token":                           "token",
		"/latest/meta-data/iam/security-credentials/": "hpc-HeadNodeRole",
		"/metrics": "parascope_build_info{version=\"1\"} 1\n",
	}
	n.put("etc/parallelcluster/cfnconfig", "stack_name=hpc\ncfn_region=us-east-2\ncfn_node_type=HeadNode\n")
	n.config(n.server.URL+"/workspaces/ws-1/api/v1/remote_write", "us-east-2")
	return n
}

func heartbeatAt(t time.Time) string {
	return fmt.Sprintf("parallelcluster_clustermgtd_heartbeat_timestamp_seconds %d\n", t.Unix())
}

func (n *node) put(name, text string) {
	n.t.Helper()
	file := filepath.Join(n.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		n.t.Fatal(err)
	}
}

// config writes the head's configuration; region "": without sigv4.
func (n *node) config(url, region string) {
	text := "scrape_configs: [{job_name: node, static_configs: [{targets: ['127.0.0.1:9100']}]}]\nremote_write: [{url: '" + url + "'"
	if region != "" {
		text += ", sigv4: {region: " + region + "}"
	}
	n.put("opt/prometheus/prometheus.yml", text+"}]\n")
}

// program puts a script into the place of a program.
func (n *node) program(name, script string) {
	n.put("bin/"+name, "#!/bin/sh\n"+script)
	file := filepath.Join(n.root, "bin", name)
	if err := os.Chmod(file, 0o755); err != nil {
		n.t.Fatal(err)
	}
	n.programs[name] = file
}

func (n *node) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", n.date.Format(http.TimeFormat))
	if status := n.statuses[r.URL.Path]; status != 0 {
		w.WriteHeader(status)
		return
	}
	switch r.URL.Path {
	case "/api/v1/delivery":
		all := map[string]any{"remotes": []any{n.remote}}
		for k, v := range n.rest {
			all[k] = v
		}
		n.answer(w, all)
	case "/api/v1/targets":
		n.answer(w, map[string]any{"activeTargets": n.targets})
	default:
		page, there := n.pages[r.URL.Path]
		if !there {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(page)) // the client reads it or not
	}
}

func (n *node) answer(w http.ResponseWriter, data any) {
	if err := json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data}); err != nil {
		n.t.Error(err)
	}
}

// env is what the checks are given.
func (n *node) env() *Env {
	address := strings.TrimPrefix(n.server.URL, "http://")
	client := &http.Client{Transport: &http.Transport{}}
	e := &Env{Root: n.root, Host: "head", Address: address, SlurmBin: "/opt/slurm/bin", Now: func() time.Time { return now }, HTTP: client,
		NodeAddress: address,
		Getenv: func(name string) string {
			return map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": n.server.URL, "AWS_ENDPOINT_URL_S3": cmp.Or(n.s3, n.server.URL)}[name]
		},
		LookPath: func(name string) (string, error) {
			if file, ok := n.programs[name]; ok {
				return file, nil
			}
			return "", os.ErrNotExist
		}}
	if n.stopped {
		e.Address = "127.0.0.1:1"
	}
	return e
}

// doctor runs all checks.
func (n *node) doctor() []doctor.Result {
	n.t.Helper()
	all, err := doctor.Run(n.t.Context(), n.env(), Checks(), doctor.Options{AtOnce: 4, Bound: 2 * time.Minute},
		func(doctor.Result) error { return nil })
	if err != nil {
		n.t.Fatal(err)
	}
	return all
}

var faults = []struct {
	id, name, says string
	make           func(*node)
	because        string // IDs that are unknown because of it
}{
	{"head-node", "a compute node", "type ComputeFleet", func(n *node) {
		n.put("etc/parallelcluster/cfnconfig", "stack_name=hpc\ncfn_region=us-east-2\ncfn_node_type=ComputeFleet\n")
	}, "node-program slurm-answers slurm-targets route-s3"},
	{"head-unit", "the unit has failed", "prometheus.service is failed", func(n *node) {
		n.put("run/systemd/system/x", "")
		n.put("etc/systemd/system/prometheus.service", "")
		n.program("systemctl", "echo failed; exit 3")
	}, "head-running slurm-answers clustermgtd discovery slurm-targets head-targets credentials delivering refused-series lost-samples " +
		"waiting-age waiting-room head-disk"},
	{"head-unit", "there is no unit", "there is no ", func(n *node) {
		n.put("run/systemd/system/x", "")
		n.program("systemctl", "echo inactive; exit 3")
	}, "head-running slurm-answers clustermgtd discovery slurm-targets head-targets credentials delivering refused-series lost-samples " +
		"waiting-age waiting-room head-disk"},
	{"head-config", "nonsense", "prometheus.yml", func(n *node) { n.put("opt/prometheus/prometheus.yml", "{") },
		"remote-write head-running slurm-answers clustermgtd discovery slurm-targets head-targets head-clock route-amp credentials delivering " +
			"refused-series lost-samples waiting-age waiting-room head-disk"},
	{"remote-write", "a wrong path", "is not the remote-write path of an AMP workspace", func(n *node) {
		n.config(n.server.URL+"/workspaces/ws-1/api/v1/query", "us-east-2")
	}, "route-amp credentials delivering waiting-age"},
	{"remote-write", "no sigv4", "sigv4 is missing", func(n *node) {
		n.config(n.server.URL+"/workspaces/ws-1/api/v1/remote_write", "")
	}, "route-amp credentials delivering waiting-age"},
	{"remote-write", "another region", "the URL is in region us-east-2, but sigv4 signs for region us-west-2", func(n *node) {
		n.config("https://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-1/api/v1/remote_write", "us-west-2")
	}, "route-amp credentials delivering waiting-age"},
	{"head-running", "nobody listens", "no head answers", func(n *node) { n.stopped = true },
		"slurm-answers clustermgtd discovery slurm-targets head-targets credentials delivering refused-series lost-samples waiting-age " +
			"waiting-room head-disk"},
	{"node-program", "the exporter fails", "500", func(n *node) { n.statuses["/metrics"] = 500 }, ""},
	{"node-program", "the installation fails", "no_manifest", func(n *node) {
		n.pages["/metrics"] += "parascope_install_failure{reason=\"no_manifest\"} 1\n"
	}, ""},
	{"slurm-answers", "slurmctld is down", "does not answer", func(n *node) { n.pages["/slurm/metrics"] = "slurm_controller_up 0\n" },
		"slurm-targets"},
	{"slurm-answers", "old data", "15m0s old", func(n *node) {
		n.pages["/slurm/metrics"] = "slurm_controller_up 1\nslurm_snapshot_age_seconds 900\n"
	}, "slurm-targets"},
	{"slurm-answers", "no scontrol", "did not find scontrol", func(n *node) {
		for _, page := range []string{"/slurm/metrics", "/parallelcluster/metrics", "/slurm/targets"} {
			n.statuses[page] = http.StatusNotFound
		}
	}, "slurm-targets"},
	{"clustermgtd", "no heartbeat", "5m0s ago", func(n *node) {
		n.pages["/parallelcluster/metrics"] = heartbeatAt(now.Add(-5 * time.Minute))
	}, ""},
	{"discovery", "ec2 fails", "ec2 of job node", func(n *node) {
		n.rest["discovery"] = []any{map[string]any{"mechanism": "ec2", "jobs": []string{"node"}, "since": now, "why": "RequestExpired"}}
	}, "slurm-targets"},
	{"slurm-targets", "a node is no target", "1 of 2 nodes are up in Slurm but are not targets: n2",
		func(n *node) { n.targets = n.targets[:1] }, ""},
	{"head-targets", "refused", "node of n1 refuse the connection", func(n *node) {
		n.targets[0].Health = "down"
		n.targets[0].LastError = `Get "http://10.0.0.1:9100/metrics": dial tcp 10.0.0.1:9100: connect: connection refused`
	}, ""},
	{"head-targets", "a security group", "node of n1 do not answer", func(n *node) {
		n.targets[0].Health, n.targets[0].LastError = "down", `Get "http://10.0.0.1:9100/metrics": context deadline exceeded`
	}, ""},
	{"head-targets", "a page that is none", "node of n1 serve a metrics page that cannot be parsed", func(n *node) {
		n.targets[0].Health, n.targets[0].LastError = "down", `expected a valid start token, got "<"`
	}, ""},
	{"imds", "no role", "the instance has no IAM role", func(n *node) {
		n.statuses["/latest/meta-data/iam/security-credentials/"] = http.StatusNotFound
	}, "credentials delivering waiting-age"},
	{"imds", "switched off", "returned HTTP 403 to a request for a token", func(n *node) {
		n.statuses["/latest/api/token"] = http.StatusForbidden
	},
		"credentials delivering waiting-age"},
	{"head-clock", "the clock is behind", "differs by -10m0s", func(n *node) { n.date = now.Add(10 * time.Minute) },
		"credentials delivering waiting-age"},
	{"route-amp", "nobody listens there", "connection refused", func(n *node) {
		n.config("http://127.0.0.1:1/workspaces/ws-1/api/v1/remote_write", "us-east-2")
	}, "delivering waiting-age"},
	{"route-s3", "nobody listens there", "connection refused", func(n *node) { n.s3 = "http://127.0.0.1:1" }, ""},
	{"credentials", "AMP refuses", "security token included in the request is expired", func(n *node) {
		n.fails(403, "The security token included in the request is expired")
	}, "delivering waiting-age"},
	{"delivering", "no workspace", "Workspace not found", func(n *node) { n.fails(404, "Workspace not found") }, "waiting-age"},
	{"refused-series", "a limit", `2 series of amp are refused; up{a="b"}: per-user series limit`, func(n *node) {
		n.remote["refused"] = map[string]any{"series": 2, "samples": 7, "named": []any{map[string]any{"series": `up{a="b"}`,
			"text": "per-user series limit"}}}
	}, ""},
	{"lost-samples", "some were dropped", "samples were dropped", func(n *node) {
		n.remote["verdict"], n.remote["reason"] = "losing", "samples were dropped"
	}, ""},
	{"waiting-age", "an old sample", "40m0s old", func(n *node) {
		n.remote["oldest_sample"], n.remote["ledger"] = now.Add(-40*time.Minute), map[string]any{"queued": 5}
	}, ""},
	{"waiting-room", "a full queue", "900000 of 1000000 bytes", func(n *node) { n.remote["queue_bytes"] = 900000 }, ""},
	{"head-disk", "a disk", "no space left", func(n *node) { n.remote["disk"] = "no space left on device" }, ""},
	{"pcluster-diag", "a check of ParallelCluster's", "Imds: not reachable", func(n *node) {
		n.program("pcluster-diag", `printf '{"results":[{"check_id":"Imds","status":"FAILURE","message":"not reachable","errors":[]},`+
			`{"check_id":"Other","status":"PASSED"}]}' >"$4"`)
	}, ""},
}

// fails makes the head's requests fail with an answer.
func (n *node) fails(code int, text string) {
	n.remote["verdict"], n.remote["reason"], n.remote["failing_since"] = "delayed", text, now.Add(-time.Minute)
	n.remote["last_error"] = map[string]any{"code": code, "text": text, "next": "do something"}
}

// TestCheckAndFault: exactly the right check fails, and what needs it is unknown because of it.
func TestCheckAndFault(t *testing.T) {
	covered := map[string]bool{}
	for _, f := range faults {
		t.Run(f.id+" "+f.name, func(t *testing.T) {
			n := newNode(t)
			f.make(n)
			var failed, because []string
			for _, r := range n.doctor() {
				if r.Status == doctor.Failed {
					failed = append(failed, r.ID)
					if r.ID == f.id && (!strings.Contains(r.Detail, f.says) || r.Next == "") {
						t.Errorf("%q, try %q; want %q", r.Detail, r.Next, f.says)
					}
				}
				if r.Because != "" {
					because = append(because, r.ID)
				}
			}
			if diff := gocmp.Diff([]string{f.id}, failed); diff != "" {
				t.Error(diff)
			}
			if diff := gocmp.Diff(strings.Fields(f.because), because); diff != "" && len(because)+len(f.because) > 0 {
				t.Error(diff)
			}
		})
		covered[f.id] = true
	}
	for _, c := range Checks() {
		if !covered[c.ID] {
			t.Errorf("no fault makes check %s fail", c.ID)
		}
	}
}

// TestAHeadNodeThatIsWell: nothing fails, and nothing is unknown.
func TestAHeadNodeThatIsWell(t *testing.T) {
	for _, r := range newNode(t).doctor() {
		if r.Status == doctor.Failed || r.Status == doctor.Unknown {
			t.Errorf("%+v", r)
		}
	}
}

// TestRoutes: nobody listens there.
func TestRoutes(t *testing.T) {
	n := newNode(t)
	n.config("http://127.0.0.1:1/workspaces/ws-1/api/v1/remote_write", "us-east-2")
	for _, r := range n.doctor() {
		if r.ID == "route-amp" && (r.Status != doctor.Failed || !strings.Contains(r.Detail, "connection refused")) {
			t.Errorf("%+v", r)
		}
	}
	e := &Env{Root: n.root, Host: "head", Getenv: func(string) string { return "http://127.0.0.1:1" }, Now: time.Now}
	all, err := doctor.Run(t.Context(), e, slices.DeleteFunc(Checks(), func(c Check) bool {
		return c.ID != "head-node" && c.ID != "route-s3"
	}),
		doctor.Options{}, func(doctor.Result) error { return nil })
	if err != nil || len(all) != 2 || all[1].Status != doctor.Failed {
		t.Errorf("%v %+v", err, all)
	}
}

// TestReportsOfPclusterDiag: its frame is not documented.
func TestReportsOfPclusterDiag(t *testing.T) {
	for report, want := range map[string]int{`[{"check_id":"A","status":"PASSED"}]`: 1,
		`{"x":1,"checks":[{"check_id":"A"},{"check_id":"B"}]}`: 2,
		`{"x":1}`: 0, `nonsense`: 0, ``: 0, `[1]`: 0, `null`: 0} {
		if got := diagResults([]byte(report)); len(got) != want {
			t.Errorf("%s: %+v", report, got)
		}
	}
}

// TestUnitsOfOursAreRestarted, and no others.
func TestUnitsOfOursAreRestarted(t *testing.T) {
	for unit, want := range map[string]int{"# Written by 'parascope-head setup'. It is.\n": 1, "[Unit]\n": 0} {
		n := newNode(t)
		n.put("run/systemd/system/x", "")
		n.put("etc/systemd/system/prometheus.service", unit)
		n.program("systemctl", `[ "$1" = restart ] && echo "$@" >>`+n.root+`/restarted; echo failed; [ "$1" = restart ]`)
		e := n.env()
		all, err := doctor.Run(t.Context(), e, Checks(), doctor.Options{Bound: 2 * time.Minute}, func(doctor.Result) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		fixes := e.Fixes(all)
		if len(fixes) != want {
			t.Fatalf("%q: %+v", unit, fixes)
		}
		for _, f := range fixes {
			if err := f.Do(t.Context()); err != nil || f.Check != "head-unit" || f.Undo == "" {
				t.Errorf("%+v: %v", f, err)
			}
			done, err := os.ReadFile(filepath.Join(n.root, "restarted"))
			if string(done) != "restart prometheus.service\n" || err != nil {
				t.Errorf("%q %v", done, err)
			}
		}
		files := e.Bundle(t.Context(), doctor.NewDocument(all))
		if len(files) < 8 || files[0].Err != nil || files[1].Err != nil || !strings.Contains(files[1].Text, "remote_write") {
			t.Errorf("%+v", files)
		}
	}
}
