package newcluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// Ask asks EC2 whether the region has the instance types and the key pair, and fills in which queues
// have EFA. What EC2 does not answer, as without the permission, is left as it is, with a note.
func (n *Cluster) Ask(ctx context.Context, cfg aws.Config) (notes []string, err error) {
	note, err := n.askTypes(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if note != "" {
		notes = append(notes, note)
	}
	if n.KeyName == "" {
		return notes, nil
	}
	err = query(ctx, cfg, url.Values{"Action": {"DescribeKeyPairs"}, "KeyName.1": {n.KeyName}}, &struct{}{})
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
func (n *Cluster) askTypes(ctx context.Context, cfg aws.Config) (note string, err error) {
	region := cfg.Region
	names := []string{n.HeadType}
	for _, q := range n.Queues {
		names = append(names, q.InstanceType)
	}
	slices.Sort(names)
	form := url.Values{"Action": {"DescribeInstanceTypes"}, "Filter.1.Name": {"instance-type"}}
	for i, name := range slices.Compact(names) {
		form.Set("Filter.1.Value."+strconv.Itoa(i+1), name)
	}
	efa := map[string]bool{}
	for more := true; more; {
		var page struct {
			Types []struct {
				Name string `xml:"instanceType"`
				EFA  bool   `xml:"networkInfo>efaSupported"`
			} `xml:"instanceTypeSet>item"`
			Next string `xml:"nextToken"`
		}
		err := query(ctx, cfg, form, &page)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil {
			return fmt.Sprintf("not checked: whether %s has the instance types, and which have EFA; EFA is off in the configuration: %s", region,
				awserr.Brief(err)), nil
		}
		for _, t := range page.Types {
			efa[t.Name] = t.EFA
		}
		form.Set("NextToken", page.Next)
		more = page.Next != ""
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
