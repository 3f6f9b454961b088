package reach

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkPermission asks IAM's policy simulator: for each role that ParallelCluster made for the cluster, and where
// it has made none yet, for the policies that the roles will get; and for the roles that the configuration names.
func checkPermission(ctx context.Context, e *Env) doctor.Finding {
	client := iam.NewFromConfig(e.Config)
	own, others := e.own()
	found := ok("the configuration's own roles can read the script")
	for _, r := range own {
		one := e.simulateOwn(ctx, client, r)
		if one.Status == doctor.Failed {
			return one
		}
		if one.Status == doctor.Unknown {
			found = one
		}
	}
	if len(own) > 0 && others == 0 {
		return found
	}
	made := e.simulatePolicies
	if e.Cluster.Exists {
		made = e.simulateRoles
	}
	if one := made(ctx, client); one.Status != doctor.OK || found.Status == doctor.OK {
		return one
	}
	return found
}

// simulateOwn asks about a role that the configuration names.
func (e *Env) simulateOwn(ctx context.Context, client *iam.Client, r ownRole) doctor.Finding {
	if !r.simulated() {
		return unknown(fmt.Errorf("%s has its own %s %s: the role's policies were not looked at", r.path, r.key, r.value))
	}
	next := "attach the policies that the plan names to the role"
	if len(e.NodePolicies) > 0 {
		next = fmt.Sprintf("'aws iam attach-role-policy --role-name %s --policy-arn %s' lets it read the script",
			r.value[strings.LastIndex(r.value, "/")+1:], e.NodePolicies[0])
	}
	return e.simulate(ctx, client, r.value, "role "+r.value+" of "+r.path, next)
}

// simulateRoles asks about the roles that ParallelCluster made.
func (e *Env) simulateRoles(ctx context.Context, client *iam.Client) doctor.Finding {
	path := "/parallelcluster/" + e.Cluster.Name + "/"
	var roles []string
	pages := iam.NewListRolesPaginator(client, &iam.ListRolesInput{PathPrefix: &path})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return unknown(err)
		}
		for _, r := range page.Roles {
			if trustsInstances(aws.ToString(r.AssumeRolePolicyDocument)) {
				roles = append(roles, aws.ToString(r.Arn))
			}
		}
	}
	if len(roles) == 0 {
		return unknown(fmt.Errorf("no IAM role has the path %s: the cluster's configuration sets its own roles", path))
	}
	for _, arn := range roles {
		if one := e.simulate(ctx, client, arn, "role "+arn, "update the cluster with the policies first ('--part policies')"); one.Status !=
			doctor.OK {
			return one
		}
	}
	return ok(fmt.Sprintf("%d roles can read the script", len(roles)))
}

// simulate asks about one role; who is it in words, and next what lets it read.
func (e *Env) simulate(ctx context.Context, client *iam.Client, arn, who, next string) doctor.Finding {
	pages := iam.NewSimulatePrincipalPolicyPaginator(client, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: &arn, ActionNames: []string{"s3:GetObject"}, ResourceArns: e.below(),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return unknown(err)
		}
		switch object, explicit := denied(page.EvaluationResults); {
		case explicit != "":
			return failed(hint.Denied, fmt.Sprintf("%s is denied reading %s by a Deny statement of %s: ParallelCluster would terminate its nodes",
				who, object, explicit), "remove the Deny statement, or except "+object+" from it: no other policy overrides a Deny")
		case object != "":
			return failed(hint.Denied, fmt.Sprintf("%s is not allowed to read %s: ParallelCluster would terminate its nodes", who, object),
				next+"; a permissions boundary or an organization's policy may also deny it")
		}
	}
	return ok("")
}

// trustsInstances says whether EC2 hands a role to instances: the roles of ParallelCluster's
// own functions are left out.
func trustsInstances(document string) bool {
	text, err := url.QueryUnescape(document)
	return err == nil && strings.Contains(text, "ec2.")
}

// simulatePolicies asks about the policies alone.
func (e *Env) simulatePolicies(ctx context.Context, client *iam.Client) doctor.Finding {
	var documents []string
	for _, arn := range e.NodePolicies {
		policy, err := client.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
		if err != nil {
			return unknown(err)
		}
		version, err := client.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: policy.Policy.DefaultVersionId})
		if err != nil {
			return unknown(err)
		}
		text, err := url.QueryUnescape(aws.ToString(version.PolicyVersion.Document))
		if err != nil {
			return unknown(fmt.Errorf("could not read policy %s: %w", arn, err))
		}
		documents = append(documents, text)
	}
	if len(documents) == 0 {
		return unknown(errors.New("the policies for nodes do not exist yet"))
	}
	out, err := client.SimulateCustomPolicy(ctx, &iam.SimulateCustomPolicyInput{PolicyInputList: documents,
		ActionNames: []string{"s3:GetObject"}, ResourceArns: e.below()})
	if err != nil {
		return unknown(err)
	}
	if object, _ := denied(out.EvaluationResults); object != "" {
		return failed(hint.Denied, fmt.Sprintf("policy %s does not allow reading %s: ParallelCluster would terminate the nodes",
			strings.Join(e.NodePolicies, ", "), object),
			"give --node-policy a policy that allows s3:GetObject on the script, or stage to the stack's own bucket")
	}
	return ok("the policies allow reading the script")
}

// denied is the first object that is not allowed, and the policies that say so where a statement denies it.
func denied(all []types.EvaluationResult) (object, explicit string) {
	for _, r := range all {
		if r.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed {
			continue
		}
		object, decision, matched := aws.ToString(r.EvalResourceName), r.EvalDecision, r.MatchedStatements
		for _, one := range r.ResourceSpecificResults {
			if one.EvalResourceDecision != types.PolicyEvaluationDecisionTypeAllowed {
				object, decision, matched = aws.ToString(one.EvalResourceName), one.EvalResourceDecision, one.MatchedStatements
				break
			}
		}
		if decision != types.PolicyEvaluationDecisionTypeExplicitDeny {
			return object, ""
		}
		var names []string
		for _, m := range matched {
			if name := aws.ToString(m.SourcePolicyId); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		return object, cmp.Or(strings.Join(names, ", "), "its policies")
	}
	return "", ""
}
