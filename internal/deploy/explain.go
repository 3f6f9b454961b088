package deploy

import (
	"fmt"
	"strings"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// explainFailure says in words why an operation failed and what to do, where the
// reason is one that people meet, before the command that began it is run again.
func explainFailure(name string, state stack.State, first stack.Event, command string) error {
	what := first.LogicalID
	if first.Caption != "" {
		what = first.Caption + " (" + first.LogicalID + ")"
	}
	err := fmt.Errorf("stack %s is %s: %s: %s", name, state.Status, what, first.Reason)
	code, next := hint.Failure, "fix the cause; the next run removes the failed attempt"
	for _, known := range []struct {
		says string
		code hint.Code
		next string
	}{
		{"SSO is not enabled", hint.NotFound, "enable IAM Identity Center for the organization (an account instance is not enough)"},
		{"is not authorized to perform", hint.Denied, "give the deployer the policies docs/iam/deployer-policy.json and deployer-alerts.json"},
		{"AccessDenied", hint.Denied, "give the deployer the policies docs/iam/deployer-policy.json and deployer-alerts.json"},
		{"Maximum workspaces", hint.Failure, "delete an unused workspace, or request a higher quota from AWS"},
		{"Cannot delete a policy attached to entities", hint.Failure,
			"delete the cluster whose head node has the policy first ('pcluster delete-cluster'), or detach the policy"},
		{"maximum number of VPCs", hint.Failure, "delete an unused VPC, or use one with --parameter ExistingVPC=vpc-…"},
		{"maximum number of addresses", hint.Failure, "release an unused Elastic IP address"},
	} {
		if strings.Contains(first.Reason, known.says) {
			code, next = known.code, known.next
			break
		}
	}
	return hint.New(code, err, next+", then run '"+command+"' again")
}

// whileWatching says what an error means that came in the middle of an operation:
// what AWS was asked to do it goes on doing.
func whileWatching(err error, command string) error {
	if !expired(err) {
		return err
	}
	return hint.New(hint.Denied, fmt.Errorf("the credentials expired during the wait; the operation continues in AWS: %w", err),
		awserr.Renew+", then '"+command+"' resumes it")
}

// expired reports whether AWS no longer takes the credentials, or the SDK could not
// get new ones in time: from a sign-on that has ended, for example.
func expired(err error) bool {
	return awserr.Expired(err) || strings.Contains(err.Error(), "failed to refresh cached credentials") // the SDK has no type for it
}
