// Package identity finds people in IAM Identity Center: Grafana's permissions
// speak of ids that nobody knows, people of e-mails, user names and groups.
package identity

import (
	"context"
	"fmt"
	"slices"
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
	client  *identitystore.Client
	storeID string // d-…
	Region  string // where the instance lives
	Owner   string // account that owns the instance
}

// elsewhere are the regions that Open looks in when the configuration's own has no
// instance: those where Identity Center is used most. An instance in another one
// is found with --region.
var elsewhere = []string{
	"us-east-1", "us-east-2", "us-west-2", "ca-central-1", "eu-west-1", "eu-west-2", "eu-central-1", "eu-north-1",
	"ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-south-1", "sa-east-1",
}

const enable = "enable it at https://console.aws.amazon.com/singlesignon (one click, in the account that manages the organization), add users, and run this again"

// Open finds the instance, in the configuration's region first.
func Open(ctx context.Context, cfg aws.Config) (*Directory, error) {
	instances, err := list(ctx, cfg, cfg.Region)
	if err != nil {
		return nil, explain("list Identity Center instances", err)
	}
	region := cfg.Region
	if len(instances) == 0 {
		if region, instances = search(ctx, cfg); len(instances) == 0 {
			return nil, hint.New(hint.NotFound, fmt.Errorf("IAM Identity Center is not enabled: there is no instance in %s, nor in %d other regions", cfg.Region, len(elsewhere)), enable)
		}
	}
	active := slices.IndexFunc(instances, func(i types.InstanceMetadata) bool { return i.Status == types.InstanceStatusActive })
	if active < 0 {
		i := instances[0]
		return nil, hint.New(hint.Failure, fmt.Errorf("the Identity Center instance in %s is %s %s", region, i.Status, aws.ToString(i.StatusReason)), "wait until it is ACTIVE, and run this again")
	}
	cfg.Region = region
	return &Directory{
		client: identitystore.NewFromConfig(cfg), storeID: aws.ToString(instances[active].IdentityStoreId),
		Region: region, Owner: aws.ToString(instances[active].OwnerAccountId),
	}, nil
}

func list(ctx context.Context, cfg aws.Config, region string) ([]types.InstanceMetadata, error) {
	cfg.Region = region
	out, err := ssoadmin.NewFromConfig(cfg).ListInstances(ctx, &ssoadmin.ListInstancesInput{})
	if err != nil {
		return nil, err
	}
	return out.Instances, nil
}

// search asks the other regions at once. One that cannot be asked, since it is
// not enabled for the account, has no instance that could be used.
func search(ctx context.Context, cfg aws.Config) (region string, instances []types.InstanceMetadata) {
	found := make([][]types.InstanceMetadata, len(elsewhere))
	var asking sync.WaitGroup
	for i, r := range elsewhere {
		asking.Go(func() {
			if all, err := list(ctx, cfg, r); err == nil {
				found[i] = all
			}
		})
	}
	asking.Wait()
	for i, all := range found {
		if len(all) > 0 {
			return elsewhere[i], all
		}
	}
	return "", nil
}

// explain gives an SDK error the exit code of its kind.
func explain(doing string, err error) error {
	return awserr.Explain(doing, err, awserr.Next{Denied: "docs/iam lists what adding people needs: sso:ListInstances and identitystore:Get* and Describe*"})
}
