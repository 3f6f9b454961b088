package network

import (
	"time"

	"github.com/parascope/parascope/localaws/ec2/query"
)

// Instance is the record of a machine.
type Instance struct {
	ID         string        `xml:"instanceId"`
	Image      string        `xml:"imageId"`
	State      InstanceState `xml:"instanceState"`
	PrivateDNS string        `xml:"privateDnsName"`
	DNS        string        `xml:"dnsName"`
	Type       string        `xml:"instanceType"`
	LaunchTime time.Time     `xml:"launchTime"`
	Zone       string        `xml:"placement>availabilityZone"`
	Subnet     string        `xml:"subnetId,omitempty"`
	VPC        string        `xml:"vpcId,omitempty"`
	PrivateIP  string        `xml:"privateIpAddress,omitempty"`
	Groups     []GroupName   `xml:"groupSet>item"`
	Tags       []query.Tag   `xml:"tagSet>item"`

	Reservation string    `xml:"-"`
	Token       string    `xml:"-"`
	GoneAt      time.Time `xml:"-"` // zero unless it was terminated
}

// InstanceState is a state by number and name.
type InstanceState struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

// The states that records of instances have.
var (
	Pending      = InstanceState{0, "pending"}
	Running      = InstanceState{16, "running"}
	ShuttingDown = InstanceState{32, "shutting-down"}
	Terminated   = InstanceState{48, "terminated"}
)

// shownFor is how long AWS shows a terminated instance.
const shownFor = time.Hour

// Holds reports whether the instance still has its address.
func (i *Instance) Holds() bool { return i.GoneAt.IsZero() }

func (i *Instance) forgotten(now time.Time) bool { return !i.Holds() && now.Sub(i.GoneAt) > shownFor }
