// Package reach finds out whether a cluster's nodes can read what a configuration has them
// run: ParallelCluster terminates a node that cannot download a script. A check reads and changes
// nothing; what it cannot find out is Unknown, and never OK.
package reach

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// Check is one thing that can be found out.
type Check struct {
	ID    string
	Title string
	Run   func(context.Context, *Env) doctor.Finding
}

// Env is what checks are about.
type Env struct {
	Config        aws.Config
	Cluster       lookup.Cluster
	Script        string   // address of the install script
	NodePolicies  []string // ARNs of the policies that let nodes read it
	Configuration []byte   // the cluster's, whose subnets are looked at
	Stage         string   // the command that uploads the script

	bucket, key string
	partition   string
}

// Checks are all of them, in order.
func Checks() []Check {
	return []Check{
		{"script-there", "the install script exists", checkObject},
		{"script-region", "the bucket is in the cluster's region", checkRegion},
		{"script-key", "nodes can decrypt the script without a KMS key", checkKey},
		{"script-bucket-policy", "the bucket's policy does not deny reading the script", checkBucketPolicy},
		{"script-permission", "every role of the nodes can read the script", checkPermission},
		{"script-route", "the nodes' subnets have a route to S3", checkRoute},
	}
}

// Result is a check with what it found.
type Result struct {
	Check   Check
	Finding doctor.Finding
}

// Run runs all checks. The error is that of the first one that failed.
func Run(ctx context.Context, e Env) (all []Result, err error) {
	rest, ok := strings.CutPrefix(e.Script, "s3://")
	e.bucket, e.key, _ = strings.Cut(rest, "/")
	if !ok || e.bucket == "" || e.key == "" {
		return nil, fmt.Errorf("%s is not the S3 URL of an object", e.Script)
	}
	e.partition, e.Stage = "aws", cmp.Or(e.Stage, "parascope cluster stage")
	if len(e.NodePolicies) > 0 {
		if parts := strings.SplitN(e.NodePolicies[0], ":", 3); len(parts) == 3 {
			e.partition = parts[1]
		}
	}
	for _, c := range Checks() {
		f := c.Run(ctx, &e)
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		all = append(all, Result{c, f})
		if f.Status == doctor.Failed && err == nil {
			err = hint.New(hint.CodeOf(f.Err), errors.New(f.Detail), f.Next)
		}
	}
	return all, err
}

// Notes are what could not be found out, for people.
func Notes(all []Result) (notes []string) {
	for _, r := range all {
		if r.Finding.Status == doctor.Unknown {
			notes = append(notes, fmt.Sprintf("not checked (%s): %s: %s", r.Check.ID, r.Check.Title, r.Finding.Detail))
		}
	}
	return notes
}

func ok(summary string) doctor.Finding { return doctor.Finding{Status: doctor.OK, Summary: summary} }

func unknown(err error) doctor.Finding {
	return doctor.Finding{Status: doctor.Unknown, Detail: awserr.Brief(err),
		Next: "ask an administrator with the missing permission to run the check, or read the log of the first node"}
}

func failed(code hint.Code, detail, next string) doctor.Finding {
	return doctor.Finding{Status: doctor.Failed, Detail: detail, Next: next, Err: hint.New(code, errors.New(detail), next)}
}

// object is the ARN of an object in the script's bucket.
func (e *Env) object(key string) string {
	return "arn:" + e.partition + ":s3:::" + e.bucket + "/" + key
}

// below is what nodes read: the script, and what the manifest names.
func (e *Env) below() []string {
	dir := e.key[:strings.LastIndex(e.key, "/")+1]
	return []string{e.object(e.key), e.object(dir + "manifest"), e.object(dir + "objects/x/parascope-node-linux-amd64.gz")}
}

var subnetPattern = regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`)

// subnets are those of the configuration's nodes, each once, and how many places have a function of
// CloudFormation, or a placeholder. Wrong is a text that is neither.
func (e *Env) subnets() (all []string, expressions int, wrong *yaml.Node) {
	var root yaml.Node
	if err := yaml.Unmarshal(e.Configuration, &root); err != nil {
		return nil, 0, nil // who reads the configuration says so
	}
	seen := map[*yaml.Node]bool{} // an alias leads to a node again
	var walk func(n *yaml.Node, inCluster bool)
	walk = func(n *yaml.Node, inCluster bool) {
		n = document.Follow(n)
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		inCluster = inCluster || document.Get(n, "HeadNode") != nil && document.Get(n, "Scheduling") != nil
		for i, child := range n.Content {
			if n.Kind != yaml.MappingNode {
				walk(child, inCluster)
				continue
			}
			if i%2 == 0 {
				continue
			}
			list := []*yaml.Node{document.Follow(child)}
			switch key := n.Content[i-1].Value; {
			case !inCluster || key != "SubnetId" && key != "SubnetIds":
				walk(child, inCluster)
				continue
			case key == "SubnetIds" && list[0].Kind == yaml.SequenceNode && list[0].ShortTag() == "!!seq":
				list = list[0].Content
			}
			for _, subnet := range list {
				switch subnet = document.Follow(subnet); {
				case subnetPattern.MatchString(subnet.Value):
					all = append(all, subnet.Value)
				case subnet.Kind == yaml.ScalarNode && strings.HasPrefix(subnet.Tag, "!!") && !strings.ContainsAny(subnet.Value, "${<"):
					wrong = cmp.Or(wrong, subnet)
				default:
					expressions++
				}
			}
		}
	}
	walk(&root, false)
	slices.Sort(all)
	return slices.Compact(all), expressions, wrong
}
