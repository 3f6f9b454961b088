package newcluster

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// Ask asks EC2 whether the region has the instance types, and fills in which queues have EFA. What EC2
// does not answer, as without the permission, is left as it is, with a note.
func (n *Cluster) Ask(ctx context.Context, cfg aws.Config) (notes []string, err error) {
	names := []string{n.HeadType}
	for _, q := range n.Queues {
		names = append(names, q.InstanceType)
	}
	efa, err := Types(ctx, cfg, names)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return []string{fmt.Sprintf("not checked: whether %s has the instance types, and which have EFA; EFA is off in the configuration: %s",
			cfg.Region, awserr.Brief(err))}, nil
	}
	missing := func(flag, name string) error {
		return hint.New(hint.BadInput, fmt.Errorf("%s: %s has no instance type %s", flag, cfg.Region, name), "give a type that "+
			"'aws ec2 describe-instance-types --region "+cfg.Region+"' lists")
	}
	if _, ok := efa[n.HeadType]; !ok {
		return nil, missing("--head-type", n.HeadType)
	}
	for i, q := range n.Queues {
		has, ok := efa[q.InstanceType]
		if !ok {
			return nil, missing("--queue "+q.Name, q.InstanceType)
		}
		n.Queues[i].EFA = has
	}
	return nil, nil
}

// maxValues is how many values a filter of EC2 has at most.
const maxValues = 200

// Types are those of these instance types that the region has, and whether each has EFA.
func Types(ctx context.Context, cfg aws.Config, names []string) (efa map[string]bool, err error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	efa = map[string]bool{}
	for some := range slices.Chunk(names, maxValues) {
		// Filtered by name an answer lacks the types that are not there; asked for them by name, all of it is an error.
		pages := ec2.NewDescribeInstanceTypesPaginator(ec2.NewFromConfig(cfg), &ec2.DescribeInstanceTypesInput{
			Filters: []types.Filter{{Name: aws.String("instance-type"), Values: some}},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, t := range page.InstanceTypes {
				efa[string(t.InstanceType)] = t.NetworkInfo != nil && aws.ToBool(t.NetworkInfo.EfaSupported)
			}
		}
	}
	return efa, nil
}
