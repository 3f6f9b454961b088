package ec2

import (
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

// maxLaunch bounds a request: AWS's quotas are of processors.
const maxLaunch = 100

// reservation is the instances of one launch.
type reservation struct {
	ID        string              `xml:"reservationId"`
	Owner     string              `xml:"ownerId"`
	Instances []*network.Instance `xml:"instancesSet>item"`
}

func (c *call) runInstances() (any, error) {
	token := c.Form.Get("ClientToken")
	if again := c.reservationOf(token); token != "" && again != nil {
		return again, nil
	}
	if err := query.Refuse(c.Form, "LaunchTemplate.LaunchTemplateId", "LaunchTemplate.LaunchTemplateName", "NetworkInterface.1.DeviceIndex",
		"SecurityGroup.1", "BlockDeviceMapping.1.DeviceName", "IamInstanceProfile.Arn", "IamInstanceProfile.Name", "UserData",
		"PrivateIpAddress"); err != nil {
		return nil, err
	}
	image, err := query.Need(c.Form, "ImageId")
	if err != nil {
		return nil, err
	}
	count, err := c.launchCount()
	if err != nil {
		return nil, err
	}
	id := c.Form.Get("SubnetId")
	if id == "" {
		return nil, query.Failure("VPCIdNotSpecified", "No default VPC for this user")
	}
	s, err := network.Find(c.Subnets, network.KindSubnet, id)
	if err != nil {
		return nil, err
	}
	if s.Available < count {
		return nil, query.Failure(
			"InsufficientFreeAddressesInSubnet",
			"There are not enough free addresses in subnet '"+s.ID+"' to satisfy the request.",
		)
	}
	groups, err := c.groupsOf(s.VPC)
	if err != nil {
		return nil, err
	}
	tags, err := c.tagSpecification(network.KindInstance)
	if err != nil {
		return nil, err
	}
	answer := reservation{ID: c.newID("r"), Owner: network.Account}
	for range count {
		i := &network.Instance{
			ID: c.newID("i"), Image: image, State: network.Running, Type: c.Form.Get("InstanceType"), Zone: s.Zone, Subnet: s.ID, VPC: s.VPC,
			LaunchTime: c.Now.UTC().
				Truncate(time.Second),
			PrivateIP: c.FreeAddress(s), Groups: groups, Tags: append([]query.Tag(nil), tags...), Reservation: answer.ID,
			Token: token,
		}
		if i.Type == "" {
			i.Type = "m1.small"
		}
		i.PrivateDNS = "ip-" + strings.ReplaceAll(i.PrivateIP, ".", "-") + "." + c.Region + ".compute.internal"
		c.Instances[i.ID] = i
		shown := *i
		shown.State = network.Pending
		answer.Instances = append(answer.Instances, &shown)
	}
	return answer, nil
}

// launchCount is how many are asked for: all that can be had, and here all can.
func (c *call) launchCount() (int, error) {
	var counts [2]int
	for k, name := range []string{"MinCount", "MaxCount"} {
		text, err := query.Need(c.Form, name)
		if err != nil {
			return 0, err
		}
		if counts[k], err = strconv.Atoi(text); err != nil || counts[k] < 1 || counts[k] > maxLaunch {
			return 0, query.InvalidValue(text, strings.ToLower(name[:1])+name[1:], "Expecting a value between 1 and "+strconv.Itoa(maxLaunch)+".")
		}
	}
	if counts[0] > counts[1] {
		return 0, query.Failure("InvalidParameterValue", "MinCount must not be greater than MaxCount")
	}
	return counts[1], nil
}

// reservationOf finds what a request with this token launched; nil where none did.
func (c *call) reservationOf(token string) *reservation {
	var found *reservation
	for _, i := range c.Instances {
		if i.Token != token {
			continue
		}
		if found == nil {
			found = &reservation{ID: i.Reservation, Owner: network.Account}
		}
		found.Instances = append(found.Instances, i)
	}
	return found
}

func (c *call) describeInstances() (any, error) {
	picked, next, err := query.Pick(
		c.Form,
		c.Instances,
		"InstanceId",
		network.KindInstance.NotFound,
		func(i *network.Instance) query.Attributes {
			return query.Attributes{
				"instance-id": {
					i.ID,
				}, "instance-state-name": {i.State.Name}, "instance-state-code": {strconv.Itoa(i.State.Code)}, "instance-type": {i.Type},
				"image-id": {i.Image}, "availability-zone": {i.Zone}, "subnet-id": {i.Subnet}, "vpc-id": {i.VPC}, "private-ip-address": {i.PrivateIP},
				"private-dns-name": {i.PrivateDNS}, "reservation-id": {i.Reservation}, "owner-id": {network.Account},
				"instance.group-id": groupIDs(i), "network-interface.group-id": groupIDs(i),
			}.Tagged(i.Tags)
		},
	)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Reservations []*reservation `xml:"reservationSet>item"`
		Next         string         `xml:"nextToken,omitempty"`
	}
	answer.Next = next
	byID := map[string]*reservation{}
	for _, i := range picked {
		r := byID[i.Reservation]
		if r == nil {
			r = &reservation{ID: i.Reservation, Owner: network.Account}
			byID[i.Reservation] = r
			answer.Reservations = append(answer.Reservations, r)
		}
		r.Instances = append(r.Instances, i)
	}
	return answer, nil
}

// groupIDs are the security groups that an instance is in.
func groupIDs(i *network.Instance) (ids []string) {
	for _, g := range i.Groups {
		ids = append(ids, g.ID)
	}
	return ids
}

func (c *call) terminateInstances() (any, error) {
	ids := query.List(c.Form, "InstanceId")
	if len(ids) == 0 {
		return nil, query.Missing("InstanceId")
	}
	type change struct {
		ID       string                `xml:"instanceId"`
		Current  network.InstanceState `xml:"currentState"`
		Previous network.InstanceState `xml:"previousState"`
	}
	var answer struct {
		Changes []change `xml:"instancesSet>item"`
	}
	var found []*network.Instance
	for _, id := range ids {
		i, err := network.Find(c.Instances, network.KindInstance, id)
		if err != nil {
			return nil, err
		}
		found = append(found, i)
	}
	for _, i := range found {
		if !i.Holds() {
			answer.Changes = append(answer.Changes, change{i.ID, network.Terminated, network.Terminated})
			continue
		}
		answer.Changes = append(answer.Changes, change{i.ID, network.ShuttingDown, i.State})
		i.State, i.GoneAt = network.Terminated, c.Now.UTC()
		i.PrivateIP, i.PrivateDNS, i.Subnet, i.VPC, i.Groups = "", "", "", "", nil
	}
	return answer, nil
}
