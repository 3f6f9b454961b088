package network

import (
	"time"

	"github.com/parascope/parascope/localaws/ec2/query"
)

// Network is all of a region. The parts are as they are stored, and, by their
// XML names, as EC2 writes them; a field of `json:"-"` is worked out on loading.
type Network struct {
	VPCs        map[string]*VPC
	Subnets     map[string]*Subnet
	Gateways    map[string]*InternetGateway
	Addresses   map[string]*Address
	NATs        map[string]*NATGateway
	RouteTables map[string]*RouteTable
	Endpoints   map[string]*Endpoint
	Groups      map[string]*SecurityGroup
	Instances   map[string]*Instance
}

// New is a network without anything in it.
func New() *Network {
	return &Network{
		VPCs: map[string]*VPC{}, Subnets: map[string]*Subnet{}, Gateways: map[string]*InternetGateway{}, Addresses: map[string]*Address{},
		NATs: map[string]*NATGateway{}, RouteTables: map[string]*RouteTable{}, Endpoints: map[string]*Endpoint{},
		Groups:    map[string]*SecurityGroup{},
		Instances: map[string]*Instance{},
	}
}

// VPC is a virtual private cloud.
type VPC struct {
	ID           string      `xml:"vpcId"`
	OwnerID      string      `xml:"ownerId"`
	State        string      `xml:"state"`
	CIDR         string      `xml:"cidrBlock"`
	CIDRs        []CIDRBlock `xml:"cidrBlockAssociationSet>item"`
	DHCPOptions  string      `xml:"dhcpOptionsId"`
	Tenancy      string      `xml:"instanceTenancy"`
	IsDefault    bool        `xml:"isDefault"`
	Tags         []query.Tag `xml:"tagSet>item"`
	DNSSupport   bool        `xml:"-"`
	DNSHostnames bool        `xml:"-"`
	UsageMetrics bool        `xml:"-"`
}

// CIDRBlock is a block of a VPC.
type CIDRBlock struct {
	ID    string `xml:"associationId"`
	CIDR  string `xml:"cidrBlock"`
	State string `xml:"cidrBlockState>state"`
}

// Subnet is a part of a VPC in one zone.
type Subnet struct {
	ID          string      `xml:"subnetId"`
	ARN         string      `xml:"subnetArn"`
	OwnerID     string      `xml:"ownerId"`
	State       string      `xml:"state"`
	VPC         string      `xml:"vpcId"`
	CIDR        string      `xml:"cidrBlock"`
	Available   int         `xml:"availableIpAddressCount" json:"-"`
	Zone        string      `xml:"availabilityZone"`
	ZoneID      string      `xml:"availabilityZoneId"`
	DefaultForZ bool        `xml:"defaultForAz"`
	MapPublicIP bool        `xml:"mapPublicIpOnLaunch"`
	AssignIPv6  bool        `xml:"assignIpv6AddressOnCreation"`
	Tags        []query.Tag `xml:"tagSet>item"`
}

// InternetGateway leads from one VPC to the internet, once attached.
type InternetGateway struct {
	ID          string       `xml:"internetGatewayId"`
	OwnerID     string       `xml:"ownerId"`
	Attachments []Attachment `xml:"attachmentSet>item"`
	Tags        []query.Tag  `xml:"tagSet>item"`
}

// Attachment is of an internet gateway to a VPC.
type Attachment struct {
	VPC   string `xml:"vpcId"`
	State string `xml:"state"` // "available" of an internet gateway, whatever the model lists
}

// Address is an Elastic IP address.
type Address struct {
	ID          string      `xml:"allocationId"`
	PublicIP    string      `xml:"publicIp"`
	Domain      string      `xml:"domain"`
	Pool        string      `xml:"publicIpv4Pool"`
	BorderGroup string      `xml:"networkBorderGroup"`
	Tags        []query.Tag `xml:"tagSet>item"`

	Association string `xml:"associationId,omitempty" json:"-"`
	Interface   string `xml:"networkInterfaceId,omitempty" json:"-"`
	InterfaceOf string `xml:"networkInterfaceOwnerId,omitempty" json:"-"`
	PrivateIP   string `xml:"privateIpAddress,omitempty" json:"-"`
}

// NATGateway lets a private subnet out.
type NATGateway struct {
	ID           string       `xml:"natGatewayId"`
	State        string       `xml:"state" json:"-"`
	VPC          string       `xml:"vpcId"`
	Subnet       string       `xml:"subnetId"`
	Connectivity string       `xml:"connectivityType"`
	Addresses    []NATAddress `xml:"natGatewayAddressSet>item"`
	CreateTime   time.Time    `xml:"createTime"`
	DeleteTime   *time.Time   `xml:"deleteTime,omitempty"` // nil unless it was deleted
	FailureCode  string       `xml:"failureCode,omitempty"`
	Failure      string       `xml:"failureMessage,omitempty"`
	Tags         []query.Tag  `xml:"tagSet>item"`
	ReadyAt      time.Time    `xml:"-"`
	GoneAt       time.Time    `xml:"-"` // zero unless it was deleted
	Token        string       `xml:"-"`
}

// NATAddress is an address that a NAT gateway has.
type NATAddress struct {
	Allocation  string `xml:"allocationId,omitempty"`
	Association string `xml:"associationId,omitempty"`
	Interface   string `xml:"networkInterfaceId"`
	PrivateIP   string `xml:"privateIp"`
	PublicIP    string `xml:"publicIp,omitempty"`
	Primary     bool   `xml:"isPrimary"`
	Status      string `xml:"status"`
}

// RouteTable says where a VPC's packets go.
type RouteTable struct {
	ID           string        `xml:"routeTableId"`
	OwnerID      string        `xml:"ownerId"`
	VPC          string        `xml:"vpcId"`
	Routes       []Route       `xml:"routeSet>item"`
	Associations []Association `xml:"associationSet>item"`
	Tags         []query.Tag   `xml:"tagSet>item"`
	Token        string        `xml:"-"`
}

// Route is one way out of a subnet.
type Route struct {
	CIDR       string `xml:"destinationCidrBlock,omitempty"`
	PrefixList string `xml:"destinationPrefixListId,omitempty"`
	Gateway    string `xml:"gatewayId,omitempty"` // "local", an internet gateway or a gateway endpoint
	NAT        string `xml:"natGatewayId,omitempty"`
	Origin     string `xml:"origin"`
	State      string `xml:"state" json:"-"`
}

// Association gives a subnet, or a VPC for all others, its table.
type Association struct {
	ID     string `xml:"routeTableAssociationId"`
	Table  string `xml:"routeTableId"`
	Subnet string `xml:"subnetId,omitempty"` // empty: the VPC's main association
	Main   bool   `xml:"main"`
	State  string `xml:"associationState>state"`
}

// Endpoint is a way to a service that does not leave AWS.
type Endpoint struct {
	ID          string      `xml:"vpcEndpointId"`
	Type        string      `xml:"vpcEndpointType"`
	VPC         string      `xml:"vpcId"`
	Service     string      `xml:"serviceName"`
	State       string      `xml:"state"`
	Policy      string      `xml:"policyDocument"`
	RouteTables []string    `xml:"routeTableIdSet>item"`
	PrivateDNS  bool        `xml:"privateDnsEnabled"`
	Managed     bool        `xml:"requesterManaged"`
	CreatedAt   time.Time   `xml:"creationTimestamp"`
	OwnerID     string      `xml:"ownerId"`
	Tags        []query.Tag `xml:"tagSet>item"`
	Token       string      `xml:"-"`
}

// Settle works out what follows from the clock and from other parts: the NAT
// gateways' states, which addresses they hold, where routes lead to nothing.
func (n *Network) Settle(now time.Time) {
	for id, i := range n.Instances {
		if i.forgotten(now) {
			delete(n.Instances, id)
		}
	}
	for id, nat := range n.NATs {
		if nat.forgotten(now) {
			delete(n.NATs, id)
			continue
		}
		nat.State = nat.stateAt(now)
		if !nat.Holds() {
			continue
		}
		for _, a := range nat.Addresses {
			if held, ok := n.Addresses[a.Allocation]; ok {
				held.Association, held.Interface, held.InterfaceOf, held.PrivateIP = a.Association, a.Interface, Account, a.PrivateIP
			}
		}
	}
	for _, g := range n.Groups {
		g.Ingress, g.Egress = g.permissions(false), g.permissions(true)
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
