// Package doctor has checks of the account, of the caller and of what a stack is to
// be made with. A check reads and changes nothing. What it cannot find out is
// Unknown, and never OK.
package doctor

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
)

// Check is one thing that can be found out.
type Check struct {
	ID    string
	Title string   // what is checked, in words
	Needs []string // IDs of earlier checks; where one of them failed, this one is skipped, and what needs this one
	Run   func(context.Context, *Env) Finding
}

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

// Status is the outcome of a check.
type Status string

// The values of Status.
const (
	OK      Status = "ok"
	Failed  Status = "failed"
	Unknown Status = "unknown" // it could not be found out, which is neither good nor bad
	Skipped Status = "skipped" // it does not apply, or needs a check that failed
)

// Finding is the result of a check.
type Finding struct {
	Status   Status
	Summary  string   // what was found, in a few words; "" where there is nothing to say
	Detail   string   // Failed: what is wrong. Unknown: why it is unknown. Skipped: why.
	Next     string   // Failed, Unknown: what to do
	Warnings []string // more to know, which makes the check neither good nor bad
	Err      error    // Failed: the error with its exit code; nil where the person decides whether to go on
}

// Preflight is what is checked before a stack is created or changed, in order.
func Preflight() []Check {
	return []Check{
		{"names", "names of the stack and the bucket", nil, checkNames},
		{"region", "the region", nil, checkRegion},
		{"caller", "credentials", []string{"region"}, checkCaller},
		{"parameters", "names of the parameters", nil, checkParameters},
		{"stack", "state of the stack", []string{"names", "caller"}, checkStack},
		{"template", "CloudFormation template", []string{"caller"}, checkTemplate},
		{"zone", "the Availability Zone", []string{"caller", "stack"}, checkZone},
		{"network", "existing network", []string{"caller", "stack"}, checkNetwork},
		{"function", "setup function", []string{"stack"}, checkFunction},
		{"grafana", "Grafana for the people named", []string{"stack"}, checkGrafana},
		{Rights, "permissions of the caller", []string{"caller", "stack"}, checkRights},
		{"identity", "IAM Identity Center and the people named", []string{"caller", "stack"}, checkIdentityCenter},
	}
}

// Run runs the checks in order and gives each finding to report. It ends at the first
// error that report returns, and returns it.
func Run(ctx context.Context, env *Env, checks []Check, report func(Check, Finding) error) error {
	var without []string // IDs of checks that failed or were skipped for that
	for _, c := range checks {
		var found Finding
		i := slices.IndexFunc(c.Needs, func(id string) bool { return slices.Contains(without, id) })
		if i >= 0 {
			found = skipped(fmt.Sprintf("check %s did not succeed", c.Needs[i]))
		} else {
			found = c.Run(ctx, env)
		}
		if i >= 0 || found.Status == Failed {
			without = append(without, c.ID)
		}
		if err := report(c, found); err != nil {
			return err
		}
	}
	return nil
}

func skipped(why string) Finding { return Finding{Status: Skipped, Detail: why} }

// failed is OK where err is nil.
func failed(err error) Finding {
	if err == nil {
		return Finding{Status: OK}
	}
	return Finding{Status: Failed, Detail: err.Error(), Next: hint.Next(err), Err: err}
}

// unlessRefused is failed, and Unknown where AWS refused to say.
func unlessRefused(err error) Finding {
	if hint.CodeOf(err) == hint.Denied {
		return Finding{Status: Unknown, Detail: err.Error(), Next: hint.Next(err)}
	}
	return failed(err)
}
