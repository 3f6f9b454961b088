package ec2

import (
	"net/netip"
	"slices"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

// otherTargets are where AWS can send packets and the local cloud cannot.
var otherTargets = []string{
	"InstanceId", "NetworkInterfaceId", "VpcPeeringConnectionId", "TransitGatewayId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn",
	"OdbNetworkArn", "EgressOnlyInternetGatewayId", "VpcEndpointId", "DestinationIpv6CidrBlock", "DestinationPrefixListId",
}

// destination is the table and the block that a call about a route names.
func (c *call) destination() (*network.RouteTable, string, error) {
	t, err := network.Find(c.RouteTables, network.KindRouteTable, c.Form.Get("RouteTableId"))
	if err != nil {
		return nil, "", err
	}
	if err := query.Refuse(c.Form, otherTargets...); err != nil {
		return nil, "", err
	}
	text, err := query.Need(c.Form, "DestinationCidrBlock")
	if err != nil {
		return nil, "", err
	}
	cidr, err := query.CIDR(text, "destinationCidrBlock")
	if err != nil {
		return nil, "", err
	}
	return t, cidr.String(), nil
}

// target reads where a route is to lead: an internet gateway or a NAT gateway of
// the table's own VPC.
func (c *call) target(t *network.RouteTable, cidr string) (network.Route, error) {
	to := network.Route{CIDR: cidr, Gateway: c.Form.Get("GatewayId"), NAT: c.Form.Get("NatGatewayId"), Origin: "CreateRoute"}
	local := netip.MustParsePrefix(c.VPCs[t.VPC].CIDR)
	if p := netip.MustParsePrefix(cidr); local.Contains(p.Addr()) && p.Bits() >= local.Bits() {
		return network.Route{}, query.Failure("InvalidParameterValue", "The destination CIDR block "+cidr+
			" is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.")
	}
	switch {
	case to.Gateway != "" && to.NAT != "":
		return network.Route{}, query.Failure("InvalidParameterCombination", "The request must contain exactly one of gatewayId, natGatewayId, "+
			"networkInterfaceId, vpcPeeringConnectionId or transitGatewayId")
	case to.Gateway != "":
		g, ok := c.Gateways[to.Gateway]
		if !ok {
			return network.Route{}, query.Failure("InvalidGatewayID.NotFound", "The gateway ID '"+to.Gateway+"' does not exist")
		}
		if !g.AttachedTo(t.VPC) {
			return network.Route{}, query.Failure("InvalidParameterValue",
				"route table "+t.ID+" and network gateway "+g.ID+" belong to different networks")
		}
	case to.NAT != "":
		g, ok := c.NATs[to.NAT]
		if !ok || g.State != "available" {
			return network.Route{}, query.Failure("InvalidNatGatewayID.NotFound", "The natGateway ID '"+to.NAT+"' does not exist")
		}
		if g.VPC != t.VPC {
			return network.Route{}, query.Failure("InvalidParameterValue",
				"route table "+t.ID+" and NAT gateway "+g.ID+" belong to different networks")
		}
	default:
		return network.Route{}, query.Failure("MissingParameter", "The request must contain exactly one of gatewayId, natGatewayId, "+
			"networkInterfaceId, vpcPeeringConnectionId or transitGatewayId")
	}
	return to, nil
}

func noRoute(t *network.RouteTable, cidr string) error {
	return query.Failure("InvalidRoute.NotFound", "no route with destination-cidr-block "+cidr+" in route table "+t.ID)
}

func (c *call) createRoute() (any, error) {
	t, cidr, err := c.destination()
	if err != nil {
		return nil, err
	}
	to, err := c.target(t, cidr)
	if err != nil {
		return nil, err
	}
	if i := t.RouteTo(cidr); i >= 0 {
		if same := t.Routes[i]; same.Gateway == to.Gateway && same.NAT == to.NAT {
			return done{true}, nil
		}
		return nil, query.Failure("RouteAlreadyExists", "The route identified by "+cidr+" already exists.")
	}
	t.Routes = append(t.Routes, to)
	return done{true}, nil
}

func (c *call) replaceRoute() (any, error) {
	t, cidr, err := c.destination()
	if err != nil {
		return nil, err
	}
	to, err := c.target(t, cidr)
	if err != nil {
		return nil, err
	}
	i := t.RouteTo(cidr)
	if i < 0 {
		return nil, query.Failure("InvalidParameterValue",
			"There is no route defined for '"+cidr+"' in the route table. Use CreateRoute instead.")
	}
	t.Routes[i] = to
	return done{true}, nil
}

func (c *call) deleteRoute() (any, error) {
	t, cidr, err := c.destination()
	if err != nil {
		return nil, err
	}
	i := t.RouteTo(cidr)
	if i < 0 {
		return nil, noRoute(t, cidr)
	}
	if t.Routes[i].Gateway == "local" {
		return nil, query.Failure("InvalidParameterValue", "cannot remove local route "+cidr+" in route table "+t.ID)
	}
	t.Routes = slices.Delete(t.Routes, i, i+1)
	return done{true}, nil
}
