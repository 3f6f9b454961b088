package ec2

import (
	"fmt"
	"maps"
	"slices"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

const maxAddresses = 5 // per region, AWS's default quota

func (c *call) allocateAddress() (any, error) {
	if err := query.Refuse(c.Form, "Address", "PublicIpv4Pool", "CustomerOwnedIpv4Pool", "IpamPoolId"); err != nil {
		return nil, err
	}
	tags, err := c.tagSpecification(network.KindAddress)
	if err != nil {
		return nil, err
	}
	if len(c.Addresses) >= maxAddresses {
		return nil, query.Failure("AddressLimitExceeded", "The maximum number of addresses has been reached.")
	}
	a := &network.Address{ID: c.newID("eipalloc"), PublicIP: c.publicIP(), Domain: "vpc", Pool: "amazon", BorderGroup: c.Region, Tags: tags}
	c.Addresses[a.ID] = a
	return struct {
		ID          string `xml:"allocationId"`
		PublicIP    string `xml:"publicIp"`
		Pool        string `xml:"publicIpv4Pool"`
		Domain      string `xml:"domain"`
		BorderGroup string `xml:"networkBorderGroup"`
	}{a.ID, a.PublicIP, a.Pool, a.Domain, a.BorderGroup}, nil
}

// publicIP is the first free one of the range that is kept for documentation:
// it is nobody's, whatever is done with it.
func (c *call) publicIP() string {
	taken := map[string]bool{}
	for _, a := range c.Addresses {
		taken[a.PublicIP] = true
	}
	for i := 1; ; i++ { // ends: there are at most maxAddresses
		if ip := fmt.Sprintf("203.0.113.%d", i); !taken[ip] {
			return ip
		}
	}
}

func (c *call) releaseAddress() (any, error) {
	id := c.Form.Get("AllocationId")
	if id == "" {
		return nil, query.Failure("InvalidParameterValue", "You must specify an allocation id when releasing a VPC elastic IP address")
	}
	a, err := network.Find(c.Addresses, network.KindAddress, id)
	if err != nil {
		return nil, err
	}
	if a.Association != "" {
		return nil, query.Failure("InvalidIPAddress.InUse", "Address "+a.PublicIP+" is in use.")
	}
	delete(c.Addresses, a.ID)
	return done{true}, nil
}

func (c *call) describeAddresses() (any, error) {
	ips := query.List(c.Form, "PublicIp")
	for _, ip := range ips {
		if !slices.ContainsFunc(slices.Collect(maps.Values(c.Addresses)), func(a *network.Address) bool { return a.PublicIP == ip }) {
			return nil, query.Failure("InvalidAddress.NotFound", "Address '"+ip+"' not found.")
		}
	}
	addresses, _, err := query.Pick(c.Form, c.Addresses, "AllocationId", network.KindAddress.NotFound,
		func(a *network.Address) query.Attributes {
			return query.Attributes{
				"allocation-id": {a.ID}, "public-ip": {a.PublicIP}, "domain": {a.Domain}, "network-border-group": {a.BorderGroup},
				"association-id": present(a.Association), "network-interface-id": present(a.Interface),
				"network-interface-owner-id": present(a.InterfaceOf),
				"private-ip-address":         present(a.PrivateIP), "instance-id": nil,
			}.Tagged(a.Tags)
		})
	if err != nil {
		return nil, err
	}
	if len(ips) > 0 {
		addresses = slices.DeleteFunc(addresses, func(a *network.Address) bool { return !slices.Contains(ips, a.PublicIP) })
	}
	return struct {
		Addresses []*network.Address `xml:"addressesSet>item"`
	}{addresses}, nil
}

// present is a filter's values where there may be none.
func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
