package ec2

import (
	"slices"
)

const maxVPCs = 5 // per region, AWS's default quota

func (c *call) createVPC() (any, error) {
	if err := c.refuse("AmazonProvidedIpv6CidrBlock", "Ipv6CidrBlock", "Ipv6Pool", "Ipv4IpamPoolId", "Ipv6IpamPoolId"); err != nil {
		return nil, err
	}
	text, err := c.need("CidrBlock")
	if err != nil {
		return nil, err
	}
	cidr, err := cidrOf(text, "cidrBlock")
	if err != nil {
		return nil, err
	}
	if cidr.Bits() < 16 || cidr.Bits() > 28 {
		return nil, failure("InvalidVpc.Range", "The CIDR '"+text+"' is invalid.")
	}
	tenancy := c.Form.Get("InstanceTenancy")
	if tenancy == "" {
		tenancy = "default"
	}
	if tenancy != "default" && tenancy != "dedicated" {
		return nil, invalidValue(tenancy, "instanceTenancy", "It must be default or dedicated.")
	}
	tags, err := c.tagSpecification(vpcKind)
	if err != nil {
		return nil, err
	}
	if len(c.VPCs) >= maxVPCs {
		return nil, failure("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
	}
	v := &vpc{
		ID: c.newID("vpc"), OwnerID: account, State: "available", CIDR: cidr.String(), Tenancy: tenancy, Tags: tags, DNSSupport: true,
		CIDRs: []cidrOfVPC{{c.newID("vpc-cidr-assoc"), cidr.String(), "associated"}}, DHCPOptions: "default",
	}
	c.VPCs[v.ID] = v
	main := c.newRouteTable(v)
	main.Associations = []association{{ID: c.newID("rtbassoc"), Table: main.ID, Main: true, State: "associated"}}
	c.newDefaultGroup(v)
	return struct {
		VPC vpc `xml:"vpc"`
	}{v.pending()}, nil
}

// pending is a new VPC as CreateVpc shows it; it is available when asked for next.
func (v *vpc) pending() vpc {
	shown := *v
	shown.State = "pending"
	return shown
}

// newDefaultGroup makes the security group that every VPC has: its members may
// reach each other, and everything outside.
func (c *call) newDefaultGroup(v *vpc) {
	id := c.newID("sg")
	c.Groups[id] = &securityGroup{
		ID: id, ARN: groupKind.arn(c.Region, id), OwnerID: account, Name: "default", Description: "default VPC security group", VPC: v.ID,
		Ingress: []permission{{Protocol: "-1", Groups: []groupPair{{account, id}}}},
		Egress:  []permission{{Protocol: "-1", Ranges: []ipRange{{"0.0.0.0/0"}}}},
	}
}

func (c *call) deleteVPC() (any, error) {
	v, err := find(c.VPCs, vpcKind, c.Form.Get("VpcId"))
	if err != nil {
		return nil, err
	}
	if c.inUse(v) {
		return nil, dependency("vpc", v.ID)
	}
	for id, t := range c.RouteTables {
		if t.VPC == v.ID {
			delete(c.RouteTables, id)
		}
	}
	for id, g := range c.Groups {
		if g.VPC == v.ID {
			delete(c.Groups, id)
		}
	}
	delete(c.VPCs, v.ID)
	return done{true}, nil
}

// inUse reports whether the VPC has anything in it that did not come with it.
func (c *call) inUse(v *vpc) bool {
	for _, s := range c.Subnets {
		if s.VPC == v.ID {
			return true
		}
	}
	for _, g := range c.Gateways {
		if g.attachedTo(v.ID) {
			return true
		}
	}
	for _, e := range c.Endpoints {
		if e.VPC == v.ID {
			return true
		}
	}
	for _, t := range c.RouteTables {
		if t.VPC == v.ID && !t.main() {
			return true
		}
	}
	return false
}

func (c *call) describeVPCs() (any, error) {
	vpcs, next, err := list(c, c.VPCs, vpcKind, "VpcId", func(v *vpc) attributes {
		a := attributes{
			"vpc-id": {v.ID}, "cidr": {v.CIDR}, "cidrBlock": {v.CIDR}, "cidr-block": {v.CIDR}, "state": {v.State}, "owner-id": {v.OwnerID},
			"isDefault": {boolText(v.IsDefault)}, "is-default": {boolText(v.IsDefault)}, "dhcp-options-id": {v.DHCPOptions},
			"cidr-block-association.cidr-block": nil, "cidr-block-association.state": nil, "cidr-block-association.association-id": nil,
		}
		for _, b := range v.CIDRs {
			a.add("cidr-block-association.cidr-block", b.CIDR)
			a.add("cidr-block-association.state", b.State)
			a.add("cidr-block-association.association-id", b.ID)
		}
		return a.tagged(v.Tags)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		VPCs []*vpc `xml:"vpcSet>item"`
		Next string `xml:"nextToken,omitempty"`
	}{vpcs, next}, nil
}

// modifyVPCAttribute changes one attribute: AWS takes no two at once.
func (c *call) modifyVPCAttribute() (any, error) {
	v, err := find(c.VPCs, vpcKind, c.Form.Get("VpcId"))
	if err != nil {
		return nil, err
	}
	changed := 0
	for name, attribute := range map[string]*bool{
		"EnableDnsSupport": &v.DNSSupport, "EnableDnsHostnames": &v.DNSHostnames, "EnableNetworkAddressUsageMetrics": &v.UsageMetrics,
	} {
		value, present, err := c.boolOf(name + ".Value")
		if err != nil {
			return nil, err
		}
		if present {
			*attribute = value
			changed++
		}
	}
	switch {
	case changed == 0:
		return nil, missing("attribute")
	case changed > 1:
		return nil, failure("InvalidParameterCombination", "Fields for multiple attribute types specified")
	}
	return done{true}, nil
}

type boolAttribute struct {
	Value bool `xml:"value"`
}

func (c *call) describeVPCAttribute() (any, error) {
	v, err := find(c.VPCs, vpcKind, c.Form.Get("VpcId"))
	if err != nil {
		return nil, err
	}
	var answer struct {
		VPC       string         `xml:"vpcId"`
		Support   *boolAttribute `xml:"enableDnsSupport"`
		Hostnames *boolAttribute `xml:"enableDnsHostnames"`
		Metrics   *boolAttribute `xml:"enableNetworkAddressUsageMetrics"`
	}
	answer.VPC = v.ID
	switch name := c.Form.Get("Attribute"); name {
	case "enableDnsSupport":
		answer.Support = &boolAttribute{v.DNSSupport}
	case "enableDnsHostnames":
		answer.Hostnames = &boolAttribute{v.DNSHostnames}
	case "enableNetworkAddressUsageMetrics":
		answer.Metrics = &boolAttribute{v.UsageMetrics}
	default:
		return nil, invalidValue(name, "attribute", "Unknown VPC attribute specified.")
	}
	return answer, nil
}

func (c *call) describeSecurityGroups() (any, error) {
	names := listOf(c.Form, "GroupName")
	groups, next, err := list(c, c.Groups, groupKind, "GroupId", func(g *securityGroup) attributes {
		return attributes{"group-id": {g.ID}, "group-name": {g.Name}, "vpc-id": {g.VPC}, "owner-id": {g.OwnerID}, "description": {g.Description}}.tagged(g.Tags)
	})
	if err != nil {
		return nil, err
	}
	if len(names) > 0 {
		groups = slices.DeleteFunc(groups, func(g *securityGroup) bool { return !slices.Contains(names, g.Name) })
	}
	return struct {
		Groups []*securityGroup `xml:"securityGroupInfo>item"`
		Next   string           `xml:"nextToken,omitempty"`
	}{groups, next}, nil
}
