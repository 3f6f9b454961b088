package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Change is one difference between two configurations, and whether an update may
// make it now.
type Change struct {
	Parameter string // Scheduling.SlurmQueues[queue1].CustomActions
	Old, New  any    // nil: none
	Policy    string // ParallelCluster's name of the rule
	Refused   string // why not, and what to do; "" when it may
}

// Running is what of a cluster runs while it is updated.
type Running struct {
	Fleet bool            // the compute fleet is not stopped
	Login map[string]bool // login pools that have nodes
}

// The rules, by ParallelCluster's names.
const (
	supported     = "SUPPORTED"
	ignored       = "IGNORED" // of a section: look at what is in it
	unsupported   = "UNSUPPORTED"
	queueStrategy = "QUEUE_UPDATE_STRATEGY"
	fleetStop     = "COMPUTE_FLEET_STOP"
	stopOnRemove  = "COMPUTE_FLEET_STOP_ON_REMOVE"
	resize        = "RESIZE_UPDATE_STRATEGY_ON_REMOVE"
	poolStop      = "LOGIN_NODES_POOL_STOP"
	pools         = "LOGIN_NODES_POOLS_UPDATE_POLICY"
)

// policies are those of parameters and sections, by their path without the names in
// brackets. What has none takes its section's; what is nowhere is unsupported.
var policies = map[string]string{
	"HeadNode":                                                    unsupported,
	"HeadNode.Ssh":                                                supported,
	"HeadNode.LocalStorage":                                       supported,
	"HeadNode.CustomActions":                                      ignored,
	"HeadNode.CustomActions.OnNodeStart":                          unsupported,
	"HeadNode.CustomActions.OnNodeConfigured":                     unsupported,
	"HeadNode.CustomActions.OnNodeUpdated":                        supported,
	"HeadNode.Iam":                                                supported,
	"HeadNode.Iam.InstanceProfile":                                unsupported,
	"LoginNodes":                                                  supported,
	"LoginNodes.Pools":                                            pools,
	"LoginNodes.Pools.*":                                          poolStop,
	"LoginNodes.Pools.Count":                                      supported,
	"LoginNodes.Pools.GracetimePeriod":                            supported,
	"LoginNodes.Pools.Dcv":                                        unsupported,
	"LoginNodes.Pools.CustomActions":                              ignored,
	"LoginNodes.Pools.CustomActions.OnNodeStart":                  unsupported,
	"LoginNodes.Pools.CustomActions.OnNodeConfigured":             unsupported,
	"LoginNodes.Pools.CustomActions.OnNodeUpdated":                supported,
	"Scheduling.SlurmSettings":                                    ignored,
	"Scheduling.SlurmSettings.*":                                  fleetStop,
	"Scheduling.SlurmSettings.QueueUpdateStrategy":                ignored,
	"Scheduling.SlurmSettings.CustomSlurmSettings":                fleetStop,
	"Scheduling.SlurmQueues":                                      stopOnRemove,
	"Scheduling.SlurmQueues.*":                                    queueStrategy,
	"Scheduling.SlurmQueues.Iam":                                  supported,
	"Scheduling.SlurmQueues.Iam.InstanceProfile":                  fleetStop,
	"Scheduling.SlurmQueues.HealthChecks":                         supported,
	"Scheduling.SlurmQueues.CustomSlurmSettings":                  supported,
	"Scheduling.SlurmQueues.JobExclusiveAllocation":               supported,
	"Scheduling.SlurmQueues.ComputeResources":                     resize,
	"Scheduling.SlurmQueues.ComputeResources.*":                   queueStrategy,
	"Scheduling.SlurmQueues.ComputeResources.MaxCount":            resize,
	"Scheduling.SlurmQueues.ComputeResources.MinCount":            resize,
	"Scheduling.SlurmQueues.ComputeResources.InstanceType":        fleetStop,
	"Scheduling.SlurmQueues.ComputeResources.Instances":           stopOnRemove,
	"Scheduling.SlurmQueues.ComputeResources.HealthChecks":        supported,
	"Scheduling.SlurmQueues.ComputeResources.CustomSlurmSettings": supported,
	"DevSettings":                                                 supported,
	"DevSettings.Timeouts.HeadNodeBootstrapTimeout":               unsupported,
	"Monitoring": supported,
	"Tags":       unsupported,
}

// Compare lists what an update from one configuration to the other changes.
func Compare(from, to *Cluster, running Running) []Change {
	c := comparison{to: to, running: running}
	c.section("", "", from.raw, to.raw)
	for i := range c.changes {
		c.changes[i].Refused = c.refusal(c.changes[i])
	}
	return c.changes
}

type comparison struct {
	to      *Cluster
	running Running
	changes []Change
}

// policyOf is the rule of a parameter: its own, or the nearest section's.
func policyOf(path string) string {
	for own := true; path != ""; own = false {
		policy, ok := policies[path]
		if each, has := policies[path+".*"]; has && !own {
			policy, ok = each, true
		}
		if ok && (own || policy != ignored && policy != pools) {
			return policy
		}
		path = path[:max(0, strings.LastIndex(path, "."))]
	}
	return unsupported
}

// section compares two of them; at is for people, with names of list items, path
// without.
func (c *comparison) section(at, path string, from, to map[string]any) {
	for _, key := range keys(from, to) {
		a, b := from[key], to[key]
		at, path := join(at, key), join(path, key)
		if reflect.DeepEqual(a, b) {
			continue
		}
		aSection, aIs := a.(map[string]any)
		bSection, bIs := b.(map[string]any)
		aList, aMany := items(a)
		bList, bMany := items(b)
		switch {
		// A script is one parameter here: ParallelCluster 3.12 overlooks a change from one
		// Sequence to another, and refuses or applies it with the rest. See README.
		case strings.HasPrefix(key, "OnNode"):
			c.note(at, path, a, b)
		case aIs && bIs, (aIs || bIs) && (policies[path] == ignored || path == "Scheduling" || path == "LoginNodes"):
			c.section(at, path, aSection, bSection)
		case (aMany || bMany) && (aMany || a == nil) && (bMany || b == nil):
			c.list(at, path, aList, bList)
		default:
			c.note(at, path, a, b)
		}
	}
}

// list compares items with the same name.
func (c *comparison) list(at, path string, from, to map[string]map[string]any) {
	for _, name := range keys(from, to) {
		a, b := from[name], to[name]
		switch {
		case a == nil:
			c.note(at, path, nil, b)
		case b == nil:
			c.note(at, path, a, nil)
		default:
			c.section(at+"["+name+"]", path, a, b)
		}
	}
}

// note adds a change; a nil map is none.
func (c *comparison) note(at, path string, from, to any) {
	if m, ok := from.(map[string]any); ok && m == nil {
		from = nil
	}
	if m, ok := to.(map[string]any); ok && m == nil {
		to = nil
	}
	c.changes = append(c.changes, Change{Parameter: at, Old: from, New: to, Policy: policyOf(path)})
}

const stopFleet = "Stop the compute fleet with the pcluster update-compute-fleet command"

// refusal says why a change cannot be made now, in ParallelCluster's words.
func (c *comparison) refusal(change Change) string {
	strategy := c.to.Scheduling.SlurmSettings.QueueUpdateStrategy
	added := change.Old == nil && change.New != nil
	key := change.Parameter[strings.LastIndex(change.Parameter, ".")+1:]
	switch change.Policy {
	case queueStrategy:
		if c.running.Fleet && strategy != "DRAIN" && strategy != "TERMINATE" {
			return "All compute nodes must be stopped or QueueUpdateStrategy must be set. " + stopFleet +
				", or set QueueUpdateStrategy in the configuration used for the 'update-cluster' operation"
		}
	case fleetStop:
		if c.running.Fleet {
			return "All compute nodes must be stopped. " + stopFleet
		}
	case stopOnRemove:
		if c.running.Fleet && !added {
			return "All compute nodes must be stopped. " + stopFleet
		}
	case resize:
		grows := key == "MaxCount" && number(change.New, 10) >= number(change.Old, 10)
		if c.running.Fleet && strategy != "TERMINATE" && !added && !grows {
			return "All compute nodes must be stopped or QueueUpdateStrategy must be set to TERMINATE. Stop the compute fleet or set " +
				"QueueUpdateStrategy:TERMINATE in config to remove nodes from the scheduler, terminate the associated instances & any running jobs"
		}
	case poolStop:
		_, rest, _ := strings.Cut(change.Parameter, "Pools[")
		if pool, _, _ := strings.Cut(rest, "]"); c.running.Login[pool] {
			return "The update is not supported when login nodes in " + pool + " are running. Stop the login nodes by setting Count parameter " +
				"to 0 and update the cluster with the pcluster update-cluster command"
		}
	case pools:
		if len(c.running.Login) > 0 && !added {
			return "The update is not supported when login nodes are running. Stop the login nodes by setting Count parameter to 0 and update " +
				"the cluster with the pcluster update-cluster command"
		}
	case unsupported:
		what := "Remove the parameter '" + key + "'"
		if change.Old != nil {
			what = fmt.Sprintf("Restore '%s' value to '%v'", key, change.Old)
		}
		return "Update actions are not currently supported for the '" + key + "' parameter. " + what +
			". If you need this change, please consider creating a new cluster instead of updating the existing one."
	}
	return ""
}

// listKeys name the items of lists that have no Name.
var listKeys = []string{"Name", "Policy", "BucketName", "Key", "InstanceType", "MountDir"}

// items are a list's, by their names; ok is false for anything but a list of sections.
func items(v any) (named map[string]map[string]any, ok bool) {
	list, isList := v.([]any)
	if !isList {
		return nil, false
	}
	named = map[string]map[string]any{}
	for _, item := range list {
		section, isSection := item.(map[string]any)
		if !isSection {
			return nil, false
		}
		i := slices.IndexFunc(listKeys, func(k string) bool { return section[k] != nil })
		if i < 0 {
			return nil, false
		}
		named[fmt.Sprint(section[listKeys[i]])] = section
	}
	return named, true
}

func number(v any, other int) int {
	if n, ok := v.(int); ok {
		return n
	}
	return other
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keys are those of both, sorted.
func keys[T any](a, b map[string]T) []string {
	var all []string
	for _, m := range []map[string]T{a, b} {
		for k := range m {
			all = append(all, k)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
