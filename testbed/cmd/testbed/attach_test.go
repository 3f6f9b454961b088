//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// existing is a cluster that was made without the product, with a script of its own.
const existing = `# Ours.
Region: us-east-2
Image: {Os: ubuntu2204}
HeadNode:
  InstanceType: t3.medium
  Networking: {SubnetId: %[1]s}
LoginNodes:
  Pools:
    - Name: people
      InstanceType: t3.small
      Count: 1
      Networking: {SubnetIds: [%[1]s]}
Scheduling:
  Scheduler: slurm
  SlurmQueues:
    - Name: queue1  # the only one
      Networking: {SubnetIds: [%[2]s]}
      Iam:
        S3Access: [{BucketName: %[3]s}]
      CustomActions:
        OnNodeConfigured: {Script: "s3://%[3]s/first.sh"}
      ComputeResources:
        - {Name: cr1, InstanceType: c5.large, MinCount: 0, MaxCount: 3}
`

// TestAttach is a cluster that runs without the product, and gets it as two updates; a job runs on
// meanwhile. Then it loses it again.
func TestAttach(t *testing.T) {
	f := startFlow(t)
	f.cloud.put(t, "first.sh", "#!/bin/sh\necho first >/root/order\n")
	f.sh("parascope up --yes --parameter MonitoringType=amp-only")
	f.sh("parascope cluster stage")
	output := func(key string) string {
		return f.sh(`/usr/bin/aws --endpoint-url $AWS_ENDPOINT_URL cloudformation describe-stacks --stack-name pcluster-infra ` +
			`--query 'Stacks[0].Outputs[?OutputKey==` + "`" + key + "`" + `].OutputValue' --output text`)
	}
	text := fmt.Sprintf(existing, output("PublicSubnet"), output("PrimaryPrivateSubnet"), bucket)
	file := filepath.Join(f.work, "mine.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f.sh("pcluster create-cluster -n old -c mine.yaml")
	f.awaitStatus("old", "CREATE_COMPLETE")
	f.on("head", "rm", "-f", "/home/done")
	before := f.submit("--wrap", "until [ -e /home/done ]; do sleep 1; done")
	f.ended("RUNNING", before)

	f.attachRunning(t, file)
	f.eventually(time.Minute, "RUNNING", func() string { return f.asked("head", "squeue", "-h", "-j", before, "-o", "%T") })
	f.eventually(time.Minute, "1", func() string { return f.query(`up{cluster="old",job="node",node_type="head"}`, "node_type")["head"] })
	f.eventually(2*time.Minute, "1", func() string { return f.query(`up{cluster="old",job="node",node_type="login"}`, "node_type")["login"] })
	f.measured(t)
	f.on("head", "touch", "/home/done")
	f.ended("COMPLETED", before)
	if out := f.sh("parascope cluster attach --config mine.yaml --cluster old --part scripts --write"); !strings.Contains(out,
		"nothing to change in mine.yaml") {
		t.Errorf("attach of what is attached printed\n%s", out)
	}
	f.detachRunning(t, file, text)
}

// update types a command that patches mine.yaml, and then the update of the cluster that it prints; it
// returns the commands that are printed after that.
func (f *flow) update(command string) (next string) {
	f.t.Helper()
	printed := f.sh(command)
	_, next, _ = strings.Cut(printed, "Next:\n")
	typed := regexp.MustCompile(`(?m)^ *(pcluster update-cluster .*)$`).FindStringSubmatch(next)
	if typed == nil {
		f.t.Fatalf("%s prints no update:\n%s", command, printed)
	}
	f.sh(typed[1])
	f.awaitStatus("old", "UPDATE_COMPLETE")
	return strings.Replace(next, typed[0], "", 1)
}

// scalePool gives the login pool another count, by an update of its own.
func (f *flow) scalePool(t *testing.T, file, from, to string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "Count: "+from, "Count: "+to, 1)
	if changed == string(text) {
		t.Fatalf("no Count: %s in\n%s", from, text)
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	f.sh("pcluster update-cluster -n old -c " + file)
	f.awaitStatus("old", "UPDATE_COMPLETE")
}

// attachRunning makes the two updates, as they are printed. The policies of the login pool change only
// while it has no nodes.
func (f *flow) attachRunning(t *testing.T, file string) {
	plan := f.sh("parascope cluster attach --config mine.yaml --cluster old")
	if !strings.Contains(plan, "LOGIN_NODES_POOL_STOP") {
		t.Errorf("the plan does not say that the pool must have no nodes:\n%s", plan)
	}
	f.scalePool(t, file, "1", "0")
	next := f.update("parascope cluster attach --config mine.yaml --cluster old --write")
	second := regexp.MustCompile(`(?m)^ *(parascope cluster attach .*--part scripts.*)$`).FindStringSubmatch(next)
	if second == nil {
		t.Fatalf("after the policies attach prints\n%s", next)
	}
	if state := f.asked("head", "systemctl", "is-active", "prometheus"); state == "active" {
		t.Error("the head's Prometheus runs before the update with the scripts")
	}
	f.scalePool(t, file, "0", "1")
	f.update(second[1])
	f.eventually(time.Minute, "active", func() string { return f.asked("head", "systemctl", "is-active", "prometheus") })
}

// measured: a node that comes up after the updates ran its own script and is measured.
func (f *flow) measured(t *testing.T) {
	job := f.submit("--exclusive", "--wrap", "cat /root/order; sleep 3000")
	f.ended("RUNNING", job)
	node := f.on("head", "squeue", "-h", "-j", job, "-o", "%N")
	f.eventually(time.Minute, "1", func() string { return f.query(`up{cluster="old",job="node",node="`+node+`"}`, "node")[node] })
	if order := f.on("head", "cat", "/home/job-"+job); order != "first" {
		t.Errorf("the queue's own script left %q", order)
	}
	f.on("head", "scancel", job)
}

// detachRunning takes the product out by the updates that detach prints; the login pool has no nodes when
// its policies go. The file is the old one then.
func (f *flow) detachRunning(t *testing.T, file, text string) {
	next := f.update("parascope cluster detach --config mine.yaml --cluster old --write")
	f.eventually(time.Minute, "inactive", func() string { return f.asked("head", "systemctl", "is-active", "prometheus") })
	second := regexp.MustCompile(`(?m)^ *(parascope cluster detach .*--part policies.*)$`).FindStringSubmatch(next)
	if second == nil {
		t.Fatalf("after the scripts detach prints\n%s", next)
	}
	plan := f.sh(strings.Replace(second[1], " --write", "", 1))
	if !strings.Contains(plan, "LOGIN_NODES_POOL_STOP") {
		t.Errorf("the plan does not say that the pool must have no nodes:\n%s", plan)
	}
	f.scalePool(t, file, "1", "0")
	f.update(second[1])
	f.scalePool(t, file, "0", "1")
	now, err := os.ReadFile(file)
	if err != nil || string(now) != text {
		t.Errorf("%v; after both updates the configuration is\n%s", err, now)
	}
}
