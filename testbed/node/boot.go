package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/testbed/config"
	"github.com/parascope/parascope/testbed/machine"
	"github.com/parascope/parascope/testbed/slurm"
)

// NoteFailure says that a machine cannot come up, to whoever waits for it.
func NoteFailure(err error) error { return errors.Join(err, write(BootFinished, err.Error(), 0o644)) }

// Boot brings a node up and notes how it went. A compute node that cannot come up
// shuts itself down; its replacement is clustermgtd's business.
func Boot(ctx context.Context, u UserData, now func() time.Time) error {
	err := u.boot(ctx)
	if err == nil {
		return write(BootFinished, "ok", 0o644)
	}
	fmt.Fprintf(os.Stderr, "boot failed: %v\n", err)
	if failed, ok := errors.AsType[*actionError](err); ok {
		err = errors.Join(err, u.writeFailure(now(), failed))
	}
	err = NoteFailure(err)
	if u.Role == ComputeFleet {
		err = errors.Join(err, exec.CommandContext(ctx, "/sbin/shutdown", "-h", "now").Run())
	}
	return err
}

// boot is the order of ParallelCluster: init, OnNodeStart, config, OnNodeConfigured,
// finalize, which starts slurmd.
func (u UserData) boot(ctx context.Context) error {
	if err := errors.Join(u.writeFiles(), linkStandIns(), linkSlurm()); err != nil {
		return err
	}
	if err := u.runActions(ctx, "OnNodeStart", u.Actions.OnNodeStart); err != nil {
		return err
	}
	parts := map[string][2]func(context.Context) error{
		HeadNode: {u.configureHead, u.finalizeHead}, ComputeFleet: {u.configureCompute, u.finalizeCompute},
		LoginNode: {u.configureLogin, nothing},
	}[u.Role]
	if parts[0] == nil {
		return fmt.Errorf("%q is not a role of a node", u.Role)
	}
	if err := parts[0](ctx); err != nil {
		return err
	}
	if err := u.runActions(ctx, "OnNodeConfigured", u.Actions.OnNodeConfigured); err != nil {
		return err
	}
	if err := parts[1](ctx); err != nil {
		return err
	}
	return write(bootstrapped, u.Version+"\n", 0o644)
}

func nothing(context.Context) error { return nil }

// linkStandIns puts the test bed's program in the place of those that it stands for.
func linkStandIns() error {
	for _, name := range []string{"/usr/bin/systemctl", "/usr/bin/journalctl", "/usr/sbin/shutdown", "/usr/sbin/poweroff",
		"/opt/parallelcluster/scripts/slurm/slurm_resume", "/opt/parallelcluster/scripts/slurm/slurm_suspend", "/usr/local/bin/clustermgtd"} {
		if err := link(machine.Program, name); err != nil {
			return err
		}
	}
	// Debian's AWS CLI of 2.9 does not know AWS_ENDPOINT_URL.
	return write(
		"/usr/local/bin/aws",
		"#!/bin/sh\nexec /usr/bin/aws ${AWS_ENDPOINT_URL:+--endpoint-url \"$AWS_ENDPOINT_URL\"} \"$@\"\n",
		0o755,
	)
}

// link makes a link in the place of whatever is there.
func link(target, name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("link %s: %w", name, err)
	}
	if err := os.Symlink(target, name); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("link %s: %w", name, err)
	}
	return nil
}

// linkSlurm makes Debian's Slurm look like ParallelCluster's: programs below
// /opt/slurm, which nodes share, and the configuration there for all of them.
func linkSlurm() error {
	for dir, names := range map[string][]string{
		"bin": {"sinfo", "squeue", "scontrol", "sbatch", "srun", "salloc", "scancel", "sacct", "sacctmgr", "sdiag", "sprio", "sshare", "sstat",
			"sreport"},
		"sbin": {"slurmctld", "slurmd", "slurmstepd", "slurmdbd"},
	} {
		for _, name := range names {
			from := filepath.Join("/usr", dir, name)
			if _, err := os.Stat(from); err != nil {
				continue // not all of them are needed
			}
			if _, err := os.Lstat(filepath.Join("/opt/slurm", dir, name)); err == nil {
				continue // another node did it
			}
			if err := link(from, filepath.Join("/opt/slurm", dir, name)); err != nil {
				return err
			}
		}
	}
	if err := os.RemoveAll("/etc/slurm"); err != nil {
		return fmt.Errorf("link Slurm's configuration: %w", err)
	}
	return link(slurm.Etc, "/etc/slurm")
}

// service writes a unit and starts it.
func service(ctx context.Context, name, text string) error {
	if err := write("/etc/systemd/system/"+name+".service", text, 0o644); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "/usr/bin/systemctl", "enable", "--now", name).CombinedOutput(); err != nil {
		return fmt.Errorf("start %s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func unit(description, settings string) string {
	return "[Unit]\nDescription=" + description + "\n\n[Service]\n" + settings + "\n[Install]\nWantedBy=multi-user.target\n"
}

// startMunge starts munged with the cluster's key.
func startMunge(ctx context.Context) error {
	key, err := os.ReadFile(mungeKey)
	if err != nil {
		return fmt.Errorf("read the cluster's munge key: %w", err)
	}
	if err := write("/etc/munge/munge.key", string(key), 0o400); err != nil {
		return err
	}
	if err := own("munge", "/etc/munge/munge.key"); err != nil {
		return err
	}
	if err := service(ctx, "munge", unit("MUNGE authentication service",
		"User=munge\nRuntimeDirectory=munge\nExecStart=/usr/sbin/munged --foreground --force\nRestart=on-failure\n")); err != nil {
		return err
	}
	return await(ctx, "munge's socket", func() error { _, err := os.Stat("/run/munge/munge.socket.2"); return err })
}

// own gives files to a user.
func own(name string, files ...string) error {
	who, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("find user %s: %w", name, err)
	}
	uid, uidErr := strconv.Atoi(who.Uid)
	gid, gidErr := strconv.Atoi(who.Gid)
	errs := []error{uidErr, gidErr}
	for _, f := range files {
		errs = append(errs, os.Chown(f, uid, gid))
	}
	return errors.Join(errs...)
}

// await waits up to a minute for something.
func await(ctx context.Context, what string, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (%w)", what, err, ctx.Err())
		}
	}
}

func (u UserData) configureHead(ctx context.Context) error {
	if _, err := os.Stat(mungeKey); errors.Is(err, os.ErrNotExist) {
		if err := write(mungeKey, rand.Text()+rand.Text()+rand.Text(), 0o400); err != nil {
			return err
		}
	}
	if err := u.WriteSlurm(); err != nil {
		return err
	}
	if err := startMunge(ctx); err != nil {
		return err
	}
	for _, dir := range []string{"/var/spool/slurm.state", Log} {
		if err := errors.Join(os.MkdirAll(dir, 0o755), own("slurm", dir)); err != nil {
			return fmt.Errorf("prepare slurmctld: %w", err)
		}
	}
	for _, file := range []string{"/var/log/slurmctld.log", Log + "/slurm_resume.log", Log + "/slurm_suspend.log", Log + "/clustermgtd",
		Log + "/clustermgtd.events", Log + "/slurm_resume.events"} {
		if _, err := os.Stat(file); err == nil {
			continue // after a restart
		}
		if err := errors.Join(write(file, "", 0o644), own("slurm", file)); err != nil {
			return err
		}
	}
	if err := u.startAccounting(ctx); err != nil {
		return err
	}
	if err := service(ctx, "slurmctld", unit("Slurm controller daemon", "User=slurm\nRuntimeDirectory=slurmctld\n"+
		"ExecStart=/opt/slurm/sbin/slurmctld -D\n"+
		"ExecReload=/bin/kill -HUP $MAINPID\nRestart=on-failure\nRestartSec=1\n")); err != nil {
		return err
	}
	return await(ctx, "slurmctld", func() error {
		out, err := exec.CommandContext(ctx, "/opt/slurm/bin/scontrol", "ping").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// nameNodes lets the head node resolve the names of nodes that have no instance, as it does on AWS
// at once, to nothing. slurmctld tries names that are unknown again and again, for seconds each, and answers
// nobody meanwhile; nothing listens at this address.
func (u UserData) nameNodes(c *config.Cluster) error {
	text := "127.0.0.1 localhost\n" + u.Head.Address + " " + u.Head.Hostname + "\n"
	for _, q := range c.Scheduling.SlurmQueues {
		for _, r := range q.ComputeResources {
			for _, name := range slurm.NodeNames(q.Name, r) {
				text += "127.255.255.254 " + name + "\n"
			}
		}
	}
	return write("/etc/hosts", text, 0o644)
}

// WriteSlurm writes Slurm's configuration from the cluster's, on the head node.
func (u UserData) WriteSlurm() error {
	b, err := os.ReadFile(filepath.Join(Shared, ConfigFile))
	if err != nil {
		return fmt.Errorf("read the cluster's configuration: %w", err)
	}
	c, err := config.Parse(b)
	if err != nil {
		return err
	}
	if err := slurm.Write(slurm.Etc, u.Cluster, c, u.Head, u.Pace); err != nil {
		return err
	}
	if err := u.nameNodes(c); err != nil {
		return err
	}
	return u.writeFleet(c)
}

func (u UserData) finalizeHead(ctx context.Context) error {
	if err := errors.Join(os.MkdirAll(filepath.Dir(Heartbeat), 0o755), own("slurm", filepath.Dir(Heartbeat))); err != nil {
		return fmt.Errorf("prepare clustermgtd: %w", err)
	}
	// ParallelCluster's is a program of supervisord's.
	if err := service(ctx, "clustermgtd", unit("ParallelCluster's cluster manager (the test bed's)",
		"ExecStart=/usr/local/bin/clustermgtd\nRestart=always\nRestartSec=1\n")); err != nil {
		return err
	}
	return await(ctx, "clustermgtd's heartbeat", func() error { _, err := os.Stat(Heartbeat); return err })
}

func (u UserData) configureCompute(ctx context.Context) error {
	if err := u.writeNodeSpec(); err != nil {
		return err
	}
	return startMunge(ctx)
}

func (u UserData) finalizeCompute(ctx context.Context) error {
	if err := os.MkdirAll("/var/spool/slurmd", 0o755); err != nil {
		return fmt.Errorf("prepare slurmd: %w", err)
	}
	// -b: slurmctld waits for a node that booted after it was asked for, and the kernel
	// here booted long before.
	if err := service(ctx, "slurmd", unit("Slurm node daemon",
		"ExecStart=/opt/slurm/sbin/slurmd -D -b -N "+u.Node+"\nKillMode=process\nRestart=on-failure\n")); err != nil || u.NodeType != "static" {
		return err
	}
	return u.resume(ctx)
}

// resume makes slurmctld use a static node again, which clustermgtd set down for its
// replacement. ParallelCluster's nodes do it themselves.
func (u UserData) resume(ctx context.Context) error {
	return await(ctx, "slurmctld to take the node", func() error {
		nodes, err := slurm.Nodes(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(nodes, func(n slurm.Node) bool { return n.Name == u.Node })
		if i < 0 {
			return errors.New("slurmctld does not know it")
		}
		n := nodes[i]
		if n.Is("IDLE") && !n.Is("NOT_RESPONDING") && !n.Is("POWERED_DOWN") {
			return nil
		}
		if !n.Is("NOT_RESPONDING") { // it has registered
			err = slurm.SetState(ctx, []string{u.Node}, "resume", "Node start up")
		}
		return errors.Join(fmt.Errorf("it is %s", strings.Join(n.States, "+")), err)
	})
}

func (u UserData) configureLogin(ctx context.Context) error { return startMunge(ctx) }

// Update makes a node take its cluster's new configuration, and runs the scripts of
// OnNodeUpdated.
func Update(ctx context.Context, u UserData, scripts config.Scripts, now func() time.Time) error {
	if u.Role == HeadNode {
		if err := u.WriteSlurm(); err != nil {
			return err
		}
		// Nodes come and go with the configuration, which a reload does not take.
		if out, err := exec.CommandContext(ctx, "/usr/bin/systemctl", "restart", "slurmctld").CombinedOutput(); err != nil {
			return fmt.Errorf("restart slurmctld: %w: %s", err, out)
		}
		if err := await(ctx, "slurmctld", func() error { return exec.CommandContext(ctx, "/opt/slurm/bin/scontrol", "ping").Run() }); err != nil {
			return err
		}
	}
	err := u.runActions(ctx, "OnNodeUpdated", scripts)
	if failed, ok := errors.AsType[*actionError](err); ok {
		return errors.Join(err, u.writeFailure(now(), failed))
	}
	return err
}
