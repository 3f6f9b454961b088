package ec2

import (
	"time"
)

// network is all of a region. The parts are as they are stored, and, by their
// XML names, as EC2 writes them; a field of `json:"-"` is worked out on loading.
type network struct {
	VPCs        map[string]*vpc
	Subnets     map[string]*subnet
	Gateways    map[string]*internetGateway
	Addresses   map[string]*address
	NATs        map[string]*natGateway
	RouteTables map[string]*routeTable
	Endpoints   map[string]*endpoint
	Groups      map[string]*securityGroup
}

func newNetwork() *network {
	return &network{
		VPCs: map[string]*vpc{}, Subnets: map[string]*subnet{}, Gateways: map[string]*internetGateway{}, Addresses: map[string]*address{},
		NATs: map[string]*natGateway{}, RouteTables: map[string]*routeTable{}, Endpoints: map[string]*endpoint{}, Groups: map[string]*securityGroup{},
	}
}

type vpc struct {
	ID           string      `xml:"vpcId"`
	OwnerID      string      `xml:"ownerId"`
	State        string      `xml:"state"`
	CIDR         string      `xml:"cidrBlock"`
	CIDRs        []cidrOfVPC `xml:"cidrBlockAssociationSet>item"`
	DHCPOptions  string      `xml:"dhcpOptionsId"`
	Tenancy      string      `xml:"instanceTenancy"`
	IsDefault    bool        `xml:"isDefault"`
	Tags         []tag       `xml:"tagSet>item"`
	DNSSupport   bool        `xml:"-"`
	DNSHostnames bool        `xml:"-"`
	UsageMetrics bool        `xml:"-"`
}

type cidrOfVPC struct {
	ID    string `xml:"associationId"`
	CIDR  string `xml:"cidrBlock"`
	State string `xml:"cidrBlockState>state"`
}

type subnet struct {
	ID          string `xml:"subnetId"`
	ARN         string `xml:"subnetArn"`
	OwnerID     string `xml:"ownerId"`
	State       string `xml:"state"`
	VPC         string `xml:"vpcId"`
	CIDR        string `xml:"cidrBlock"`
	Available   int    `xml:"availableIpAddressCount" json:"-"`
	Zone        string `xml:"availabilityZone"`
	ZoneID      string `xml:"availabilityZoneId"`
	DefaultForZ bool   `xml:"defaultForAz"`
	MapPublicIP bool   `xml:"mapPublicIpOnLaunch"`
	AssignIPv6  bool   `xml:"assignIpv6AddressOnCreation"`
	Tags        []tag  `xml:"tagSet>item"`
}

type internetGateway struct {
	ID          string       `xml:"internetGatewayId"`
	OwnerID     string       `xml:"ownerId"`
	Attachments []attachment `xml:"attachmentSet>item"`
	Tags        []tag        `xml:"tagSet>item"`
}

type attachment struct {
	VPC   string `xml:"vpcId"`
	State string `xml:"state"` // "available" of an internet gateway, whatever the model lists
}

type address struct {
	ID          string `xml:"allocationId"`
	PublicIP    string `xml:"publicIp"`
	Domain      string `xml:"domain"`
	Pool        string `xml:"publicIpv4Pool"`
	BorderGroup string `xml:"networkBorderGroup"`
	Tags        []tag  `xml:"tagSet>item"`

	Association string `xml:"associationId,omitempty" json:"-"`
	Interface   string `xml:"networkInterfaceId,omitempty" json:"-"`
	InterfaceOf string `xml:"networkInterfaceOwnerId,omitempty" json:"-"`
	PrivateIP   string `xml:"privateIpAddress,omitempty" json:"-"`
}

type natGateway struct {
	ID           string       `xml:"natGatewayId"`
	State        string       `xml:"state" json:"-"`
	VPC          string       `xml:"vpcId"`
	Subnet       string       `xml:"subnetId"`
	Connectivity string       `xml:"connectivityType"`
	Addresses    []natAddress `xml:"natGatewayAddressSet>item"`
	CreateTime   time.Time    `xml:"createTime"`
	DeleteTime   *time.Time   `xml:"deleteTime,omitempty"` // nil unless it was deleted
	FailureCode  string       `xml:"failureCode,omitempty"`
	Failure      string       `xml:"failureMessage,omitempty"`
	Tags         []tag        `xml:"tagSet>item"`
	ReadyAt      time.Time    `xml:"-"`
	GoneAt       time.Time    `xml:"-"` // zero unless it was deleted
	Token        string       `xml:"-"`
}

type natAddress struct {
	Allocation  string `xml:"allocationId,omitempty"`
	Association string `xml:"associationId,omitempty"`
	Interface   string `xml:"networkInterfaceId"`
	PrivateIP   string `xml:"privateIp"`
	PublicIP    string `xml:"publicIp,omitempty"`
	Primary     bool   `xml:"isPrimary"`
	Status      string `xml:"status"`
}

type routeTable struct {
	ID           string        `xml:"routeTableId"`
	OwnerID      string        `xml:"ownerId"`
	VPC          string        `xml:"vpcId"`
	Routes       []route       `xml:"routeSet>item"`
	Associations []association `xml:"associationSet>item"`
	Tags         []tag         `xml:"tagSet>item"`
	Token        string        `xml:"-"`
}

type route struct {
	CIDR       string `xml:"destinationCidrBlock,omitempty"`
	PrefixList string `xml:"destinationPrefixListId,omitempty"`
	Gateway    string `xml:"gatewayId,omitempty"` // "local", an internet gateway or a gateway endpoint
	NAT        string `xml:"natGatewayId,omitempty"`
	Origin     string `xml:"origin"`
	State      string `xml:"state" json:"-"`
}

type association struct {
	ID     string `xml:"routeTableAssociationId"`
	Table  string `xml:"routeTableId"`
	Subnet string `xml:"subnetId,omitempty"` // empty: the VPC's main association
	Main   bool   `xml:"main"`
	State  string `xml:"associationState>state"`
}

type endpoint struct {
	ID          string    `xml:"vpcEndpointId"`
	Type        string    `xml:"vpcEndpointType"`
	VPC         string    `xml:"vpcId"`
	Service     string    `xml:"serviceName"`
	State       string    `xml:"state"`
	Policy      string    `xml:"policyDocument"`
	RouteTables []string  `xml:"routeTableIdSet>item"`
	PrivateDNS  bool      `xml:"privateDnsEnabled"`
	Managed     bool      `xml:"requesterManaged"`
	CreatedAt   time.Time `xml:"creationTimestamp"`
	OwnerID     string    `xml:"ownerId"`
	Tags        []tag     `xml:"tagSet>item"`
	Token       string    `xml:"-"`
}

type securityGroup struct {
	ID          string       `xml:"groupId"`
	ARN         string       `xml:"securityGroupArn"`
	OwnerID     string       `xml:"ownerId"`
	Name        string       `xml:"groupName"`
	Description string       `xml:"groupDescription"`
	VPC         string       `xml:"vpcId"`
	Ingress     []permission `xml:"ipPermissions>item"`
	Egress      []permission `xml:"ipPermissionsEgress>item"`
	Tags        []tag        `xml:"tagSet>item"`
}

type permission struct {
	Protocol string      `xml:"ipProtocol"`
	Groups   []groupPair `xml:"groups>item"`
	Ranges   []ipRange   `xml:"ipRanges>item"`
}

type groupPair struct {
	User  string `xml:"userId"`
	Group string `xml:"groupId"`
}

type ipRange struct {
	CIDR string `xml:"cidrIp"`
}

type tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// settle works out what follows from the clock and from other parts: the NAT
// gateways' states, which addresses they hold, where routes lead to nothing.
func (n *network) settle(now time.Time) {
	for id, nat := range n.NATs {
		if nat.forgotten(now) {
			delete(n.NATs, id)
			continue
		}
		nat.State = nat.stateAt(now)
		if !nat.holds() {
			continue
		}
		for _, a := range nat.Addresses {
			if held, ok := n.Addresses[a.Allocation]; ok {
				held.Association, held.Interface, held.InterfaceOf, held.PrivateIP = a.Association, a.Interface, account, a.PrivateIP
			}
		}
	}
	for _, s := range n.Subnets {
		s.Available = n.freeAddresses(s)
	}
	for _, t := range n.RouteTables {
		for i := range t.Routes {
			t.Routes[i].State = n.routeState(t, t.Routes[i])
		}
	}
}
