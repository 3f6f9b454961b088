package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/hint"
)

// regionShape is the shape of all regions' names, those to come included.
var regionShape = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

// firstRegion is one that every account of the partition aws has, and is asked where
// the configuration's own has no endpoint.
const firstRegion = "us-east-1"

// CheckRegion finds out whether the configuration's region is one of the account's.
// One that is not is an error of kind hint.NotFound that lists those that are. Any
// other error says that it could not be found out.
func CheckRegion(ctx context.Context, cfg aws.Config) error {
	region := cfg.Region
	if !regionShape.MatchString(region) {
		return hint.New(hint.Usage, fmt.Errorf("%q is not an AWS region", region), "give a region such as us-east-2")
	}
	_, err := ec2.NewFromConfig(cfg).DescribeRegions(ctx, &ec2.DescribeRegionsInput{RegionNames: []string{region}})
	if err == nil {
		return nil
	}
	api, answered := errors.AsType[smithy.APIError](err)
	unknown, unresolved := errors.AsType[*net.DNSError](err)
	switch {
	case answered && api.ErrorCode() == "InvalidParameterValue": // "Invalid region: [us-east-9]"
	case unresolved && unknown.IsNotFound: // a region that does not exist has no endpoint
		cfg.Region = firstRegion
	default:
		return explain("find region "+region, err)
	}
	all, listed := regions(ctx, cfg)
	if listed != nil || slices.Contains(all, region) {
		return explain("find region "+region, err)
	}
	return hint.New(hint.NotFound, fmt.Errorf("region %s does not exist or is not enabled for this account", region),
		"give --region one of "+strings.Join(all, ", ")+"; enable other regions for the account first")
}

// regions are those that are enabled for the account.
func regions(ctx context.Context, cfg aws.Config) ([]string, error) {
	out, err := ec2.NewFromConfig(cfg).DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
	if err != nil {
		return nil, err
	}
	var all []string
	for _, r := range out.Regions {
		all = append(all, aws.ToString(r.RegionName))
	}
	slices.Sort(all)
	return all, nil
}

// ZoneParameter is the template's parameter for the Availability Zone of the subnets.
const ZoneParameter = "PrimarySubnetAZ"

// CheckZone finds out whether the zone that the parameters name is one of the region's.
// One that is not is an error of kind hint.NotFound that lists those that are.
func CheckZone(ctx context.Context, cfg aws.Config, parameters map[string]string) error {
	zone := parameters[ZoneParameter]
	if zone == "" || parameters["ExistingVPC"] != "" {
		return nil // the region's first, or that of the subnets that there are
	}
	out, err := ec2.NewFromConfig(cfg).DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
	if err != nil {
		return explain("find Availability Zone "+zone, err)
	}
	var all []string
	for _, z := range out.AvailabilityZones {
		all = append(all, aws.ToString(z.ZoneName))
	}
	slices.Sort(all)
	if slices.Contains(all, zone) {
		return nil
	}
	return hint.New(hint.NotFound, fmt.Errorf("%s: there is no Availability Zone %s in %s", ZoneParameter, zone, cfg.Region),
		"--parameter "+ZoneParameter+"= must be one of "+strings.Join(all, ", ")+"; without the parameter the stack uses the first zone")
}
