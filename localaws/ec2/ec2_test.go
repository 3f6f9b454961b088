package ec2_test

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/ec2"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// cloud is EC2 behind the gateway. Its clock runs, and can be put ahead by less
// than the skew that signatures allow.
type cloud struct {
	url   string
	key   principal.AccessKey
	ahead atomic.Int64
	ask   func(gateway.Ask) (gateway.Decision, error)
	stop  func()
}

const delay = time.Minute

func start(t *testing.T, dir string) *cloud {
	t.Helper()
	db, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	principals, err := principal.NewStore(db, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{ask: gateway.AllowAll}
	access, err := account.New(db, principals, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if c.key, err = access.EnsureUser("operator"); err != nil {
		t.Fatal(err)
	}
	service, err := ec2.New(ec2.Options{State: db, NewID: uuid.NewString, NATCreateDelay: delay, NATDeleteDelay: delay})
	if err != nil {
		t.Fatal(err)
	}
	gw, err := gateway.New(gateway.Options{
		Services: []gateway.Service{service.Service()}, Lookup: principals.Lookup, NewID: uuid.NewString, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Now:       func() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) },
		Authorize: func(a gateway.Ask) (gateway.Decision, error) { return c.ask(a) },
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gw)
	c.url = srv.URL
	stopped := false
	c.stop = func() {
		if !stopped {
			stopped = true
			srv.Close()
			db.Close()
		}
	}
	t.Cleanup(c.stop)
	return c
}

func (c *cloud) client(region string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: region, BaseEndpoint: aws.String(c.url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(c.key.ID, c.key.Secret, ""),
	})
}

// must is the output of a call that has to work.
func must[T any](t *testing.T) func(out T, err error) T {
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

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

	got := must[*sdk.DescribeRouteTablesOutput](t)(client.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{
		Filters: []types.Filter{{Name: aws.String("association.subnet-id"), Values: []string{n.private}}},
	}))
	if len(got.RouteTables) != 1 || len(got.RouteTables[0].Routes) != 3 || *got.RouteTables[0].Routes[1].NatGatewayId != n.nat ||
		*got.RouteTables[0].Routes[2].GatewayId != n.endpoint || got.RouteTables[0].Routes[1].State != types.RouteStateActive {
		t.Errorf("private route table: %+v", got.RouteTables)
	}
	subnets := must[*sdk.DescribeSubnetsOutput](t)(client.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{
		Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{n.vpc}}, {Name: aws.String("tag:Name"), Values: []string{"pub*"}}},
	}))
	if len(subnets.Subnets) != 1 || *subnets.Subnets[0].AvailableIpAddressCount != 4096-5-1 || !*subnets.Subnets[0].MapPublicIpOnLaunch ||
		*subnets.Subnets[0].AvailabilityZone != "us-east-2a" || *subnets.Subnets[0].AvailabilityZoneId != "use2-az1" {
		t.Errorf("public subnet: %+v", subnets.Subnets)
	}

	for what, err := range map[string]error{
		"vpc": second(client.DeleteVpc(ctx, &sdk.DeleteVpcInput{VpcId: &n.vpc})), "subnet": second(client.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &n.public})),
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

	c.stop()
	c = start(t, dir)
	c.ahead.Store(int64(delay))
	client = c.client("us-east-2")
	must[*sdk.DeleteNatGatewayOutput](t)(client.DeleteNatGateway(ctx, &sdk.DeleteNatGatewayInput{NatGatewayId: &n.nat}))
	if g := n.natGateway(t, client); g.State != types.NatGatewayStateDeleting {
		t.Errorf("deleted NAT gateway is %s", g.State)
	}
	c.ahead.Store(int64(2*delay) + int64(time.Second))
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
	n := built{vpc: *must[*sdk.CreateVpcOutput](t)(client.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: aws.String("10.0.7.7/16"), TagSpecifications: named("vpc", "pcluster-vpc")})).Vpc.VpcId}
	must[*sdk.ModifyVpcAttributeOutput](t)(client.ModifyVpcAttribute(ctx, &sdk.ModifyVpcAttributeInput{VpcId: &n.vpc, EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	subnet := func(cidr, zone, name string) string {
		return *must[*sdk.CreateSubnetOutput](t)(client.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: &n.vpc, CidrBlock: &cidr, AvailabilityZone: &zone, TagSpecifications: named("subnet", name)})).Subnet.SubnetId
	}
	n.public, n.private = subnet("10.0.0.0/20", "us-east-2a", "public"), subnet("10.0.128.0/17", "us-east-2b", "private")
	must[*sdk.ModifySubnetAttributeOutput](t)(client.ModifySubnetAttribute(ctx, &sdk.ModifySubnetAttributeInput{SubnetId: &n.public, MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	n.gateway = *must[*sdk.CreateInternetGatewayOutput](t)(client.CreateInternetGateway(ctx, nil)).InternetGateway.InternetGatewayId
	must[*sdk.AttachInternetGatewayOutput](t)(client.AttachInternetGateway(ctx, &sdk.AttachInternetGatewayInput{InternetGatewayId: &n.gateway, VpcId: &n.vpc}))
	n.address = *must[*sdk.AllocateAddressOutput](t)(client.AllocateAddress(ctx, &sdk.AllocateAddressInput{Domain: "vpc"})).AllocationId
	n.nat = *must[*sdk.CreateNatGatewayOutput](t)(client.CreateNatGateway(ctx, &sdk.CreateNatGatewayInput{SubnetId: &n.public, AllocationId: &n.address})).NatGateway.NatGatewayId
	n.table = *must[*sdk.CreateRouteTableOutput](t)(client.CreateRouteTable(ctx, &sdk.CreateRouteTableInput{VpcId: &n.vpc})).RouteTable.RouteTableId
	n.association = *must[*sdk.AssociateRouteTableOutput](t)(client.AssociateRouteTable(ctx, &sdk.AssociateRouteTableInput{RouteTableId: &n.table, SubnetId: &n.private})).AssociationId

	toNAT := &sdk.CreateRouteInput{RouteTableId: &n.table, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: &n.nat}
	_, err := client.CreateRoute(ctx, toNAT)
	refused(t, err, "InvalidNatGatewayID.NotFound", n.nat) // it is pending
	c.ahead.Store(int64(delay))
	waiter := sdk.NewNatGatewayAvailableWaiter(client)
	if err := waiter.Wait(ctx, &sdk.DescribeNatGatewaysInput{NatGatewayIds: []string{n.nat}}, time.Second); err != nil {
		t.Fatal(err)
	}
	must[*sdk.CreateRouteOutput](t)(client.CreateRoute(ctx, toNAT))
	n.endpoint = *must[*sdk.CreateVpcEndpointOutput](t)(client.CreateVpcEndpoint(ctx, &sdk.CreateVpcEndpointInput{
		VpcId: &n.vpc, ServiceName: aws.String("com.amazonaws.us-east-2.s3"), RouteTableIds: []string{n.table},
	})).VpcEndpoint.VpcEndpointId
	return n
}

func (n built) natGateway(t *testing.T, client *sdk.Client) types.NatGateway {
	t.Helper()
	out := must[*sdk.DescribeNatGatewaysOutput](t)(client.DescribeNatGateways(t.Context(), &sdk.DescribeNatGatewaysInput{NatGatewayIds: []string{n.nat}}))
	return out.NatGateways[0]
}

func (n built) takeDown(t *testing.T, client *sdk.Client) {
	t.Helper()
	ctx := t.Context()
	tables := must[*sdk.DescribeRouteTablesOutput](t)(client.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{RouteTableIds: []string{n.table}}))
	if s := tables.RouteTables[0].Routes[1].State; s != types.RouteStateBlackhole {
		t.Errorf("route to the deleted NAT gateway is %s", s)
	}
	deleted := must[*sdk.DeleteVpcEndpointsOutput](t)(client.DeleteVpcEndpoints(ctx, &sdk.DeleteVpcEndpointsInput{VpcEndpointIds: []string{n.endpoint, "vpce-0"}}))
	if u := deleted.Unsuccessful; len(u) != 1 || *u[0].ResourceId != "vpce-0" || *u[0].Error.Code != "InvalidVpcEndpointId.NotFound" {
		t.Errorf("unsuccessful: %+v", u)
	}
	must[*sdk.DeleteRouteOutput](t)(client.DeleteRoute(ctx, &sdk.DeleteRouteInput{RouteTableId: &n.table, DestinationCidrBlock: aws.String("0.0.0.0/0")}))
	must[*sdk.DisassociateRouteTableOutput](t)(client.DisassociateRouteTable(ctx, &sdk.DisassociateRouteTableInput{AssociationId: &n.association}))
	must[*sdk.DeleteRouteTableOutput](t)(client.DeleteRouteTable(ctx, &sdk.DeleteRouteTableInput{RouteTableId: &n.table}))
	must[*sdk.ReleaseAddressOutput](t)(client.ReleaseAddress(ctx, &sdk.ReleaseAddressInput{AllocationId: &n.address}))
	must[*sdk.DetachInternetGatewayOutput](t)(client.DetachInternetGateway(ctx, &sdk.DetachInternetGatewayInput{InternetGatewayId: &n.gateway, VpcId: &n.vpc}))
	must[*sdk.DeleteInternetGatewayOutput](t)(client.DeleteInternetGateway(ctx, &sdk.DeleteInternetGatewayInput{InternetGatewayId: &n.gateway}))
	must[*sdk.DeleteSubnetOutput](t)(client.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &n.public}))
	must[*sdk.DeleteSubnetOutput](t)(client.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &n.private}))
	must[*sdk.DeleteVpcOutput](t)(client.DeleteVpc(ctx, &sdk.DeleteVpcInput{VpcId: &n.vpc}))
	_, err := client.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{VpcIds: []string{n.vpc}})
	refused(t, err, "InvalidVpcID.NotFound", "The vpc ID '"+n.vpc+"' does not exist")
	groups := must[*sdk.DescribeSecurityGroupsOutput](t)(client.DescribeSecurityGroups(ctx, nil))
	if len(groups.SecurityGroups) != 0 {
		t.Errorf("security groups left: %+v", groups.SecurityGroups)
	}
}
