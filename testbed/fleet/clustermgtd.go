package fleet

//lint:file-ignore ST1005 these are the messages of ParallelCluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/testbed/instances"
	"github.com/parascope/parascope/testbed/node"
	"github.com/parascope/parascope/testbed/slurm"
)

// ProtectedCount is after how many failed boots a queue is disabled.
const ProtectedCount = 10

// manager is clustermgtd: it compares slurmctld's nodes with EC2's instances, round
// after round.
type manager struct {
	u   node.UserData
	ec2 *instances.Client
	log log
	now func() time.Time

	replacing map[string]time.Time      // static nodes whose new instance is not up yet, since when
	refused   map[string]time.Time      // dynamic nodes for which EC2 had no capacity, since when
	failures  map[string]map[string]int // failed boots by queue and compute resource
}

// Manage runs clustermgtd until ctx ends.
func Manage(ctx context.Context, u node.UserData, now func() time.Time) error {
	m := &manager{
		u:         u,
		ec2:       instances.NewClient(instances.Socket),
		log:       log{file: node.Log + "/clustermgtd", program: "clustermgtd", now: now},
		now:       now,
		replacing: map[string]time.Time{},
		refused:   map[string]time.Time{},
		failures:  map[string]map[string]int{},
	}
	tick := time.NewTicker(u.Pace.ManagementInterval)
	defer tick.Stop()
	for {
		if err := m.round(ctx); err != nil && ctx.Err() == nil {
			m.say("ERROR", "manage_cluster", "%v", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// say writes to the log; a full disk must not stop the management of nodes.
func (m *manager) say(level, function, format string, args ...any) {
	if err := m.log.line(level, function, format, args...); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// round is one look at everything.
func (m *manager) round(ctx context.Context) error {
	m.say("INFO", "manage_cluster", "Managing cluster...")
	status, err := Status()
	if err != nil {
		return err
	}
	m.say("INFO", "manage_cluster", "Current compute fleet status: %s", status)
	switch status {
	case "START_REQUESTED", "STARTING":
		m.failures = map[string]map[string]int{}
		err = errors.Join(m.partitions(ctx, "UP"), SetStatus(node.FleetStatus, "RUNNING", m.now()))
	case "STOP_REQUESTED", "STOPPING":
		err = errors.Join(m.down(ctx), SetStatus(node.FleetStatus, "STOPPED", m.now()))
	case "STOPPED":
		err = m.down(ctx)
	default:
		err = m.maintain(ctx)
	}
	return errors.Join(err, os.WriteFile(node.Heartbeat, []byte(m.now().Format(heartbeatFormat)), 0o644))
}

// down keeps a stopped fleet stopped.
func (m *manager) down(ctx context.Context) error {
	all, err := m.ec2.List(ctx)
	if err != nil {
		return err
	}
	errs := []error{m.partitions(ctx, "INACTIVE")}
	for _, i := range all {
		if i.Role == "Compute" {
			errs = append(errs, m.ec2.Terminate(ctx, i.ID))
		}
	}
	nodes, err := slurm.Nodes(ctx)
	errs = append(errs, err)
	for _, n := range nodes {
		if n.HasAddress() {
			errs = append(
				errs,
				slurm.Reset(ctx, []string{n.Name}, "", ""),
				slurm.SetState(ctx, []string{n.Name}, "power_down_force", "stopping cluster"),
			)
		}
	}
	m.replacing = map[string]time.Time{}
	return errors.Join(errs...)
}

func (m *manager) partitions(ctx context.Context, state string) error {
	all, err := slurm.Partitions(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for name, now := range all {
		if now != state {
			errs = append(errs, slurm.SetPartition(ctx, name, state))
		}
	}
	return errors.Join(errs...)
}

// maintain is a round with a fleet that runs.
func (m *manager) maintain(ctx context.Context) error {
	nodes, err := slurm.Nodes(ctx)
	if err != nil {
		return fmt.Errorf("Unable to get partition/node info from slurm, no other action can be performed. Sleeping... Exception: %w", err)
	}
	partitions, err := slurm.Partitions(ctx)
	if err != nil {
		return err
	}
	list, err := m.ec2.List(ctx)
	if err != nil {
		return fmt.Errorf("Unable to get instances info from EC2, no other action can be performed. Sleeping...: %w", err)
	}
	byAddress := map[string]instances.Instance{}
	for _, i := range list {
		if i.Role == "Compute" && i.State != "shutting-down" {
			byAddress[i.Address] = i
		}
	}
	active := slices.DeleteFunc(slices.Clone(nodes), func(n slurm.Node) bool { return partitions[n.Queue()] != "UP" })
	m.say("INFO", "_maintain_nodes", "Performing node maintenance actions")
	m.updateReplacing(active)
	m.say("INFO", "_maintain_nodes", "Following nodes are currently in replacement: %s", counted(slices.Sorted(maps.Keys(m.replacing))))

	valid := map[string]bool{} // as it was when the round began
	for _, n := range active {
		valid[n.Name] = m.hasInstance(n, byAddress)
	}
	errs := []error{m.endInactive(ctx, nodes, partitions, byAddress), m.endPoweringDown(ctx, active, byAddress)}
	var static, dynamic, bootFailures []slurm.Node
	for _, n := range active {
		valid := valid[n.Name]
		if why := m.bootFailure(n, valid); why != "" {
			m.say("WARNING", "is_bootstrap_failure", "Node bootstrap error: %s", why)
			bootFailures = append(bootFailures, n)
		}
		switch {
		case m.healthy(n, valid):
		case !n.Static() && m.waitsForCapacity(n):
		case n.Static():
			static = append(static, n)
		default:
			dynamic = append(dynamic, n)
		}
	}
	errs = append(errs, m.replaceDynamic(ctx, dynamic, byAddress), m.replaceStatic(ctx, static, byAddress),
		m.protect(ctx, bootFailures, nodes, partitions), m.endOrphans(ctx, nodes, byAddress))
	return errors.Join(errs...)
}

func names(nodes []slurm.Node) []string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.Name)
	}
	return all
}

func withAddress(nodes []slurm.Node) []string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.Name+"("+n.Address+")")
	}
	return all
}

// updateReplacing forgets static nodes that are up.
func (m *manager) updateReplacing(nodes []slurm.Node) {
	for _, n := range nodes {
		up := !n.Is("DRAIN") && !isDown(n) && !n.Is("POWERING_DOWN") && !n.Is("POWERED_DOWN") && !n.Is("NOT_RESPONDING")
		if up {
			delete(m.replacing, n.Name)
		}
	}
}

func isDown(n slurm.Node) bool {
	return n.Is("DOWN") && !n.Is("POWERING_DOWN") && (!n.Is("POWER_DOWN") || n.Is("POWERED_DOWN"))
}

// hasInstance reports whether a node with an address has an instance there.
func (m *manager) hasInstance(n slurm.Node, byAddress map[string]instances.Instance) bool {
	if _, ok := byAddress[n.Address]; ok || !n.HasAddress() {
		return true
	}
	m.say("WARNING", "is_backing_instance_valid", "Node state check: no corresponding instance in EC2 for node %s(%s), node state: %s", n.Name,
		n.Address, strings.Join(n.States, "+"))
	return false
}

// replacementTimeout is how long a static node may take to come up.
func (m *manager) replacementTimeout() time.Duration {
	if m.u.Pace.ResumeTimeout > 0 {
		return m.u.Pace.ResumeTimeout
	}
	return 30 * time.Minute
}

// bootFailure says why a node counts as one whose boot failed, or "".
func (m *manager) bootFailure(n slurm.Node, valid bool) string {
	state := strings.Join(n.States, "+")
	since, replaced := m.replacing[n.Name]
	switch {
	case n.Static() && replaced && !valid:
		return fmt.Sprintf("Node %s(%s) is currently in replacement and no backing instance, node state: %s", n.Name, n.Address, state)
	case n.Static() && replaced && m.now().Sub(since) > m.replacementTimeout():
		return fmt.Sprintf("Replacement timeout expires for node %s(%s) in replacement, node state: %s", n.Name, n.Address, state)
	case n.Static():
		return ""
	case n.Is("POWERING_UP") && !valid:
		return fmt.Sprintf("Node %s(%s) is in power up state without valid backing instance, node state: %s", n.Name, n.Address, state)
	case n.Is("DOWN") && n.Is("POWERED_DOWN") && n.Is("NOT_RESPONDING") && n.HasAddress():
		return fmt.Sprintf("Resume timeout expires for node %s(%s), node state: %s", n.Name, n.Address, state)
	case n.Is("INVALID_REG") && !n.Is("POWER_DOWN") && !n.Is("POWERING_DOWN"):
		return fmt.Sprintf("Node %s(%s) failed to register to the Slurm management daemon, node state: %s", n.Name, n.Address, state)
	}
	return ""
}

// healthy reports whether a node may stay as it is.
func (m *manager) healthy(n slurm.Node, valid bool) bool {
	since, replaced := m.replacing[n.Name]
	beingReplaced := replaced && valid && m.now().Sub(since) <= m.replacementTimeout()
	switch {
	case !valid, n.Static() && !n.HasAddress():
		return false
	case n.Is("INVALID_REG") && !n.Is("POWER_DOWN") && !n.Is("POWERING_DOWN"):
		return false
	case n.Is("DRAIN") && (n.Is("IDLE") || n.Is("DOWN")) && !n.Is("POWER_DOWN") && !n.Is("POWERING_DOWN") && !n.Is("POWERED_DOWN"):
		return beingReplaced
	case isDown(n):
		return beingReplaced
	}
	return true
}

// waitsForCapacity reports whether a node that EC2 refused stays down: clustermgtd lets such a node wait
// for insufficient_capacity_timeout, 600 s, which is ten of its rounds.
func (m *manager) waitsForCapacity(n slurm.Node) bool {
	if !isDown(n) || !strings.Contains(n.Reason, "(Code:Insufficient") {
		delete(m.refused, n.Name)
		return false
	}
	if _, is := m.refused[n.Name]; !is {
		m.refused[n.Name] = m.now()
	}
	if m.now().Sub(m.refused[n.Name]) < 10*m.u.Pace.ManagementInterval {
		return true
	}
	delete(m.refused, n.Name)
	return false
}

// endPoweringDown ends the instances of nodes that Slurm powers down.
func (m *manager) endPoweringDown(ctx context.Context, nodes []slurm.Node, byAddress map[string]instances.Instance) error {
	var errs []error
	for _, n := range nodes {
		if _, replaced := m.replacing[n.Name]; replaced || !n.HasAddress() || !n.Is("POWERING_DOWN") && !n.Is("POWERED_DOWN") || n.Is("DOWN") {
			continue
		}
		m.say("INFO", "_handle_powering_down_nodes", "Resetting powering down nodes: %s", counted([]string{n.Name + "(" + n.Address + ")"}))
		errs = append(errs, slurm.Reset(ctx, []string{n.Name}, "", ""), m.terminate(ctx, n, byAddress))
	}
	return errors.Join(errs...)
}

// endInactive ends what runs in queues that are disabled.
func (m *manager) endInactive(ctx context.Context, nodes []slurm.Node, partitions map[string]string,
	byAddress map[string]instances.Instance) error {
	var errs []error
	for _, n := range nodes {
		if partitions[n.Queue()] == "INACTIVE" && n.HasAddress() {
			errs = append(errs, m.terminate(ctx, n, byAddress), slurm.Reset(ctx, []string{n.Name}, "", ""),
				slurm.SetState(ctx, []string{n.Name}, "power_down_force", "inactive partition"))
		}
	}
	return errors.Join(errs...)
}

func (m *manager) terminate(ctx context.Context, n slurm.Node, byAddress map[string]instances.Instance) error {
	i, ok := byAddress[n.Address]
	if !ok {
		return nil
	}
	m.log.program = "instance_manager"
	defer func() { m.log.program = "clustermgtd" }()
	m.say("INFO", "delete_instances", "Terminating instances %s", counted([]string{i.ID}))
	delete(byAddress, n.Address)
	return m.ec2.Terminate(ctx, i.ID)
}

// replaceDynamic powers unhealthy dynamic nodes down; Slurm starts them again when
// there is work.
func (m *manager) replaceDynamic(ctx context.Context, unhealthy []slurm.Node, byAddress map[string]instances.Instance) error {
	if len(unhealthy) == 0 {
		return nil
	}
	m.say("INFO", "_maintain_nodes", "Found the following unhealthy dynamic nodes: %s", counted(withAddress(unhealthy)))
	m.say("INFO", "_handle_unhealthy_dynamic_nodes", "Setting unhealthy dynamic nodes to down and power_down.")
	var errs []error
	for _, n := range unhealthy {
		errs = append(errs, m.terminate(ctx, n, byAddress), slurm.Reset(ctx, []string{n.Name}, "down", "Scheduler health check failed"),
			slurm.SetState(ctx, []string{n.Name}, "power_down_force", "Scheduler health check failed"))
	}
	return errors.Join(errs...)
}

// replaceStatic starts new instances for unhealthy static nodes.
func (m *manager) replaceStatic(ctx context.Context, unhealthy []slurm.Node, byAddress map[string]instances.Instance) error {
	if len(unhealthy) == 0 {
		return nil
	}
	const reason = "Static node maintenance: unhealthy node is being replaced"
	m.say("INFO", "_maintain_nodes", "Found the following unhealthy static nodes: %s", counted(withAddress(unhealthy)))
	m.say("INFO", "_handle_unhealthy_static_nodes", "Setting unhealthy static nodes to DOWN")
	errs := []error{slurm.Reset(ctx, names(unhealthy), "down", reason)}
	for _, n := range unhealthy {
		errs = append(errs, m.terminate(ctx, n, byAddress))
	}
	m.say("INFO", "_handle_unhealthy_static_nodes", "Launching new instances for unhealthy static nodes")
	launched, failed := launch(ctx, m.ec2, m.log, names(unhealthy))
	for _, n := range launched {
		m.replacing[n] = m.now()
	}
	if all, err := m.ec2.List(ctx); err == nil {
		for _, i := range all {
			byAddress[i.Address] = i // they are no orphans
		}
	}
	for code, nodes := range failed {
		errs = append(
			errs,
			slurm.SetState(ctx, nodes, "down", "(Code:"+code+")Failure when resuming nodes"),
			launchEvent(node.Log+"/clustermgtd.events",
				m.now(), m.u, "clustermgtd", "Number of static nodes that failed to launch a backing instance after node maintenance", code, nodes),
		)
	}
	m.say("INFO", "_handle_unhealthy_static_nodes", "After node maintenance, following nodes are currently in replacement: %s",
		counted(slices.Sorted(maps.Keys(m.replacing))))
	return errors.Join(errs...)
}

// protect counts failed boots, and disables queues with too many and no job.
func (m *manager) protect(ctx context.Context, failed, all []slurm.Node, partitions map[string]string) error {
	working := map[string]map[string]bool{} // compute resources by queue that run jobs
	for _, n := range all {
		if (n.Is("ALLOCATED") || n.Is("MIXED")) && !n.Is("POWERING_UP") && !n.Is("NOT_RESPONDING") {
			if working[n.Queue()] == nil {
				working[n.Queue()] = map[string]bool{}
			}
			working[n.Queue()][n.ComputeResource()] = true
		}
	}
	for queue, resources := range working {
		for r := range resources {
			delete(m.failures[queue], r)
		}
		if len(m.failures[queue]) == 0 {
			delete(m.failures, queue)
		}
	}
	if len(failed) > 0 {
		m.say("WARNING", "_handle_bootstrap_failure_nodes", "Found the following bootstrap failure nodes: %s", counted(withAddress(failed)))
	}
	for _, n := range failed {
		if m.failures[n.Queue()] == nil {
			m.failures[n.Queue()] = map[string]int{}
		}
		m.failures[n.Queue()][n.ComputeResource()]++
	}
	if len(m.failures) == 0 {
		return nil
	}
	m.say(
		"INFO",
		"_handle_protected_mode_process",
		"Partitions bootstrap failure count: %s, cluster will be set into protected mode if protected "+
			"failure count reaches threshold %d",
		pythonDict(m.failures),
		ProtectedCount,
	)
	errs := []error{m.failureEvents(failed)}
	for queue, resources := range m.failures {
		sum := 0
		for _, n := range resources {
			sum += n
		}
		if sum < ProtectedCount || partitions[queue] == "INACTIVE" || len(working[queue]) > 0 {
			continue
		}
		m.say(
			"WARNING",
			"_enter_protected_mode",
			"Setting cluster into protected mode due to failures detected in node provisioning. Please investigate "+
				"the issue and then use 'pcluster update-compute-fleet --status START_REQUESTED' command to re-enable the fleet.",
		)
		errs = append(errs, slurm.SetPartition(ctx, queue, "INACTIVE"), SetStatus(node.FleetStatus, "PROTECTED", m.now()))
	}
	return errors.Join(errs...)
}

func (m *manager) failureEvents(failed []slurm.Node) error {
	if len(failed) == 0 {
		return nil
	}
	list := []map[string]string{}
	for _, n := range failed {
		list = append(list, map[string]string{"name": n.Name})
	}
	return event(
		node.Log+"/clustermgtd.events",
		m.now(),
		m.u,
		"clustermgtd",
		"WARNING",
		"protected-mode-error-count",
		"Number of nodes that failed to bootstrap",
		map[string]any{"failure-type": "instance-bootstrap-failure", "count": len(failed), "nodes": list},
	)
}

func pythonDict(failures map[string]map[string]int) string {
	var queues []string
	for _, q := range slices.Sorted(maps.Keys(failures)) {
		var resources []string
		for _, r := range slices.Sorted(maps.Keys(failures[q])) {
			resources = append(resources, fmt.Sprintf("'%s': %d", r, failures[q][r]))
		}
		queues = append(queues, fmt.Sprintf("'%s': {%s}", q, strings.Join(resources, ", ")))
	}
	return "{" + strings.Join(queues, ", ") + "}"
}

// endOrphans ends instances that no node has.
func (m *manager) endOrphans(ctx context.Context, nodes []slurm.Node, byAddress map[string]instances.Instance) error {
	current, err := slurm.Nodes(ctx) // addresses changed in this round
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, n := range slices.Concat(nodes, current) {
		used[n.Address] = true
	}
	var errs []error
	for address, i := range byAddress {
		if !used[address] && i.Role == "Compute" && m.now().Sub(i.Launched) > 2*time.Minute {
			m.say("INFO", "_terminate_orphaned_instances", "Found orphaned instance: %s", i.ID)
			errs = append(errs, m.ec2.Terminate(ctx, i.ID))
		}
	}
	return errors.Join(errs...)
}
