package identity

import (
	"context"
	"errors"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/parascope/parascope/internal/awserr"
)

// Instance is which kind of Identity Center instance a directory belongs to.
type Instance string

const (
	// OrganizationInstance is the one of the organization, which its management
	// account owns. Amazon Managed Grafana needs it.
	OrganizationInstance Instance = "organization"
	// AccountInstance is one account's own, which Amazon Managed Grafana does not
	// work with: AWS's user guide, awsapps-that-work-with-identity-center.
	AccountInstance Instance = "account"
	// UnknownInstance could not be found out.
	UnknownInstance Instance = "unknown"
)

// owners tells the kinds of instances by who owns them, which is all that AWS says
// of them. It asks AWS once, and only for what it needs.
type owners struct {
	caller func() (account string, err error) // who is asking
	master func() (account string, err error) // the management account of the caller's organization
}

func newOwners(ctx context.Context, cfg aws.Config) *owners {
	return &owners{
		caller: sync.OnceValues(func() (string, error) {
			out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			if err != nil {
				return "", awserr.Explain("identify the caller", err, awserr.Next{})
			}
			return aws.ToString(out.Account), nil
		}),
		master: sync.OnceValues(func() (string, error) {
			out, err := organizations.NewFromConfig(cfg).DescribeOrganization(ctx, &organizations.DescribeOrganizationInput{})
			if err != nil {
				return "", awserr.Explain("describe the organization", err, awserr.Next{})
			}
			return aws.ToString(out.Organization.MasterAccountId), nil
		}),
	}
}

// instance is the kind of the instance that owner owns, and why it is unknown.
//
// An account is shown the instance of its organization, and one of its own. What
// another account owns is thus the organization's; what the caller's own account
// owns is so only where that account manages the organization.
func (o *owners) instance(owner string) (Instance, error) {
	caller, err := o.caller()
	if err != nil {
		return UnknownInstance, err
	}
	if owner != caller {
		return OrganizationInstance, nil
	}
	master, err := o.master()
	if _, none := errors.AsType[*types.AWSOrganizationsNotInUseException](err); none {
		return AccountInstance, nil
	}
	switch {
	case err != nil:
		return UnknownInstance, err
	case master == owner:
		return OrganizationInstance, nil
	}
	return AccountInstance, nil
}
