package status

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/parascope/parascope/internal/awserr"
)

// instance is one of EC2's that belongs to the cluster.
type instance struct {
	id, kind, queue, address, state string
	host                            string // the first part of its private name
	launched                        time.Time
}

// kinds are node types by the tag parallelcluster:node-type.
var kinds = map[string]string{"HeadNode": "head", "Compute": "compute", "LoginNode": "login"}

// askInstances asks EC2 for the cluster's instances that are not ended.
func askInstances(ctx context.Context, cfg aws.Config, name string) (all []instance, err error) {
	pages := ec2.NewDescribeInstancesPaginator(ec2.NewFromConfig(cfg), &ec2.DescribeInstancesInput{Filters: []types.Filter{
		{Name: aws.String("tag:parallelcluster:cluster-name"), Values: []string{name}},
		{Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "stopping", "stopped"}},
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return all, awserr.Explain("list the cluster's instances", err, awserr.Next{Denied: awserr.WhoAsks})
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				all = append(all, describe(i))
			}
		}
	}
	return all, nil
}

func describe(i types.Instance) instance {
	out := instance{id: aws.ToString(i.InstanceId), address: aws.ToString(i.PrivateIpAddress), kind: "compute",
		launched: aws.ToTime(i.LaunchTime)}
	if i.State != nil {
		out.state = string(i.State.Name)
	}
	out.host, _, _ = strings.Cut(aws.ToString(i.PrivateDnsName), ".")
	for _, t := range i.Tags {
		switch aws.ToString(t.Key) {
		case "parallelcluster:node-type":
			if kind, ok := kinds[aws.ToString(t.Value)]; ok {
				out.kind = kind
			}
		case "parallelcluster:queue-name":
			out.queue = aws.ToString(t.Value)
		}
	}
	return out
}
