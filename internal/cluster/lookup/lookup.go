// Package lookup finds clusters by their stacks in CloudFormation, and knows what their names and versions may be.
package lookup

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// Tags of a cluster's stack, which has the cluster's name (cli/src/pcluster/constants.py).
const (
	versionTag        = "parallelcluster:version"
	customResourceTag = "parallelcluster:custom_resource"
)

// Cluster is a cluster by name, which need not exist.
type Cluster struct {
	Name    string `json:"name"`
	Exists  bool   `json:"exists"`
	Version string `json:"version,omitempty"` // of ParallelCluster; "" when it is not known
	Status  string `json:"status,omitempty"`  // of its stack
	// CustomResource is a cluster that a CloudFormation template made: pcluster
	// update-cluster would be undone by the template's next update.
	CustomResource bool `json:"customResource,omitempty"`
	deployed       Object
}

// namePattern is what ParallelCluster takes as a cluster's name
// (cli/src/pcluster/constants.py, PCLUSTER_NAME_REGEX), but for its length.
var namePattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*$`)

const maxName = 60 // bytes

// CheckName refuses a name that no cluster can have, with exit code BadInput.
func CheckName(name string) error {
	if len(name) > maxName || !namePattern.MatchString(name) {
		return hint.New(hint.BadInput, fmt.Errorf("%q is not a valid cluster name", name),
			"give a letter, then letters, digits and hyphens, at most 60 in all")
	}
	return nil
}

var versionPattern = regexp.MustCompile(`^[0-9]+\.[0-9]+(\.[0-9]+[a-z0-9]*)?$`)

// CheckVersion refuses a text that is no version of ParallelCluster, with exit code Usage. "" is a
// version that nobody said.
func CheckVersion(version string) error {
	if version != "" && !versionPattern.MatchString(version) {
		return hint.New(hint.Usage, fmt.Errorf("%q is not a version of ParallelCluster", version),
			"give one such as 3.12.0: 'pcluster version' prints yours")
	}
	return nil
}

// Find asks CloudFormation whether a cluster exists, and of which version it is. A stack
// of this name that is not a cluster is an error, and so is a cluster that is being deleted.
func Find(ctx context.Context, cfg aws.Config, name string) (Cluster, error) {
	c := Cluster{Name: name}
	if err := CheckName(name); err != nil {
		return c, err
	}
	out, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "ValidationError" &&
		strings.Contains(err.Error(), "does not exist") {
		return c, nil
	}
	if err != nil {
		return c, explain("find cluster "+name, err)
	}
	stack := out.Stacks[0]
	version, ok := tag(stack, versionTag)
	if !ok {
		return c, hint.New(hint.BadInput, fmt.Errorf("stack %s in %s is not a ParallelCluster stack, but pcluster would need its name "+
			"for the cluster", name,
			cfg.Region), "give another name for the cluster")
	}
	if strings.HasPrefix(string(stack.StackStatus), "DELETE_") {
		return c, hint.New(hint.Failure, fmt.Errorf("cluster %s is %s", name, stack.StackStatus), "wait until the cluster is deleted, or "+
			"choose another name")
	}
	_, c.CustomResource = tag(stack, customResourceTag)
	c.Exists, c.Version, c.Status, c.deployed = true, version, string(stack.StackStatus), DeployedAt(stack.Parameters)
	return c, nil
}

// Names are the region's clusters.
func Names(ctx context.Context, cfg aws.Config) ([]string, error) {
	var names []string
	pages := cloudformation.NewDescribeStacksPaginator(cloudformation.NewFromConfig(cfg), &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain("list clusters", err)
		}
		for _, s := range page.Stacks {
			if _, ok := tag(s, versionTag); ok && s.ParentId == nil {
				names = append(names, aws.ToString(s.StackName))
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

func tag(s types.Stack, key string) (string, bool) {
	for _, t := range s.Tags {
		if aws.ToString(t.Key) == key {
			return aws.ToString(t.Value), true
		}
	}
	return "", false
}

// OlderThan reports whether a version of ParallelCluster is below major.minor; one that
// cannot be read is not.
func OlderThan(version string, major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(version, "%d.%d", &a, &b); n != 2 {
		return false
	}
	return a < major || a == major && b < minor
}

// explain gives an SDK error the exit code of its kind.
func explain(doing string, err error) error {
	return awserr.Explain(doing, err, awserr.Next{Denied: awserr.WhoAsks})
}
