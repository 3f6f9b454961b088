package ec2

import (
	"slices"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

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
				return nil, query.Failure("InvalidPermission.Duplicate", "the specified rule \""+r.Text()+"\" already exists")
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
	permissions, err := query.Permissions(c.Form)
	if err != nil {
		return nil, err
	}
	for _, p := range permissions {
		r := network.Rule{IsEgress: egress, Protocol: p.Protocol, From: p.From, To: p.To}
		for _, block := range p.Blocks {
			cidr, err := query.CIDR(block.Text, "CIDR")
			if err != nil {
				return nil, query.Failure("InvalidParameterValue", "CIDR block "+block.Text+" is malformed")
			}
			r.CIDR, r.Description = cidr.String(), block.Description
			all = append(all, r)
		}
		r.CIDR = ""
		for _, group := range p.Groups {
			g, err := network.Find(c.Groups, network.KindSecurityGroup, group.Text)
			if err != nil {
				return nil, err
			}
			r.Peer, r.Description = &network.GroupPair{User: network.Account, Group: g.ID}, group.Description
			all = append(all, r)
		}
	}
	return all, nil
}
