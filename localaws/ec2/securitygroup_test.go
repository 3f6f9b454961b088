package ec2_test

import (
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestSecurityGroups makes the two groups of a cluster, gives them rules, puts an instance in one, and removes all again.
func TestSecurityGroups(t *testing.T) {
	c := start(t, t.TempDir())
	n := build(t, c)
	ctx, client := t.Context(), c.client("us-east-2")
	create := func(name string) (string, error) {
		out, err := client.CreateSecurityGroup(ctx, &sdk.CreateSecurityGroupInput{GroupName: &name, Description: aws.String("test"),
			VpcId:             &n.vpc,
			TagSpecifications: named(types.ResourceTypeSecurityGroup, name)})
		if err != nil {
			return "", err
		}
		return *out.GroupId, nil
	}
	head := check.Must[string](t)(create("head"))
	compute := check.Must[string](t)(create("compute"))
	for name, code := range map[string]string{"head": "InvalidGroup.Duplicate", "default": "InvalidParameterValue",
		"sg-1": "InvalidParameterValue",
		"ä":    "InvalidParameterValue"} {
		_, err := create(name)
		refused(t, err, code, name)
	}

	permit := func(group string, p types.IpPermission) error {
		_, err := client.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &group,
			IpPermissions: []types.IpPermission{p}})
		return err
	}
	from := func(protocol string, first, last int32, source string) types.IpPermission {
		return types.IpPermission{IpProtocol: &protocol, FromPort: &first, ToPort: &last,
			UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &source}}}
	}
	check.OK(t, permit(compute, from("tcp", 9100, 9100, head)))
	block := types.IpPermission{IpProtocol: aws.String("6"), FromPort: aws.Int32(9100), ToPort: aws.Int32(9100),
		IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.7/24"), Description: aws.String("the public subnet")}}}
	check.OK(t, permit(compute, block))
	refused(t, permit(compute, from("tcp", 9100, 9100, head)), "InvalidPermission.Duplicate",
		`the specified rule "peer: `+head+`, TCP, from port: 9100, to port: 9100, ALLOW" already exists`)
	refused(t, permit(compute, from("tcp", 9100, 9100, "sg-0")), "InvalidGroup.NotFound", "sg-0")
	refused(t, permit(compute, from("tcp", 9200, 9100, head)), "InvalidParameterValue", "ports")
	refused(t, permit(compute, from("tcp", 9100, 65536, head)), "InvalidParameterValue", "ports")
	refused(t, permit(compute, from("scrape", 9100, 9100, head)), "InvalidParameterValue", "Unknown protocol")
	refused(t, permit(compute, types.IpPermission{IpProtocol: aws.String("-1")}), "MissingParameter", "security group")
	refused(t, permit("sg-0", block), "InvalidGroup.NotFound", "sg-0")

	groups := check.Must[*sdk.DescribeSecurityGroupsOutput](t)(client.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{
		Filters: []types.Filter{{Name: aws.String("ip-permission.from-port"), Values: []string{"9100"}}}})).SecurityGroups
	if len(groups) != 1 || *groups[0].GroupId != compute || len(groups[0].IpPermissions) != 1 || len(groups[0].IpPermissionsEgress) != 1 {
		t.Fatalf("%+v", groups)
	}
	shown, out := groups[0].IpPermissions[0], groups[0].IpPermissionsEgress[0]
	if *shown.IpProtocol != "tcp" || *shown.FromPort != 9100 || *shown.UserIdGroupPairs[0].GroupId != head ||
		*shown.IpRanges[0].CidrIp != "10.0.0.0/24" || *shown.IpRanges[0].Description != "the public subnet" {
		t.Errorf("permission: %+v", shown)
	}
	if *out.IpProtocol != "-1" || out.FromPort != nil || *out.IpRanges[0].CidrIp != "0.0.0.0/0" {
		t.Errorf("egress: %+v", out)
	}
	rules := check.Must[*sdk.DescribeSecurityGroupRulesOutput](t)(client.DescribeSecurityGroupRules(ctx, &sdk.DescribeSecurityGroupRulesInput{
		Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{compute}}}})).SecurityGroupRules
	if len(rules) != 3 {
		t.Fatalf("%+v", rules)
	}

	launched := check.Must[*sdk.RunInstancesOutput](t)(client.RunInstances(ctx, &sdk.RunInstancesInput{ImageId: aws.String("ami-1"),
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &n.private, SecurityGroupIds: []string{compute}})).Instances[0]
	if len(launched.SecurityGroups) != 1 || *launched.SecurityGroups[0].GroupId != compute ||
		*launched.SecurityGroups[0].GroupName != "compute" {
		t.Errorf("instance: %+v", launched.SecurityGroups)
	}
	remove := func(id string) error {
		_, err := client.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupId: &id})
		return err
	}
	refused(t, remove(compute), "DependencyViolation", compute+" has a dependent object")
	refused(t, remove(head), "DependencyViolation", head)
	_, err := client.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{*launched.InstanceId}})
	check.OK(t, err)
	c.revokeAll(t, client, compute, rules)
	check.OK(t, remove(head))
	check.OK(t, remove(compute))
	all := check.Must[*sdk.DescribeSecurityGroupsOutput](t)(client.DescribeSecurityGroups(ctx, nil)).SecurityGroups
	refused(t, remove(*all[0].GroupId), "CannotDelete", "cannot be deleted by a user")
}

// TestASecurityGroupIsInTheWay of deleting its VPC.
func TestASecurityGroupIsInTheWay(t *testing.T) {
	client := start(t, t.TempDir()).client("us-east-2")
	vpc := check.Must[*sdk.CreateVpcOutput](t)(client.CreateVpc(t.Context(),
		&sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc.VpcId
	group := check.Must[*sdk.CreateSecurityGroupOutput](t)(client.CreateSecurityGroup(t.Context(),
		&sdk.CreateSecurityGroupInput{GroupName: aws.String("g"), Description: aws.String("test"), VpcId: vpc})).GroupId
	_, err := client.DeleteVpc(t.Context(), &sdk.DeleteVpcInput{VpcId: vpc})
	refused(t, err, "DependencyViolation", *vpc)
	_, err = client.DeleteSecurityGroup(t.Context(), &sdk.DeleteSecurityGroupInput{GroupId: group})
	check.OK(t, err)
	_, err = client.DeleteVpc(t.Context(), &sdk.DeleteVpcInput{VpcId: vpc})
	check.OK(t, err)
}

// revokeAll removes rules: those of ingress by their ids, that of egress by what it allows.
func (c *cloud) revokeAll(t *testing.T, client *sdk.Client, group string, rules []types.SecurityGroupRule) {
	t.Helper()
	everything := []types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}
	for _, r := range rules {
		if *r.IsEgress {
			_, err := client.RevokeSecurityGroupEgress(t.Context(), &sdk.RevokeSecurityGroupEgressInput{GroupId: &group, IpPermissions: everything})
			check.OK(t, err)
			continue
		}
		in := &sdk.RevokeSecurityGroupIngressInput{GroupId: &group, SecurityGroupRuleIds: []string{*r.SecurityGroupRuleId}}
		_, err := client.RevokeSecurityGroupIngress(t.Context(), in)
		check.OK(t, err)
		_, err = client.RevokeSecurityGroupIngress(t.Context(), in)
		refused(t, err, "InvalidSecurityGroupRuleId.NotFound", *r.SecurityGroupRuleId)
	}
	_, err := client.RevokeSecurityGroupEgress(t.Context(), &sdk.RevokeSecurityGroupEgressInput{GroupId: &group, IpPermissions: everything})
	refused(t, err, "InvalidPermission.NotFound", "does not exist")
}

// TestRulesOfASecurityGroupAreBounded to 60 of each direction.
func TestRulesOfASecurityGroupAreBounded(t *testing.T) {
	c := start(t, t.TempDir())
	n := build(t, c)
	client := c.client("us-east-2")
	id := *check.Must[*sdk.CreateSecurityGroupOutput](t)(client.CreateSecurityGroup(t.Context(),
		&sdk.CreateSecurityGroupInput{GroupName: aws.String("many"), Description: aws.String("test"), VpcId: &n.vpc})).GroupId
	permit := func(first, last int) error {
		p := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(1), ToPort: aws.Int32(1)}
		for i := first; i <= last; i++ {
			p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: aws.String("10.0.0." + strconv.Itoa(i) + "/32")})
		}
		_, err := client.AuthorizeSecurityGroupIngress(t.Context(), &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &id,
			IpPermissions: []types.IpPermission{p}})
		return err
	}
	refused(t, permit(1, 61), "RulesPerSecurityGroupLimitExceeded", "maximum number of rules")
	check.OK(t, permit(1, 60))
	refused(t, permit(61, 61), "RulesPerSecurityGroupLimitExceeded", "maximum number of rules")
}

// TestRulesOfSecurityGroupsArePermitted by the group that they are of.
func TestRulesOfSecurityGroupsArePermitted(t *testing.T) {
	c := start(t, t.TempDir())
	n := build(t, c)
	client := c.client("us-east-2")
	group := *check.Must[*sdk.CreateSecurityGroupOutput](t)(client.CreateSecurityGroup(t.Context(),
		&sdk.CreateSecurityGroupInput{GroupName: aws.String("g"), Description: aws.String("test"), VpcId: &n.vpc})).GroupId
	var asked []gateway.Ask
	c.ask = func(a gateway.Ask) (gateway.Decision, error) {
		asked = append(asked, a)
		return gateway.AllowAll(a)
	}
	_, err := client.AuthorizeSecurityGroupIngress(t.Context(), &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &group,
		IpPermissions: []types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}}}}})
	check.OK(t, err)
	if len(asked) != 1 || asked[0].Action != "ec2:AuthorizeSecurityGroupIngress" ||
		asked[0].Resource != "arn:aws:ec2:us-east-2:111122223333:security-group/"+group {
		t.Errorf("asked for %+v", asked)
	}
}
