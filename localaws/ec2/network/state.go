package network

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/ec2/query"
)

// keepNAT is for how long a NAT gateway that is deleted, or failed, can still be
// described.
const keepNAT = time.Hour

// stateAt follows from the clock: nothing has to run for it to change.
func (g *NATGateway) stateAt(now time.Time) string {
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

// Holds reports whether the gateway has its addresses: until it is deleted.
func (g *NATGateway) Holds() bool { return g.FailureCode == "" && g.State != "deleted" }

func (g *NATGateway) forgotten(now time.Time) bool {
	if g.FailureCode != "" && g.GoneAt.IsZero() {
		return !now.Before(g.ReadyAt.Add(keepNAT))
	}
	return !g.GoneAt.IsZero() && !now.Before(g.GoneAt.Add(keepNAT))
}

// AttachedTo reports whether the gateway is the VPC's.
func (g *InternetGateway) AttachedTo(vpcID string) bool {
	return len(g.Attachments) > 0 && g.Attachments[0].VPC == vpcID
}

// GatewayOf is the internet gateway of a VPC, nil when it has none.
func (n *Network) GatewayOf(vpcID string) *InternetGateway {
	for _, g := range n.Gateways {
		if g.AttachedTo(vpcID) {
			return g
		}
	}
	return nil
}

// Main reports whether the table is its VPC's main one.
func (t *RouteTable) Main() bool {
	return slices.ContainsFunc(t.Associations, func(a Association) bool { return a.Main })
}

// FindAssociation is the table that has the association, and its place there.
func (n *Network) FindAssociation(id string) (*RouteTable, int, error) {
	for _, t := range n.RouteTables {
		if i := slices.IndexFunc(t.Associations, func(a Association) bool { return a.ID == id }); i >= 0 {
			return t, i, nil
		}
	}
	return nil, 0, query.Failure("InvalidAssociationID.NotFound", "The association ID '"+id+"' does not exist")
}

// RouteTo is the place in Routes of the one for the block, or -1.
func (t *RouteTable) RouteTo(cidr string) int {
	return slices.IndexFunc(t.Routes, func(r Route) bool { return r.CIDR == cidr })
}

// routeState is "blackhole" where the target is gone.
func (n *Network) routeState(t *RouteTable, r Route) string {
	lost := false
	switch {
	case r.NAT != "":
		nat, ok := n.NATs[r.NAT]
		lost = !ok || !nat.Holds()
	case strings.HasPrefix(r.Gateway, KindInternetGateway.Prefix+"-"):
		g, ok := n.Gateways[r.Gateway]
		lost = !ok || !g.AttachedTo(t.VPC)
	}
	if lost {
		return "blackhole"
	}
	return "active"
}

// reserved is how many addresses of a subnet AWS keeps: the first four and the last.
const reserved = 5

// freeAddresses is how many of the subnet's addresses nothing has.
func (n *Network) freeAddresses(s *Subnet) int {
	return 1<<(32-netip.MustParsePrefix(s.CIDR).Bits()) - reserved - len(n.taken(s))
}

// FreeAddress is the first address of the subnet that nothing has.
func (n *Network) FreeAddress(s *Subnet) string {
	taken := n.taken(s)
	ip := netip.MustParsePrefix(s.CIDR).Addr()
	for range reserved - 1 {
		ip = ip.Next()
	}
	for taken[ip.String()] {
		ip = ip.Next()
	}
	return ip.String()
}

// taken are the subnet's addresses that NAT gateways and instances have.
func (n *Network) taken(s *Subnet) map[string]bool {
	taken := map[string]bool{}
	for _, nat := range n.NATs {
		if nat.Subnet == s.ID && nat.Holds() {
			for _, a := range nat.Addresses {
				taken[a.PrivateIP] = true
			}
		}
	}
	for _, i := range n.Instances {
		if i.Subnet == s.ID && i.Holds() {
			taken[i.PrivateIP] = true
		}
	}
	return taken
}

// Tagged is every resource's tags, by its id.
func (n *Network) Tagged() map[string]*[]query.Tag {
	all := map[string]*[]query.Tag{}
	for id, r := range n.VPCs {
		all[id] = &r.Tags
	}
	for id, r := range n.Subnets {
		all[id] = &r.Tags
	}
	for id, r := range n.Gateways {
		all[id] = &r.Tags
	}
	for id, r := range n.Addresses {
		all[id] = &r.Tags
	}
	for id, r := range n.NATs {
		all[id] = &r.Tags
	}
	for id, r := range n.RouteTables {
		all[id] = &r.Tags
	}
	for id, r := range n.Endpoints {
		all[id] = &r.Tags
	}
	for id, r := range n.Groups {
		all[id] = &r.Tags
	}
	for id, r := range n.Instances {
		all[id] = &r.Tags
	}
	return all
}
