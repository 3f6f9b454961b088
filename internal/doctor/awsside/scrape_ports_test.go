package awsside

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestSecurityGroupsOfACluster: a site's own groups have no rule for the ports, get one after the other, and lose the
// head node's way out.
func TestSecurityGroupsOfACluster(t *testing.T) {
	s := newSite(t)
	now := time.Now()
	s.env.Now = func() time.Time { return now }
	for _, name := range []string{"well", "closed"} {
		s.send(t, healthy(1).series(t, name, now.Add(-time.Minute)))
		s.send(t, healthy(1).series(t, name, now))
	}
	s.findClusters(t)
	ctx, network := t.Context(), ec2.NewFromConfig(s.cfg)
	policy := *check.Must[*iam.CreatePolicyOutput](t)(iam.NewFromConfig(s.cfg).CreatePolicy(ctx, &iam.CreatePolicyInput{
		PolicyName: aws.String("send"), PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"aps:RemoteWrite","Resource":"*"}]}`)})).Policy.Arn
	subnet := s.subnet(t)
	of := func(what, cluster, id, says string) doctor.Result {
		t.Helper()
		_, all := s.bad(t, cluster)
		only(t, what, all, id, says)
		var ports doctor.Result
		for _, r := range all {
			if r.ID == "scrape-ports" {
				ports = r
			}
			if r.ID == "targets" && id == "scrape-ports" && r.Because != id {
				t.Errorf("%s: %+v", what, r)
			}
		}
		return ports
	}

	// As ParallelCluster makes them: all nodes are in groups that allow each other everything.
	s.pclusterCluster(t, "well", policy, subnet)
	if r := of("no nodes", "well", "", ""); r.Status != doctor.Skipped {
		t.Errorf("no nodes: %+v", r)
	}
	s.computeNode(t, "well", subnet, "", types.InstanceTypeP548xlarge)
	if r := of("one group", "well", "", ""); r.Status != doctor.OK {
		t.Errorf("one group: %+v", r)
	}

	// A site's own group.
	s.pclusterCluster(t, "closed", policy, subnet)
	vpc := check.Must[*ec2.DescribeSubnetsOutput](t)(network.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{subnet}})).
		Subnets[0].VpcId
	group := *check.Must[*ec2.CreateSecurityGroupOutput](t)(network.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("site"), Description: aws.String("of the site"), VpcId: vpc})).GroupId
	node := s.computeNode(t, "closed", subnet, group, types.InstanceTypeP548xlarge)
	of("no rule", "closed", "scrape-ports", "no inbound rule of "+group+" allows the head node on port 9100: "+node)
	permit := func(port int32, block string) {
		_, err := network.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group,
			IpPermissions: []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port,
				IpRanges: []types.IpRange{{CidrIp: &block}}}}})
		check.OK(t, err)
	}
	permit(9100, "10.0.9.0/24") // of others
	permit(9101, "10.0.0.0/24")
	of("rules for others", "closed", "scrape-ports", "on port 9100")
	permit(9100, "10.0.0.0/24")
	r := of("the GPUs' port", "closed", "scrape-ports", "on port 9400: "+node)
	if strings.Contains(r.Detail, "9100") || !strings.Contains(r.Next, "--group-id "+group+" --protocol tcp --port 9400 --source-group sg-") {
		t.Errorf("%q, try %q", r.Detail, r.Next)
	}
	permit(9400, "10.0.0.0/16")
	if r := of("both rules", "closed", "", ""); r.Status != doctor.OK {
		t.Errorf("both rules: %+v", r)
	}

	// The head node may not send.
	groups := check.Must[*ec2.DescribeSecurityGroupsOutput](t)(network.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{
		GroupNames: []string{"default"}, Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{*vpc}}}})).SecurityGroups
	_, err := network.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: groups[0].GroupId,
		IpPermissions: groups[0].IpPermissionsEgress})
	check.OK(t, err)
	of("no way out", "closed", "scrape-ports", "no outbound rule of the head node's "+*groups[0].GroupId+" allows traffic to port 9100")
}

// TestPrefixListsAreNotRead: what they alone may allow is unknown.
func TestPrefixListsAreNotRead(t *testing.T) {
	all := []types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}
	list := []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(9000), ToPort: aws.Int32(9999),
		PrefixListIds: []types.PrefixListId{{PrefixListId: aws.String("pl-1")}}}}
	instance := func(id, group string) types.Instance {
		return types.Instance{InstanceId: &id, PrivateIpAddress: aws.String("10.0.0.9"),
			SecurityGroups: []types.GroupIdentifier{{GroupId: &group}}}
	}
	for text, want := range map[string]struct {
		in     []types.IpPermission
		status doctor.Status
	}{"a list": {list, doctor.Unknown}, "a list and all": {append(all, list...), doctor.OK}, "nothing": {nil, doctor.Failed}} {
		groups := map[string]types.SecurityGroup{"sg-h": {IpPermissionsEgress: all}, "sg-n": {IpPermissions: want.in}}
		b := blocked{of: map[string][]string{}, region: "us-east-2"}
		b.look(groups, instance("i-h", "sg-h"), instance("i-n", "sg-n"), nodePort)
		if f := b.finding(1); f.Status != want.status || f.Status != doctor.OK && f.Next == "" {
			t.Errorf("%s: %+v", text, f)
		}
	}
}

// TestInstancesWithoutGroups: without the groups of an instance nothing is known of its ports.
func TestInstancesWithoutGroups(t *testing.T) {
	b := blocked{of: map[string][]string{}, region: "us-east-2"}
	b.look(nil, types.Instance{}, types.Instance{InstanceId: aws.String("i-n")}, nodePort)
	if f := b.finding(1); f.Status != doctor.Unknown || !strings.Contains(f.Next, "i-n") {
		t.Errorf("%+v", f)
	}
}

// computeNode launches one of a cluster's, in a group; "": the network's default one.
func (s *site) computeNode(t *testing.T, cluster, subnet, group string, of types.InstanceType) string {
	t.Helper()
	in := &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), InstanceType: of, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		SubnetId: &subnet, TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{
			{Key: aws.String("parallelcluster:cluster-name"), Value: &cluster},
			{Key: aws.String("parallelcluster:node-type"), Value: aws.String("Compute")}}}}}
	if group != "" {
		in.SecurityGroupIds = []string{group}
	}
	return *check.Must[*ec2.RunInstancesOutput](t)(ec2.NewFromConfig(s.cfg).RunInstances(t.Context(), in)).Instances[0].InstanceId
}
