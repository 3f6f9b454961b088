package slurm

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// Node is one as slurmctld has it.
type Node struct {
	Name       string
	Address    string // the name where it has none
	States     []string
	Reason     string
	Partitions []string
}

// Is reports whether the node is in a state.
func (n Node) Is(state string) bool { return slices.Contains(n.States, state) }

// HasAddress reports whether an instance is behind the node, as far as Slurm knows.
func (n Node) HasAddress() bool { return n.Address != n.Name }

// Static reports whether it is always there.
func (n Node) Static() bool { kind, _ := n.split(); return kind == "st" }

// ComputeResource is the node's.
func (n Node) ComputeResource() string { _, r := n.split(); return r }

var nameShape = regexp.MustCompile(`^(.*)-(st|dy)-(.*)-(\d+)$`)

// SplitName is the queue, the kind (st or dy) and the compute resource of a name.
func SplitName(name string) (queue, kind, resource string, err error) {
	m := nameShape.FindStringSubmatch(name)
	if m == nil {
		return "", "", "", fmt.Errorf("%q is not the name of a node of ParallelCluster", name)
	}
	return m[1], m[2], m[3], nil
}

func (n Node) split() (kind, resource string) {
	_, kind, resource, _ = SplitName(n.Name) // another's node has none
	return kind, resource
}

// Queue is the node's.
func (n Node) Queue() string { q, _, _, _ := SplitName(n.Name); return q }

func scontrol(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "/opt/slurm/bin/scontrol", args...)
	out, err := cmd.Output()
	if err != nil {
		text := err.Error()
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			text += ": " + strings.TrimSpace(string(e.Stderr)+string(out))
		}
		return "", fmt.Errorf("scontrol %s: %s", strings.Join(args, " "), text)
	}
	return string(out), nil
}

var field = regexp.MustCompile(`(\w+)=(\S*)`)

// Nodes asks for all nodes.
func Nodes(ctx context.Context) ([]Node, error) {
	out, err := scontrol(ctx, "show", "nodes", "-o")
	if err != nil {
		return nil, err
	}
	return parseNodes(out), nil
}

func parseNodes(out string) []Node {
	var nodes []Node
	for line := range strings.Lines(out) {
		var n Node
		fields, reason, _ := strings.Cut(line, " Reason=")
		for _, f := range field.FindAllStringSubmatch(fields, -1) {
			switch f[1] {
			case "NodeName":
				n.Name = f[2]
			case "NodeAddr":
				n.Address = f[2]
			case "State":
				// A * at a state's end: the node does not answer.
				if strings.Contains(f[2], "*") {
					n.States = append(n.States, "NOT_RESPONDING")
				}
				n.States = append(n.States, strings.Split(strings.ReplaceAll(f[2], "*", ""), "+")...)
			case "Partitions":
				n.Partitions = strings.Split(f[2], ",")
			}
		}
		if n.Name == "" {
			continue
		}
		if n.Address == "" {
			n.Address = n.Name
		}
		n.Reason = strings.TrimSpace(reason)
		nodes = append(nodes, n)
	}
	return nodes
}

// Expand lists the nodes of "queue1-dy-cr1-[1-3]".
func Expand(ctx context.Context, hostlist string) ([]string, error) {
	out, err := scontrol(ctx, "show", "hostnames", hostlist)
	return strings.Fields(out), err
}

// SetAddress tells slurmctld where a node is.
func SetAddress(ctx context.Context, node, address string) error {
	_, err := scontrol(ctx, "update", "nodename="+node, "nodeaddr="+address)
	return err
}

// Reset takes the nodes' addresses away; state and reason may be empty.
func Reset(ctx context.Context, nodes []string, state, reason string) error {
	var errs []error
	for _, n := range nodes {
		args := []string{"update", "nodename=" + n, "nodeaddr=" + n, "nodehostname=" + n}
		if state != "" {
			args = append(args, "state="+state, "reason="+reason)
		}
		_, err := scontrol(ctx, args...)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// SetState changes the nodes' state.
func SetState(ctx context.Context, nodes []string, state, reason string) error {
	if len(nodes) == 0 {
		return nil
	}
	_, err := scontrol(ctx, "update", "nodename="+strings.Join(nodes, ","), "state="+state, "reason="+reason)
	return err
}

// Partitions are their states by name.
func Partitions(ctx context.Context) (map[string]string, error) {
	out, err := scontrol(ctx, "show", "partitions", "-o")
	if err != nil {
		return nil, err
	}
	states := map[string]string{}
	for line := range strings.Lines(out) {
		f := map[string]string{}
		for _, m := range field.FindAllStringSubmatch(line, -1) {
			f[m[1]] = m[2]
		}
		if f["PartitionName"] != "" {
			states[f["PartitionName"]] = f["State"]
		}
	}
	return states, nil
}

// SetPartition makes one UP or INACTIVE.
func SetPartition(ctx context.Context, name, state string) error {
	_, err := scontrol(ctx, "update", "partition="+name, "state="+state)
	return err
}

// Reconfigure makes slurmctld read its files again.
func Reconfigure(ctx context.Context) error {
	_, err := scontrol(ctx, "reconfigure")
	return err
}
