package localaws_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/parascope/parascope/localaws"
)

// start runs a cloud on the directory until stop is called or the test ends.
func start(t *testing.T, dir string) (c *localaws.Cloud, stop func()) {
	t.Helper()
	c, err := localaws.New(localaws.Options{DataDir: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		// t.Context() is over when this runs at the test's end.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
		defer cancel()
		if err := c.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	t.Cleanup(stop)
	return c, stop
}

// client is the SDK configured as a person's shell is: by an endpoint and the
// shared files that the cloud wrote.
func client(t *testing.T, c *localaws.Cloud, dir, profile string) aws.Config {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithBaseEndpoint(c.URL()), config.WithSharedConfigProfile(profile),
		config.WithSharedCredentialsFiles([]string{filepath.Join(dir, "aws", "credentials")}),
		config.WithSharedConfigFiles([]string{filepath.Join(dir, "aws", "config")}))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestAllServicesAtOneAddress: AWS_ENDPOINT_URL is one address for all services,
// and the profiles that the cloud writes are all that a client needs beside it.
func TestAllServicesAtOneAddress(t *testing.T) {
	dir := t.TempDir()
	c, _ := start(t, dir)
	for profile, user := range map[string]string{"operator": "operator", "head": "parascope-head"} {
		cfg := client(t, c, dir, profile)
		if cfg.Region != "us-east-2" {
			t.Errorf("profile %s has region %q", profile, cfg.Region)
		}
		id, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
		if err != nil || aws.ToString(id.Arn) != "arn:aws:iam::111122223333:user/"+user {
			t.Errorf("profile %s: %v, %v", profile, id, err)
		}
	}
	operator := amp.NewFromConfig(client(t, c, dir, "operator"))
	made, err := operator.CreateWorkspace(t.Context(), &amp.CreateWorkspaceInput{Alias: aws.String("w")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := operator.DescribeWorkspace(t.Context(), &amp.DescribeWorkspaceInput{WorkspaceId: made.WorkspaceId})
	if err != nil || aws.ToString(got.Workspace.PrometheusEndpoint) != c.URL()+"/workspaces/"+*made.WorkspaceId+"/" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestOnlyHealthIsUnsigned(t *testing.T) {
	c, _ := start(t, t.TempDir())
	for path, want := range map[string]int{"/_parascope/health": 200, "/": 403, "/workspaces": 403, "/_parascope": 403, "/_parascope/health/": 403} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", c.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want {
			t.Errorf("GET %s: %d %s, want %d", path, resp.StatusCode, body, want)
		}
	}
}

// TestRestart: keys that a shell has exported and workspaces go on after a restart.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	c, stop := start(t, dir)
	before := client(t, c, dir, "operator")
	made, err := amp.NewFromConfig(before).CreateWorkspace(t.Context(), &amp.CreateWorkspaceInput{Alias: aws.String("w")})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	c, _ = start(t, dir)
	again := amp.NewFromConfig(before, func(o *amp.Options) { o.BaseEndpoint = aws.String(c.URL()) }) // on another free port
	got, err := again.DescribeWorkspace(t.Context(), &amp.DescribeWorkspaceInput{WorkspaceId: made.WorkspaceId})
	if err != nil || aws.ToString(got.Workspace.Alias) != "w" {
		t.Errorf("with the keys from before the restart: %v, %v", got, err)
	}
}

func TestDataDirectoryHasOneCloud(t *testing.T) {
	dir := t.TempDir()
	_, stop := start(t, dir)
	_, err := localaws.New(localaws.Options{DataDir: dir})
	if held, ok := errors.AsType[*localaws.HeldError](err); !ok || held.PID != os.Getpid() {
		t.Errorf("a second cloud on one directory: %v", err)
	}
	stop()
	start(t, dir) // free again
}

func TestKeysAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	start(t, dir)
	for name, want := range map[string]os.FileMode{"aws": 0o700, "aws/credentials": 0o600, "aws/config": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %o", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestTakenAddress(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := localaws.New(localaws.Options{DataDir: t.TempDir(), Listen: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("%v", err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("stopping what did not start: %v", err)
	}
}

// TestStopDoesNotWaitForTheSilent: a browser keeps connections in store on which it
// never says anything.
func TestStopDoesNotWaitForTheSilent(t *testing.T) {
	c, stop := start(t, t.TempDir())
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A call on another connection is answered: the silent one is taken on before.
	answer, err := http.Get(c.URL() + "/_parascope/health")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	began := time.Now()
	stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("stopped after %s", took)
	}
}
