package deploy

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/stack"
)

// bill is what the stack costs by the month with these parameters, before any metric is
// sent.
func (u *up) bill(parameters map[string]string) (cost.Bill, error) {
	return cost.OfStack(cost.Stack{Region: u.cfg.Region, Parameters: parameters})
}

// question is what the person is asked before the changes are made: "" where nothing
// is lost and nothing is billed that was not before.
func (u *up) question(set *stack.ChangeSet, then cost.Bill) (string, error) {
	var all []string
	if !u.state.Exists() || u.state.Status == types.StackStatusReviewInProgress {
		all = append(all, fmt.Sprintf("Stack %s will be created in %s%s. Cost: %s.", u.o.StackName, u.cfg.Region, u.ofAccount(), then))
	} else {
		now, err := u.bill(u.state.Parameters)
		if err != nil {
			return "", err
		}
		if then.Grows(now) {
			all = append(all, fmt.Sprintf("Stack %s will cost more. Current cost: %s. New cost: %s.", u.o.StackName, now, then))
		}
	}
	var lost []string
	for _, c := range set.Destroys() {
		lost = append(lost, c.LogicalID)
	}
	if len(lost) > 0 {
		all = append(all, strings.Join(lost, ", ")+" will be replaced or removed, with their contents.")
	}
	if len(all) == 0 {
		return "", nil
	}
	return strings.Join(all, "\n") + " Continue?", nil
}

func (u *up) ofAccount() string {
	if u.account == "" {
		return ""
	}
	return " of account " + u.account
}
