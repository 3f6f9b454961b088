package ec2

func (g *internetGateway) attachedTo(vpcID string) bool {
	return len(g.Attachments) > 0 && g.Attachments[0].VPC == vpcID
}

// gatewayOf is the internet gateway of a VPC, nil when it has none.
func (n *network) gatewayOf(vpcID string) *internetGateway {
	for _, g := range n.Gateways {
		if g.attachedTo(vpcID) {
			return g
		}
	}
	return nil
}

const maxInternetGateways = maxVPCs // AWS ties one quota to the other

func (c *call) createInternetGateway() (any, error) {
	tags, err := c.tagSpecification(gatewayKind)
	if err != nil {
		return nil, err
	}
	if len(c.Gateways) >= maxInternetGateways {
		return nil, failure("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.")
	}
	g := &internetGateway{ID: c.newID("igw"), OwnerID: account, Tags: tags}
	c.Gateways[g.ID] = g
	return struct {
		Gateway *internetGateway `xml:"internetGateway"`
	}{g}, nil
}

// gatewayAndVPC are what attaching and detaching are about.
func (c *call) gatewayAndVPC() (*internetGateway, *vpc, error) {
	g, err := find(c.Gateways, gatewayKind, c.Form.Get("InternetGatewayId"))
	if err != nil {
		return nil, nil, err
	}
	v, err := find(c.VPCs, vpcKind, c.Form.Get("VpcId"))
	return g, v, err
}

func (c *call) attachInternetGateway() (any, error) {
	g, v, err := c.gatewayAndVPC()
	if err != nil {
		return nil, err
	}
	if len(g.Attachments) > 0 {
		return nil, failure("Resource.AlreadyAssociated", "resource "+g.ID+" is already attached to network "+g.Attachments[0].VPC)
	}
	if c.gatewayOf(v.ID) != nil {
		return nil, failure("InvalidParameterValue", "Network "+v.ID+" already has an internet gateway attached")
	}
	g.Attachments = []attachment{{v.ID, "available"}}
	return done{true}, nil
}

func (c *call) detachInternetGateway() (any, error) {
	g, v, err := c.gatewayAndVPC()
	if err != nil {
		return nil, err
	}
	if !g.attachedTo(v.ID) {
		return nil, failure("Gateway.NotAttached", "resource "+g.ID+" is not attached to network "+v.ID)
	}
	for _, nat := range c.NATs {
		if nat.VPC == v.ID && nat.holds() && nat.Connectivity == public {
			return nil, failure("DependencyViolation", "Network "+v.ID+" has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.")
		}
	}
	g.Attachments = nil
	return done{true}, nil
}

func (c *call) deleteInternetGateway() (any, error) {
	g, err := find(c.Gateways, gatewayKind, c.Form.Get("InternetGatewayId"))
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
	gateways, next, err := list(c, c.Gateways, gatewayKind, "InternetGatewayId", func(g *internetGateway) attributes {
		a := attributes{"internet-gateway-id": {g.ID}, "owner-id": {g.OwnerID}, "attachment.vpc-id": nil, "attachment.state": nil}
		for _, at := range g.Attachments {
			a.add("attachment.vpc-id", at.VPC)
			a.add("attachment.state", at.State)
		}
		return a.tagged(g.Tags)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		Gateways []*internetGateway `xml:"internetGatewaySet>item"`
		Next     string             `xml:"nextToken,omitempty"`
	}{gateways, next}, nil
}
