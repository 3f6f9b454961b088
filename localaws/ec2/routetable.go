package ec2

import (
	"slices"
	"strconv"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

// newRouteTable makes a table of the VPC with the one route that every table has.
func (c *call) newRouteTable(v *network.VPC) *network.RouteTable {
	t := &network.RouteTable{
		ID: c.newID("rtb"), OwnerID: network.Account, VPC: v.ID,
		Routes: []network.Route{{CIDR: v.CIDR, Gateway: "local", Origin: "CreateRouteTable"}},
	}
	c.RouteTables[t.ID] = t
	return t
}

type tableAnswer struct {
	Table *network.RouteTable `xml:"routeTable"`
	Token string              `xml:"clientToken,omitempty"`
}

func (c *call) createRouteTable() (any, error) {
	token := c.Form.Get("ClientToken")
	for _, t := range c.RouteTables {
		if token != "" && t.Token == token {
			return tableAnswer{t, token}, nil
		}
	}
	v, err := network.Find(c.VPCs, network.KindVPC, c.Form.Get("VpcId"))
	if err != nil {
		return nil, err
	}
	tags, err := c.tagSpecification(network.KindRouteTable)
	if err != nil {
		return nil, err
	}
	t := c.newRouteTable(v)
	t.Tags, t.Token = tags, token
	return tableAnswer{t, token}, nil
}

func (c *call) deleteRouteTable() (any, error) {
	t, err := network.Find(c.RouteTables, network.KindRouteTable, c.Form.Get("RouteTableId"))
	if err != nil {
		return nil, err
	}
	if len(t.Associations) > 0 {
		return nil, dependency("routeTable", t.ID)
	}
	for _, e := range c.Endpoints {
		e.RouteTables = slices.DeleteFunc(e.RouteTables, func(id string) bool { return id == t.ID })
	}
	delete(c.RouteTables, t.ID)
	return done{true}, nil
}

type associationAnswer struct {
	ID    string `xml:"associationId,omitempty"`
	NewID string `xml:"newAssociationId,omitempty"`
	State string `xml:"associationState>state"`
}

func (c *call) associateRouteTable() (any, error) {
	if err := query.Refuse(c.Form, "GatewayId", "PublicIpv4Pool"); err != nil {
		return nil, err
	}
	t, err := network.Find(c.RouteTables, network.KindRouteTable, c.Form.Get("RouteTableId"))
	if err != nil {
		return nil, err
	}
	s, err := network.Find(c.Subnets, network.KindSubnet, c.Form.Get("SubnetId"))
	if err != nil {
		return nil, err
	}
	if s.VPC != t.VPC {
		return nil, query.Failure("InvalidParameterValue", "Route table "+t.ID+" and subnet "+s.ID+" belong to different networks")
	}
	for _, other := range c.RouteTables {
		for _, a := range other.Associations {
			switch {
			case a.Subnet != s.ID:
			case other == t:
				return associationAnswer{ID: a.ID, State: a.State}, nil
			default:
				return nil, query.Failure("Resource.AlreadyAssociated",
					"the specified association for route table "+t.ID+" conflicts with an existing association")
			}
		}
	}
	a := network.Association{ID: c.newID("rtbassoc"), Table: t.ID, Subnet: s.ID, State: "associated"}
	t.Associations = append(t.Associations, a)
	return associationAnswer{ID: a.ID, State: a.State}, nil
}

func (c *call) disassociateRouteTable() (any, error) {
	id := c.Form.Get("AssociationId")
	t, i, err := c.FindAssociation(id)
	if err != nil {
		return nil, err
	}
	if t.Associations[i].Main {
		return nil, query.Failure("InvalidParameterValue", "cannot disassociate the main route table association "+id)
	}
	t.Associations = slices.Delete(t.Associations, i, i+1)
	return done{true}, nil
}

// replaceRouteTableAssociation gives a subnet another table, or a VPC another
// main one. The association gets a new id.
func (c *call) replaceRouteTableAssociation() (any, error) {
	from, i, err := c.FindAssociation(c.Form.Get("AssociationId"))
	if err != nil {
		return nil, err
	}
	to, err := network.Find(c.RouteTables, network.KindRouteTable, c.Form.Get("RouteTableId"))
	if err != nil {
		return nil, err
	}
	if from.VPC != to.VPC {
		return nil, query.Failure("InvalidParameterValue", "Route table "+to.ID+" and network "+from.VPC+" belong to different networks")
	}
	a := from.Associations[i]
	from.Associations = slices.Delete(from.Associations, i, i+1)
	a.ID, a.Table = c.newID("rtbassoc"), to.ID
	to.Associations = append(to.Associations, a)
	return associationAnswer{NewID: a.ID, State: a.State}, nil
}

func (c *call) describeRouteTables() (any, error) {
	tables, next, err := query.Pick(c.Form, c.RouteTables, "RouteTableId", network.KindRouteTable.NotFound,
		func(t *network.RouteTable) query.Attributes {
			a := query.Attributes{
				"route-table-id": {t.ID}, "vpc-id": {t.VPC}, "owner-id": {t.OwnerID},
				"association.route-table-association-id": nil, "association.route-table-id": nil, "association.subnet-id": nil,
				"association.gateway-id": nil, "association.main": nil,
				"route.destination-cidr-block": nil, "route.destination-prefix-list-id": nil, "route.gateway-id": nil, "route.nat-gateway-id": nil,
				"route.instance-id": nil, "route.transit-gateway-id": nil, "route.origin": nil, "route.state": nil,
			}
			for _, as := range t.Associations {
				a.Add("association.route-table-association-id", as.ID)
				a.Add("association.route-table-id", as.Table)
				a.Add("association.subnet-id", present(as.Subnet)...)
				a.Add("association.main", strconv.FormatBool(as.Main))
			}
			for _, r := range t.Routes {
				a.Add("route.destination-cidr-block", present(r.CIDR)...)
				a.Add("route.destination-prefix-list-id", present(r.PrefixList)...)
				a.Add("route.gateway-id", present(r.Gateway)...)
				a.Add("route.nat-gateway-id", present(r.NAT)...)
				a.Add("route.origin", r.Origin)
				a.Add("route.state", r.State)
			}
			return a.Tagged(t.Tags)
		})
	if err != nil {
		return nil, err
	}
	return struct {
		Tables []*network.RouteTable `xml:"routeTableSet>item"`
		Next   string                `xml:"nextToken,omitempty"`
	}{tables, next}, nil
}
