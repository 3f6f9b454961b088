// Package census reads from a ParallelCluster's configuration which nodes it asks for.
package census

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/hint"
)

// Kind is a kind of node.
type Kind string

// The kinds.
const (
	Head    Kind = "head"
	Login   Kind = "login"
	Compute Kind = "compute"
)

// Group is a number of nodes of one kind and instance type.
type Group struct {
	Kind         Kind
	Name         string // queue and compute resource, or pool
	InstanceType string // the first one where a compute resource has several
	Min, Max     int    // nodes
	EFA          bool
}

// Census is what a configuration says of its cluster's nodes.
type Census struct {
	Region       string // "" where the configuration has none
	Groups       []Group
	Queues       int
	LustreMounts int // file systems of FSx for Lustre
}

// Limits of a configuration, and ParallelCluster's default (cluster_schema.py).
const (
	maxBytes        = 1 << 20
	maxNodes        = 100_000
	maxGroups       = 1000
	defaultMaxCount = 10
)

// config is the part of a configuration that is read; Resources are a CloudFormation
// template's.
type config struct {
	Region     yaml.Node `yaml:"Region"`
	HeadNode   *resource `yaml:"HeadNode"`
	LoginNodes struct {
		Pools []resource `yaml:"Pools"`
	} `yaml:"LoginNodes"`
	Scheduling struct {
		Queues []struct {
			Name      string     `yaml:"Name"`
			Resources []resource `yaml:"ComputeResources"`
		} `yaml:"SlurmQueues"`
	} `yaml:"Scheduling"`
	SharedStorage []struct {
		Type string `yaml:"StorageType"`
	} `yaml:"SharedStorage"`
	Resources map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			Configuration yaml.Node `yaml:"ClusterConfiguration"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
}

// resource is what has an instance type and a number.
type resource struct {
	Name         string    `yaml:"Name"`
	InstanceType yaml.Node `yaml:"InstanceType"`
	Instances    []struct {
		InstanceType yaml.Node `yaml:"InstanceType"`
	} `yaml:"Instances"`
	Count    yaml.Node `yaml:"Count"`
	MinCount yaml.Node `yaml:"MinCount"`
	MaxCount yaml.Node `yaml:"MaxCount"`
	EFA      struct {
		Enabled bool `yaml:"Enabled"`
	} `yaml:"Efa"`
}

var typePattern = regexp.MustCompile(`^[a-z0-9-]+\.[a-z0-9-]+$`)

// IsInstanceType reports whether a text looks like an instance type.
func IsInstanceType(text string) bool { return len(text) <= 40 && typePattern.MatchString(text) }

// Read counts the nodes of a configuration, or of the one cluster in a CloudFormation template.
// name is the file's, for errors, which have exit code BadInput.
func Read(name string, from io.Reader) (Census, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxBytes+1))
	if err != nil {
		return Census{}, wrong(name, "cannot be read: "+err.Error())
	}
	if len(text) > maxBytes {
		return Census{}, wrong(name, fmt.Sprintf("has more than %d bytes", maxBytes))
	}
	var c config
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Census{}, wrong(name, "cannot be read: "+printable(strings.TrimPrefix(err.Error(), "yaml: ")))
	}
	for _, r := range c.Resources {
		if r.Type == "Custom::PclusterCluster" && c.HeadNode == nil {
			if err := r.Properties.Configuration.Decode(&c); err != nil {
				return Census{}, wrong(name, "cannot be read: "+printable(err.Error()))
			}
		}
	}
	if c.HeadNode == nil || len(c.Scheduling.Queues) == 0 {
		return Census{}, wrong(name, "has no HeadNode or no SlurmQueues: it is not the configuration of a ParallelCluster with Slurm")
	}
	return c.census(name)
}

// census counts.
func (c *config) census(name string) (Census, error) {
	n := Census{Queues: len(c.Scheduling.Queues)}
	if c.Region.Kind == yaml.ScalarNode {
		n.Region = printable(c.Region.Value)
	}
	err := n.add(name, Group{Kind: Head, Name: "head node", Min: 1, Max: 1}, *c.HeadNode)
	for _, p := range c.LoginNodes.Pools {
		p.MinCount, p.MaxCount = p.Count, p.Count
		err = errors.Join(err, n.add(name, Group{Kind: Login, Name: printable(p.Name), Min: 1, Max: 1}, p))
	}
	for _, q := range c.Scheduling.Queues {
		for _, r := range q.Resources {
			g := Group{Kind: Compute, Name: printable(q.Name + "/" + r.Name), Max: defaultMaxCount, EFA: r.EFA.Enabled}
			err = errors.Join(err, n.add(name, g, r))
		}
	}
	for _, s := range c.SharedStorage {
		if s.Type == "FsxLustre" {
			n.LustreMounts++
		}
	}
	if err == nil && len(n.Groups) > maxGroups {
		err = wrong(name, fmt.Sprintf("has more than %d groups of nodes", maxGroups))
	}
	return n, err
}

// add adds a group with what its resource says.
func (n *Census) add(name string, g Group, r resource) error {
	kind := r.InstanceType
	if kind.Kind == 0 && len(r.Instances) > 0 {
		kind = r.Instances[0].InstanceType
	}
	if kind.Kind != yaml.ScalarNode || !IsInstanceType(kind.Value) {
		return wrong(name, fmt.Sprintf("line %d: %s has no readable instance type; CloudFormation functions are not resolved",
			kind.Line, g.Name))
	}
	g.InstanceType = kind.Value
	for _, of := range []struct {
		key  string
		node yaml.Node
		to   *int
	}{{"MinCount", r.MinCount, &g.Min}, {"MaxCount", r.MaxCount, &g.Max}} {
		if of.node.Kind == 0 {
			continue
		}
		count, err := strconv.Atoi(of.node.Value)
		if err != nil || count < 0 || count > maxNodes {
			return wrong(name, fmt.Sprintf("line %d: %s of %s is not a number from 0 to %d", of.node.Line, of.key, g.Name, maxNodes))
		}
		*of.to = count
	}
	g.Max = max(g.Max, g.Min)
	n.Groups = append(n.Groups, g)
	return nil
}

func wrong(name, what string) error {
	return hint.New(hint.BadInput, errors.New(name+" "+what),
		"give --config the FILE that pcluster create-cluster takes, or --nodes TYPE=NUMBER")
}

// printable is a text for people, without what a terminal would obey.
func printable(text string) string {
	if len(text) > 200 {
		text = text[:200]
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// ParseNodes reads TYPE=NUMBER, compute nodes that all run.
func ParseNodes(text string) (Group, error) {
	kind, number, _ := strings.Cut(text, "=")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > maxNodes || !IsInstanceType(kind) {
		return Group{}, hint.New(hint.Usage, fmt.Errorf("--nodes %.60q is not TYPE=NUMBER", printable(text)),
			fmt.Sprintf("give an instance type and a number from 0 to %d, such as p5.48xlarge=64", maxNodes))
	}
	return Group{Kind: Compute, Name: kind, InstanceType: kind, Min: n, Max: n}, nil
}
