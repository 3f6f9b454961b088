package stack

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Event is one line of a stack's history.
type Event struct {
	Time      time.Time `json:"time"`
	LogicalID string    `json:"logicalId"`
	Type      string    `json:"type"`
	Caption   string    `json:"caption,omitempty"`
	Status    string    `json:"status"`
	Reason    string    `json:"reason,omitempty"`
}

// Failed reports whether the event is a failure, and not what follows from another.
func (e Event) Failed() bool {
	return strings.HasSuffix(e.Status, "_FAILED") && !strings.Contains(e.Reason, "cancelled")
}

// Done reports whether the resource got where it was going.
func (e Event) Done() bool { return strings.HasSuffix(e.Status, "_COMPLETE") }

// Watch reports the events of the operation that was begun last, until the stack is
// at rest, and returns what it is then; its zero State means that the stack was
// deleted. When ctx ends the operation goes on without being watched.
func (s *Stack) Watch(ctx context.Context, id string, report func(Event)) (State, error) {
	seen := map[string]bool{}
	var pace pace
	for {
		// The state is asked first: events that come after it are in the next round,
		// and after the last one nothing comes.
		state, err := s.describe(ctx, id)
		if err != nil {
			return State{}, err
		}
		if err := s.newEvents(ctx, id, seen, report); err != nil {
			return State{}, err
		}
		if state.Status == types.StackStatusDeleteComplete {
			return State{}, nil
		}
		// A change set that was just executed may not have changed the state yet.
		if !state.InProgress() && state.Status != types.StackStatusReviewInProgress {
			return state, nil
		}
		if err := pace.wait(ctx); err != nil {
			return state, err
		}
	}
}

// FirstFailure is the event of the operation that was begun last from which its other
// failures follow; nil where there is none.
func (s *Stack) FirstFailure(ctx context.Context, id string) (first *Event, err error) {
	err = s.newEvents(ctx, id, map[string]bool{}, func(e Event) {
		if e.Failed() && first == nil && e.LogicalID != s.Name {
			first = &e
		}
	})
	return first, err
}

// newEvents reports what was not seen yet of the operation, the oldest first.
// CloudFormation lists the newest first.
func (s *Stack) newEvents(ctx context.Context, id string, seen map[string]bool, report func(Event)) error {
	var fresh []Event
	pages := cloudformation.NewDescribeStackEventsPaginator(s.client, &cloudformation.DescribeStackEventsInput{StackName: &id})
	for more := true; more && pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain("read the events of stack "+s.Name, err)
		}
		for _, e := range page.StackEvents {
			key := aws.ToString(e.EventId)
			if seen[key] {
				more = false
				break
			}
			seen[key] = true
			logical := aws.ToString(e.LogicalResourceId)
			fresh = append(fresh, Event{
				Time: aws.ToTime(e.Timestamp), LogicalID: logical, Type: aws.ToString(e.ResourceType), Caption: Caption(logical),
				Status: string(e.ResourceStatus), Reason: aws.ToString(e.ResourceStatusReason),
			})
			// What people or programs ask for begins with this; all before it is history.
			if aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId) && aws.ToString(e.ResourceStatusReason) == "User Initiated" {
				more = false
				break
			}
		}
	}
	slices.Reverse(fresh)
	for _, e := range fresh {
		report(e)
	}
	return nil
}
