//go:build linux

package bed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/parascope/parascope/testbed/config"
)

// A cluster is a stack of CloudFormation, as ParallelCluster's are. Of what is in
// those, this one has the nodes' roles; machines are the bed's.

// document is a policy.
type document map[string]any

func statement(actions []string, resource string) map[string]any {
	return map[string]any{"Effect": "Allow", "Action": actions, "Resource": resource}
}

// own are what ParallelCluster lets its nodes do, as far as nodes of the bed ask.
var own = map[string][]string{
	"HeadNode": {"ec2:DescribeInstanceAttribute", "ec2:DescribeInstances", "ec2:DescribeInstanceStatus", "ec2:DescribeVolumes",
		"ec2:DescribeCapacityReservations"},
	"queue": {"ec2:DescribeInstanceAttribute"},
	"login": {"ec2:DescribeInstanceAttribute"},
}

// parts are the groups of nodes that have a role each.
func parts(c *config.Cluster) map[string]config.Iam {
	all := map[string]config.Iam{"HeadNode": c.HeadNode.Iam}
	for _, q := range c.Scheduling.SlurmQueues {
		all["queue/"+q.Name] = q.Iam
	}
	for _, p := range c.LoginNodes.Pools {
		all["login/"+p.Name] = p.Iam
	}
	return all
}

var notAlphanumeric = regexp.MustCompile(`[^A-Za-z0-9]`)

func logicalID(part string) string { return "Role" + notAlphanumeric.ReplaceAllString(part, "") }

// template is the stack's.
func template(name string, c *config.Cluster, bucket, dir string) (string, error) {
	resources, outputs := map[string]any{}, map[string]any{}
	for part, iam := range parts(c) {
		if iam.InstanceRole != "" || iam.InstanceProfile != "" {
			continue // the user's own
		}
		kind, _, _ := strings.Cut(part, "/")
		statements := []any{statement(own[kind], "*")}
		for _, s := range iam.S3Access {
			actions := []string{"s3:GetObject", "s3:ListBucket"}
			if s.EnableWriteAccess {
				actions = append(actions, "s3:PutObject", "s3:DeleteObject")
			}
			statements = append(statements, statement(actions, "arn:aws:s3:::"+s.BucketName),
				statement(actions, "arn:aws:s3:::"+s.BucketName+"/*"))
		}
		managed := []string{}
		for _, p := range iam.AdditionalIamPolicies {
			managed = append(managed, p.Policy)
		}
		id := logicalID(part)
		resources[id] = map[string]any{"Type": "AWS::IAM::Role", "Properties": map[string]any{
			"Path": "/parallelcluster/" + name + "/",
			// AWS's trust EC2 alone. The bed gives machines their credentials by AssumeRole.
			"AssumeRolePolicyDocument": document{"Version": "2012-10-17", "Statement": []any{
				map[string]any{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": "ec2.amazonaws.com"}},
				map[string]any{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"AWS": "arn:aws:iam::" + account + ":root"}},
			}},
			"ManagedPolicyArns": managed,
			"Policies": []any{map[string]any{"PolicyName": "parallelcluster",
				"PolicyDocument": document{"Version": "2012-10-17", "Statement": statements}}},
		}}
		outputs[id] = map[string]any{"Value": map[string]any{"Fn::GetAtt": []string{id, "Arn"}}}
	}
	parameter := func(value string) map[string]any { return map[string]any{"Type": "String", "Default": value} }
	b, err := json.Marshal(map[string]any{"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, "Outputs": outputs,
		"Parameters": map[string]any{"ResourcesS3Bucket": parameter(bucket), "ArtifactS3RootDirectory": parameter(dir)}})
	if err != nil {
		return "", fmt.Errorf("write the stack's template: %w", err)
	}
	return string(b), nil
}

func (c *Cloud) stacks() *cloudformation.Client { return cloudformation.NewFromConfig(c.Config) }

// createStack makes a cluster's stack, and returns its ARN and its roles by parts.
func (c *Cloud) createStack(ctx context.Context, cl *cluster) (arn string, roles map[string]string, err error) {
	if err := c.keepConfiguration(ctx, cl); err != nil {
		return "", nil, err
	}
	bucket, dir := c.artifacts(cl)
	text, err := template(cl.name, cl.config, bucket, dir)
	if err != nil {
		return "", nil, err
	}
	tag := func(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }
	out, err := c.stacks().CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &cl.name, TemplateBody: &text,
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
		Tags:         []types.Tag{tag("parallelcluster:version", cl.version), tag("parallelcluster:cluster-name", cl.name)}})
	if err != nil {
		return "", nil, fmt.Errorf("create the stack: %w", err)
	}
	arn = aws.ToString(out.StackId)
	roles, err = c.awaitStack(ctx, arn, cl.config, types.StackStatusCreateComplete)
	return arn, roles, err
}

// updateStack brings the roles to the configuration.
func (c *Cloud) updateStack(ctx context.Context, cl *cluster) (roles map[string]string, err error) {
	if err := c.keepConfiguration(ctx, cl); err != nil {
		return nil, err
	}
	bucket, dir := c.artifacts(cl)
	text, err := template(cl.name, cl.config, bucket, dir)
	if err != nil {
		return nil, err
	}
	_, err = c.stacks().UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: &cl.stack, TemplateBody: &text,
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam}})
	if err != nil {
		if strings.Contains(err.Error(), "No updates are to be performed") {
			return cl.roles, nil
		}
		return nil, fmt.Errorf("update the stack: %w", err)
	}
	return c.awaitStack(ctx, cl.stack, cl.config, types.StackStatusUpdateComplete)
}

func (c *Cloud) deleteStack(ctx context.Context, cl *cluster) error {
	if _, err := c.stacks().DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &cl.stack}); err != nil {
		return fmt.Errorf("delete the stack: %w", err)
	}
	if _, err := c.awaitStack(ctx, cl.stack, cl.config, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	return c.forgetConfiguration(ctx, cl)
}

// awaitStack waits until a stack has a status, and returns the roles that it has.
func (c *Cloud) awaitStack(ctx context.Context, arn string, of *config.Cluster, want types.StackStatus) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := c.stacks().DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &arn})
		if err != nil {
			return nil, fmt.Errorf("look at the stack: %w", err)
		}
		s := out.Stacks[0]
		if s.StackStatus == want {
			return rolesOf(of, s.Outputs), nil
		}
		if !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") && !strings.HasSuffix(string(s.StackStatus), "_CLEANUP_IN_PROGRESS") {
			return nil, errors.New("the stack is " + string(s.StackStatus) + ": " + aws.ToString(s.StackStatusReason))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the stack, which is %s: %w", s.StackStatus, ctx.Err())
		}
	}
}

func rolesOf(c *config.Cluster, outputs []types.Output) map[string]string {
	roles := map[string]string{}
	for part := range parts(c) {
		for _, o := range outputs {
			if aws.ToString(o.OutputKey) == logicalID(part) {
				roles[part] = aws.ToString(o.OutputValue)
			}
		}
	}
	return roles
}
