package iam_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/localaws"
)

const (
	stackName = "pcluster-infra" // the deployer's policy speaks of it
	deployer  = "deployer"
)

// cloud is a local cloud whose users are the operator, who may do everything, and
// the deployer with the policy beside this file.
type cloud struct {
	dir, address string
	running      *localaws.Cloud
	asked        audit
}

// audit holds what was asked for.
type audit struct {
	mu      sync.Mutex
	all     map[string]map[string]bool // what was allowed: principal → actions; a session's principal is its role
	refused map[string]bool            // actions, whoever asked
}

func (a *audit) note(ask localaws.Ask, d localaws.Decision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !d.Allowed {
		if a.refused == nil {
			a.refused = map[string]bool{}
		}
		a.refused[ask.Action] = true
		return
	}
	who := ask.Principal.ARN[strings.LastIndex(ask.Principal.ARN, ":")+1:] // user/deployer, assumed-role/NAME/SESSION
	if name, ok := strings.CutPrefix(who, "assumed-role/"); ok {
		name, _, _ = strings.Cut(name, "/")
		who = "role/" + name
	}
	if a.all == nil {
		a.all = map[string]map[string]bool{}
	}
	if a.all[who] == nil {
		a.all[who] = map[string]bool{}
	}
	a.all[who][ask.Action] = true
}

// by reports whether the principal, "user/deployer" or "role/NAME", used the action.
func (a *audit) by(who, action string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all[who][action]
}

// takeRefused returns the actions that were refused since it was called last.
func (a *audit) takeRefused() map[string]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := a.refused
	a.refused = nil
	return taken
}

func startCloud(t *testing.T) *cloud {
	t.Helper()
	if _, err := artifact.LoadFunction(artifact.HostArchitecture()); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("the stack needs the setup function, run make function: %v", err)
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	// The address stays the same over restarts: workspaces remember theirs.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{dir: t.TempDir(), address: l.Addr().String()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c.start(t)
	t.Cleanup(func() { c.stop(t) })
	return c
}

func (c *cloud) start(t *testing.T) {
	t.Helper()
	running, err := localaws.New(localaws.Options{
		DataDir: c.dir, Listen: c.address, Audit: c.asked.note,
		Users: []localaws.User{{Name: deployer, Policy: parascope.DeployerPolicy}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.running = running
	if err := running.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (c *cloud) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	if err := c.running.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// restart makes everybody ask for credentials again.
func (c *cloud) restart(t *testing.T) {
	t.Helper()
	c.stop(t)
	c.start(t)
}

// as is the SDK's configuration of a user.
func (c *cloud) as(t *testing.T, profile string) aws.Config {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithSharedConfigProfile(profile), config.WithBaseEndpoint(c.running.URL()),
		config.WithSharedCredentialsFiles([]string{filepath.Join(c.dir, "aws", "credentials")}), config.WithSharedConfigFiles([]string{filepath.Join(c.dir, "aws", "config")}))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// up brings the stack up, or to the parameters, as the deployer.
func (c *cloud) up(t *testing.T, o deploy.UpOptions) deploy.UpResult {
	t.Helper()
	o.StackName, o.Package.Architecture = stackName, artifact.HostArchitecture()
	var troubles []error
	result, err := deploy.Up(t.Context(), c.as(t, deployer), o, func(e deploy.Event) {
		if e.Kind == deploy.Progress && e.Resource.Failed() {
			troubles = append(troubles, errors.New(e.Resource.LogicalID+": "+e.Resource.Reason))
		}
	})
	if err != nil {
		t.Fatal(errors.Join(append(troubles, err)...))
	}
	return result
}
