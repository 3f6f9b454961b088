package awsside

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/doctor"
)

// checkRoute looks at the route tables of the stack's subnets: nodes fetch what they install
// from S3, and the head node sends to AMP.
func checkRoute(ctx context.Context, e *Env) Finding {
	outputs := e.preflight.State.Outputs
	subnets := map[string]string{"the head node": outputs["PublicSubnet"], "compute nodes": outputs["PrimaryPrivateSubnet"]}
	client := ec2.NewFromConfig(e.Config)
	for _, who := range []string{"the head node", "compute nodes"} {
		subnet := subnets[who]
		if subnet == "" {
			return skipWithout(e, "the stack has no outputs for its subnets")
		}
		wrong, err := routeOf(ctx, client, subnet)
		if err != nil {
			return doctor.Unasked(awserr.Explain("describe the routes of subnet "+subnet, err, awserr.Next{Denied: awserr.WhoAsks}))
		}
		if wrong != "" {
			return doctor.Fault(fmt.Sprintf("subnet %s, of %s, %s: nodes in the subnet cannot reach S3 and AMP", subnet, who, wrong),
				"'aws ec2 describe-route-tables --filters Name=association.subnet-id,Values="+subnet+"' shows the subnet's routes; '"+
					e.Target.Command("up")+"' creates the stack's own routes again")
		}
	}
	return doctor.Good("both subnets have a route to the internet")
}

// routeOf says what is wrong with the subnet's way out, "" for nothing. Security groups,
// network ACLs and endpoints' policies are not looked at.
func routeOf(ctx context.Context, client *ec2.Client, subnet string) (wrong string, err error) {
	out, err := client.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{
		Filters: []types.Filter{{Name: aws.String("association.subnet-id"), Values: []string{subnet}}}})
	if err != nil {
		return "", err
	}
	for _, table := range out.RouteTables {
		for _, r := range table.Routes {
			if aws.ToString(r.DestinationCidrBlock) != "0.0.0.0/0" {
				continue
			}
			to := aws.ToString(r.NatGatewayId) + aws.ToString(r.GatewayId) + aws.ToString(r.TransitGatewayId) + aws.ToString(r.NetworkInterfaceId)
			if r.State == types.RouteStateBlackhole {
				return "has a default route to " + to + ", which does not exist", nil
			}
			if !strings.HasPrefix(to, "nat-") {
				return "", nil
			}
			nats, err := client.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{to}})
			if err != nil {
				return "", err
			}
			for _, n := range nats.NatGateways {
				if n.State != types.NatGatewayStateAvailable {
					return fmt.Sprintf("has a default route to %s, which is %s", to, n.State), nil
				}
			}
			return "", nil
		}
		return "has no default route", nil
	}
	return "", nil // it uses the VPC's main table, which is not the stack's
}
