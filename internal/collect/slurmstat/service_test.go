package slurmstat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/collect/slurmstat"
)

// service runs a Service on scripts in place of Slurm's commands, which print recorded output.
func service(t *testing.T) (*slurmstat.Service, string) {
	t.Helper()
	dir := t.TempDir()
	controller := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics/jobs" {
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(controller.Close)
	_, port, err := net.SplitHostPort(controller.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	recordedDir, err := filepath.Abs(filepath.Join(recordings, "24.11.6"))
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"scontrol": fmt.Sprintf(`[ -e %[1]s/down ] && exit 1
case "$*" in
"-d show nodes -o") exec cat %[2]s/scontrol-show-nodes-o.txt ;;
"show reservation -o") exec cat %[2]s/scontrol-show-reservation.txt ;;
"show licenses -o") exec cat %[2]s/../22.05.8/scontrol-show-licenses-o.txt ;;
"show config") sed 's/SlurmctldPort *= .*/SlurmctldPort = %[3]s/; s/^MinJobAge/MetricsType = metrics\/openmetrics\nMinJobAge/' %[2]s/scontrol-show-config.txt ;;
*) exit 3 ;;
esac`, dir, recordedDir, port),
		"sshare": "sed 1d " + recordedDir + "/sshare.txt",
		"squeue": `printf '4\03741\037gpu\037alice\037x\037RUNNING\037None\0371\0378\037cpu=8\037gpu-st-p5-2\037\037\037\037\0370\037\n'`,
		"sdiag":  "exec cat " + recordedDir + "/sdiag.txt",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o := slurmstat.DefaultOptions()
	o.Tools.Dir, o.Tools.Timeout = dir, time.Hour
	o.StateFile = filepath.Join(dir, "jobs.json")
	o.Logs = []string{filepath.Join(dir, "slurm_resume.log")}
	o.Watch.Soonest = time.Millisecond
	s, err := slurmstat.NewService(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func ask(t *testing.T, h http.HandlerFunc, url string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h(w, httptest.NewRequest(http.MethodGet, url, nil))
	return w.Code, w.Body.String()
}

func TestService(t *testing.T) {
	s, dir := service(t)
	if code, _ := ask(t, s.ServeMetrics, "/"); code != http.StatusServiceUnavailable {
		t.Errorf("metrics before the first snapshot: %d", code)
	}
	if code, _ := ask(t, s.ServeTargets, "/"); code != http.StatusServiceUnavailable {
		t.Errorf("targets before the first snapshot: %d", code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	if _, err := s.Fresh(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	_, text := ask(t, s.ServeMetrics, "/")
	for _, want := range []string{"slurm_nodes_powered_down 3\n", `slurm_command_success{command="squeue"} 1`, "slurm_queue_running 1\n",
		"slurm_scheduler_threads ", "slurm_snapshot_age_seconds ", "slurm_jobs_missed_windows_total 0",
		`slurm_node_job{node="gpu-st-p5-2",job_id="4",user="alice",account="x",partition="gpu"} 1`, "slurm_gpu_jobs_not_read 1\n",
		`slurm_controller_info{version="24.11.6",slurm_cluster="hpc-prod",accounting="true",native_metrics="true"} 1`, "slurm_controller_up 1\n",
		`slurm_reservation_info{reservation="maint_w1",partition="",state="active",maintenance="true"} 1`,
		`slurm_reservation_nodes{reservation="team_x"} 1`, `slurm_license_used{license="matlab"} 9`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	groups := func(url string) (all []struct {
		Targets []string
		Labels  map[string]string
	}) {
		_, text := ask(t, s.ServeTargets, url)
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		return all
	}
	if all := groups("/"); len(all) != 7 || all[1].Targets[0] != "10.0.2.12:9100" || all[1].Labels["queue"] != "gpu" ||
		all[1].Labels["instance"] != "gpu-st-p5-2" || all[1].Labels["node_type"] != "compute" {
		t.Errorf("%+v", all)
	}
	if all := groups("/?gpu=1"); len(all) != 3 || all[1].Targets[0] != "10.0.2.12:9400" {
		t.Errorf("%+v", all)
	}
	gone := func(node, address string, since time.Time) bool { return s.Gone(t.Context(), node, address, since) }
	if !gone("gpu-st-p5-4", "10.0.2.14:9100", time.Now()) || gone("gpu-st-p5-2", "10.0.2.12:9400", time.Now()) {
		t.Error("the node that powers down is not gone, or the other one is")
	}
	// slurmctld goes away: the targets stay, the nodes' metrics do not.
	if err := os.WriteFile(filepath.Join(dir, "down"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fresh(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	_, text = ask(t, s.ServeMetrics, "/")
	if strings.Contains(text, "slurm_reservation_") || !strings.Contains(text, `slurm_user_fairshare{account="research",user="alice"} 1`) {
		t.Errorf("reservations without slurmctld, or no fair share, since there is accounting:\n%s", text)
	}
	if strings.Contains(text, "slurm_nodes_") || !strings.Contains(text, `slurm_command_success{command="scontrol"} 0`) {
		t.Errorf("the page of a cluster without slurmctld:\n%s", text)
	}
	if all := groups("/"); len(all) != 7 {
		t.Errorf("%d targets", len(all))
	}
	if gone("gpu-st-p5-2", "10.0.2.12:9100", time.Now()) || !gone("gpu-st-p5-4", "10.0.2.14:9100", time.Time{}) {
		t.Error("what was known of the nodes does not decide")
	}
	if age := value(t, text, "slurm_targets_age_seconds"); age <= value(t, text, "slurm_snapshot_age_seconds") {
		t.Errorf("the targets are %v s old, not older than the snapshot that failed", age)
	}
	cancel()
	<-ended
	if _, err := slurmstat.LoadState(filepath.Join(dir, "jobs.json"), time.Now()); err != nil {
		t.Error(err)
	}
}

// value is a sample without labels on a page.
func value(t *testing.T, page, name string) (v float64) {
	t.Helper()
	for line := range strings.Lines(page) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(text, &v); err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("%s is not on the page", name)
	return 0
}
