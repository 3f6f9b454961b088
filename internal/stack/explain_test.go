package stack

import (
	"errors"
	"testing"

	"github.com/aws/smithy-go"
)

// TestSomebodyElseIsAtIt: what CloudFormation says to the later of two that plan at
// once makes it look again instead of giving up.
func TestSomebodyElseIsAtIt(t *testing.T) {
	for text, busy := range map[string]bool{
		"Stack:arn:aws:cloudformation:us-east-2:111122223333:stack/s/1 is in UPDATE_IN_PROGRESS state and can not be updated.": true,
		"Stack [s] already exists and cannot be created again with the changeSet [c].":                                         true,
		"Template format error: unsupported structure.":                                                                        false,
	} {
		err := explainPlan("s", &smithy.GenericAPIError{Code: "ValidationError", Message: text})
		if _, ok := errors.AsType[*BusyError](err); ok != busy {
			t.Errorf("%s: %v", text, err)
		}
	}
}
