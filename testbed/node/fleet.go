package node

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parascope/parascope/testbed/config"
)

// writeFleet writes the files of ParallelCluster's own programs on the head node.
func (u UserData) writeFleet(c *config.Cluster) error {
	fleet, lists := map[string]any{}, map[string]string{}
	for _, q := range c.Scheduling.SlurmQueues {
		resources := map[string]any{}
		var nodes []string
		for _, r := range q.ComputeResources {
			capacity := "on-demand"
			if q.CapacityType == "SPOT" {
				capacity = "spot"
			}
			api := "run-instances"
			if len(r.Instances) > 1 {
				api = "create-fleet"
			}
			types := []map[string]string{}
			if r.InstanceType != "" {
				types = append(types, map[string]string{"InstanceType": r.InstanceType})
			}
			for _, i := range r.Instances {
				types = append(types, map[string]string{"InstanceType": i.InstanceType})
			}
			resources[r.Name] = map[string]any{"CapacityType": capacity, "Api": api, "Instances": types}
			for kind, n := range map[string]int{"st": r.Static(), "dy": r.Dynamic()} {
				if n > 0 {
					nodes = append(nodes, fmt.Sprintf("%s-%s-%s-[1-%d]", q.Name, kind, r.Name, n))
				}
			}
		}
		fleet[q.Name], lists[q.Name] = resources, strings.Join(nodes, ",")
	}
	for file, content := range map[string]any{
		slurmPlugin + "/fleet-config.json":                                        fleet,
		"/opt/slurm/etc/pcluster/parallelcluster_partition_nodelist_mapping.json": lists,
	} {
		b, err := json.MarshalIndent(content, "", "    ")
		if err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
		if err := write(file, string(b)+"\n", 0o644); err != nil {
			return err
		}
	}
	clustermgtd := fmt.Sprintf("# The test bed's clustermgtd reads its machine's description; this file is for whoever looks for it.\n"+
		"[clustermgtd]\ncluster_name = %s\nregion = %s\nloop_time = %d\nprotected_failure_count = 10\n", u.Cluster, u.Region,
		int(u.Pace.ManagementInterval.Seconds()))
	return write(slurmPlugin+"/parallelcluster_clustermgtd.conf", clustermgtd, 0o644)
}
