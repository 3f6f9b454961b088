package cluster

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/words"
)

// Group is a number of nodes of one kind and instance type, as a configuration has them.
type Group struct {
	Kind         Kind   // Head, Login or Queue
	Name         string // of the queue and its compute resource, or of the pool
	InstanceType string // the first one where a compute resource has several
	Min, Max     int    // nodes
	EFA          bool
}

// Census is what a configuration says of its cluster's nodes.
type Census struct {
	Region string // "" where the configuration has none
	Groups []Group
	Queues int
	// LustreMounts are the file systems of FSx for Lustre.
	LustreMounts int
}

// Defaults of ParallelCluster (cluster_schema.py), and the most nodes that a group may have here.
const (
	defaultMaxCount = 10
	mostNodes       = 100_000
)

// IsInstanceType reports whether a text looks like an instance type.
func IsInstanceType(text string) bool { return len(text) <= 40 && typePattern.MatchString(text) }

// CountNodes reads which nodes a configuration asks for. Its errors name the line and have exit
// code BadInput.
func CountNodes(name string, text []byte) (Census, error) {
	d, err := parse(name, text)
	if err != nil {
		return Census{}, err
	}
	places, err := d.places(name)
	if err != nil {
		return Census{}, err
	}
	var c Census
	if region := get(d.cluster, "Region"); region != nil && region.Kind == yaml.ScalarNode {
		c.Region = words.Printable(region.Value)
	}
	for _, p := range places {
		switch p.kind {
		case Queue:
			c.Queues++
			err = c.addQueue(name, p)
		case Login:
			err = c.add(name, p.path, p.node, Group{Kind: Login, Name: p.name, Max: 1}, "Count", "Count")
		default:
			err = c.add(name, p.path, p.node, Group{Kind: Head, Name: "head node", Min: 1, Max: 1}, "", "")
		}
		if err != nil {
			return Census{}, err
		}
	}
	if storage := get(d.cluster, "SharedStorage"); storage != nil && storage.Kind == yaml.SequenceNode {
		for _, s := range storage.Content {
			if kind := get(s, "StorageType"); kind != nil && kind.Value == "FsxLustre" {
				c.LustreMounts++
			}
		}
	}
	return c, nil
}

// addQueue adds the compute resources of a queue.
func (c *Census) addQueue(name string, p place) error {
	resources := get(p.node, "ComputeResources")
	if resources == nil || resources.Kind != yaml.SequenceNode {
		return wrong(name, p.node.Line, fmt.Sprintf("%s has no list ComputeResources", p.path), "write it as a list")
	}
	for i, r := range resources.Content {
		r = follow(r)
		g := Group{Kind: Queue, Name: fmt.Sprintf("%s/%d", p.name, i+1), Max: defaultMaxCount}
		if n := get(r, "Name"); n != nil && n.Kind == yaml.ScalarNode {
			g.Name = p.name + "/" + words.Printable(n.Value)
		}
		if efa := get(get(r, "Efa"), "Enabled"); efa != nil && efa.Tag == "!!bool" {
			g.EFA = efa.Value == "true" || efa.Value == "True" || efa.Value == "TRUE"
		}
		if err := c.add(name, p.path, r, g, "MinCount", "MaxCount"); err != nil {
			return err
		}
	}
	return nil
}

// add adds a group whose instance type and numbers stand in a node.
func (c *Census) add(name, path string, n *yaml.Node, g Group, low, high string) error {
	kind := get(n, "InstanceType")
	if several := get(n, "Instances"); kind == nil && several != nil && several.Kind == yaml.SequenceNode && len(several.Content) > 0 {
		kind = get(several.Content[0], "InstanceType")
	}
	if kind == nil || kind.Kind != yaml.ScalarNode || !IsInstanceType(kind.Value) {
		return wrong(name, n.Line, path+" has no instance type that can be read", "write InstanceType: TYPE; functions of CloudFormation are not resolved")
	}
	g.InstanceType = kind.Value
	for _, of := range []struct {
		key string
		to  *int
	}{{low, &g.Min}, {high, &g.Max}} {
		v := get(n, of.key)
		if of.key == "" || v == nil {
			continue
		}
		count, err := strconv.Atoi(v.Value)
		if err != nil || count < 0 || count > mostNodes {
			return wrong(name, v.Line, fmt.Sprintf("has %s %.20q, which is no number of nodes", of.key, words.Printable(v.Value)),
				fmt.Sprintf("write a number from 0 to %d", mostNodes))
		}
		*of.to = count
	}
	g.Max = max(g.Max, g.Min)
	c.Groups = append(c.Groups, g)
	return nil
}
