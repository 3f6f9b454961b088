// Package node is what a machine of a cluster does when it comes up, as cloud-init
// and ParallelCluster's cookbook do: write the node's files, run the configuration's
// scripts, start Slurm.
package node

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/parascope/parascope/testbed/config"
	"github.com/parascope/parascope/testbed/machine"
	"github.com/parascope/parascope/testbed/slurm"
)

// The roles of nodes, as ParallelCluster's files have them.
const (
	HeadNode     = "HeadNode"
	ComputeFleet = "ComputeFleet"
	LoginNode    = "LoginNode"
)

// UserData is what a machine is told about itself.
type UserData struct {
	Cluster      string
	Region, Zone string
	Version      string // ParallelCluster's
	Role         string
	InstanceID   string
	InstanceType string
	Address      string
	Head         slurm.Head
	Queue        string // compute nodes
	Resource     string
	Node         string
	NodeType     string // static, dynamic
	Pool         string // login nodes
	Actions      config.Actions
	Pace         slurm.Pace
}

// Places on nodes.
const (
	Shared        = "/opt/parallelcluster/shared"
	LoginShared   = "/opt/parallelcluster/shared_login_nodes"
	ConfigFile    = "cluster-config.yaml"
	FleetStatus   = Shared + "/computefleet-status.json"
	Log           = "/var/log/parallelcluster"
	Heartbeat     = slurm.Etc + "/pcluster/.slurm_plugin/clustermgtd_heartbeat"
	mungeKey      = Shared + "/.munge/.munge.key"
	bootstrapped  = "/opt/parallelcluster/.bootstrapped"
	BootFinished  = "/var/lib/cloud/boot-finished" // holds "ok", or why the boot failed
	slurmPlugin   = "/etc/parallelcluster/slurm_plugin"
	bootstrapFail = Log + "/bootstrap_error_msg"
)

// ReadUserData reads this machine's.
func ReadUserData() (UserData, error) {
	var u UserData
	b, err := os.ReadFile(machine.UserDataFile)
	if err == nil {
		err = json.Unmarshal(b, &u)
	}
	if err != nil {
		return u, fmt.Errorf("read what this machine is told about itself: %w", err)
	}
	return u, nil
}

// write writes a file and the directories to it.
func write(file, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// writeFiles writes what ParallelCluster's files say about the node.
func (u UserData) writeFiles() error {
	cfn := "stack_name=" + u.Cluster + "\n"
	for _, action := range []string{"preinstall", "postinstall", "postupdate"} {
		cfn += "cfn_" + action + `="/opt/parallelcluster/scripts/fetch_and_run --execute-via-cfnconfig -` + action +
			"\"\ncfn_" + action + "_args=()\n"
	}
	cfn += "cfn_region=" + u.Region + "\ncfn_scheduler=slurm\ncfn_scheduler_slots=vcpus\ncfn_instance_slots=1\ncfn_ephemeral_dir=/scratch\n" +
		"cfn_proxy=NONE\ncfn_node_type=" + u.Role + "\ncfn_cluster_user=root\n"
	dna := map[string]any{
		"base_os": "debian12", "cluster_name": u.Cluster, "stack_name": u.Cluster, "region": u.Region, "node_type": u.Role,
		"scheduler": "slurm", "log_group_name": "/aws/parallelcluster/" + u.Cluster, "cw_logging_enabled": "false", "cluster_user": "root",
		"enable_efa": "NONE", "proxy": "NONE",
	}
	switch u.Role {
	case HeadNode:
		cfn += "cfn_volume=\n"
		dna["head_node_imds_secured"] = "true"
	case ComputeFleet:
		cfn += "cfn_head_node=" + u.Head.Hostname + "\ncfn_head_node_private_ip=" + u.Head.Address + "\n" +
			"cfn_scheduler_queue_name=" + u.Queue + "\n"
		dna["scheduler_queue_name"], dna["scheduler_compute_resource_name"] = u.Queue, u.Resource
	case LoginNode:
		cfn += "cfn_head_node=" + u.Head.Hostname + "\ncfn_head_node_private_ip=" + u.Head.Address + "\n"
		dna["pool_name"] = u.Pool
	}
	b, err := json.MarshalIndent(map[string]any{"cluster": dna}, "", "  ")
	if err != nil {
		return fmt.Errorf("write dna.json: %w", err)
	}
	if err := write("/etc/parallelcluster/cfnconfig", cfn, 0o644); err != nil {
		return err
	}
	if err := write("/etc/chef/dna.json", string(b)+"\n", 0o644); err != nil {
		return err
	}
	if err := os.MkdirAll(Log, 0o755); err != nil {
		return fmt.Errorf("make the log directory: %w", err)
	}
	return nil
}

// compute is the part about a compute node in slurm_node_spec.json and in events.
func (u UserData) compute() map[string]string {
	return map[string]string{
		"queue-name": u.Queue, "compute-resource": u.Resource, "name": u.Node, "node-type": u.NodeType, "instance-id": u.InstanceID,
		"instance-type": u.InstanceType, "availability-zone": u.Zone, "address": u.Address, "hostname": u.Node,
	}
}

// writeNodeSpec writes what a compute node knows of itself.
func (u UserData) writeNodeSpec() error {
	b, err := json.MarshalIndent(map[string]any{"region": u.Region, "cluster_name": u.Cluster, "scheduler": "slurm", "node_role": u.Role,
		"instance_id": u.InstanceID, "compute": u.compute()}, "", "  ")
	if err != nil {
		return fmt.Errorf("write the node's description: %w", err)
	}
	if err := write(slurmPlugin+"/slurm_nodename", u.Node, 0o644); err != nil {
		return err
	}
	return write(slurmPlugin+"/slurm_node_spec.json", string(b)+"\n", 0o644)
}
