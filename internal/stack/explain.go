package stack

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// explain gives an SDK error the exit code of its kind.
func explain(doing string, err error) error {
	return awserr.Explain(doing, err, awserr.Next{Denied: awserr.WhoAsks})
}

// explainPlan says which parameters there are where CloudFormation refuses one.
func explainPlan(name string, err error) error {
	doing := "plan the changes of stack " + name
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorCode() != "ValidationError" {
		return explain(doing, err)
	}
	wrapped := fmt.Errorf("could not %s: %w", doing, api)
	if inProgress(api) {
		return &BusyError{wrapped}
	}
	if strings.HasPrefix(api.ErrorMessage(), "Parameter") { // "Parameters: [X] do not exist …", "Parameter 'X' must …"
		return hint.New(hint.BadInput, wrapped, takes())
	}
	return wrapped
}

// explainBusy is explain, with a *BusyError where somebody else is at the stack.
func explainBusy(doing string, err error) error {
	explained := explain(doing, err)
	if api, ok := errors.AsType[smithy.APIError](err); ok && inProgress(api) {
		return &BusyError{explained}
	}
	return explained
}

// isGone reports whether a change set is not there any more: executing one deletes
// the stack's others.
func isGone(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && strings.HasPrefix(api.ErrorCode(), "ChangeSetNotFound")
}

// inProgress reports whether CloudFormation refuses since somebody else is at it.
func inProgress(api smithy.APIError) bool {
	switch api.ErrorCode() {
	case "InvalidChangeSetStatus", "InvalidChangeSetStatusException", "OperationInProgressException", "ChangeSetNotFound",
		"ChangeSetNotFoundException":
		return true
	}
	// The second is said where somebody made the stack since it was looked for.
	return strings.Contains(api.ErrorMessage(), "_IN_PROGRESS state") ||
		strings.Contains(api.ErrorMessage(), "already exists and cannot be created again")
}

// BusyError says that another operation was begun on the stack in the meantime.
type BusyError struct{ err error }

func (e *BusyError) Error() string { return e.err.Error() }
func (e *BusyError) Unwrap() error { return e.err }
