package cluster

// UpdatePolicy is what ParallelCluster asks before it takes a change of a cluster that
// exists, by ParallelCluster's own names (cli/src/pcluster/config/update_policy.py).
type UpdatePolicy string

const (
	Supported     UpdatePolicy = "SUPPORTED"
	Ignored       UpdatePolicy = "IGNORED"
	QueueStrategy UpdatePolicy = "QUEUE_UPDATE_STRATEGY" // fleet stopped, or QueueUpdateStrategy set
	PoolStop      UpdatePolicy = "LOGIN_NODES_POOL_STOP" // the pool has no nodes
	Pools         UpdatePolicy = "LOGIN_NODES_POOLS"     // a pool that is added needs nothing
	Unsupported   UpdatePolicy = "UNSUPPORTED"
)

// policyOfHook is the update policy of CustomActions (cluster_schema.py, version 3.12).
func policyOfHook(kind Kind, hook string) UpdatePolicy {
	switch {
	case kind == Queue:
		return QueueStrategy
	case hook == OnNodeUpdated:
		return Supported
	}
	return Unsupported
}

// policyOfPolicies is the update policy of AdditionalIamPolicies.
func policyOfPolicies(kind Kind) UpdatePolicy {
	if kind == Login {
		return PoolStop
	}
	return Supported
}
