package ec2

import (
	"time"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

// Connectivity of a NAT gateway.
const (
	public  = "public"
	private = "private"
)

type natAnswer struct {
	NAT   *network.NATGateway `xml:"natGateway"`
	Token string              `xml:"clientToken,omitempty"`
}

func (c *call) createNATGateway() (any, error) {
	token := c.Form.Get("ClientToken")
	for _, g := range c.NATs {
		if token != "" && g.Token == token {
			return natAnswer{g, token}, nil
		}
	}
	if mode := c.Form.Get("AvailabilityMode"); mode != "" && mode != "zonal" {
		return nil, query.Unsupported("CreateNatGateway with AvailabilityMode=" + mode)
	}
	if err := query.Refuse(c.Form, "SecondaryAllocationId.1", "SecondaryPrivateIpAddress.1", "SecondaryPrivateIpAddressCount",
		"PrivateIpAddress"); err != nil {
		return nil, err
	}
	id, err := query.Need(c.Form, "SubnetId")
	if err != nil {
		return nil, err
	}
	s, err := network.Find(c.Subnets, network.KindSubnet, id)
	if err != nil {
		return nil, err
	}
	tags, err := c.tagSpecification(network.KindNATGateway)
	if err != nil {
		return nil, err
	}
	g := &network.NATGateway{
		ID: c.newID("nat"), VPC: s.VPC, Subnet: s.ID, Connectivity: c.Form.Get("ConnectivityType"),
		CreateTime: c.Now.UTC().Truncate(time.Millisecond),
		ReadyAt:    c.Now.Add(c.ec2.opts.NATCreateDelay), Tags: tags, Token: token,
	}
	if g.Connectivity == "" {
		g.Connectivity = public
	}
	held := network.NATAddress{Interface: c.newID("eni"), PrivateIP: c.FreeAddress(s), Primary: true, Status: "succeeded"}
	if g.Connectivity == public {
		if err := c.makePublic(g, &held); err != nil {
			return nil, err
		}
	}
	g.Addresses = []network.NATAddress{held}
	c.NATs[g.ID] = g
	return natAnswer{g, token}, nil
}

// makePublic gives the gateway its Elastic IP address. What AWS finds out only
// while it builds the gateway makes a gateway that fails.
func (c *call) makePublic(g *network.NATGateway, held *network.NATAddress) error {
	id, err := query.Need(c.Form, "AllocationId")
	if err != nil {
		return err
	}
	a, err := network.Find(c.Addresses, network.KindAddress, id)
	if err != nil {
		return err
	}
	held.Allocation, held.PublicIP = a.ID, a.PublicIP
	switch {
	case c.GatewayOf(g.VPC) == nil:
		g.FailureCode, g.Failure = "Gateway.NotAttached", "Network "+g.VPC+" has no Internet gateway attached"
	case a.Association != "":
		g.FailureCode, g.Failure = "Resource.AlreadyAssociated", "Elastic IP address ["+a.ID+"] is already associated"
	default:
		held.Association = c.newID("eipassoc")
		return nil
	}
	held.Status = "failed"
	return nil
}

func (c *call) deleteNATGateway() (any, error) {
	g, err := network.Find(c.NATs, network.KindNATGateway, c.Form.Get("NatGatewayId"))
	if err != nil {
		return nil, err
	}
	if g.GoneAt.IsZero() {
		at := c.Now.UTC().Truncate(time.Millisecond)
		g.DeleteTime, g.GoneAt = &at, c.Now.Add(c.ec2.opts.NATDeleteDelay)
	}
	return struct {
		ID string `xml:"natGatewayId"`
	}{g.ID}, nil
}

func (c *call) describeNATGateways() (any, error) {
	gateways, next, err := query.Pick(c.Form, c.NATs, "NatGatewayId", network.KindNATGateway.NotFound,
		func(g *network.NATGateway) query.Attributes {
			return query.Attributes{"nat-gateway-id": {g.ID}, "state": {g.State}, "subnet-id": {g.Subnet}, "vpc-id": {g.VPC}}.Tagged(g.Tags)
		})
	if err != nil {
		return nil, err
	}
	return struct {
		Gateways []*network.NATGateway `xml:"natGatewaySet>item"`
		Next     string                `xml:"nextToken,omitempty"`
	}{gateways, next}, nil
}
