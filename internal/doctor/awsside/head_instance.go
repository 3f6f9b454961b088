package awsside

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkHeadInstance asks EC2 for the cluster's head node.
func checkHeadInstance(ctx context.Context, e *ClusterEnv) Finding {
	if lookup.CheckName(e.Name) != nil {
		return doctor.Skip("the cluster was not created by ParallelCluster")
	}
	c, err := lookup.Find(ctx, e.Config, e.Name)
	switch {
	case hint.CodeOf(err) == hint.BadInput:
		return doctor.Skip("the cluster was not created by ParallelCluster")
	case err != nil:
		return doctor.Unasked(err)
	case !c.Exists:
		return doctor.Skip("CloudFormation has no cluster " + e.Name)
	}
	out, err := ec2.NewFromConfig(e.Config).DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []types.Filter{
		{Name: aws.String("tag:parallelcluster:cluster-name"), Values: []string{e.Name}},
		{Name: aws.String("tag:parallelcluster:node-type"), Values: []string{"HeadNode"}},
		{Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "stopping", "stopped"}},
	}})
	if err != nil {
		return doctor.Unasked(awserr.Explain("find the head node of cluster "+e.Name, err, awserr.Next{Denied: awserr.WhoAsks}))
	}
	stopped := ""
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			if i.State != nil && i.State.Name == types.InstanceStateNameRunning {
				return doctor.Good(aws.ToString(i.InstanceId))
			}
			stopped = aws.ToString(i.InstanceId)
		}
	}
	if stopped != "" {
		return doctor.Fault(fmt.Sprintf("the head node of cluster %s, %s, is not running", e.Name, stopped),
			"'aws ec2 start-instances --instance-ids "+stopped+"' starts the head node")
	}
	return doctor.Fault("cluster "+e.Name+" has no head node",
		"'pcluster describe-cluster --cluster-name "+e.Name+" --region "+e.Config.Region+"' shows the cluster")
}
