package deploy

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// settle brings the stack to a state from which it can be changed: it waits for
// an operation that is in progress, and clears what a failed one left.
func (u *up) settle(ctx context.Context) (came string, err error) {
	for range 4 { // each turn leaves the state that it found
		if u.state, err = u.stack.Describe(ctx); err != nil {
			return "", err
		}
		switch s := u.state.Status; {
		case !u.state.Exists():
			return "there is no stack " + u.o.StackName + " yet", nil
		case u.state.InProgress():
			u.report(Event{Kind: Warning, Step: "settle", Text: fmt.Sprintf("an operation is in progress (%s); watching its progress", s)})
			if _, err := u.watch(ctx, u.state.ID); err != nil && !u.mayGoOn(ctx, err) {
				return "", err
			}
		case s == types.StackStatusRollbackComplete, s == types.StackStatusCreateFailed, s == types.StackStatusRollbackFailed,
			s == types.StackStatusDeleteFailed:
			if err := u.clear(ctx); err != nil {
				return "", err
			}
		case s == types.StackStatusUpdateRollbackFailed:
			u.report(Event{Kind: Warning, Step: "settle", Text: "the rollback of an update failed: continuing the rollback"})
			if err := u.stack.ContinueRollback(ctx); err != nil {
				return "", err
			}
			if _, err := u.watch(ctx, u.state.ID); err != nil && !u.mayGoOn(ctx, err) {
				return "", err
			}
		default:
			return fmt.Sprintf("stack %s is %s", u.o.StackName, s), nil
		}
	}
	return "", hint.New(hint.Failure, fmt.Errorf("stack %s remains in status %s %s", u.o.StackName, u.state.Status, u.state.Reason),
		"check the events of the stack: aws cloudformation describe-stack-events --stack-name "+u.o.StackName+u.o.Elsewhere)
}

// clear deletes a stack with which nothing else can be done. One whose creation failed
// never worked and holds nothing; one whose deletion failed holds what could not be
// deleted, perhaps all metrics.
func (u *up) clear(ctx context.Context) error {
	attempt := "a failed attempt"
	if u.state.Status == types.StackStatusDeleteFailed {
		attempt = "a deletion that failed"
		if err := u.confirmClear(ctx); err != nil {
			return err
		}
	}
	u.report(Event{Kind: Warning, Step: "settle", Text: fmt.Sprintf("the stack has status %s after %s: deleting the stack "+
		"first", u.state.Status, attempt)})
	if err := u.stack.Delete(ctx); err != nil {
		return err
	}
	after, err := u.watch(ctx, u.state.ID)
	if err == nil && after.Exists() {
		err = u.succeeded(after)
	}
	return err
}

// confirmClear names what the stack still holds.
func (u *up) confirmClear(ctx context.Context) error {
	if u.o.Confirm == nil {
		return nil
	}
	resources, err := u.stack.Resources(ctx, u.state.ID)
	if err != nil {
		return err
	}
	holds := ""
	for _, r := range resources {
		if r.Status == types.ResourceStatusDeleteComplete || r.PhysicalID == "" {
			continue
		}
		if caption := stack.Caption(r.LogicalID); caption != "" {
			holds += "\n  " + caption + " (" + r.PhysicalID + ")"
		}
	}
	if holds == "" {
		return nil
	}
	yes, err := u.o.Confirm(fmt.Sprintf("Stack %s has status %s: the following resources, with their contents, are deleted before "+
		"the stack is created again:%s\n"+
		"Continue?",
		u.o.StackName, u.state.Status, holds))
	if err == nil && !yes {
		err = &hint.Declined{What: "nothing was changed", Next: "'" + u.o.Again("up") + " --yes' does not prompt"}
	}
	return err
}

// mayGoOn reports whether a failed operation, somebody else's or an earlier run's,
// left the stack in a state that Up can work on.
func (u *up) mayGoOn(ctx context.Context, err error) bool {
	state, again := u.stack.Describe(ctx)
	if again != nil || state.InProgress() || state.Status == types.StackStatusUpdateRollbackFailed {
		return false
	}
	u.report(Event{Kind: Warning, Step: "settle", Text: err.Error()})
	return true
}
