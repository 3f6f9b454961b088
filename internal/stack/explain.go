package stack

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/hint"
)

// statusOf is the HTTP status of an SDK error, 0 for others and for none.
func statusOf(err error) int {
	answer, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err)
	if !ok {
		return 0
	}
	return answer.HTTPStatusCode()
}

// explain gives an SDK error the exit code of its kind, and AWS's own words.
func explain(doing string, err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return fmt.Errorf("%s: %w", doing, err)
	}
	wrapped := fmt.Errorf("%s: %w", doing, api)
	if status := statusOf(err); status == 401 || status == 403 {
		return hint.New(hint.Denied, wrapped, "'aws sts get-caller-identity' says who is asking; docs/iam lists what that identity needs")
	}
	return wrapped
}
