package ec2

import (
	"net/netip"
	"slices"
	"strings"
)

// reserved is how many addresses of a subnet AWS keeps: the first four and the last.
const reserved = 5

func (c *call) createSubnet() (any, error) {
	if err := c.refuse("Ipv6CidrBlock", "Ipv6Native", "OutpostArn", "Ipv4IpamPoolId", "Ipv6IpamPoolId"); err != nil {
		return nil, err
	}
	v, err := find(c.VPCs, vpcKind, c.Form.Get("VpcId"))
	if err != nil {
		return nil, err
	}
	cidr, err := c.subnetCIDR(v)
	if err != nil {
		return nil, err
	}
	z, err := c.subnetZone()
	if err != nil {
		return nil, err
	}
	tags, err := c.tagSpecification(subnetKind)
	if err != nil {
		return nil, err
	}
	s := &subnet{
		ID: c.newID("subnet"), OwnerID: account, State: "available", VPC: v.ID, CIDR: cidr.String(), Zone: z.Name, ZoneID: z.ID, Tags: tags,
	}
	s.ARN = subnetKind.arn(c.Region, s.ID)
	c.Subnets[s.ID] = s
	return struct {
		Subnet *subnet `xml:"subnet"`
	}{s}, nil
}

// subnetCIDR checks that the block asked for is the VPC's and nobody's yet.
func (c *call) subnetCIDR(v *vpc) (netip.Prefix, error) {
	text, err := c.need("CidrBlock")
	if err != nil {
		return netip.Prefix{}, err
	}
	cidr, err := cidrOf(text, "cidrBlock")
	if err != nil {
		return netip.Prefix{}, err
	}
	of := netip.MustParsePrefix(v.CIDR)
	if cidr.Bits() < 16 || cidr.Bits() > 28 || cidr.Bits() < of.Bits() || !of.Contains(cidr.Addr()) {
		return netip.Prefix{}, failure("InvalidSubnet.Range", "The CIDR '"+text+"' is invalid.")
	}
	for _, s := range c.Subnets {
		if s.VPC == v.ID && netip.MustParsePrefix(s.CIDR).Overlaps(cidr) {
			return netip.Prefix{}, failure("InvalidSubnet.Conflict", "The CIDR '"+text+"' conflicts with another subnet")
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
	return zone{}, invalidValue(value, parameter, "Subnets can currently only be created in the following availability zones: "+strings.Join(names, ", ")+".")
}

// freeAddresses is how many of the subnet's addresses nothing has.
func (n *network) freeAddresses(s *subnet) int {
	free := 1<<(32-netip.MustParsePrefix(s.CIDR).Bits()) - reserved
	for _, nat := range n.NATs {
		if nat.Subnet == s.ID && nat.holds() {
			free -= len(nat.Addresses)
		}
	}
	return free
}

// freeAddress is the first address of the subnet that nothing has.
func (n *network) freeAddress(s *subnet) string {
	taken := map[string]bool{}
	for _, nat := range n.NATs {
		if nat.Subnet == s.ID && nat.holds() {
			for _, a := range nat.Addresses {
				taken[a.PrivateIP] = true
			}
		}
	}
	ip := netip.MustParsePrefix(s.CIDR).Addr()
	for range reserved - 1 {
		ip = ip.Next()
	}
	for taken[ip.String()] {
		ip = ip.Next()
	}
	return ip.String()
}

func (c *call) deleteSubnet() (any, error) {
	s, err := find(c.Subnets, subnetKind, c.Form.Get("SubnetId"))
	if err != nil {
		return nil, err
	}
	for _, nat := range c.NATs {
		if nat.Subnet == s.ID && nat.holds() {
			return nil, dependency("subnet", s.ID)
		}
	}
	for _, t := range c.RouteTables {
		t.Associations = slices.DeleteFunc(t.Associations, func(a association) bool { return a.Subnet == s.ID })
	}
	delete(c.Subnets, s.ID)
	return done{true}, nil
}

func (c *call) modifySubnetAttribute() (any, error) {
	s, err := find(c.Subnets, subnetKind, c.Form.Get("SubnetId"))
	if err != nil {
		return nil, err
	}
	if err := c.refuse("AssignIpv6AddressOnCreation.Value", "EnableDns64.Value", "MapCustomerOwnedIpOnLaunch.Value", "EnableResourceNameDnsARecordOnLaunch.Value"); err != nil {
		return nil, err
	}
	value, present, err := c.boolOf("MapPublicIpOnLaunch.Value")
	if err != nil {
		return nil, err
	}
	if present {
		s.MapPublicIP = value
	}
	return done{true}, nil
}

func (c *call) describeSubnets() (any, error) {
	subnets, next, err := list(c, c.Subnets, subnetKind, "SubnetId", func(s *subnet) attributes {
		return attributes{
			"subnet-id": {s.ID}, "subnet-arn": {s.ARN}, "vpc-id": {s.VPC}, "state": {s.State}, "owner-id": {s.OwnerID},
			"cidr": {s.CIDR}, "cidrBlock": {s.CIDR}, "cidr-block": {s.CIDR},
			"availability-zone": {s.Zone}, "availabilityZone": {s.Zone}, "availability-zone-id": {s.ZoneID}, "availabilityZoneId": {s.ZoneID},
			"default-for-az": {boolText(s.DefaultForZ)}, "defaultForAz": {boolText(s.DefaultForZ)}, "map-public-ip-on-launch": {boolText(s.MapPublicIP)},
		}.tagged(s.Tags)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		Subnets []*subnet `xml:"subnetSet>item"`
		Next    string    `xml:"nextToken,omitempty"`
	}{subnets, next}, nil
}
