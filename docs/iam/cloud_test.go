package iam_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
)

const (
	stackName = "pcluster-infra" // the deployer's policy speaks of it
	deployer  = "deployer"
)

// cloud is a local cloud whose users are the operator, who may do everything, and
// the deployer with the policies beside this file.
type cloud struct {
	*localtest.Cloud
	asked audit
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

// refuses reports whether an action of a service was refused since takeRefused was called last.
func (a *audit) refuses(service string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for action := range a.refused {
		if strings.HasPrefix(action, service+":") {
			return true
		}
	}
	return false
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
	c := &cloud{}
	c.Cloud = localtest.Start(t, localaws.Options{
		Audit: c.asked.note, Users: []localaws.User{{Name: deployer, Policy: parascope.DeployerPolicy,
			Further: []string{parascope.DeployerAlertsPolicy}}, {Name: clusterMaker, Policy: clusterMakerPolicy}},
	})
	return c
}

// up brings the stack up, or to the parameters, as the deployer.
func (c *cloud) up(t *testing.T, o deploy.UpOptions) deploy.UpResult {
	t.Helper()
	o.StackName, o.Package.Architecture = stackName, artifact.HostArchitecture()
	var troubles []error
	result, err := deploy.Up(t.Context(), c.As(deployer), o, func(e deploy.Event) {
		if e.Kind == deploy.Progress && e.Resource.Failed() {
			troubles = append(troubles, errors.New(e.Resource.LogicalID+": "+e.Resource.Reason))
		}
	})
	if err != nil {
		t.Fatal(errors.Join(append(troubles, err)...))
	}
	return result
}
