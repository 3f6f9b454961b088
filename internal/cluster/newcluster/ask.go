package newcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// Ask asks EC2 whether the region has the instance types and the key pair, and fills in which queues
// have EFA. What EC2 does not answer, as without the permission, is left as it is, with a note.
func (n *Cluster) Ask(ctx context.Context, cfg aws.Config) (notes []string, err error) {
	client := ec2.NewFromConfig(cfg)
	note, err := n.askTypes(ctx, client, cfg.Region)
	if err != nil {
		return nil, err
	}
	if note != "" {
		notes = append(notes, note)
	}
	if n.KeyName == "" {
		return notes, nil
	}
	_, err = client.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{KeyNames: []string{n.KeyName}})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "InvalidKeyPair.NotFound" {
		return nil, hint.New(hint.BadInput, fmt.Errorf("--key: %s has no key pair %q", cfg.Region, n.KeyName),
			"give a name that 'aws ec2 describe-key-pairs --region "+cfg.Region+"' lists")
	}
	if err != nil {
		notes = append(notes, fmt.Sprintf("not checked: whether %s has the key pair %q: %s", cfg.Region, n.KeyName, awserr.Brief(err)))
	}
	return notes, nil
}

// askTypes filters by name: an answer without a type says which one is not there, and an error does not.
func (n *Cluster) askTypes(ctx context.Context, client *ec2.Client, region string) (note string, err error) {
	names := []string{n.HeadType}
	for _, q := range n.Queues {
		names = append(names, q.InstanceType)
	}
	slices.Sort(names)
	efa := map[string]bool{}
	pages := ec2.NewDescribeInstanceTypesPaginator(client, &ec2.DescribeInstanceTypesInput{
		Filters: []types.Filter{{Name: aws.String("instance-type"), Values: slices.Compact(names)}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil {
			return fmt.Sprintf("not checked: whether %s has the instance types, and which have EFA; EFA is off in the configuration: %s", region,
				awserr.Brief(err)), nil
		}
		for _, t := range page.InstanceTypes {
			efa[string(t.InstanceType)] = t.NetworkInfo != nil && aws.ToBool(t.NetworkInfo.EfaSupported)
		}
	}
	missing := func(flag, name string) error {
		return hint.New(hint.BadInput, fmt.Errorf("%s: %s has no instance type %s", flag, region, name), "give a type that "+
			"'aws ec2 describe-instance-types --region "+region+"' lists")
	}
	if _, ok := efa[n.HeadType]; !ok {
		return "", missing("--head-type", n.HeadType)
	}
	for i, q := range n.Queues {
		has, ok := efa[q.InstanceType]
		if !ok {
			return "", missing("--queue "+q.Name, q.InstanceType)
		}
		n.Queues[i].EFA = has
	}
	return "", nil
}
