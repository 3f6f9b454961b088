package catalog

import (
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
	"github.com/parascope/parascope/localaws/principal"
)

// ec2 calls an operation of EC2.
func ec2(w *Work, operation string, pairs ...string) ([]byte, error) {
	return w.Form("ec2", operation, values(pairs...))
}

// ec2Create makes a thing of the kind that tags are to be for, and notes the id
// that stands at path in the answer.
func ec2Create(w *Work, operation, kind string, path []string, pairs ...string) ([]byte, error) {
	form := values(pairs...)
	tags := tagMap(w.Properties["Tags"])
	for i, key := range slices.Sorted(maps.Keys(tags)) {
		form.Set("TagSpecification.1.ResourceType", kind)
		form.Set(fmt.Sprintf("TagSpecification.1.Tag.%d.Key", i+1), key)
		form.Set(fmt.Sprintf("TagSpecification.1.Tag.%d.Value", i+1), tags[key])
	}
	body, err := w.Form("ec2", operation, form)
	if err != nil {
		return nil, err
	}
	id := resource.Element(body, path...)
	if id == "" {
		return nil, fmt.Errorf("%s: the response has no %v", operation, path)
	}
	if err := w.Made(id); err != nil {
		return nil, err
	}
	if kind == "" { // it has no tags
		return body, nil
	}
	return body, ec2OwnTags(w)
}

// ec2OwnTags puts on a new thing the tags by which CloudFormation's are known. They
// are AWS's to set, and need no permission of the caller's.
func ec2OwnTags(w *Work) error {
	own := *w
	own.As = principal.Principal{Account: w.Stack.Account, ARN: "cloudformation.amazonaws.com", UserID: "cloudformation.amazonaws.com"}
	const prefix = "aws:cloudformation:"
	_, err := ec2(&own, "CreateTags", "ResourceId.1", w.ID,
		"Tag.1.Key", prefix+"logical-id", "Tag.1.Value", w.LogicalID,
		"Tag.2.Key", prefix+"stack-id", "Tag.2.Value", w.Stack.ID,
		"Tag.3.Key", prefix+"stack-name", "Tag.3.Value", w.Stack.Name)
	return err
}

// ec2Tags brings the tags of an update to the thing with this id.
func ec2Tags(w *Work, id string) error {
	set, removed := tagChanges(w)
	form := values("ResourceId.1", id)
	for i, key := range slices.Sorted(maps.Keys(set)) {
		form.Set(fmt.Sprintf("Tag.%d.Key", i+1), key)
		form.Set(fmt.Sprintf("Tag.%d.Value", i+1), set[key])
	}
	if len(set) > 0 {
		if _, err := w.Form("ec2", "CreateTags", form); err != nil {
			return err
		}
	}
	form = values("ResourceId.1", id)
	for i, key := range removed {
		form.Set(fmt.Sprintf("Tag.%d.Key", i+1), key)
	}
	if len(removed) == 0 {
		return nil
	}
	_, err := w.Form("ec2", "DeleteTags", form)
	return err
}

// ec2State waits until the state that a Describe operation shows at path is want.
func ec2State(w *Work, operation, idName, want string, path ...string) error {
	return w.Until(func() (bool, error) {
		body, err := ec2(w, operation, idName, w.ID)
		if err != nil {
			return false, err
		}
		state := resource.Element(body, path...)
		if state == "failed" {
			return false, &resource.Failure{Message: w.ID + " is in state failed: " + resource.Element(body, "failureMessage"),
				HandlerCode: "NotStabilized"}
		}
		// What was deleted long ago is not even listed.
		return state == want || want == "deleted" && state == "", nil
	})
}

func ec2VPC() Type {
	return Type{
		Name: "AWS::EC2::VPC",
		Properties: Properties{
			"CidrBlock": {Kind: Text, Replaces: true}, "InstanceTenancy": {Kind: Text}, "EnableDnsHostnames": {Kind: Flag},
			"EnableDnsSupport": {Kind: Flag}, "Tags": {Kind: Tags},
		},
		Elsewhere:  []string{"Ipv4IpamPoolId", "Ipv4NetmaskLength"},
		Attributes: []string{"VpcId", "CidrBlock", "DefaultSecurityGroup"},
		Create: func(w *Work) error {
			if _, err := ec2Create(w, "CreateVpc", "vpc", []string{"vpc", "vpcId"}, "CidrBlock", w.Text("CidrBlock"), "InstanceTenancy",
				w.Text("InstanceTenancy")); err != nil {
				return err
			}
			w.Attributes["VpcId"], w.Attributes["CidrBlock"] = w.ID, w.Text("CidrBlock")
			if err := ec2State(w, "DescribeVpcs", "VpcId.1", "available", "vpcSet", "item", "state"); err != nil {
				return err
			}
			groups, err := ec2(w, "DescribeSecurityGroups", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", w.ID, "Filter.2.Name", "group-name",
				"Filter.2.Value.1", "default")
			if err != nil {
				return err
			}
			w.Attributes["DefaultSecurityGroup"] = resource.Element(groups, "item", "groupId")
			return vpcAttributes(w)
		},
		Update: func(w *Work) error {
			if err := vpcAttributes(w); err != nil {
				return err
			}
			return ec2Tags(w, w.ID)
		},
		Delete: func(w *Work) error { _, err := ec2(w, "DeleteVpc", "VpcId", w.ID); return err },
	}
}

// vpcAttributes sets what differs. Support for names comes first: host names need it.
func vpcAttributes(w *Work) error {
	for _, name := range []string{"EnableDnsSupport", "EnableDnsHostnames"} {
		if !w.Has(name) || !w.Changed(name) {
			continue
		}
		if _, err := ec2(w, "ModifyVpcAttribute", "VpcId", w.ID, name+".Value", number(w.Properties[name])); err != nil {
			return err
		}
	}
	return nil
}

func ec2Subnet() Type {
	mapIP := func(w *Work) error {
		if !w.Changed("MapPublicIpOnLaunch") {
			return nil
		}
		_, err := ec2(w, "ModifySubnetAttribute", "SubnetId", w.ID, "MapPublicIpOnLaunch.Value",
			fmt.Sprint(w.Properties["MapPublicIpOnLaunch"] == true))
		return err
	}
	return Type{
		Name: "AWS::EC2::Subnet",
		Properties: Properties{
			"VpcId": {Kind: Text, Required: true, Replaces: true}, "CidrBlock": {Kind: Text, Replaces: true},
			"AvailabilityZone": {Kind: Text, Replaces: true}, "AvailabilityZoneId": {Kind: Text, Replaces: true},
			"MapPublicIpOnLaunch": {Kind: Flag}, "Tags": {Kind: Tags},
		},
		Elsewhere: []string{
			"AssignIpv6AddressOnCreation", "EnableDns64", "EnableLniAtDeviceIndex", "Ipv4IpamPoolId", "Ipv4NetmaskLength", "Ipv6CidrBlock",
			"Ipv6IpamPoolId", "Ipv6Native",
			"Ipv6NetmaskLength", "OutpostArn", "PrivateDnsNameOptionsOnLaunch",
		},
		Attributes: []string{"SubnetId", "VpcId", "AvailabilityZone", "AvailabilityZoneId", "CidrBlock"},
		Create: func(w *Work) error {
			body, err := ec2Create(w, "CreateSubnet", "subnet", []string{"subnet", "subnetId"}, "VpcId", w.Text("VpcId"), "CidrBlock",
				w.Text("CidrBlock"),
				"AvailabilityZone", w.Text("AvailabilityZone"), "AvailabilityZoneId", w.Text("AvailabilityZoneId"))
			if err != nil {
				return err
			}
			w.Attributes["SubnetId"] = w.ID
			for attribute, member := range map[string]string{"VpcId": "vpcId", "AvailabilityZone": "availabilityZone",
				"AvailabilityZoneId": "availabilityZoneId", "CidrBlock": "cidrBlock"} {
				w.Attributes[attribute] = resource.Element(body, "subnet", member)
			}
			if err := ec2State(w, "DescribeSubnets", "SubnetId.1", "available", "subnetSet", "item", "state"); err != nil {
				return err
			}
			return mapIP(w)
		},
		Update: func(w *Work) error {
			if err := mapIP(w); err != nil {
				return err
			}
			return ec2Tags(w, w.ID)
		},
		Delete: func(w *Work) error { _, err := ec2(w, "DeleteSubnet", "SubnetId", w.ID); return err },
	}
}

func ec2InternetGateway() Type {
	return Type{
		Name:       "AWS::EC2::InternetGateway",
		Properties: Properties{"Tags": {Kind: Tags}},
		Attributes: []string{"InternetGatewayId"},
		Create: func(w *Work) error {
			_, err := ec2Create(w, "CreateInternetGateway", "internet-gateway", []string{"internetGateway", "internetGatewayId"})
			w.Attributes["InternetGatewayId"] = w.ID
			return err
		},
		Update: func(w *Work) error { return ec2Tags(w, w.ID) },
		Delete: func(w *Work) error { _, err := ec2(w, "DeleteInternetGateway", "InternetGatewayId", w.ID); return err },
	}
}

func ec2VPCGatewayAttachment() Type {
	ids := func(w *Work) []string {
		return []string{"VpcId", w.Text("VpcId"), "InternetGatewayId", w.Text("InternetGatewayId")}
	}
	return Type{
		Name:       "AWS::EC2::VPCGatewayAttachment",
		Properties: Properties{"VpcId": {Kind: Text, Required: true, Replaces: true}, "InternetGatewayId": {Kind: Text, Required: true}},
		Elsewhere:  []string{"VpnGatewayId"},
		Attributes: []string{"AttachmentType"},
		Create: func(w *Work) error {
			if _, err := ec2(w, "AttachInternetGateway", ids(w)...); err != nil {
				return err
			}
			w.Attributes["AttachmentType"] = "IGW"
			return w.Made("IGW|" + w.Text("VpcId"))
		},
		Delete: func(w *Work) error { _, err := ec2(w, "DetachInternetGateway", ids(w)...); return err },
	}
}

func ec2EIP() Type {
	return Type{
		Name:       "AWS::EC2::EIP",
		Properties: Properties{"Domain": {Kind: Text}, "Tags": {Kind: Tags}},
		Elsewhere:  []string{"Address", "InstanceId", "IpamPoolId", "NetworkBorderGroup", "PublicIpv4Pool", "TransferAddress"},
		Attributes: []string{"AllocationId", "PublicIp"},
		Create: func(w *Work) error {
			tags := &Work{Context: w.Context, Cloud: w.Cloud, As: w.As, Stack: w.Stack, LogicalID: w.LogicalID, Properties: w.Properties}
			body, err := ec2Create(tags, "AllocateAddress", "elastic-ip", []string{"allocationId"}, "Domain", "vpc")
			if err != nil {
				return err
			}
			// The resource's id is the address; the allocation is what is worked with.
			w.Attributes["AllocationId"], w.Attributes["PublicIp"] = tags.ID, resource.Element(body, "publicIp")
			return w.Made(resource.Element(body, "publicIp"))
		},
		Update: func(w *Work) error { return ec2Tags(w, fmt.Sprint(w.Attributes["AllocationId"])) },
		Delete: func(w *Work) error {
			_, err := ec2(w, "ReleaseAddress", "AllocationId", fmt.Sprint(w.Attributes["AllocationId"]))
			return err
		},
	}
}

func ec2NatGateway() Type {
	return Type{
		Name: "AWS::EC2::NatGateway",
		Properties: Properties{
			"SubnetId": {Kind: Text, Required: true, Replaces: true}, "AllocationId": {Kind: Text, Replaces: true},
			"ConnectivityType": {Kind: Text, Replaces: true}, "Tags": {Kind: Tags},
		},
		Elsewhere: []string{
			"AvailabilityMode", "AvailabilityZoneAddresses", "MaxDrainDurationSeconds", "PrivateIpAddress", "SecondaryAllocationIds",
			"SecondaryPrivateIpAddressCount",
			"SecondaryPrivateIpAddresses", "VpcId",
		},
		Attributes: []string{"NatGatewayId"},
		Create: func(w *Work) error {
			_, err := ec2Create(w, "CreateNatGateway", "natgateway", []string{"natGateway", "natGatewayId"}, "SubnetId", w.Text("SubnetId"),
				"AllocationId", w.Text("AllocationId"), "ConnectivityType", w.Text("ConnectivityType"), "ClientToken", w.Token)
			if err != nil {
				return err
			}
			w.Attributes["NatGatewayId"] = w.ID
			return ec2State(w, "DescribeNatGateways", "NatGatewayId.1", "available", "item", "state")
		},
		Update: func(w *Work) error { return ec2Tags(w, w.ID) },
		Delete: func(w *Work) error {
			if _, err := ec2(w, "DeleteNatGateway", "NatGatewayId", w.ID); err != nil {
				return err
			}
			return ec2State(w, "DescribeNatGateways", "NatGatewayId.1", "deleted", "item", "state")
		},
	}
}

// list numbers the values of a list of the query protocol.
func list(name string, texts []string) url.Values {
	form := url.Values{}
	for i, s := range texts {
		form.Set(fmt.Sprintf("%s.%d", name, i+1), s)
	}
	return form
}

// Zones are the availability zones of a region, as Fn::GetAZs gives them to whoever
// may list them.
func Zones(w *Work, region string) ([]string, error) {
	w.Stack.Region = region
	body, err := ec2(w, "DescribeAvailabilityZones")
	if err != nil {
		return nil, err
	}
	return resource.Elements(body, "item", "zoneName"), nil
}

// Exists reports whether the value of a parameter of an AWS-specific type names
// something that is there; types that it does not know always do.
func Exists(w *Work, kind, value string) (bool, error) {
	operation, parameter := "", ""
	switch kind {
	case "AWS::EC2::AvailabilityZone::Name":
		zones, err := Zones(w, w.Stack.Region)
		return slices.Contains(zones, value), err
	case "AWS::EC2::VPC::Id":
		operation, parameter = "DescribeVpcs", "VpcId.1"
	case "AWS::EC2::Subnet::Id":
		operation, parameter = "DescribeSubnets", "SubnetId.1"
	case "AWS::EC2::SecurityGroup::Id":
		operation, parameter = "DescribeSecurityGroups", "GroupId.1"
	default:
		return true, nil
	}
	_, err := ec2(w, operation, parameter, value)
	return !resource.Gone(err), resource.IgnoreGone(err)
}
