package cluster

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/newcluster"
	"github.com/parascope/parascope/internal/cluster/words"
)

// instanceType is one that a configuration names.
type instanceType struct {
	path, name string
	line       int
}

// instanceTypes are those of head node, login pools and queues.
func (d *configuration) instanceTypes(all []place) (types []instanceType) {
	add := func(path string, n *yaml.Node) {
		if n != nil && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
			types = append(types, instanceType{path, n.Value, n.Line})
		}
	}
	for _, at := range all {
		add(at.path, document.Get(at.node, "InstanceType"))
		resources := document.Get(at.node, "ComputeResources")
		if resources == nil || resources.Kind != yaml.SequenceNode {
			continue
		}
		for _, r := range resources.Content {
			add(at.path, document.Get(r, "InstanceType"))
			if instances := document.Get(r, "Instances"); instances != nil && instances.Kind == yaml.SequenceNode {
				for _, i := range instances.Content {
					add(at.path, document.Get(i, "InstanceType"))
				}
			}
		}
	}
	return types
}

// CheckTypes asks EC2 whether the region has the configuration's instance types.
func (p Plan) CheckTypes(ctx context.Context, cfg aws.Config) (notes []string, err error) {
	var names []string
	for _, t := range p.types {
		names = append(names, t.name)
	}
	known, err := newcluster.Types(ctx, cfg, names)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return []string{fmt.Sprintf("not checked: whether %s has the instance types: %s", cfg.Region, awserr.Brief(err))}, nil
	}
	for _, t := range p.types {
		if _, ok := known[t.name]; !ok {
			notes = append(notes, fmt.Sprintf("line %d: %s: %s has no instance type %s, and ParallelCluster refuses it", t.line, t.path, cfg.Region,
				words.Printable(t.name)))
		}
	}
	return notes, nil
}
