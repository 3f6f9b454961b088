package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/stack"
)

// Rights is the ID of the check of permissions. The simulator that it asks does not
// see all that AWS does: a failed finding has no Err.
const Rights = "rights"

// DeployerPolicy and AlertsPolicy are how people find the policies that allow all that is
// needed.
const (
	DeployerPolicy = "docs/iam/deployer-policy.json"
	AlertsPolicy   = "docs/iam/deployer-alerts.json"
)

// checkRights asks IAM's policy simulator which permissions of the deployer's
// policy the caller does not have. The simulator does not see session policies, for
// one.
func checkRights(ctx context.Context, e *Env) Finding {
	client := iam.NewFromConfig(e.Config)
	source, err := policySource(ctx, client, e.Caller)
	if errors.Is(err, errRoot) {
		return Finding{Status: doctor.OK, Summary: "has all permissions"}
	}
	var refused rights
	if err == nil {
		refused, err = simulate(ctx, client, source, e.questions())
	}
	if len(refused.actions) == 0 {
		if err != nil {
			return Finding{Status: doctor.Unknown, Detail: fmt.Sprintf("the caller's permissions could not be checked: %v", err),
				Next: "docs/iam/README.md lists the permissions that this check needs"}
		}
		return Finding{Status: doctor.OK, Summary: "has all required permissions"}
	}
	text := refused.describe(e.StackName, e.Bucket)
	if err != nil {
		text += fmt.Sprintf("; some permissions could not be checked: %v", err)
	}
	next := "attach " + refused.policies()
	if slices.Contains(refused.missing, boundaryKey) {
		next = "give --parameter " + stack.BoundaryParameter + "=ARN of the permissions boundary that an administrator created " +
			"(docs/iam/README.md), or " + next
	}
	return Finding{Status: doctor.Failed, Detail: text, Next: next}
}

// errRoot says that the caller is the account's root user, of whom no policy speaks.
var errRoot = errors.New("the caller is the root user, whose permissions cannot be simulated")

// policySource is the user or role whose policies say what the caller may do. A
// session's ARN has its role's name without the role's path: IAM is asked for it,
// and where that is refused the path is taken to be "/".
func policySource(ctx context.Context, client *iam.Client, caller string) (string, error) {
	parts := strings.SplitN(caller, ":", 6)
	if len(parts) < 6 {
		return "", fmt.Errorf("%q is not an ARN", caller)
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	switch kind {
	case "user":
		return caller, nil
	case "root":
		return "", errRoot
	case "assumed-role":
		role, _, _ := strings.Cut(name, "/")
		if out, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: &role}); err == nil {
			return aws.ToString(out.Role.Arn), nil
		}
		return "arn:" + parts[1] + ":iam::" + parts[4] + ":role/" + role, nil
	}
	return "", fmt.Errorf("IAM's policy simulator supports only users and roles, and the caller is %s", caller)
}

// rights are permissions that the caller does not have.
type rights struct {
	actions map[string][]string // by the Sid of their statement in the deployer's policy
	because []string            // what the deployer's policy cannot help against
	missing []string            // condition keys that the simulator was not told
}

// describe names the permissions by their statements, in the policy's order, and
// says what has to be done. The policy is written for one stack, and for buckets
// whose names begin as the usual one's does.
func (r rights) describe(stackName, bucket string) string {
	const most = 5 // of one statement
	var all []string
	for _, s := range deployerStatements() {
		actions := r.actions[s.Sid]
		if len(actions) == 0 {
			continue
		}
		if n := len(actions); n > most {
			actions = append(slices.Clone(actions[:most]), fmt.Sprintf("%d more", n-most))
		}
		all = append(all, fmt.Sprintf("%s (%s)", strings.Join(actions, ", "), s.Sid))
	}
	text := "missing permissions: " + strings.Join(all, "; ") + "; granted by " + r.policies()
	if stackName != PolicyStack {
		text += ", with " + PolicyStack + " replaced by " + stackName
	}
	if bucket != "" && !strings.HasPrefix(bucket, "parascope-") {
		text += ", with parascope-* replaced by " + bucket
	}
	for _, b := range r.because {
		text += "; " + b + " denies some of these permissions"
	}
	if len(r.missing) > 0 {
		text += "; a policy depends on " + strings.Join(r.missing, " and ") + ", whose value is unknown before the deployment"
	}
	return text
}

// policies are those that allow what is refused.
func (r rights) policies() string {
	var files []string
	for _, s := range deployerStatements() {
		if len(r.actions[s.Sid]) > 0 && !slices.Contains(files, s.file) {
			files = append(files, s.file)
		}
	}
	return "the policy in " + strings.Join(files, " and the policy in ")
}

// add takes in what the simulator says of one action.
func (r *rights) add(sid string, e types.EvaluationResult) {
	if e.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed {
		return
	}
	if action := aws.ToString(e.EvalActionName); !slices.Contains(r.actions[sid], action) {
		r.actions[sid] = append(r.actions[sid], action)
	}
	note := func(all *[]string, what string) {
		if !slices.Contains(*all, what) {
			*all = append(*all, what)
		}
	}
	switch {
	case e.OrganizationsDecisionDetail != nil && !e.OrganizationsDecisionDetail.AllowedByOrganizations:
		note(&r.because, "a policy of the organization")
	case e.PermissionsBoundaryDecisionDetail != nil && !e.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary:
		note(&r.because, "the permissions boundary")
	case e.EvalDecision == types.PolicyEvaluationDecisionTypeExplicitDeny:
		note(&r.because, "an explicit deny")
	}
	for _, key := range e.MissingContextValues {
		note(&r.missing, key)
	}
	for _, each := range e.ResourceSpecificResults {
		for _, key := range each.MissingContextValues {
			note(&r.missing, key)
		}
	}
}

// simulate asks all questions at once. What came of those that were answered is
// returned also where another one was not.
func simulate(ctx context.Context, client *iam.Client, source string, questions []question) (rights, error) {
	answers := make([][]types.EvaluationResult, len(questions))
	errs := make([]error, len(questions))
	var asking sync.WaitGroup
	for i, q := range questions {
		asking.Go(func() { answers[i], errs[i] = q.ask(ctx, client, source) })
	}
	asking.Wait()
	r := rights{actions: map[string][]string{}}
	for i, q := range questions {
		for _, e := range answers[i] {
			r.add(q.sids[strings.ToLower(aws.ToString(e.EvalActionName))], e)
		}
	}
	for _, err := range errs {
		if err != nil {
			return r, awserr.Explain("simulate the policies of "+source, err, awserr.Next{})
		}
	}
	return r, nil
}

// ask asks the simulator, page by page.
func (q question) ask(ctx context.Context, client *iam.Client, source string) ([]types.EvaluationResult, error) {
	pages := iam.NewSimulatePrincipalPolicyPaginator(client, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: &source, ActionNames: q.actions, ResourceArns: []string{q.resource}, ContextEntries: q.context,
	})
	var all []types.EvaluationResult
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return all, err
		}
		all = append(all, page.EvaluationResults...)
	}
	return all, nil
}
