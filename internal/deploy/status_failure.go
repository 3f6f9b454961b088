package deploy

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// Failure is why the last operation on a stack failed, and what to do.
type Failure struct {
	Reason string `json:"reason"`
	Next   string `json:"next"`
	// Works says that the stack is as it was before the operation, and can be used.
	Works bool `json:"works"`
	err   error
}

// Err is the failure as an error with its exit code; nil where the stack works.
func (f *Failure) Err() error {
	if f == nil || f.Works {
		return nil
	}
	return f.err
}

// findFailure reads from the stack's events why its last operation failed; nil where
// it did not.
func findFailure(ctx context.Context, s *stack.Stack, state stack.State, t Target) (*Failure, error) {
	status, back := state.Status, state.Status == types.StackStatusUpdateRollbackComplete
	if !back && status != types.StackStatusRollbackComplete && !strings.HasSuffix(string(status), "_FAILED") {
		return nil, nil
	}
	command := t.Command("up")
	if status == types.StackStatusDeleteFailed {
		command = t.Command("down")
	}
	first, err := s.FirstFailure(ctx, state.ID)
	explained := hint.New(hint.Failure, fmt.Errorf("stack %s is %s: %s", s.Name, status, state.Reason), "run '"+command+"' again")
	if first != nil {
		explained = explainFailure(s.Name, state, *first, command)
	}
	return &Failure{Reason: explained.Error(), Next: hint.Next(explained), Works: back, err: hint.New(hint.Failure, explained,
		hint.Next(explained))}, err
}
