package stack

import (
	"fmt"
	"regexp"

	"github.com/parascope/parascope/internal/hint"
)

var namePattern = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]*$`)

// maxName leaves room in the 64 characters of a Lambda function's name for what the
// template puts behind the stack's.
const maxName = 64 - len("-grafana-datasource-setup")

// CheckName refuses what cannot be the name of the stack. CloudFormation and Lambda
// would, after the function was uploaded and half of the stack was made.
func CheckName(name string) error {
	switch {
	case !namePattern.MatchString(name):
		return hint.New(hint.Usage, fmt.Errorf("%q is not a valid stack name", name),
			"use letters, digits and hyphens, and start with a letter")
	case len(name) > maxName:
		return hint.New(hint.Usage, fmt.Errorf("the stack name %q has %d characters, but may have at most %d, because the setup "+
			"function's name contains it",
			name, len(name), maxName), "give the stack a shorter name")
	}
	return nil
}
