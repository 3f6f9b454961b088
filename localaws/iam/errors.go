package iam

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/policy"
)

func failure(status int, code, format string, args []any) error {
	return &gateway.Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func alreadyExists(format string, args ...any) error {
	return failure(http.StatusConflict, "EntityAlreadyExists", format, args)
}

func deleteConflict(format string, args ...any) error {
	return failure(http.StatusConflict, "DeleteConflict", format, args)
}

func limitExceeded(format string, args ...any) error {
	return failure(http.StatusConflict, "LimitExceeded", format, args)
}

func invalidInput(format string, args ...any) error {
	return failure(http.StatusBadRequest, "InvalidInput", format, args)
}

func validationError(format string, args ...any) error {
	return failure(http.StatusBadRequest, "ValidationError", format, args)
}

// outside is IAM's answer to a parameter outside its constraints.
func outside(field, constraint string) error {
	return validationError("1 validation error detected: Value at '%s' failed to satisfy constraint: %s", lowerFirst(field), constraint)
}

// malformedPolicy turns what is wrong with a policy into IAM's error.
func malformedPolicy(err error) error {
	if bad, ok := errors.AsType[*policy.Malformed](err); ok {
		return failure(http.StatusBadRequest, "MalformedPolicyDocument", "%s", []any{bad.Message})
	}
	return err
}
