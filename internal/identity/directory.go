// Package identity finds people in IAM Identity Center: Grafana's permissions
// speak of ids that nobody knows, people of e-mails, user names and groups.
package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// Directory is the identity store of an Identity Center instance.
type Directory struct {
	client   *identitystore.Client
	storeID  string // d-…
	Region   string // where the instance lives
	Owner    string // account that owns the instance
	Instance Instance
	Why      error // why Instance is UnknownInstance; else nil
}

// elsewhere are the regions that Open looks in when the configuration's own has no
// instance: those where Identity Center is used most. An instance in another one
// is found with --region.
var elsewhere = []string{
	"us-east-1", "us-east-2", "us-west-2", "ca-central-1", "eu-west-1", "eu-west-2", "eu-central-1", "eu-north-1",
	"ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-south-1", "sa-east-1",
}

const (
	enable = "enable IAM Identity Center at https://console.aws.amazon.com/singlesignon (in the organization's management account), add " +
		"users, and run the command again"
	// What the applications of AWS's work with is in AWS's user guide.
	enableForAll = "in the organization's management account ('aws organizations create-organization' creates an organization), " +
		"enable IAM Identity Center " +
		"at https://console.aws.amazon.com/singlesignon, add users, and run the command again; an account instance does not serve Amazon " +
		"Managed " +
		"Grafana: " +
		"https://docs.aws.amazon.com/singlesignon/latest/userguide/awsapps-that-work-with-identity-center.html"
)

// Open finds the instance that Amazon Managed Grafana can work with, in the
// configuration's region first. An instance of one account alone is not such a
// one; where there is no other, that is an error of kind hint.NotFound.
func Open(ctx context.Context, cfg aws.Config) (*Directory, error) {
	instances, err := list(ctx, cfg, cfg.Region)
	if err != nil {
		return nil, explain("list Identity Center instances", err)
	}
	owners := newOwners(ctx, cfg)
	d := pick(cfg, instances, owners)
	var unasked []string
	if d == nil || d.Instance == AccountInstance {
		var more []instance
		more, unasked = search(ctx, cfg)
		instances = append(instances, more...)
		d = pick(cfg, instances, owners)
	}
	switch {
	case (d == nil && len(instances) == 0 || d != nil && d.Instance == AccountInstance) && len(unasked) > 0:
		return nil, notSearched(cfg.Region, unasked)
	case d != nil && d.Instance == AccountInstance:
		return nil, hint.New(hint.NotFound, fmt.Errorf("the IAM Identity Center instance in %s is an account instance of %s, but "+
			"Amazon Managed Grafana requires an organization instance", d.Region, d.Owner), enableForAll)
	case d != nil:
		return d, nil
	case len(instances) > 0:
		i := instances[0]
		return nil, hint.New(hint.Failure, fmt.Errorf("the Identity Center instance in %s has status %s %s", i.region, i.Status,
			aws.ToString(i.StatusReason)), "wait until the instance is ACTIVE, and run the command again")
	}
	return nil, hint.New(hint.NotFound, fmt.Errorf("IAM Identity Center is not enabled: there is no instance in %s, nor in %d other regions",
		cfg.Region, len(others(cfg.Region))), enable)
}

// instance is one as Identity Center lists it, which it does region by region.
type instance struct {
	types.InstanceMetadata
	region string
}

// pick takes the first active instance that is not of one account alone, else the
// first active one; nil where there is none.
func pick(cfg aws.Config, instances []instance, owners *owners) *Directory {
	var second *Directory
	for _, i := range instances {
		if i.Status != types.InstanceStatusActive {
			continue
		}
		cfg.Region = i.region
		d := &Directory{client: identitystore.NewFromConfig(cfg), storeID: aws.ToString(i.IdentityStoreId), Region: i.region,
			Owner: aws.ToString(i.OwnerAccountId)}
		if d.Instance, d.Why = owners.instance(d.Owner); d.Instance != AccountInstance {
			return d
		}
		if second == nil {
			second = d
		}
	}
	return second
}

func list(ctx context.Context, cfg aws.Config, region string) ([]instance, error) {
	cfg.Region = region
	out, err := ssoadmin.NewFromConfig(cfg).ListInstances(ctx, &ssoadmin.ListInstancesInput{})
	if err != nil {
		return nil, err
	}
	var all []instance
	for _, i := range out.Instances {
		all = append(all, instance{i, region})
	}
	return all, nil
}

// others are the regions elsewhere than in this one.
func others(region string) []string {
	return slices.DeleteFunc(slices.Clone(elsewhere), func(r string) bool { return r == region })
}

// search asks the other regions at once. Those that could not be asked are named: an
// instance may be there.
func search(ctx context.Context, cfg aws.Config) (found []instance, unasked []string) {
	regions := others(cfg.Region)
	answers, errs := make([][]instance, len(regions)), make([]error, len(regions))
	var asking sync.WaitGroup
	for i, r := range regions {
		asking.Go(func() { answers[i], errs[i] = list(ctx, cfg, r) })
	}
	asking.Wait()
	for i, r := range regions {
		if errs[i] != nil {
			unasked = append(unasked, r+" ("+awserr.Brief(errs[i])+")")
		}
	}
	return slices.Concat(answers...), unasked
}

// notSearched is the error of a search that found nothing, and could not look everywhere.
func notSearched(region string, unasked []string) error {
	return hint.New(hint.NotFound, fmt.Errorf("no IAM Identity Center instance of an organization was found in %s, and %d other "+
		"regions could not be queried: %s", region, len(unasked), strings.Join(unasked, ", ")),
		"give the instance's region with --region, or get the permission sso:ListInstances in these regions; if there is no instance, "+enable)
}

// explain gives an SDK error the exit code of its kind.
func explain(doing string, err error) error {
	return awserr.Explain(doing, err, awserr.Next{Denied: "adding users requires these permissions (docs/iam): sso:ListInstances and " +
		"identitystore:Get* and Describe*"})
}
