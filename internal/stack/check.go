package stack

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/parascope/parascope/internal/hint"
)

var (
	namePattern   = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]*$`)
	bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
)

// maxName leaves room in the 64 characters of a Lambda function's name for what the
// template puts behind the stack's.
const maxName = 64 - len("-grafana-datasource-setup")

// CheckName refuses what cannot be the name of the stack. CloudFormation and Lambda
// would, after the function was uploaded and half of the stack was made.
func CheckName(name string) error {
	switch {
	case !namePattern.MatchString(name):
		return hint.New(hint.Usage, fmt.Errorf("%q is no name of a stack", name), "begin with a letter, and go on with letters, digits and hyphens")
	case len(name) > maxName:
		return hint.New(hint.Usage, fmt.Errorf("the stack's name %q has %d characters, and can have %d: the setup function is named after it", name, len(name), maxName), "give the stack a shorter name")
	}
	return nil
}

// CheckBucketName refuses what S3 does not take. An empty name stands for the
// default, which it takes.
func CheckBucketName(name string) error {
	_, notAddress := netip.ParseAddr(name)
	if name == "" || bucketPattern.MatchString(name) && !strings.Contains(name, "..") && notAddress != nil {
		return nil
	}
	return hint.New(hint.Usage, fmt.Errorf("%q is no name of an S3 bucket", name), "give --bucket 3 to 63 lower-case letters, digits, hyphens and single dots, a letter or digit first and last")
}
