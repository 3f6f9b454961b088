//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// configuration is a cluster with scripts everywhere, in a subnet.
func configuration(subnet string) string {
	return fmt.Sprintf(`Region: us-east-2
Image: {Os: ubuntu2204}
HeadNode:
  InstanceType: t3.medium
  Networking: {SubnetId: %[1]s}
  Iam:
    S3Access: [{BucketName: %[2]s}]
  CustomActions:
    OnNodeConfigured: {Script: "s3://%[2]s/head.sh", Args: [one, "two words"]}
LoginNodes:
  Pools:
    - Name: login
      InstanceType: t3.small
      Count: 1
      Networking: {SubnetIds: [%[1]s]}
Scheduling:
  Scheduler: slurm
  SlurmSettings: {ScaledownIdletime: 1, QueueUpdateStrategy: DRAIN}
  SlurmQueues:
    - Name: queue1
      Networking: {SubnetIds: [%[1]s]}
      Iam:
        S3Access: [{BucketName: %[2]s}]
      CustomActions:
        OnNodeConfigured:
          Sequence:
            - Script: s3://%[2]s/first.sh
            - {Script: "s3://%[2]s/second.sh", Args: [queue]}
      ComputeResources:
        - {Name: cr1, InstanceType: c5.large, MinCount: 0, MaxCount: 12}
    - Name: gpu
      Networking: {SubnetIds: [%[1]s]}
      ComputeResources:
        - {Name: p5, InstanceType: p5.48xlarge, MinCount: 1, MaxCount: 1}
`, subnet, bucket)
}

// TestScripts is a cluster with the configuration's scripts on the local cloud: they
// run, a node without them does not come up, and queues whose nodes do not come up
// are disabled.
func TestScripts(t *testing.T) {
	if err := lacking(); err != nil {
		t.Skip(err)
	}
	c := startCloud(t)
	b := startBed(t, "--cloud", c.URL(), "--cloud-data", c.Dir)
	c.put(t, "head.sh", "#!/bin/sh\r\n[ $(id -u) = 0 ] && printf '%s|' \"$@\" >/root/args\r\n") // as an editor on Windows leaves it
	c.put(t, "first.sh", "#!/bin/sh\necho first >/root/order\n")
	c.put(t, "second.sh", "#!/bin/sh\necho second $1 >>/root/order\npgrep slurmd >>/root/order; exit 0\n")
	file := filepath.Join(t.TempDir(), "cluster-config.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(configuration(c.subnet))
	if answer, ok := b.pcluster("create-cluster", "-n", "hpc", "-c", file); !ok {
		t.Fatalf("create-cluster: %v", answer)
	}
	b.awaitStatus("hpc", "CREATE_COMPLETE")

	t.Run("head", func(t *testing.T) { head(t, b, c) })
	t.Run("compute", func(t *testing.T) { compute(t, b, c) })
	t.Run("static node is replaced", func(t *testing.T) { replaced(t, b) })
	t.Run("update", func(t *testing.T) { update(t, b, c, write, file) })
	t.Run("no script, no node", func(t *testing.T) { protected(t, b, c) })
	t.Run("delete", func(t *testing.T) {
		if answer, ok := b.pcluster("delete-cluster", "-n", "hpc"); !ok {
			t.Fatalf("delete-cluster: %v", answer)
		}
		b.eventually(30*time.Second, "gone", func() string {
			answer, ok := b.pcluster("describe-cluster", "-n", "hpc")
			if !ok && strings.Contains(fmt.Sprint(answer["message"]), "does not exist") {
				return "gone"
			}
			return fmt.Sprint(answer)
		})
		if got := c.described(t, "parallelcluster:cluster-name", "hpc"); len(got) != 0 {
			t.Errorf("EC2 still has %v", got)
		}
	})
	b.stop()
	left(t, b.dir)
}

func head(t *testing.T, b *testBed, c *cloud) {
	if got := b.on("head", "cat", "/root/args"); got != "one|two words|" {
		t.Errorf("the head node's script had %q", got)
	}
	address, _, _ := strings.Cut(b.on("head", "hostname", "-I"), " ")
	if got := c.described(t, "parallelcluster:node-type", "HeadNode"); len(got) != 1 || got[0] != address {
		t.Errorf("EC2 has head nodes %v, want %s", got, address)
	}
	// The AWS CLI on the node has the node's role: it may read its bucket and no more.
	if got := b.on("head", "aws", "s3", "cp", "s3://"+bucket+"/first.sh", "-"); !strings.Contains(got, "echo first") {
		t.Errorf("aws s3 cp printed %q", got)
	}
	if got := b.on("head", "sh", "-c", "aws s3 cp /etc/hostname s3://"+bucket+"/x 2>&1 || true"); !strings.Contains(got, "AccessDenied") {
		t.Errorf("writing to the bucket: %q, want AccessDenied", got)
	}
	for _, unit := range []string{"slurmctld", "clustermgtd", "munge"} {
		if got := b.on("head", "systemctl", "is-active", unit); got != "active" {
			t.Errorf("%s is %s", unit, got)
		}
	}
	var login string
	for host, m := range b.machines() {
		if m.Role == "LoginNode" {
			login = host
		}
	}
	b.eventually(20*time.Second, "up", func() string {
		out, _ := b.program("testbed", "enter", login, "sinfo", "-h", "-p", "queue1", "-o", "%a").Output()
		return strings.TrimSpace(string(out))
	})
}

func compute(t *testing.T, b *testBed, c *cloud) {
	const name = "queue1-dy-cr1-1"
	b.on("head", "sbatch", "--chdir", "/home", "-p", "queue1", "-o", "/home/out", "--wrap", "cat /root/order")
	b.eventually(75*time.Second, "first\nsecond queue", func() string { return b.on("head", "sh", "-c", "cat /home/out 2>/dev/null || true") })
	if got := c.described(t, "parallelcluster:queue-name", "queue1"); len(got) != 1 {
		t.Errorf("EC2 has %v in the queue, want one", got)
	}
	b.eventually(30*time.Second, "idle~", func() string { return b.node(name) })
	if got := c.described(t, "parallelcluster:queue-name", "queue1"); len(got) != 0 {
		t.Errorf("EC2 has %v in the queue after it went", got)
	}
}

// replaced kills a static node, with GPUs, and waits for the next instance.
func replaced(t *testing.T, b *testBed) {
	const name = "gpu-st-p5-1"
	b.eventually(45*time.Second, "idle", func() string { return b.node(name) })
	if got := b.on("head", "sinfo", "-h", "-n", name, "-o", "%G"); got != "gpu:h100:8" {
		t.Errorf("the node has %s", got)
	}
	before := b.machines()[name]
	b.shutDown(name)
	b.eventually(45*time.Second, "another, idle", func() string {
		now, ok := b.machines()[name]
		if !ok || now.ID == before.ID {
			return "no other"
		}
		return "another, " + b.node(name)
	})
}

func update(t *testing.T, b *testBed, c *cloud, write func(string), file string) {
	text := configuration(c.subnet)
	write(strings.Replace(text, "head.sh", "other.sh", 1))
	answer, ok := b.pcluster("update-cluster", "-n", "hpc", "-c", file)
	if ok || !strings.Contains(fmt.Sprint(answer["updateValidationErrors"]), "not currently supported for the 'OnNodeConfigured' parameter") {
		t.Errorf("another script on the head node: %v", answer)
	}
	write(text)
	if answer, ok := b.pcluster("update-cluster", "-n", "hpc", "-c", file); ok ||
		answer["message"] != "No changes found in your cluster configuration." {
		t.Errorf("no change: %v", answer)
	}
	c.put(t, "updated.sh", "#!/bin/sh\necho updated \"$1\" >/root/updated\n")
	write(strings.Replace(text, "    OnNodeConfigured: {Script: \"s3://"+bucket+"/head.sh\"", "    OnNodeUpdated: {Script: \"s3://"+bucket+
		"/updated.sh\", Args: [now]}\n    OnNodeConfigured: {Script: \"s3://"+bucket+"/head.sh\"", 1))
	if answer, ok := b.pcluster("update-cluster", "-n", "hpc", "-c", file); !ok {
		t.Fatalf("update-cluster: %v", answer)
	}
	b.awaitStatus("hpc", "UPDATE_COMPLETE")
	if got := b.on("head", "cat", "/root/updated"); got != "updated now" {
		t.Errorf("OnNodeUpdated wrote %q", got)
	}
}

// protected empties the bucket: nodes fail, are counted, and the queue is disabled.
func protected(t *testing.T, b *testBed, c *cloud) {
	if _, err := c.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("second.sh")}); err != nil {
		t.Fatal(err)
	}
	b.on("head", "sbatch", "--chdir", "/home", "-p", "queue1", "-N", "11", "--wrap", "true")
	b.eventually(time.Minute, "PROTECTED inactive", func() string {
		answer, _ := b.pcluster("describe-cluster", "-n", "hpc")
		return fmt.Sprint(answer["computeFleetStatus"], " ", b.asked("head", "sinfo", "-h", "-p", "queue1", "-o", "%a"))
	})
	failures, err := filepath.Glob(filepath.Join(b.dir, "logs", "queue1-dy-cr1-*", "parallelcluster", "bootstrap_error_msg"))
	if err != nil || len(failures) < 10 {
		t.Fatalf("%d nodes left a bootstrap_error_msg (%v), want 10 at least", len(failures), err)
	}
	text, err := os.ReadFile(failures[0])
	if err != nil || !strings.Contains(string(text), "Failed to download OnNodeConfigured script 2 using aws s3.") {
		t.Errorf("it says %s (%v)", text, err)
	}
	log := b.on("head", "cat", "/var/log/parallelcluster/clustermgtd")
	if !strings.Contains(log, "Partitions bootstrap failure count: {'queue1': {'cr1': 1") ||
		!strings.Contains(log, "Setting cluster into protected mode") {
		t.Errorf("clustermgtd's log:\n%s", log)
	}
	b.on("head", "scancel", "-u", "root")
	if answer, ok := b.pcluster("update-compute-fleet", "-n", "hpc", "--status", "START_REQUESTED"); !ok {
		t.Fatalf("update-compute-fleet: %v", answer)
	}
	b.eventually(30*time.Second, "RUNNING up", func() string {
		answer, _ := b.pcluster("describe-cluster", "-n", "hpc")
		return fmt.Sprint(answer["computeFleetStatus"], " ", b.asked("head", "sinfo", "-h", "-p", "queue1", "-o", "%a"))
	})
}
