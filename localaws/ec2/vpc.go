package ec2

import (
	"strconv"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

const maxVPCs = 5 // per region, AWS's default quota

func (c *call) createVPC() (any, error) {
	if err := query.Refuse(c.Form, "AmazonProvidedIpv6CidrBlock", "Ipv6CidrBlock", "Ipv6Pool", "Ipv4IpamPoolId",
		"Ipv6IpamPoolId"); err != nil {
		return nil, err
	}
	text, err := query.Need(c.Form, "CidrBlock")
	if err != nil {
		return nil, err
	}
	cidr, err := query.CIDR(text, "cidrBlock")
	if err != nil {
		return nil, err
	}
	if cidr.Bits() < 16 || cidr.Bits() > 28 {
		return nil, query.Failure("InvalidVpc.Range", "The CIDR '"+text+"' is invalid.")
	}
	tenancy := c.Form.Get("InstanceTenancy")
	if tenancy == "" {
		tenancy = "default"
	}
	if tenancy != "default" && tenancy != "dedicated" {
		return nil, query.InvalidValue(tenancy, "instanceTenancy", "It must be default or dedicated.")
	}
	tags, err := c.tagSpecification(network.KindVPC)
	if err != nil {
		return nil, err
	}
	if len(c.VPCs) >= maxVPCs {
		return nil, query.Failure("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
	}
	v := &network.VPC{
		ID: c.newID("vpc"), OwnerID: network.Account, State: "available", CIDR: cidr.String(), Tenancy: tenancy, Tags: tags, DNSSupport: true,
		CIDRs: []network.CIDRBlock{{ID: c.newID("vpc-cidr-assoc"), CIDR: cidr.String(), State: "associated"}}, DHCPOptions: "default",
	}
	c.VPCs[v.ID] = v
	main := c.newRouteTable(v)
	main.Associations = []network.Association{{ID: c.newID("rtbassoc"), Table: main.ID, Main: true, State: "associated"}}
	c.newDefaultGroup(v)
	shown := *v
	shown.State = "pending" // it is available when it is asked for next
	return struct {
		VPC network.VPC `xml:"vpc"`
	}{shown}, nil
}

func (c *call) deleteVPC() (any, error) {
	v, err := network.Find(c.VPCs, network.KindVPC, c.Form.Get("VpcId"))
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
func (c *call) inUse(v *network.VPC) bool {
	for _, s := range c.Subnets {
		if s.VPC == v.ID {
			return true
		}
	}
	for _, g := range c.Gateways {
		if g.AttachedTo(v.ID) {
			return true
		}
	}
	for _, e := range c.Endpoints {
		if e.VPC == v.ID {
			return true
		}
	}
	for _, t := range c.RouteTables {
		if t.VPC == v.ID && !t.Main() {
			return true
		}
	}
	for _, g := range c.Groups {
		if g.VPC == v.ID && g.Name != "default" {
			return true
		}
	}
	return false
}

func (c *call) describeVPCs() (any, error) {
	vpcs, next, err := query.Pick(c.Form, c.VPCs, "VpcId", network.KindVPC.NotFound, func(v *network.VPC) query.Attributes {
		a := query.Attributes{
			"vpc-id": {v.ID}, "cidr": {v.CIDR}, "cidrBlock": {v.CIDR}, "cidr-block": {v.CIDR}, "state": {v.State}, "owner-id": {v.OwnerID},
			"isDefault": {strconv.FormatBool(v.IsDefault)}, "is-default": {strconv.FormatBool(v.IsDefault)}, "dhcp-options-id": {v.DHCPOptions},
			"cidr-block-association.cidr-block": nil, "cidr-block-association.state": nil, "cidr-block-association.association-id": nil,
		}
		for _, b := range v.CIDRs {
			a.Add("cidr-block-association.cidr-block", b.CIDR)
			a.Add("cidr-block-association.state", b.State)
			a.Add("cidr-block-association.association-id", b.ID)
		}
		return a.Tagged(v.Tags)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		VPCs []*network.VPC `xml:"vpcSet>item"`
		Next string         `xml:"nextToken,omitempty"`
	}{vpcs, next}, nil
}

// modifyVPCAttribute changes one attribute: AWS takes no two at once.
func (c *call) modifyVPCAttribute() (any, error) {
	v, err := network.Find(c.VPCs, network.KindVPC, c.Form.Get("VpcId"))
	if err != nil {
		return nil, err
	}
	changed := 0
	for name, attribute := range map[string]*bool{
		"EnableDnsSupport": &v.DNSSupport, "EnableDnsHostnames": &v.DNSHostnames, "EnableNetworkAddressUsageMetrics": &v.UsageMetrics,
	} {
		value, present, err := query.Bool(c.Form, name+".Value")
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
		return nil, query.Missing("attribute")
	case changed > 1:
		return nil, query.Failure("InvalidParameterCombination", "Fields for multiple attribute types specified")
	}
	return done{true}, nil
}

type boolAttribute struct {
	Value bool `xml:"value"`
}

func (c *call) describeVPCAttribute() (any, error) {
	v, err := network.Find(c.VPCs, network.KindVPC, c.Form.Get("VpcId"))
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
		return nil, query.InvalidValue(name, "attribute", "Unknown VPC attribute specified.")
	}
	return answer, nil
}
