package ec2

import (
	"strings"

	"github.com/parascope/parascope/internal/localaws/principal"
)

const account = principal.Account

// kind is a sort of resource: how its ids begin, what it is called in ARNs and
// in tags, and how EC2 says that there is none.
type kind struct {
	prefix  string
	name    string
	missing string // error code
	text    string // its message, with ID in the place of the id
}

var (
	vpcKind      = &kind{"vpc", "vpc", "InvalidVpcID.NotFound", "The vpc ID 'ID' does not exist"}
	subnetKind   = &kind{"subnet", "subnet", "InvalidSubnetID.NotFound", "The subnet ID 'ID' does not exist"}
	gatewayKind  = &kind{"igw", "internet-gateway", "InvalidInternetGatewayID.NotFound", "The internetGateway ID 'ID' does not exist"}
	addressKind  = &kind{"eipalloc", "elastic-ip", "InvalidAllocationID.NotFound", "The allocation ID 'ID' does not exist"}
	natKind      = &kind{"nat", "natgateway", "NatGatewayNotFound", "NAT gateway ID was not found"}
	tableKind    = &kind{"rtb", "route-table", "InvalidRouteTableID.NotFound", "The routeTable ID 'ID' does not exist"}
	endpointKind = &kind{"vpce", "vpc-endpoint", "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id 'ID' does not exist"}
	groupKind    = &kind{"sg", "security-group", "InvalidGroup.NotFound", "The security group 'ID' does not exist"}

	kinds = []*kind{vpcKind, subnetKind, gatewayKind, addressKind, natKind, tableKind, endpointKind, groupKind}
)

func (k *kind) notFound(id string) error {
	i := strings.LastIndex(k.text, "ID") // "The vpc ID 'ID' does not exist"
	return failure(k.missing, k.text[:i]+id+k.text[i+len("ID"):])
}

// arn names a resource of the kind; "*" is any, or one that is yet to be made.
func (k *kind) arn(region, id string) string {
	return "arn:aws:ec2:" + region + ":" + account + ":" + k.name + "/" + id
}

// kindOf tells from an id what it is of; nil when it is of nothing known.
func kindOf(id string) *kind {
	prefix, _, _ := strings.Cut(id, "-")
	for _, k := range kinds {
		if k.prefix == prefix {
			return k
		}
	}
	return nil
}
