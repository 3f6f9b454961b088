package ec2

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

// Quotas of a region's security groups, and of a group's rules in one direction.
const maxGroups, maxRules = 2500, 60

// groupText is what names and descriptions of groups in a VPC may consist of.
var groupText = regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}$`)

func (c *call) createSecurityGroup() (any, error) {
	name, err := query.Need(c.Form, "GroupName")
	if err != nil {
		return nil, err
	}
	description, err := query.Need(c.Form, "GroupDescription")
	if err != nil {
		return nil, err
	}
	if c.Form.Get("VpcId") == "" {
		return nil, query.Failure("VPCIdNotSpecified", "No default VPC for this user")
	}
	v, err := network.Find(c.VPCs, network.KindVPC, c.Form.Get("VpcId"))
	if err != nil {
		return nil, err
	}
	switch {
	case name == "default":
		return nil, query.Failure("InvalidParameterValue", "Cannot use reserved security group name: default")
	case !groupText.MatchString(name) || strings.HasPrefix(name, "sg-"):
		return nil, query.InvalidValue(name, "GroupName",
			"Character sets beyond a-z, A-Z, 0-9, spaces and ._-:/()#,@[]+=&;{}!$* are not supported, nor names that begin with sg-.")
	case !groupText.MatchString(description):
		return nil, query.InvalidValue(description, "GroupDescription",
			"Character sets beyond a-z, A-Z, 0-9, spaces and ._-:/()#,@[]+=&;{}!$* are not supported.")
	}
	for _, g := range c.Groups {
		if g.VPC == v.ID && g.Name == name {
			return nil, query.Failure("InvalidGroup.Duplicate", "The security group '"+name+"' already exists for VPC '"+v.ID+"'")
		}
	}
	if len(c.Groups) >= maxGroups {
		return nil, query.Failure("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.")
	}
	tags, err := c.tagSpecification(network.KindSecurityGroup)
	if err != nil {
		return nil, err
	}
	g := c.newGroup(v, name, description)
	g.Tags = tags
	return struct {
		ID   string      `xml:"groupId"`
		ARN  string      `xml:"securityGroupArn"`
		Tags []query.Tag `xml:"tagSet>item"`
	}{g.ID, g.ARN, g.Tags}, nil
}

// newGroup makes a security group whose members may reach everything.
func (c *call) newGroup(v *network.VPC, name, description string) *network.SecurityGroup {
	id := c.newID("sg")
	g := &network.SecurityGroup{ID: id, ARN: network.KindSecurityGroup.ARN(c.Region, id), OwnerID: network.Account, Name: name,
		Description: description, VPC: v.ID}
	g.Rules = []network.Rule{c.newRule(g, network.Rule{IsEgress: true, Protocol: "-1", From: -1, To: -1, CIDR: "0.0.0.0/0"})}
	c.Groups[id] = g
	return g
}

// newDefaultGroup makes the security group that every VPC has: its members may
// reach each other, and everything outside.
func (c *call) newDefaultGroup(v *network.VPC) {
	g := c.newGroup(v, "default", "default VPC security group")
	g.Rules = append(g.Rules, c.newRule(g, network.Rule{Protocol: "-1", From: -1, To: -1,
		Peer: &network.GroupPair{User: network.Account, Group: g.ID}}))
}

// newRule gives a rule its id and its group.
func (c *call) newRule(g *network.SecurityGroup, r network.Rule) network.Rule {
	r.ID, r.Group, r.Owner = c.newID("sgr"), g.ID, network.Account
	return r
}

// group is the one that the request names by its id.
func (c *call) group() (*network.SecurityGroup, error) {
	if c.Form.Get("GroupId") == "" && c.Form.Get("GroupName") != "" {
		return nil, query.Failure("VPCIdNotSpecified", "No default VPC for this user")
	}
	id, err := query.Need(c.Form, "GroupId")
	if err != nil {
		return nil, err
	}
	return network.Find(c.Groups, network.KindSecurityGroup, id)
}

// groupsOf are the groups that the request names for instances in a VPC; without any, its default one.
func (c *call) groupsOf(vpc string) (all []network.GroupName, err error) {
	for _, id := range query.List(c.Form, "SecurityGroupId") {
		g, err := network.Find(c.Groups, network.KindSecurityGroup, id)
		if err != nil {
			return nil, err
		}
		if g.VPC != vpc {
			return nil, query.Failure("InvalidParameter", "Security group "+g.ID+" and subnet "+c.Form.Get("SubnetId")+
				" belong to different networks.")
		}
		all = append(all, network.GroupName{ID: g.ID, Name: g.Name})
	}
	if g := c.DefaultGroup(vpc); len(all) == 0 && g != nil {
		all = []network.GroupName{{ID: g.ID, Name: g.Name}}
	}
	return all, nil
}

func (c *call) deleteSecurityGroup() (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	if g.Name == "default" {
		return nil, query.Failure("CannotDelete", `the specified group: "`+g.ID+`" name: "default" cannot be deleted by a user`)
	}
	if c.InUse(g) {
		return nil, query.Failure("DependencyViolation", "resource "+g.ID+" has a dependent object")
	}
	delete(c.Groups, g.ID)
	return struct {
		Return bool   `xml:"return"`
		ID     string `xml:"groupId"`
	}{true, g.ID}, nil
}

func (c *call) describeSecurityGroups() (any, error) {
	names := query.List(c.Form, "GroupName")
	groups, next, err := query.Pick(c.Form, c.Groups, "GroupId", network.KindSecurityGroup.NotFound, (*network.SecurityGroup).Attributes)
	if err != nil {
		return nil, err
	}
	if len(names) > 0 {
		groups = slices.DeleteFunc(groups, func(g *network.SecurityGroup) bool { return !slices.Contains(names, g.Name) })
	}
	return struct {
		Groups []*network.SecurityGroup `xml:"securityGroupInfo>item"`
		Next   string                   `xml:"nextToken,omitempty"`
	}{groups, next}, nil
}

func (c *call) describeSecurityGroupRules() (any, error) {
	all := map[string]*network.Rule{}
	for _, id := range slices.Sorted(maps.Keys(c.Groups)) {
		for _, r := range c.Groups[id].Rules {
			all[r.ID] = &r
		}
	}
	rules, next, err := query.Pick(c.Form, all, "SecurityGroupRuleId", noRule, func(r *network.Rule) query.Attributes {
		return query.Attributes{"group-id": {r.Group}, "security-group-rule-id": {r.ID}}.Tagged(r.Tags)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		Rules []*network.Rule `xml:"securityGroupRuleSet>item"`
		Next  string          `xml:"nextToken,omitempty"`
	}{rules, next}, nil
}

// noRule is the answer to an id of a rule that there is not.
func noRule(id string) error {
	return query.Failure("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '"+id+"' does not exist")
}
