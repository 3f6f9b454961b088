// Package network is the network of a region as EC2 keeps it: its parts, their
// identifiers, and what follows from the clock and from each other.
package network

import (
	"strings"

	"github.com/parascope/parascope/localaws/ec2/query"
	"github.com/parascope/parascope/localaws/principal"
)

// Account owns everything.
const Account = principal.Account

// Kind is a sort of resource: how its ids begin, what it is called in ARNs and
// in tags, and how EC2 says that there is none.
type Kind struct {
	Prefix  string // "eipalloc" of eipalloc-…
	Name    string // "elastic-ip"
	Missing string // error code
	text    string // its message, with ID in the place of the id
}

// The kinds that the local cloud has.
var (
	KindVPC             = &Kind{"vpc", "vpc", "InvalidVpcID.NotFound", "The vpc ID 'ID' does not exist"}
	KindSubnet          = &Kind{"subnet", "subnet", "InvalidSubnetID.NotFound", "The subnet ID 'ID' does not exist"}
	KindInternetGateway = &Kind{"igw", "internet-gateway", "InvalidInternetGatewayID.NotFound", "The internetGateway ID 'ID' does not exist"}
	KindAddress         = &Kind{"eipalloc", "elastic-ip", "InvalidAllocationID.NotFound", "The allocation ID 'ID' does not exist"}
	KindNATGateway      = &Kind{"nat", "natgateway", "NatGatewayNotFound", "NAT gateway ID was not found"}
	KindRouteTable      = &Kind{"rtb", "route-table", "InvalidRouteTableID.NotFound", "The routeTable ID 'ID' does not exist"}
	KindEndpoint        = &Kind{"vpce", "vpc-endpoint", "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id 'ID' does not exist"}
	KindSecurityGroup   = &Kind{"sg", "security-group", "InvalidGroup.NotFound", "The security group 'ID' does not exist"}
	KindInstance        = &Kind{"i", "instance", "InvalidInstanceID.NotFound", "The instance ID 'ID' does not exist"}

	kinds = []*Kind{KindVPC, KindSubnet, KindInternetGateway, KindAddress, KindNATGateway, KindRouteTable, KindEndpoint, KindSecurityGroup,
		KindInstance}
)

// NotFound is the answer to an id of the kind that is nobody's.
func (k *Kind) NotFound(id string) error {
	i := strings.LastIndex(k.text, "ID") // "The vpc ID 'ID' does not exist"
	return query.Failure(k.Missing, k.text[:i]+id+k.text[i+len("ID"):])
}

// ARN names a resource of the kind; "*" is any, or one that is yet to be made.
func (k *Kind) ARN(region, id string) string {
	return "arn:aws:ec2:" + region + ":" + Account + ":" + k.Name + "/" + id
}

// KindOf tells from an id what it is of; nil when it is of nothing known.
func KindOf(id string) *Kind {
	prefix, _, _ := strings.Cut(id, "-")
	for _, k := range kinds {
		if k.Prefix == prefix {
			return k
		}
	}
	return nil
}

// Find is the part of the network with this id, or the kind's NotFound.
func Find[T any](parts map[string]*T, k *Kind, id string) (*T, error) {
	if part, ok := parts[id]; ok {
		return part, nil
	}
	return nil, k.NotFound(id)
}
