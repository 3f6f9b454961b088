package ec2

import (
	"net/netip"
	"slices"
	"strings"
)

// otherTargets are where AWS can send packets and the local cloud cannot.
var otherTargets = []string{
	"InstanceId", "NetworkInterfaceId", "VpcPeeringConnectionId", "TransitGatewayId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn",
	"OdbNetworkArn", "EgressOnlyInternetGatewayId", "VpcEndpointId", "DestinationIpv6CidrBlock", "DestinationPrefixListId",
}

// routeState is "blackhole" where the target is gone.
func (n *network) routeState(t *routeTable, r route) string {
	lost := false
	switch {
	case r.NAT != "":
		nat, ok := n.NATs[r.NAT]
		lost = !ok || !nat.holds()
	case strings.HasPrefix(r.Gateway, gatewayKind.prefix+"-"):
		g, ok := n.Gateways[r.Gateway]
		lost = !ok || !g.attachedTo(t.VPC)
	}
	if lost {
		return "blackhole"
	}
	return "active"
}

// destination is the table and the block that a call about a route names.
func (c *call) destination() (*routeTable, string, error) {
	t, err := find(c.RouteTables, tableKind, c.Form.Get("RouteTableId"))
	if err != nil {
		return nil, "", err
	}
	if err := c.refuse(otherTargets...); err != nil {
		return nil, "", err
	}
	text, err := c.need("DestinationCidrBlock")
	if err != nil {
		return nil, "", err
	}
	cidr, err := cidrOf(text, "destinationCidrBlock")
	if err != nil {
		return nil, "", err
	}
	return t, cidr.String(), nil
}

// target reads where a route is to lead: an internet gateway or a NAT gateway of
// the table's own VPC.
func (c *call) target(t *routeTable, cidr string) (route, error) {
	to := route{CIDR: cidr, Gateway: c.Form.Get("GatewayId"), NAT: c.Form.Get("NatGatewayId"), Origin: "CreateRoute"}
	local := netip.MustParsePrefix(c.VPCs[t.VPC].CIDR)
	if p := netip.MustParsePrefix(cidr); local.Contains(p.Addr()) && p.Bits() >= local.Bits() {
		return route{}, failure("InvalidParameterValue", "The destination CIDR block "+cidr+
			" is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.")
	}
	switch {
	case to.Gateway != "" && to.NAT != "":
		return route{}, failure("InvalidParameterCombination", "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId or transitGatewayId")
	case to.Gateway != "":
		g, ok := c.Gateways[to.Gateway]
		if !ok {
			return route{}, failure("InvalidGatewayID.NotFound", "The gateway ID '"+to.Gateway+"' does not exist")
		}
		if !g.attachedTo(t.VPC) {
			return route{}, failure("InvalidParameterValue", "route table "+t.ID+" and network gateway "+g.ID+" belong to different networks")
		}
	case to.NAT != "":
		g, ok := c.NATs[to.NAT]
		if !ok || g.State != "available" {
			return route{}, failure("InvalidNatGatewayID.NotFound", "The natGateway ID '"+to.NAT+"' does not exist")
		}
		if g.VPC != t.VPC {
			return route{}, failure("InvalidParameterValue", "route table "+t.ID+" and NAT gateway "+g.ID+" belong to different networks")
		}
	default:
		return route{}, failure("MissingParameter", "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId or transitGatewayId")
	}
	return to, nil
}

func (t *routeTable) routeTo(cidr string) int {
	return slices.IndexFunc(t.Routes, func(r route) bool { return r.CIDR == cidr })
}

func noRoute(t *routeTable, cidr string) error {
	return failure("InvalidRoute.NotFound", "no route with destination-cidr-block "+cidr+" in route table "+t.ID)
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
	if i := t.routeTo(cidr); i >= 0 {
		if same := t.Routes[i]; same.Gateway == to.Gateway && same.NAT == to.NAT {
			return done{true}, nil
		}
		return nil, failure("RouteAlreadyExists", "The route identified by "+cidr+" already exists.")
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
	i := t.routeTo(cidr)
	if i < 0 {
		return nil, failure("InvalidParameterValue", "There is no route defined for '"+cidr+"' in the route table. Use CreateRoute instead.")
	}
	t.Routes[i] = to
	return done{true}, nil
}

func (c *call) deleteRoute() (any, error) {
	t, cidr, err := c.destination()
	if err != nil {
		return nil, err
	}
	i := t.routeTo(cidr)
	if i < 0 {
		return nil, noRoute(t, cidr)
	}
	if t.Routes[i].Gateway == "local" {
		return nil, failure("InvalidParameterValue", "cannot remove local route "+cidr+" in route table "+t.ID)
	}
	t.Routes = slices.Delete(t.Routes, i, i+1)
	return done{true}, nil
}
