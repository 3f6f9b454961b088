package deploy

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// noStack is the error of a stack that is not there, of kind hint.NotFound. It names
// the account and the region, and the stacks that are there: one that is not found is
// more often misspelled, or in another place, than gone. More may be said behind it.
// Where there can be no such stack, since the name or the region is none, it says that.
func noStack(ctx context.Context, cfg aws.Config, t Target, more, next string) error {
	if err := stack.CheckName(t.StackName); err != nil {
		return err
	}
	err := stack.CheckRegion(ctx, cfg)
	if code := hint.CodeOf(err); code == hint.NotFound || code == hint.Usage {
		return err // else it is one, or that could not be found out
	}
	where := cfg.Region
	if who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); err == nil {
		where += " of account " + aws.ToString(who.Account)
	}
	there, err := stack.List(ctx, cfg)
	stacks := "existing stacks: " + stack.DescribeList(there)
	if err != nil {
		stacks = "the stacks could not be listed: " + awserr.Brief(err)
	}
	return hint.New(hint.NotFound, fmt.Errorf("there is no stack %s in %s%s; %s", t.StackName, where, more, stacks), next)
}
