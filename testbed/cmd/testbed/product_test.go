//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// day's cluster: two queues, and Slurm's own record of each job that ended.
const measured = `Region: us-east-2
Image: {Os: ubuntu2204}
HeadNode:
  InstanceType: t3.medium
  Networking: {SubnetId: subnet-0123456789abcdef0}
Scheduling:
  Scheduler: slurm
  SlurmSettings:
    ScaledownIdletime: 1
    CustomSlurmSettings:
      - JobCompType: jobcomp/filetxt
      - JobCompLoc: /var/spool/slurm.state/jobcomp.log
      - Licenses: matlab:4
  SlurmQueues:
    - Name: queue1
      Networking: {SubnetIds: [subnet-0123456789abcdef0]}
      ComputeResources:
        - {Name: cr1, InstanceType: c5.large, MinCount: 0, MaxCount: 4}
    - Name: gpu
      Networking: {SubnetIds: [subnet-0123456789abcdef0]}
      ComputeResources:
        - {Name: p5, InstanceType: p5.48xlarge, MinCount: 0, MaxCount: 2}
`

// headUnit runs the head's program as the head node's Prometheus.
const headUnit = `[Service]
ExecStart=/opt/parascope-head --config.file=/opt/prometheus/prometheus.yml --storage.agent.path=/var/lib/prometheus
Restart=always
RestartSec=1
`

const headConfig = `global: {scrape_interval: 5s, external_labels: {cluster: demo}}
scrape_configs:
  - job_name: slurm
    metrics_path: /slurm/metrics
    static_configs: [{targets: ["127.0.0.1:9090"]}]
remote_write: [{url: "http://127.0.0.1:1/api/v1/write"}]
`

// write puts a file on a machine.
func (b *testBed) write(host, name, content, mode string) {
	b.t.Helper()
	cmd := b.program("testbed", "enter", host, "sh", "-c", "mkdir -p $(dirname "+name+") && cat >"+name+" && chmod "+mode+" "+name)
	cmd.Stdin = strings.NewReader(content)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("write %s on %s: %v\n%s", name, host, err, out)
	}
}

// installHead starts the head's program as the head node's Prometheus.
func (b *testBed) installHead(program string) {
	b.t.Helper()
	b.write("head", "/opt/parascope-head", program, "755")
	b.write("head", "/opt/prometheus/prometheus.yml", headConfig, "644")
	b.write("head", "/etc/systemd/system/prometheus.service", headUnit, "644")
	b.on("head", "systemctl", "start", "prometheus")
}

// product is a program of the product, from the folder TESTBED_PRODUCT.
func product(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("TESTBED_PRODUCT")
	if dir == "" {
		t.Skip("the product's programs are not there: make cluster-test builds them")
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestNumbers is what the head serves about Slurm, on a cluster that works.
func TestNumbers(t *testing.T) {
	program := product(t, "parascope-head")
	file := filepath.Join(t.TempDir(), "cluster-config.yaml")
	if err := os.WriteFile(file, []byte(measured), 0o600); err != nil {
		t.Fatal(err)
	}
	b := startBed(t, "--cluster", "demo", "--config", file)
	b.awaitStatus("demo", "CREATE_COMPLETE")
	b.installHead(program)
	limit := ""
	for _, part := range []struct {
		name string
		run  func(*testing.T, *testBed)
	}{{"a job of a minute begins", func(t *testing.T, b *testBed) {
		limit = b.in(t).submit("-p", "queue1", "--time", "1", "--wrap", "sleep 3000")
	}}, {"day", day}, {"names of others", names}, {"a node fails", fail}, {"drain", drain}, {"capacity", capacity}, {"GPUs", gpus},
		{"slurmctld is away", away},
		{"time limit", func(t *testing.T, b *testBed) { limited(t, b, limit) }}, {"PrivateData", private}} {
		began := time.Now()
		t.Run(part.name, func(t *testing.T) { part.run(t, b) })
		t.Logf("%s took %s", part.name, time.Since(began).Round(time.Second))
	}
}
