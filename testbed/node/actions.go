package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/parascope/parascope/testbed/config"
)

// maxScript bounds what is downloaded.
const maxScript = 64 << 20

// actionError is a script that failed: ParallelCluster's event says where.
type actionError struct {
	action, stage, message string
	step                   int
	cause                  error
}

func (e *actionError) Error() string {
	return e.message + " Please check /var/log/cloud-init-output.log: " + e.cause.Error()
}

// runActions runs the scripts of one action: it downloads all of them first, makes
// their line ends Unix', and runs them one after the other. No script has a time
// limit of its own.
func (u UserData) runActions(ctx context.Context, action string, scripts config.Scripts) error {
	if len(scripts) == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "custom-action-")
	if err != nil {
		return fmt.Errorf("run %s: %w", action, err)
	}
	defer os.RemoveAll(dir)
	files := make([]string, len(scripts))
	failures := make([]error, len(scripts))
	done := make(chan int)
	for i, s := range scripts {
		files[i] = fmt.Sprintf("%s/%d-%s", dir, i+1, s.Script[strings.LastIndex(s.Script, "/")+1:])
		go func() {
			failures[i] = u.download(ctx, s.Script, files[i])
			done <- i
		}()
	}
	for range scripts {
		<-done
	}
	for i, err := range failures {
		if err != nil {
			how := "using aws s3"
			if !strings.HasPrefix(scripts[i].Script, "s3://") {
				how = "using wget"
			}
			return &actionError{action, "downloading", fmt.Sprintf("Failed to download %s script %d %s.", action, i+1, how), i + 1, err}
		}
	}
	for i, s := range scripts {
		if out, err := exec.CommandContext(ctx, "dos2unix", files[i]).CombinedOutput(); err != nil {
			return &actionError{action, "executing", fmt.Sprintf("Failed to run %s script %d due to a failure in dos2unix.", action, i+1), i + 1,
				fmt.Errorf("%w: %s", err, out)}
		}
		fmt.Printf("custom_action_executor - INFO - Executing %s script %d: %s %s\n", action, i+1, s.Script, strings.Join(s.Args, " "))
		cmd := exec.CommandContext(ctx, files[i], s.Args...)
		cmd.Stdout, cmd.Stderr, cmd.Dir = os.Stdout, os.Stderr, "/"
		if err := cmd.Run(); err != nil {
			return &actionError{action, "executing", fmt.Sprintf("Failed to execute %s script %d, return code: %d.", action, i+1,
				cmd.ProcessState.ExitCode()), i + 1, err}
		}
	}
	return nil
}

// download fetches a script with the node's own role.
func (u UserData) download(ctx context.Context, script, file string) error {
	body, err := u.open(ctx, script)
	if err != nil {
		return err
	}
	defer body.Close()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o700)
	if err != nil {
		return fmt.Errorf("save %s: %w", script, err)
	}
	n, err := io.Copy(f, io.LimitReader(body, maxScript+1))
	if n > maxScript {
		err = fmt.Errorf("larger than %d bytes", maxScript)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("save %s: %w", script, err)
	}
	return nil
}

func (u UserData) open(ctx context.Context, script string) (io.ReadCloser, error) {
	where, err := url.Parse(script)
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", script, err)
	}
	if where.Scheme == "s3" {
		cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(u.Region))
		if err != nil {
			return nil, fmt.Errorf("download %s: %w", script, err)
		}
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		key := strings.TrimPrefix(where.Path, "/")
		got, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(where.Host), Key: &key})
		if err != nil {
			return nil, fmt.Errorf("download %s: %w", script, err)
		}
		return got.Body, nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, script, nil)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("download %s: %w", script, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("download %s: %w", script, err)
	}
	if resp.StatusCode != http.StatusOK {
		cancel()
		return nil, errors.Join(fmt.Errorf("download %s: %s", script, resp.Status), resp.Body.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{resp.Body, closer(func() error { defer cancel(); return resp.Body.Close() })}, nil
}

type closer func() error

func (c closer) Close() error { return c() }

// writeFailure writes the event of a failed script, as ParallelCluster's reader
// finds it, and the reason that the cluster's description shows.
func (u UserData) writeFailure(now time.Time, failed *actionError) error {
	event := map[string]any{
		"datetime": now.UTC().Format("2006-01-02T15:04:05.000+00:00"), "version": 0, "scheduler": "slurm", "cluster-name": u.Cluster,
		"node-role": u.Role, "component": "custom-action", "level": "ERROR", "instance-id": u.InstanceID,
		"event-type": "custom-action-error", "message": failed.message,
		"detail": map[string]any{"action": failed.action, "step": failed.step, "stage": failed.stage, "error": failed.cause.Error()},
	}
	if u.Role == ComputeFleet {
		event["compute"] = u.compute()
	}
	b, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("write the failure: %w", err)
	}
	return write(bootstrapFail, string(b)+"\n", 0o644)
}
