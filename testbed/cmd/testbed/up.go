//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/parascope/parascope/testbed/bed"
	"github.com/parascope/parascope/testbed/machine"
	"github.com/parascope/parascope/testbed/slurm"
	"github.com/parascope/parascope/testbed/units"
)

// oneQueue is the cluster of somebody who gives no configuration.
const oneQueue = `Region: us-east-2
Image: {Os: ubuntu2204}
HeadNode:
  InstanceType: t3.medium
  Networking: {SubnetId: subnet-0123456789abcdef0}
Scheduling:
  Scheduler: slurm
  SlurmSettings: {ScaledownIdletime: 1, QueueUpdateStrategy: DRAIN}
  SlurmQueues:
    - Name: queue1
      Networking: {SubnetIds: [subnet-0123456789abcdef0]}
      ComputeResources:
        - {Name: cr1, InstanceType: c5.large, MinCount: 0, MaxCount: 4}
`

type upOptions struct {
	dir, cloud, cloudData, startCloud string
	region, version, cluster, config  string
	pace                              slurm.Pace
	inside                            bool
}

// run runs the bed until ctx ends.
func (u *upOptions) run(ctx context.Context) (err error) {
	if err := lacking(); err != nil {
		return err
	}
	if !u.inside {
		return inOwnNamespace()
	}
	if u.dir, err = filepath.Abs(u.dir); err != nil {
		return fmt.Errorf("resolve --dir: %w", err)
	}
	if pid := bed.RunningIn(u.dir); pid != 0 {
		return fmt.Errorf("%w; 'testbed stop' ends it", &bed.HeldError{Dir: u.dir, PID: pid})
	}
	if u.startCloud != "" {
		end, err := u.runCloud(ctx)
		if err != nil {
			return err
		}
		defer end()
	}
	o := bed.Options{Dir: u.dir, Region: u.region, Version: u.version, Pace: u.pace, Now: time.Now, Logger: logger(os.Stderr)}
	if u.cloud != "" {
		keys := filepath.Join(u.cloudData, "aws")
		cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithSharedConfigProfile("operator"), awsconfig.WithBaseEndpoint(u.cloud),
			awsconfig.WithRegion(u.region), awsconfig.WithSharedCredentialsFiles([]string{filepath.Join(keys, "credentials")}),
			awsconfig.WithSharedConfigFiles([]string{filepath.Join(keys, "config")}))
		if err != nil {
			return fmt.Errorf("read the local cloud's keys: %w", err)
		}
		o.Cloud = &bed.Cloud{URL: u.cloud, Config: cfg}
	}
	created := make(chan error, 1)
	err = bed.Run(ctx, o, func() {
		fmt.Printf("the bed runs in %s\n", u.dir)
		created <- u.createFirst(ctx, o.Cloud)
	})
	select {
	case failed := <-created:
		err = errors.Join(err, failed)
	default:
	}
	return err
}

// createFirst creates the cluster that the command line names.
func (u *upOptions) createFirst(ctx context.Context, cloud *bed.Cloud) error {
	if u.cluster == "" {
		return nil
	}
	text := []byte(oneQueue)
	if cloud != nil && u.config == "" {
		subnet, err := cloud.Subnet(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr, "Error:", err)
			return err
		}
		text = bytes.ReplaceAll(text, []byte("subnet-0123456789abcdef0"), []byte(subnet))
	}
	if u.config != "" {
		b, err := os.ReadFile(u.config)
		if err != nil {
			return fmt.Errorf("read the configuration: %w", err)
		}
		text = b
	}
	if _, err := send(ctx, u.dir, http.MethodPost, "/clusters/"+u.cluster, text); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		return err
	}
	fmt.Printf(
		"cluster %s comes up. In another shell:\n  bin/testbed status\n  bin/testbed enter head sinfo\n"+
			"  bin/testbed enter head sbatch --wrap 'hostname; date'\n",
		u.cluster,
	)
	return nil
}

// runCloud starts parascope-local and returns when it is ready. The kernel ends it
// with this process.
func (u *upOptions) runCloud(ctx context.Context) (end func(), err error) {
	program, err := absolute(u.startCloud)
	if err != nil {
		return nil, err
	}
	if u.cloudData == "" {
		u.cloudData = filepath.Join(u.dir, "cloud")
	}
	if err := os.MkdirAll(u.cloudData, 0o700); err != nil {
		return nil, fmt.Errorf("make the local cloud's directory: %w", err)
	}
	cmd := exec.Command(program, "--data", u.cloudData, "--region", u.region)
	lines, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the local cloud: %w", err)
	}
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started, done := make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the death signal is tied to the thread
		err := cmd.Start()
		_ = w.Close() // the cloud has its own
		started <- err
		if err == nil {
			_ = cmd.Wait() // its last lines tell
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the local cloud: %w", err)
	}
	ready := make(chan bool, 1)
	go func() {
		var seen bytes.Buffer
		buffer := make([]byte, 4096)
		for {
			n, err := lines.Read(buffer)
			_, _ = os.Stdout.Write(buffer[:n])
			if seen.Len() < 1<<16 {
				seen.Write(buffer[:n])
			}
			if bytes.Contains(seen.Bytes(), []byte("metrics arrive")) {
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
	end = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		<-done
	}
	select {
	case <-ready:
	case <-done:
		return nil, errors.New("the local cloud ended while it started")
	case <-ctx.Done():
		end()
		return nil, ctx.Err()
	}
	u.cloud = "http://127.0.0.1:9280"
	return end, nil
}

// firstProcess is a machine's: it sets it up, runs its services, and boots it.
func firstProcess(ctx context.Context) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	spec, ready, err := machine.Inside(ctx)
	var s *units.Supervisor
	off := make(chan struct{}, 1)
	halt := func() {
		select {
		case off <- struct{}{}:
		default:
		}
	}
	var log *os.File
	if err == nil {
		log, err = os.OpenFile(machine.BootLog, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	}
	if err == nil {
		s, err = units.NewSupervisor("/", spec.Env, time.Now, halt)
	}
	if err == nil {
		err = s.Serve(ctx)
	}
	if err := errors.Join(err, ready(err)); err != nil {
		return err
	}
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM, syscall.SIGINT, syscall.SIGPWR)
	go func() {
		if _, err := s.Run(ctx, spec.Boot, log); err != nil {
			fmt.Fprintf(log, "boot: %v\n", err)
		}
	}()
	select {
	case <-terminate:
	case <-off:
	}
	stopping, stop := context.WithTimeout(ctx, 8*time.Second)
	defer stop()
	s.StopAll(stopping)
	return nil // the kernel ends what is left
}
