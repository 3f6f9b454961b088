package slurmstat

import (
	"strings"

	"github.com/parascope/parascope/internal/slurm"
)

// States of a node as metrics have them. A node is in exactly one.
const (
	NodeIdle          = "idle"
	NodeAllocated     = "alloc"
	NodeMixed         = "mix"
	NodeCompleting    = "comp"
	NodePlanned       = "planned"
	NodeReserved      = "resv"
	NodeMaintenance   = "maint"
	NodeDrained       = "drain" // with or without jobs that still run
	NodeDown          = "down"
	NodeFailed        = "fail"
	NodeNotResponding = "noresp"
	NodePoweredDown   = "powered_down"
	NodePoweringUp    = "powering_up"
	NodePoweringDown  = "powering_down"
	NodeOther         = "other" // a state that this program does not know, and is counted as such
)

// NodeStates are all states, in the order of the page.
var NodeStates = []string{
	NodeIdle, NodeAllocated, NodeMixed, NodeCompleting, NodePlanned, NodeReserved, NodeMaintenance, NodeDrained, NodeDown,
	NodeFailed, NodeNotResponding, NodePoweredDown, NodePoweringUp, NodePoweringDown, NodeOther,
}

// ClassifyNode is the one state of a node. What an operator has to act on goes before
// what the node does: a drained node is drained although it is powered down, and a
// node that is powering up is not missing although it does not respond yet.
func ClassifyNode(n *slurm.Node) string {
	switch {
	case n.State == "fail" || n.Has("fail"):
		return NodeFailed
	case n.Has("drain") || n.Has("drained") || n.Has("draining") || n.State == "drain" || n.State == "drained" || n.State == "draining":
		return NodeDrained
	case n.Has("powering_up"):
		return NodePoweringUp
	case n.Has("powering_down"): // power_down is the request: the node still runs its jobs
		return NodePoweringDown
	case n.State == "down" || n.State == "error":
		return NodeDown // also with powered_down: ParallelCluster sets nodes down that it could not launch
	case n.Has("powered_down"):
		return NodePoweredDown
	case n.Has("not_responding"):
		return NodeNotResponding
	case n.Has("maintenance") || n.Has("maint"):
		return NodeMaintenance
	case n.Has("completing"):
		return NodeCompleting
	case n.State == "allocated":
		return NodeAllocated
	case n.State == "mixed":
		return NodeMixed
	case n.Has("reserved"):
		return NodeReserved
	case n.Has("planned"):
		return NodePlanned
	case n.State == "idle":
		return NodeIdle
	}
	return NodeOther
}

// runs reports whether a node in the state takes or runs jobs: its free CPUs are idle.
func runs(state string) bool {
	switch state {
	case NodeIdle, NodeAllocated, NodeMixed, NodeCompleting, NodePlanned, NodeReserved:
		return true
	}
	return false
}

// Reasons of a pending job as metrics have them.
const (
	ReasonPriority   = "priority"
	ReasonResources  = "resources"
	ReasonCapacity   = "capacity" // AWS has no instances: nodes of a partition of the job say so
	ReasonLicenses   = "licenses"
	ReasonDependency = "dependency"
	ReasonLimits     = "limits" // of an account, a user, a QOS, a partition or an array
	ReasonHeld       = "held"
	ReasonTime       = "begin_time"
	ReasonOther      = "other"
)

// PendingReasons are all classes, in the order of the page.
var PendingReasons = []string{
	ReasonPriority, ReasonResources, ReasonCapacity, ReasonLicenses, ReasonDependency, ReasonLimits, ReasonHeld, ReasonTime, ReasonOther,
}

// ClassifyReason is the class of a pending job's reason. Of the jobs that wait for
// resources, those wait for capacity whose partition has a node without an instance for
// want of capacity (see LacksCapacity). Slurm lets a job wait for two minutes whose node did not come up, with
// reason BeginTime: where capacity lacks, a job that was put back waits for it as well.
func ClassifyReason(reason string, requeued, noCapacity bool) string {
	word, _, _ := strings.Cut(reason, ",") // "ReqNodeNotAvail, May be reserved for other job"
	switch word {
	case "Priority":
		return ReasonPriority
	case "Resources", "ReqNodeNotAvail", "NodeDown", "Nodes required for job are DOWN", "Reservation", "PartitionDown", "":
		if noCapacity {
			return ReasonCapacity
		}
		return ReasonResources
	case "Licenses":
		return ReasonLicenses
	case "Dependency", "DependencyNeverSatisfied":
		return ReasonDependency
	case "JobHeldUser", "JobHeldAdmin", "job requeued in held state", "launch failed requeued held":
		return ReasonHeld
	case "BeginTime":
		if requeued && noCapacity {
			return ReasonCapacity
		}
		return ReasonTime
	case "JobArrayTaskLimit":
		return ReasonLimits
	}
	for _, part := range []string{"Assoc", "QOS", "Limit", "MaxJobs", "PartitionNode", "PartitionTime"} {
		if strings.Contains(word, part) {
			return ReasonLimits
		}
	}
	return ReasonOther
}

// LacksCapacity reports whether ParallelCluster could not launch an instance for the node:
// it sets such a node down with the error code of EC2 in the reason.
func LacksCapacity(n *slurm.Node) bool {
	for _, code := range []string{
		"InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientReservedInstanceCapacity", "InsufficientCapacity",
		"MaxSpotInstanceCountExceeded", "SpotMaxPriceTooLow", "Unsupported", "UnfulfillableCapacity",
	} {
		if strings.Contains(n.Reason, "(Code:"+code+")") {
			return true
		}
	}
	return false
}
