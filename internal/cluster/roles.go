package cluster

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// rolePath is where ParallelCluster makes a cluster's roles
// (cli/src/pcluster/templates/cdk_builder_utils.py).
func rolePath(clusterName string) string { return "/parallelcluster/" + clusterName + "/" }

// CheckRoles asks whether the roles of a running cluster's nodes have the policy to read the
// script, before a configuration names it: an update whose script cannot be downloaded is rolled
// back. What could not be asked is a note.
func (p Plan) CheckRoles(ctx context.Context, cfg aws.Config, s Source) (note string, err error) {
	if !p.Cluster.Exists || p.roles == 0 {
		return "", nil
	}
	if p.roles < 0 {
		return "the configuration has Iam/ResourcePrefix: the policies of the cluster's roles were not checked", nil
	}
	path := rolePath(p.Cluster.Name)
	for _, arn := range s.NodePolicies {
		found := 0
		pages := iam.NewListEntitiesForPolicyPaginator(iam.NewFromConfig(cfg), &iam.ListEntitiesForPolicyInput{PolicyArn: &arn,
			PathPrefix: &path})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			if err != nil {
				return "the policies of the cluster's roles could not be read:  " + awserr.Brief(err), nil
			}
			found += len(page.PolicyRoles)
		}
		if found < p.roles {
			return "", hint.New(hint.Failure, fmt.Errorf("only %d of %d roles of cluster %s have policy %s: nodes with the other roles "+
				"could not download the script, and the update would be rolled back",
				found, p.roles, p.Cluster.Name, arn), "update the cluster with the policies first: "+p.policies)
		}
	}
	return "", nil
}

// SkipUpdate leaves the update out of a pending plan's next commands where the roles have the policies already.
func (p *Plan) SkipUpdate(ctx context.Context, cfg aws.Config, s Source) error {
	if !p.Pending || len(p.Next) < 2 {
		return nil
	}
	note, err := p.CheckRoles(ctx, cfg, s)
	if err == nil && note == "" {
		p.Next = p.Next[1:]
	}
	return ctx.Err()
}
