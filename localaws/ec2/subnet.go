package ec2

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

func (c *call) createSubnet() (any, error) {
	if err := query.Refuse(c.Form, "Ipv6CidrBlock", "Ipv6Native", "OutpostArn", "Ipv4IpamPoolId", "Ipv6IpamPoolId"); err != nil {
		return nil, err
	}
	v, err := network.Find(c.VPCs, network.KindVPC, c.Form.Get("VpcId"))
	if err != nil {
		return nil, err
	}
	z, err := c.subnetZone()
	if err != nil {
		return nil, err
	}
	cidr, err := c.subnetCIDR(v)
	if err != nil {
		return nil, err
	}
	tags, err := c.tagSpecification(network.KindSubnet)
	if err != nil {
		return nil, err
	}
	s := &network.Subnet{
		ID: c.newID("subnet"), OwnerID: network.Account, State: "available", VPC: v.ID, CIDR: cidr.String(), Zone: z.Name, ZoneID: z.ID,
		Tags: tags,
	}
	s.ARN = network.KindSubnet.ARN(c.Region, s.ID)
	c.Subnets[s.ID] = s
	return struct {
		Subnet *network.Subnet `xml:"subnet"`
	}{s}, nil
}

// subnetCIDR checks that the block asked for is the VPC's and nobody's yet.
func (c *call) subnetCIDR(v *network.VPC) (netip.Prefix, error) {
	text, err := query.Need(c.Form, "CidrBlock")
	if err != nil {
		return netip.Prefix{}, err
	}
	cidr, err := query.CIDR(text, "cidrBlock")
	if err != nil {
		return netip.Prefix{}, err
	}
	of := netip.MustParsePrefix(v.CIDR)
	if cidr.Bits() < 16 || cidr.Bits() > 28 || cidr.Bits() < of.Bits() || !of.Contains(cidr.Addr()) {
		return netip.Prefix{}, query.Failure("InvalidSubnet.Range", "The CIDR '"+text+"' is invalid.")
	}
	for _, s := range c.Subnets {
		if s.VPC == v.ID && netip.MustParsePrefix(s.CIDR).Overlaps(cidr) {
			return netip.Prefix{}, query.Failure("InvalidSubnet.Conflict", "The CIDR '"+text+"' conflicts with another subnet")
		}
	}
	return cidr, nil
}

// subnetZone is the zone asked for, by name or by id, or the region's first.
func (c *call) subnetZone() (zone, error) {
	zones := zonesOf(c.Region)
	name, id := c.Form.Get("AvailabilityZone"), c.Form.Get("AvailabilityZoneId")
	if name == "" && id == "" {
		return zones[0], nil
	}
	if i := slices.IndexFunc(zones, func(z zone) bool { return z.Name == name || name == "" && z.ID == id }); i >= 0 {
		return zones[i], nil
	}
	value, parameter, names := name, "availabilityZone", []string{}
	if name == "" {
		value, parameter = id, "availabilityZoneId"
	}
	for _, z := range zones {
		if name == "" {
			names = append(names, z.ID)
		} else {
			names = append(names, z.Name)
		}
	}
	return zone{}, query.InvalidValue(value, parameter,
		"Subnets can currently only be created in the following availability zones: "+strings.Join(names, ", ")+".")
}

func (c *call) deleteSubnet() (any, error) {
	s, err := network.Find(c.Subnets, network.KindSubnet, c.Form.Get("SubnetId"))
	if err != nil {
		return nil, err
	}
	for _, nat := range c.NATs {
		if nat.Subnet == s.ID && nat.Holds() {
			return nil, dependency("subnet", s.ID)
		}
	}
	for _, t := range c.RouteTables {
		t.Associations = slices.DeleteFunc(t.Associations, func(a network.Association) bool { return a.Subnet == s.ID })
	}
	delete(c.Subnets, s.ID)
	return done{true}, nil
}

func (c *call) modifySubnetAttribute() (any, error) {
	s, err := network.Find(c.Subnets, network.KindSubnet, c.Form.Get("SubnetId"))
	if err != nil {
		return nil, err
	}
	if err := query.Refuse(c.Form, "AssignIpv6AddressOnCreation.Value", "EnableDns64.Value", "MapCustomerOwnedIpOnLaunch.Value",
		"EnableResourceNameDnsARecordOnLaunch.Value"); err != nil {
		return nil, err
	}
	value, present, err := query.Bool(c.Form, "MapPublicIpOnLaunch.Value")
	if err != nil {
		return nil, err
	}
	if present {
		s.MapPublicIP = value
	}
	return done{true}, nil
}

func (c *call) describeSubnets() (any, error) {
	subnets, next, err := query.Pick(c.Form, c.Subnets, "SubnetId", network.KindSubnet.NotFound, func(s *network.Subnet) query.Attributes {
		return query.Attributes{
			"subnet-id": {s.ID}, "subnet-arn": {s.ARN}, "vpc-id": {s.VPC}, "state": {s.State}, "owner-id": {s.OwnerID},
			"cidr": {s.CIDR}, "cidrBlock": {s.CIDR}, "cidr-block": {s.CIDR},
			"availability-zone": {s.Zone}, "availabilityZone": {s.Zone}, "availability-zone-id": {s.ZoneID}, "availabilityZoneId": {s.ZoneID},
			"default-for-az": {strconv.FormatBool(s.DefaultForZ)}, "defaultForAz": {strconv.FormatBool(s.DefaultForZ)},
			"map-public-ip-on-launch": {strconv.FormatBool(s.MapPublicIP)},
		}.Tagged(s.Tags)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		Subnets []*network.Subnet `xml:"subnetSet>item"`
		Next    string            `xml:"nextToken,omitempty"`
	}{subnets, next}, nil
}
