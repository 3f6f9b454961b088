package ec2

import (
	"slices"
)

// main reports whether the table is its VPC's main one.
func (t *routeTable) main() bool {
	return slices.ContainsFunc(t.Associations, func(a association) bool { return a.Main })
}

// newRouteTable makes a table of the VPC with the one route that every table has.
func (c *call) newRouteTable(v *vpc) *routeTable {
	t := &routeTable{
		ID: c.newID("rtb"), OwnerID: account, VPC: v.ID,
		Routes: []route{{CIDR: v.CIDR, Gateway: "local", Origin: "CreateRouteTable"}},
	}
	c.RouteTables[t.ID] = t
	return t
}

type tableAnswer struct {
	Table *routeTable `xml:"routeTable"`
	Token string      `xml:"clientToken,omitempty"`
}

func (c *call) createRouteTable() (any, error) {
	token := c.Form.Get("ClientToken")
	for _, t := range c.RouteTables {
		if token != "" && t.Token == token {
			return tableAnswer{t, token}, nil
		}
	}
	v, err := find(c.VPCs, vpcKind, c.Form.Get("VpcId"))
	if err != nil {
		return nil, err
	}
	tags, err := c.tagSpecification(tableKind)
	if err != nil {
		return nil, err
	}
	t := c.newRouteTable(v)
	t.Tags, t.Token = tags, token
	return tableAnswer{t, token}, nil
}

func (c *call) deleteRouteTable() (any, error) {
	t, err := find(c.RouteTables, tableKind, c.Form.Get("RouteTableId"))
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
	if err := c.refuse("GatewayId", "PublicIpv4Pool"); err != nil {
		return nil, err
	}
	t, err := find(c.RouteTables, tableKind, c.Form.Get("RouteTableId"))
	if err != nil {
		return nil, err
	}
	s, err := find(c.Subnets, subnetKind, c.Form.Get("SubnetId"))
	if err != nil {
		return nil, err
	}
	if s.VPC != t.VPC {
		return nil, failure("InvalidParameterValue", "Route table "+t.ID+" and subnet "+s.ID+" belong to different networks")
	}
	for _, other := range c.RouteTables {
		for _, a := range other.Associations {
			switch {
			case a.Subnet != s.ID:
			case other == t:
				return associationAnswer{ID: a.ID, State: a.State}, nil
			default:
				return nil, failure("Resource.AlreadyAssociated", "the specified association for route table "+t.ID+" conflicts with an existing association")
			}
		}
	}
	a := association{ID: c.newID("rtbassoc"), Table: t.ID, Subnet: s.ID, State: "associated"}
	t.Associations = append(t.Associations, a)
	return associationAnswer{ID: a.ID, State: a.State}, nil
}

// findAssociation is the table that has the association, and its place there.
func (n *network) findAssociation(id string) (*routeTable, int, error) {
	for _, t := range n.RouteTables {
		if i := slices.IndexFunc(t.Associations, func(a association) bool { return a.ID == id }); i >= 0 {
			return t, i, nil
		}
	}
	return nil, 0, failure("InvalidAssociationID.NotFound", "The association ID '"+id+"' does not exist")
}

func (c *call) disassociateRouteTable() (any, error) {
	id := c.Form.Get("AssociationId")
	t, i, err := c.findAssociation(id)
	if err != nil {
		return nil, err
	}
	if t.Associations[i].Main {
		return nil, failure("InvalidParameterValue", "cannot disassociate the main route table association "+id)
	}
	t.Associations = slices.Delete(t.Associations, i, i+1)
	return done{true}, nil
}

// replaceRouteTableAssociation gives a subnet another table, or a VPC another
// main one. The association gets a new id.
func (c *call) replaceRouteTableAssociation() (any, error) {
	from, i, err := c.findAssociation(c.Form.Get("AssociationId"))
	if err != nil {
		return nil, err
	}
	to, err := find(c.RouteTables, tableKind, c.Form.Get("RouteTableId"))
	if err != nil {
		return nil, err
	}
	if from.VPC != to.VPC {
		return nil, failure("InvalidParameterValue", "Route table "+to.ID+" and network "+from.VPC+" belong to different networks")
	}
	a := from.Associations[i]
	from.Associations = slices.Delete(from.Associations, i, i+1)
	a.ID, a.Table = c.newID("rtbassoc"), to.ID
	to.Associations = append(to.Associations, a)
	return associationAnswer{NewID: a.ID, State: a.State}, nil
}

func (c *call) describeRouteTables() (any, error) {
	tables, next, err := list(c, c.RouteTables, tableKind, "RouteTableId", func(t *routeTable) attributes {
		a := attributes{
			"route-table-id": {t.ID}, "vpc-id": {t.VPC}, "owner-id": {t.OwnerID},
			"association.route-table-association-id": nil, "association.route-table-id": nil, "association.subnet-id": nil,
			"association.gateway-id": nil, "association.main": nil,
			"route.destination-cidr-block": nil, "route.destination-prefix-list-id": nil, "route.gateway-id": nil, "route.nat-gateway-id": nil,
			"route.instance-id": nil, "route.transit-gateway-id": nil, "route.origin": nil, "route.state": nil,
		}
		for _, as := range t.Associations {
			a.add("association.route-table-association-id", as.ID)
			a.add("association.route-table-id", as.Table)
			a.add("association.subnet-id", present(as.Subnet)...)
			a.add("association.main", boolText(as.Main))
		}
		for _, r := range t.Routes {
			a.add("route.destination-cidr-block", present(r.CIDR)...)
			a.add("route.destination-prefix-list-id", present(r.PrefixList)...)
			a.add("route.gateway-id", present(r.Gateway)...)
			a.add("route.nat-gateway-id", present(r.NAT)...)
			a.add("route.origin", r.Origin)
			a.add("route.state", r.State)
		}
		return a.tagged(t.Tags)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		Tables []*routeTable `xml:"routeTableSet>item"`
		Next   string        `xml:"nextToken,omitempty"`
	}{tables, next}, nil
}
