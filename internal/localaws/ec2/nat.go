package ec2

import (
	"time"
)

// Connectivity of a NAT gateway.
const (
	public  = "public"
	private = "private"
)

// keepNAT is for how long a NAT gateway that is deleted, or failed, can still be
// described.
const keepNAT = time.Hour

// stateAt follows from the clock: nothing has to run for it to change.
func (g *natGateway) stateAt(now time.Time) string {
	switch {
	case !g.GoneAt.IsZero() && now.Before(g.GoneAt):
		return "deleting"
	case !g.GoneAt.IsZero():
		return "deleted"
	case now.Before(g.ReadyAt):
		return "pending"
	case g.FailureCode != "":
		return "failed"
	}
	return "available"
}

// holds reports whether the gateway still has its addresses.
func (g *natGateway) holds() bool {
	return g.FailureCode == "" && g.State != "deleted"
}

func (g *natGateway) forgotten(now time.Time) bool {
	if g.FailureCode != "" && g.GoneAt.IsZero() {
		return !now.Before(g.ReadyAt.Add(keepNAT))
	}
	return !g.GoneAt.IsZero() && !now.Before(g.GoneAt.Add(keepNAT))
}

type natAnswer struct {
	NAT   *natGateway `xml:"natGateway"`
	Token string      `xml:"clientToken,omitempty"`
}

func (c *call) createNATGateway() (any, error) {
	token := c.Form.Get("ClientToken")
	for _, g := range c.NATs {
		if token != "" && g.Token == token {
			return natAnswer{g, token}, nil
		}
	}
	if mode := c.Form.Get("AvailabilityMode"); mode != "" && mode != "zonal" {
		return nil, unsupported("CreateNatGateway with AvailabilityMode=" + mode)
	}
	if err := c.refuse("SecondaryAllocationId.1", "SecondaryPrivateIpAddress.1", "SecondaryPrivateIpAddressCount", "PrivateIpAddress"); err != nil {
		return nil, err
	}
	id, err := c.need("SubnetId")
	if err != nil {
		return nil, err
	}
	s, err := find(c.Subnets, subnetKind, id)
	if err != nil {
		return nil, err
	}
	tags, err := c.tagSpecification(natKind)
	if err != nil {
		return nil, err
	}
	g := &natGateway{
		ID: c.newID("nat"), VPC: s.VPC, Subnet: s.ID, Connectivity: c.Form.Get("ConnectivityType"), CreateTime: c.Now.UTC().Truncate(time.Millisecond),
		ReadyAt: c.Now.Add(c.ec2.opts.NATCreateDelay), Tags: tags, Token: token,
	}
	if g.Connectivity == "" {
		g.Connectivity = public
	}
	held := natAddress{Interface: c.newID("eni"), PrivateIP: c.freeAddress(s), Primary: true, Status: "succeeded"}
	if g.Connectivity == public {
		if err := c.makePublic(g, &held); err != nil {
			return nil, err
		}
	}
	g.Addresses = []natAddress{held}
	c.NATs[g.ID] = g
	return natAnswer{g, token}, nil
}

// makePublic gives the gateway its Elastic IP address. What AWS finds out only
// while it builds the gateway makes a gateway that fails.
func (c *call) makePublic(g *natGateway, held *natAddress) error {
	id, err := c.need("AllocationId")
	if err != nil {
		return err
	}
	a, err := find(c.Addresses, addressKind, id)
	if err != nil {
		return err
	}
	held.Allocation, held.PublicIP = a.ID, a.PublicIP
	switch {
	case c.gatewayOf(g.VPC) == nil:
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
	g, err := find(c.NATs, natKind, c.Form.Get("NatGatewayId"))
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
	gateways, next, err := list(c, c.NATs, natKind, "NatGatewayId", func(g *natGateway) attributes {
		return attributes{"nat-gateway-id": {g.ID}, "state": {g.State}, "subnet-id": {g.Subnet}, "vpc-id": {g.VPC}}.tagged(g.Tags)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		Gateways []*natGateway `xml:"natGatewaySet>item"`
		Next     string        `xml:"nextToken,omitempty"`
	}{gateways, next}, nil
}
