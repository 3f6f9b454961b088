// Package config reads ParallelCluster's cluster configuration, as far as the test
// bed acts on it, and knows what an update of a cluster may change. Facts are from
// aws-parallelcluster's sources (451cc53, 3.12); it shares no code with the product.
package config

//lint:file-ignore ST1005 these are the messages of ParallelCluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Cluster is a configuration.
type Cluster struct {
	Region string
	Image  struct{ Os string }

	HeadNode   Node
	LoginNodes struct{ Pools []Pool }
	Scheduling struct {
		Scheduler     string
		SlurmSettings SlurmSettings
		SlurmQueues   []Queue
	}
	DevSettings struct {
		Timeouts struct {
			HeadNodeBootstrapTimeout    int
			ComputeNodeBootstrapTimeout int
		}
	}

	raw map[string]any // the whole of it, for comparing
}

// Node is what head nodes, login nodes and compute nodes have.
type Node struct {
	InstanceType  string
	Networking    Networking
	CustomActions Actions
	Iam           Iam
}

// Networking says where nodes are. The head has one subnet, the others a list.
type Networking struct {
	SubnetId  string
	SubnetIds []string
}

// Subnet is the first one.
func (n Networking) Subnet() string {
	if n.SubnetId == "" && len(n.SubnetIds) > 0 {
		return n.SubnetIds[0]
	}
	return n.SubnetId
}

// Iam is what the nodes' role may do.
type Iam struct {
	InstanceRole          string
	InstanceProfile       string
	AdditionalIamPolicies []struct{ Policy string }
	S3Access              []struct {
		BucketName        string
		KeyName           string
		EnableWriteAccess bool
	}
}

// Pool is one of login nodes.
type Pool struct {
	Name  string
	Count int
	Node
}

// SlurmSettings are those of the scheduler.
type SlurmSettings struct {
	ScaledownIdletime   *int // minutes
	QueueUpdateStrategy string
	CustomSlurmSettings []map[string]any
	Database            *Database // of Slurm's accounting
}

// Database is where slurmdbd keeps its records. The bed's own has no use for more than its name.
type Database struct{ DatabaseName string }

// Queue is a Slurm partition.
type Queue struct {
	Name             string
	CapacityType     string
	ComputeResources []ComputeResource
	Node
}

// ComputeResource is a kind of node of a queue.
type ComputeResource struct {
	Name         string
	InstanceType string
	Instances    []struct{ InstanceType string }
	MinCount     *int
	MaxCount     *int
	Efa          struct{ Enabled bool }
}

// Type is the first of its instance types.
func (c ComputeResource) Type() string {
	if c.InstanceType == "" && len(c.Instances) > 0 {
		return c.Instances[0].InstanceType
	}
	return c.InstanceType
}

// Static is how many nodes are always there, Dynamic how many come and go.
func (c ComputeResource) Static() int { return valueOr(c.MinCount, 0) }
func (c ComputeResource) Dynamic() int {
	return max(0, valueOr(c.MaxCount, max(10, c.Static()))-c.Static())
}

func valueOr(p *int, other int) int {
	if p == nil {
		return other
	}
	return *p
}

// Actions are the scripts that nodes run.
type Actions struct {
	OnNodeStart      Scripts
	OnNodeConfigured Scripts
	OnNodeUpdated    Scripts
}

// Scripts run one after the other.
type Scripts []Script

// Script is where one is, and its arguments.
type Script struct {
	Script string
	Args   []string
}

// UnmarshalJSON takes a Script of its own, or a Sequence; and a plain list, which is
// how Scripts are written.
func (s *Scripts) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("[")) {
		return json.Unmarshal(b, (*[]Script)(s))
	}
	var both struct {
		Script   string
		Args     []string
		Sequence []Script
	}
	if err := json.Unmarshal(b, &both); err != nil || string(b) == "null" {
		return err
	}
	switch {
	case both.Script != "" && both.Sequence != nil:
		return errors.New("Both Script and Sequence fields are provided. Only one is allowed.")
	case both.Script != "":
		*s = Scripts{{both.Script, both.Args}}
	case both.Sequence != nil:
		*s = both.Sequence
	default:
		return errors.New("Either Script or Sequence field must be provided.")
	}
	return nil
}

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Parse reads a configuration and says what ParallelCluster would refuse in it, as
// far as the test bed knows.
func Parse(b []byte) (*Cluster, error) {
	c := &Cluster{}
	if err := yaml.Unmarshal(b, &c.raw); err != nil {
		return nil, fmt.Errorf("the configuration is no valid YAML: %w", err)
	}
	plain, err := json.Marshal(c.raw) // JSON's decoder takes field names as they are
	if err == nil {
		err = json.Unmarshal(plain, c)
	}
	if err != nil {
		return nil, fmt.Errorf("the configuration is not valid: %w", err)
	}
	var wrong []error
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if c.Scheduling.Scheduler != "slurm" {
		say("Scheduling/Scheduler is %q: the test bed has slurm only", c.Scheduling.Scheduler)
	}
	if c.HeadNode.InstanceType == "" {
		say("HeadNode/InstanceType: Missing data for required field.")
	}
	if len(c.Scheduling.SlurmQueues) == 0 {
		say("Scheduling/SlurmQueues: Missing data for required field.")
	}
	var queues []string
	for _, q := range c.Scheduling.SlurmQueues {
		if !nameShape.MatchString(q.Name) || slices.Contains(queues, q.Name) || q.Name == "default" {
			say("Scheduling/SlurmQueues/Name %q: unique names of small letters, digits and hyphens", q.Name)
		}
		queues = append(queues, q.Name)
		for _, r := range q.ComputeResources {
			if !nameShape.MatchString(r.Name) || r.Type() == "" {
				say("queue %s, compute resource %q: Name and InstanceType, or Instances, are needed", q.Name, r.Name)
			}
			if r.Static() > r.Static()+r.Dynamic() || valueOr(r.MaxCount, 10) < r.Static() {
				say("queue %s, compute resource %s: Max count must be greater than or equal to min count.", q.Name, r.Name)
			}
		}
		if len(q.CustomActions.OnNodeUpdated) > 0 {
			say("queue %s: CustomActions/OnNodeUpdated: Unknown field.", q.Name)
		}
		wrong = append(wrong, q.Node.check("queue "+q.Name))
	}
	for _, p := range c.LoginNodes.Pools {
		if len(p.Iam.S3Access) > 0 {
			say("login pool %s: Iam/S3Access: Unknown field.", p.Name)
		}
		wrong = append(wrong, p.Node.check("login pool "+p.Name))
	}
	wrong = append(wrong, c.HeadNode.check("HeadNode"))
	return c, errors.Join(wrong...)
}

// check says what is wrong with one node's settings.
func (n Node) check(where string) error {
	var wrong []error
	own := n.Iam.InstanceRole != "" || n.Iam.InstanceProfile != ""
	if own && len(n.Iam.AdditionalIamPolicies) > 0 || n.Iam.InstanceRole != "" && n.Iam.InstanceProfile != "" {
		wrong = append(wrong, fmt.Errorf("%s: InstanceProfile, InstanceRole or AdditionalIamPolicies can not be configured together.", where))
	}
	if own && len(n.Iam.S3Access) > 0 {
		wrong = append(wrong, fmt.Errorf("%s: S3Access can not be configured when InstanceRole or InstanceProfile is set.", where))
	}
	for _, s := range slices.Concat(n.CustomActions.OnNodeStart, n.CustomActions.OnNodeConfigured, n.CustomActions.OnNodeUpdated) {
		if !strings.HasPrefix(s.Script, "s3://") && !strings.HasPrefix(s.Script, "https://") {
			wrong = append(wrong, fmt.Errorf("%s: CustomActions script %q: s3:// or https://", where, s.Script))
		}
	}
	return errors.Join(wrong...)
}

// OnNodeUpdatedIn reports whether the pool was there before an update, so that its
// nodes run OnNodeUpdated: a login node that is launched later runs none.
func (a Actions) OnNodeUpdatedIn(before *Cluster, pool string) bool {
	return len(a.OnNodeUpdated) > 0 && slices.ContainsFunc(before.LoginNodes.Pools, func(p Pool) bool { return p.Name == pool && p.Count > 0 })
}
