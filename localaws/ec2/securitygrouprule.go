package ec2

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

// protocols are the names that EC2 keeps, by their numbers.
var protocols = map[string]string{"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}

// authorize makes an operation that adds rules of one direction.
func authorize(egress bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.group()
		if err != nil {
			return nil, err
		}
		if err := query.Refuse(c.Form, "TagSpecification.1.ResourceType"); err != nil {
			return nil, err
		}
		asked, err := c.rules(egress)
		if err != nil {
			return nil, err
		}
		var added []network.Rule
		for _, r := range asked {
			if slices.ContainsFunc(g.Rules, r.Same) {
				return nil, query.Failure("InvalidPermission.Duplicate", "the specified rule \""+ruleText(r)+"\" already exists")
			}
			r = c.newRule(g, r)
			g.Rules, added = append(g.Rules, r), append(added, r)
		}
		count := len(slices.DeleteFunc(slices.Clone(g.Rules), func(r network.Rule) bool { return r.IsEgress != egress }))
		if count > maxRules {
			return nil, query.Failure("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
		}
		return struct {
			Return bool           `xml:"return"`
			Rules  []network.Rule `xml:"securityGroupRuleSet>item"`
		}{true, added}, nil
	}
}

// revoke makes an operation that removes rules of one direction: all that it names, or none.
func revoke(egress bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.group()
		if err != nil {
			return nil, err
		}
		var of []func(network.Rule) bool
		ids := query.List(c.Form, "SecurityGroupRuleId")
		for _, id := range ids {
			of = append(of, func(r network.Rule) bool { return r.ID == id && r.IsEgress == egress })
		}
		if len(ids) == 0 {
			asked, err := c.rules(egress)
			if err != nil {
				return nil, err
			}
			for _, r := range asked {
				of = append(of, r.Same)
			}
		}
		for i, is := range of {
			at := slices.IndexFunc(g.Rules, is)
			switch {
			case at < 0 && len(ids) > 0:
				return nil, noRule(ids[i])
			case at < 0:
				return nil, query.Failure("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			g.Rules = slices.Delete(g.Rules, at, at+1)
		}
		return done{true}, nil
	}
}

// rules are those that the request describes: one for each source or target of its permissions.
func (c *call) rules(egress bool) (all []network.Rule, err error) {
	if c.Form.Has("IpProtocol") || c.Form.Has("CidrIp") || c.Form.Has("SourceSecurityGroupName") {
		return c.permission(shortForm(c.Form), "IpPermissions.1", egress)
	}
	for i := 1; c.Form.Has("IpPermissions." + strconv.Itoa(i) + ".IpProtocol"); i++ {
		rules, err := c.permission(c.Form, "IpPermissions."+strconv.Itoa(i), egress)
		if err != nil {
			return nil, err
		}
		all = append(all, rules...)
	}
	if len(all) == 0 {
		return nil, query.Missing("IpPermissions")
	}
	return all, nil
}

// shortForm is the permission of a request that has it in parameters of its own.
func shortForm(form url.Values) url.Values {
	to := url.Values{}
	for from, name := range map[string]string{"IpProtocol": "IpProtocol", "FromPort": "FromPort", "ToPort": "ToPort", "CidrIp": "IpRanges.1.CidrIp",
		"SourceSecurityGroupName": "Groups.1.GroupName"} {
		if v := form.Get(from); v != "" {
			to.Set("IpPermissions.1."+name, v)
		}
	}
	return to
}

// permission reads one of a request's.
func (c *call) permission(form url.Values, at string, egress bool) (all []network.Rule, err error) {
	if err := query.Refuse(form, at+".Ipv6Ranges.1.CidrIpv6", at+".PrefixListIds.1.PrefixListId", at+".Groups.1.GroupName",
		at+".Groups.1.VpcPeeringConnectionId"); err != nil {
		return nil, err
	}
	r := network.Rule{IsEgress: egress}
	if r.Protocol, r.From, r.To, err = ports(form, at); err != nil {
		return nil, err
	}
	for i := 1; form.Has(at + ".IpRanges." + strconv.Itoa(i) + ".CidrIp"); i++ {
		block := at + ".IpRanges." + strconv.Itoa(i)
		cidr, err := query.CIDR(form.Get(block+".CidrIp"), "CIDR")
		if err != nil {
			return nil, query.Failure("InvalidParameterValue", "CIDR block "+form.Get(block+".CidrIp")+" is malformed")
		}
		one := r
		one.CIDR, one.Description = cidr.String(), form.Get(block+".Description")
		all = append(all, one)
	}
	for i := 1; form.Has(at + ".Groups." + strconv.Itoa(i) + ".GroupId"); i++ {
		peer := at + ".Groups." + strconv.Itoa(i)
		g, err := network.Find(c.Groups, network.KindSecurityGroup, form.Get(peer+".GroupId"))
		if err != nil {
			return nil, err
		}
		one := r
		one.Peer, one.Description = &network.GroupPair{User: network.Account, Group: g.ID}, form.Get(peer+".Description")
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, query.Missing("CIDR, prefix list, or security group")
	}
	return all, nil
}

// ports reads a permission's protocol and its ports; -1 are all.
func ports(form url.Values, at string) (protocol string, from, to int, err error) {
	protocol = strings.ToLower(form.Get(at + ".IpProtocol"))
	if name, ok := protocols[protocol]; ok {
		protocol = name
	}
	named := slices.Contains([]string{"tcp", "udp", "icmp", "icmpv6"}, protocol)
	if number, err := strconv.Atoi(protocol); !named && (err != nil || number < -1 || number > 255) {
		return "", 0, 0, query.Failure("InvalidParameterValue", "Invalid value '"+protocol+"' for IP protocol. Unknown protocol.")
	}
	if !named { // the ports do not matter
		return protocol, -1, -1, nil
	}
	if protocol == "icmpv6" && !form.Has(at+".FromPort") {
		return protocol, -1, -1, nil
	}
	from, errFrom := strconv.Atoi(form.Get(at + ".FromPort"))
	to, errTo := strconv.Atoi(form.Get(at + ".ToPort"))
	least, most := 0, 65535
	if strings.HasPrefix(protocol, "icmp") {
		least, most = -1, 255
	}
	if errFrom != nil || errTo != nil || min(from, to) < least || max(from, to) > most || least == 0 && from > to {
		return "", 0, 0, query.Failure("InvalidParameterValue",
			fmt.Sprintf("Invalid value 'Must specify both from and to ports with %s.' for portRange.", strings.ToUpper(protocol)))
	}
	return protocol, from, to, nil
}

// ruleText is a rule as AWS' errors show it.
func ruleText(r network.Rule) string {
	peer := r.CIDR
	if r.Peer != nil {
		peer = r.Peer.Group
	}
	if r.Protocol == "-1" {
		return "peer: " + peer + ", ALL, ALLOW"
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", peer, strings.ToUpper(r.Protocol), r.From, r.To)
}
