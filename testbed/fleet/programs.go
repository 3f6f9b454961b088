package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/parascope/parascope/testbed/instances"
	"github.com/parascope/parascope/testbed/node"
	"github.com/parascope/parascope/testbed/slurm"
)

// heartbeatFormat is that of clustermgtd's file.
const heartbeatFormat = "2006-01-02 15:04:05.000000-0700"

// maxHeartbeatAge is how old it may be before nothing is started any more.
const maxHeartbeatAge = 5 * time.Minute

// alive says whether clustermgtd writes its heartbeat.
func alive(now time.Time) error {
	b, err := os.ReadFile(node.Heartbeat)
	if err != nil {
		return fmt.Errorf("read clustermgtd's heartbeat: %w", err)
	}
	at, err := time.Parse(heartbeatFormat, string(b))
	if err != nil {
		return fmt.Errorf("read clustermgtd's heartbeat: %w", err)
	}
	if age := now.Sub(at); age > maxHeartbeatAge {
		return fmt.Errorf("clustermgtd's last heartbeat was %s ago", age.Round(time.Second))
	}
	return nil
}

// Resume is Slurm's ResumeProgram: it starts an instance for each node of the list
// and tells slurmctld where it is. Nodes that get none go down.
func Resume(ctx context.Context, u node.UserData, hostlist string, now func() time.Time) error {
	l := log{file: node.Log + "/slurm_resume.log", pid: os.Getpid(), program: "resume", now: now}
	names, err := slurm.Expand(ctx, hostlist)
	if err != nil {
		return errors.Join(err, l.line("ERROR", "main", "Encountered exception when requesting instances for %s: %v", hostlist, err))
	}
	say := l.line("INFO", "main", "ResumeProgram startup.")
	if err := alive(now()); err != nil {
		return errors.Join(say, l.line("ERROR", "_resume", "No valid clustermgtd heartbeat detected, clustermgtd is down!\nPlease check "+
			"clustermgtd log for error.\nNot launching nodes %s", hostlist), slurm.SetState(ctx, names, "down", "Failure when resuming nodes"))
	}
	say = errors.Join(say, l.line("INFO", "_resume", "Launching EC2 instances for the following Slurm nodes: %s", hostlist))
	launched, failed := launch(ctx, instances.NewClient(instances.Socket), l, names)
	if len(launched) > 0 {
		say = errors.Join(say, l.line("INFO", "_resume", "Successfully launched nodes %s", counted(launched)))
	}
	for code, nodes := range failed {
		say = errors.Join(
			say,
			l.line("ERROR", "_resume", "Failed to launch following nodes, setting nodes to DOWN: %s", counted(nodes)),
			slurm.SetState(ctx, nodes, "down", "(Code:"+code+")Failure when resuming nodes"),
			launchEvent(
				node.Log+"/slurm_resume.events",
				now(),
				u,
				"slurm-resume",
				"Number of dynamic nodes that failed to launch a backing instance",
				code,
				nodes,
			),
		)
	}
	return errors.Join(say, l.line("INFO", "main", "ResumeProgram finished."))
}

// launch starts instances for nodes and gives slurmctld their addresses.
func launch(ctx context.Context, ec2 *instances.Client, l log, names []string) (launched []string, failed map[string][]string) {
	failed = map[string][]string{}
	l.program = "instance_manager"
	for _, n := range names {
		i, err := ec2.Run(ctx, n)
		if err == nil {
			err = slurm.SetAddress(ctx, n, i.Address)
		}
		if err != nil {
			code := "Exception"
			if f, ok := errors.AsType[*instances.Failure](err); ok {
				code = f.Code
			}
			failed[code] = append(failed[code], n)
			// A log that cannot be written shows in the next line that can.
			_ = l.line("ERROR", "_launch_instances", "Encountered exception when launching instances for nodes %s: %v", counted([]string{n}), err)
			continue
		}
		launched = append(launched, n)
		_ = l.line(
			"INFO",
			"_update_slurm_node_addrs",
			"Nodes are now configured with instances (x1) [\"('%s', EC2Instance(id='%s', private_ip='%s', hostname='%s'))\"]",
			n,
			i.ID,
			i.Address,
			i.Hostname,
		)
	}
	return launched, failed
}

// failureTypes are ParallelCluster's groups of EC2's codes.
var failureTypes = map[string]string{
	"InsufficientInstanceCapacity": "ice-failures", "InsufficientHostCapacity": "ice-failures",
	"InsufficientReservedInstanceCapacity": "ice-failures",
	"VcpuLimitExceeded":                    "vcpu-limit-failures", "VolumeLimitExceeded": "volume-limit-failures",
	"UnauthorizedOperation": "iam-policy-errors",
	"AccessDeniedException": "iam-policy-errors",
}

func launchEvent(file string, now time.Time, u node.UserData, component, message, code string, nodes []string) error {
	kind := failureTypes[code]
	if kind == "" {
		kind = "other-failures"
	}
	list := make([]map[string]string, len(nodes))
	for i, n := range nodes {
		list[i] = map[string]string{"name": n}
	}
	return event(file, now, u, component, "WARNING", "node-launch-failure-count", message, map[string]any{
		"failure-type": kind, "count": len(nodes), "error-details": map[string]any{code: map[string]any{"count": len(nodes), "nodes": list}},
	})
}

// Suspend is Slurm's SuspendProgram. It ends nothing: clustermgtd does, when it sees
// the nodes power down.
func Suspend(_ context.Context, hostlist string, now func() time.Time) error {
	l := log{file: node.Log + "/slurm_suspend.log", program: "suspend", now: now}
	say := errors.Join(l.line("INFO", "main", "SuspendProgram startup."),
		l.line("INFO", "main", "Suspending following nodes. Clustermgtd will cleanup orphaned instances: %s", hostlist))
	if err := alive(now()); err != nil {
		return errors.Join(
			say,
			l.line("ERROR", "main", "No valid clustermgtd heartbeat detected, clustermgtd is down! Please check clustermgtd log for error.\n"+
				"Nodes will be reset to POWER_SAVE state after SuspendTimeout. The backing EC2 instances may not be correctly terminated.\n"+
				"Please check and terminate any orphaned instances in EC2!"),
		)
	}
	return errors.Join(say, l.line("INFO", "main", "SuspendProgram finished. Nodes will be available after SuspendTimeout"))
}

// Status reads the compute fleet's: RUNNING, STOPPED, PROTECTED and the states between.
func Status() (string, error) {
	b, err := os.ReadFile(node.FleetStatus)
	if err != nil {
		return "", fmt.Errorf("read the fleet's status: %w", err)
	}
	var s struct{ Status string }
	if err := json.Unmarshal(b, &s); err != nil {
		return "", fmt.Errorf("read the fleet's status: %w", err)
	}
	return s.Status, nil
}

// SetStatus writes it to a file, which is node.FleetStatus on the head node.
func SetStatus(file, status string, now time.Time) error {
	text := fmt.Sprintf("{\n  \"status\": %q,\n  \"lastStatusUpdatedTime\": %q\n}\n", status, now.UTC().Format("2006-01-02T15:04:05.000Z"))
	// In one step: clustermgtd reads it at any time.
	if err := os.WriteFile(file+".new", []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the fleet's status: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("write the fleet's status: %w", err)
	}
	return nil
}
