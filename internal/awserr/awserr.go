// Package awserr reads the AWS SDK's errors for people: AWS's own words, without
// the SDK's wrapping, the exit code of their kind, and what to do next.
package awserr

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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

// Explain says that the operation (verb and object, such as "list the clusters")
// could not be done because of err, with the exit code of its kind.
// What is no answer of AWS is only wrapped, unless nobody was reached at all.
func Explain(operation string, err error, next Next) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		if cause, unreached := unreached(err); unreached {
			return hint.New(hint.Failure, fmt.Errorf("could not %s: %w", operation, guard(cause)), reach)
		}
		return fmt.Errorf("could not %s: %w", operation, guard(err))
	}
	wrapped := fmt.Errorf("could not %s: %w", operation, guard(api))
	status := Status(err)
	switch {
	case Expired(api):
		return hint.New(hint.Denied, wrapped, Renew)
	case next.NotFound != "" && strings.HasPrefix(api.ErrorCode(), "ResourceNotFound"):
		return hint.New(hint.NotFound, wrapped, next.NotFound)
	case next.Invalid != "" && api.ErrorCode() == "ValidationException":
		return hint.New(hint.BadInput, wrapped, next.Invalid)
	// The JSON protocol's refusals have status 400.
	case next.Denied != "" && (status == http.StatusUnauthorized || status == http.StatusForbidden ||
		strings.HasPrefix(api.ErrorCode(), "AccessDenied")):
		return hint.New(hint.Denied, wrapped, next.Denied)
	}
	return wrapped
}

// Renew is what to do about credentials that have expired.
const Renew = "renew the credentials ('aws sso login', or as you obtained them)"

// WhoAsks is what to do where AWS refuses and nothing more is known.
const WhoAsks = "'aws sts get-caller-identity' shows the caller; docs/iam lists the required permissions"

// Expired reports whether err is AWS's answer to credentials that have expired.
func Expired(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains([]string{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}, api.ErrorCode())
}

const reach = "for the local cloud: check that 'parascope local' runs and AWS_ENDPOINT_URL is set; for AWS: check the network and " +
	"the region"

// unreached finds in err why no answer came to a request, without the SDK's
// wrapping. Not being able to get credentials, which are asked for elsewhere, is
// another trouble, and so is an interrupt.
func unreached(err error) (cause *url.Error, ok bool) {
	if errors.Is(err, context.Canceled) {
		return nil, false
	}
	if call, ok := errors.AsType[*smithy.OperationError](err); ok {
		if _, other := errors.AsType[*smithy.OperationError](call.Err); other {
			return nil, false
		}
	}
	return errors.AsType[*url.Error](err)
}

// Brief is AWS's code of an error, and the error's text where it has none.
func Brief(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return err.Error()
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
