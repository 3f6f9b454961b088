// Package preflight has checks of the account, of the caller and of what a stack is to
// be made with.
package preflight

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
)

// Check and Finding are the frame's.
type (
	Check   = doctor.Check[*Env]
	Finding = doctor.Finding
)

// Env is what checks are about. The fields below People are found by checks, for
// those that come later.
type Env struct {
	Config       aws.Config
	StackName    string
	Parameters   map[string]string     // of the template, as they were given
	Bucket       string                // of the setup function; "": the usual one
	Architecture artifact.Architecture // of the setup function
	People       []people.Want

	Account string      // the caller's
	Caller  string      // the caller's ARN
	State   stack.State // zero where there is no stack, or it could not be described
}

// effective are the parameters that the stack will have.
func (e *Env) effective() map[string]string { return e.State.With(e.Parameters) }

// monitoring is the type that the stack will have.
func (e *Env) monitoring() stack.MonitoringType { return stack.MonitoringOf(e.effective()) }

// Region, Caller and Identity are checks of 'parascope doctor' as well.
func Region() Check { return doctor.NewCheck("region", "the region exists", nil, checkRegion) }

// Caller checks the credentials.
func Caller() Check {
	return doctor.NewCheck("caller", "the credentials are valid", []string{"region"}, checkCaller)
}

// Identity checks IAM Identity Center.
func Identity() Check {
	return doctor.NewCheck("identity", "IAM Identity Center has the given users", []string{"caller", "stack"}, checkIdentityCenter)
}

// Checks is what is checked before a stack is created or changed, in order.
func Checks() []Check {
	return []Check{
		doctor.NewCheck("names", "the stack and bucket names are valid", nil, checkNames),
		Region(),
		Caller(),
		doctor.NewCheck("parameters", "the template has the given parameters", nil, checkParameters),
		doctor.NewCheck("stack", "the state of the stack can be read", []string{"names", "caller"}, checkStack),
		doctor.NewCheck("template", "CloudFormation accepts the template", []string{"caller", "stack"}, checkTemplate),
		doctor.NewCheck("zone", "the Availability Zone exists in the region", []string{"caller", "stack"}, checkZone),
		doctor.NewCheck("network", "the given VPC and subnets exist", []string{"caller", "stack"}, checkNetwork),
		doctor.NewCheck("function", "this program contains the setup function", []string{"stack"}, checkFunction),
		doctor.NewCheck("grafana", "the stack has a Grafana workspace for the given users", []string{"stack"}, checkGrafana),
		doctor.NewCheck(Rights, "the caller has the required permissions", []string{"caller", "stack"}, checkRights),
		Identity(),
	}
}

// Run runs the checks one after the other, and gives each result to report. It ends at the
// first error that report returns, and returns it.
func Run(ctx context.Context, e *Env, report func(doctor.Result) error) error {
	_, err := doctor.Run(ctx, e, Checks(), doctor.Options{}, report)
	return err
}
