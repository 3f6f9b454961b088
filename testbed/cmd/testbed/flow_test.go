//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// flow is the guide's way from a stack to a cluster that is measured, with the product's own
// programs, on a bed and a local cloud.
type flow struct {
	*testBed
	cloud   *cloud
	product string // folder of its programs
	work    string // folder that commands are typed in
	env     []string
}

// sh types a command as the deployer does; it must succeed.
func (f *flow) sh(command string) string {
	f.t.Helper()
	out, err := f.try(command)
	if err != nil {
		f.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return out
}

func (f *flow) try(command string) (string, error) {
	cmd := exec.CommandContext(f.t.Context(), "bash", "-c", command)
	cmd.Dir, cmd.Env = f.work, f.env
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// query is a vector's values by one label, as AMP answers.
func (f *flow) query(expr, label string) map[string]string {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), "parascope", "query", "--json", expr)
	cmd.Path, cmd.Dir, cmd.Env, cmd.Err = filepath.Join(f.product, "parascope"), f.work, f.env, nil
	var said strings.Builder
	cmd.Stderr = &said // that no series answers, too
	out, err := cmd.Output()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if errors.Join(err, json.Unmarshal(out, &answer)) != nil {
		return map[string]string{"error": said.String()}
	}
	all := map[string]string{}
	for _, r := range answer.Data.Result {
		all[r.Metric[label]] = fmt.Sprint(r.Value[1])
	}
	return all
}

// startFlow starts a bed and a local cloud, and puts the product's programs into the PATH of commands.
func startFlow(t *testing.T, args ...string) *flow {
	t.Helper()
	if err := lacking(); err != nil {
		t.Skip(err)
	}
	product(t, "parascope")
	dir, err := filepath.Abs(os.Getenv("TESTBED_PRODUCT"))
	if err != nil {
		t.Fatal(err)
	}
	c := startCloud(t)
	b := startBed(t, append([]string{"--cloud", c.URL(), "--cloud-data", c.Dir}, args...)...)
	f := &flow{testBed: b, cloud: c, product: dir, work: t.TempDir()}
	if err := os.Symlink(f.exe, filepath.Join(f.work, "pcluster")); err != nil {
		t.Fatal(err)
	}
	f.env = append(os.Environ(), "PATH="+f.work+":"+dir+":"+os.Getenv("PATH"), "TESTBED_DIR="+f.dir, "AWS_ENDPOINT_URL="+c.URL(),
		"AWS_PROFILE=operator", "AWS_REGION=us-east-2", "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(c.Dir, "aws", "credentials"),
		"AWS_CONFIG_FILE="+filepath.Join(c.Dir, "aws", "config"))
	return f
}

// TestFlow goes the whole way.
func TestFlow(t *testing.T) {
	// A slurmctld that is killed may have saved last that a node still boots: it then takes the node away
	// when the timeout is over, which is 30 minutes on a ParallelCluster.
	f := startFlow(t, "--resume-timeout", "30m")
	for _, part := range []struct {
		name string
		run  func(*testing.T, *flow)
	}{{"create", create}, {"come and go", comeAndGo}, {"killed", killed}, {"scripts that are needed", needed},
		{"zero and back", zeroAndBack}} {
		began := time.Now()
		if !t.Run(part.name, func(t *testing.T) { part.run(t, f) }) {
			break
		}
		t.Logf("%s took %s", part.name, time.Since(began).Round(time.Second))
	}
}

func (f *flow) in(t *testing.T) *flow {
	return &flow{&testBed{t: t, exe: f.exe, dir: f.dir}, f.cloud, f.product, f.work, f.env}
}

// create types what the product prints, until the cluster is there and its head node sends.
func create(t *testing.T, f *flow) {
	f = f.in(t)
	f.sh("parascope up --yes --parameter MonitoringType=amp-only")
	f.sh("parascope cluster stage")
	printed := f.sh("parascope cluster new hpc --queue queue1:c5.large:0-12 --queue gpu:p5.48xlarge:0-2")
	_, next, ok := strings.Cut(printed, "Next:\n")
	if !ok {
		t.Fatalf("cluster new printed\n%s", printed)
	}
	began := time.Now()
	f.sh(next) // the guide's two lines, as they are printed
	f.awaitStatus("hpc", "CREATE_COMPLETE")
	t.Logf("the cluster was there after %s", time.Since(began).Round(time.Second))
	f.eventually(time.Minute, "active", func() string { return f.asked("head", "systemctl", "is-active", "prometheus") })
	text := f.on("head", "grep", "-A10", "remote_write", "/opt/prometheus/prometheus.yml")
	if !strings.Contains(text, "/api/v1/remote_write") {
		t.Errorf("grep remote_write printed\n%s", text)
	}
	f.eventually(time.Minute, "1", func() string { return f.query(`up{cluster="hpc",job="node",node_type="head"}`, "node_type")["head"] })
}

// comeAndGo is the life of a node as the metrics tell it: a sample within a minute, and no up == 0
// when it goes.
func comeAndGo(t *testing.T, f *flow) {
	f = f.in(t)
	const node = "queue1-dy-c5-large-1"
	began := time.Now()
	f.on("head", "rm", "-f", "/home/done")
	job := f.submit("-p", "queue1", "--wrap", "until [ -e /home/done ]; do sleep 1; done")
	f.ended("RUNNING", job)
	registered := time.Now()
	f.eventually(time.Minute, "1", func() string { return f.query(`up{cluster="hpc",job="node",node="`+node+`"}`, "node")[node] })
	t.Logf("the first sample was there %s after the job began", time.Since(registered).Round(time.Second))
	if text := f.sh("parascope cluster status hpc"); !strings.Contains(text, node) {
		t.Errorf("cluster status:\n%s", text)
	}
	f.on("head", "touch", "/home/done")
	f.ended("COMPLETED", job)
	f.eventually(time.Minute, "", func() string { return f.machines()[node].State })
	f.eventually(2*time.Minute, "map[]", func() string { return fmt.Sprint(f.query(`up{cluster="hpc",node="`+node+`"}`, "job")) })
	window := fmt.Sprintf("[%ds:5s]", int(time.Since(began).Seconds()))
	if down := f.query(`max_over_time((up{cluster="hpc",queue="queue1"} == bool 0)`+window+`) > 0`, "node"); len(down) > 0 {
		t.Errorf("nodes that were down: %v", down)
	}
}

// needed: down refuses while there is the cluster; without it nodes do fail, and the queue is disabled.
func needed(t *testing.T, f *flow) {
	f = f.in(t)
	if out, err := f.try("parascope down --yes"); err == nil || !strings.Contains(out, "nothing was deleted") ||
		!strings.Contains(out, "cluster hpc in us-east-2: the cluster's configuration names the install script") ||
		strings.Contains(out, "detach-role-policy") { // its nodes could not read the script any more
		t.Errorf("down printed %s (%v)", out, err)
	}
	key, bucketName := aws.String("parascope/pcluster-infra/v1/install.sh"), aws.String("parascope-111122223333-us-east-2")
	kept, err := f.cloud.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucketName, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	script := readAll(t, kept)
	if _, err := f.cloud.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucketName, Key: key}); err != nil {
		t.Fatal(err)
	}
	if out, err := f.try("parascope cluster new other -o other.yaml"); err == nil || !strings.Contains(out, "does not exist") {
		t.Errorf("cluster new without the script printed %s (%v)", out, err)
	}
	job := f.submit("-p", "queue1", "-N", "11", "--wrap", "true")
	fleet := func() string {
		answer, _ := f.pcluster("describe-cluster", "-n", "hpc")
		return fmt.Sprint(answer["computeFleetStatus"], " ", f.asked("head", "sinfo", "-h", "-p", "queue1", "-o", "%a"))
	}
	f.eventually(time.Minute, "PROTECTED inactive", fleet)
	all, err := filepath.Glob(filepath.Join(f.dir, "logs", "queue1-dy-c5-large-*", "parallelcluster", "bootstrap_error_msg"))
	if err != nil || len(all) < 10 {
		t.Errorf("%d nodes left a bootstrap_error_msg (%v), want 10 at least", len(all), err)
	}
	f.eventually(2*time.Minute, "map[PROTECTED:1]", func() string {
		return fmt.Sprint(f.query(`parallelcluster_compute_fleet_status{cluster="hpc"} == 1`, "status"))
	})
	f.eventually(2*time.Minute, "10 or more", func() string {
		counts := f.query(`sum by (queue) (parallelcluster_node_bootstrap_failures_total{cluster="hpc"}) >= 10`, "queue")
		if counts["queue1"] != "" {
			return "10 or more"
		}
		return fmt.Sprint(counts)
	})
	f.on("head", "scancel", job)
	if _, err := f.cloud.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucketName, Key: key,
		Body: strings.NewReader(script)}); err != nil {
		t.Fatal(err)
	}
	if answer, ok := f.pcluster("update-compute-fleet", "-n", "hpc", "--status", "START_REQUESTED"); !ok {
		t.Fatalf("update-compute-fleet: %v", answer)
	}
	f.eventually(time.Minute, "RUNNING up", fleet)
}

// zeroAndBack: no compute node is there, and nothing of one in AMP; then one is, and both have it.
func zeroAndBack(t *testing.T, f *flow) {
	f = f.in(t)
	f.eventually(time.Minute, "0 compute nodes", func() string {
		n := 0
		for _, m := range f.machines() {
			if m.Role == "Compute" {
				n++
			}
		}
		return fmt.Sprint(n, " compute nodes")
	})
	f.eventually(2*time.Minute, "map[]", func() string { return fmt.Sprint(f.query(`up{cluster="hpc",node_type="compute"}`, "node")) })
	job := f.submit("-p", "queue1", "--wrap", "sleep 3000")
	f.ended("RUNNING", job)
	node := f.on("head", "squeue", "-h", "-j", job, "-o", "%N")
	f.eventually(time.Minute, fmt.Sprint(map[string]string{node: "1"}), func() string {
		return fmt.Sprint(f.query(`up{cluster="hpc",job="node",node_type="compute"}`, "node"))
	})
	f.on("head", "scancel", job)
}

func readAll(t *testing.T, o *s3.GetObjectOutput) string {
	t.Helper()
	b, err := io.ReadAll(o.Body)
	if err := errors.Join(err, o.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}
