package cluster

import (
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/limits"
)

// configuration is a document with a cluster's configuration in it.
type configuration struct {
	*document.Document
	cluster *yaml.Node // the mapping with HeadNode and Scheduling
	name    string     // of the cluster, where a template says it
}

// parse reads a configuration, or a CloudFormation template with one cluster in it.
// Its errors name the line and have exit code BadInput.
func parse(name string, b []byte) (*configuration, error) {
	read, err := document.Parse(name, b)
	if err != nil {
		return nil, err
	}
	d := &configuration{Document: read}
	if _, err := newValue(d.Root); err != nil {
		return nil, document.Wrong(name, 0, err.Error(), "write the values in full instead of aliases")
	}
	if err := d.findCluster(name); err != nil {
		return nil, err
	}
	if d.Tab > 0 && (d.cluster == d.Root || !json.Valid(b)) {
		return nil, document.WrongTab(name, d.Tab)
	}
	return d, nil
}

// findCluster finds the cluster's configuration, and in a template the resource that
// has it.
func (d *configuration) findCluster(name string) error {
	d.cluster = d.Root
	if resources := document.Get(d.Root, "Resources"); resources != nil && resources.Kind == yaml.MappingNode {
		d.cluster = nil
		for i := 1; i < len(resources.Content); i += 2 {
			r := resources.Content[i]
			if kind := document.Get(r, "Type"); kind == nil || kind.Value != "Custom::PclusterCluster" {
				continue
			}
			if d.cluster != nil {
				return document.Wrong(name, r.Line, "is a second cluster in one template", "give a template with one cluster")
			}
			if n := document.Get(r, "Properties", "ClusterName"); n != nil && n.Tag == "!!str" {
				d.name = n.Value
			}
			if d.cluster = document.Get(r, "Properties", "ClusterConfiguration"); d.cluster == nil {
				return document.Wrong(name, r.Line, "has no Properties/ClusterConfiguration", "correct the template")
			}
		}
		if d.cluster == nil {
			return document.Wrong(name, 0, "is a CloudFormation template without a Custom::PclusterCluster",
				"give the cluster's configuration or template")
		}
	}
	if d.cluster != d.Root && limits.IsFunction(d.cluster) {
		return document.Wrong(name, d.cluster.Line, "has a function of CloudFormation as ClusterConfiguration, which cannot be patched",
			"write the configuration as keys below ClusterConfiguration, with functions as the values that need them")
	}
	if d.cluster.Kind != yaml.MappingNode || document.Get(d.cluster, "Scheduling") == nil || document.Get(d.cluster, "HeadNode") == nil {
		return document.Wrong(name, 0, "has no HeadNode or no Scheduling section: it is not a ParallelCluster configuration",
			"give the file that pcluster create-cluster takes")
	}
	scheduling := document.Get(d.cluster, "Scheduling")
	if scheduler := document.Get(scheduling, "Scheduler"); scheduler == nil || scheduler.Value != "slurm" {
		has := "none"
		if scheduler != nil {
			has = fmt.Sprintf("%q", scheduler.Value)
		}
		return document.Wrong(name, scheduling.Line, "has the scheduler "+has+"; clusters with the scheduler slurm can be attached",
			"use slurm")
	}
	return nil
}
