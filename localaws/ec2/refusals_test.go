package ec2_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
)

func TestRefusals(t *testing.T) {
	c := start(t, t.TempDir())
	n := build(t, c)
	ctx, client := t.Context(), c.client("us-east-2")
	subnet := func(cidr, zone string) error {
		return second(client.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: &n.vpc, CidrBlock: &cidr, AvailabilityZone: &zone}))
	}
	vpc := func(in sdk.CreateVpcInput) error { return second(client.CreateVpc(ctx, &in)) }
	route := func(cidr string) error {
		return second(client.CreateRoute(ctx, &sdk.CreateRouteInput{RouteTableId: &n.table, DestinationCidrBlock: &cidr, GatewayId: &n.gateway}))
	}
	for name, tc := range map[string]struct {
		err        error
		code, says string
	}{
		"subnet overlaps": {subnet("10.0.8.0/24", "us-east-2a"), "InvalidSubnet.Conflict",
			"The CIDR '10.0.8.0/24' conflicts with another subnet"},
		"subnet outside":      {subnet("10.1.0.0/24", "us-east-2a"), "InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid."},
		"subnet too small":    {subnet("10.0.64.0/29", "us-east-2a"), "InvalidSubnet.Range", ""},
		"subnet's zone":       {subnet("10.0.64.0/24", "us-east-2d"), "InvalidParameterValue", "us-east-2a, us-east-2b, us-east-2c."},
		"zone before overlap": {subnet("10.0.8.0/24", "us-east-2d"), "InvalidParameterValue", "us-east-2a, us-east-2b, us-east-2c."},
		"no block": {vpc(sdk.CreateVpcInput{CidrBlock: aws.String("10.0")}), "InvalidParameterValue",
			"Value (10.0) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
		"VPC too large": {vpc(sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/15")}), "InvalidVpc.Range", ""},
		"IPv6": {vpc(sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)}),
			"NotImplemented", "AmazonProvidedIpv6CidrBlock"},
		"tag of another kind": {vpc(sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: named("subnet", "x")}),
			"InvalidParameterValue", "'subnet' is not a valid taggable"},
		"dry run": {vpc(sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), DryRun: aws.Bool(true)}), "DryRunOperation",
			"DryRun flag is set"},
		"second route":       {route("0.0.0.0/0"), "RouteAlreadyExists", "0.0.0.0/0"},
		"route into the VPC": {route("10.0.1.0/24"), "InvalidParameterValue", "equal to or more specific"},
		"second gateway": {second(client.AttachInternetGateway(ctx, &sdk.AttachInternetGatewayInput{InternetGatewayId: &n.gateway,
			VpcId: &n.vpc})), "Resource.AlreadyAssociated", n.vpc},
		"no such filter": {second(client.DescribeVpcs(ctx,
			&sdk.DescribeVpcsInput{Filters: []types.Filter{{Name: aws.String("colour"), Values: []string{"red"}}}})), "InvalidParameterValue",
			"The filter 'colour' is invalid"},
		"endpoint of nothing": {second(client.CreateVpcEndpoint(ctx,
			&sdk.CreateVpcEndpointInput{VpcId: &n.vpc, ServiceName: aws.String("com.amazonaws.us-east-1.s3")})), "InvalidServiceName", "us-east-1"},
		"no such service": {second(client.CreateVpcEndpoint(ctx,
			&sdk.CreateVpcEndpointInput{VpcId: &n.vpc, ServiceName: aws.String("com.amazonaws.us-east-2.sqs")})), "InvalidServiceName", "sqs"},
		"interface endpoint": {second(client.CreateVpcEndpoint(ctx,
			&sdk.CreateVpcEndpointInput{VpcId: &n.vpc, ServiceName: aws.String("com.amazonaws.us-east-2.s3"), VpcEndpointType: "Interface"})),
			"NotImplemented", "VpcEndpointType=Interface"},
		"no such subnet": {second(client.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{SubnetIds: []string{"subnet-0"}})),
			"InvalidSubnetID.NotFound", "The subnet ID 'subnet-0' does not exist"},
		"no such NAT gateway": {second(client.DeleteNatGateway(ctx, &sdk.DeleteNatGatewayInput{NatGatewayId: aws.String("nat-0")})),
			"NatGatewayNotFound", "nat-0"},
		"other region": {second(c.client("eu-west-1").DescribeVpcs(ctx, &sdk.DescribeVpcsInput{VpcIds: []string{n.vpc}})),
			"InvalidVpcID.NotFound", n.vpc},
		"known, not done": {second(client.CreateDhcpOptions(ctx,
			&sdk.CreateDhcpOptionsInput{DhcpConfigurations: []types.NewDhcpConfiguration{{Key: aws.String("ntp-servers")}}})),
			"NotImplemented", "ec2:CreateDhcpOptions"},
		"not listed, not done": {second(client.DescribeVolumes(ctx, nil)), "NotImplemented", "ec2:DescribeVolumes"},
		"AWS's own tag": {second(client.CreateTags(ctx,
			&sdk.CreateTagsInput{Resources: []string{n.vpc}, Tags: []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("y")}}})),
			"InvalidParameterValue", "reserved for internal use"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tc.err, tc.code, tc.says) })
	}
}

// TestNATWithoutInternetGateway fails as on AWS: after a while, with the reason.
func TestNATWithoutInternetGateway(t *testing.T) {
	c := start(t, t.TempDir())
	ctx, client := t.Context(), c.client("us-east-2")
	vpc := check.Must[*sdk.CreateVpcOutput](t)(client.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc.VpcId
	subnet := check.Must[*sdk.CreateSubnetOutput](t)(client.CreateSubnet(ctx,
		&sdk.CreateSubnetInput{VpcId: vpc, CidrBlock: aws.String("10.0.0.0/24")})).Subnet.SubnetId
	address := check.Must[*sdk.AllocateAddressOutput](t)(client.AllocateAddress(ctx, nil)).AllocationId
	n := built{nat: *check.Must[*sdk.CreateNatGatewayOutput](t)(client.CreateNatGateway(ctx,
		&sdk.CreateNatGatewayInput{SubnetId: subnet, AllocationId: address})).NatGateway.NatGatewayId}
	if g := n.natGateway(t, client); g.State != types.NatGatewayStatePending {
		t.Errorf("at first it is %s", g.State)
	}
	c.Clock.Set(delay)
	if g := n.natGateway(t, client); g.State != types.NatGatewayStateFailed || *g.FailureCode != "Gateway.NotAttached" ||
		*g.FailureMessage != "Network "+*vpc+" has no Internet gateway attached" {
		t.Errorf("then it is %s: %s", g.State, aws.ToString(g.FailureMessage))
	}
	check.Must[*sdk.ReleaseAddressOutput](t)(client.ReleaseAddress(ctx, &sdk.ReleaseAddressInput{AllocationId: address})) // nothing holds it
}

// TestAddressInUse: a second NAT gateway on one address fails, and the first
// keeps it.
func TestAddressInUse(t *testing.T) {
	c := start(t, t.TempDir())
	first := build(t, c)
	ctx, client := t.Context(), c.client("us-east-2")
	second := built{nat: *check.Must[*sdk.CreateNatGatewayOutput](t)(client.CreateNatGateway(ctx,
		&sdk.CreateNatGatewayInput{SubnetId: &first.public, AllocationId: &first.address})).NatGateway.NatGatewayId}
	c.Clock.Set(2 * delay)
	if g := second.natGateway(t, client); g.State != types.NatGatewayStateFailed || *g.FailureCode != "Resource.AlreadyAssociated" {
		t.Errorf("the second is %s: %s", g.State, aws.ToString(g.FailureMessage))
	}
	held := check.Must[*sdk.DescribeAddressesOutput](t)(client.DescribeAddresses(ctx,
		&sdk.DescribeAddressesInput{AllocationIds: []string{first.address}}))
	g := first.natGateway(t, client)
	if *held.Addresses[0].AssociationId != *g.NatGatewayAddresses[0].AssociationId {
		t.Errorf("the address is of %s, not of the first gateway", *held.Addresses[0].AssociationId)
	}
}

func TestQuotas(t *testing.T) {
	c := start(t, t.TempDir())
	ctx, client := t.Context(), c.client("us-east-2")
	for range 5 {
		check.Must[*sdk.CreateVpcOutput](t)(client.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")}))
		check.Must[*sdk.CreateInternetGatewayOutput](t)(client.CreateInternetGateway(ctx, nil))
		check.Must[*sdk.AllocateAddressOutput](t)(client.AllocateAddress(ctx, nil))
	}
	refused(t, second(client.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})), "VpcLimitExceeded",
		"maximum number of VPCs")
	refused(t, second(client.CreateInternetGateway(ctx, nil)), "InternetGatewayLimitExceeded", "maximum number of internet gateways")
	refused(t, second(client.AllocateAddress(ctx, nil)), "AddressLimitExceeded", "maximum number of addresses")
	check.Must[*sdk.AllocateAddressOutput](t)(c.client("us-west-2").AllocateAddress(ctx, nil)) // each region has its own
}

func TestTags(t *testing.T) {
	c := start(t, t.TempDir())
	ctx, client := t.Context(), c.client("us-east-2")
	vpc := *check.Must[*sdk.CreateVpcOutput](t)(client.CreateVpc(ctx,
		&sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: named("vpc", "a")})).Vpc.VpcId
	tag := func(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }
	check.Must[*sdk.CreateTagsOutput](t)(client.CreateTags(ctx,
		&sdk.CreateTagsInput{Resources: []string{vpc}, Tags: []types.Tag{tag("Name", "b"), tag("x", "1"), tag("y", "2")}}))
	check.Must[*sdk.DeleteTagsOutput](t)(client.DeleteTags(ctx,
		&sdk.DeleteTagsInput{Resources: []string{vpc}, Tags: []types.Tag{tag("x", "other"), {Key: aws.String("y")}}}))
	out := check.Must[*sdk.DescribeTagsOutput](t)(client.DescribeTags(ctx,
		&sdk.DescribeTagsInput{Filters: []types.Filter{{Name: aws.String("resource-id"), Values: []string{vpc}}}}))
	var got []string
	for _, d := range out.Tags {
		got = append(got, string(d.ResourceType)+" "+*d.Key+"="+*d.Value)
	}
	if diff := cmp.Diff([]string{"vpc Name=b", "vpc x=1"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestMainTable: a VPC's main table cannot be let go, only replaced.
func TestMainTable(t *testing.T) {
	c := start(t, t.TempDir())
	n := build(t, c)
	ctx, client := t.Context(), c.client("us-east-2")
	main := func() types.RouteTable {
		out := check.Must[*sdk.DescribeRouteTablesOutput](t)(client.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{
			Filters: []types.Filter{{Name: aws.String("association.main"), Values: []string{"true"}}},
		}))
		return out.RouteTables[0]
	}
	first := main()
	association := first.Associations[0].RouteTableAssociationId
	_, err := client.DisassociateRouteTable(ctx, &sdk.DisassociateRouteTableInput{AssociationId: association})
	refused(t, err, "InvalidParameterValue", "cannot disassociate the main route table association")
	check.Must[*sdk.ReplaceRouteTableAssociationOutput](t)(client.ReplaceRouteTableAssociation(ctx,
		&sdk.ReplaceRouteTableAssociationInput{AssociationId: association, RouteTableId: &n.table}))
	if id := *main().RouteTableId; id != n.table {
		t.Errorf("main table is %s", id)
	}
	check.Must[*sdk.DeleteRouteTableOutput](t)(client.DeleteRouteTable(ctx, &sdk.DeleteRouteTableInput{RouteTableId: first.RouteTableId}))
}

func TestPagesZonesAndRegions(t *testing.T) {
	c := start(t, t.TempDir())
	ctx, client := t.Context(), c.client("us-east-2")
	vpc := check.Must[*sdk.CreateVpcOutput](t)(client.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc.VpcId
	for _, cidr := range []string{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24", "10.0.4.0/24", "10.0.5.0/24", "10.0.6.0/24"} {
		check.Must[*sdk.CreateSubnetOutput](t)(client.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: vpc, CidrBlock: &cidr}))
	}
	var sizes []int
	for p := sdk.NewDescribeSubnetsPaginator(client, &sdk.DescribeSubnetsInput{MaxResults: aws.Int32(5)}); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.Subnets))
	}
	if !slices.Equal(sizes, []int{5, 2}) {
		t.Errorf("pages of %v", sizes)
	}
	zones := check.Must[*sdk.DescribeAvailabilityZonesOutput](t)(c.client("ap-northeast-1").DescribeAvailabilityZones(ctx, nil))
	var names []string
	for _, z := range zones.AvailabilityZones {
		names = append(names, *z.ZoneName+" "+*z.ZoneId)
	}
	if diff := cmp.Diff([]string{"ap-northeast-1a apne1-az1", "ap-northeast-1c apne1-az2", "ap-northeast-1d apne1-az3"}, names); diff != "" {
		t.Error(diff)
	}
	if regions := check.Must[*sdk.DescribeRegionsOutput](t)(client.DescribeRegions(ctx, nil)); len(regions.Regions) != 17 {
		t.Errorf("%d regions", len(regions.Regions))
	}
	if out := check.Must[*sdk.DescribeInstancesOutput](t)(client.DescribeInstances(ctx, nil)); len(out.Reservations) != 0 {
		t.Errorf("instances: %+v", out.Reservations)
	}
}

// TestPermissions shows what the policies are asked, and a refusal.
func TestPermissions(t *testing.T) {
	c := start(t, t.TempDir())
	ctx, client := t.Context(), c.client("us-east-2")
	var asked []string
	deny := ""
	c.ask = func(a gateway.Ask) (gateway.Decision, error) {
		line := a.Action + " " + strings.TrimPrefix(a.Resource, "arn:aws:ec2:us-east-2:111122223333:")
		for _, key := range []string{"ec2:CreateAction", "aws:RequestTag/Name", "aws:ResourceTag/Name"} {
			if v, ok := a.Keys[key]; ok {
				line += " " + key + "=" + v[0]
			}
		}
		asked = append(asked, line)
		return gateway.Decision{Allowed: a.Action != deny, Because: "no identity-based policy allows the " + a.Action + " action"}, nil
	}
	vpc := *check.Must[*sdk.CreateVpcOutput](t)(client.CreateVpc(ctx,
		&sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: named("vpc", "a")})).Vpc.VpcId
	subnet := *check.Must[*sdk.CreateSubnetOutput](t)(client.CreateSubnet(ctx,
		&sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.0.0.0/24")})).Subnet.SubnetId
	table := *check.Must[*sdk.CreateRouteTableOutput](t)(client.CreateRouteTable(ctx,
		&sdk.CreateRouteTableInput{VpcId: &vpc})).RouteTable.RouteTableId
	association := check.Must[*sdk.AssociateRouteTableOutput](t)(client.AssociateRouteTable(ctx,
		&sdk.AssociateRouteTableInput{RouteTableId: &table, SubnetId: &subnet})).AssociationId
	check.Must[*sdk.DisassociateRouteTableOutput](t)(client.DisassociateRouteTable(ctx,
		&sdk.DisassociateRouteTableInput{AssociationId: association}))
	check.Must[*sdk.ModifyVpcAttributeOutput](t)(client.ModifyVpcAttribute(ctx,
		&sdk.ModifyVpcAttributeInput{VpcId: &vpc, EnableDnsSupport: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	check.Must[*sdk.DescribeVpcsOutput](t)(client.DescribeVpcs(ctx, nil))
	want := []string{
		"ec2:CreateVpc vpc/* aws:RequestTag/Name=a", "ec2:CreateTags vpc/* ec2:CreateAction=CreateVpc aws:RequestTag/Name=a",
		"ec2:CreateSubnet subnet/*", "ec2:CreateSubnet vpc/" + vpc,
		"ec2:CreateRouteTable route-table/*", "ec2:CreateRouteTable vpc/" + vpc,
		"ec2:AssociateRouteTable route-table/" + table, "ec2:AssociateRouteTable subnet/" + subnet,
		"ec2:DisassociateRouteTable route-table/" + table, "ec2:ModifyVpcAttribute vpc/" + vpc + " aws:ResourceTag/Name=a", "ec2:DescribeVpcs *",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	deny = "ec2:CreateTags"
	_, err := client.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16"), TagSpecifications: named("vpc", "a")})
	refused(t, err, "UnauthorizedOperation",
		"is not authorized to perform: ec2:CreateTags on resource: arn:aws:ec2:us-east-2:111122223333:vpc/*")
	if vpcs := check.Must[*sdk.DescribeVpcsOutput](t)(client.DescribeVpcs(ctx, nil)); len(vpcs.Vpcs) != 1 {
		t.Errorf("%d VPCs", len(vpcs.Vpcs))
	}
}
