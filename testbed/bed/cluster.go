//go:build linux

package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/testbed/config"
	"github.com/parascope/parascope/testbed/fleet"
	"github.com/parascope/parascope/testbed/instances"
	"github.com/parascope/parascope/testbed/machine"
	"github.com/parascope/parascope/testbed/node"
	"github.com/parascope/parascope/testbed/slurm"
)

// cluster is one that was created.
type cluster struct {
	name    string
	version string
	dir     string // of what its nodes share
	created time.Time

	// Guarded by the bed's lock.
	updated   time.Time
	roles     map[string]string // ARN by "HeadNode", "queue/NAME" and "login/NAME"
	stack     string            // ARN
	config    *config.Cluster
	text      []byte // of config
	status    string // CREATE_IN_PROGRESS and so on
	reasons   []failure
	head      slurm.Head
	instances map[string]*instance
	busy      bool // an operation is under way
}

// failure is one of describe-cluster's.
type failure struct {
	Code   string `json:"failureCode"`
	Reason string `json:"failureReason"`
}

// shared is a directory that the cluster's nodes share, as the host sees it.
func (c *cluster) shared(name string) string { return filepath.Join(c.dir, name) }

func (c *cluster) socket() string { return filepath.Join(c.dir, "ec2.sock") }

// create makes a cluster and brings it up in the background.
func (b *Bed) create(name string, text []byte, keepBroken bool) (*cluster, error) {
	parsed, err := config.Parse(text)
	if err != nil {
		return nil, &refused{Code: "BadRequestException", Message: "Invalid cluster configuration: " + err.Error()}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.clusters[name] != nil {
		return nil, &refused{Code: "BadRequestException", Message: "Cluster " + name + " already exists"}
	}
	now := b.opts.Now()
	c := &cluster{
		name:      name,
		version:   b.opts.Version,
		dir:       filepath.Join(b.disks, "cluster-"+name),
		created:   now,
		updated:   now,
		config:    parsed,
		text:      text,
		status:    "CREATE_IN_PROGRESS",
		instances: map[string]*instance{},
		busy:      true,
	}
	b.clusters[name] = c
	b.busy.Go(func() {
		err := b.bringUp(b.ctx, c)
		b.mu.Lock()
		c.busy = false
		c.status = "CREATE_COMPLETE"
		if err != nil {
			c.status, c.reasons = "CREATE_FAILED", reasons(err)
		}
		b.mu.Unlock()
		if err != nil {
			b.opts.Logger.Error("create cluster", "cluster", name, "err", err)
			if !keepBroken {
				b.end(b.ctx, false, b.of(c, func(*instance) bool { return true })...)
			}
		}
	})
	return c, nil
}

// refused is an error of the API of pcluster.
type refused struct {
	Code    string `json:"-"`
	Message string `json:"message"`
	Changes any    `json:"changeSet,omitempty"`
	Errors  any    `json:"updateValidationErrors,omitempty"`
}

func (r *refused) Error() string { return r.Code + ": " + r.Message }

// bootError is a node that did not come up.
type bootError struct {
	hostname, why string
}

func (e *bootError) Error() string { return e.hostname + ": " + e.why }

// reasons are why a cluster could not be made, as describe-cluster has them.
func reasons(err error) []failure {
	code := "HeadNodeBootstrapFailure"
	text := err.Error()
	for _, action := range []string{"OnNodeStart", "OnNodeConfigured", "OnNodeUpdated"} {
		switch {
		case strings.Contains(text, "Failed to download "+action):
			code = action + "DownloadFailure"
		case strings.Contains(text, "Failed to execute "+action), strings.Contains(text, "Failed to run "+action):
			code = action + "ExecutionFailure"
		}
	}
	return []failure{{code, text}}
}

// bringUp starts a cluster's head node and, when that is up, its login nodes.
func (b *Bed) bringUp(ctx context.Context, c *cluster) error {
	for _, dir := range []string{"slurm", "shared", "home"} {
		if err := os.MkdirAll(c.shared(dir), 0o755); err != nil {
			return fmt.Errorf("make what nodes share: %w", err)
		}
	}
	if err := b.publish(c); err != nil {
		return err
	}
	if err := fleet.SetStatus(c.fleetStatus(), "RUNNING", b.opts.Now()); err != nil {
		return err
	}
	if b.opts.Cloud != nil {
		arn, roles, err := b.opts.Cloud.createStack(ctx, c)
		b.mu.Lock()
		c.stack, c.roles = arn, roles
		b.mu.Unlock()
		if err != nil {
			return err
		}
	}
	server, err := serve(c.socket(), 0o666, b.ec2(c))
	if err != nil {
		return err
	}
	context.AfterFunc(b.ctx, func() { _ = server.Close() })
	head, err := b.launch(
		ctx,
		c,
		order{role: node.HeadNode, kind: "HeadNode", settings: c.config.HeadNode, typ: c.config.HeadNode.InstanceType,
			iam: b.role(c, "HeadNode", c.config.HeadNode.Iam)},
	)
	if err != nil {
		return err
	}
	b.mu.Lock()
	c.head = slurm.Head{Hostname: head.Hostname, Address: head.Address}
	b.mu.Unlock()
	limit := time.Duration(c.config.DevSettings.Timeouts.HeadNodeBootstrapTimeout) * time.Second
	if limit == 0 {
		limit = 30 * time.Minute
	}
	if err := b.awaitBoot(ctx, head, limit); err != nil {
		return err
	}
	return b.scaleLogin(ctx, c)
}

// publish writes the configuration where nodes read it.
func (b *Bed) publish(c *cluster) error {
	file := filepath.Join(c.shared("shared"), node.ConfigFile)
	if err := os.WriteFile(file, c.text, 0o600); err != nil {
		return fmt.Errorf("publish the configuration: %w", err)
	}
	return nil
}

func (c *cluster) fleetStatus() string {
	return filepath.Join(c.shared("shared"), filepath.Base(node.FleetStatus))
}

// role is the ARN of the role of a part's nodes: its own, or the cluster's for it.
func (b *Bed) role(c *cluster, part string, iam config.Iam) string {
	if iam.InstanceRole != "" {
		return iam.InstanceRole
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return c.roles[part]
}

// awaitBoot waits until a machine says how its boot went.
func (b *Bed) awaitBoot(ctx context.Context, i *instance, limit time.Duration) error {
	file := machine.Spec{Disk: i.disk}.Path(node.BootFinished)
	end := time.NewTimer(limit)
	defer end.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if text, err := os.ReadFile(file); err == nil && len(text) > 0 {
			if string(text) == "ok" {
				return nil
			}
			return &bootError{i.Hostname, string(text)}
		}
		select {
		case <-tick.C:
		case <-end.C:
			return &bootError{i.Hostname, fmt.Sprintf("did not come up within %s", limit)}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// scaleLogin starts and ends login nodes until there are as many as configured.
func (b *Bed) scaleLogin(ctx context.Context, c *cluster) error {
	want := map[string]int{}
	for _, p := range c.config.LoginNodes.Pools {
		want[p.Name] = p.Count
	}
	var surplus []*instance
	have := map[string]int{}
	for _, i := range b.of(c, func(i *instance) bool { return i.Role == "LoginNode" }) {
		if have[i.Pool]++; have[i.Pool] > want[i.Pool] {
			surplus = append(surplus, i)
		}
	}
	b.end(ctx, false, surplus...)
	for _, p := range c.config.LoginNodes.Pools {
		for range max(0, p.Count-have[p.Name]) {
			if _, err := b.launch(ctx, c, order{role: node.LoginNode, kind: "LoginNode", settings: p.Node, typ: p.InstanceType, pool: p.Name,
				iam: b.role(c, "login/"+p.Name, p.Iam)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// launchNode starts the instance of a Slurm node.
func (b *Bed) launchNode(ctx context.Context, c *cluster, name string) (*instance, error) {
	b.mu.Lock()
	parsed := c.config
	b.mu.Unlock()
	for _, q := range parsed.Scheduling.SlurmQueues {
		for _, r := range q.ComputeResources {
			if slices.Contains(slurm.NodeNames(q.Name, r), name) {
				return b.launch(ctx, c, order{role: node.ComputeFleet, kind: "Compute", settings: q.Node, typ: r.Type(), queue: q.Name,
					resource: r.Name, node: name, iam: b.role(c, "queue/"+q.Name, q.Iam)})
			}
		}
	}
	return nil, &instances.Failure{Code: "InvalidParameterValue", Message: "the configuration has no node " + name}
}

// remove deletes a cluster in the background.
func (b *Bed) remove(c *cluster) {
	b.mu.Lock()
	c.status, c.busy = "DELETE_IN_PROGRESS", true
	b.mu.Unlock()
	b.busy.Go(func() {
		all := b.of(c, func(*instance) bool { return true })
		b.end(b.ctx, false, all...)
		var errs []error
		for _, i := range all {
			if i.machine == nil && i.State == "stopped" {
				errs = append(errs, b.forget(b.ctx, c, i))
			}
		}
		if b.opts.Cloud != nil && c.stack != "" {
			errs = append(errs, b.opts.Cloud.deleteStack(b.ctx, c))
		}
		errs = append(errs, os.RemoveAll(c.dir))
		b.mu.Lock()
		defer b.mu.Unlock()
		if err := errors.Join(errs...); err != nil {
			c.status, c.reasons, c.busy = "DELETE_FAILED", []failure{{"", err.Error()}}, false
			return
		}
		delete(b.clusters, c.name)
	})
}
