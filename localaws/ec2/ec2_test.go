package ec2_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/ec2"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
)

// cloud is EC2 behind the gateway.
type cloud struct {
	*servicetest.Base
	ask func(gateway.Ask) (gateway.Decision, error)
}

const delay = time.Minute

func start(t *testing.T, dir string) *cloud {
	t.Helper()
	c := &cloud{Base: servicetest.Open(t, dir), ask: gateway.AllowAll}
	c.Account()
	service, err := ec2.New(ec2.Options{State: c.State, NewID: uuid.NewString, NATCreateDelay: delay, NATDeleteDelay: delay})
	check.OK(t, err)
	c.Serve(gateway.Options{
		Services:  []gateway.Service{service.Service()},
		Authorize: func(a gateway.Ask) (gateway.Decision, error) { return c.ask(a) },
	})
	return c
}

func (c *cloud) client(region string) *sdk.Client { return sdk.NewFromConfig(c.Config(region)) }

// refused checks that err is AWS's error of this code, with this in its text.
func refused(t *testing.T, err error, code, says string) {
	t.Helper()
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), says) {
		t.Errorf("got %v, want %s: %s", err, code, says)
	}
}

func named(kind types.ResourceType, name string) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: []types.Tag{{Key: aws.String("Name"), Value: &name}}}}
}

// TestNetwork builds what a stack builds, looks at it, restarts the cloud, and
// takes it down in the only order that works.
func TestNetwork(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir)
	n := build(t, c)
	ctx, client := t.Context(), c.client("us-east-2")

	got := check.Must[*sdk.DescribeRouteTablesOutput](t)(client.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{
		Filters: []types.Filter{{Name: aws.String("association.subnet-id"), Values: []string{n.private}}},
	}))
	if len(got.RouteTables) != 1 || len(got.RouteTables[0].Routes) != 3 || *got.RouteTables[0].Routes[1].NatGatewayId != n.nat ||
		*got.RouteTables[0].Routes[2].GatewayId != n.endpoint || got.RouteTables[0].Routes[1].State != types.RouteStateActive {
		t.Errorf("private route table: %+v", got.RouteTables)
	}
	subnets := check.Must[*sdk.DescribeSubnetsOutput](t)(client.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{
		Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{n.vpc}}, {Name: aws.String("tag:Name"), Values: []string{"pub*"}}},
	}))
	if len(subnets.Subnets) != 1 || *subnets.Subnets[0].AvailableIpAddressCount != 4096-5-1 || !*subnets.Subnets[0].MapPublicIpOnLaunch ||
		*subnets.Subnets[0].AvailabilityZone != "us-east-2a" || *subnets.Subnets[0].AvailabilityZoneId != "use2-az1" {
		t.Errorf("public subnet: %+v", subnets.Subnets)
	}

	for what, err := range map[string]error{
		"vpc":             second(client.DeleteVpc(ctx, &sdk.DeleteVpcInput{VpcId: &n.vpc})),
		"subnet":          second(client.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &n.public})),
		"internetGateway": second(client.DeleteInternetGateway(ctx, &sdk.DeleteInternetGatewayInput{InternetGatewayId: &n.gateway})),
		"routeTable":      second(client.DeleteRouteTable(ctx, &sdk.DeleteRouteTableInput{RouteTableId: &n.table})),
	} {
		refused(t, err, "DependencyViolation", "The "+what+" '")
	}
	_, err := client.ReleaseAddress(ctx, &sdk.ReleaseAddressInput{AllocationId: &n.address})
	refused(t, err, "InvalidIPAddress.InUse", "203.0.113.1")
	detach := &sdk.DetachInternetGatewayInput{InternetGatewayId: &n.gateway, VpcId: &n.vpc}
	_, err = client.DetachInternetGateway(ctx, detach)
	refused(t, err, "DependencyViolation", "some mapped public address(es)")

	c.Stop()
	c = start(t, dir)
	c.Clock.Set(delay)
	client = c.client("us-east-2")
	check.Must[*sdk.DeleteNatGatewayOutput](t)(client.DeleteNatGateway(ctx, &sdk.DeleteNatGatewayInput{NatGatewayId: &n.nat}))
	if g := n.natGateway(t, client); g.State != types.NatGatewayStateDeleting {
		t.Errorf("deleted NAT gateway is %s", g.State)
	}
	c.Clock.Set(2*delay + time.Second)
	if g := n.natGateway(t, client); g.State != types.NatGatewayStateDeleted || g.DeleteTime == nil {
		t.Errorf("deleted NAT gateway is %s later", g.State)
	}
	n.takeDown(t, client)
}

func second[T any](_ T, err error) error { return err }

type built struct{ vpc, public, private, gateway, address, nat, table, association, endpoint string }

func build(t *testing.T, c *cloud) built {
	t.Helper()
	ctx, client := t.Context(), c.client("us-east-2")
	n := built{vpc: *check.Must[*sdk.CreateVpcOutput](t)(client.CreateVpc(ctx,
		&sdk.CreateVpcInput{CidrBlock: aws.String("10.0.7.7/16"), TagSpecifications: named("vpc", "pcluster-vpc")})).Vpc.VpcId}
	check.Must[*sdk.ModifyVpcAttributeOutput](t)(client.ModifyVpcAttribute(ctx,
		&sdk.ModifyVpcAttributeInput{VpcId: &n.vpc, EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	subnet := func(cidr, zone, name string) string {
		return *check.Must[*sdk.CreateSubnetOutput](t)(client.CreateSubnet(ctx,
			&sdk.CreateSubnetInput{VpcId: &n.vpc, CidrBlock: &cidr, AvailabilityZone: &zone,
				TagSpecifications: named("subnet", name)})).Subnet.SubnetId
	}
	n.public, n.private = subnet("10.0.0.0/20", "us-east-2a", "public"), subnet("10.0.128.0/17", "us-east-2b", "private")
	check.Must[*sdk.ModifySubnetAttributeOutput](t)(client.ModifySubnetAttribute(ctx,
		&sdk.ModifySubnetAttributeInput{SubnetId: &n.public, MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	n.gateway = *check.Must[*sdk.CreateInternetGatewayOutput](t)(client.CreateInternetGateway(ctx, nil)).InternetGateway.InternetGatewayId
	check.Must[*sdk.AttachInternetGatewayOutput](t)(client.AttachInternetGateway(ctx,
		&sdk.AttachInternetGatewayInput{InternetGatewayId: &n.gateway, VpcId: &n.vpc}))
	n.address = *check.Must[*sdk.AllocateAddressOutput](t)(client.AllocateAddress(ctx, &sdk.AllocateAddressInput{Domain: "vpc"})).AllocationId
	n.nat = *check.Must[*sdk.CreateNatGatewayOutput](t)(client.CreateNatGateway(ctx,
		&sdk.CreateNatGatewayInput{SubnetId: &n.public, AllocationId: &n.address})).NatGateway.NatGatewayId
	n.table = *check.Must[*sdk.CreateRouteTableOutput](t)(client.CreateRouteTable(ctx,
		&sdk.CreateRouteTableInput{VpcId: &n.vpc})).RouteTable.RouteTableId
	n.association = *check.Must[*sdk.AssociateRouteTableOutput](t)(client.AssociateRouteTable(ctx,
		&sdk.AssociateRouteTableInput{RouteTableId: &n.table, SubnetId: &n.private})).AssociationId

	toNAT := &sdk.CreateRouteInput{RouteTableId: &n.table, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: &n.nat}
	_, err := client.CreateRoute(ctx, toNAT)
	refused(t, err, "InvalidNatGatewayID.NotFound", n.nat) // it is pending
	c.Clock.Set(delay)
	waiter := sdk.NewNatGatewayAvailableWaiter(client)
	if err := waiter.Wait(ctx, &sdk.DescribeNatGatewaysInput{NatGatewayIds: []string{n.nat}}, time.Minute); err != nil {
		t.Fatal(err)
	}
	check.Must[*sdk.CreateRouteOutput](t)(client.CreateRoute(ctx, toNAT))
	n.endpoint = *check.Must[*sdk.CreateVpcEndpointOutput](t)(client.CreateVpcEndpoint(ctx, &sdk.CreateVpcEndpointInput{
		VpcId: &n.vpc, ServiceName: aws.String("com.amazonaws.us-east-2.s3"), RouteTableIds: []string{n.table},
	})).VpcEndpoint.VpcEndpointId
	return n
}

func (n built) natGateway(t *testing.T, client *sdk.Client) types.NatGateway {
	t.Helper()
	out := check.Must[*sdk.DescribeNatGatewaysOutput](t)(client.DescribeNatGateways(t.Context(),
		&sdk.DescribeNatGatewaysInput{NatGatewayIds: []string{n.nat}}))
	return out.NatGateways[0]
}

func (n built) takeDown(t *testing.T, client *sdk.Client) {
	t.Helper()
	ctx := t.Context()
	tables := check.Must[*sdk.DescribeRouteTablesOutput](t)(client.DescribeRouteTables(ctx,
		&sdk.DescribeRouteTablesInput{RouteTableIds: []string{n.table}}))
	if s := tables.RouteTables[0].Routes[1].State; s != types.RouteStateBlackhole {
		t.Errorf("route to the deleted NAT gateway is %s", s)
	}
	deleted := check.Must[*sdk.DeleteVpcEndpointsOutput](t)(client.DeleteVpcEndpoints(ctx,
		&sdk.DeleteVpcEndpointsInput{VpcEndpointIds: []string{n.endpoint, "vpce-0"}}))
	if u := deleted.Unsuccessful; len(u) != 1 || *u[0].ResourceId != "vpce-0" || *u[0].Error.Code != "InvalidVpcEndpointId.NotFound" {
		t.Errorf("unsuccessful: %+v", u)
	}
	check.Must[*sdk.DeleteRouteOutput](t)(client.DeleteRoute(ctx,
		&sdk.DeleteRouteInput{RouteTableId: &n.table, DestinationCidrBlock: aws.String("0.0.0.0/0")}))
	check.Must[*sdk.DisassociateRouteTableOutput](t)(client.DisassociateRouteTable(ctx,
		&sdk.DisassociateRouteTableInput{AssociationId: &n.association}))
	check.Must[*sdk.DeleteRouteTableOutput](t)(client.DeleteRouteTable(ctx, &sdk.DeleteRouteTableInput{RouteTableId: &n.table}))
	check.Must[*sdk.ReleaseAddressOutput](t)(client.ReleaseAddress(ctx, &sdk.ReleaseAddressInput{AllocationId: &n.address}))
	check.Must[*sdk.DetachInternetGatewayOutput](t)(client.DetachInternetGateway(ctx,
		&sdk.DetachInternetGatewayInput{InternetGatewayId: &n.gateway, VpcId: &n.vpc}))
	check.Must[*sdk.DeleteInternetGatewayOutput](t)(client.DeleteInternetGateway(ctx,
		&sdk.DeleteInternetGatewayInput{InternetGatewayId: &n.gateway}))
	check.Must[*sdk.DeleteSubnetOutput](t)(client.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &n.public}))
	check.Must[*sdk.DeleteSubnetOutput](t)(client.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &n.private}))
	check.Must[*sdk.DeleteVpcOutput](t)(client.DeleteVpc(ctx, &sdk.DeleteVpcInput{VpcId: &n.vpc}))
	_, err := client.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{VpcIds: []string{n.vpc}})
	refused(t, err, "InvalidVpcID.NotFound", "The vpc ID '"+n.vpc+"' does not exist")
	groups := check.Must[*sdk.DescribeSecurityGroupsOutput](t)(client.DescribeSecurityGroups(ctx, nil))
	if len(groups.SecurityGroups) != 0 {
		t.Errorf("security groups left: %+v", groups.SecurityGroups)
	}
}
