package reach

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/parascope/parascope/internal/cluster/words"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkRoute looks at the route tables of the configuration's subnets, and for endpoints of
// S3 in their VPCs. Security groups, network ACLs and endpoints' policies are not looked at.
func checkRoute(ctx context.Context, e *Env) doctor.Finding {
	client := ec2.NewFromConfig(e.Config)
	subnets, expressions, wrong := e.subnets()
	switch {
	case wrong != nil:
		return unknown(fmt.Errorf("line %d: %q is not the ID of a subnet", wrong.Line, words.Printable(wrong.Value)))
	case len(subnets) == 0 && expressions > 0:
		return unknown(errors.New("the subnets of the cluster configuration are expressions, which cannot be evaluated here"))
	case len(subnets) == 0:
		return unknown(errors.New("the cluster configuration does not name a subnet"))
	}
	out, err := client.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: subnets})
	if err != nil {
		return unknown(err)
	}
	for _, s := range out.Subnets {
		id, vpc := aws.ToString(s.SubnetId), aws.ToString(s.VpcId)
		has, err := hasRoute(ctx, client, id, vpc)
		if err == nil && !has {
			has, err = hasEndpoint(ctx, client, e.Config.Region, vpc)
		}
		if err != nil {
			return unknown(err)
		}
		if !has {
			return failed(hint.Failure, fmt.Sprintf("subnet %s has no route to S3: neither a default route to the internet nor an S3 "+
				"gateway endpoint", id),
				"add an S3 gateway endpoint to the subnet's route table: 'aws ec2 create-vpc-endpoint --vpc-id "+vpc+" --service-name com.amazonaws."+
					e.Config.Region+".s3 --route-table-ids ...'")
		}
	}
	if expressions > 0 {
		return unknown(fmt.Errorf("%d subnets have a route to S3, and %d are expressions, which cannot be evaluated here", len(out.Subnets),
			expressions))
	}
	return ok(fmt.Sprintf("%d subnets have a route to S3", len(out.Subnets)))
}

// hasRoute looks at the subnet's route table, which is the VPC's main one where it has none.
func hasRoute(ctx context.Context, client *ec2.Client, subnet, vpc string) (bool, error) {
	own := []types.Filter{{Name: aws.String("association.subnet-id"), Values: []string{subnet}}}
	main := []types.Filter{{Name: aws.String("vpc-id"), Values: []string{vpc}},
		{Name: aws.String("association.main"), Values: []string{"true"}}}
	for _, filters := range [][]types.Filter{own, main} {
		out, err := client.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: filters})
		if err != nil {
			return false, err
		}
		for _, table := range out.RouteTables {
			for _, r := range table.Routes {
				if leads(r) {
					return true, nil
				}
			}
		}
		if len(out.RouteTables) > 0 {
			return false, nil
		}
	}
	return false, nil
}

// leads says whether a route may lead to S3.
func leads(r types.Route) bool {
	if r.State == types.RouteStateBlackhole {
		return false
	}
	toEndpoint := strings.HasPrefix(aws.ToString(r.GatewayId), "vpce-")
	toAll := aws.ToString(r.DestinationCidrBlock) == "0.0.0.0/0" || aws.ToString(r.DestinationIpv6CidrBlock) == "::/0"
	return toEndpoint || toAll
}

// hasEndpoint looks for an interface endpoint of S3.
func hasEndpoint(ctx context.Context, client *ec2.Client, region, vpc string) (bool, error) {
	out, err := client.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{Filters: []types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{vpc}},
		{Name: aws.String("service-name"), Values: []string{"com.amazonaws." + region + ".s3"}},
	}})
	if err != nil {
		return false, err
	}
	for _, e := range out.VpcEndpoints {
		if e.VpcEndpointType == types.VpcEndpointTypeInterface {
			return true, nil
		}
	}
	return false, nil
}
