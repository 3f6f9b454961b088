package preflight

import (
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/identity"
	"github.com/parascope/parascope/internal/people"
)

// checkIdentityCenter finds the instance that Grafana's people are in, and the
// people: a name that nobody has is better known now than when the stack is there.
func checkIdentityCenter(ctx context.Context, e *Env) Finding {
	if !e.monitoring().HasGrafana() {
		return doctor.Skip(withoutGrafana)
	}
	d, err := identity.Open(ctx, e.Config)
	if err != nil {
		return doctor.Failure(err)
	}
	_, err = people.Resolve(ctx, d, e.People)
	found := doctor.Failure(err)
	if d.Region != e.Config.Region {
		found.Warnings = []string{fmt.Sprintf(
			"Identity Center is in %s, the stack in %s: AWS does not document whether Grafana can use it across regions", d.Region, e.Config.Region)}
	}
	if found.Status == doctor.Failed {
		return found
	}
	found.Summary = fmt.Sprintf("Identity Center of the %s in %s", d.Instance, d.Region)
	if d.Instance == identity.UnknownInstance {
		found.Status = doctor.Unknown
		found.Summary = fmt.Sprintf("Identity Center in %s, kind unknown: %s", d.Region, awserr.Brief(d.Why))
		found.Detail = fmt.Sprintf("whether the Identity Center instance in %s is the organization's, as Grafana requires, could not be "+
			"determined: %v", d.Region, d.Why)
		found.Next = "organizations:DescribeOrganization is required; see " + DeployerPolicy
	}
	return found
}
