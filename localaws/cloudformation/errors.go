package cloudformation

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
	"github.com/parascope/parascope/localaws/cloudformation/template"
	"github.com/parascope/parascope/localaws/gateway"
)

// invalid is CloudFormation's answer to most of what it refuses.
func invalid(format string, args ...any) error {
	return refused("ValidationError", format, args...)
}

func refused(code, format string, args ...any) error {
	return &gateway.Error{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

// constraint is the answer to a parameter that the API's model does not allow.
func constraint(member, value, rule string) error {
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, rule)
}

func noSuchStack(name string) error { return invalid("Stack with id %s does not exist", name) }

func noSuchChangeSet(name string) error {
	return &gateway.Error{Status: http.StatusNotFound, Code: "ChangeSetNotFound", Message: "ChangeSet [" + name + "] does not exist"}
}

// answer makes an answer of an error of the template, or of what it takes to
// evaluate it.
func answer(err error) error {
	if wrong, ok := errors.AsType[*template.Error](err); ok {
		return invalid("%s", wrong.Message)
	}
	if failure, ok := errors.AsType[*resource.Failure](err); ok {
		return invalid("%s", failure.Error())
	}
	return err
}
