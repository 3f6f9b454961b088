package ec2

import (
	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

const maxInternetGateways = maxVPCs // AWS ties one quota to the other

func (c *call) createInternetGateway() (any, error) {
	tags, err := c.tagSpecification(network.KindInternetGateway)
	if err != nil {
		return nil, err
	}
	if len(c.Gateways) >= maxInternetGateways {
		return nil, query.Failure("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.")
	}
	g := &network.InternetGateway{ID: c.newID("igw"), OwnerID: network.Account, Tags: tags}
	c.Gateways[g.ID] = g
	return struct {
		Gateway *network.InternetGateway `xml:"internetGateway"`
	}{g}, nil
}

// gatewayAndVPC are what attaching and detaching are about.
func (c *call) gatewayAndVPC() (*network.InternetGateway, *network.VPC, error) {
	g, err := network.Find(c.Gateways, network.KindInternetGateway, c.Form.Get("InternetGatewayId"))
	if err != nil {
		return nil, nil, err
	}
	v, err := network.Find(c.VPCs, network.KindVPC, c.Form.Get("VpcId"))
	return g, v, err
}

func (c *call) attachInternetGateway() (any, error) {
	g, v, err := c.gatewayAndVPC()
	if err != nil {
		return nil, err
	}
	if len(g.Attachments) > 0 {
		return nil, query.Failure("Resource.AlreadyAssociated", "resource "+g.ID+" is already attached to network "+g.Attachments[0].VPC)
	}
	if c.GatewayOf(v.ID) != nil {
		return nil, query.Failure("InvalidParameterValue", "Network "+v.ID+" already has an internet gateway attached")
	}
	g.Attachments = []network.Attachment{{VPC: v.ID, State: "available"}}
	return done{true}, nil
}

func (c *call) detachInternetGateway() (any, error) {
	g, v, err := c.gatewayAndVPC()
	if err != nil {
		return nil, err
	}
	if !g.AttachedTo(v.ID) {
		return nil, query.Failure("Gateway.NotAttached", "resource "+g.ID+" is not attached to network "+v.ID)
	}
	for _, nat := range c.NATs {
		if nat.VPC == v.ID && nat.Holds() && nat.Connectivity == public {
			return nil, query.Failure("DependencyViolation",
				"Network "+v.ID+" has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.")
		}
	}
	g.Attachments = nil
	return done{true}, nil
}

func (c *call) deleteInternetGateway() (any, error) {
	g, err := network.Find(c.Gateways, network.KindInternetGateway, c.Form.Get("InternetGatewayId"))
	if err != nil {
		return nil, err
	}
	if len(g.Attachments) > 0 {
		return nil, dependency("internetGateway", g.ID)
	}
	delete(c.Gateways, g.ID)
	return done{true}, nil
}

func (c *call) describeInternetGateways() (any, error) {
	gateways, next, err := query.Pick(c.Form, c.Gateways, "InternetGatewayId", network.KindInternetGateway.NotFound,
		func(g *network.InternetGateway) query.Attributes {
			a := query.Attributes{"internet-gateway-id": {g.ID}, "owner-id": {g.OwnerID}, "attachment.vpc-id": nil, "attachment.state": nil}
			for _, at := range g.Attachments {
				a.Add("attachment.vpc-id", at.VPC)
				a.Add("attachment.state", at.State)
			}
			return a.Tagged(g.Tags)
		})
	if err != nil {
		return nil, err
	}
	return struct {
		Gateways []*network.InternetGateway `xml:"internetGatewaySet>item"`
		Next     string                     `xml:"nextToken,omitempty"`
	}{gateways, next}, nil
}
