//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/testbed/bed"
)

// TestMain makes the test's program the test bed's too: the bed and its machines run
// it under the names of what it stands for.
func TestMain(m *testing.M) {
	names := []string{"testbed", "pcluster", "systemctl", "journalctl", "shutdown", "poweroff", "slurm_resume", "slurm_suspend", "clustermgtd"}
	if slices.Contains(names, filepath.Base(os.Args[0])) {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// testBed is a bed that runs for a test.
type testBed struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
	log *bytes.Buffer
}

// startBed starts one at a pace for tests. It skips the test where no bed can run.
func startBed(t *testing.T, args ...string) *testBed {
	t.Helper()
	if err := lacking(); err != nil {
		t.Skip(err)
	}
	if testing.Short() {
		t.Skip("a cluster takes a minute")
	}
	b := &testBed{t: t, dir: t.TempDir(), log: &bytes.Buffer{}}
	b.start(args...)
	return b
}

func (b *testBed) start(args ...string) {
	b.t.Helper()
	b.cmd = b.program("testbed", append([]string{"up", "--inside", "--dir", b.dir, "--clustermgtd-interval", "2s", "--scaledown-idle", "3s",
		"--suspend-timeout", "4s", "--resume-timeout", "60s", "--power-save-interval", "1s"}, args...)...)
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Setpgid: true}
	r, w, err := os.Pipe()
	if err != nil {
		b.t.Fatal(err)
	}
	b.cmd.Stdout, b.cmd.Stderr = w, w
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	ready, done := make(chan bool, 1), make(chan bool)
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for {
			n, err := r.Read(buffer)
			b.log.Write(buffer[:n])
			if bytes.Contains(b.log.Bytes(), []byte("the bed runs in")) {
				select {
				case ready <- true:
				default:
				}
			}
			if err != nil {
				return
			}
		}
	}()
	b.t.Cleanup(func() {
		b.stop()
		<-done
		if b.t.Failed() {
			b.t.Logf("the bed said:\n%s", b.log)
		}
	})
	select {
	case <-ready:
	case <-time.After(20 * time.Second):
		b.t.Fatal("the bed did not start")
	case <-done:
		b.t.Fatalf("the bed ended:\n%s", b.log)
	}
}

// stop ends the bed as Ctrl-C does.
func (b *testBed) stop() {
	_ = b.cmd.Process.Signal(syscall.SIGINT) // a second call finds nothing
	_ = b.cmd.Wait()
}

func (b *testBed) program(name string, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = name
	cmd.Env = append(os.Environ(), "TESTBED_DIR="+b.dir)
	return cmd
}

// on runs a command on a machine and returns what it prints.
func (b *testBed) on(host string, argv ...string) string {
	b.t.Helper()
	out, err := b.program("testbed", append([]string{"enter", host}, argv...)...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%s on %s: %v\n%s", strings.Join(argv, " "), host, err, out)
	}
	return strings.TrimSpace(string(out))
}

// pcluster runs pcluster and returns its answer; ok says whether it exited with 0.
func (b *testBed) pcluster(args ...string) (answer map[string]any, ok bool) {
	b.t.Helper()
	var said bytes.Buffer
	cmd := b.program("pcluster", args...)
	cmd.Stderr = &said
	out, failed := cmd.Output()
	if err := json.Unmarshal(out, &answer); err != nil {
		b.t.Fatalf("pcluster %s: %v\n%s%s", strings.Join(args, " "), err, out, &said)
	}
	return answer, failed == nil
}

// eventually waits until f returns what is wanted.
func (b *testBed) eventually(limit time.Duration, want string, f func() string) {
	b.t.Helper()
	end := time.After(limit)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for last := ""; ; {
		if last = f(); last == want {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			b.t.Fatalf("after %s: %q, want %q", limit, last, want)
		}
	}
}

// status waits for a cluster's status.
func (b *testBed) awaitStatus(cluster, want string) {
	b.t.Helper()
	b.eventually(time.Minute, want, func() string {
		answer, _ := b.pcluster("describe-cluster", "-n", cluster)
		s, _ := answer["clusterStatus"].(string)
		return s
	})
}

// machines are the bed's by host name.
func (b *testBed) machines() map[string]bed.Machine {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	all, err := allMachines(ctx, b.dir)
	if err != nil {
		b.t.Fatal(err)
	}
	named := map[string]bed.Machine{}
	for _, m := range all {
		named[m.Hostname] = m
	}
	return named
}

// node is the state of one as sinfo prints it.
func (b *testBed) node(name string) string {
	return b.on("head", "sinfo", "-h", "-n", name, "-o", "%T")
}

// cloud is a local cloud with a subnet and a bucket.
type cloud struct {
	*localtest.Cloud
	subnet string
	ec2    *ec2.Client
	s3     *s3.Client
}

const bucket = "scripts-of-the-test"

func startCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{Cloud: localtest.Start(t, localaws.Options{Now: time.Now})}
	operator := c.Operator()
	c.ec2, c.s3 = ec2.NewFromConfig(operator), s3.NewFromConfig(operator, func(o *s3.Options) { o.UsePathStyle = true })
	vpc := check.Must[*ec2.CreateVpcOutput](t)(c.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")}))
	subnet := check.Must[*ec2.CreateSubnetOutput](t)(c.ec2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{
		VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.16.0/20"),
	}))
	c.subnet = *subnet.Subnet.SubnetId
	check.Must[*s3.CreateBucketOutput](t)(c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}))
	return c
}

// put puts a script into the bucket.
func (c *cloud) put(t *testing.T, key, text string) {
	t.Helper()
	check.Must[*s3.PutObjectOutput](t)(c.s3.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(text),
	}))
}

// described are the running instances that EC2 has with a tag, as service discovery
// asks for them: their addresses.
func (c *cloud) described(t *testing.T, tag, value string) []string {
	t.Helper()
	out := check.Must[*ec2.DescribeInstancesOutput](t)(c.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{
		{Name: aws.String("tag:" + tag), Values: []string{value}}, {Name: aws.String("instance-state-name"), Values: []string{"running"}},
	}}))
	var addresses []string
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			addresses = append(addresses, *i.PrivateIpAddress)
		}
	}
	return addresses
}
