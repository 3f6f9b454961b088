package awserr

import (
	"errors"
	"net/http"
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

func TestExplain(t *testing.T) {
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
		"denied over JSON":         {answer(400, "AccessDeniedException"), all, hint.Denied, "sign in"},
		"no advice for this kind":  {answer(404, "ResourceNotFoundException"), Next{Denied: "sign in"}, hint.Failure, ""},
		"a failure of the service": {answer(500, "InternalServerException"), all, hint.Failure, ""},
		"no answer at all":         {errors.New("connection refused"), all, hint.Failure, ""},
	} {
		got := Explain("describe workspace ws-1", c.err, c.next)
		if hint.CodeOf(got) != c.code || hint.Next(got) != c.try {
			t.Errorf("%s: code %d, next %q: %v", name, hint.CodeOf(got), hint.Next(got), got)
		}
	}
	if got := Explain("ask", answer(403, "AccessDenied"), all).Error(); got != "ask: api error AccessDenied: words of AWS" {
		t.Errorf("%q holds more, or less, than what was done and AWS's words", got)
	}
}
