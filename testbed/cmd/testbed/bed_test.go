//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/testbed/bed"
)

// testBed is a bed that runs for a test.
type testBed struct {
	t   *testing.T
	exe string
	dir string
	cmd *exec.Cmd
	log *bytes.Buffer

	watcher watcher
	// neverBegan counts the tasks of arrays that were cancelled before they began: Slurm writes one
	// record for all such tasks of an array.
	neverBegan *float64
}

// startBed starts one at a pace for tests. It skips the test where no bed can run.
func startBed(t *testing.T, args ...string) *testBed {
	t.Helper()
	if err := lacking(); err != nil {
		t.Skip(err)
	}
	if os.Getenv("TESTBED_PROGRAM") == "" {
		t.Skip("a cluster takes a minute: make cluster-test runs it")
	}
	b := &testBed{t: t, exe: program(t), dir: t.TempDir(), log: &bytes.Buffer{}, neverBegan: new(float64)}
	b.start(args...)
	return b
}

// program is the test bed's: that of TESTBED_PROGRAM, else one that is built now.
func program(t *testing.T) string {
	t.Helper()
	if exe := os.Getenv("TESTBED_PROGRAM"); exe != "" {
		return exe
	}
	exe := filepath.Join(t.TempDir(), "testbed")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", exe, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return exe
}

func (b *testBed) start(args ...string) {
	b.t.Helper()
	b.cmd = b.program("testbed", append([]string{"up", "--inside", "--dir", b.dir, "--clustermgtd-interval", "2s", "--scaledown-idle", "3s",
		"--suspend-timeout", "4s", "--resume-timeout", "60s", "--power-save-interval", "1s"}, args...)...)
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Setpgid: true, Pdeathsig: syscall.SIGTERM}
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
			for _, name := range []string{"cloud-init-output.log", "slurmd.log", "slurmctld.log"} {
				logs, _ := filepath.Glob(filepath.Join(b.dir, "logs", "*", name)) // the pattern is right
				for _, file := range logs {
					if text, _ := os.ReadFile(file); len(text) > 0 {
						b.t.Logf("%s:\n%s", file, text[max(0, len(text)-3000):])
					}
				}
			}
		}
	})
	select {
	case <-ready:
	case <-time.After(time.Minute):
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
	cmd := exec.Command(b.exe, args...)
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

// asked is on for who asks again: what a command prints, its errors too. A slurmctld that
// looks for nodes which are gone may not answer for a while.
func (b *testBed) asked(host string, argv ...string) string {
	out, _ := b.program("testbed", append([]string{"enter", host}, argv...)...).CombinedOutput()
	return strings.TrimSpace(string(out))
}

// shutDown ends a machine from within. The command may end with it: what follows tells whether it did.
func (b *testBed) shutDown(host string) { b.asked(host, "shutdown", "-h", "now") }

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

// eventually waits until f returns what is wanted. The limits are those of a machine
// that has nothing else to do; a busy one may take five times as long. f runs for at most a
// fifth of the time: most of what f asks starts a program, and other tests run beside this one.
func (b *testBed) eventually(limit time.Duration, want string, f func() string) {
	b.t.Helper()
	end := time.After(5 * limit)
	for {
		began := time.Now()
		last := f()
		if last == want {
			return
		}
		select {
		case <-time.After(max(500*time.Millisecond, 4*time.Since(began))):
		case <-end:
			b.t.Fatalf("after %s: %q, want %q", limit, last, want)
		}
	}
}

// awaitStatus waits for a cluster's status.
func (b *testBed) awaitStatus(cluster, want string) {
	b.t.Helper()
	b.eventually(30*time.Second, want, func() string {
		answer, _ := b.pcluster("describe-cluster", "-n", cluster)
		s, _ := answer["clusterStatus"].(string)
		if strings.HasSuffix(s, "_FAILED") && s != want {
			b.t.Fatalf("the cluster is %s: %v", s, answer["failures"])
		}
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
	check.Must[*s3.CreateBucketOutput](t)(c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "us-east-2"}}))
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
	out := check.Must[*ec2.DescribeInstancesOutput](
		t,
	)(
		c.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{
			{Name: aws.String("tag:" + tag), Values: []string{value}}, {Name: aws.String("instance-state-name"), Values: []string{"running"}},
		}}),
	)
	var addresses []string
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			addresses = append(addresses, *i.PrivateIpAddress)
		}
	}
	return addresses
}
