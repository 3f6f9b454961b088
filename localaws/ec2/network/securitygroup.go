package network

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/ec2/query"
)

// SecurityGroup is a set of rules for the traffic to and from its members.
type SecurityGroup struct {
	ID          string      `xml:"groupId"`
	ARN         string      `xml:"securityGroupArn"`
	OwnerID     string      `xml:"ownerId"`
	Name        string      `xml:"groupName"`
	Description string      `xml:"groupDescription"`
	VPC         string      `xml:"vpcId"`
	Tags        []query.Tag `xml:"tagSet>item"`
	Rules       []Rule      `xml:"-"`

	Ingress []Permission `xml:"ipPermissions>item" json:"-"`
	Egress  []Permission `xml:"ipPermissionsEgress>item" json:"-"`
}

// Rule is one of a security group: a protocol, ports, and one source or target.
type Rule struct {
	ID          string      `xml:"securityGroupRuleId"`
	Group       string      `xml:"groupId"`
	Owner       string      `xml:"groupOwnerId"`
	IsEgress    bool        `xml:"isEgress"`
	Protocol    string      `xml:"ipProtocol"` // "-1": all
	From        int         `xml:"fromPort"`   // -1: all, as To is then
	To          int         `xml:"toPort"`
	CIDR        string      `xml:"cidrIpv4,omitempty"`
	Peer        *GroupPair  `xml:"referencedGroupInfo"`
	Description string      `xml:"description,omitempty"`
	Tags        []query.Tag `xml:"tagSet>item"`
}

// Permission is the rules of a protocol and its ports, as DescribeSecurityGroups shows them.
type Permission struct {
	Protocol string      `xml:"ipProtocol"`
	From     *int        `xml:"fromPort"` // nil: all, as To is then
	To       *int        `xml:"toPort"`
	Groups   []GroupPair `xml:"groups>item"`
	Ranges   []IPRange   `xml:"ipRanges>item"`
}

// GroupPair is a security group as a source or a target.
type GroupPair struct {
	Description string `xml:"description,omitempty"`
	User        string `xml:"userId"`
	Group       string `xml:"groupId"`
}

// IPRange is a block of addresses as a source or a target.
type IPRange struct {
	Description string `xml:"description,omitempty"`
	CIDR        string `xml:"cidrIp"`
}

// GroupName is a security group as its members show it.
type GroupName struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

// Same reports whether two rules allow the same, whatever they are called.
func (r Rule) Same(o Rule) bool {
	return r.IsEgress == o.IsEgress && r.Protocol == o.Protocol && r.From == o.From && r.To == o.To && r.CIDR == o.CIDR && r.peer() == o.peer()
}

func (r Rule) peer() string {
	if r.Peer == nil {
		return ""
	}
	return r.Peer.Group
}

// Text is the rule as AWS' errors show it.
func (r Rule) Text() string {
	peer := cmp.Or(r.CIDR, r.peer())
	if r.Protocol == "-1" {
		return "peer: " + peer + ", ALL, ALLOW"
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", peer, strings.ToUpper(r.Protocol), r.From, r.To)
}

// Attributes are what the group can be filtered by.
func (g *SecurityGroup) Attributes() query.Attributes {
	a := query.Attributes{"group-id": {g.ID}, "group-name": {g.Name}, "vpc-id": {g.VPC}, "owner-id": {g.OwnerID},
		"description": {g.Description}}
	for _, direction := range []string{"ip-permission.", "egress.ip-permission."} {
		for _, name := range []string{"cidr", "from-port", "to-port", "protocol", "group-id", "user-id", "ipv6-cidr", "prefix-list-id"} {
			a[direction+name] = nil
		}
	}
	for _, r := range g.Rules {
		direction := "ip-permission."
		if r.IsEgress {
			direction = "egress." + direction
		}
		a.Add(direction+"cidr", r.CIDR)
		a.Add(direction+"protocol", r.Protocol)
		if r.Protocol != "-1" {
			a.Add(direction+"from-port", strconv.Itoa(r.From))
			a.Add(direction+"to-port", strconv.Itoa(r.To))
		}
		if r.Peer != nil {
			a.Add(direction+"group-id", r.Peer.Group)
			a.Add(direction+"user-id", r.Peer.User)
		}
	}
	return a.Tagged(g.Tags)
}

// permissions are the group's rules of one direction, by protocol and ports.
func (g *SecurityGroup) permissions(egress bool) (all []Permission) {
	rules := slices.DeleteFunc(slices.Clone(g.Rules), func(r Rule) bool { return r.IsEgress != egress })
	slices.SortStableFunc(rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	for i, r := range rules {
		if i == 0 || r.Protocol != rules[i-1].Protocol || r.From != rules[i-1].From || r.To != rules[i-1].To {
			p := Permission{Protocol: r.Protocol}
			if r.Protocol != "-1" {
				p.From, p.To = &r.From, &r.To
			}
			all = append(all, p)
		}
		p := &all[len(all)-1]
		if r.Peer != nil {
			p.Groups = append(p.Groups, GroupPair{Description: r.Description, User: r.Peer.User, Group: r.Peer.Group})
		} else {
			p.Ranges = append(p.Ranges, IPRange{r.Description, r.CIDR})
		}
	}
	return all
}

// InUse reports whether an instance is in the group, or another group's rule names it.
func (n *Network) InUse(g *SecurityGroup) bool {
	for _, i := range n.Instances {
		if i.Holds() && slices.ContainsFunc(i.Groups, func(in GroupName) bool { return in.ID == g.ID }) {
			return true
		}
	}
	for _, other := range n.Groups {
		if other != g && slices.ContainsFunc(other.Rules, func(r Rule) bool { return r.peer() == g.ID }) {
			return true
		}
	}
	return false
}

// DefaultGroup is the one that came with the VPC.
func (n *Network) DefaultGroup(vpc string) *SecurityGroup {
	for _, g := range n.Groups {
		if g.VPC == vpc && g.Name == "default" {
			return g
		}
	}
	return nil
}
