package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// CloudFormation's types that the look for what holds a policy is about.
const (
	policyType = "AWS::IAM::ManagedPolicy"
	roleType   = "AWS::IAM::Role"
)

// holder is who has a policy of the stack, and is not of the stack.
type holder struct {
	what   string // in words
	detach string // the command that takes the policy away, "" where a cluster needs it
}

// checkPolicies finds whoever still has a policy of the stack, a cluster's head node
// above all: IAM deletes none that is attached, which CloudFormation finds out when
// half of the stack is gone. That it may not be looked at stops nothing.
func (d *down) checkPolicies(ctx context.Context) error {
	client := iam.NewFromConfig(d.cfg)
	var own []string
	for _, r := range d.resources {
		if r.Type == roleType {
			own = append(own, r.PhysicalID)
		}
	}
	var all []holder
	for _, r := range d.resources {
		if r.Type != policyType || r.PhysicalID == "" || r.Status == types.ResourceStatusDeleteComplete {
			continue
		}
		holders, err := d.holders(ctx, client, r, own)
		if err = notFoundIsNil(err); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			d.report(Event{Kind: Warning, Step: "stack",
				Text: fmt.Sprintf("the principals with policy %s could not be listed; the deletion fails if the policy is in use: %s", r.LogicalID,
					awserr.Brief(err))})
		}
		all = append(all, holders...)
	}
	if len(all) == 0 {
		return nil
	}
	var who []string
	next, commands, live := "delete the cluster whose head node has the policy first ('pcluster delete-cluster')", false, false
	for _, h := range all {
		who = append(who, h.what)
		text := h.what
		if h.detach != "" {
			text, commands = text+": "+h.detach, true
		} else {
			live = true
		}
		d.report(Event{Kind: Warning, Step: "stack", Text: text})
	}
	if live {
		next += ", or take the policies out of its configuration ('" +
			d.o.Command("cluster detach --config FILE --cluster NAME --part policies --write") + "', then 'pcluster update-cluster')"
	}
	if commands {
		next += ", or detach it with the commands above"
	}
	return hint.New(hint.Failure, fmt.Errorf("nothing was deleted: policies of stack %s are in use: %s", d.o.StackName,
		strings.Join(who, ", ")), next+"; then run '"+d.o.Again("down")+"' again")
}

// holders are those of one policy that are not roles of the stack.
func (d *down) holders(ctx context.Context, client *iam.Client, policy stack.Resource, own []string) (all []holder, err error) {
	arn := policy.PhysicalID
	add := func(kind, name string) {
		h := holder{what: fmt.Sprintf("%s %s has %s", kind, name, policy.LogicalID)}
		if kind == "role" {
			if cluster := d.clusterOf(name); cluster != "" {
				h.what = fmt.Sprintf("role %s of cluster %s has %s", name, cluster, policy.LogicalID)
				all = append(all, h)
				return
			}
		}
		if !d.needed() { // a node that loses the policy cannot download its script
			h.detach = fmt.Sprintf("aws iam detach-%s-policy --%s-name %s --policy-arn %s", kind, kind, name, arn) + d.o.Elsewhere
		}
		all = append(all, h)
	}
	pages := iam.NewListEntitiesForPolicyPaginator(client, &iam.ListEntitiesForPolicyInput{PolicyArn: &arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return all, err
		}
		for _, r := range page.PolicyRoles {
			if name := aws.ToString(r.RoleName); !slices.Contains(own, name) {
				add("role", name)
			}
		}
		for _, u := range page.PolicyUsers {
			add("user", aws.ToString(u.UserName))
		}
		for _, g := range page.PolicyGroups {
			add("group", aws.ToString(g.GroupName))
		}
	}
	return all, nil
}
