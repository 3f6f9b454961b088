package awserr

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"syscall"
	"testing"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/hint"
)

// answer is an error as the SDK's clients return it.
func answer(status int, code string) error {
	return &smithy.OperationError{ServiceID: "amp", OperationName: "DescribeWorkspace", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: "words of AWS"},
	}}
}

// sending is an error as the SDK's clients return it where there was no answer.
func sending(err error) error {
	return &smithy.OperationError{ServiceID: "amp", OperationName: "ListWorkspaces", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{}},
		Err:      &smithyhttp.RequestSendError{Err: err},
	}}
}

func TestExplain(t *testing.T) {
	refused := &url.Error{Op: "Get", URL: "http://127.0.0.1:1/workspaces", Err: syscall.ECONNREFUSED}
	all := Next{Denied: "sign in", NotFound: "list", Invalid: "correct it"}
	for name, c := range map[string]struct {
		err  error
		next Next
		code hint.Code
		try  string
	}{
		"not there":                {answer(404, "ResourceNotFoundException"), all, hint.NotFound, "list"},
		"refused":                  {answer(400, "ValidationException"), all, hint.BadInput, "correct it"},
		"denied":                   {answer(403, "UnrecognizedClientException"), all, hint.Denied, "sign in"},
		"expired":                  {answer(403, "ExpiredToken"), all, hint.Denied, Renew},
		"expired, without advice":  {answer(400, "ExpiredTokenException"), Next{}, hint.Denied, Renew},
		"denied over JSON":         {answer(400, "AccessDeniedException"), all, hint.Denied, "sign in"},
		"no advice for this kind":  {answer(404, "ResourceNotFoundException"), Next{Denied: "sign in"}, hint.Failure, ""},
		"a failure of the service": {answer(500, "InternalServerException"), all, hint.Failure, ""},
		"no answer at all":         {sending(refused), all, hint.Failure, reach},
		"no answer to a query":     {refused, all, hint.Failure, reach},
		"interrupted":              {sending(&url.Error{Op: "Get", URL: "http://x", Err: context.Canceled}), all, hint.Failure, ""},
		"no credentials": {&smithy.OperationError{ServiceID: "amp", Err: fmt.Errorf("get credentials: %w", sending(refused))}, all,
			hint.Failure, ""},
		"something else": {errors.New("no region"), all, hint.Failure, ""},
	} {
		got := Explain("describe workspace ws-1", c.err, c.next)
		if hint.CodeOf(got) != c.code || hint.Next(got) != c.try {
			t.Errorf("%s: code %d, next %q: %v", name, hint.CodeOf(got), hint.Next(got), got)
		}
	}
	if got := Explain("ask", sending(refused), all).Error(); got != "could not ask: "+refused.Error() {
		t.Errorf("%q holds more, or less, than what was done and what happened", got)
	}
	if got := Explain("ask", answer(403, "AccessDenied"), all).Error(); got != "could not ask: api error AccessDenied: words of AWS" {
		t.Errorf("%q holds more, or less, than what was done and AWS's words", got)
	}
}
