//go:build linux

package bed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"net/netip"

	"github.com/parascope/parascope/testbed/config"
	"github.com/parascope/parascope/testbed/instances"
	"github.com/parascope/parascope/testbed/machine"
	"github.com/parascope/parascope/testbed/node"
	"github.com/parascope/parascope/testbed/slurm"
)

// instance is a machine of a cluster, from its launch on.
type instance struct {
	instances.Instance
	machine *machine.Machine
	disk    string
	role    string // IAM role whose credentials it has; "": none
	keep    bool   // its disk outlives it: it was stopped, not terminated
}

// order is what a machine is launched for.
type order struct {
	role     string // node.HeadNode and the others
	kind     string // as EC2's tags have it: HeadNode, Compute, LoginNode
	settings config.Node
	typ      string
	queue    string
	resource string
	node     string
	pool     string
	iam      string
}

// launch starts a machine. It returns when the machine runs; what it does then is
// its own business.
func (b *Bed) launch(ctx context.Context, c *cluster, o order) (*instance, error) {
	b.mu.Lock()
	for k, r := range b.refusals {
		if r.Queue == o.queue && o.queue != "" && r.Count != 0 {
			b.refusals[k].Count--
			b.mu.Unlock()
			return nil, &instances.Failure{
				Code:    r.Code,
				Message: "We currently do not have sufficient " + o.typ + " capacity (asked of the test bed).",
			}
		}
	}
	b.mu.Unlock()
	i := &instance{
		Instance: instances.Instance{Type: o.typ, State: "pending", Role: o.kind, Node: o.node, Queue: o.queue, Resource: o.resource,
			Pool: o.pool, Launched: b.opts.Now()},
		role: o.iam,
	}
	if err := b.allocate(ctx, c, o, i); err != nil {
		return nil, err
	}
	i.disk = filepath.Join(b.disks, i.ID)
	if err := b.power(ctx, c, o, i); err != nil {
		return nil, errors.Join(err, b.forget(context.WithoutCancel(ctx), c, i))
	}
	return i, nil
}

// allocate gives an instance its id and address: EC2's of the local cloud, where
// there is one.
func (b *Bed) allocate(ctx context.Context, c *cluster, o order, i *instance) error {
	b.mu.Lock()
	b.started++
	n := b.started
	b.mu.Unlock()
	if b.opts.Cloud == nil {
		b.mu.Lock()
		b.last = b.last.Next()
		i.ID, i.Address = fmt.Sprintf("i-%017x", n), b.last.String()
		b.mu.Unlock()
	} else {
		var err error
		if i.ID, i.Address, err = b.opts.Cloud.runInstance(ctx, c, o); err != nil {
			return err
		}
	}
	i.Hostname = o.node
	if i.Hostname == "" {
		i.Hostname = "ip-" + strings.ReplaceAll(i.Address, ".", "-")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c.instances[i.ID] = i
	return nil
}

// power switches an instance's machine on.
func (b *Bed) power(ctx context.Context, c *cluster, o order, i *instance) error {
	data, err := json.Marshal(b.userData(c, o, i))
	if err != nil {
		return fmt.Errorf("describe machine %s: %w", i.ID, err)
	}
	address, err := netip.ParseAddr(i.Address)
	if err != nil {
		return fmt.Errorf("address of machine %s: %w", i.ID, err)
	}
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root",
		"AWS_REGION=" + b.opts.Region, "AWS_DEFAULT_REGION=" + b.opts.Region}
	if b.opts.Cloud != nil {
		env = append(env, "AWS_ENDPOINT_URL="+b.opts.Cloud.URL)
	}
	if err := os.MkdirAll(b.logs(), 0o755); err != nil {
		return fmt.Errorf("keep the machines' consoles: %w", err)
	}
	console, err := os.OpenFile(b.console(i), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("keep the machines' consoles: %w", err)
	}
	defer console.Close()
	binds := []machine.Bind{
		{From: c.shared("slurm"), To: "/opt/slurm"},
		{From: c.shared("shared"), To: node.Shared},
		{From: c.shared("home"), To: "/home"},
	}
	switch o.role {
	case node.HeadNode:
		binds = append(binds, machine.Bind{From: c.socket(), To: instances.Socket})
	case node.LoginNode:
		binds = append(binds, machine.Bind{From: c.shared("shared"), To: node.LoginShared})
	}
	m, err := machine.Start(ctx, machine.Spec{
		ID: i.ID, Hostname: i.Hostname, Address: netip.PrefixFrom(address, network.Bits()), Disk: i.disk, Binds: binds,
		GPUs: slurm.TypeOf(o.typ).GPUs, Env: env, Boot: []string{machine.Program, "boot"}, UserData: data,
	}, b.network, console)
	if err != nil {
		return err
	}
	if err := b.wire(m, i); err != nil {
		m.Kill()
		return err
	}
	b.mu.Lock()
	i.machine, i.State = m, "running"
	b.mu.Unlock()
	b.opts.Logger.Info("machine started", "id", i.ID, "node", i.Hostname, "address", i.Address, "role", i.Role)
	b.busy.Go(func() { b.afterwards(c, i, m) })
	if b.ctx.Err() != nil {
		m.Kill() // the bed ended meanwhile
	}
	return nil
}

func (b *Bed) userData(c *cluster, o order, i *instance) node.UserData {
	head := slurm.Head{Hostname: i.Hostname, Address: i.Address}
	if o.role != node.HeadNode {
		head = c.head
	}
	kind := "dynamic"
	if _, k, _, err := slurm.SplitName(o.node); err == nil && k == "st" {
		kind = "static"
	}
	return node.UserData{
		Cluster: c.name, Region: b.opts.Region, Zone: b.opts.Region + "a", Version: b.opts.Version, Role: o.role, InstanceID: i.ID,
		InstanceType: o.typ, Address: i.Address, Head: head, Queue: o.queue, Resource: o.resource, Node: o.node, NodeType: kind, Pool: o.pool,
		Actions: o.settings.CustomActions, Pace: b.opts.Pace,
	}
}

func (b *Bed) logs() string { return filepath.Join(b.opts.Dir, "logs") }

func (b *Bed) console(i *instance) string {
	return filepath.Join(b.logs(), i.Hostname+"."+i.ID+".console")
}

// afterwards waits for a machine's end, however it came, and cleans up after it.
func (b *Bed) afterwards(c *cluster, i *instance, m *machine.Machine) {
	<-m.Done
	ctx := context.WithoutCancel(b.ctx)
	b.mu.Lock()
	i.machine = nil
	keep := i.keep || i.Role == "HeadNode" && i.State == "running" // a head node that shuts itself down is stopped
	if keep {
		i.State = "stopped"
	}
	b.mu.Unlock()
	b.opts.Logger.Info("machine ended", "id", i.ID, "node", i.Hostname, "stopped", keep)
	b.saveLogs(ctx, i)
	if keep && b.ctx.Err() == nil {
		return
	}
	if err := b.forget(ctx, c, i); err != nil {
		b.opts.Logger.Error("clean up after a machine", "id", i.ID, "err", err)
	}
}

// saveLogs keeps what a machine wrote to its logs where people find it.
func (b *Bed) saveLogs(ctx context.Context, i *instance) {
	from := machine.Spec{Disk: i.disk}.Path("/var/log")
	if _, err := os.Stat(from); err != nil {
		return // it wrote none
	}
	to := filepath.Join(b.logs(), i.Hostname+"."+i.ID)
	if out, err := exec.CommandContext(ctx, "cp", "-rT", from, to).CombinedOutput(); err != nil {
		b.opts.Logger.Error("keep a machine's logs", "id", i.ID, "err", err, "output", string(out))
	}
}

// forget removes a machine that has ended.
func (b *Bed) forget(ctx context.Context, c *cluster, i *instance) error {
	b.mu.Lock()
	delete(c.instances, i.ID)
	i.State = "terminated"
	b.mu.Unlock()
	err := os.RemoveAll(i.disk)
	if b.opts.Cloud != nil {
		err = errors.Join(err, b.opts.Cloud.terminate(ctx, i.ID))
	}
	return err
}

// patience is how long a machine may take to shut down.
const patience = 10 * time.Second

// end shuts machines down in order and waits until they are gone; keep stops them
// only, so that they can be started again with their disks.
func (b *Bed) end(ctx context.Context, keep bool, all ...*instance) {
	for _, i := range all {
		b.mu.Lock()
		m := i.machine
		i.keep = keep
		if i.State = "shutting-down"; keep {
			i.State = "stopping"
		}
		b.mu.Unlock()
		if m != nil {
			_ = syscall.Kill(m.PID, syscall.SIGTERM) // it may have ended
			time.AfterFunc(patience, func() { _ = syscall.Kill(m.PID, syscall.SIGKILL) })
		}
	}
	for _, i := range all {
		b.mu.Lock()
		m := i.machine
		b.mu.Unlock()
		if m == nil {
			continue
		}
		select {
		case <-m.Done:
		case <-ctx.Done():
			m.Kill()
		}
	}
}

// of are a cluster's instances that pass, by their ids' order.
func (b *Bed) of(c *cluster, pass func(*instance) bool) []*instance {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []*instance
	for _, i := range c.instances {
		if pass(i) {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(x, y *instance) int { return strings.Compare(x.ID, y.ID) })
	return all
}

// exec runs a command in a machine and returns its output.
func (b *Bed) exec(ctx context.Context, i *instance, argv ...string) (string, error) {
	b.mu.Lock()
	m := i.machine
	b.mu.Unlock()
	if m == nil {
		return "", fmt.Errorf("machine %s (%s) does not run", i.ID, i.Hostname)
	}
	cmd := exec.CommandContext(ctx, "nsenter", append(EnterArgs(m.PID), argv...)...)
	cmd.Env = m.Spec.Env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s on %s: %w: %s", strings.Join(argv, " "), i.Hostname, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// EnterArgs are nsenter's arguments for the machine of a process.
func EnterArgs(pid int) []string {
	return []string{"--target", fmt.Sprint(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", "--"}
}
