package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/identity"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
)

// finding is what came of a check.
type finding struct {
	good    string // found as it should be: for the step's closing line; "" where there is nothing to say
	bad     error  // Up must not begin
	unknown string // the check could not be made, which is neither good nor bad: why, and what to do
}

// preflight finds out early what would otherwise fail in the middle.
func (u *up) preflight(ctx context.Context) (string, error) {
	var came []string
	for _, check := range []func(context.Context) finding{
		u.checkNames,
		u.checkCaller,
		u.checkParameters,
		u.checkStack,
		u.checkTemplate,
		u.checkNetwork,
		u.checkFunction,
		u.checkGrafanaForPeople,
		u.checkRights,
		u.checkIdentityCenter,
	} {
		found := check(ctx)
		if found.bad != nil {
			return "", found.bad
		}
		if ctx.Err() != nil { // what is unknown then is not AWS's doing
			return "", ctx.Err()
		}
		if found.unknown != "" {
			u.report(Event{Kind: Warning, Step: "preflight", Text: found.unknown})
		}
		if found.good != "" {
			came = append(came, found.good)
		}
	}
	return strings.Join(came, ", "), nil
}

// checkNames finds names that AWS will not take.
func (u *up) checkNames(context.Context) finding {
	return finding{bad: errors.Join(stack.CheckName(u.o.StackName), artifact.CheckBucketName(u.o.Package.Bucket))}
}

// checkNetwork finds out whether an existing network that the stack is to use is there.
func (u *up) checkNetwork(ctx context.Context) finding {
	return unlessRefused(stack.CheckNetwork(ctx, u.cfg, u.effective()))
}

// checkTemplate asks CloudFormation about this program's template.
func (u *up) checkTemplate(ctx context.Context) finding {
	return unlessRefused(u.stack.CheckTemplate(ctx))
}

// unlessRefused takes an error for bad, unless AWS would not say.
func unlessRefused(err error) finding {
	if hint.CodeOf(err) == hint.Denied {
		return finding{unknown: fmt.Sprintf("%s; %s", err, hint.Next(err))}
	}
	return finding{bad: err}
}

// checkCaller finds out who is asking.
func (u *up) checkCaller(ctx context.Context) finding {
	who, err := sts.NewFromConfig(u.cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return finding{bad: awserr.Explain("ask AWS who is calling", err, awserr.Next{Denied: "'aws sso login' or 'aws configure'; for the local cloud: eval \"$(parascope local env)\""})}
	}
	u.account, u.caller = aws.ToString(who.Account), aws.ToString(who.Arn)
	return finding{good: u.caller + " in " + u.cfg.Region}
}

// checkStack reads the parameters of the stack that is there, if there is one. A
// caller who may not is told by checkRights what else they may not do.
func (u *up) checkStack(ctx context.Context) finding {
	var err error
	u.state, err = u.stack.Describe(ctx)
	return unlessRefused(err)
}

// checkParameters finds those that the template does not have.
func (u *up) checkParameters(context.Context) finding {
	return finding{bad: stack.CheckParameters(u.o.Parameters)}
}

// checkFunction finds out whether the program carries the function that Grafana needs.
func (u *up) checkFunction(context.Context) finding {
	if !u.withGrafana() {
		return finding{}
	}
	return finding{bad: artifact.CheckFunction(u.o.Package.Architecture)}
}

// effective are the parameters that the stack will have: those it has, and the
// options' over them.
func (u *up) effective() map[string]string {
	all := maps.Clone(u.state.Parameters)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, u.o.Parameters)
	return all
}

// withGrafana reports whether the stack will have a Grafana workspace.
func (u *up) withGrafana() bool { return stack.MonitoringOf(u.effective()).HasGrafana() }

func (u *up) checkGrafanaForPeople(context.Context) finding {
	if u.withGrafana() || len(u.o.People) == 0 {
		return finding{}
	}
	return finding{bad: hint.New(hint.Usage, fmt.Errorf("MonitoringType %s has no Grafana that %s could use", stack.MonitoringOf(u.effective()), u.o.People[0].Who),
		"--parameter MonitoringType=amp+amg makes one; without --user the stack is as you asked")}
}

// checkIdentityCenter finds the instance that Grafana's people are in, and the
// people: a name that nobody has is better known now than when the stack is there.
func (u *up) checkIdentityCenter(ctx context.Context) finding {
	if !u.withGrafana() {
		return finding{}
	}
	d, err := identity.Open(ctx, u.cfg)
	if err != nil {
		return finding{bad: err}
	}
	if d.Region != u.cfg.Region {
		u.report(Event{Kind: Warning, Step: "preflight", Text: fmt.Sprintf(
			"Identity Center is in %s, the stack in %s: whether Grafana can use it from there is not documented", d.Region, u.cfg.Region)})
	}
	found := finding{good: fmt.Sprintf("Identity Center of the %s in %s", d.Instance, d.Region)}
	_, found.bad = people.Resolve(ctx, d, u.o.People)
	if d.Instance == identity.UnknownInstance {
		found.good = fmt.Sprintf("Identity Center in %s, kind unknown: %s", d.Region, briefly(d.Why))
		found.unknown = fmt.Sprintf("whether the Identity Center instance in %s is the organization's, as Grafana needs it, could not be found out: %v; "+
			"organizations:DescribeOrganization is needed for it, and stands in docs/iam/deployer-policy.json", d.Region, d.Why)
	}
	return found
}

// briefly is AWS's code of an error, where it has one.
func briefly(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return err.Error()
}
