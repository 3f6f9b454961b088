// Package awserr reads the AWS SDK's errors for people: AWS's own words, without
// the SDK's wrapping, the exit code of their kind, and what to do next.
package awserr

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/hint"
)

// Next says what to do next, by the kind of error; where it is empty the error
// keeps the code for failures.
type Next struct {
	Denied   string // the credentials are wrong or may not do this
	NotFound string // what was named does not exist
	Invalid  string // what was given is refused
}

// Explain says what was being done when err came, with the exit code of its kind.
// What is no answer of AWS is only wrapped.
func Explain(doing string, err error, next Next) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return fmt.Errorf("%s: %w", doing, guard(err))
	}
	wrapped := fmt.Errorf("%s: %w", doing, guard(api))
	status := Status(err)
	switch {
	case next.NotFound != "" && strings.HasPrefix(api.ErrorCode(), "ResourceNotFound"):
		return hint.New(hint.NotFound, wrapped, next.NotFound)
	case next.Invalid != "" && api.ErrorCode() == "ValidationException":
		return hint.New(hint.BadInput, wrapped, next.Invalid)
	// The JSON protocol's refusals have status 400.
	case next.Denied != "" && (status == http.StatusUnauthorized || status == http.StatusForbidden || strings.HasPrefix(api.ErrorCode(), "AccessDenied")):
		return hint.New(hint.Denied, wrapped, next.Denied)
	}
	return wrapped
}

// Status is the HTTP status of AWS's answer, 0 for an error that is none.
func Status(err error) int {
	answer, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err)
	if !ok {
		return 0
	}
	return answer.HTTPStatusCode()
}
