package cluster

import (
	"context"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/environment"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/newcluster"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// Source is what a cluster takes from the infrastructure stack.
type Source struct {
	Stack         string
	Region        string
	Bucket        string
	Script        string // address of the install script
	HeadPolicies  []string
	NodePolicies  []string
	PublicSubnet  string // for head and login nodes
	PrivateSubnet string // for compute nodes
	Stage         string // the command that uploads the script, for errors
}

// Asked is what a person says about the infrastructure stack.
type Asked struct {
	Stack      string
	Bucket     string // "": the stack's own
	NodePolicy string // ARN; "": the stack's own
	Up         string // the command that creates or updates the stack, for errors
	Stage      string // the command that uploads the script, for errors
}

// ReadSource reads the stack's outputs. A stack that is not there, or has no Prometheus, is
// an error with exit code NotFound that says what to deploy.
func ReadSource(ctx context.Context, cfg aws.Config, a Asked) (Source, error) {
	s := Source{Stack: a.Stack, Region: cfg.Region, Stage: a.Stage}
	state, err := stack.New(cfg, a.Stack).Describe(ctx)
	if err != nil {
		return s, err
	}
	out := state.Outputs
	switch {
	case !state.Exists():
		return s, hint.New(hint.NotFound, fmt.Errorf("there is no stack %s in %s", a.Stack, cfg.Region),
			"'"+a.Up+"' creates the stack; --stack and --region select another one")
	case out["AMPRemoteWritePolicyArn"] == "":
		return s, hint.New(hint.NotFound, fmt.Errorf("stack %s has no Prometheus workspace to send to", a.Stack),
			"deploy it: '"+a.Up+" --parameter MonitoringType=amp-only', or amp+amg with Grafana")
	}
	if err := a.check(); err != nil {
		return s, err
	}
	if s.Script, s.Bucket = out["ClusterInstallScript"], a.Bucket; s.Bucket != "" {
		s.Script = ScriptURL(s.Bucket, a.Stack)
	}
	node := a.NodePolicy
	if node == "" {
		node = out["ClusterNodePolicyArn"]
	}
	if node == "" || s.Script == "" {
		return s, hint.New(hint.NotFound, fmt.Errorf("stack %s has no outputs for the install script and its read policy: an older "+
			"version of parascope created the stack", a.Stack),
			"'"+a.Up+"' updates the stack; or give --bucket and --node-policy")
	}
	s.HeadPolicies, s.NodePolicies = []string{out["AMPRemoteWritePolicyArn"], node}, []string{node}
	s.PublicSubnet, s.PrivateSubnet = out["PublicSubnet"], out["PrimaryPrivateSubnet"]
	return s, nil
}

// policyPattern is what ParallelCluster takes as a policy (cluster_schema.py, IAM_POLICY_REGEX),
// without what no ARN has.
var policyPattern = regexp.MustCompile(`^arn:[\w-]+:iam::(\d{12}|aws):policy/[\w+=,.@/-]+$`)

// check refuses flags that no configuration may hold.
func (a Asked) check() error {
	if a.NodePolicy != "" && !policyPattern.MatchString(a.NodePolicy) {
		return hint.New(hint.Usage, fmt.Errorf("--node-policy %q is not an ARN of a managed policy", a.NodePolicy),
			"give arn:aws:iam::ACCOUNT:policy/NAME")
	}
	return artifact.CheckBucketName(a.Bucket)
}

// Configuration is a new cluster's configuration with the stack's network, already
// attached, and the file that the guide's reader sources.
func Configuration(n newcluster.Cluster, s Source) (text []byte, e environment.File, err error) {
	if err := lookup.CheckName(n.Name); err != nil {
		return nil, e, err
	}
	if err := n.Check(); err != nil {
		return nil, e, err
	}
	if s.PublicSubnet == "" || s.PrivateSubnet == "" {
		return nil, e, hint.New(hint.NotFound, fmt.Errorf("stack %s has no outputs for its subnets", s.Stack), "update the stack with "+
			"'parascope up'")
	}
	bare := n.Text(newcluster.Network{Stack: s.Stack, Region: s.Region, PublicSubnet: s.PublicSubnet, PrivateSubnet: s.PrivateSubnet},
		document.Marker)
	patched, err := Attach("the new configuration", []byte(bare), Want{
		Script: s.Script, HeadPolicies: s.HeadPolicies, NodePolicies: s.NodePolicies, Part: All,
		Hooks: map[Kind]string{Head: OnNodeConfigured, Login: OnNodeConfigured, Queue: OnNodeConfigured},
	})
	return patched.Text, environment.File{ClusterName: n.Name, Region: s.Region}, err
}
