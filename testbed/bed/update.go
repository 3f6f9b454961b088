//go:build linux

package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/parascope/parascope/testbed/config"
	"github.com/parascope/parascope/testbed/fleet"
	"github.com/parascope/parascope/testbed/machine"
	"github.com/parascope/parascope/testbed/slurm"
)

// change is one of update-cluster's answer.
type change struct {
	Parameter string `json:"parameter"`
	Requested any    `json:"requestedValue"`
	Current   any    `json:"currentValue"`
	Message   string `json:"message,omitempty"`
}

func orDash(v any) any {
	if v == nil {
		return "-"
	}
	return v
}

// update changes a cluster in the background. dryRun looks only.
func (b *Bed) update(c *cluster, text []byte, dryRun, force bool) ([]change, error) {
	to, err := config.Parse(text)
	if err != nil {
		return nil, &refused{Code: "BadRequestException", Message: "Invalid cluster configuration: " + err.Error()}
	}
	running := config.Running{Fleet: b.fleetStatus(c) != "STOPPED", Login: map[string]bool{}}
	for _, i := range b.of(c, func(i *instance) bool { return i.Role == "LoginNode" }) {
		running.Login[i.Pool] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.busy || !slices.Contains([]string{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED"}, c.status) {
		return nil, &refused{Code: "BadRequestException", Message: "Update failed: the cluster's status is " + c.status}
	}
	var all, wrong []change
	for _, d := range config.Compare(c.config, to, running) {
		one := change{d.Parameter, orDash(d.New), orDash(d.Old), ""}
		all = append(all, one)
		if d.Refused != "" {
			one.Message = d.Refused
			wrong = append(wrong, one)
		}
	}
	switch {
	case len(all) == 0:
		return nil, &refused{Code: "BadRequestException", Message: "No changes found in your cluster configuration."}
	case len(wrong) > 0 && !force:
		return nil, &refused{Code: "BadRequestException", Message: "Update failure", Changes: all, Errors: wrong}
	case dryRun:
		return all, &refused{Code: "DryrunOperationException", Message: "Request would have succeeded, but DryRun flag is set.", Changes: all}
	}
	before, beforeText := c.config, c.text
	c.config, c.text, c.status, c.busy, c.reasons = to, text, "UPDATE_IN_PROGRESS", true, nil
	b.busy.Go(func() {
		err := b.apply(b.ctx, c, before)
		b.mu.Lock()
		defer b.mu.Unlock()
		c.updated, c.status, c.busy = b.opts.Now(), "UPDATE_COMPLETE", false
		if err != nil {
			b.opts.Logger.Error("update cluster", "cluster", c.name, "err", err)
			// A stack that cannot be updated goes back.
			c.config, c.text, c.status, c.reasons = before, beforeText, "UPDATE_FAILED", reasons(err)
			back := b.publish(c)
			if b.opts.Cloud != nil && c.stack != "" {
				back = errors.Join(back, b.opts.Cloud.keepConfiguration(b.ctx, c))
			}
			if err := back; err != nil {
				b.opts.Logger.Error("go back after an update", "cluster", c.name, "err", err)
			}
		}
	})
	return all, nil
}

// apply makes a new configuration the cluster's.
func (b *Bed) apply(ctx context.Context, c *cluster, before *config.Cluster) error {
	if b.opts.Cloud != nil && c.stack != "" {
		roles, err := b.opts.Cloud.updateStack(ctx, c)
		if err != nil {
			return err
		}
		b.mu.Lock()
		c.roles = roles
		b.mu.Unlock()
	}
	if err := b.publish(c); err != nil {
		return err
	}
	heads := b.of(c, func(i *instance) bool { return i.Role == "HeadNode" })
	if len(heads) == 0 {
		return errors.New("the cluster has no head node")
	}
	if err := b.runUpdate(ctx, heads[0], c.config.HeadNode.CustomActions.OnNodeUpdated); err != nil {
		return err
	}
	if err := b.replaceChanged(ctx, c, heads[0], before); err != nil {
		return err
	}
	if err := b.scaleLogin(ctx, c); err != nil {
		return err
	}
	for _, p := range c.config.LoginNodes.Pools {
		for _, i := range b.of(c, func(i *instance) bool { return i.Pool == p.Name && i.machine != nil && i.State == "running" }) {
			if !p.CustomActions.OnNodeUpdatedIn(before, p.Name) {
				continue // launched by this update, or nothing to run
			}
			if err := b.runUpdate(ctx, i, p.CustomActions.OnNodeUpdated); err != nil {
				return err
			}
		}
	}
	return nil
}

// runUpdate makes a node take the new configuration and run its OnNodeUpdated.
func (b *Bed) runUpdate(ctx context.Context, i *instance, scripts config.Scripts) error {
	argv := []string{machine.Program, "update"}
	for index, s := range scripts {
		argv = append(argv, "--script", s.Script)
		for _, a := range s.Args {
			argv = append(argv, "--arg", fmt.Sprintf("%d=%s", index, a))
		}
	}
	out, err := b.exec(ctx, i, argv...)
	if err != nil {
		return &bootError{i.Hostname, "update: " + out}
	}
	return nil
}

// replaceChanged drains or ends the nodes of queues that changed, as the strategy
// says; their next instances have the new settings.
func (b *Bed) replaceChanged(ctx context.Context, c *cluster, head *instance, before *config.Cluster) error {
	strategy := c.config.Scheduling.SlurmSettings.QueueUpdateStrategy
	if strategy != "DRAIN" && strategy != "TERMINATE" {
		return nil
	}
	var nodes []string
	changed := map[string]bool{}
	for _, d := range config.Compare(before, c.config, config.Running{}) {
		if _, rest, ok := strings.Cut(d.Parameter, "SlurmQueues["); ok && d.Policy == "QUEUE_UPDATE_STRATEGY" {
			queue, _, _ := strings.Cut(rest, "]")
			changed[queue] = true
		}
	}
	for _, i := range b.of(c, func(i *instance) bool { return i.Role == "Compute" && changed[i.Queue] }) {
		nodes = append(nodes, i.Node)
	}
	if len(nodes) == 0 {
		return nil
	}
	state := "drain"
	if strategy == "TERMINATE" {
		state = "power_down_force"
	}
	_, err := b.exec(ctx, head, slurm.Etc+"/../bin/scontrol", "update", "nodename="+strings.Join(nodes, ","), "state="+state,
		"reason=updating node state during cluster update")
	return err
}

// fleetStatus is the compute fleet's; UNKNOWN where there is none.
func (b *Bed) fleetStatus(c *cluster) string {
	text, err := os.ReadFile(c.fleetStatus())
	if err != nil {
		return "UNKNOWN"
	}
	_, rest, _ := strings.Cut(string(text), `"status": "`)
	status, _, _ := strings.Cut(rest, `"`)
	return status
}

// setFleet starts or stops the compute fleet: clustermgtd does it in its next round.
func (b *Bed) setFleet(c *cluster, status string) error {
	if status != "START_REQUESTED" && status != "STOP_REQUESTED" {
		return &refused{
			Code:    "BadRequestException",
			Message: fmt.Sprintf("%q is not a status that can be requested: START_REQUESTED, STOP_REQUESTED", status),
		}
	}
	return fleet.SetStatus(c.fleetStatus(), status, b.opts.Now())
}
