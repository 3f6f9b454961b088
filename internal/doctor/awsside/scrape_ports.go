package awsside

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/doctor"
)

// Ports of parascope-node.
const (
	nodePort = 9100 // of every node
	gpuPort  = 9400 // of nodes with GPUs
)

// checkScrapePorts asks EC2 whether the security groups of the cluster's instances let the head node reach the
// others on the ports that it scrapes.
func checkScrapePorts(ctx context.Context, e *ClusterEnv) Finding {
	if lookup.CheckName(e.Name) != nil {
		return doctor.Skip("the cluster was not created by ParallelCluster")
	}
	client := ec2.NewFromConfig(e.Config)
	head, nodes, err := instancesOf(ctx, client, e.Name)
	switch {
	case err != nil:
		return doctor.Unasked(awserr.Explain("find the nodes of cluster "+e.Name, err, awserr.Next{Denied: awserr.WhoAsks}))
	case head == nil:
		return doctor.Skip("no head node of the cluster is running")
	case len(nodes) == 0:
		return doctor.Skip("no compute or login node is running")
	}
	groups, err := groupsOf(ctx, client, append(nodes, *head))
	if err != nil {
		return doctor.Unasked(awserr.Explain("describe the security groups of cluster "+e.Name, err, awserr.Next{Denied: awserr.WhoAsks}))
	}
	prices, err := price.Shipped()
	if err != nil {
		return doctor.Unasked(err)
	}
	found := blocked{of: map[string][]string{}, region: e.Config.Region}
	for _, n := range nodes {
		ports := []int32{nodePort}
		if t, known := prices.Type(string(n.InstanceType)); known && t.GPUs > 0 {
			ports = append(ports, gpuPort)
		}
		for _, port := range ports {
			found.look(groups, *head, n, port)
		}
	}
	return found.finding(len(nodes))
}

// instancesOf are the cluster's head node and its other nodes that run; nil: there is no head node.
func instancesOf(ctx context.Context, client *ec2.Client, name string) (head *types.Instance, nodes []types.Instance, err error) {
	in := &ec2.DescribeInstancesInput{Filters: []types.Filter{
		{Name: aws.String("tag:parallelcluster:cluster-name"), Values: []string{name}},
		{Name: aws.String("instance-state-name"), Values: []string{"running"}},
	}}
	for more := true; more; more = aws.ToString(in.NextToken) != "" {
		out, err := client.DescribeInstances(ctx, in)
		if err != nil {
			return nil, nil, err
		}
		in.NextToken = out.NextToken
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				if slices.ContainsFunc(i.Tags, func(t types.Tag) bool {
					return aws.ToString(t.Key) == "parallelcluster:node-type" && aws.ToString(t.Value) == "HeadNode"
				}) {
					head = &i
				} else {
					nodes = append(nodes, i)
				}
			}
		}
	}
	return head, nodes, nil
}

// groupsOf are the security groups that instances are in, by their ids.
func groupsOf(ctx context.Context, client *ec2.Client, instances []types.Instance) (map[string]types.SecurityGroup, error) {
	var ids []string
	for _, i := range instances {
		ids = append(ids, groupIDs(i)...)
	}
	slices.Sort(ids)
	out, err := client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: slices.Compact(ids)})
	if err != nil {
		return nil, err
	}
	groups := map[string]types.SecurityGroup{}
	for _, g := range out.SecurityGroups {
		groups[aws.ToString(g.GroupId)] = g
	}
	return groups, nil
}

func groupIDs(i types.Instance) (ids []string) {
	for _, g := range i.SecurityGroups {
		ids = append(ids, aws.ToString(g.GroupId))
	}
	return ids
}

// blocked is what security groups do not let through.
type blocked struct {
	of     map[string][]string // instances by what is not allowed
	what   []string            // the keys of it, as they were found
	next   []string            // commands that add the rules
	lists  []string            // prefix lists that may allow what nothing else does
	bare   []string            // instances of which EC2 names no security group
	region string
}

// look tells whether the head node reaches a port of a node.
func (b *blocked) look(groups map[string]types.SecurityGroup, head, node types.Instance, port int32) {
	in, out := groupIDs(node), groupIDs(head)
	if len(in) == 0 || len(out) == 0 {
		b.bare = append(b.bare, aws.ToString(node.InstanceId))
		return
	}
	for _, way := range []struct {
		groups, peers   []string
		peer            types.Instance
		egress          bool
		text, authorize string
	}{
		{in, out, head, false, fmt.Sprintf("no inbound rule of %s allows the head node on port %d", strings.Join(in, ", "), port),
			fmt.Sprintf("authorize-security-group-ingress --region %s --group-id %s --protocol tcp --port %d --source-group %s",
				b.region, in[0], port, out[0])},
		{out, in, node, true, fmt.Sprintf("no outbound rule of the head node's %s allows traffic to port %d", strings.Join(out, ", "), port),
			fmt.Sprintf("authorize-security-group-egress --region %s --group-id %s --ip-permissions "+
				"'IpProtocol=tcp,FromPort=%d,ToPort=%d,UserIdGroupPairs=[{GroupId=%s}]'", b.region, out[0], port, port, in[0])},
	} {
		allowed, lists := permitted(groups, way.groups, way.egress, port, aws.ToString(way.peer.PrivateIpAddress), way.peers)
		switch {
		case allowed:
		case len(lists) > 0:
			b.lists = append(b.lists, lists...)
		default:
			if b.of[way.text] == nil {
				b.what = append(b.what, way.text)
				b.next = append(b.next, "'aws ec2 "+way.authorize+"'")
			}
			b.of[way.text] = append(b.of[way.text], aws.ToString(node.InstanceId))
		}
	}
}

// permitted reports whether one of the groups has a rule for the port and the other side, an address in groups of its
// own; lists are prefix lists of rules for the port, which are not read.
func permitted(groups map[string]types.SecurityGroup, of []string, egress bool, port int32, address string, peers []string) (yes bool,
	lists []string) {
	at, _ := netip.ParseAddr(address)
	for _, id := range of {
		rules := groups[id].IpPermissions
		if egress {
			rules = groups[id].IpPermissionsEgress
		}
		for _, r := range rules {
			switch aws.ToString(r.IpProtocol) {
			case "-1":
			case "tcp":
				if port < aws.ToInt32(r.FromPort) || port > aws.ToInt32(r.ToPort) {
					continue
				}
			default:
				continue
			}
			if names(r, peers, at) {
				return true, nil
			}
			for _, l := range r.PrefixListIds {
				lists = append(lists, aws.ToString(l.PrefixListId))
			}
		}
	}
	return false, lists
}

// names reports whether a rule names one of the groups, or a block with the address in it.
func names(r types.IpPermission, groups []string, at netip.Addr) bool {
	return slices.ContainsFunc(r.UserIdGroupPairs, func(p types.UserIdGroupPair) bool {
		return slices.Contains(groups, aws.ToString(p.GroupId))
	}) || slices.ContainsFunc(r.IpRanges, func(i types.IpRange) bool {
		block, err := netip.ParsePrefix(aws.ToString(i.CidrIp))
		return err == nil && block.Contains(at)
	})
}

// finding is what was found of so many nodes.
func (b *blocked) finding(nodes int) Finding {
	var all []string
	for _, what := range b.what {
		ids := b.of[what]
		text := strings.Join(ids[:min(len(ids), mostNamed)], ", ")
		if more := len(ids) - mostNamed; more > 0 {
			text += fmt.Sprintf(", %d more", more)
		}
		all = append(all, what+": "+text)
	}
	if len(all) > 0 {
		return doctor.Fault(strings.Join(all, "; "), strings.Join(b.next, " and "))
	}
	if len(b.bare) > 0 {
		return doctor.Unsure("EC2 did not return the security groups of the head node, or of "+b.bare[0],
			"'aws ec2 describe-instances --instance-ids "+b.bare[0]+"' shows the instance")
	}
	if len(b.lists) > 0 {
		slices.Sort(b.lists)
		lists := slices.Compact(b.lists)
		return doctor.Unsure("rules of the security groups name prefix lists, which were not read: "+strings.Join(lists, ", "),
			"'aws ec2 get-managed-prefix-list-entries --prefix-list-id "+lists[0]+"' shows whether the prefix list contains the peer's address")
	}
	return doctor.Good(fmt.Sprintf("of %d nodes", nodes))
}
